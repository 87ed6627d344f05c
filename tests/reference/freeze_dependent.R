# Freezes models for several rows per study: robumeta's correlated effects, metafor's rma.mv with
# random effects for study and row, clubSandwich's CR2, and metafor's aggregate.
# Usage, from any folder:  Rscript tests/reference/freeze_dependent.R
# Needs metafor, metadat, robumeta and clubSandwich.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))
suppressPackageStartupMessages({
  library(clubSandwich)
  library(robumeta)
})

rows <- function(source, yi, vi, study) {
  study <- as.integer(factor(study, levels = unique(study)))
  keep <- !is.na(yi) & !is.na(vi)
  list(source = source, data = data.frame(yi = as.numeric(yi)[keep], vi = as.numeric(vi)[keep],
    study = study[keep], row = seq_len(sum(keep))))
}
ishak <- with(dat.ishak2007, data.frame(study = rep(study, each = 4),
  yi = c(rbind(y1i, y2i, y3i, y4i)), vi = c(rbind(v1i, v2i, v3i, v4i))))
bornmann <- escalc(measure = "OR", ai = waward, n1i = wtotal, ci = maward, n2i = mtotal,
  data = dat.bornmann2007)
wave <- function(k, by) sin(by * seq_len(k))

sets <- list(
  konstantopoulos2011 = with(dat.konstantopoulos2011,
    rows("metadat dat.konstantopoulos2011, rows in districts", yi, vi, district)),
  assink2016 = with(dat.assink2016, rows("metadat dat.assink2016", yi, vi, study)),
  berkey1998 = with(dat.berkey1998,
    rows("metadat dat.berkey1998, both outcomes as one", yi, vi, trial)),
  ishak2007 = with(ishak, rows("metadat dat.ishak2007, all times as one", yi, vi, study)),
  bornmann2007 = with(bornmann, rows("metadat dat.bornmann2007, log odds ratios", yi, vi, study)),
  one_large_study = rows("constructed: one study of 12 rows, five of 1 or 2",
    .3 + .4 * wave(19, 2.3), .02 + .03 * wave(19, 1.1)^2, c(rep(1, 12), 2, 3, 3, 4, 5, 5, 6)),
  singles_and_pairs = rows("constructed: eight studies of 1 or 2 rows",
    .1 + .5 * wave(12, 1.7), .05 + .1 * wave(12, .7)^2, c(1, 1, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8)),
  within_zero = rows("constructed: rows of a study agree, studies differ",
    rep(c(-.4, .1, .5, .9, .2), each = 3) + .01 * wave(15, 3.1), .04 + .02 * wave(15, 2)^2,
    rep(1:5, each = 3)),
  between_zero = rows("constructed: rows of a study differ, studies agree",
    rep(c(-.5, .1, .6), 5) + .02 * wave(15, 1.3), .02 + .01 * wave(15, 2)^2, rep(1:5, each = 3)),
  both_zero = rows("constructed: effects agree within their errors",
    .2 + .02 * wave(10, 1.9), .05 + .05 * wave(10, .9)^2, rep(1:4, c(3, 3, 2, 2))),
  two_studies = rows("constructed: two studies of 2 and 3 rows",
    c(.1, .4, .9, 1.3, .8), c(.02, .03, .02, .05, .04), c(1, 1, 2, 2, 2)),
  far_variances = rows("constructed: sampling variances four orders apart within studies",
    c(.2, .9, -.3, .5, .1, .7, .4, -.2, .6), 10^c(-4, 0, -2, -3, -1, 0, -2, -4, -1),
    rep(1:4, c(3, 2, 3, 1)))
)

# The highest likelihood that any of four optimisers reaches: each stops at six to eight digits, and only
# Nelder-Mead, which searches log variances, gets to zero.
OPTIMISERS <- list(
  list(optimizer = "nlminb", rel.tol = 1e-12),
  list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-16),
  list(optimizer = "optim", optmethod = "Nelder-Mead", reltol = 1e-16, maxit = 5000),
  list(optimizer = "bobyqa", rhoend = 1e-12)
)
best <- function(d, V, ...) {
  fits <- lapply(OPTIMISERS, function(control) {
    attempt(rma.mv(yi, V, random = ~ 1 | study/row, data = d, dfs = "contain", control = control,
      ...))
  })
  fits <- fits[!vapply(fits, failed, NA)]
  fits[[which.max(vapply(fits, function(f) as.numeric(logLik(f)), 0))]]
}
coefficient <- function(fit, ...) {
  r <- attempt(coef_test(fit, vcov = "CR2", ...))
  if (failed(r)) return(r)
  list(mu = r$beta, se = r$SE, df = r$df_Satt, p_value = r$p_Satt)
}
# A tight control makes the refits behind the profile report false convergence, and each optimiser
# fails somewhere: the first that finds both limits is taken.
PROFILERS <- list(list(), list(optimizer = "bobyqa"),
  list(optimizer = "optim", optmethod = "BFGS"))
