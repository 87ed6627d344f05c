# Freezes effects, sampling variances and back-transformations of metafor's escalc, and limits of
# single studies by R's own tests.
# Usage, from any folder:  Rscript tests/reference/freeze_effect_sizes.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

# ---- data of the measures that only this script freezes ----

two_rates_of <- function(x1, t1, x2, t2) {
  list(events_treatment = I(x1), time_treatment = I(t1), events_control = I(x2),
    time_control = I(t2))
}
one_mean_of <- function(mean, sd, n) list(mean = I(mean), sd = I(sd), n = I(n))
correlations_of <- function(r, n) list(correlation = I(r), n = I(n))

rates <- c(one_rate, list(
  hart1999_control = list(source = "metadat dat.hart1999, x2i in t2i years",
    columns = with(dat.hart1999, rates(x2i, t2i)))))
two_rates <- list(
  nielweise2008 = list(source = "metadat dat.nielweise2008, days",
    columns = with(dat.nielweise2008, two_rates_of(x1i, t1i, x2i, t2i))),
  hart1999 = list(source = "metadat dat.hart1999, years",
    columns = with(dat.hart1999, two_rates_of(x1i, t1i, x2i, t2i))),
  edges = list(source = "constructed: no event in one arm, in both; very short and very long times",
    columns = two_rates_of(c(0, 0, 5, 1, 250, 2), c(10, 12.5, 5, 1e-3, 1000, 1e6),
                           c(0, 3, 0, 1, 240, 0), c(9, 12, 6.25, 1e6, 1100, 1e-2)))
)
one_mean <- list(
  normand1999_control = list(source = "metadat dat.normand1999, routine care",
    columns = with(normand, one_mean_of(m2i, sd2i, n2i))),
  gibson2002_treated = list(source = "metadat dat.gibson2002, group 1 of rows with means and SDs",
    columns = with(gibson, one_mean_of(m1i, sd1i, n1i))),
  edges = list(source = "constructed: a mean of zero, below zero, n of 2, n of a million, SD of zero",
    columns = one_mean_of(c(0, -3.5, 12, 1e-6, 4), c(1, .25, 1e3, 1e-9, 0), c(2, 40, 3, 1e6, 9)))
)
curtis <- dat.curtis1998
ratios_of_means <- list(
  curtis1998 = list(source = "metadat dat.curtis1998", columns = two_means(curtis)),
  normand1999 = two_group_means$normand1999,
  edges = list(
    source = "constructed: equal means, 1 to 1e9, a zero, one below zero, both below zero, n of 2",
    columns = list(mean_treatment = I(c(5, 1e-3, 0, -1, -2, 3)),
      sd_treatment = I(c(1, 1e-4, 1, 1, 1, 4)), n_treatment = I(c(4, 10, 5, 5, 5, 2)),
      mean_control = I(c(5, 1e6, 3, 2, -3, 2)), sd_control = I(c(2, 1e5, 1, 1, 1, .5)),
      n_control = I(c(5, 12, 6, 6, 6, 2))))
)
correlations <- list(
  molloy2014 = list(source = "metadat dat.molloy2014",
    columns = with(dat.molloy2014, correlations_of(ri, ni))),
  crede2010 = list(source = "metadat dat.crede2010",
    columns = with(dat.crede2010, correlations_of(ri, ni))),
  edges = list(source = "constructed: no correlation, nearly 1, 1 and -1, n of 2 to 5, of a million",
    columns = correlations_of(c(0, .999999, -.3, 1, -1, .5, .5, .5, .5, 1e-4),
                              c(20, 30, 8, 20, 20, 2, 3, 4, 5, 1e6)))
)

shared_arguments <- escalc_arguments
escalc_arguments <- function(measure, d) {
  if (measure %in% c("IR", "IRS")) return(list(xi = d$events, ti = d$time))
  if (measure == "AS") return(shared_arguments("OR", d))
  if (measure %in% c("IRR", "IRD")) {
    return(list(x1i = d$events_treatment, t1i = d$time_treatment, x2i = d$events_control,
      t2i = d$time_control))
  }
  if (measure == "MN") return(list(mi = d$mean, sdi = d$sd, ni = d$n))
  if (measure == "ROM") return(shared_arguments("MD", d))
  if (measure %in% c("COR", "ZCOR")) return(list(ri = d$correlation, ni = d$n))
  shared_arguments(measure, d)
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
for (measure in c("IR", "IRLN", "IRS")) effect_case(measure, rates, RULES)
for (measure in c("OR", "RR", "RD", "AS")) effect_case(measure, two_groups, RULES)
for (measure in c("IRR", "IRD")) effect_case(measure, two_rates, RULES)
effect_case("MN", one_mean, RULES[1])
effect_case("ROM", ratios_of_means, RULES[1])
for (measure in c("COR", "ZCOR")) effect_case(measure, correlations, RULES[1])
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
for (measure in c("IRLN", "OR", "RR", "ROM", "IRR")) natural_case(measure, wide, exp(wide))
natural_case("IRS", wide, transf.isqrt(wide))
natural_case("ZCOR", wide, transf.ztor(wide))
for (measure in c("IR", "MN", "MC", "SMCC", "SMCR", "RD", "AS", "MD", "SMD", "IRD", "COR")) {
  natural_case(measure, wide, wide)
}
for (set in one_group) {
  sizes <- as.numeric(unclass(set$columns$total))
  natural_case("PFT", arcsine, transf.ipft.hm(arcsine, targs = list(ni = sizes)), sizes)
}
# The same value at single study sizes, for the range that the choice of one size leaves.
ends <- c(2, 6, 11, 40, 1000, 1e6)
for (n in ends) natural_case("PFT", arcsine, transf.ipft(arcsine, ni = rep(n, length(arcsine))), n)

# ---- limits of single studies ----

limit_cases <- list()
limit_case <- function(measures, set, level, limits) {
  plain <- lapply(set$columns, function(x) as.numeric(unclass(x)))
  found <- suppressWarnings(do.call(mapply, c(list(FUN = limits, level = level / 100),
    unname(plain))))
  for (measure in measures) {
    limit_cases[[length(limit_cases) + 1]] <<- list(measure = measure, source = set$source,
      level = level, columns = set$columns, low = I(found[1, ]), high = I(found[2, ]))
  }
}
wilson_of <- function(x, n, level) prop.test(x, n, correct = FALSE, conf.level = level)$conf.int
poisson_of <- function(x, t, level) poisson.test(x, t, conf.level = level)$conf.int
fisher_of <- function(r, n, level) {
  if (n <= 3) return(c(NA, NA))
  transf.ztor(transf.rtoz(r) + c(-1, 1) * qnorm((1 + level) / 2) / sqrt(n - 3))
}
for (level in c(95, 90)) {
  for (set in one_group[c("pritz1997", "nielweise2007_control", "edges")]) {
    limit_case(c("PR", "PLO"), set, level, wilson_of)
  }
  for (set in rates) limit_case(c("IR", "IRLN", "IRS"), set, level, poisson_of)
  for (set in correlations) limit_case(c("COR", "ZCOR"), set, level, fisher_of)
}
freeze("effect_sizes.json",
  list(cases = effect_cases, natural = natural_cases, limits = limit_cases))
