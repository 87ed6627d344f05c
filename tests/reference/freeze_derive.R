# Freezes what R says of quantities that can be derived: SDs behind t tests, moments of normal order
# statistics by nested quadrature, and their weighted sums.
# Usage, from any folder:  Rscript tests/reference/freeze_derive.R
# Needs metafor and metadat for common.R only.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

# ---- SDs behind the t tests of raw data ----

one_sample <- function(source, x) {
  found <- t.test(x)
  list(source = source, n = length(x), mean = mean(x), sd = sd(x), se = found$stderr,
       ci_low = found$conf.int[1], ci_high = found$conf.int[2])
}
paired <- function(source, pre, post) {
  found <- t.test(post, pre, paired = TRUE)
  list(source = source, n = length(pre), mean_pre = mean(pre), sd_pre = sd(pre),
       mean_post = mean(post), sd_post = sd(post), mean_change = mean(post - pre),
       sd_change = sd(post - pre), correlation = cor(pre, post), se_change = found$stderr,
       ci_low_change = found$conf.int[1], ci_high_change = found$conf.int[2],
       t_change = unname(found$statistic), p_change = found$p.value)
}
two_sample <- function(source, treatment, control) {
  found <- t.test(treatment, control, var.equal = TRUE)
  n1 <- length(treatment)
  n2 <- length(control)
  pooled <- sqrt(((n1 - 1) * var(treatment) + (n2 - 1) * var(control)) / (n1 + n2 - 2))
  list(source = source, n_treatment = n1, n_control = n2, mean_treatment = mean(treatment),
       mean_control = mean(control), pooled_sd = pooled, se_difference = found$stderr,
       ci_low_difference = found$conf.int[1], ci_high_difference = found$conf.int[2],
       t_difference = unname(found$statistic), p_difference = found$p.value)
}
drug <- split(sleep$extra, sleep$group)
anorexia <- split(MASS::anorexia, MASS::anorexia$Treat)
growth <- split(ToothGrowth$len, ToothGrowth$supp)
weight <- split(PlantGrowth$weight, PlantGrowth$group)

tests <- list(
  one = list(
    one_sample("datasets sleep, group 1", drug[[1]]),
    one_sample("datasets PlantGrowth, ctrl", weight$ctrl),
    one_sample("datasets faithful, waiting", faithful$waiting),
    one_sample("constructed: two values", c(1, 2))),
  paired = list(
    paired("datasets sleep, group 1 then 2", drug[[1]], drug[[2]]),
    paired("MASS anorexia, CBT", anorexia$CBT$Prewt, anorexia$CBT$Postwt),
    paired("MASS anorexia, FT", anorexia$FT$Prewt, anorexia$FT$Postwt),
    paired("MASS anorexia, Cont", anorexia$Cont$Prewt, anorexia$Cont$Postwt)),
  two = list(
    two_sample("datasets ToothGrowth, OJ against VC", growth$OJ, growth$VC),
    two_sample("datasets PlantGrowth, trt2 against trt1", weight$trt2, weight$trt1),
    two_sample("MASS anorexia, Postwt of FT against Cont", anorexia$FT$Postwt, anorexia$Cont$Postwt)))

# ---- normal order statistics ----

TOLERANCE <- 1e-11
whole <- function(f, low, high) {
  integrate(f, low, high, rel.tol = TOLERANCE, abs.tol = 1e-13, subdivisions = 2000)$value
}
# Piecewise, so that no piece misses the peak.
pieces <- function(f, low, high) {
  inside <- -4:4
  cuts <- c(low, inside[inside > low & inside < high], high)
  sum(mapply(function(a, b) whole(f, a, b), head(cuts, -1), tail(cuts, -1)))
}
density_one <- function(x, r, n) {
  exp(lfactorial(n) - lfactorial(r - 1) - lfactorial(n - r) + (r - 1) * pnorm(x, log.p = TRUE) +
    (n - r) * pnorm(x, lower.tail = FALSE, log.p = TRUE) + dnorm(x, log = TRUE))
}
moment <- function(r, n, power) pieces(function(x) x^power * density_one(x, r, n), -10, 10)
product <- function(r, s, n) {
  constant <- lfactorial(n) - lfactorial(r - 1) - lfactorial(s - r - 1) - lfactorial(n - s)
  inner <- function(x) {
    pieces(function(y) {
      y * (pnorm(y) - pnorm(x))^(s - r - 1) * exp(constant + (r - 1) * pnorm(x, log.p = TRUE) +
        (n - s) * pnorm(y, lower.tail = FALSE, log.p = TRUE) +
        dnorm(x, log = TRUE) + dnorm(y, log = TRUE))
    }, x, 10)
  }
  pieces(function(x) x * vapply(x, inner, 0), -9, 9)
}
order_statistics <- function(n) {
  ranks <- c(1, (n + 3) / 4, (n + 1) / 2, (3 * n + 1) / 4, n)
  means <- vapply(ranks, moment, 0, n = n, power = 1)
  second <- matrix(0, 5, 5)
  for (i in 1:5) {
    second[i, i] <- moment(ranks[i], n, 2)
    for (j in seq_len(5)[seq_len(5) > i]) {
      second[i, j] <- second[j, i] <- product(ranks[i], ranks[j], n)
    }
  }
  covariance <- second - outer(means, means)
  list(n = n, ranks = I(ranks), means = I(means), covariance = I(as.numeric(covariance)))
}

freeze("derive.json", list(tests = tests, order_statistics = lapply(c(5, 9, 21), order_statistics)),
  "MASS")
