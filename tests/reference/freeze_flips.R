# Freezes where the conclusion on "no effect" changes, searched by brute force with metafor's rma():
# tau2 fixed at other values, another correlation before and after, studies without an effect added,
# studies left out. The conclusion is on which side of 0 the interval lies, or that it includes 0.
# Usage, from any folder:  Rscript tests/reference/freeze_flips.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

METHODS <- c("EE", "DL", "REML")
TESTS <- c("z", "knha", "adhoc")
MOST_ADDED <- 30

effects <- function(source, measure, columns) {
  e <- escalc_plain(measure, columns)
  keep <- is.finite(e$yi) & is.finite(e$vi) & e$vi > 0
  list(source = source, yi = I(e$yi[keep]), vi = I(e$vi[keep]))
}
given <- function(source, yi, vi) {
  list(source = source, yi = I(as.numeric(yi)), vi = I(as.numeric(vi)))
}

collins <- dat.collins1985b
sets <- list(
  bcg_rr = effects("metadat dat.bcg, RR", "RR", two_groups$bcg$columns),
  hine1989_rd = effects("metadat dat.hine1989, RD", "RD", two_groups$hine1989$columns),
  normand1999_md = effects("metadat dat.normand1999, MD", "MD",
    two_group_means$normand1999$columns),
  gibson2002_smd = effects("metadat dat.gibson2002, SMD", "SMD",
    two_group_means$gibson2002$columns),
  bangertdrowns2004 = given("metadat dat.bangertdrowns2004, first 12",
    dat.bangertdrowns2004$yi[1:12], dat.bangertdrowns2004$vi[1:12]),
  raudenbush1985 = given("metadat dat.raudenbush1985, first 10", dat.raudenbush1985$yi[1:10],
    dat.raudenbush1985$vi[1:10]),
  collins1985b_or = effects("metadat dat.collins1985b, pre-eclampsia, OR", "OR",
    with(collins, two_counts(pre.xti, pre.nti, pre.xci, pre.nci))),
  three_studies = given("constructed: k = 3", c(0.4, 0.5, 0.9), c(0.02, 0.05, 0.03)),
  comes_and_goes = given("constructed: precise studies below, one above", c(-0.2, -0.3, -0.25, 2.5),
    c(0.002, 0.004, 0.003, 0.002))
)

# Fisher scoring that does not settle is tried again with half steps.
interval <- function(...) {
  r <- attempt(rma(..., control = TIGHT))
  if (failed(r)) r <- attempt(rma(..., control = c(TIGHT, stepadj = 0.5)))
  if (failed(r)) stop(r$error)
  c(r$ci.lb, r$ci.ub)
}
state <- function(ci) if (ci[1] > 0) "above" else if (ci[2] < 0) "below" else "includes"

# The value nearest to `start` on one side of which the state differs, by a scan and bisection; NULL
# where none does.
nearest <- function(at, start, points) {
  here <- state(at(start))
  before <- start
  for (x in points) {
    if (state(at(x)) != here) {
      a <- before
      b <- x
      for (i in 1:60) {
        middle <- (a + b) / 2
        if (state(at(middle)) == here) a <- middle else b <- middle
      }
      return(list(value = b, state = state(at(b))))
    }
    before <- x
  }
  NULL
}

of_tau2 <- function(y, v, tau2, test) {
  at <- function(x) interval(y, v, tau2 = x, test = test)
  scale <- max(max(v), diff(range(y))^2)
  up <- tau2 + scale * sinh(seq(1e-3, asinh(1e3), length.out = 150)) / 1e2
  down <- seq(tau2, 0, length.out = 60)[-1]
  list(above = nearest(at, tau2, up[up > tau2]),
       below = if (tau2 > 0) nearest(at, tau2, down) else NULL)
}

of_added <- function(y, v, method, test) {
  here <- state(interval(y, v, method = method, test = test))
  for (n in 1:MOST_ADDED) {
    ci <- interval(c(y, rep(0, n)), c(v, rep(median(v), n)), method = method, test = test)
    if (state(ci) != here) return(n)
  }
  NULL
}

of_omitted <- function(y, v, method, test) {
  here <- state(interval(y, v, method = method, test = test))
  k <- length(y)
  for (size in 1:2) {
    if (k - size < 2) break
    omitted <- combn(k, size, simplify = FALSE)
    changes <- vapply(omitted, function(i)
      state(interval(y[-i], v[-i], method = method, test = test)) != here, TRUE)
    if (any(changes)) {
      return(list(size = size, count = sum(changes), first = I(omitted[[which(changes)[1]]] - 1)))
    }
  }
  NULL
}

cases <- list()
for (name in names(sets)) for (method in METHODS) for (test in TESTS) {
  y <- as.numeric(sets[[name]]$yi)
  v <- as.numeric(sets[[name]]$vi)
  fit <- rma(y, v, method = method, test = test, control = TIGHT)
  cases[[length(cases) + 1]] <- list(set = name, method = method, test = test,
    state = state(c(fit$ci.lb, fit$ci.ub)), tau2 = of_tau2(y, v, fit$tau2, test),
    added = of_added(y, v, method, test),
    omitted = if (length(y) <= 13) of_omitted(y, v, method, test) else NULL)
}

morris <- within(as.data.frame(lapply(morris_control, function(x) as.numeric(unclass(x)))),
  rm(correlation))
made <- function(change, sd_pre, sd_post, n) {
  data.frame(mean_pre = 50, sd_pre = sd_pre, mean_post = 50 + change, sd_post = sd_post, n = n)
}
changes <- list(
  morris2008_control = list(source = "Morris 2008, Table 5, control, first two",
    data = morris[1:2, ]),
  morris2008_control_all = list(source = "Morris 2008, Table 5, control", data = morris),
  small_changes = list(source = "constructed: changes of a quarter SD",
    data = made(c(-2.5, -2.75, -2.25, -3.5), c(10, 11, 9, 12), c(9, 12, 10, 8),
      c(30, 25, 40, 20))),
  changes_apart = list(source = "constructed: changes that differ between studies",
    data = made(c(-6, -1, -3.5, -8, -2), c(12, 9, 10, 11, 14), c(11, 10, 13, 9, 12),
      c(25, 60, 40, 18, 33))),
  borderline = list(source = "constructed: not significant at r = 0.5",
    data = made(c(1.25, 2.5, 0.75), c(8, 9, 10), c(8, 7, 11), c(22, 30, 45))))
correlations <- list()
for (name in names(changes)) for (method in METHODS) for (test in TESTS) {
  d <- changes[[name]]$data
  at <- function(r) {
    v <- (d$sd_pre^2 + d$sd_post^2 - 2 * r * d$sd_pre * d$sd_post) / d$n
    interval(d$mean_post - d$mean_pre, v, method = method, test = test)
  }
  correlations[[length(correlations) + 1]] <- list(set = name, method = method, test = test,
    state = state(at(0.5)),
    above = nearest(at, 0.5, seq(0.5, 0.999, length.out = 60)[-1]),
    below = nearest(at, 0.5, seq(0.5, -0.999, length.out = 100)[-1]))
}
columns <- lapply(changes, function(x) c(x["source"], lapply(x$data, I)))
freeze("flips.json", list(most_added = MOST_ADDED, sets = sets, cases = cases, changes = columns,
  correlations = correlations))
