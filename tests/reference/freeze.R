# Freezes the numbers of R metafor that the reference tests compare with.
# Usage, from any folder:  Rscript tests/reference/freeze.R
# Needs metafor, metadat and (for the GLMMs) lme4. Writes three JSON files beside this script.

suppressPackageStartupMessages({
  library(metafor)
  library(metadat)
})

TIGHT <- list(threshold = 1e-12, maxiter = 10000, tol = 1e-14)
METHODS <- c("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")
TESTS <- c("z", "t", "knha", "adhoc")

# JSON with 17 significant digits: every double survives. NA is null, infinities are strings.

json_number <- function(x) {
  if (is.na(x)) return("null")
  if (is.infinite(x)) return(if (x > 0) '"inf"' else '"-inf"')
  sprintf("%.17g", x)
}

json_text <- function(x) {
  if (is.na(x)) return("null")
  x <- gsub("\\", "\\\\", x, fixed = TRUE)
  x <- gsub('"', '\\"', x, fixed = TRUE)
  paste0('"', gsub("[[:cntrl:]]+", " ", x), '"')
}

json <- function(x, indent = "") {
  deeper <- paste0(indent, " ")
  if (is.null(x)) return("null")
  if (is.list(x)) {
    if (length(x) == 0) return(if (is.null(names(x))) "[]" else "{}")
    parts <- vapply(x, json, "", indent = deeper)
    if (is.null(names(x))) {
      return(paste0("[\n", paste0(deeper, parts, collapse = ",\n"), "\n", indent, "]"))
    }
    keys <- vapply(names(x), json_text, "")
    return(paste0("{\n", paste0(deeper, keys, ": ", parts, collapse = ",\n"), "\n", indent, "}"))
  }
  scalar <- !inherits(x, "AsIs") && length(x) == 1
  x <- unclass(x)
  cells <- if (is.character(x)) vapply(x, json_text, "")
    else if (is.logical(x)) ifelse(is.na(x), "null", tolower(as.character(x)))
    else vapply(as.numeric(x), json_number, "")
  if (scalar) cells else paste0("[", paste(cells, collapse = ", "), "]")
}

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
FOLDER <- dirname(normalizePath(script))

freeze <- function(name, content) {
  versions <- list(
    R = paste(R.version$major, R.version$minor, sep = "."),
    metafor = as.character(packageVersion("metafor")),
    metadat = as.character(packageVersion("metadat"))
  )
  if (name == "glmm.json") versions$lme4 <- as.character(packageVersion("lme4"))
  text <- json(c(list(versions = versions), content))
  out <- file(file.path(FOLDER, name), "wb")
  writeLines(text, out, sep = "\n")
  close(out)
}

# The value of an expression, or a list(error = ...) with metafor's own words.
attempt <- function(expression) {
  tryCatch(suppressWarnings(expression), error = function(e) list(error = conditionMessage(e)))
}
failed <- function(x) is.list(x) && identical(names(x), "error")

# ---- data ----

counts <- function(x, n) list(events = I(x), total = I(n))
rates <- function(x, t) list(events = I(x), time = I(t))
two_counts <- function(ai, n1i, ci, n2i) {
  list(events_treatment = I(ai), total_treatment = I(n1i), events_control = I(ci),
    total_control = I(n2i))
}
two_means <- function(d) {
  list(mean_treatment = I(d$m1i), sd_treatment = I(d$sd1i), n_treatment = I(d$n1i),
       mean_control = I(d$m2i), sd_control = I(d$sd2i), n_control = I(d$n2i))
}
change <- function(mean_pre, sd_pre, mean_post, sd_post, n, correlation) {
  list(mean_pre = I(mean_pre), sd_pre = I(sd_pre), mean_post = I(mean_post),
       sd_post = I(sd_post), n = I(n), correlation = I(correlation))
}

bcg <- dat.bcg
normand <- dat.normand1999
normand_sd <- with(normand, sqrt(((n1i - 1) * sd1i^2 + (n2i - 1) * sd2i^2) / (n1i + n2i - 2)))
normand_pooled <- within(normand, { sd1i <- normand_sd; sd2i <- normand_sd })
gibson <- subset(dat.gibson2002, !is.na(m1i) & !is.na(m2i) & !is.na(sd1i) & !is.na(sd2i))
yusuf_6 <- subset(dat.yusuf1985, table == "6" & !is.na(ai) & !is.na(ci))

morris_treated <- change(
  c(30.6, 23.5, 0.5, 53.4, 35.6), c(15.0, 3.1, 0.1, 14.5, 4.7),
  c(38.5, 26.8, 0.7, 75.9, 36.0), c(11.6, 4.1, 0.1, 4.4, 4.6),
  c(20, 50, 9, 10, 14), c(.47, .64, .77, .89, .44))
