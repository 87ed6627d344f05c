# Freezes multiverses of published data: every combination of which studies are pooled and how, the
# two kinds of choices of Voracek, Kossmeier and Tran (2019, doi 10.1027/2151-2604/a000357), each
# computed by metafor alone.
# Usage, from any folder:  Rscript tests/reference/freeze_multiverse.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

# A choice is a list of settings; `exclude` names a column and the level of it that is left out.
choice <- function(name, ...) list(name = name, ...)
methods <- function(first, ...) {
  c(list(choice(first)), lapply(c(...), function(m) choice(m, method = m)))
}
intervals <- function(first, ...) {
  c(list(choice(first)), lapply(c(...), function(t) choice(t, test = t)))
}
without <- function(name, column, level) {
  choice(name, exclude = setNames(list(level), column))
}

BACK <- list(PR = identity, PLO = plogis, PAS = function(x) sin(x)^2, IR = identity, IRLN = exp,
  IRS = function(x) x^2, RR = exp, OR = exp, MD = identity, MC = identity, SMD = identity,
  COR = identity, ZCOR = tanh)
ENDS <- list(PR = c(0, 1), PAS = c(0, pi / 2), IR = c(0, Inf), IRS = c(0, Inf), COR = c(-1, 1))
COMPARED <- c("RR", "OR", "MD", "MC", "SMD", "COR", "ZCOR")

effects_of <- function(measure, d, s) {
  corrected <- if (is.null(s$to)) list() else list(to = s$to)
  if (!is.null(s$add)) corrected$add <- s$add
  if (measure %in% c("COR", "ZCOR")) {
    return(escalc(measure = measure, ri = d$correlation, ni = d$n))
  }
  if (measure %in% c("IR", "IRLN", "IRS")) {
    return(do.call(escalc, c(list(measure = measure, xi = d$events, ti = d$time), corrected)))
  }
  if (measure == "MC") d$correlation <- rep(s$correlation, length(d$n))
  do.call(escalc, c(list(measure = measure), escalc_arguments(measure, d), corrected))
}

specification <- function(set, taken) {
  s <- list(measure = set$measure, method = "REML", test = "adhoc", correlation = 0.5)
  keep <- rep(TRUE, length(set$columns[[1]]))
  for (of in taken) {
    s[setdiff(names(of), c("name", "exclude"))] <- of[setdiff(names(of), c("name", "exclude"))]
    for (column in names(of$exclude)) {
      keep <- keep & as.character(unclass(set$columns[[column]])) != of$exclude[[column]]
    }
  }
  d <- lapply(set$columns, function(x) unclass(x)[keep])
  e <- effects_of(s$measure, d, s)
  r <- suppressWarnings(rma(e$yi, e$vi, method = s$method, test = s$test, control = TIGHT))
  model <- c(as.numeric(r$beta), r$ci.lb, r$ci.ub)
  ends <- ENDS[[s$measure]]
  if (!is.null(ends)) model <- pmin(pmax(model, ends[1]), ends[2])
  natural <- BACK[[s$measure]](model)
  I(c(r$k, natural, if (s$measure %in% COMPARED) r$pval else NA,
    if (s$method == "EE") NA else r$tau2))
}

set <- function(source, measure, columns, ...) {
  decisions <- list(...)
  list(source = source, measure = measure, columns = columns,
    decisions = lapply(names(decisions), function(n) list(name = n, choices = decisions[[n]])))
}
words <- function(condition, yes, no) I(ifelse(condition, yes, no))

