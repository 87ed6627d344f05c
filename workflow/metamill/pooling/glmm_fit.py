"""A fitted mixed model, and what follows from its maximum whatever its likelihood was."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from metamill.pooling.predictive import prediction_interval
from metamill.pooling.wald import check_level, wald

Array = np.ndarray


@dataclass(frozen=True)
class GLMMFit:
    """The fitted model on the link scale (logit, log rate, log ratio).

    `k` counts the informative studies; `uninformative` holds the positions of the others, which
    have no weight and an empirical Bayes estimate of nan. `statistic` and `p_value` test mu = 0,
    which means something for two groups only. `tau2_se` comes from the observed information of
    (mu, tau); it is nan at tau = 0, and a description, as the interval is that of the profile.

    `marginal` is the mean over studies of the back-transformed effect (proportion, rate, ratio),
    where the median is that of mu. Its limits come from the delta method on the link scale:
    g(marginal) -+ quantile se, with the gradient of g(marginal) in (mu, tau) and
    the full covariance of both from the observed information (at tau = 0 the variance of mu).

    `q` is the likelihood-ratio statistic of one common effect against one effect per study; `lrt`
    that of tau2 = 0 against the model, whose p-value is half that of chi-squared with one degree
    of freedom (Self and Liang 1987), and 1 where tau2 = 0.

    `weights` (per cent) are information weights 1/(tau2 + 1/information) at the empirical Bayes
    effects: a description, not the weights of an estimating equation. `empirical_bayes` are the
    posterior modes, back-transformed. tau2_high is nan where the profile likelihood stays above
    its critical value up to the largest tau searched.
    """

    k: int
    mu: float
    se: float
    mu_low: float
    mu_high: float
    statistic: float
    p_value: float
    tau2: float
    tau2_low: float
    tau2_high: float
    pi_low: float
    pi_high: float
    q: float
    q_df: int
    q_p: float
    lrt: float
    lrt_p: float
    loglik: float
    marginal: float
    marginal_low: float
    marginal_high: float
    weights: Array
    empirical_bayes: Array
    tau2_se: float = float("nan")
    uninformative: tuple[int, ...] = ()


def check_question(level: float, test: str) -> None:
    """Raise ValueError for a level outside (0, 100) or a test that is neither t nor z."""
    check_level(level)
    if test not in ("t", "z"):
        raise ValueError(f"test must be t or z, not {test!r}")


def finished(
    mu: float,
    tau: float,
    covariance: Array,
    *,
    k: int,
    level: float,
    test: str,
    tau_limits: tuple[float, float],
    value: float,
    value_common: float,
    saturated: float,
    constant: float,
    back: Callable[[float], Array],
    marginal: tuple[float, float],
    weights: Array,
    empirical_bayes: Array,
    informative: Array,
) -> GLMMFit:
    """The fit of a maximum (mu, tau) with the covariance of both, of mu alone at tau = 0.

    value, value_common and saturated are log-likelihoods without `constant`: of the model, of one
    common effect and of one effect per study. marginal is the link of the mean effect with its
    error, which `back` turns back; weights and empirical_bayes have a place for every study.
    """
    mu, tau = float(mu), float(tau)
    se = float(np.sqrt(covariance[0, 0]))
    of_mu = wald(mu, se, k - 1 if test == "t" else np.inf, level)
    pi_low, pi_high = prediction_interval(mu, se, tau**2, k - 1, level)
    q = max(0.0, 2 * (saturated - value_common))
    lrt = max(0.0, 2 * (value - value_common)) if tau > 0 else 0.0
    centre, error = marginal
    reach = of_mu.quantile * error
    tau_low, tau_high = tau_limits
    return GLMMFit(
        k=k,
        mu=mu,
        se=se,
        mu_low=of_mu.low,
        mu_high=of_mu.high,
        statistic=of_mu.statistic,
        p_value=of_mu.p_value,
        tau2=tau**2,
        tau2_low=tau_low**2,
        tau2_high=tau_high**2,
        pi_low=float(pi_low),
        pi_high=float(pi_high),
        q=q,
        q_df=k - 1,
        q_p=float(chdtrc(k - 1, q)),
        lrt=lrt,
        lrt_p=0.5 * float(chdtrc(1, lrt)) if tau > 0 else 1.0,
        loglik=value + constant,
        marginal=float(back(centre)),
        marginal_low=float(back(centre - reach)),
        marginal_high=float(back(centre + reach)),
        weights=100 * weights / weights.sum(),
        empirical_bayes=empirical_bayes,
        tau2_se=float(2 * tau * np.sqrt(covariance[1, 1])) if tau > 0 else float("nan"),
        uninformative=tuple(int(i) for i in np.flatnonzero(~informative)),
    )