morris_control <- change(
  c(23.1, 24.9, 0.6, 55.7, 34.8), c(13.8, 4.1, 0.2, 17.3, 3.1),
  c(19.7, 25.3, 0.6, 60.7, 33.4), c(14.8, 3.3, 0.2, 17.9, 6.9),
  c(20, 42, 9, 11, 14), c(.47, .64, .77, .89, .44))
change_edges <- change(
  c(5, 5, 5, 5), c(1, 2, 3, .5), c(5, 1, 9, 5.25), c(1, 2, 0.5, .5), c(3, 4, 100, 2000),
    c(0, .5, -.3, .99))

one_group <- list(
  nielweise2007_control = list(source = "metadat dat.nielweise2007, ci of n2i",
    columns = with(dat.nielweise2007, counts(ci, n2i))),
  nielweise2007_treated = list(source = "metadat dat.nielweise2007, ai of n1i",
    columns = with(dat.nielweise2007, counts(ai, n1i))),
  pritz1997 = list(source = "metadat dat.pritz1997, xi of ni",
    columns = with(dat.pritz1997, counts(xi, ni))),
  debruin2009 = list(source = "metadat dat.debruin2009, xi of ni",
    columns = with(dat.debruin2009, counts(xi, ni))),
  miller1978 = list(source = "Miller 1978, p. 138",
    columns = counts(c(3, 6, 10, 1), c(11, 17, 21, 6))),
  edges = list(source = "constructed: no event, every event, one unit, one event in a million",
    columns = counts(c(0, 0, 1, 0, 5, 10, 1, 999999), c(1, 40, 1, 1000, 10, 10, 1000000, 1000000))),
  no_zero_cell = list(source = "constructed: neither a zero nor a full cell",
    columns = counts(c(1, 5, 30), c(2, 11, 31)))
)
one_rate <- list(
  nielweise2008_control = list(source = "metadat dat.nielweise2008, x2i in t2i days",
    columns = with(dat.nielweise2008, rates(x2i, t2i))),
  nielweise2008_treated = list(source = "metadat dat.nielweise2008, x1i in t1i days",
    columns = with(dat.nielweise2008, rates(x1i, t1i))),
  edges = list(source = "constructed: no event, less than one unit of time",
    columns = rates(c(0, 0, 1, 250), c(.25, 1e6, 1e-3, 1000)))
)
two_groups <- list(
  bcg = list(source = "metadat dat.bcg",
    columns = with(bcg, two_counts(tpos, tpos + tneg, cpos, cpos + cneg))),
  li2007 = list(source = "metadat dat.li2007",
    columns = with(dat.li2007, two_counts(ai, n1i, ci, n2i))),
  hahn2001 = list(source = "metadat dat.hahn2001",
    columns = with(dat.hahn2001, two_counts(ai, n1i, ci, n2i))),
  hine1989 = list(source = "metadat dat.hine1989",
    columns = with(dat.hine1989, two_counts(ai, n1i, ci, n2i))),
  nielweise2007 = list(source = "metadat dat.nielweise2007",
    columns = with(dat.nielweise2007, two_counts(ai, n1i, ci, n2i))),
  edges = list(source = "constructed: every pattern of zero and full cells",
    columns = two_counts(c(0, 0, 5, 5, 0, 10, 3, 1), c(10, 12, 5, 5, 9, 10, 40, 2),
                         c(0, 3, 6, 0, 8, 4, 2, 1), c(9, 12, 6, 7, 8, 10, 38, 2)))
)
two_group_means <- list(
  normand1999 = list(source = "metadat dat.normand1999", columns = two_means(normand)),
  normand1999_pooled_sd = list(source = "metadat dat.normand1999, both groups with the pooled SD",
    columns = two_means(normand_pooled)),
  gibson2002 = list(source = "metadat dat.gibson2002, rows with means and SDs",
    columns = two_means(gibson)),
  edges = list(source = "constructed: groups of two, equal means, a large difference",
    columns = list(mean_treatment = I(c(1, 5, 100, -3)), sd_treatment = I(c(1, 2, 1, .01)),
                   n_treatment = I(c(2, 4, 10, 5000)), mean_control = I(c(2, 5, 10, -3.001)),
                   sd_control = I(c(.5, 3, 2, .02)), n_control = I(c(2, 5, 12, 4000))))
)
changes <- list(
  morris2008_treated = list(source = "Morris 2008, Table 5, treated", columns = morris_treated),
  morris2008_control = list(source = "Morris 2008, Table 5, control", columns = morris_control),
  edges = list(source = "constructed: no change, r of 0, negative and near 1, n of 3 and 2000",
    columns = change_edges)
)

