# Freezes posteriors of the Bayesian models, summed on dense uniform grids.
# Usage, from any folder:  Rscript tests/reference/freeze_bayes.R
# Needs metafor and metadat (for common.R and the log odds ratios).

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

LEVEL <- .95

root <- function(f, low, high) uniroot(f, c(low, high), tol = 1e-14, maxiter = 1000)$root

# Narrowest interval: the lower tail at which both ends have one density.
narrowest <- function(quantile, density) {
  tilt <- function(p) log(density(quantile(p))) - log(density(quantile(p + LEVEL)))
  p <- root(tilt, 1e-6, 1 - LEVEL - 1e-6)
  c(quantile(p), quantile(p + LEVEL))
}
described <- function(mean, sd, quantile, density) {
  narrow <- narrowest(quantile, density)
  list(mean = mean, sd = sd, median = quantile(.5), low = quantile((1 - LEVEL) / 2),
    high = quantile((1 + LEVEL) / 2), shortest_low = narrow[1], shortest_high = narrow[2])
}

# tau >= 0 from its unnormalised density: adaptive integrals in pieces, nothing shared with a grid.
described_tau <- function(f, top, pieces = 24) {
  edges <- seq(0, top, length.out = pieces + 1)
  area <- function(g, a, b) integrate(g, a, b, rel.tol = 1e-12, subdivisions = 1000)$value
  masses <- mapply(function(a, b) area(f, a, b), edges[-(pieces + 1)], edges[-1])
  total <- sum(masses)
  whole <- function(g) sum(mapply(function(a, b) area(g, a, b), edges[-(pieces + 1)], edges[-1]))
  cdf <- function(t) {
    j <- min(max(findInterval(t, edges), 1), pieces)
    (sum(masses[seq_len(j - 1)]) + if (t > edges[j]) area(f, edges[j], t) else 0) / total
  }
  quantile <- function(p) root(function(t) cdf(t) - p, 0, top)
  mean <- whole(function(t) t * f(t)) / total
  sd <- sqrt(whole(function(t) (t - mean)^2 * f(t)) / total)
  upper <- quantile(LEVEL)
  peak <- optimize(f, c(0, quantile(.975)), maximum = TRUE, tol = 1e-10)$maximum
  one_sided <- f(0) >= f(upper)
  narrow <- if (one_sided) c(0, upper) else narrowest(quantile, f)
  list(total = total, mode = if (f(0) >= f(peak)) 0 else peak,
    summary = list(mean = mean, sd = sd, median = quantile(.5), low = quantile((1 - LEVEL) / 2),
      high = quantile((1 + LEVEL) / 2), shortest_low = narrow[1], shortest_high = narrow[2]))
}

# ---- normal-normal model ----

normal_case <- function(name) {
  d <- normal_sets[[name]]
  y <- d$y; v <- d$v; a <- d$prior_scale; prior <- d$mu_prior
  w0 <- if (is.null(prior)) 0 else 1 / prior[2]^2
  m0 <- if (is.null(prior)) 0 else prior[1]
  conditional <- function(t) {
    w <- 1 / outer(t^2, v, "+")
    s2 <- 1 / (rowSums(w) + w0)
    list(mean = s2 * (as.vector(w %*% y) + w0 * m0), var = s2)
  }
  # p(y, tau): the likelihood at the conditional mean of mu times the width of its posterior.
  log_joint <- function(t) {
    g <- conditional(t)
    each <- mapply(function(t, m) sum(dnorm(y, m, sqrt(v + t^2), log = TRUE)), t, g$mean)
    effect <- if (is.null(prior)) 0 else dnorm(g$mean, m0, prior[2], log = TRUE)
    each + effect + .5 * log(2 * pi * g$var) + log(2) + dnorm(t, 0, a, log = TRUE)
  }
  top <- d$top
  shift <- max(log_joint(seq(0, top, length.out = 2001)))
  tau <- described_tau(function(t) exp(log_joint(t) - shift), top)
  t <- seq(0, top, length.out = 6001)
  weight <- exp(log_joint(t) - shift)
  weight[1] <- weight[1] / 2
  weight <- weight / sum(weight)
  g <- conditional(t)
  mixture <- function(mean, var) {
    sd <- sqrt(var)
    centre <- sum(weight * mean)
    spread <- sqrt(sum(weight * (var + (mean - centre)^2)))
    cdf <- function(x) sum(weight * pnorm(x, mean, sd))
    quantile <- function(p) {
      root(function(x) cdf(x) - p, centre - 40 * spread, centre + 40 * spread)
    }
    described(centre, spread, quantile, function(x) sum(weight * dnorm(x, mean, sd)))
  }
  studies <- lapply(seq_along(y), function(i) {
    b <- v[i] / (v[i] + t^2)
    mixture(b * g$mean + (1 - b) * y[i], b * t^2 + b^2 * g$var)
  })
  theta <- sapply(names(studies[[1]]), function(f) I(sapply(studies, `[[`, f)), simplify = FALSE)
  list(set = name, source = d$source, y = I(y), v = I(v), prior_scale = a,
    mu_prior = if (is.null(prior)) NULL else I(prior), level = 100 * LEVEL,
    mu = mixture(g$mean, g$var), tau = tau$summary, tau_mode = tau$mode,
    new = mixture(g$mean, g$var + t^2), theta = theta,
    log_marginal = if (is.null(prior)) NULL else log(tau$total) + shift)
}

