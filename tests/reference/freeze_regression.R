# Freezes mixed-effects meta-regressions of metafor's rma: every estimator of tau2 and test, with one
# moderator, a factor, several moderators and no intercept; means and predictions by predict.
# Usage, from any folder:  Rscript tests/reference/freeze_regression.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

METHODS <- c("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM", "DL2")
TESTS <- c("z", "t", "knha", "adhoc")

# `terms` are the columns of the design, "intercept" for that of ones.
study_set <- function(source, y, v, design) {
  keep <- is.finite(y) & is.finite(v) & apply(design, 1, function(row) all(is.finite(row)))
  design <- design[keep, , drop = FALSE]
  list(source = source, yi = I(as.numeric(y)[keep]), vi = I(as.numeric(v)[keep]),
    terms = I(colnames(design)), design = design)
}
beside <- function(...) {
  columns <- cbind(...)
  cbind(intercept = rep(1, nrow(columns)), columns)
}
dummies <- function(column) {
  levels <- sort(unique(column))
  found <- sapply(levels, function(level) as.numeric(column == level))
  colnames(found) <- levels
  found
}

bcg_rr <- escalc_plain("RR", two_groups$bcg$columns)
li_or <- escalc_plain("OR", two_groups$li2007$columns)
alloc <- dummies(bcg$alloc)
setting <- dummies(dat.raudenbush1985$setting)
bangert <- dat.bangertdrowns2004
constructed_x <- c(3, 1, 4, 1.5, 5, 9, 2, 6, 5.5, 3.5, 8, 7)
spread_v <- 10^c(-4, -3.5, -3, -2.5, -2, -1, -.5, 0, .5, 1, 1.5, 2)
noise <- c(.8, -1.1, .3, 1.4, -.2, -.9, .5, 1.2, -1.6, .1, .7, -.4)

sets <- list(
  bcg_ablat = study_set("metadat dat.bcg, RR on latitude", bcg_rr$yi, bcg_rr$vi,
    beside(ablat = bcg$ablat)),
  bcg_year = study_set("metadat dat.bcg, RR on year", bcg_rr$yi, bcg_rr$vi,
    beside(year = bcg$year)),
  bcg_alloc = study_set("metadat dat.bcg, RR on allocation", bcg_rr$yi, bcg_rr$vi,
    beside(alloc[, c("random", "systematic")])),
  bcg_cell_means = study_set("metadat dat.bcg, RR on allocation, without intercept", bcg_rr$yi,
    bcg_rr$vi, alloc),
  bcg_three = study_set("metadat dat.bcg, RR on latitude, year and allocation", bcg_rr$yi, bcg_rr$vi,
    beside(ablat = bcg$ablat, year = bcg$year, alloc[, c("random", "systematic")])),
  bangertdrowns2004_length = study_set("metadat dat.bangertdrowns2004 on length", bangert$yi,
    bangert$vi, beside(length = bangert$length)),
  bangertdrowns2004_two = study_set("metadat dat.bangertdrowns2004 on length and feedback",
    bangert$yi, bangert$vi, beside(length = bangert$length, feedback = bangert$feedback)),
  hackshaw1998_year = study_set("metadat dat.hackshaw1998 on year - 1990",
    dat.hackshaw1998$yi, dat.hackshaw1998$vi, beside(year = dat.hackshaw1998$year - 1990)),
  raudenbush1985_weeks = study_set("metadat dat.raudenbush1985 on weeks", dat.raudenbush1985$yi,
    dat.raudenbush1985$vi, beside(weeks = dat.raudenbush1985$weeks)),
  raudenbush1985_setting = study_set("metadat dat.raudenbush1985 on setting",
    dat.raudenbush1985$yi, dat.raudenbush1985$vi, beside(individual = setting[, "indiv"])),
  li2007_year = study_set("metadat dat.li2007, OR on year - 1990", li_or$yi, li_or$vi,
    beside(year = dat.li2007$year - 1990)),
  homogeneous = study_set("constructed: closer to a line than chance",
    .2 + .1 * constructed_x + .01 * noise, .04 + .01 * constructed_x, beside(x = constructed_x)),
  heterogeneous = study_set("constructed: far from a line, little sampling error",
    .2 - .3 * constructed_x + 2 * noise, .001 + .0005 * constructed_x, beside(x = constructed_x)),
  spread_variances = study_set("constructed: variances from 1e-4 to 1e2",
    .5 + .2 * constructed_x + noise * sqrt(.3 + spread_v), spread_v, beside(x = constructed_x)),
  tiny_units = study_set("constructed: heterogeneous, in units a million times larger",
    (.2 - .3 * constructed_x + 2 * noise) * 1e-6, (.001 + .0005 * constructed_x) * 1e-12,
    beside(x = constructed_x)),
  two_left = study_set("constructed: four studies, one more than coefficients",
    c(.1, .9, .4, -.3), c(.02, .05, .03, .04), beside(x = c(1, 2, 4, 3), z = c(0, 1, 1, 0)))
)