# Changes are post minus pre: metafor's first occasion is the one after. SMCR divides by sd1i
# alone, so sd1i is the SD before.
escalc_arguments <- function(measure, d) {
  if (measure %in% c("PR", "PLN", "PLO", "PAS", "PFT")) return(list(xi = d$events, ni = d$total))
  if (measure == "IRLN") return(list(xi = d$events, ti = d$time))
  if (measure %in% c("OR", "RR", "RD")) {
    return(list(ai = d$events_treatment, n1i = d$total_treatment, ci = d$events_control,
      n2i = d$total_control))
  }
  if (measure %in% c("MD", "SMD")) {
    return(list(m1i = d$mean_treatment, sd1i = d$sd_treatment, n1i = d$n_treatment,
                m2i = d$mean_control, sd2i = d$sd_control, n2i = d$n_control))
  }
  if (!is.null(d$sd_change) && measure != "SMCR") {
    zero <- rep(0, length(d$n))
    return(list(m1i = d$mean_post, m2i = d$mean_pre, sd1i = d$sd_change, sd2i = zero, ri = zero,
      ni = d$n))
  }
  if (measure == "SMCR") {
    return(list(m1i = d$mean_post, m2i = d$mean_pre, sd1i = d$sd_pre, ni = d$n, ri = d$correlation))
  }
  list(m1i = d$mean_post, m2i = d$mean_pre, sd1i = d$sd_post, sd2i = d$sd_pre, ni = d$n,
    ri = d$correlation)
}

escalc_plain <- function(measure, columns, ...) {
  plain <- lapply(columns, function(x) as.numeric(unclass(x)))
  arguments <- c(list(measure = measure, ...), escalc_arguments(measure, plain))
  e <- suppressWarnings(do.call(escalc, arguments))
  list(yi = as.numeric(e$yi), vi = as.numeric(e$vi))
}

# ---- effect sizes ----

morris_sd_change <- morris_treated
morris_sd_change$sd_change <- I(with(lapply(morris_treated, unclass),
  sqrt(sd_pre^2 + sd_post^2 - 2 * correlation * sd_pre * sd_post)))
changes_with_sd <- c(changes, list(morris2008_sd_change = list(
  source = "Morris 2008, Table 5, treated, SD of the change given", columns = morris_sd_change)))

# No add/to: metafor's default for the measure. `none` leaves out what is then infinite (null).
RULES <- list(
  list(), list(add = 0.5, to = "only0"), list(add = 0.5, to = "all"),
  list(add = 0.5, to = "if0all"), list(add = 0.5, to = "none"),
  list(add = 0.1, to = "only0"), list(add = 0, to = "only0"))

effect_cases <- list()
effect_case <- function(measure, family, rules) {
  for (set in names(family)) for (rule in rules) {
    e <- do.call(escalc_plain, c(list(measure, family[[set]]$columns), rule))
    effect_cases[[length(effect_cases) + 1]] <<- list(
      measure = measure, set = set, source = family[[set]]$source,
      add = if (is.null(rule$add)) NA_real_ else rule$add,
        to = if (is.null(rule$to)) NA_character_ else rule$to,
      columns = family[[set]]$columns, yi = I(e$yi), vi = I(e$vi))
  }
}
for (measure in c("PR", "PLN", "PLO", "PAS", "PFT")) effect_case(measure, one_group, RULES)
effect_case("IRLN", one_rate, RULES)
for (measure in c("OR", "RR", "RD")) effect_case(measure, two_groups, RULES)
for (measure in c("MD", "SMD")) effect_case(measure, two_group_means, RULES[1])
for (measure in c("MC", "SMCC", "SMCR")) effect_case(measure, changes_with_sd, RULES[1])

natural_cases <- list()
natural_case <- function(measure, x, value, sizes = NULL) {
  natural_cases[[length(natural_cases) + 1]] <<- c(list(measure = measure, x = I(x)),
    if (!is.null(sizes)) list(sizes = I(sizes)), list(value = I(value)))
}
arcsine <- seq(-0.1, 1.7, by = 0.05)
wide <- seq(-12, 12, by = 0.75)
natural_case("PR", arcsine, arcsine)
natural_case("PLN", wide, exp(wide))
natural_case("PLO", wide, transf.ilogit(wide))
natural_case("PAS", arcsine, transf.iarcsin(arcsine))
natural_case("IRLN", wide, exp(wide))
natural_case("OR", wide, exp(wide))
natural_case("RR", wide, exp(wide))
for (set in one_group) {
  sizes <- as.numeric(unclass(set$columns$total))
  natural_case("PFT", arcsine, transf.ipft.hm(arcsine, targs = list(ni = sizes)), sizes)
}
freeze("effect_sizes.json", list(cases = effect_cases, natural = natural_cases))

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
freeze("glmm.json", list(level = 95, cases = lapply(names(glmm_sets), glmm_case)))
