# Freezes estimates, intervals and tests of metafor's rma for every estimator of tau2; and, written
# out here on the plain likelihood, the profile-likelihood intervals of tau2 and of the mean.
# Usage, from any folder:  Rscript tests/reference/freeze_inverse_variance.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

METHODS <- c("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM", "DL2")
TESTS <- c("z", "t", "knha", "adhoc", "pl")
PREDICTIONS <- c("t", "z", "hts", "knha")
KINDS <- c("QP", "PL")

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
    c(-0.21, 1, -1.15, 0.4, -2.81, -0.11), c(0.004, 18.459, 1.358, 0.139, 0.475, 0.053)),
  two_pieces = given("constructed: the compatible tau2, and means, have two pieces under ML",
    c(-0.0002, 0.0015, -0.002, 4.9464, 3.2546, 1.6941, 4.0241),
    c(1.4e-5, 3.05e-5, 3.09e-5, 1.21, 0.771, 0.622, 1.47)),
  two_pieces_reml = given("constructed: the compatible tau2 have two pieces under REML",
    c(-0.0027, 0.0089, 0.0174, 2.151, -1.047), c(0.000344, 3.8e-05, 0.621, 0.44, 1.28))
)

# The upper end of metafor's search is an absolute number by default: give it the data's scale.
search_end <- function(s) {
  list(tau2.max = 1e4 * diff(range(unclass(s$yi)))^2 + 100 * max(unclass(s$vi)))
}
searching <- function(s) c(TIGHT, search_end(s))

# DL2 is the general method of moments with weights from DL's tau2; metafor then keeps these
# weights for the mean, so the fit itself is made at its tau2.
rma_fit <- function(s, method, test) {
  y <- as.numeric(s$yi)
  v <- as.numeric(s$vi)
  if (method != "DL2") return(rma(y, v, method = method, test = test, control = searching(s)))
  first <- rma(y, v, method = "DL")$tau2
  second <- rma(y, v, method = "GENQ", weights = 1 / (v + first))$tau2
  rma(y, v, method = "DL", tau2 = second, test = test)
}

# Prediction intervals of each kind; metafor's own where it has the kind, else its formula.
predictions <- function(r, test, s, method) {
  mu <- as.numeric(r$beta)
  limits <- function(df, se) {
    reach <- if (is.infinite(df)) qnorm(.975) else if (df < 1) NA_real_ else qt(.975, df)
    I(mu + c(-1, 1) * reach * sqrt(r$tau2 + se^2))
  }
  hartung <- suppressWarnings(rma_fit(s, method, "knha"))
  out <- list(t = limits(r$k - 1, r$se), z = limits(Inf, r$se),
    hts = limits(r$k - 2, r$se), knha = limits(r$k - 1, hartung$se))
  near <- function(p, kind) {
    ours <- unclass(out[[kind]])
    theirs <- c(p$pi.lb, p$pi.ub)
    size <- max(abs(ours)) + r$se
    stopifnot(all(is.na(ours)) || all(abs(theirs - ours) <= 1e-12 * size))
  }
  near(predict(r), if (test == "z") "z" else "t")
  # With a tau2 that is given metafor takes k - 1 degrees of freedom here too.
  if (method != "DL2") near(suppressWarnings(predict(r, pi.type = "riley")), "hts")
  near(predict(hartung), "knha")
  out
}

fit_case <- function(s, method, test) {
  r <- rma_fit(s, method, if (test == "pl") "z" else test)
  out <- list(mu = as.numeric(r$beta), se = r$se, mu_low = r$ci.lb, mu_high = r$ci.ub,
              statistic = as.numeric(r$zval),
              df = if (test %in% c("z", "pl")) NA_real_ else as.numeric(r$ddf),
              p_value = as.numeric(r$pval))
  if (test == "pl") out <- c(out[c("mu", "se", "df")], profile_of_mu(s))
  if (method != "EE") out$prediction <- predictions(r, if (test == "pl") "z" else test, s, method)
  list(shared = list(tau2 = r$tau2, q = r$QE, q_df = r$k - 1, q_p = r$QEp, i2 = r$I2, h2 = r$H2,
                     weights = I(as.numeric(weights(r)))),
       out = out)
}

