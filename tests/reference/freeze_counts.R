# Freezes Mantel-Haenszel and Peto pooling of metafor's rma.mh and rma.peto, the test of R's
# mantelhaen.test, and the beta-binomial model from its log-gamma likelihood.
# Usage, from any folder:  Rscript tests/reference/freeze_counts.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

plain <- function(columns) lapply(columns, function(x) as.numeric(unclass(x)))

# ---- tables and rates ----

two_rates <- function(x1, t1, x2, t2) {
  list(events_treatment = I(x1), time_treatment = I(t1), events_control = I(x2),
    time_control = I(t2))
}
table_of <- function(source, a, n1, c, n2) {
  use <- !is.na(a) & !is.na(c) & !is.na(n1) & !is.na(n2)
  list(source = source, columns = two_counts(a[use], n1[use], c[use], n2[use]))
}
yusuf <- function(which) {
  d <- subset(dat.yusuf1985, table == which)
  table_of(paste("metadat dat.yusuf1985 table", which), d$ai, d$n1i, d$ci, d$n2i)
}
admitted <- function(sex) as.numeric(UCBAdmissions["Admitted", sex, ])
applied <- function(sex) as.numeric(apply(UCBAdmissions[, sex, ], 2, sum))

tables <- c(two_groups, list(
  collins1985a_bleeding = with(dat.collins1985a, table_of(
    "metadat dat.collins1985a, bleeding", b.xti, nti, b.xci, nci)),
  collins1985a_death = with(dat.collins1985a, table_of(
    "metadat dat.collins1985a, death", d.xti, nti, d.xci, nci)),
  collins1985b = with(dat.collins1985b, table_of(
    "metadat dat.collins1985b, pre-eclampsia", pre.xti, pre.nti, pre.xci, pre.nci)),
  collins1985b_perinatal = with(dat.collins1985b, table_of(
    "metadat dat.collins1985b, perinatal deaths", ped.xti, fup.nti, ped.xci, fup.nci)),
  yusuf1985_6 = yusuf("6"), yusuf1985_9 = yusuf("9"), yusuf1985_10 = yusuf("10"),
  yusuf1985_11 = yusuf("11"), yusuf1985_12a = yusuf("12a"),
  rothman2008_15_1 = table_of("Rothman, Greenland and Lash 2008, Table 15-1",
    c(8, 22), c(106, 98), c(5, 16), c(120, 85)),
  rothman2008_15_5 = table_of("Rothman, Greenland and Lash 2008, Table 15-5",
    c(3, 1), c(12, 4), c(104, 5), c(1163, 91)),
  ucb_admissions = table_of("R datasets UCBAdmissions, men against women",
    admitted("Male"), applied("Male"), admitted("Female"), applied("Female")),
  one_study = table_of("constructed: one study", 3, 10, 2, 12),
  unit_odds_ratio = table_of("constructed: every odds ratio is 1",
    c(3, 3), c(10, 10), c(3, 3), c(10, 10)),
  extreme_odds_ratio = table_of("constructed: odds ratios near 40000",
    c(199, 395, 99), c(200, 400, 100), c(1, 3, 1), c(200, 410, 160)),
  large = table_of("constructed: a million units in a group",
    c(25, 3, 1200), c(1e6, 8e5, 1e6), c(40, 9, 1300), c(1e6, 9e5, 9e5)),
  opposite_zeros = table_of("constructed: no study has an odds ratio of its own",
    c(0, 3), c(10, 10), c(3, 0), c(10, 10)),
  double_zeros = table_of("constructed: most studies without events",
    c(0, 0, 2, 0, 1), c(50, 60, 40, 10, 30), c(0, 0, 1, 0, 4), c(50, 30, 45, 90, 35)),
  none_treated = table_of("constructed: no event under treatment",
    c(0, 0, 0), c(20, 30, 40), c(2, 0, 1), c(20, 30, 40)),
  none_control = table_of("constructed: no event under control",
    c(2, 0, 1), c(20, 30, 40), c(0, 0, 0), c(20, 30, 40)),
  no_event = table_of("constructed: no event", c(0, 0), c(20, 30), c(0, 0), c(25, 35)),
  every_event = table_of("constructed: nothing but events",
    c(20, 30), c(20, 30), c(25, 35), c(25, 35))
))
rates_by_arm <- list(
  nielweise2008 = list(source = "metadat dat.nielweise2008",
    columns = with(dat.nielweise2008, two_rates(x1i, t1i, x2i, t2i))),
  hart1999 = list(source = "metadat dat.hart1999",
    columns = with(dat.hart1999, two_rates(x1i, t1i, x2i, t2i))),
  rothman2008_15_2 = list(source = "Rothman, Greenland and Lash 2008, Table 15-2",
    columns = two_rates(c(32, 104, 206, 186, 102), c(52407, 43248, 28612, 12663, 5317) / 10000,
      c(2, 12, 28, 28, 31), c(18790, 10673, 5710, 2585, 1462) / 10000)),
  edges = list(source = "constructed: every pattern of zeros, uneven times",
    columns = two_rates(c(0, 3, 0, 5), c(10, 20.5, 30, 8), c(0, 2, 4, 0), c(5, 20, 30, 9))),
  one_rate = list(source = "constructed: one study",
    columns = two_rates(4, 10.5, 7, 9.25)),
  extreme_times = list(source = "constructed: times a million apart",
    columns = two_rates(c(4, 12), c(1e6, .25), c(7, 9), c(2e6, .125))),
  none_treated = list(source = "constructed: no event under treatment",
    columns = two_rates(c(0, 0), c(10, 20), c(3, 1), c(11, 19))),
  no_event = list(source = "constructed: no event",
    columns = two_rates(c(0, 0), c(10, 20), c(0, 0), c(11, 19)))
)