crins <- escalc("OR", ai = c(14, 16, 3, 9, 4, 0), n1i = c(61, 28, 18, 54, 36, 50),
  ci = c(15, 19, 8, 29, 11, 3), n2i = c(20, 28, 12, 54, 36, 34))
crins <- list(y = as.numeric(crins$yi), v = as.numeric(crins$vi))
bcg_or <- escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
rubin <- list(y = c(28.39, 7.94, -2.75, 6.82, -.64, .63, 18.01, 12.16),
  v = c(14.9, 10.2, 16.3, 11, 9.4, 11.4, 10.4, 17.6)^2)
normal_sets <- list(
  crins2014 = list(source = "Crins et al. 2014, acute rejection, log odds ratios (Roever 2020)",
    y = crins$y, v = crins$v, prior_scale = .5, mu_prior = c(0, 4), top = 5),
  crins2014_randomised = list(source = "Crins et al. 2014, the two randomised studies",
    y = crins$y[c(1, 5)], v = crins$v[c(1, 5)], prior_scale = .5, mu_prior = c(0, 4), top = 5),
  crins2014_uniform = list(source = "Crins et al. 2014, uniform prior of mu",
    y = crins$y, v = crins$v, prior_scale = 1, mu_prior = NULL, top = 8),
  rubin1981 = list(source = "Rubin 1981, eight schools", y = rubin$y, v = rubin$v,
    prior_scale = 25, mu_prior = c(0, 50), top = 150),
  bcg = list(source = "metadat dat.bcg, log risk ratios", y = as.numeric(bcg_or$yi),
    v = as.numeric(bcg_or$vi), prior_scale = .5, mu_prior = NULL, top = 4),
  two_apart = list(source = "constructed: two studies four standard errors apart",
    y = c(-.4, .8), v = c(.05, .04), prior_scale = .5, mu_prior = NULL, top = 6),
  identical = list(source = "constructed: identical effects", y = rep(.3, 4),
    v = c(.1, .2, .05, .4), prior_scale = .5, mu_prior = NULL, top = 5),
  outlier = list(source = "constructed: one effect far from the rest", y = c(0, .1, -.1, .05, 6),
    v = c(.04, .05, .03, .06, .05), prior_scale = .5, mu_prior = NULL, top = 8)
)

# ---- binomial-normal model ----

