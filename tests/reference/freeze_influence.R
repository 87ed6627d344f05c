# Freezes what metafor's influence() and baujat() say of every study.
# Usage, from any folder:  Rscript tests/reference/freeze_influence.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

METHODS <- c("EE", "DL", "REML")
TESTS <- c("z", "knha", "adhoc")

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
  normand1999_md = effects("metadat dat.normand1999, MD", "MD",
    two_group_means$normand1999$columns),
  li2007_or = effects("metadat dat.li2007, OR", "OR", two_groups$li2007$columns),
  hackshaw1998 = given("metadat dat.hackshaw1998", dat.hackshaw1998$yi, dat.hackshaw1998$vi),
  bangertdrowns2004 = given("metadat dat.bangertdrowns2004", dat.bangertdrowns2004$yi,
    dat.bangertdrowns2004$vi),
  raudenbush1985 = given("metadat dat.raudenbush1985", dat.raudenbush1985$yi,
    dat.raudenbush1985$vi),
  collins1985b_or = effects("metadat dat.collins1985b, pre-eclampsia, OR", "OR",
    with(collins, two_counts(pre.xti, pre.nti, pre.xci, pre.nci))),
  pignon2000 = with(dat.pignon2000, given("metadat dat.pignon2000, OmE/V", OmE / V, 1 / V)),
  three_studies = given("constructed: k = 3", c(-0.3, 0.5, 0.9), c(0.02, 0.05, 0.03)),
  homogeneous = given("constructed: closer than chance", c(0.31, 0.28, 0.35, 0.30, 0.26),
    c(0.05, 0.04, 0.09, 0.03, 0.06)),
  one_dominates = given("constructed: one study with nearly all the weight of equal effects",
    c(0.2, 0.9, -0.4, 1.3, 0.5, 0.1), c(1e-3, 0.3, 0.2, 0.5, 0.4, 0.3)),
  one_far_below = given("constructed: one study far below the others",
    c(0.1, 0.15, 0.05, 0.12, -3), c(0.05, 0.04, 0.06, 0.05, 0.03)),
  three_identical = given("constructed: one effect, and one study apart", c(0.3, 0.3, 0.3, 1.2),
    c(0.04, 0.09, 0.02, 0.05)),
  identical_effects = given("constructed: one effect", rep(0.3, 4), c(0.04, 0.09, 0.02, 0.15))
)

of_each <- function(s, method, test) {
  y <- as.numeric(s$yi)
  v <- as.numeric(s$vi)
  r <- rma(y, v, method = method, test = test, control = TIGHT)
  found <- influence(r)
  pdf(NULL)
  plotted <- baujat(r, xlim = c(0, 1), ylim = c(0, 1))
  invisible(dev.off())
  stopifnot(identical(as.integer(plotted$ids), seq_along(y)))
  i <- found$inf
  list(shared = list(tau2 = I(as.numeric(i$tau2.del)), q = I(as.numeric(i$QE.del)),
         hat = I(as.numeric(i$hat)), weight = I(as.numeric(i$weight)),
         baujat_x = I(as.numeric(plotted$x))),
       out = list(rstudent = I(as.numeric(i$rstudent)), dffits = I(as.numeric(i$dffits)),
         cook = I(as.numeric(i$cook.d)), covariance_ratio = I(as.numeric(i$cov.r)),
         dfbetas = I(as.numeric(found$dfbs$intrcpt)), baujat_y = I(as.numeric(plotted$y)),
         influential = I(as.logical(found$is.infl))))
}

cases <- list()
for (set in names(sets)) for (method in METHODS) {
  results <- lapply(TESTS, function(test) attempt(of_each(sets[[set]], method, test)))
  names(results) <- TESTS
  good <- Filter(Negate(failed), results)
  for (r in good) stopifnot(identical(r$shared, good[[1]]$shared))
  cases[[length(cases) + 1]] <- c(list(set = set, method = method), good[[1]]$shared,
    list(tests = lapply(results, function(r) if (failed(r)) r else r$out)))
}
freeze("influence.json",
  list(methods = I(METHODS), tests = I(TESTS), sets = sets, cases = cases))
