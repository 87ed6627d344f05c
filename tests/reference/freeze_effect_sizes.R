# Freezes effects, sampling variances and back-transformations of metafor's escalc.
# Usage, from any folder:  Rscript tests/reference/freeze_effect_sizes.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

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