control_of <- function(s) {
  c(TIGHT, list(tau2.max = 1e4 * diff(range(unclass(s$yi)))^2 + 100 * max(unclass(s$vi))))
}
rma_on <- function(s, design, method, test, ...) {
  do.call(rma, list(as.numeric(s$yi), as.numeric(s$vi), mods = design, intercept = FALSE,
    method = method, test = test, control = control_of(s), ...))
}
# DL2 is the general method of moments with weights from DL's tau2; metafor then keeps these
# weights for the coefficients, so the fit itself is made at its tau2.
fit_on <- function(s, design, method, test) {
  if (method != "DL2") return(rma_on(s, design, method, test))
  first <- rma_on(s, design, "DL", "z")$tau2
  second <- rma_on(s, design, "GENQ", "z", weights = 1 / (as.numeric(s$vi) + first))$tau2
  rma_on(s, design, "DL", test, tau2 = second)
}

predictions <- function(r, s, method, test, points) {
  hartung <- fit_on(s, s$design, method, "knha")
  p <- ncol(s$design)
  # metafor finds the column of ones and puts it into the points itself
  own <- "intercept" %in% colnames(points)
  at <- unname(if (own) points[, -1, drop = FALSE] else points)
  of <- function(fit) predict(fit, newmods = at, intercept = own)
  mean <- of(r)
  limits <- function(df, fit) {
    reach <- if (is.infinite(df)) qnorm(.975) else if (df < 1) NA_real_ else qt(.975, df)
    spread <- sqrt(r$tau2 + of(fit)$se^2)
    list(low = I(mean$pred - reach * spread), high = I(mean$pred + reach * spread))
  }
  kinds <- list(t = limits(r$k - p, r), z = limits(Inf, r), hts = limits(r$k - p - 1, r),
    knha = limits(r$k - p, hartung))
  ours <- if (test == "z") kinds$z else kinds$t
  if (method != "EE") stopifnot(max(abs(ours$low - mean$pi.lb)) <= 1e-9 * max(abs(mean$pi.lb)))
  c(list(mean = I(mean$pred), low = I(mean$ci.lb), high = I(mean$ci.ub)),
    if (method != "EE") list(kinds = kinds))
}

test_of <- function(s, method, test, points) {
  design <- s$design
  r <- fit_on(s, design, method, test)
  # the omnibus test of metafor is asked for the columns that are no intercept
  tested <- which(colnames(design) != "intercept")
  together <- anova(r, btt = tested)
  list(b = I(as.numeric(r$beta)), se = I(r$se), statistic = I(r$zval), p_value = I(r$pval),
    low = I(r$ci.lb), high = I(r$ci.ub), covariance = lapply(seq_len(ncol(design)),
      function(i) I(r$vb[i, ])), df = if (test == "z") NA else r$k - ncol(design),
    qm = together$QM, qm_df = length(tested), qm_p = together$QMp,
    predicted = predictions(r, s, method, test, points))
}

fit_case <- function(name, method) {
  s <- sets[[name]]
  case <- list(set = name, method = method)
  r <- attempt(fit_on(s, s$design, method, "z"))
  if (failed(r)) return(c(case, r))
  ones <- matrix(1, nrow(s$design), 1, dimnames = list(NULL, "intercept"))
  with_intercept <- "intercept" %in% colnames(s$design) && method != "EE"
  alone <- if (with_intercept) attempt(fit_on(s, ones, method, "z")$tau2) else NA
  points <- rbind(s$design[1, ], s$design[nrow(s$design), ], colMeans(s$design))
  tests <- attempt(sapply(TESTS, function(test) test_of(s, method, test, points), simplify = FALSE))
  if (failed(tests)) return(c(case, tests))
  c(case, list(tau2 = r$tau2, tau2_alone = if (failed(alone)) NA else alone, i2 = r$I2, h2 = r$H2,
    qe = r$QE, qe_p = r$QEp, tests = tests))
}

# metafor's own R2, from a formula with an intercept.
r2_case <- function(name, method) {
  s <- sets[[name]]
  r <- attempt(rma(as.numeric(s$yi), as.numeric(s$vi), mods = s$design[, -1, drop = FALSE],
    method = method, control = control_of(s)))
  list(set = name, method = method, r2 = if (failed(r)) NA else r$R2)
}

cases <- expand.grid(method = METHODS, set = names(sets), stringsAsFactors = FALSE)
shared <- subset(cases, !method %in% c("EE", "DL2") & set != "bcg_cell_means")
written <- lapply(sets, function(s) {
  s$design <- lapply(seq_len(nrow(s$design)), function(i) I(as.numeric(s$design[i, ])))
  s
})
points_of <- function(s) {
  points <- rbind(s$design[1, ], s$design[nrow(s$design), ], colMeans(s$design))
  lapply(seq_len(3), function(i) I(as.numeric(points[i, ])))
}

freeze("regression.json", list(
  level = 95,
  sets = Map(function(s, plain) c(s, list(points = points_of(plain))), written, sets),
  fits = Map(fit_case, cases$set, cases$method, USE.NAMES = FALSE),
  r2 = Map(r2_case, shared$set, shared$method, USE.NAMES = FALSE)))
