"""Several rows per study: robust variance, three-level models, one composite per study."""

from metamill.pooling.dependent.aggregate import Aggregated, aggregate
from metamill.pooling.dependent.robust import RobustFit, cr2, rve
from metamill.pooling.dependent.three_level import ThreeLevelFit, three_level

__all__ = ["Aggregated", "RobustFit", "ThreeLevelFit", "aggregate", "cr2", "rve", "three_level"]
