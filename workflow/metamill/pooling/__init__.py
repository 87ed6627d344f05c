"""Pooling: from effects and their sampling variances (or counts) to one estimate.

Everything here is a pure function of arrays. Studies run along the first axis; where a function
takes several analyses at once they run along the second.
"""

from metamill.pooling.heterogeneity import TAU2_ESTIMATORS, tau2_interval
from metamill.pooling.inverse_variance import METHODS, TESTS, Fit, pool

__all__ = ["METHODS", "TAU2_ESTIMATORS", "TESTS", "Fit", "pool", "tau2_interval"]