# ---- the likelihood, written out ----

# In units of the typical standard error, about the first effect, as functions of log tau2, so that
# the tolerances of uniroot and optimize mean the same for every set.
in_own_units <- function(s) {
  y <- as.numeric(s$yi)
  v <- as.numeric(s$vi)
  unit <- exp(mean(log(v)) / 2)
  list(y = (y - y[1]) / unit, v = v / unit^2, unit = unit, start = y[1])
}
height_at <- function(d, mu, tau2) sum(dnorm(d$y, mu, sqrt(d$v + tau2), log = TRUE))
profile_height <- function(d, tau2, method) {
  w <- 1 / (d$v + tau2)
  value <- height_at(d, sum(w * d$y) / sum(w), tau2)
  if (method == "REML") value - log(sum(w)) / 2 else value
}
log_grid <- function(d, n = 3000) {
  seq(log(min(d$v)) - 20, log(diff(range(d$y))^2 + max(d$v)) + 12, length.out = n)
}
# The highest value of f over tau2 >= 0: the best of a grid, and of optimize around it.
highest <- function(f, grid) {
  values <- vapply(grid, function(l) f(exp(l)), 0)
  i <- which.max(values)
  around <- grid[c(max(1, i - 1), min(length(grid), i + 1))]
  best <- optimize(function(l) f(exp(l)), around, maximum = TRUE, tol = 1e-10)
  if (f(0) >= best$objective) list(tau2 = 0, value = f(0))
  else list(tau2 = exp(best$maximum), value = best$objective)
}
profile_of_tau2 <- function(s, method) {
  d <- in_own_units(s)
  grid <- log_grid(d)
  f <- function(tau2) profile_height(d, tau2, method)
  top <- highest(f, grid)
  above <- function(l) f(exp(l)) - top$value + qchisq(.95, 1) / 2
  points <- if (top$tau2 > 0) sort(c(grid, log(top$tau2))) else grid
  inside <- vapply(points, above, 0) > 0
  edge <- function(i) exp(uniroot(above, points[i + 0:1], tol = 1e-14)$root)
  starts <- which(!head(inside, -1) & tail(inside, -1))
  ends <- which(head(inside, -1) & !tail(inside, -1))
  lows <- c(if (inside[1]) 0, vapply(starts, edge, 0))
  highs <- vapply(ends, edge, 0)
  stopifnot(length(lows) == length(highs), length(highs) >= 1)
  list(tau2_low = lows[1] * d$unit^2, tau2_high = tail(highs, 1) * d$unit^2,
       pieces = length(lows), tau2 = top$tau2 * d$unit^2,
       statistic = max(0, 2 * (top$value - f(0))),
       p_value = if (top$tau2 == 0) 1 else pchisq(2 * (top$value - f(0)), 1, lower.tail = FALSE) / 2)
}
profile_of_mu <- function(s) {
  d <- in_own_units(s)
  grid <- log_grid(d, 300)
  top <- highest(function(tau2) profile_height(d, tau2, "ML"), log_grid(d))
  w <- 1 / (d$v + top$tau2)
  centre <- sum(w * d$y) / sum(w)
  lower <- function(mu) {
    wide <- if (abs(mu) > 10 * diff(range(d$y))) seq(grid[1], 2 * log(abs(mu)) + 5, length.out = 300)
      else grid
    2 * (top$value - highest(function(tau2) height_at(d, mu, tau2), wide)$value)
  }
  excess <- function(mu) lower(mu) - qchisq(.95, 1)
  # Outside the effects the ratio only grows; between them every compatible piece is looked for.
  limit <- function(side) {
    far <- if (side < 0) min(d$y) else max(d$y)
    step <- 1 / sqrt(sum(w))
    while (excess(far) < 0) { far <- far + side * step; step <- 2 * step }
    # A piece can be as narrow as the error of the most precise studies: look at each of them too.
    own <- d$y[(d$y - far) * side < 0 & (d$y - centre) * side > 0]
    points <- side * sort(side * c(seq(far, centre, length.out = 200), own), decreasing = TRUE)
    i <- which(vapply(points, excess, 0) < 0)[1]
    uniroot(excess, sort(points[i - 1:0]), tol = 1e-13)$root
  }
  ratio <- max(0, lower(-d$start / d$unit))
  at <- d$start + d$unit * c(limit(-1), limit(1))
  list(mu_low = at[1], mu_high = at[2],
       statistic = sign(d$start + d$unit * centre) * sqrt(ratio),
       p_value = pchisq(ratio, 1, lower.tail = FALSE))
}

