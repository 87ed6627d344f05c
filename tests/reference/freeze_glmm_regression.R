# Freezes meta-regressions in the mixed models: metafor's rma.glmm with moderators, lme4's glmer (the
# likelihood-ratio tests), and a likelihood summed on a dense grid.
# Usage, from any folder:  Rscript tests/reference/freeze_glmm_regression.R
# Needs metafor, metadat and lme4.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))
suppressPackageStartupMessages(library(lme4))

# lme4's default optimiser stops at five digits; bobyqa with a small trust region gives seven.
GLMER <- list(optimizer = "bobyqa", tolPwrss = 1e-10, optCtrl = list(rhoend = 1e-9, maxfun = 1e5))

# ---- a likelihood on a dense grid ----

binomial_family <- function(x, n) {
  list(loglik = function(theta) x * plogis(theta, log.p = TRUE) + (n - x) * plogis(-theta, log.p = TRUE),
    score = function(theta) x - n * plogis(theta), information = min(x, n - x))
}
poisson_family <- function(x, time) {
  list(loglik = function(theta) x * (theta + log(time)) - time * exp(theta),
    score = function(theta) x - time * exp(theta), information = x)
}
# Log-likelihood and score in (b, tau) by the trapezoidal rule, eight points per standard deviation
# of each integrand: shares nothing with lme4.
dense <- function(families, design, b, tau) {
  mean <- as.vector(design %*% b)
  each <- vapply(seq_along(families), function(i) {
    study <- families[[i]]
    step <- 1 / (8 * sqrt(1 + tau^2 * (study$information + 1)))
    z <- seq(-14, 14, by = step)
    h <- study$loglik(mean[i] + tau * z) + dnorm(z, log = TRUE)
    top <- max(h)
    kept <- h > top - 60
    z <- z[kept]
    terms <- exp(h[kept] - top)
    slope <- study$score(mean[i] + tau * z)
    total <- sum(terms)
    c(top + log(total * step), sum(terms * slope) / total, sum(terms * slope * z) / total)
  }, numeric(3))
  list(value = sum(each[1, ]), score = c(crossprod(design, each[2, ]), sum(each[3, ])))
}
jacobian <- function(f, at) {
  h <- 1e-4
  sapply(seq_along(at), function(j) {
    e <- replace(numeric(length(at)), j, h)
    (8 * (f(at + e) - f(at - e)) - (f(at + 2 * e) - f(at - 2 * e))) / (12 * h)
  })
}
# Newton's method in columns of unit size, from metafor's maximum.
dense_fit <- function(families, design, b, tau2) {
  size <- apply(abs(design), 2, max)
  scaled <- sweep(design, 2, size, "/")
  p <- ncol(design)
  free <- if (tau2 > 1e-6) seq_len(p + 1) else seq_len(p)
  at <- c(b * size, sqrt(tau2))[free]
  all_of <- function(at) if (length(at) == p) c(at, 0) else at
  score <- function(at) dense(families, scaled, all_of(at)[1:p], all_of(at)[p + 1])$score[free]
  for (turn in 1:50) {
    step <- solve(jacobian(score, at), score(at))
    at <- at - step
    if (max(abs(step)) < 1e-11) break
  }
  covariance <- solve(-jacobian(score, at))[1:p, 1:p, drop = FALSE] / outer(size, size)
  list(b = I(at[1:p] / size), se = I(sqrt(diag(covariance))), tau2 = all_of(at)[p + 1]^2,
    loglik = dense(families, scaled, all_of(at)[1:p], all_of(at)[p + 1])$value,
    covariance = lapply(seq_len(p), function(i) I(covariance[i, ])))
}

# ---- data ----

study_set <- function(source, kind, events, size, ...) {
  design <- cbind(...)
  keep <- is.finite(events) & is.finite(size) & apply(design, 1, function(r) all(is.finite(r)))
  list(source = source, kind = kind, events = as.numeric(events)[keep],
    size = as.numeric(size)[keep], design = design[keep, , drop = FALSE])
}
one <- function(x) rep(1, length(x))
indicator <- function(column, level) as.numeric(column == level)
li <- dat.li2007
bruin <- dat.debruin2009
hart <- dat.hart1999
niel <- dat.nielweise2008
odd <- c(.8, -1.1, .3, 1.4, -.2, -.9, .5, 1.2, -1.6, .1, .7, -.4)
steps <- 1:12

