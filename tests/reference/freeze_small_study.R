# Freezes tests of small-study effects and estimates that allow for them: regtest, ranktest, trimfill,
# selmodel and fsn of metafor; Peters', Harbord's and the limit regression by lm.
# Usage, from any folder:  Rscript tests/reference/freeze_small_study.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

effects <- function(source, d) {
  keep <- is.finite(d$yi) & is.finite(d$vi)
  list(source = source, yi = I(as.numeric(d$yi)[keep]), vi = I(as.numeric(d$vi)[keep]))
}
egger2001 <- dat.egger2001
normand <- escalc_plain("MD", two_group_means$normand1999$columns)
spread <- c(-.9, .2, 1.4, -.3, .6, 1.9, .1, -1.2, .8, .4, 1.1, -.5, .3, 2.2, .7, -.1)
constructed_v <- c(.01, .02, .03, .04, .06, .08, .1, .12, .16, .2, .25, .3, .4, .5, .7, 1)

sets <- list(
  bcg = effects("metadat dat.bcg, log RR", escalc_plain("RR", two_groups$bcg$columns)),
  hackshaw1998 = effects("metadat dat.hackshaw1998, log OR", dat.hackshaw1998),
  egger2001 = effects("metadat dat.egger2001, log OR, to = only0", escalc("OR", ai = ai, n1i = n1i,
    ci = ci, n2i = n2i, data = egger2001)),
  pignon2000 = effects("metadat dat.pignon2000, log hazard ratio (O - E)/V", within(dat.pignon2000, {
    yi <- OmE / V; vi <- 1 / V })),
  normand1999 = effects("metadat dat.normand1999, MD", normand),
  molloy2014 = effects("metadat dat.molloy2014, ZCOR", escalc("ZCOR", ri = ri, ni = ni,
    data = dat.molloy2014)),
  raudenbush1985 = effects("metadat dat.raudenbush1985, SMD", dat.raudenbush1985),
  bangertdrowns2004 = effects("metadat dat.bangertdrowns2004, SMD", dat.bangertdrowns2004),
  li2007 = effects("metadat dat.li2007, log OR", escalc_plain("OR", two_groups$li2007$columns)),
  small_effects_up = effects("constructed: small studies show more", data.frame(
    yi = .1 + .9 * sqrt(constructed_v) + .7 * sqrt(constructed_v) * spread, vi = constructed_v)),
  small_effects_down = effects("constructed: the same downwards, in units a thousand times larger",
    data.frame(yi = -1e-3 * (.1 + .9 * sqrt(constructed_v) + .7 * sqrt(constructed_v) * spread),
      vi = 1e-6 * constructed_v)),
  tied = effects("constructed: ties among effects and variances", data.frame(
    yi = rep(c(.2, .5, -.1, .9), 4), vi = rep(c(.1, .1, .04, .25, .3, .02, .5, .06), 2)))
)

counted <- list(
  bcg = two_groups$bcg, li2007 = two_groups$li2007, hine1989 = two_groups$hine1989,
  hahn2001 = two_groups$hahn2001, nielweise2007 = two_groups$nielweise2007,
  egger2001 = list(source = "metadat dat.egger2001",
    columns = with(egger2001, two_counts(ai, n1i, ci, n2i))))

tight <- function(s) {
  c(TIGHT, list(tau2.max = 1e4 * diff(range(unclass(s$yi)))^2 + 100 * max(unclass(s$vi))))
}
plain <- function(s) list(yi = as.numeric(s$yi), vi = as.numeric(s$vi))

of_lm <- function(fit) {
  found <- coef(summary(fit))
  limits <- confint(fit)
  list(intercept = found[1, 1], intercept_se = found[1, 2], intercept_statistic = found[1, 3],
    intercept_p = found[1, 4], intercept_low = limits[1, 1], intercept_high = limits[1, 2],
    slope = found[2, 1], se = found[2, 2], statistic = found[2, 3], p_value = found[2, 4],
    low = limits[2, 1], high = limits[2, 2], df = fit$df.residual)
}
of_rma <- function(r) {
  list(intercept = r$beta[1], intercept_se = r$se[1], slope = r$beta[2], se = r$se[2],
    statistic = r$zval[2], p_value = r$pval[2], low = r$ci.lb[2], high = r$ci.ub[2],
    tau2 = r$tau2)
}

asymmetry_case <- function(name) {
  s <- plain(sets[[name]])
  se <- sqrt(s$vi)
  base <- rma(yi, vi, data = s, control = tight(sets[[name]]))
  classical <- regtest(base, model = "lm")
  fit <- lm(yi ~ se, weights = 1 / vi, data = s)
  stopifnot(abs(classical$zval - coef(summary(fit))[2, 3]) <= 1e-8 * (1 + abs(classical$zval)))
  mixed <- list()
  for (method in c("EE", "DL", "REML", "ML", "PM")) for (test in c("z", "knha", "adhoc")) {
    r <- attempt(rma(yi, vi, mods = ~ se, data = s, method = method, test = test,
      control = tight(sets[[name]])))
    if (failed(r)) next
    t <- regtest(rma(yi, vi, data = s, method = method, test = test, control = tight(sets[[name]])))
    stopifnot(abs(t$zval - r$zval[2]) <= 1e-8 * (1 + abs(r$zval[2])))
    mixed <- c(mixed, list(c(list(method = method, test = test), of_rma(r))))
  }
  rank <- ranktest(base)
  list(set = name, egger = of_lm(fit), mixed = mixed, peese = of_lm(lm(yi ~ vi, weights = 1 / vi,
    data = s)), rank = list(tau = as.numeric(rank$tau), p_value = rank$pval))
}

