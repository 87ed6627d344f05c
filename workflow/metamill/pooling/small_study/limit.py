"""Limit meta-analysis: the mean of studies whose precision grows without bound."""

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.regression import predict, regress
from metamill.pooling.small_study.precision import PrecisionEstimate


def limit_estimate(
    y: ArrayLike, v: ArrayLike, tau2: float, level: float = 95.0
) -> PrecisionEstimate:
    """beta_0 = beta + tau alpha of Ruecker et al. 2011 (doi 10.1093/biostatistics/kxq046).

    In y_i = beta + sqrt(v_i + tau2)(alpha + e_i), e standard normal, alpha is the small-study
    effect; as v goes to 0 the mean is beta_0. y, v: (k,), k >= 3; tau2 >= 0 as the random-effects
    model has it, taken as known; limits are normal. Raises NotIdentified where all variances are
    the same.
    """
    total = np.asarray(v, float) + tau2
    design = np.column_stack([np.ones_like(total), np.sqrt(total)])
    fit = regress(y, total, design, "EE", "z", level, ("the intercept", "the standard error"))
    at = np.array([1.0, np.sqrt(tau2)])
    found = predict(fit, at[None], level)
    se = float(np.sqrt(at @ fit.covariance @ at))
    return PrecisionEstimate.normal(
        float(found.mean[0]), se, float(found.low[0]), float(found.high[0])
    )
