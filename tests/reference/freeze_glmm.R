# Freezes the generalised linear mixed models of metafor's rma.glmm and of a dense grid.
# Usage, from any folder:  Rscript tests/reference/freeze_glmm.R
# Needs metafor, metadat, lme4, and numDeriv for the exact conditional likelihood.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

# ---- likelihoods on a dense grid ----

# A family is a list of one function per study: log-likelihood and score at a vector of theta
# (without the terms that hold no parameter), and the crude information that sets the spacing.
binomial_family <- function(x, n, offset = 0 * x) {
  Map(function(x, n, o) list(
    loglik = function(theta) x * plogis(theta + o, log.p = TRUE) +
      (n - x) * plogis(-theta - o, log.p = TRUE),
    score = function(theta) x - n * plogis(theta + o),
    information = min(x, n - x)), x, n, offset)
}
poisson_family <- function(x, time) {
  Map(function(x, t) list(
    loglik = function(theta) x * (theta + log(t)) - t * exp(theta),
    score = function(theta) x - t * exp(theta),
    information = x), x, time)
}
hypergeometric_family <- function(ai, n1i, ci, n2i) {
  Map(function(a, n1, c, n2) {
    j <- max(0, a + c - n2):min(n1, a + c)
    weight <- lchoose(n1, j) + lchoose(n2, a + c - j)
    all_tables <- function(theta) outer(theta, j) + rep(weight, each = length(theta))
    list(
      loglik = function(theta) {
        logs <- all_tables(theta)
        top <- apply(logs, 1, max)
        a * theta + weight[j == a] - top - log(rowSums(exp(logs - top)))
      },
      score = function(theta) {
        logs <- all_tables(theta)
        terms <- exp(logs - apply(logs, 1, max))
        a - as.vector(terms %*% j) / rowSums(terms)
      },
      information = min(a + c, n1 + n2 - a - c, n1, n2))
  }, ai, n1i, ci, n2i)
}

