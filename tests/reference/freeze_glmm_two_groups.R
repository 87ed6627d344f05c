# Freezes the unconditional model with fixed study effects (UM.FS) of metafor's rma.glmm and of a
# dense grid.
# Usage, from any folder:  Rscript tests/reference/freeze_glmm_two_groups.R
# Needs metafor, metadat and lme4.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

# Likelihood of one study (without terms of the data alone) and its score in (alpha, mu, tau), by
# the trapezoidal rule on a uniform grid, eight points per standard deviation of the integrand at
# its narrowest. `s` holds a, n1, c, n2: n are totals (OR) or times (IRR).
arm <- function(measure, x, n, eta) {
  if (measure == "IRR") return(list(h = x * eta - n * exp(eta), d = x - n * exp(eta)))
  list(h = x * plogis(eta, log.p = TRUE) + (n - x) * plogis(-eta, log.p = TRUE),
       d = x - n * plogis(eta))
}
study <- function(measure, s, alpha, mu, tau) {
  events <- s["a"] + s["c"]
  sharp <- if (measure == "IRR") events else min(s["a"], s["n1"] - s["a"]) + min(s["c"], s["n2"] - s["c"])
  step <- 1 / (8 * sqrt(1 + tau^2 * (sharp + 2)))
  z <- seq(-14, 14, by = step)
  one <- arm(measure, s["a"], s["n1"], alpha + (mu + tau * z) / 2)
  two <- arm(measure, s["c"], s["n2"], alpha - (mu + tau * z) / 2)
  h <- one$h + two$h - z^2 / 2
  top <- max(h)
  terms <- exp(h - top)
  total <- sum(terms)
  difference <- (one$d - two$d) / 2
  unname(c(top + log(total * step / sqrt(2 * pi)), sum(terms * (one$d + two$d)) / total,
    sum(terms * difference) / total, sum(terms * z * difference) / total))
}

# All parameters at once: alpha_1..k, mu, tau. The Hessian is a difference of the score of each
# study, put together to the full matrix; nothing is eliminated.
dense <- function(measure, studies, par) {
  k <- nrow(studies)
  each <- sapply(seq_len(k), function(i) study(measure, studies[i, ], par[i], par[k + 1], par[k + 2]))
  list(value = sum(each[1, ]), score = c(each[2, ], sum(each[3, ]), sum(each[4, ])))
}
hessian <- function(measure, studies, par, h = 1e-4) {
  k <- nrow(studies)
  full <- matrix(0, k + 2, k + 2)
  for (i in seq_len(k)) {
    own <- c(i, k + 1, k + 2)
    block <- sapply(1:3, function(j) {
      score <- function(d) {
        p <- par[own]
        p[j] <- p[j] + d
        study(measure, studies[i, ], p[1], p[2], p[3])[2:4]
      }
      (8 * (score(h) - score(-h)) - (score(2 * h) - score(-2 * h))) / (12 * h)
    })
    full[own, own] <- full[own, own] + (block + t(block)) / 2
  }
  full
}
# Newton over the parameters named; for a given tau the likelihood is concave in the others.
climb <- function(measure, studies, par, free) {
  value <- dense(measure, studies, par)
  for (turn in 1:100) {
    step <- numeric(length(par))
    step[free] <- -solve(hessian(measure, studies, par)[free, free], value$score[free])
    share <- min(1, 2 / max(abs(step)))
    repeat {
      following <- dense(measure, studies, par + share * step)
      if (following$value >= value$value - 1e-9 || share < 1e-6) break
      share <- share / 2
    }
    par <- par + share * step
    value <- following
    if (max(abs(step)) < 1e-10) return(list(par = par, value = value$value))
  }
  stop("the dense grid did not converge")
}
dense_fit <- function(measure, studies, start) {
  k <- nrow(studies)
  inner <- seq_len(k + 1)
  at_zero <- climb(measure, studies, c(start$par[inner], 0), inner)
  profile <- function(tau) climb(measure, studies, c(start$par[inner], tau), inner)$value
  if (start$tau2 > 1e-6) {
    best <- climb(measure, studies, c(start$par[inner], sqrt(start$tau2)), seq_len(k + 2))
    free <- seq_len(k + 2)
  } else {
    best <- at_zero
    stopifnot(sapply(c(.01, .03, .1, .3, 1), profile) < best$value)
    free <- inner
  }
  tau <- best$par[k + 2]
  covariance <- solve(-hessian(measure, studies, best$par)[free, free])
  height <- function(t) profile(t) - best$value + qchisq(.95, 1) / 2
  low <- if (height(0) >= 0) 0 else uniroot(height, c(0, tau), tol = 1e-12)$root
  high <- uniroot(height, c(max(tau, .01), 4 * max(tau, .05)), tol = 1e-12, extendInt = "downX")$root
  list(mu = best$par[k + 1], se = sqrt(covariance[k + 1, k + 1]), tau2 = tau^2,
    tau2_low = low^2, tau2_high = high^2, loglik = best$value, loglik_common = at_zero$value,
    alpha = I(best$par[seq_len(k)]))
}

