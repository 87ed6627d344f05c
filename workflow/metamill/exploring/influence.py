"""What each study does to an inverse-variance pool: influence statistics and Baujat's numbers.

Viechtbauer and Cheung 2010 (doi 10.1002/jrsm.11) for the statistics; Baujat et al. 2002 (doi
10.1002/sim.1221) for the plot, carried over to random effects by Viechtbauer 2021 (Handbook of
meta-analysis, pages 219 to 254). w = 1/(v + tau2); the subscript -i is the pool without study i,
W_-i the sum of its weights. s_-i = se_-i sqrt(W_-i) is what the test multiplies the Wald error by:
1 for z, t and pl, sqrt(q_-i) for knha, sqrt(max(1, q_-i)) for adhoc.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from metamill.estimating.data import known
from metamill.explored.refits import Refit
from metamill.measures.effects import Array
from metamill.results import Pooled


@dataclass(frozen=True)
class Influence:
    """Influence statistics, each of shape (k,); nan is what does not exist.

    rstudent: (y - mu_-i)/sqrt(s_-i^2 (v + tau2_-i) + se_-i^2), the externally studentised residual.
    hat: w/sum w; weight: the same in per cent.
    dffits: (mu - mu_-i)/sqrt(s_-i^2 hat (v + tau2_-i)).
    dfbetas: (mu - mu_-i)/sqrt(s_-i^2/sum of 1/(v + tau2_-i) over all k studies).
    baujat_x: (y - mu)^2/(v + tau2), the squared Pearson residual; where tau2 is 0 they add up to Q.
    baujat_y: (mu - mu_-i)^2/se_-i^2.
    """

    rstudent: Array
    dffits: Array
    hat: Array
    weight: Array
    dfbetas: Array
    baujat_x: Array
    baujat_y: Array


def influence(
    y: ArrayLike,
    v: ArrayLike,
    mu: float,
    tau2: float,
    mu_without: ArrayLike,
    se_without: ArrayLike,
    tau2_without: ArrayLike,
) -> Influence:
    """The statistics of k studies from a pool and the k pools without each of them.

    y, v: effects and sampling variances (> 0), shape (k,); mu, tau2: of all (tau2 0 for equal
    effects); *_without: mean, its standard error by the test, and tau2 without each study, shape
    (k,), nan where there is none. A statistic that needs what is nan, or divides by a standard
    error of 0, is nan. Raises ValueError for shapes that differ.
    """
    y, v, mu_without, se_without, tau2_without = (
        np.asarray(x, float) for x in (y, v, mu_without, se_without, tau2_without)
    )
    if y.ndim != 1 or any(x.shape != y.shape for x in (v, mu_without, se_without, tau2_without)):
        raise ValueError("y, v and the numbers without each study must be vectors of one length")
    w = 1 / (v + tau2)
    hat = w / w.sum()
    # Summed without study i, and never as a difference: it may outweigh all others.
    rest = np.array([(1 / (np.delete(v, i) + tau2_without[i])).sum() for i in range(len(v))])
    own = 1 / (v + tau2_without)
    factor = se_without * np.sqrt(rest)
    spread = np.sqrt(v + tau2_without)
    shift = mu - mu_without
    with np.errstate(divide="ignore", invalid="ignore"):
        return Influence(
            rstudent=_finite((y - mu_without) / np.hypot(factor * spread, se_without)),
            dffits=_finite(shift / (factor * np.sqrt(hat) * spread)),
            hat=hat,
            weight=100 * hat,
            dfbetas=_finite(shift * np.sqrt(rest + own) / factor),
            baujat_x=(y - mu) ** 2 * w,
            baujat_y=_finite((shift / se_without) ** 2),
        )


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, np.nan)


@dataclass(frozen=True)
class Cutoffs:
    """Beyond any of these a study is called influential; dffits and dfbetas by absolute value."""

    dffits: float
    cook: float
    hat: float
    dfbetas: float


def cutoffs(k: int) -> Cutoffs:
    """The rule of thumb of metafor's help page of influence() for one mean of k >= 2 studies.

    DFFITS beyond 3 sqrt(1/(k - 1)), Cook's distance beyond the median of chi-squared(1), a hat
    value beyond 3/k, DFBETAS beyond 1.
    """
    return Cutoffs(float(3 / np.sqrt(k - 1)), float(ndtri(0.75) ** 2), 3 / k, 1.0)


def is_influential(refit: Refit, k: int) -> bool | None:
    """Whether `refit`, of k studies less one, passes a cutoff; one is enough.

    None where no statistic that exists passes its cutoff, and one does not exist.
    """
    values = [getattr(refit, part.name) for part in fields(Cutoffs)]
    limits = astuple(cutoffs(k))
    if any(x is not None and abs(x) > limit for x, limit in zip(values, limits, strict=True)):
        return True
    return None if None in values else False


def with_influence(refits: Sequence[Refit], whole: Pooled, y: Array, v: Array) -> tuple[Refit, ...]:
    """The refits with their influence statistics; y, v: the effects left out, in their order.

    `whole` is the inverse-variance pool of all of them, and Cook's distances are in the refits.
    """

    def without(name: str) -> Array:
        return np.array([getattr(refit, name) for refit in refits], float)

    if whole.mu is None:
        return tuple(refits)
    equal_effects = whole.tau2 is None
    tau2 = np.zeros(len(y)) if equal_effects else without("tau2")
    found = influence(y, v, whole.mu, whole.tau2 or 0.0, without("mu"), without("se"), tau2)
    told = []
    for i, refit in enumerate(refits):
        numbers: dict[str, Any] = {
            item.name: known(getattr(found, item.name)[i]) for item in fields(Influence)
        }
        with_numbers = replace(refit, **numbers)
        told.append(replace(with_numbers, influential=is_influential(with_numbers, len(y))))
    return tuple(told)
