"""The pooled numbers of one analysis: which model applies, and what must not be said."""

from metamill.estimating.choose import estimate
from metamill.estimating.data import Data, Estimate

__all__ = ["Data", "Estimate", "estimate"]