two_rates <- function(x1, t1, x2, t2) {
  list(events_treatment = I(x1), time_treatment = I(t1), events_control = I(x2),
    time_control = I(t2))
}
bleeding <- subset(dat.collins1985a, !is.na(b.xti) & !is.na(b.xci))
sets <- list(
  nielweise2007 = c(measure = "OR", two_groups$nielweise2007),
  bcg = c(measure = "OR", two_groups$bcg),
  hine1989 = c(measure = "OR", two_groups$hine1989),
  collins1985_preeclampsia = list(measure = "OR",
    source = "metadat dat.collins1985b, pre.xti of pre.nti, pre.xci of pre.nci",
    columns = with(dat.collins1985b, two_counts(pre.xti, pre.nti, pre.xci, pre.nci))),
  collins1985_deaths = list(measure = "OR",
    source = "metadat dat.collins1985b, ped.xti of fup.nti, ped.xci of fup.nci",
    columns = with(dat.collins1985b, two_counts(ped.xti, fup.nti, ped.xci, fup.nci))),
  collins1985_bleeding = list(measure = "OR",
    source = "metadat dat.collins1985a, b.xti of nti, b.xci of nci",
    columns = with(bleeding, two_counts(b.xti, nti, b.xci, nci))),
  li2007 = c(measure = "OR", two_groups$li2007),
  rare_events = list(measure = "OR",
    source = "constructed: 18 events in 1090, seven of nine studies with an empty arm",
    columns = two_counts(c(0, 1, 0, 2, 0, 0, 1, 3, 0), c(40, 60, 25, 80, 50, 30, 70, 90, 45),
                         c(1, 0, 2, 1, 0, 3, 0, 0, 4), c(45, 55, 30, 85, 50, 33, 72, 88, 52))),
  full_arms = list(measure = "OR",
    source = "constructed: full arms, a study of events only, unequal groups",
    columns = two_counts(c(10, 8, 12, 5, 9, 20), c(10, 9, 14, 5, 30, 21),
                         c(7, 9, 6, 4, 3, 100), c(10, 9, 13, 4, 40, 180))),
  two_studies = list(measure = "OR", source = "constructed: two studies far apart",
    columns = two_counts(c(4, 20), c(20, 40), c(10, 8), c(20, 40))),
  identical = list(measure = "OR", source = "constructed: three times the same study",
    columns = two_counts(c(4, 4, 4), c(20, 20, 20), c(8, 8, 8), c(20, 20, 20))),
  nielweise2008 = list(measure = "IRR", source = "metadat dat.nielweise2008",
    columns = with(dat.nielweise2008, two_rates(x1i, t1i, x2i, t2i))),
  hart1999 = list(measure = "IRR", source = "metadat dat.hart1999",
    columns = with(dat.hart1999, two_rates(x1i, t1i, x2i, t2i))),
  rare_rates = list(measure = "IRR",
    source = "constructed: ten studies, empty arms, one without an event, one unit of time",
    columns = two_rates(c(0, 3, 1, 0, 12, 0, 5, 2, 0, 7), c(1, 20, 15, 30, 80, 12, 9, 33, 40, 11),
                        c(2, 0, 1, 0, 4, 3, 6, 9, 1, 2), c(2, 18, 16, 28, 75, 14, 10, 30, 38, 10)))
)

case <- function(set) {
  d <- sets[[set]]
  plain <- lapply(d$columns, function(x) as.numeric(unclass(x)))
  names(plain) <- c("a", "n1", "c", "n2")
  # lme4's default optimiser stops at five digits; bobyqa with a small trust region gives seven.
  control <- list(glmerCtrl = list(optimizer = "bobyqa", tolPwrss = 1e-10,
                                   optCtrl = list(rhoend = 1e-9, maxfun = 1e5)))
  arguments <- if (d$measure == "OR") list(ai = plain$a, n1i = plain$n1, ci = plain$c, n2i = plain$n2)
    else list(x1i = plain$a, t1i = plain$n1, x2i = plain$c, t2i = plain$n2)
  r <- attempt(do.call(rma.glmm, c(arguments, list(measure = d$measure, model = "UM.FS",
    nAGQ = 100, test = "t", control = control))))
  studies <- do.call(cbind, plain)
  events <- studies[, "a"] + studies[, "c"]
  left_out <- events == 0 | (d$measure == "OR" & events == studies[, "n1"] + studies[, "n2"])
  studies <- studies[!left_out, , drop = FALSE]
  share <- rowSums(studies[, c("a", "c")]) / rowSums(studies[, c("n1", "n2")])
  alpha <- if (d$measure == "OR") qlogis(share) else log(share)
  known <- !failed(r)
  engine <- if (!known) r else list(k = r$k, mu = as.numeric(r$beta), se = r$se, mu_low = r$ci.lb,
    mu_high = r$ci.ub, statistic = as.numeric(r$zval), p_value = as.numeric(r$pval), tau2 = r$tau2,
    q_lrt = r$QE.LRT, q_lrt_p = r$QEp.LRT, q_df = r$QE.df)
  start <- list(par = c(alpha, if (known) engine$mu else 0), tau2 = if (known) engine$tau2 else 0)
  c(list(set = set, measure = d$measure, source = d$source), d$columns,
    list(left_out = I(which(left_out) - 1), metafor = engine,
      dense = dense_fit(d$measure, studies, start)))
}
freeze("glmm_two_groups.json", list(level = 95, cases = lapply(names(sets), case)), "lme4")
