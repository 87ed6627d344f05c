"""One effect per study from several with correlated sampling errors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metamill.pooling.dependent.rows import Array, Rows, rows
from metamill.pooling.identified import NotIdentified


@dataclass(frozen=True)
class Aggregated:
    """Per study, in the order of `study` (sorted codes): effect y, variance v, number of rows.

    `outside` marks a composite that lies outside the range of its own rows, which a high rho and
    unequal variances bring about by giving some rows negative weight.
    """

    study: Array
    y: Array
    v: Array
    rows: Array
    outside: Array


def _least_variance(data: Rows, y: Array, rho: float) -> tuple[Array, Array]:
    """1'V^-1 y/1'V^-1 1 and 1/1'V^-1 1 per study, V = diag(s) R diag(s), R compound symmetric.

    R^-1 weights what z = 1/s has in common by 1/(1 + (m - 1) rho) and its deviations by
    1/(1 - rho); written so, nothing cancels as rho nears 1.
    """
    m = data.size
    z = 1 / np.sqrt(data.v)
    mean = data.sums(z) / m
    deviation = z - mean[data.index]
    if rho == 1:
        unequal = np.maximum.reduceat(data.v, data.first) > np.minimum.reduceat(data.v, data.first)
        if unequal.any():
            raise NotIdentified(
                f"rho is 1 and the sampling variances of study {data.codes[unequal][0]} differ: "
                "their difference would be known without error"
            )
        deviation, apart = np.zeros_like(z), 1.0
    else:
        apart = 1 - rho
    common = 1 + (m - 1) * rho
    information = data.sums(deviation**2) / apart + m * mean**2 / common
    total = data.sums(deviation * z * y) / apart + mean * data.sums(z * y) / common
    return total / information, 1 / information


def aggregate(
    y: ArrayLike, v: ArrayLike, study: ArrayLike, rho: float, weighted: bool = True
) -> Aggregated:
    """Combine the rows of each study, their sampling errors correlated by rho.

    y, v, study: shape (k,). V has v on its diagonal and rho sqrt(v_i v_j) beside it. weighted:
    y = 1'V^-1 y/1'V^-1 1 with variance 1/1'V^-1 1 (Borenstein et al. 2009, chapter 24, generalised
    to least variance); otherwise the mean with variance 1'V 1/m^2 (their eq. 24.4). rho in
    (-1/(m - 1), 1] for the largest m. Raises ValueError for bad input; NotIdentified at rho = 1
    with unequal variances in a study when weighted, as V is then singular and the least variance 0.
    """
    data = rows(y, v, study)
    m = data.size
    largest = int(m.max())
    if not rho <= 1 or (largest > 1 and not rho * (largest - 1) > -1) or not np.isfinite(rho):
        raise ValueError(
            f"rho must lie above -1/(m - 1) for the {largest} rows of the largest study, and not "
            f"above 1: {rho}"
        )
    leading = data.order[data.first]
    from_base = data.y - data.y[data.first][data.index]
    inflation = 1 + (m - 1) * rho
    root = np.sqrt(data.v)
    if weighted:
        combined, variance = _least_variance(data, from_base, rho)
    else:
        spread = data.sums((root - (data.sums(root) / m)[data.index]) ** 2)
        variance = ((1 - rho) * spread + inflation * data.sums(root) ** 2 / m) / m**2
        combined = data.sums(from_base) / m
    single = m == 1
    combined = np.where(single, 0.0, combined)
    variance = np.where(single, np.asarray(v, float)[leading], variance * data.unit**2)
    low = np.minimum.reduceat(from_base, data.first)
    high = np.maximum.reduceat(from_base, data.first)
    slack = 1e-12 * (np.abs(low) + np.abs(high))
    return Aggregated(
        study=data.codes,
        y=np.asarray(y, float)[leading] + data.unit * combined,
        v=variance,
        rows=m,
        outside=(combined < low - slack) | (combined > high + slack),
    )