sets <- list(
  bcg_latitude = study_set("metadat dat.bcg, tpos of tpos + tneg on latitude", "proportions",
    bcg$tpos, bcg$tpos + bcg$tneg, intercept = one(bcg$tpos), ablat = bcg$ablat),
  bcg_control_three = study_set("metadat dat.bcg, cpos of cpos + cneg on latitude and allocation",
    "proportions", bcg$cpos, bcg$cpos + bcg$cneg, intercept = one(bcg$cpos), ablat = bcg$ablat,
    random = indicator(bcg$alloc, "random"), systematic = indicator(bcg$alloc, "systematic")),
  bcg_cell_means = study_set("metadat dat.bcg, cpos of cpos + cneg on allocation, no intercept",
    "proportions", bcg$cpos, bcg$cpos + bcg$cneg, alternate = indicator(bcg$alloc, "alternate"),
    random = indicator(bcg$alloc, "random"), systematic = indicator(bcg$alloc, "systematic")),
  debruin2009_quality = study_set("metadat dat.debruin2009, xi of ni on quality of standard care",
    "proportions", bruin$xi, bruin$ni, intercept = one(bruin$xi), scq = bruin$scq),
  pritz1997_size = study_set("metadat dat.pritz1997, xi of ni on 1/sqrt(ni)", "proportions",
    dat.pritz1997$xi, dat.pritz1997$ni, intercept = one(dat.pritz1997$xi),
    root = 1 / sqrt(dat.pritz1997$ni)),
  li2007_year = study_set("metadat dat.li2007, ci of n2i on year - 1990", "proportions", li$ci,
    li$n2i, intercept = one(li$ci), year = li$year - 1990),
  nielweise2007_size = study_set("metadat dat.nielweise2007, ai of n1i on 1/sqrt(n1i)",
    "proportions", dat.nielweise2007$ai, dat.nielweise2007$n1i, intercept = one(dat.nielweise2007$ai),
    root = 1 / sqrt(dat.nielweise2007$n1i)),
  line_of_proportions = study_set("constructed: closer to a line of logits than chance",
    "proportions", round(40 * plogis(-2 + .25 * steps)), rep(40, 12), intercept = one(steps),
    x = steps),
  rare_scattered = study_set("constructed: rare events, zeros, far apart", "proportions",
    c(0, 1, 0, 9, 0, 0, 4, 30, 0, 2, 11, 1), c(20, 35, 18, 60, 25, 40, 22, 90, 15, 50, 48, 30),
    intercept = one(steps), z = odd),
  nielweise2008_year = study_set("metadat dat.nielweise2008, x2i in t2i on year - 1990", "rates",
    niel$x2i, niel$t2i, intercept = one(niel$x2i), year = niel$year - 1990),
  hart1999_two = study_set("metadat dat.hart1999, x2i in t2i on year - 1990 and prevention",
    "rates", hart$x2i, hart$t2i, intercept = one(hart$x2i), year = hart$year - 1990,
    secondary = indicator(hart$prev, "secondary")),
  rates_scattered = study_set("constructed: rates, zeros, far apart", "rates",
    c(0, 1, 0, 9, 0, 3, 4, 30, 0, 2, 11, 1), c(20, 35, 18, 60, 25, 40, 22, 90, 15, 50, 48, 30) / 7,
    intercept = one(steps), x = steps)
)

# ---- cases ----

glmer_value <- function(s, design) {
  data <- data.frame(events = s$events, size = s$size, study = factor(seq_along(s$events)))
  fit <- if (s$kind == "proportions")
    glmer(cbind(events, size - events) ~ -1 + design + (1 | study), data, binomial, nAGQ = 25,
      control = do.call(glmerControl, GLMER))
  else glmer(events ~ -1 + design + offset(log(size)) + (1 | study), data, poisson, nAGQ = 25,
      control = do.call(glmerControl, GLMER))
  list(b = I(as.numeric(fixef(fit))), se = I(sqrt(diag(as.matrix(vcov(fit))))),
    tau2 = as.numeric(VarCorr(fit)$study), loglik = as.numeric(logLik(fit)))
}
metafor_fit <- function(s, test) {
  shared <- list(mods = s$design, intercept = FALSE, nAGQ = 100, test = test,
    control = list(glmerCtrl = GLMER))
  if (s$kind == "proportions")
    do.call(rma.glmm, c(list(measure = "PLO", xi = s$events, ni = s$size), shared))
  else do.call(rma.glmm, c(list(measure = "IRLN", xi = s$events, ti = s$size), shared))
}
test_of <- function(s, test) {
  r <- metafor_fit(s, test)
  list(b = I(as.numeric(r$beta)), se = I(r$se), statistic = I(as.numeric(r$zval)),
    p_value = I(as.numeric(r$pval)), low = I(r$ci.lb), high = I(r$ci.ub), tau2 = r$tau2,
    qm = r$QM, qm_df = length(r$btt), qm_p = r$QMp, qe = r$QE.LRT, qe_df = r$QE.df,
    qe_p = r$QEp.LRT)
}
case_of <- function(name) {
  s <- sets[[name]]
  case <- list(set = name, source = s$source, kind = s$kind, events = I(s$events),
    size = I(s$size), terms = I(colnames(s$design)),
    design = lapply(seq_len(nrow(s$design)), function(i) I(unname(s$design[i, ]))))
  tests <- attempt(list(t = test_of(s, "t"), z = test_of(s, "z")))
  if (failed(tests)) return(c(case, tests))
  r <- tests$z
  families <- if (s$kind == "proportions") Map(binomial_family, s$events, s$size)
    else Map(poisson_family, s$events, s$size)
  whole <- attempt(glmer_value(s, s$design))
  rest <- s$design[, colnames(s$design) == "intercept", drop = FALSE]
  alone <- if (ncol(rest)) attempt(glmer_value(s, rest)) else NULL
  c(case, list(tests = tests, glmer = whole, alone = alone,
    dense = attempt(dense_fit(families, s$design, as.numeric(unclass(r$b)), r$tau2)),
    dense_alone = if (ncol(rest)) attempt(dense_fit(families, rest, as.numeric(alone$b), alone$tau2))))
}

freeze("glmm_regression.json", list(level = 95, cases = lapply(names(sets), case_of)), "lme4")
