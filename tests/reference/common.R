# What the freezing scripts share: JSON with every digit, the versions used, errors as values, and
# the data sets that several of them use. Sourced by freeze_*.R.

suppressPackageStartupMessages({
  library(metafor)
  library(metadat)
})

TIGHT <- list(threshold = 1e-12, maxiter = 10000, tol = 1e-14)

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

# Writes `content` to `name` beside this script, with the versions of R, metafor, metadat and of the
# further packages named.
freeze <- function(name, content, packages = character()) {
  versions <- list(R = paste(R.version$major, R.version$minor, sep = "."))
  for (package in c("metafor", "metadat", packages)) {
    versions[[package]] <- as.character(packageVersion(package))
  }
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