# Joint posterior on a uniform (tau, mu) grid; the integral over each study's effect is a uniform
# sum too. Marginal densities of mu and theta are splines through dense points.
binomial_case <- function(name) {
  d <- binomial_sets[[name]]
  x <- d$x; n <- d$n; k <- length(x)
  z <- seq(-11, 11, by = d$z_step)
  weight <- dnorm(z) * d$z_step
  tau <- seq(0, d$top, length.out = d$n_tau)
  mu <- seq(d$mu[1], d$mu[2], length.out = d$n_mu)
  binomial <- function(eta, i) {
    exp(x[i] * plogis(eta, log.p = TRUE) + (n[i] - x[i]) * plogis(-eta, log.p = TRUE) + d$lift[i])
  }
  # a study's likelihood, (mu, tau)
  parts <- lapply(seq_len(k), function(i) {
    sapply(tau, function(t) {
      if (t == 0) return(binomial(mu, i))
      eta <- outer(mu, t * z, "+")
      as.vector(matrix(binomial(eta, i), nrow = length(mu)) %*% weight)
    })
  })
  joint <- Reduce(`*`, parts) * outer(dnorm(mu, d$mu_prior[1], d$mu_prior[2]),
    2 * dnorm(tau, 0, d$prior_scale))
  # tau's density needs no grid of tau: at any tau, a sum over every eighth mu is enough
  sparse <- mu[seq(1, length(mu), by = 8)]
  effect <- dnorm(sparse, d$mu_prior[1], d$mu_prior[2]) * (sparse[2] - sparse[1])
  by_tau <- function(t) {
    sapply(t, function(t) {
      eta <- outer(sparse, t * z, "+")
      each <- lapply(seq_len(k), function(i) {
        if (t == 0) return(binomial(sparse, i))
        as.vector(matrix(binomial(eta, i), nrow = length(sparse)) %*% weight)
      })
      sum(Reduce(`*`, each) * effect) * 2 * dnorm(t, 0, d$prior_scale)
    })
  }
  tau_part <- described_tau(by_tau, d$top, 12)
  half <- joint
  half[, 1] <- half[, 1] / 2
  half <- half / sum(half)
  smooth <- function(at, density) {
    step <- at[2] - at[1]
    density <- density / (sum(density) * step)
    f <- splinefun(at, density)
    # cumulated spline, exact for its cubic pieces
    slope <- f(at, deriv = 1)
    m <- length(at)
    piece <- step * (density[-1] + density[-m]) / 2 + step^2 * (slope[-m] - slope[-1]) / 12
    total <- c(0, cumsum(piece))
    cdf <- splinefunH(at, total, density)
    quantile <- function(p) root(function(v) cdf(v) - p, at[1], at[m])
    mean <- sum(at * density) * step
    described(mean, sqrt(sum((at - mean)^2 * density) * step), quantile, f)
  }
  mu_summary <- smooth(mu, rowSums(half))
  # a new study, and the studies of the data: all on one dense grid of theta
  theta <- seq(d$theta[1], d$theta[2], length.out = d$n_theta)
  spread <- function(part) {
    total <- numeric(length(theta))
    for (j in seq_along(tau)[-1]) {
      w <- if (is.null(part)) half[, j] else half[, j] / part[, j]
      total <- total + as.vector(outer(theta, mu, function(a, b) dnorm(a, b, tau[j])) %*% w)
    }
    w <- if (is.null(part)) half[, 1] else half[, 1] / part[, 1]
    total + splinefun(mu, w)(theta) / (mu[2] - mu[1])
  }
  new <- smooth(theta, spread(NULL))
  studies <- lapply(seq_len(k), function(i) smooth(theta, spread(parts[[i]]) * binomial(theta, i)))
  coefficients <- sum(lchoose(n, x)) - sum(d$lift)
  list(set = name, source = d$source, events = I(x), total = I(n), prior_scale = d$prior_scale,
    mu_prior = I(d$mu_prior), level = 100 * LEVEL, mu = mu_summary, tau = tau_part$summary,
    tau_mode = tau_part$mode, new = new,
    theta = sapply(names(new), function(f) I(sapply(studies, `[[`, f)), simplify = FALSE),
    log_marginal = log(tau_part$total) + coefficients)
}
binomial_sets <- list(
  miller1978 = list(source = "Miller 1978, p. 138", x = c(3, 6, 10, 1), n = c(11, 17, 21, 6),
    prior_scale = .5, mu_prior = c(0, 4), top = 4.2, n_tau = 169, mu = c(-7, 6), n_mu = 1301,
    theta = c(-14, 13), n_theta = 1801, z_step = .15, lift = rep(8, 4)),
  no_event = list(source = "constructed: no event in three studies", x = c(0, 0, 0),
    n = c(12, 30, 25), prior_scale = .5, mu_prior = c(0, 2.5), top = 4.2, n_tau = 169,
    mu = c(-22, 5), n_mu = 1801, theta = c(-23, 6), n_theta = 1601, z_step = .15,
    lift = rep(0, 3)),
  two_rates = list(source = "constructed: two studies", x = c(1, 6), n = c(20, 25),
    prior_scale = .5, mu_prior = c(0, 4), top = 4.2, n_tau = 169, mu = c(-16, 12), n_mu = 1801,
    theta = c(-18, 14), n_theta = 1601, z_step = .15, lift = c(3, 10))
)

freeze("bayes.json", list(
  normal = lapply(names(normal_sets), normal_case),
  binomial = lapply(names(binomial_sets), binomial_case)))