fields_of <- function(r, measure) {
  mu <- as.numeric(r$beta)
  if (is.na(mu)) return(list(mu = NA))
  list(mu = mu, se = as.numeric(r$se), mu_low = as.numeric(r$ci.lb),
    mu_high = as.numeric(r$ci.ub), statistic = as.numeric(r$zval), p_value = as.numeric(r$pval),
    q = as.numeric(r$QE), q_studies = r$k.yi, q_p = as.numeric(r$QEp), i2 = as.numeric(r$I2),
    h2 = as.numeric(r$H2), weights = I(as.numeric(weights(r))))
}
test_of <- function(statistic, df, p) {
  list(statistic = as.numeric(statistic), df = df, p_value = as.numeric(p))
}
none <- list(add = 0, to = "none", drop00 = c(TRUE, FALSE))

mh_case <- function(set, measure, d) {
  columns <- plain(d$columns)
  names(columns) <- if (measure %in% c("IRR", "IRD")) c("x1i", "t1i", "x2i", "t2i")
    else c("ai", "n1i", "ci", "n2i")
  fit <- function(correct) {
    attempt(do.call(rma.mh, c(columns, none, list(measure = measure, correct = correct))))
  }
  r <- fit(TRUE)
  case <- list(set = set, measure = measure)
  if (failed(r)) return(c(case, r))
  case <- c(case, fields_of(r, measure))
  if (measure %in% c("OR", "IRR")) {
    uncorrected <- fit(FALSE)
    case$cmh_corrected <- test_of(r$MH, 1, r$MHp)
    case$cmh <- test_of(uncorrected$MH, 1, uncorrected$MHp)
  }
  if (measure == "OR") {
    case$breslow_day <- test_of(r$BD, r$k.pos - 1, r$BDp)
    case$tarone <- test_of(r$TA, r$k.pos - 1, r$TAp)
  }
  case
}
peto_case <- function(set, d) {
  columns <- plain(d$columns)
  names(columns) <- c("ai", "n1i", "ci", "n2i")
  case <- list(set = set, measure = "PETO")
  r <- attempt(do.call(rma.peto, c(columns, none)))
  if (failed(r)) c(case, r) else c(case, fields_of(r, "PETO"))
}
# R's own Cochran-Mantel-Haenszel test and odds ratio: it corrects only where 0.5 is no more than
# the distance.
base_case <- function(set, d) {
  columns <- plain(d$columns)
  k <- length(columns[[1]])
  if (k < 2) return(NULL)
  array <- array(rbind(columns[[1]], columns[[3]], columns[[2]] - columns[[1]],
    columns[[4]] - columns[[3]]), c(2, 2, k))
  with <- attempt(mantelhaen.test(array, correct = TRUE))
  without <- attempt(mantelhaen.test(array, correct = FALSE))
  if (failed(with) || is.nan(with$statistic) || is.nan(with$conf.int[1])) return(NULL)
  list(set = set, cmh_corrected = test_of(with$statistic, 1, with$p.value),
    cmh = test_of(without$statistic, 1, without$p.value), estimate = as.numeric(with$estimate),
    low = with$conf.int[1], high = with$conf.int[2])
}