sets <- list(
  bcg = set("metadat dat.bcg", "RR",
    c(with(bcg, two_counts(tpos, tpos + tneg, cpos, cpos + cneg)),
      list(alloc = I(bcg$alloc), place = words(bcg$ablat >= 33, "north", "south"),
        begun = words(bcg$year < 1950, "before 1950", "later"))),
    "Allocation" = list(choice("any"), without("not systematic", "alloc", "systematic"),
      without("not alternate", "alloc", "alternate"), without("not random", "alloc", "random")),
    "Latitude" = list(choice("any"), without("from 33 degrees", "place", "south"),
      without("below 33 degrees", "place", "north")),
    "Begun" = list(choice("any"), without("from 1950", "begun", "before 1950")),
    "Heterogeneity" = methods("REML", "DL", "PM", "ML", "SJ", "HE", "EE"),
    "Interval" = intervals("adhoc", "knha", "t", "z")),
  nielweise2007 = set("metadat dat.nielweise2007", "OR",
    with(dat.nielweise2007, two_counts(ai, n1i, ci, n2i)),
    "Correction" = list(choice("0.5 where a cell is 0"), choice("0.25", add = 0.25),
      choice("0.5 to all", to = "all"), choice("0.5 to all if one needs it", to = "if0all")),
    "Heterogeneity" = methods("REML", "DL", "PM", "EE"),
    "Interval" = intervals("adhoc", "knha", "z")),
  pritz1997 = set("metadat dat.pritz1997", "PR",
    with(dat.pritz1997, c(counts(xi, ni), list(size = words(ni < 20, "small", "large")))),
    "Scale" = list(choice("raw"), choice("logit", measure = "PLO", method = "REML"),
      choice("arcsine", measure = "PAS")),
    "Heterogeneity" = methods("REML", "DL", "PM", "EE"),
    "Interval" = intervals("adhoc", "z"),
    "Small studies" = list(choice("kept"), without("left out", "size", "small"))),
  nielweise2008 = set("metadat dat.nielweise2008, x1i in t1i days", "IR",
    with(dat.nielweise2008, rates(x1i, t1i)),
    "Scale" = list(choice("raw"), choice("log", measure = "IRLN", method = "REML"),
      choice("root", measure = "IRS")),
    "Heterogeneity" = methods("REML", "DL", "EB"), "Interval" = intervals("adhoc", "t")),
  normand1999 = set("metadat dat.normand1999", "MD",
    c(two_means(normand), list(source = I(as.character(normand$source)))),
    "Edinburgh" = list(choice("kept"), without("left out", "source", "Edinburgh")),
    "Montreal-Home" = list(choice("kept"), without("left out", "source", "Montreal-Home")),
    "Heterogeneity" = methods("REML", "DL", "PM", "ML", "EB", "HS", "EE"),
    "Interval" = intervals("adhoc", "knha", "t", "z")),
  morris2008 = set("Morris 2008, Table 5, treated, without its correlations", "MC",
    morris_treated[names(morris_treated) != "correlation"],
    "Correlation" = list(choice("0.5 as a default"), choice("0.2", correlation = 0.2),
      choice("0.8", correlation = 0.8), choice("-0.1", correlation = -0.1)),
    "Heterogeneity" = methods("REML", "DL", "PM"), "Interval" = intervals("adhoc", "z")),
  mcdaniel1994 = set("metadat dat.mcdaniel1994, the first 60 without a gap", "COR",
    with(head(na.omit(dat.mcdaniel1994), 60), list(correlation = I(ri), n = I(ni), type = I(type),
      struct = I(struct))),
    "Scale" = list(choice("raw"), choice("Fisher z", measure = "ZCOR")),
    "Kind" = list(choice("any"), without("not psychological", "type", "p"),
      without("not situational", "type", "s")),
    "Structure" = list(choice("any"), without("structured", "struct", "u")),
    "Heterogeneity" = methods("REML", "DL", "HS", "EE"), "Interval" = intervals("adhoc", "z"))
)

all_of <- function(s) {
  sizes <- vapply(s$decisions, function(d) length(d$choices), 1L)
  # the last decision varies fastest
  grid <- rev(expand.grid(rev(lapply(sizes, seq_len))))
  lapply(seq_len(nrow(grid)), function(i) {
    taken <- Map(function(d, j) d$choices[[j]], s$decisions, as.integer(grid[i, ]))
    list(choices = I(as.integer(grid[i, ]) - 1L),
      numbers = attempt(specification(s, taken)))
  })
}
for (name in names(sets)) sets[[name]]$cases <- all_of(sets[[name]])
freeze("multiverse.json",
  list(numbers = I(c("k", "estimate", "ci_low", "ci_high", "p_value", "tau2")), sets = sets))