# Log-likelihood and score in (mu, tau) by the trapezoidal rule on a uniform grid, eight points per
# standard deviation of each integrand: shares nothing with lme4.
dense <- function(family, mu, tau) {
  each <- vapply(family, function(study) {
    step <- 1 / (8 * sqrt(1 + tau^2 * (study$information + 1)))
    z <- seq(-14, 14, by = step)
    h <- study$loglik(mu + tau * z) + dnorm(z, log = TRUE)
    top <- max(h)
    kept <- h > top - 60
    z <- z[kept]
    terms <- exp(h[kept] - top)
    slope <- study$score(mu + tau * z)
    total <- sum(terms)
    c(top + log(total * step), sum(terms * slope) / total, sum(terms * slope * z) / total)
  }, numeric(3))
  rowSums(each)
}
dense_jacobian <- function(family, mu, tau, h = 1e-4) {
  central <- function(f) (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
  by_mu <- central(function(d) dense(family, mu + d, tau)[2:3])
  by_tau <- central(function(d) dense(family, mu, tau + d)[2:3])
  cbind(by_mu, by_tau)
}
dense_profile <- function(family, mu, tau) {
  h <- 1e-4
  for (turn in 1:50) {
    slope <- dense(family, mu, tau)[2]
    bend <- (dense(family, mu + h, tau)[2] - dense(family, mu - h, tau)[2]) / (2 * h)
    mu <- mu - slope / bend
    if (abs(slope / bend) < 1e-9) break
  }
  dense(family, mu, tau)[1]
}
dense_result <- function(mu, se, k, ...) {
  reach <- qt(.975, k - 1) * se
  list(mu = mu, se = se, mu_low = mu - reach, mu_high = mu + reach, ...)
}
# Where the likelihood falls from tau = 0 on, mu and se are those of one common effect.
dense_boundary <- function(family, mu) {
  score <- function(m) sum(vapply(family, function(s) s$score(m), 0))
  mu <- uniroot(score, mu + c(-1, 1), tol = 1e-14, extendInt = "downX")$root
  for (turn in 1:5) {
    bend <- (8 * (score(mu + 1e-4) - score(mu - 1e-4)) - (score(mu + 2e-4) - score(mu - 2e-4))) /
      12e-4
    mu <- mu - score(mu) / bend
  }
  value <- dense(family, mu, 0)[1]
  stopifnot(all(sapply(c(.01, .03, .1, .3, 1), function(t) dense_profile(family, mu, t)) < value))
  height <- function(t) dense_profile(family, mu, t) - value + qchisq(.95, 1) / 2
  high <- uniroot(height, c(0.01, 1), tol = 1e-12, extendInt = "downX")$root
  dense_result(mu, 1 / sqrt(-bend), length(family), tau2 = 0, loglik = value, loglik_common = value,
    tau2_low = 0, tau2_high = high^2)
}
dense_fit <- function(family, mu, tau) {
  for (turn in 1:50) {
    step <- solve(dense_jacobian(family, mu, tau), dense(family, mu, tau)[2:3])
    mu <- mu - step[1]
    tau <- tau - step[2]
    if (max(abs(step)) < 1e-11) break
  }
  covariance <- solve(-dense_jacobian(family, mu, tau))
  value <- dense(family, mu, tau)[1]
  common <- dense_profile(family, mu, 0)
  height <- function(t) dense_profile(family, mu, t) - value + qchisq(.95, 1) / 2
  low <- if (height(0) >= 0) 0 else uniroot(height, c(0, tau), tol = 1e-12)$root
  high <- uniroot(height, c(tau, 4 * tau), tol = 1e-12, extendInt = "downX")$root
  dense_result(mu, sqrt(covariance[1, 1]), length(family), tau2 = tau^2, loglik = value,
    loglik_common = common, cov_mu_tau = covariance[1, 2], var_tau = covariance[2, 2],
    tau2_low = low^2, tau2_high = high^2)
}
# Starts from metafor's maximum; where that stopped short of tau = 0 the boundary is found from it.
dense_any <- function(family, mu, tau2) {
  if (tau2 <= 1e-6) return(dense_boundary(family, mu))
  fit <- dense_fit(family, mu, sqrt(tau2))
  if (fit$tau2 > 1e-12) fit else dense_boundary(family, mu)
}

# lme4's default optimiser stops at five digits; bobyqa with a small trust region gives seven.
GLMER <- list(glmerCtrl = list(optimizer = "bobyqa", tolPwrss = 1e-10,
                               optCtrl = list(rhoend = 1e-9, maxfun = 1e5)))

shared <- function(r) {
  list(mu = as.numeric(r$beta), se = r$se, mu_low = r$ci.lb, mu_high = r$ci.ub,
    statistic = as.numeric(r$zval), p_value = as.numeric(r$pval), tau2 = r$tau2,
    q_lrt = r$QE.LRT, q_lrt_p = r$QEp.LRT, q_wald = r$QE.Wld, q_wald_p = r$QEp.Wld,
    q_df = r$QE.df, i2 = r$I2, h2 = r$H2)
}

# ---- proportions ----

glmm_sets <- list(
  nielweise2007_control = one_group$nielweise2007_control,
  nielweise2007_treated = one_group$nielweise2007_treated,
  pritz1997 = one_group$pritz1997,
  debruin2009 = one_group$debruin2009,
  hahn2001_treated = list(source = "metadat dat.hahn2001, ai of n1i",
    columns = with(dat.hahn2001, counts(ai, n1i))),
  hahn2001_control = list(source = "metadat dat.hahn2001, ci of n2i",
    columns = with(dat.hahn2001, counts(ci, n2i))),
  li2007_treated = list(source = "metadat dat.li2007, ai of n1i",
    columns = with(dat.li2007, counts(ai, n1i))),
  li2007_control = list(source = "metadat dat.li2007, ci of n2i",
    columns = with(dat.li2007, counts(ci, n2i))),
  bcg_treated = list(source = "metadat dat.bcg, tpos of tpos + tneg",
    columns = with(bcg, counts(tpos, tpos + tneg))),
  hine1989_treated = list(source = "metadat dat.hine1989, ai of n1i",
    columns = with(dat.hine1989, counts(ai, n1i))),
  yusuf1985_table6_treated = list(source = "metadat dat.yusuf1985 table 6, ai of n1i",
    columns = with(yusuf_6, counts(ai, n1i))),
  rare_events = list(source = "constructed: 7 events in ten studies",
    columns = counts(c(0, 1, 0, 2, 0, 0, 1, 1, 0, 2), c(40, 60, 25, 80, 50, 30, 70, 90, 45, 110)))
)

glmm_case <- function(set) {
  d <- glmm_sets[[set]]
  x <- as.numeric(unclass(d$columns$events))
  n <- as.numeric(unclass(d$columns$total))
  case <- list(set = set, source = d$source, events = d$columns$events, total = d$columns$total)
  r <- attempt(rma.glmm(measure = "PLO", xi = x, ni = n, nAGQ = 100, test = "t", control = GLMER))
  if (failed(r)) return(c(case, r))
  c(case, shared(r), list(dense = dense_any(binomial_family(x, n), as.numeric(r$beta), r$tau2)))
}

# ---- rates ----

rate_sets <- list(
  nielweise2008_control = one_rate$nielweise2008_control,
  nielweise2008_treated = one_rate$nielweise2008_treated,
  hart1999_control = list(source = "metadat dat.hart1999, x2i in t2i person-years",
    columns = with(dat.hart1999, rates(x2i, t2i))),
  hart1999_treated = list(source = "metadat dat.hart1999, x1i in t1i person-years",
    columns = with(dat.hart1999, rates(x1i, t1i))),
  rare_rates = list(source = "constructed: six events in eight studies",
    columns = rates(c(0, 1, 0, 2, 0, 0, 3, 0), c(100, 250, 80, 300, 120, 60, 90, 200)))
)
rate_case <- function(set) {
  d <- rate_sets[[set]]
  x <- as.numeric(unclass(d$columns$events))
  time <- as.numeric(unclass(d$columns$time))
  case <- list(set = set, source = d$source, events = d$columns$events, time = d$columns$time)
  r <- attempt(rma.glmm(measure = "IRLN", xi = x, ti = time, nAGQ = 100, test = "t",
    control = GLMER))
  if (failed(r)) return(c(case, r))
  c(case, shared(r), list(dense = dense_any(poisson_family(x, time), as.numeric(r$beta), r$tau2)))
}

# ---- two groups, given the number of events ----

small_ratios <- list(source = "constructed: small groups, an event in either, none or all",
  columns = two_counts(c(1, 4, 0, 3, 0, 6, 2), c(12, 15, 10, 14, 9, 6, 20),
                       c(3, 5, 2, 9, 0, 8, 1), c(11, 15, 12, 13, 10, 8, 22)))
ratio_sets <- list(
  list(set = "nielweise2007", likelihood = "CM.AL", data = two_groups$nielweise2007),
  list(set = "nielweise2007", likelihood = "CM.EL", data = two_groups$nielweise2007),
  list(set = "bcg", likelihood = "CM.AL", data = two_groups$bcg),
  list(set = "hahn2001", likelihood = "CM.AL", data = two_groups$hahn2001),
  list(set = "hahn2001", likelihood = "CM.EL", data = two_groups$hahn2001),
  list(set = "small_ratios", likelihood = "CM.AL", data = small_ratios),
  list(set = "small_ratios", likelihood = "CM.EL", data = small_ratios)
)
ratio_case <- function(entry) {
  d <- entry$data
  plain <- lapply(d$columns, function(x) as.numeric(unclass(x)))
  case <- c(list(set = paste(entry$set, entry$likelihood), source = d$source,
    likelihood = entry$likelihood), d$columns)
  # The exact likelihood runs with metafor's defaults, but for its own density in place of BiasedUrn.
  control <- if (entry$likelihood == "CM.AL") GLMER else list(dnchgcalc = "dnoncenhypergeom")
  r <- attempt(with(plain, rma.glmm(measure = "OR", ai = events_treatment, n1i = total_treatment,
    ci = events_control, n2i = total_control, model = entry$likelihood, nAGQ = 100, test = "t",
    control = control)))
  if (failed(r)) return(c(case, r))
  told <- with(plain, events_treatment + events_control > 0 &
    events_treatment + events_control < total_treatment + total_control)
  kept <- lapply(plain, function(x) x[told])
  family <- with(kept, if (entry$likelihood == "CM.AL")
    binomial_family(events_treatment, events_treatment + events_control,
      log(total_treatment / total_control))
    else hypergeometric_family(events_treatment, total_treatment, events_control, total_control))
  c(case, shared(r), list(k = r$k, dense = dense_any(family, as.numeric(r$beta), r$tau2)))
}

rate_ratio_sets <- list(
  list(set = "nielweise2008", source = "metadat dat.nielweise2008", data = dat.nielweise2008),
  list(set = "hart1999", source = "metadat dat.hart1999", data = dat.hart1999)
)
rate_ratio_case <- function(entry) {
  d <- entry$data
  case <- list(set = entry$set, source = entry$source, events_treatment = I(d$x1i),
    time_treatment = I(d$t1i), events_control = I(d$x2i), time_control = I(d$t2i))
  r <- attempt(rma.glmm(measure = "IRR", x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i, data = d,
    model = "CM.EL", nAGQ = 100, test = "t", control = GLMER))
  if (failed(r)) return(c(case, r))
  family <- binomial_family(d$x1i, d$x1i + d$x2i, log(d$t1i / d$t2i))
  c(case, shared(r), list(k = r$k, dense = dense_any(family, as.numeric(r$beta), r$tau2)))
}

freeze("glmm.json", list(
  level = 95,
  cases = lapply(names(glmm_sets), glmm_case),
  rates = lapply(names(rate_sets), rate_case),
  odds_ratios = lapply(ratio_sets, ratio_case),
  rate_ratios = lapply(rate_ratio_sets, rate_ratio_case)), "lme4")
