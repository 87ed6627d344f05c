# Freezes estimates, intervals and tests of metafor's rma for every estimator of tau2.
# Usage, from any folder:  Rscript tests/reference/freeze_inverse_variance.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

METHODS <- c("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")
TESTS <- c("z", "t", "knha", "adhoc")

# ---- inverse variance ----

effects <- function(source, measure, columns, scale = 1, ...) {
  e <- escalc_plain(measure, columns, ...)
  keep <- is.finite(e$yi) & is.finite(e$vi) & e$vi > 0
  list(source = source, yi = I(e$yi[keep] * scale), vi = I(e$vi[keep] * scale^2))
}
given <- function(source, yi, vi) {
  list(source = source, yi = I(as.numeric(yi)), vi = I(as.numeric(vi)))
}

morris_difference <- local({
  t <- escalc_plain("SMCR", morris_treated)
  c <- escalc_plain("SMCR", morris_control)
  given("Morris 2008, SMCR treated minus control", t$yi - c$yi, t$vi + c$vi)
})
molloy <- escalc(measure = "ZCOR", ri = ri, ni = ni, data = dat.molloy2014)
crede <- escalc(measure = "ZCOR", ri = ri, ni = ni, data = dat.crede2010)

sets <- list(
  bcg_or = effects("metadat dat.bcg, OR", "OR", two_groups$bcg$columns),
  bcg_rr = effects("metadat dat.bcg, RR", "RR", two_groups$bcg$columns),
  bcg_rd = effects("metadat dat.bcg, RD", "RD", two_groups$bcg$columns),
  raudenbush1985 = given("metadat dat.raudenbush1985", dat.raudenbush1985$yi,
    dat.raudenbush1985$vi),
  normand1999_md = effects("metadat dat.normand1999, MD, pooled SD", "MD",
    two_group_means$normand1999_pooled_sd$columns),
  gibson2002_smd = effects("metadat dat.gibson2002, SMD", "SMD",
    two_group_means$gibson2002$columns),
  nielweise2007_control_plo = effects("metadat dat.nielweise2007 control, PLO", "PLO",
    one_group$nielweise2007_control$columns),
  nielweise2007_control_pas = effects("metadat dat.nielweise2007 control, PAS", "PAS",
    one_group$nielweise2007_control$columns),
  nielweise2007_treated_plo = effects("metadat dat.nielweise2007 treated, PLO", "PLO",
    one_group$nielweise2007_treated$columns),
  nielweise2008_control_irln = effects("metadat dat.nielweise2008 control, IRLN", "IRLN",
    one_rate$nielweise2008_control$columns),
  hackshaw1998 = given("metadat dat.hackshaw1998", dat.hackshaw1998$yi, dat.hackshaw1998$vi),
  pritz1997_plo = effects("metadat dat.pritz1997, PLO", "PLO", one_group$pritz1997$columns),
  pritz1997_pr = effects("metadat dat.pritz1997, PR", "PR", one_group$pritz1997$columns),
  pritz1997_pft = effects("metadat dat.pritz1997, PFT", "PFT", one_group$pritz1997$columns),
  debruin2009_plo = effects("metadat dat.debruin2009, PLO", "PLO", one_group$debruin2009$columns),
  hine1989_rd = effects("metadat dat.hine1989, RD in points", "RD", two_groups$hine1989$columns,
    scale = 100),
  hahn2001_rr = effects("metadat dat.hahn2001, RR", "RR", two_groups$hahn2001$columns),
  li2007_or = effects("metadat dat.li2007, OR", "OR", two_groups$li2007$columns),
  yusuf1985_table6_or = with(yusuf_6, effects("metadat dat.yusuf1985 table 6, OR", "OR",
    two_counts(ai, n1i, ci, n2i))),
  morris2008_smcr = effects("Morris 2008, SMCR treated", "SMCR", morris_treated),
  morris2008_smcr_difference = morris_difference,
  molloy2014_zcor = given("metadat dat.molloy2014, ZCOR", molloy$yi, molloy$vi),
  crede2010_zcor = given("metadat dat.crede2010, ZCOR", crede$yi, crede$vi),
  two_studies = given("constructed: k = 2", c(0.2, 1.1), c(0.05, 0.08)),
  two_alike = given("constructed: k = 2, closer than chance", c(0.40, 0.41), c(0.05, 0.08)),
  three_studies = given("constructed: k = 3", c(-0.3, 0.5, 0.9), c(0.02, 0.05, 0.03)),
  equal_variances = given("constructed: one sampling variance", c(0.1, 0.9, -0.4, 1.3, 0.2),
    rep(0.07, 5)),
  identical_effects = given("constructed: one effect", rep(0.3, 4), c(0.04, 0.09, 0.02, 0.15)),
  homogeneous = given("constructed: closer than chance", c(0.31, 0.28, 0.35, 0.30, 0.26),
    c(0.05, 0.04, 0.09, 0.03, 0.06)),
  spread_variances = given("constructed: variances from 1e-4 to 1e2",
    c(0.5, 0.1, 0.9, -0.3, 1.8, -4, 9), c(1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100)),
  very_spread_variances = given("constructed: variances from 1e-6 to 1e5",
    c(0.5, 0.1, 0.9, -0.3, 1.8, -4, 9), c(1e-6, 1e-4, 1e-2, 0.1, 1, 1e2, 1e5)),
  tiny_units = given("constructed: three_studies in units a million times larger",
    c(-0.3, 0.5, 0.9) * 1e-6, c(0.02, 0.05, 0.03) * 1e-12),
  huge_units = given("constructed: three_studies in units a million times smaller",
    c(-0.3, 0.5, 0.9) * 1e6, c(0.02, 0.05, 0.03) * 1e12),
  two_maxima = given("constructed: ML and REML have a maximum at 0 and a higher one above 1",
    c(-0.21, 1, -1.15, 0.4, -2.81, -0.11), c(0.004, 18.459, 1.358, 0.139, 0.475, 0.053))
)

