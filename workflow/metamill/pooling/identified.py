"""What a model says when the data cannot answer it."""

import numpy as np

Array = np.ndarray


class NotIdentified(ArithmeticError):
    """The likelihood has no interior maximum, or too little information to have one."""


class TooCostly(NotIdentified):
    """The model could be fitted, but not within the stated cost; the reason names the limit."""


def informs_a_ratio(events: Array, units: Array | None = None) -> Array:
    """Which studies say something about a ratio of two groups, shape (k,).

    events of both groups together, out of `units` where these are counted: a study without an
    event, or with nothing else, has the same likelihood for every ratio.
    """
    some = events > 0
    return some if units is None else some & (events < units)