limits <- function(d, V, i) {
  for (control in PROFILERS) {
    fit <- attempt(rma.mv(yi, V, random = ~ 1 | study/row, data = d, control = control))
    if (failed(fit)) next
    top <- 1000 * max(fit$sigma2[i], mean(d$vi))
    r <- attempt(confint(fit, sigma2 = i, control = list(tol = 1e-10, vc.max = top)))
    if (failed(r)) next
    found <- unname(r$random[1, c("ci.lb", "ci.ub")])
    if (!anyNA(found)) return(I(found))
  }
  list(error = "no optimiser finds both limits")
}
# I2 by level as on metafor's page on multilevel models.
i2 <- function(fit, V) {
  W <- solve(V)
  X <- model.matrix(fit)
  P <- W - W %*% X %*% solve(t(X) %*% W %*% X) %*% t(X) %*% W
  100 * fit$sigma2 / (sum(fit$sigma2) + (fit$k - fit$p) / sum(diag(P)))
}
three_level <- function(d, rho, method) {
  V <- as.matrix(vcalc(vi, cluster = study, obs = row, rho = rho, data = d))
  if (rho == 0) V <- diag(d$vi)
  fit <- best(d, V, method = method, test = "t")
  normal <- rma.mv(yi, V, random = ~ 1 | study/row, data = d, method = method,
    sigma2 = fit$sigma2)
  prediction <- predict(fit)
  robust_prediction <- attempt(predict(robust(fit, cluster = d$study, clubSandwich = TRUE)))
  shares <- i2(fit, V)
  result <- list(rho = rho, method = method, mu = as.numeric(fit$beta), se = fit$se,
    df = as.numeric(fit$ddf), p_value = fit$pval, mu_low = fit$ci.lb, mu_high = fit$ci.ub,
    pi_low = prediction$pi.lb, pi_high = prediction$pi.ub, z_p_value = normal$pval,
    z_mu_low = normal$ci.lb, z_mu_high = normal$ci.ub, sigma2_between = fit$sigma2[1],
    sigma2_within = fit$sigma2[2], loglik = as.numeric(logLik(fit)), q = fit$QE, q_p = fit$QEp,
    i2_between = shares[1], i2_within = shares[2], weights = I(unname(weights(fit,
      type = "rowsum"))), cr2 = coefficient(fit))
  if (!failed(robust_prediction)) {
    result$cr2$pi_low <- robust_prediction$pi.lb
    result$cr2$pi_high <- robust_prediction$pi.ub
  }
  if (method == "REML") {
    result$sigma2_between_limits <- limits(d, V, 1)
    result$sigma2_within_limits <- limits(d, V, 2)
  }
  result
}
correlated <- function(d, rho) {
  r <- robu(yi ~ 1, data = d, studynum = study, var.eff.size = vi, rho = rho, small = TRUE)
  list(rho = rho, mu = r$reg_table$b.r, se = r$reg_table$SE, statistic = r$reg_table$t,
    df = r$reg_table$dfs, p_value = r$reg_table$prob, mu_low = r$reg_table$CI.L,
    mu_high = r$reg_table$CI.U, tau2 = as.numeric(r$mod_info$tau.sq),
    i2 = as.numeric(r$mod_info$I.2), weights = I(r$data.full$r.weights))
}
composites <- function(d, rho, weighted) {
  e <- escalc(yi = yi, vi = vi, data = d)
  a <- attempt(aggregate(e, cluster = study, rho = rho, weighted = weighted))
  if (failed(a)) return(c(list(rho = rho, weighted = weighted), a))
  list(rho = rho, weighted = weighted, y = I(as.numeric(a$yi)), v = I(as.numeric(a$vi)))
}
random_effects <- function(d, tau2) {
  fit <- rma.uni(yi, vi, data = d, tau2 = tau2)
  c(list(tau2 = tau2), coefficient(fit, cluster = d$study))
}
case <- function(set) {
  d <- sets[[set]]$data
  fits <- expand.grid(rho = c(0, .6), method = c("REML", "ML"), stringsAsFactors = FALSE)
  combined <- expand.grid(rho = c(-.05, 0, .6, .95), weighted = c(TRUE, FALSE))
  list(set = set, source = sets[[set]]$source, y = I(d$yi), v = I(d$vi), study = I(d$study),
    rve = lapply(c(0, .8, 1), function(rho) correlated(d, rho)),
    cr2 = lapply(c(0, .05, 1), function(tau2) random_effects(d, tau2)),
    three_level = Map(function(r, m) three_level(d, r, m), fits$rho, unname(fits$method)),
    aggregate = Map(function(r, w) composites(d, r, w), combined$rho, combined$weighted))
}
cases <- lapply(names(sets), function(set) {
  r <- case(set)
  r$three_level <- unname(r$three_level)
  r$aggregate <- unname(r$aggregate)
  r
})
freeze("dependent.json", list(level = 95, cases = cases), c("robumeta", "clubSandwich"))