# The upper end of metafor's search is an absolute number by default: give it the data's scale.
search_end <- function(s) {
  list(tau2.max = 1e4 * diff(range(unclass(s$yi)))^2 + 100 * max(unclass(s$vi)))
}
searching <- function(s) c(TIGHT, search_end(s))

fit_case <- function(s, method, test) {
  r <- rma(as.numeric(s$yi), as.numeric(s$vi), method = method, test = test, control = searching(s))
  p <- predict(r)
  quantile <- qt(.975, r$k - 1)
  reach <- quantile * sqrt(r$tau2 + r$se^2)
  out <- list(mu = as.numeric(r$beta), se = r$se, mu_low = r$ci.lb, mu_high = r$ci.ub,
              statistic = as.numeric(r$zval), df = if (test == "z") NA_real_ else as.numeric(r$ddf),
              p_value = as.numeric(r$pval))
  # metafor's interval for test z has the normal quantile; the package uses t(k - 1) for every test.
  none <- method == "EE"
  out$pi_low <- if (none) NA_real_ else out$mu - reach
  out$pi_high <- if (none) NA_real_ else out$mu + reach
  if (!none && test != "z") {
    near <- function(a, b) all(abs(a - b) <= 1e-12 * (abs(b) + reach)) || all(is.nan(c(a, b)))
    stopifnot(near(p$pi.lb, out$pi_low), near(p$pi.ub, out$pi_high))
  }
  list(shared = list(tau2 = r$tau2, q = r$QE, q_df = r$k - 1, q_p = r$QEp, i2 = r$I2, h2 = r$H2,
                     weights = I(as.numeric(weights(r)))),
       out = out)
}

fits <- list()
for (set in names(sets)) for (method in METHODS) {
  results <- lapply(TESTS, function(test) attempt(fit_case(sets[[set]], method, test)))
  names(results) <- TESTS
  entry <- list(set = set, method = method)
  good <- Filter(Negate(failed), results)
  if (length(good)) entry <- c(entry, good[[1]]$shared)
  entry$tests <- lapply(results, function(r) if (failed(r)) r else r$out)
  fits[[length(fits) + 1]] <- entry
}

intervals <- lapply(names(sets), function(set) {
  s <- sets[[set]]
  limits <- attempt({
    r <- rma(as.numeric(s$yi), as.numeric(s$vi), method = "DL")
    interval <- confint(r, control = c(list(tol = 1e-14, maxiter = 10000), search_end(s)))
    stopifnot(interval$ub.sign != ">")
    interval$random
  })
  if (failed(limits)) return(c(list(set = set), limits))
  list(set = set, tau2_low = limits["tau^2", "ci.lb"], tau2_high = limits["tau^2", "ci.ub"],
       i2_low = limits["I^2(%)", "ci.lb"], i2_high = limits["I^2(%)", "ci.ub"],
       h2_low = limits["H^2", "ci.lb"], h2_high = limits["H^2", "ci.ub"])
})
freeze("inverse_variance.json",
  list(level = 95, methods = I(METHODS), tests = I(TESTS), sets = sets,
    fits = fits, intervals = intervals))