counts_case <- function(name) {
  d <- lapply(counted[[name]]$columns, as.numeric)
  a <- d$events_treatment; n1 <- d$total_treatment; c <- d$events_control; n2 <- d$total_control
  e <- a + c; n <- n1 + n2
  or <- escalc("OR", ai = a, n1i = n1, ci = c, n2i = n2)
  some <- e > 0 & e < n
  size <- 1 / n
  peters <- lm(or$yi[some] ~ size[some], weights = (e * (n - e) / n)[some])
  z <- a - n1 * e / n
  v <- n1 * n2 * e * (n - e) / (n^2 * (n - 1))
  ratio <- (z / v)[some]; back <- (1 / sqrt(v))[some]
  harbord <- lm(ratio ~ back, weights = v[some])
  as <- escalc("AS", ai = a, n1i = n1, ci = c, n2i = n2)
  arcsine <- rma(yi, vi, mods = ~ sqrt(vi), data = as, method = "DL", test = "t")
  list(set = name, source = counted[[name]]$source, columns = counted[[name]]$columns,
    log_or = I(as.numeric(or$yi)), peters = of_lm(peters), harbord = of_lm(harbord),
    arcsine = of_rma(arcsine))
}

fill_case <- function(name, method, estimator, side) {
  s <- plain(sets[[name]])
  case <- list(set = name, method = method, estimator = estimator, asked = side)
  r <- rma(yi, vi, data = s, method = method, control = tight(sets[[name]]))
  t <- attempt(trimfill(r, side = if (side == "") NULL else side, estimator = estimator))
  if (failed(t)) return(c(case, t))
  # trimfill estimates by the default control; the centre once more by a tight one
  sign <- if (t$side == "right") -1 else 1
  kept <- order(sign * s$yi)[seq_len(length(s$yi) - t$k0)]
  centre <- as.numeric(rma(s$yi[kept], s$vi[kept], method = method, control = tight(sets[[name]]))$beta)
  cut <- setdiff(order(sign * s$yi), kept)
  filled <- 2 * centre - s$yi[cut]
  stopifnot(all(abs(filled - t$yi.f[t$fill]) <= 1e-4 * diff(range(s$yi))))
  refit <- rma(c(s$yi, filled), c(s$vi, s$vi[cut]), method = method, test = "adhoc", control = tight(sets[[name]]))
  c(case, list(side = t$side, k0 = t$k0, se_k0 = t$se.k0, p_value = if (estimator == "R0") t$p.k0
    else NA, y = I(filled), v = I(s$vi[cut]),
    mu = as.numeric(refit$beta), low = refit$ci.lb, high = refit$ci.ub, tau2 = refit$tau2))
}

# The first optimiser that converges.
selection_case <- function(name, steps, alternative) {
  s <- plain(sets[[name]])
  case <- list(set = name, steps = I(steps), alternative = alternative)
  r <- rma(yi, vi, data = s, method = "ML", control = tight(sets[[name]]))
  controls <- list(
    list(optimizer = "nlminb", rel.tol = 1e-14, x.tol = 1e-12, iter.max = 500, eval.max = 1000),
    list(optimizer = "nlm", gradtol = 1e-10, steptol = 1e-11, iterlim = 500))
  best <- NULL
  for (control in controls) {
    if (!is.null(best)) break
    found <- attempt(selmodel(r, type = "stepfun", steps = steps, alternative = alternative,
      control = control))
    if (!failed(found)) best <- found
  }
  if (is.null(best)) return(c(case, list(error = "no optimiser converges")))
  c(case, list(counts = I(best$ptable$k), mu = as.numeric(best$beta), se = best$se, tau2 = best$tau2,
    delta = I(best$delta), delta_se = I(best$se.delta), loglik = best$ll, lrt = best$LRT,
    lrt_p = best$LRTp))
}

safe_case <- function(name) {
  s <- plain(sets[[name]])
  of <- function(type) fsn(yi, vi, data = s, type = type)$fsnum
  list(set = name, rosenthal = of("Rosenthal"), orwin = of("Orwin"), rosenberg = of("Rosenberg"))
}

# The generalised radial regression with tau2 by REML, its covariance that of residual variance 1.
limit_case <- function(name) {
  s <- plain(sets[[name]])
  tau2 <- rma(yi, vi, data = s, control = tight(sets[[name]]))$tau2
  s$total <- s$vi + tau2
  s$root <- sqrt(s$total)
  fit <- lm(yi ~ root, weights = 1 / total, data = s)
  at <- c(1, sqrt(tau2))
  se <- sqrt(drop(t(at) %*% summary(fit)$cov.unscaled %*% at))
  list(set = name, tau2 = tau2, mu = sum(coef(fit) * at), se = se)
}

fills <- expand.grid(side = c("", "left", "right"), estimator = c("L0", "R0"),
  method = c("EE", "DL", "REML"), set = names(sets), stringsAsFactors = FALSE)
selections <- expand.grid(alternative = c("greater", "less"), steps = 1:2, set = names(sets),
  stringsAsFactors = FALSE)
STEPS <- list(.025, c(.025, .5))

freeze("small_study.json", list(
  level = 95,
  sets = sets,
  asymmetry = Map(asymmetry_case, names(sets), USE.NAMES = FALSE),
  counts = Map(counts_case, names(counted), USE.NAMES = FALSE),
  fills = Map(fill_case, fills$set, fills$method, fills$estimator, fills$side, USE.NAMES = FALSE),
  selections = Map(function(set, steps, alternative) selection_case(set, STEPS[[steps]], alternative),
    selections$set, selections$steps, selections$alternative, USE.NAMES = FALSE),
  fail_safe = Map(safe_case, names(sets), USE.NAMES = FALSE),
  limit = Map(limit_case, names(sets), USE.NAMES = FALSE)))
