"""Whether a design tells studies without events, or with nothing else, from the others.

The likelihood of a study with some but not all possible events falls on both sides of its effect,
that of one without events rises for ever as its effect falls, that of one full of events as it
grows. A direction of the coefficients that moves no study of the first kind, and each of the others
its own way or not at all, is one in which the likelihood never falls, whatever tau is (Albert and
Anderson 1984, doi 10.1093/biomet/71.1.1).
"""

from collections.abc import Sequence

import numpy as np

from metamill.pooling.glmm_families import Array, Studies, bounds

_ROUNDING = 1e-9


def separation(studies: Studies, x: Array, names: Sequence[str]) -> str | None:
    """Why the coefficients of the design x (k, p), of full rank, have no finite estimate, or None.

    `names` are those of the columns, for the message.
    """
    fewer, more = bounds(studies)
    direction = _direction(x / np.abs(x).max(axis=0), fewer > 0, more > 0)
    if direction is None:
        return None
    indicators = [j for j in range(x.shape[1]) if np.isin(x[:, j], (0.0, 1.0)).all()]
    groups = [(x[:, j] == 1, names[j]) for j in indicators if np.ptp(x[:, j]) > 0]
    reference = np.ones(len(x), bool)
    for inside, _ in groups:
        reference &= ~inside
    if groups and reference.any():
        others = " nor ".join(name for _, name in groups)
        how = "neither " if len(groups) > 1 else "not "
        groups.append((reference, f"the reference level ({how}{others})"))
    none, full = "no study of {} has an event", "every unit in the studies of {} has an event"
    if studies.family == "hypergeometric" or studies.reasons[0].startswith("as many"):
        none = "in every study of {} as many events as possible are in the control group"
        full = "in every study of {} as many events as possible are in the treatment group"
    for inside, name in groups:
        for side, words in ((fewer, none), (more, full)):
            if (side[inside] == 0).all():
                return words.format(name) + ", so that its coefficient has no finite estimate"
    moved = [name for name, step in zip(names, direction, strict=True) if abs(step) > _ROUNDING]
    return (
        "the studies without events, or with nothing else, are told from the others by "
        f"{', '.join(moved)}, so that there is no finite estimate of the coefficients"
    )


def _direction(x: Array, can_fall: Array, can_rise: Array) -> Array | None:
    """A step of the coefficients along which no likelihood falls, of size 1, or None."""
    inner = can_fall & can_rise
    _, size, rows = np.linalg.svd(x[inner], full_matrices=True)
    rank = int((size > _ROUNDING * max(1.0, size.max(initial=0.0))).sum())
    free = rows[rank:].T
    if free.shape[1] == 0:
        return None
    from scipy.optimize import nnls  # noqa: PLC0415, costs 0.1 s and is rarely needed

    side = np.where(can_rise, -1.0, 1.0)[~inner]
    ways = side[:, None] * (x[~inner] @ free)
    ways[np.abs(ways) <= _ROUNDING] = 0.0
    # Stiemke's lemma: there is no such direction if and only if positive multiples of the rows
    # add up to zero; what remains of the nearest sum is a direction otherwise
    start = ways.sum(axis=0)
    more, left = nnls(ways.T, -start)
    if left <= _ROUNDING * max(1.0, float(np.abs(start).max())):
        return None
    step = free @ (start + ways.T @ more)
    return step / np.abs(step).max()