tests_of <- function(method) if (method == "ML") TESTS else setdiff(TESTS, "pl")
fits <- list()
for (set in names(sets)) for (method in METHODS) {
  tests <- tests_of(method)
  results <- lapply(tests, function(test) attempt(fit_case(sets[[set]], method, test)))
  names(results) <- tests
  entry <- list(set = set, method = method)
  good <- Filter(Negate(failed), results)
  if (length(good)) entry <- c(entry, good[[1]]$shared)
  entry$tests <- lapply(results, function(r) if (failed(r)) r else r$out)
  fits[[length(fits) + 1]] <- entry
}

# metafor's interval of tau2 and what it makes of it.
metafor_interval <- function(s, method, type) {
  attempt({
    r <- rma(as.numeric(s$yi), as.numeric(s$vi), method = method, control = searching(s))
    interval <- confint(r, type = type,
      control = c(list(tol = 1e-14, maxiter = 10000), search_end(s)))
    stopifnot(interval$ub.sign != ">")
    limits <- interval$random
    list(tau2_low = limits["tau^2", "ci.lb"], tau2_high = limits["tau^2", "ci.ub"],
         i2_low = limits["I^2(%)", "ci.lb"], i2_high = limits["I^2(%)", "ci.ub"],
         h2_low = limits["H^2", "ci.lb"], h2_high = limits["H^2", "ci.ub"])
  })
}
# Higgins and Thompson 2002: Q and the test-based interval of H.
by_q <- function(s) {
  r <- rma(as.numeric(s$yi), as.numeric(s$vi), method = "EE")
  q <- r$QE
  k <- r$k
  h <- max(1, sqrt(q / (k - 1)))
  se <- if (q > k) (log(q) - log(k - 1)) / (sqrt(2 * q) - sqrt(2 * k - 3)) / 2
    else if (k > 2) sqrt(1 / (2 * (k - 2)) * (1 - 1 / (3 * (k - 2)^2))) else NA_real_
  low <- max(1, exp(log(h) - qnorm(.975) * se))
  high <- exp(log(h) + qnorm(.975) * se)
  share <- function(h) 100 * (h^2 - 1) / h^2
  list(h2_q = h^2, h2_q_low = low^2, h2_q_high = high^2,
       i2_q = share(h), i2_q_low = share(low), i2_q_high = share(high))
}
heterogeneity <- lapply(names(sets), function(set) {
  s <- sets[[set]]
  profiles <- lapply(c(ML = "ML", REML = "REML"), function(method) {
    list(written_out = profile_of_tau2(s, method), metafor = metafor_interval(s, method, "PL"))
  })
  list(set = set, QP = metafor_interval(s, "DL", "QP"), PL = profiles, by_q = by_q(s))
})
freeze("inverse_variance.json",
  list(level = 95, methods = I(METHODS), tests = I(TESTS), predictions = I(PREDICTIONS),
    kinds = I(KINDS), sets = sets, fits = fits, heterogeneity = heterogeneity))
