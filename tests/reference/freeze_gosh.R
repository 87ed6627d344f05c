# Freezes what metafor's gosh(), leave1out() and cumul() say of small data sets.
# Usage, from any folder:  Rscript tests/reference/freeze_gosh.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

METHODS <- c("EE", "DL", "REML")
FIRST <- 6

some <- function(source, measure, columns, order) {
  e <- escalc_plain(measure, columns)
  rows <- which(is.finite(e$yi) & is.finite(e$vi) & e$vi > 0)[seq_len(FIRST)]
  list(source = paste0(source, ", first ", FIRST, " rows"), yi = I(e$yi[rows]), vi = I(e$vi[rows]),
    order = I(order[rows]))
}
given <- function(source, yi, vi, order) {
  rows <- seq_len(FIRST)
  list(source = paste0(source, ", first ", FIRST, " rows"), yi = I(as.numeric(yi)[rows]),
    vi = I(as.numeric(vi)[rows]), order = I(as.numeric(order)[rows]))
}

weeks <- dat.raudenbush1985$weeks
sets <- list(
  bcg_rr = some("metadat dat.bcg, RR", "RR", two_groups$bcg$columns, dat.bcg$year),
  normand1999_md = some("metadat dat.normand1999, MD", "MD", two_group_means$normand1999$columns,
    seq_len(9)),
  li2007_or = some("metadat dat.li2007, OR", "OR", two_groups$li2007$columns, dat.li2007$year),
  hackshaw1998 = given("metadat dat.hackshaw1998", dat.hackshaw1998$yi, dat.hackshaw1998$vi,
    dat.hackshaw1998$year),
  bangertdrowns2004 = given("metadat dat.bangertdrowns2004", dat.bangertdrowns2004$yi,
    dat.bangertdrowns2004$vi, dat.bangertdrowns2004$year),
  raudenbush1985 = given("metadat dat.raudenbush1985", dat.raudenbush1985$yi,
    dat.raudenbush1985$vi, dat.raudenbush1985$year)
)
counts <- list(
  bcg = list(source = "metadat dat.bcg", columns = two_groups$bcg$columns),
  li2007 = list(source = "metadat dat.li2007", columns = two_groups$li2007$columns),
  nielweise2007 = list(source = "metadat dat.nielweise2007",
    columns = with(dat.nielweise2007, two_counts(ai, n1i, ci, n2i)))
)

# Each subset as the number whose bit j - 1 says that row j is in.
subsets <- function(g) as.numeric(g$incl %*% 2^(seq_len(ncol(g$incl)) - 1))

clouds <- list()
for (set in names(sets)) for (method in METHODS) {
  s <- sets[[set]]
  r <- rma(as.numeric(s$yi), as.numeric(s$vi), method = method, control = TIGHT)
  g <- gosh(r, progbar = FALSE)
  clouds[[length(clouds) + 1]] <- list(set = set, method = method, subset = I(subsets(g)),
    estimate = I(as.numeric(g$res$estimate)),
    tau2 = I(if (method == "EE") numeric(0) else as.numeric(g$res$tau2)),
    q = I(as.numeric(g$res$QE)), i2 = I(as.numeric(g$res$I2)))
}

of_counts <- list()
for (set in names(counts)) for (method in c("MH", "PETO")) {
  d <- lapply(counts[[set]]$columns, function(x) as.numeric(unclass(x))[seq_len(FIRST)])
  r <- if (method == "PETO") {
    rma.peto(ai = d$events_treatment, n1i = d$total_treatment, ci = d$events_control,
      n2i = d$total_control)
  } else {
    rma.mh(measure = "OR", ai = d$events_treatment, n1i = d$total_treatment,
      ci = d$events_control, n2i = d$total_control)
  }
  g <- suppressWarnings(gosh(r, progbar = FALSE))
  of_counts[[length(of_counts) + 1]] <- list(set = set, source = counts[[set]]$source,
    method = method, columns = lapply(d, I), subset = I(subsets(g)),
    estimate = I(as.numeric(g$res$estimate)))
}

numbers <- function(x, tau2) {
  list(estimate = I(as.numeric(x$estimate)), se = I(as.numeric(x$se)),
    low = I(as.numeric(x$ci.lb)), high = I(as.numeric(x$ci.ub)),
    tau2 = I(if (tau2) as.numeric(x$tau2) else numeric(0)), i2 = I(as.numeric(x$I2)),
    q = I(as.numeric(if (is.null(x$Q)) x$QE else x$Q)))
}
refits <- list()
for (set in names(sets)) for (method in METHODS) for (test in c("z", "knha")) {
  s <- sets[[set]]
  y <- as.numeric(s$yi)
  v <- as.numeric(s$vi)
  r <- rma(y, v, method = method, test = test, control = TIGHT)
  by <- list(order = as.numeric(s$order), precision = v)
  refits[[length(refits) + 1]] <- list(set = set, method = method, test = test,
    leave_one_out = numbers(leave1out(r), method != "EE"),
    cumulative = lapply(by, function(o) numbers(suppressWarnings(do.call(cumul, list(r, order = o))),
      method != "EE")))
}

freeze("gosh.json", list(methods = I(METHODS), sets = sets, clouds = clouds, counts = of_counts,
  refits = refits))