grid <- function(measures, sets) {
  unlist(lapply(names(sets), function(set) {
    lapply(measures, function(m) mh_case(set, m, sets[[set]]))
  }), recursive = FALSE)
}
mh <- c(grid(c("OR", "RR", "RD"), tables), grid(c("IRR", "IRD"), rates_by_arm))
peto_cases <- lapply(names(tables), function(set) peto_case(set, tables[[set]]))
base <- Filter(Negate(is.null), lapply(names(tables), function(set) base_case(set, tables[[set]])))

# ---- beta-binomial ----

# Everything from alpha = p/r, beta = (1 - p)/r through lgamma, digamma and trigamma.
bb_loglik <- function(x, n, mu, r) {
  if (r == 0) return(sum(dbinom(x, n, plogis(mu), log = TRUE)))
  a <- plogis(mu) / r
  b <- plogis(-mu) / r
  sum(lchoose(n, x) + lgamma(x + a) + lgamma(n - x + b) - lgamma(n + a + b) -
    lgamma(a) - lgamma(b) + lgamma(a + b))
}
bb_mu <- function(x, n, r) {
  if (r == 0) return(qlogis(sum(x) / sum(n)))
  f <- function(mu) {
    a <- plogis(mu) / r
    b <- plogis(-mu) / r
    sum(digamma(x + a) - digamma(a)) - sum(digamma(n - x + b) - digamma(b))
  }
  mu <- uniroot(f, c(-12, 12), tol = 1e-14, maxiter = 1e4)$root
  for (turn in 1:3) {
    a <- plogis(mu) / r
    b <- plogis(-mu) / r
    slope <- (sum(trigamma(x + a) - trigamma(a)) + sum(trigamma(n - x + b) - trigamma(b))) *
      plogis(mu) * plogis(-mu) / r
    mu <- mu - f(mu) / slope
  }
  mu
}
bb_profile <- function(x, n, r) bb_loglik(x, n, bb_mu(x, n, r), r)
bb_slope <- function(x, n, s) {
  r <- exp(s)
  mu <- bb_mu(x, n, r)
  a <- plogis(mu) / r
  b <- plogis(-mu) / r
  -sum(a * (digamma(x + a) - digamma(a)) + b * (digamma(n - x + b) - digamma(b)) -
    (digamma(n + 1 / r) - digamma(1 / r)) / r)
}
bb_se <- function(x, n, mu, r) {
  p <- plogis(mu)
  if (r == 0) return(1 / sqrt(sum(n) * p * (1 - p)))
  a <- p / r
  b <- (1 - p) / r
  both <- sum(trigamma(a + b) - trigamma(n + a + b))
  second <- matrix(c(sum(trigamma(x + a) - trigamma(a)) + both, both, both,
    sum(trigamma(n - x + b) - trigamma(b)) + both), 2)
  by_mu <- p * (1 - p) / r
  jacobian <- cbind(c(by_mu, -by_mu), c(-a, -b))
  sqrt(solve(-t(jacobian) %*% second %*% jacobian)[1, 1])
}

