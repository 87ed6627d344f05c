# Freezes the generalised linear mixed models of metafor's rma.glmm and of a dense grid.
# Usage, from any folder:  Rscript tests/reference/freeze_glmm.R
# Needs metafor, metadat and lme4.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

# ---- binomial-normal GLMM ----

# Likelihood (without the binomial coefficients) and score by the trapezoidal rule on a uniform
# dense grid, eight points per standard deviation of each integrand: shares nothing with lme4.
dense <- function(x, n, mu, tau) {
  each <- mapply(function(x, n) {
    step <- 1 / (8 * sqrt(1 + tau^2 * (min(x, n - x) + 1)))
    z <- seq(-14, 14, by = step)
    eta <- mu + tau * z
    h <- x * plogis(eta, log.p = TRUE) + (n - x) * plogis(-eta, log.p = TRUE) + dnorm(z, log = TRUE)
    top <- max(h)
    terms <- exp(h - top)
    slope <- x - n * plogis(eta)
    total <- sum(terms)
    c(top + log(total * step), sum(terms * slope) / total, sum(terms * slope * z) / total)
  }, x, n)
  rowSums(each)
}
dense_jacobian <- function(x, n, mu, tau, h = 1e-4) {
  central <- function(f) (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
  by_mu <- central(function(d) dense(x, n, mu + d, tau)[2:3])
  by_tau <- central(function(d) dense(x, n, mu, tau + d)[2:3])
  cbind(by_mu, by_tau)
}
dense_profile <- function(x, n, mu, tau) {
  h <- 1e-4
  for (turn in 1:50) {
    slope <- dense(x, n, mu, tau)[2]
    bend <- (dense(x, n, mu + h, tau)[2] - dense(x, n, mu - h, tau)[2]) / (2 * h)
    mu <- mu - slope / bend
    if (abs(slope / bend) < 1e-9) break
  }
  dense(x, n, mu, tau)[1]
}
dense_result <- function(mu, se, k, ...) {
  reach <- qt(.975, k - 1) * se
  list(mu = mu, se = se, mu_low = mu - reach, mu_high = mu + reach, ...)
}
# Where the likelihood falls from tau = 0 on, mu and se are those of one common proportion.
dense_boundary <- function(x, n) {
  p <- sum(x) / sum(n)
  mu <- qlogis(p)
  value <- dense(x, n, mu, 0)[1]
  stopifnot(all(sapply(c(.01, .03, .1, .3, 1), function(t) dense_profile(x, n, mu, t)) < value))
  height <- function(t) dense_profile(x, n, mu, t) - value + qchisq(.95, 1) / 2
  high <- uniroot(height, c(0.01, 1), tol = 1e-12, extendInt = "downX")$root
  dense_result(mu, 1 / sqrt(sum(n) * p * (1 - p)), length(x), tau2 = 0, loglik = value,
    tau2_low = 0, tau2_high = high^2)
}
dense_fit <- function(x, n, mu, tau) {
  for (turn in 1:50) {
    step <- solve(dense_jacobian(x, n, mu, tau), dense(x, n, mu, tau)[2:3])
    mu <- mu - step[1]
    tau <- tau - step[2]
    if (max(abs(step)) < 1e-11) break
  }
  covariance <- solve(-dense_jacobian(x, n, mu, tau))
  value <- dense(x, n, mu, tau)[1]
  height <- function(t) dense_profile(x, n, mu, t) - value + qchisq(.95, 1) / 2
  low <- if (height(0) >= 0) 0 else uniroot(height, c(0, tau), tol = 1e-12)$root
  high <- uniroot(height, c(tau, 4 * tau), tol = 1e-12, extendInt = "downX")$root
  dense_result(mu, sqrt(covariance[1, 1]), length(x), tau2 = tau^2, loglik = value,
    tau2_low = low^2, tau2_high = high^2)
}

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
  # lme4's default optimiser stops at five digits; bobyqa with a small trust region gives seven.
  control <- list(glmerCtrl = list(optimizer = "bobyqa", tolPwrss = 1e-10,
                                   optCtrl = list(rhoend = 1e-9, maxfun = 1e5)))
  r <- attempt(rma.glmm(measure = "PLO", xi = x, ni = n, nAGQ = 100, test = "t", control = control))
  if (failed(r)) return(c(case, r))
  mu <- as.numeric(r$beta)
  c(case, list(
    mu = mu, se = r$se, mu_low = r$ci.lb, mu_high = r$ci.ub, statistic = as.numeric(r$zval),
    p_value = as.numeric(r$pval), tau2 = r$tau2,
    q_lrt = r$QE.LRT, q_lrt_p = r$QEp.LRT, q_wald = r$QE.Wld, q_wald_p = r$QEp.Wld, q_df = r$QE.df,
    i2 = r$I2, h2 = r$H2,
    dense = if (r$tau2 > 1e-6) dense_fit(x, n, mu, sqrt(r$tau2)) else dense_boundary(x, n)))
}
freeze("glmm.json", list(level = 95, cases = lapply(names(glmm_sets), glmm_case)), "lme4")
