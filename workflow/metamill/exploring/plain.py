"""Where the kernel alone decides an analysis, so that many variants of it can be fitted at once."""

import numpy as np

from metamill.config.methods import is_inverse_variance
from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.estimating.edges import without_variation
from metamill.pooling.inverse_variance import TESTS
from metamill.results import Pooled

_ALIKE = 1e-9
"""Effects that differ by less, relative to the largest, are taken for identical."""


def is_weighted(data: Data, model: Model) -> bool:
    """Whether one effect per study is pooled by inverse variance, as `pool` does."""
    return one_effect_each(data) and by_pool(model)


def one_effect_each(data: Data) -> bool:
    """Whether no two rows are of one study."""
    return np.array_equal(np.sort(data.study), np.arange(len(data.study)))


def by_pool(model: Model) -> bool:
    """Whether `estimate` pools one effect per study as `pool` does."""
    return is_inverse_variance(model.method) and model.test in TESTS and not model.aggregate


def is_plain(data: Data, model: Model) -> bool:
    """Whether `estimate` has nothing to decide about data that are weighted: they vary."""
    yi = data.effects.yi
    varies = bool(np.ptp(yi) > _ALIKE * np.abs(yi).max()) if len(yi) else False
    return varies and without_variation(Pooled(len(yi)), data, model) is None