bb_sets <- c(one_group[c("nielweise2007_control", "nielweise2007_treated", "pritz1997",
  "debruin2009", "miller1978", "edges", "no_zero_cell")], list(
  hahn2001_control = list(source = "metadat dat.hahn2001, ci of n2i",
    columns = with(dat.hahn2001, counts(ci, n2i))),
  li2007_control = list(source = "metadat dat.li2007, ci of n2i",
    columns = with(dat.li2007, counts(ci, n2i))),
  bcg_treated = list(source = "metadat dat.bcg, tpos of tpos + tneg",
    columns = with(bcg, counts(tpos, tpos + tneg))),
  hine1989_treated = list(source = "metadat dat.hine1989, ai of n1i",
    columns = with(dat.hine1989, counts(ai, n1i))),
  yusuf1985_table6_treated = list(source = "metadat dat.yusuf1985 table 6, ai of n1i",
    columns = with(yusuf_6, counts(ai, n1i))),
  rare_events = list(source = "constructed: 7 events in ten studies",
    columns = counts(c(0, 1, 0, 2, 0, 0, 1, 1, 0, 2), c(40, 60, 25, 80, 50, 30, 70, 90, 45, 110))),
  two_studies = list(source = "constructed: two studies",
    columns = counts(c(2, 14), c(20, 25))),
  identical = list(source = "constructed: one proportion in all studies",
    columns = counts(c(3, 6, 9), c(10, 20, 30))),
  two_maxima_inside = list(source = "constructed: maxima at rho = 0 and, higher, inside",
    columns = counts(c(1, 1), c(5, 586))),
  two_maxima_zero = list(source = "constructed: maxima inside and, higher, at rho = 0",
    columns = counts(c(1, 33), c(10, 80))),
  one_mixed = list(source = "constructed: all studies but one at 0 or 100 per cent",
    columns = counts(c(0, 10, 0, 12, 4), c(10, 10, 15, 12, 9)))
))

bb_case <- function(set) {
  d <- bb_sets[[set]]
  x <- as.numeric(unclass(d$columns$events))
  n <- as.numeric(unclass(d$columns$total))
  s <- log(c(10^seq(log10(.05 / max(n)), 3, length.out = 60)))
  slopes <- sapply(s, function(s) bb_slope(x, n, s))
  turns <- which(slopes[-length(s)] > 0 & slopes[-1] <= 0)
  r <- c(0, sapply(turns, function(i) {
    exp(uniroot(function(s) bb_slope(x, n, s), s[c(i, i + 1)], tol = 1e-15, maxiter = 1e4)$root)
  }))
  r <- unlist(r)
  values <- sapply(r, function(r) bb_profile(x, n, r))
  r <- r[which.max(values)]
  value <- max(values)
  mu <- bb_mu(x, n, r)
  k <- length(x)
  # the distribution sums to 1, and a general minimiser finds no better point
  if (r > 0 && max(n) < 5000) {
    for (size in unique(n)) {
      total <- sum(exp(sapply(0:size, function(x) bb_loglik(x, size, mu, r))))
      stopifnot(abs(total - 1) < 1e-9)
    }
  }
  # below the grid log-gammas of 1/r leave only noise
  free <- optim(c(mu + .3, log(max(r, .01)) - .5),
    function(at) if (at[2] < min(s)) 1e10 else -bb_loglik(x, n, at[1], exp(at[2])))
  stopifnot(-free$value <= value + 1e-7)
  if (r > 0) stopifnot(abs(-free$value - value) < 1e-3)
  height <- function(s) bb_profile(x, n, exp(s)) - value + qchisq(.95, 1) / 2
  start <- if (r > 0) log(r) else min(s)
  low <- if (bb_profile(x, n, 0) - value + qchisq(.95, 1) / 2 >= 0) 0
    else exp(uniroot(height, c(min(s), start), tol = 1e-14, maxiter = 1e4)$root)
  high <- exp(uniroot(height, c(start, start + 1), tol = 1e-14, extendInt = "downX",
    maxiter = 1e4)$root)
  se <- bb_se(x, n, mu, r)
  p <- plogis(mu)
  alpha <- if (r > 0) p / r else Inf
  beta <- if (r > 0) (1 - p) / r else Inf
  quantiles <- if (r > 0) qbeta(c(.025, .25, .5, .975), alpha, beta) else rep(p, 4)
  list(set = set, source = d$source, events = d$columns$events, total = d$columns$total,
    mu = mu, se = se, p = p, se_p = p * (1 - p) * se,
    mu_low = mu - qt(.975, k - 1) * se, mu_high = mu + qt(.975, k - 1) * se,
    wald_low = mu - qnorm(.975) * se, wald_high = mu + qnorm(.975) * se,
    rho = r / (1 + r), rho_low = low / (1 + low), rho_high = high / (1 + high),
    alpha = alpha, beta = beta, loglik = value, quantiles = I(quantiles))
}

data_of <- function(sets) lapply(sets, function(d) c(list(source = d$source), d$columns))
freeze("counts.json", list(level = 95, tables = data_of(tables), rates = data_of(rates_by_arm),
  mantel_haenszel = mh, peto = peto_cases, mantelhaen_test = base,
  beta_binomial = lapply(names(bb_sets), bb_case)))
