# Freezes meta-regressions on several moderators: coefficients, tests of each moderator, variance
# inflation and adjusted means (rma, anova, vif, predict); exact permutation tests (permutest); levels
# with one tau2 (rma without intercept); cluster-robust regressions (robust by clubSandwich, robu).
# Usage, from any folder:  Rscript tests/reference/freeze_moderators.R
# Needs metafor, metadat, clubSandwich and robumeta.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))
suppressPackageStartupMessages({
  library(clubSandwich)
  library(robumeta)
})

bcg_rr <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = bcg)
li_or <- escalc(measure = "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat.li2007)
bangert <- subset(dat.bangertdrowns2004, !is.na(feedback) & !is.na(length) & !is.na(grade))
curtis <- dat.curtis1998[1:40, ]
curtis_rom <- escalc(measure = "ROM", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i,
  n2i = n2i, data = curtis)
curtis_rom$method <- ifelse(curtis_rom$method %in% c("GC", "OTC"), curtis_rom$method, "other")
hackshaw <- dat.hackshaw1998

# columns: numbers and words, the first level of a factor its reference
study_set <- function(source, data, numeric = character(), factors = character()) {
  for (f in factors) {
    counted <- table(data[[f]])
    first <- sort(names(counted)[counted == max(counted)])[1]
    data[[f]] <- relevel(factor(as.character(data[[f]])), ref = first)
  }
  for (x in numeric) data[[paste0(x, "_centred")]] <- data[[x]] - mean(data[[x]])
  list(source = source, data = as.data.frame(data), numeric = numeric, factors = factors)
}
sets <- list(
  bcg = study_set("metadat dat.bcg, RR", bcg_rr, "ablat", "alloc"),
  bangert = study_set("metadat dat.bangertdrowns2004, rows with length, feedback and grade", bangert,
    "length", c("grade", "feedback")),
  raudenbush = study_set("metadat dat.raudenbush1985", dat.raudenbush1985, "weeks",
    c("setting", "tester")),
  hackshaw = study_set("metadat dat.hackshaw1998", hackshaw, "year", "design"),
  curtis = study_set("metadat dat.curtis1998, ROM, rows 1 to 40", curtis_rom, "time", "method"),
  li = study_set("metadat dat.li2007, OR", within(li_or, large <- ifelse(n1i > 300, "large", "small")),
    "year", "large")
)

terms_of <- function(s) c(if (length(s$numeric)) paste0(s$numeric, "_centred"), s$factors)
model_of <- function(s, terms, method, test) {
  rma(yi, vi, mods = reformulate(terms), data = s$data, method = method, test = test,
    control = c(TIGHT, list(tau2.max = 1e3)))
}
several <- function(name, method, test) {
  s <- sets[[name]]
  terms <- terms_of(s)
  r <- model_of(s, terms, method, test)
  owner <- attr(model.matrix(reformulate(terms), s$data), "assign")
  blocks <- lapply(seq_along(terms), function(i) which(owner == i))
  tests <- lapply(blocks, function(b) anova(r, btt = b))
  # the numeric moderator from its least to its largest value, factors at their reference
  x <- range(s$data[[terms[1]]])
  at <- cbind(x, matrix(0, 2, r$p - 2))
  p <- predict(r, newmods = at)
  list(set = name, method = method, test = test, terms = I(rownames(r$beta)),
    b = I(as.numeric(r$beta)), se = I(r$se), low = I(r$ci.lb), high = I(r$ci.ub), p_value = I(r$pval),
    tau2 = r$tau2, r2 = if (is.null(r$R2)) NA else r$R2, i2 = r$I2, qe = r$QE, qm = r$QM, qm_p = r$QMp,
    block_qm = I(sapply(tests, function(t) t$QM)), block_p = I(sapply(tests, function(t) t$QMp)),
    block_df = I(lengths(blocks)), vif = I(vif(r)$vifs),
    gvif = I(sapply(blocks, function(b) vif(r, btt = b)$vifs[[1]])),
    mean = I(p$pred), ci_low = I(p$ci.lb), ci_high = I(p$ci.ub), pi_low = I(p$pi.lb), pi_high = I(p$pi.ub))
}

levels_of <- function(name, column, method, test) {
  s <- sets[[name]]
  keep <- s$data[[column]] %in% names(which(table(s$data[[column]]) > 1))
  d <- droplevels(s$data[keep, ])
  d[[column]] <- factor(as.character(d[[column]]))
  control <- c(TIGHT, list(tau2.max = 1e3))
  one <- rma(yi, vi, mods = reformulate(column, intercept = FALSE), data = d, method = method,
    test = test, control = control)
  test_of <- rma(yi, vi, mods = reformulate(column), data = d, method = method, test = test,
    control = control)
  list(set = name, column = column, method = method, test = test, levels = I(levels(d[[column]])),
    mu = I(as.numeric(one$beta)), se = I(one$se), low = I(one$ci.lb), high = I(one$ci.ub),
    tau2 = one$tau2, qm = test_of$QM, qm_p = test_of$QMp)
}

# ---- every order of the rows of the design ----

permuted_sets <- list(
  bcg_random = list(y = bcg_rr$yi, v = bcg_rr$vi, x = cbind(as.numeric(bcg_rr$alloc == "random"))),
  raudenbush_setting = list(y = dat.raudenbush1985$yi[1:12], v = dat.raudenbush1985$vi[1:12],
    x = cbind(as.numeric(dat.raudenbush1985$setting[1:12] == "indiv"))),
  bangert_feedback = list(y = bangert$yi[1:12], v = bangert$vi[1:12], x = cbind(bangert$feedback[1:12])),
  hackshaw_year = list(y = hackshaw$yi[1:6], v = hackshaw$vi[1:6], x = cbind(hackshaw$year[1:6] - 1985)),
  li_year = list(y = li_or$yi[1:6], v = li_or$vi[1:6], x = cbind(li_or$year[1:6] - 1990)),
  curtis_two = list(y = curtis_rom$yi[1:7], v = curtis_rom$vi[1:7],
    x = cbind(c(1, 1, 1, 0, 0, 0, 1), c(0, 0, 1, 1, 0, 1, 2)))
)
permuted <- function(name, method, test) {
  s <- permuted_sets[[name]]
  r <- rma(as.numeric(s$y), as.numeric(s$v), mods = s$x, method = method, test = test,
    control = c(TIGHT, list(tau2.max = 1e3)))
  p <- permutest(r, exact = TRUE, progbar = FALSE)
  list(set = name, method = method, test = test, yi = I(as.numeric(s$y)), vi = I(as.numeric(s$v)),
    x = lapply(seq_len(nrow(s$x)), function(i) I(s$x[i, ])), orders = p$exact.iter,
    p = I(p$pval[-1]), qm_p = p$QMp)
}

# ---- robust to dependence within studies ----

data(corrdat)
corr <- corrdat[complete.cases(corrdat), ]
assink <- dat.assink2016
clusters <- list(
  corrdat = list(y = corr$effectsize, v = corr$var, study = corr$studyid,
    x = cbind(corr$males - 70, corr$college)),
  konstantopoulos2011 = with(dat.konstantopoulos2011,
    list(y = yi, v = vi, study = district, x = cbind(year - 1990))),
  assink2016 = with(assink, list(y = yi, v = vi, study = study, x = cbind(year, deltype == "overt"))),
  bornmann2007 = with(escalc(measure = "OR", ai = waward, n1i = wtotal, ci = maward, n2i = mtotal,
    data = dat.bornmann2007), list(y = yi, v = vi, study = as.integer(factor(study)),
    x = cbind(as.numeric(type == "Grant"))))
)
robust_fit <- function(name, method) {
  s <- clusters[[name]]
  study <- as.integer(factor(s$study))
  x <- cbind(1, s$x + 0)
  out <- list(set = name, method = method, yi = I(as.numeric(s$y)), vi = I(as.numeric(s$v)),
    study = I(study), x = lapply(seq_len(nrow(x)), function(i) I(x[i, ])))
  if (method == "RVE") {
    d <- data.frame(y = as.numeric(s$y), v = as.numeric(s$v), study = study, s$x + 0)
    names(d)[-(1:3)] <- paste0("x", seq_len(ncol(s$x)))
    r <- robu(reformulate(names(d)[-(1:3)], "y"), data = d, studynum = study, var.eff.size = v,
      rho = .8, small = TRUE)
    t <- r$reg_table
    return(c(out, list(b = I(t$b.r), se = I(t$SE), df = I(t$dfs), p_value = I(t$prob),
      tau2 = as.numeric(r$mod_info$tau.sq), rho = .8)))
  }
  r <- rma(as.numeric(s$y), as.numeric(s$v), mods = s$x + 0, method = method, control = TIGHT)
  t <- robust(r, cluster = study, clubSandwich = TRUE)
  # the weights are kept as they are; metafor asks for its own working covariance
  q <- Wald_test(r, constraints = constrain_zero(2:ncol(x)), vcov = "CR2", cluster = study, test = "HTZ")
  c(out, list(b = I(as.numeric(t$beta)), se = I(t$se), df = I(t$dfs), p_value = I(t$pval),
    tau2 = r$tau2, qm = q$Fstat, qm_df2 = q$df_denom, qm_p = q$p_val))
}

grid <- expand.grid(method = c("REML", "DL"), test = c("z", "knha"), set = names(sets),
  stringsAsFactors = FALSE)
columns <- list(c("bcg", "alloc"), c("bangert", "grade"), c("bangert", "feedback"),
  c("raudenbush", "setting"), c("hackshaw", "design"), c("curtis", "method"), c("li", "large"))
levelled <- unlist(lapply(columns, function(c) list(
  attempt(levels_of(c[1], c[2], "REML", "knha")), attempt(levels_of(c[1], c[2], "DL", "z")))),
  recursive = FALSE)
written <- lapply(sets, function(s) {
  cells <- lapply(c(s$numeric, s$factors), function(name) {
    value <- s$data[[name]]
    I(if (is.numeric(value)) sprintf("%.17g", value) else as.character(value))
  })
  names(cells) <- c(s$numeric, s$factors)
  list(source = s$source, yi = I(as.numeric(s$data$yi)), vi = I(as.numeric(s$data$vi)), cells = cells)
})
freeze("moderators.json", list(level = 95, sets = written,
  several = Map(function(...) attempt(several(...)), grid$set, grid$method, grid$test, USE.NAMES = FALSE),
  levels = levelled,
  permuted = unlist(lapply(names(permuted_sets), function(name) list(
    permuted(name, "REML", "knha"), permuted(name, "DL", "z"))), recursive = FALSE),
  robust = unlist(lapply(names(clusters), function(name) list(
    robust_fit(name, "REML"), robust_fit(name, "RVE"))), recursive = FALSE)),
  c("clubSandwich", "robumeta"))
