"""Quantities that a study gives in another form: SDs, means, counts, correlations.

`derive` completes one row and records every derived number. Which columns lead to which is data
in tables/derivations.py; formulas and references are in docs/statistics/preparation.md.
"""

from metamill.measures.derive.change import SiblingCorrelation
from metamill.measures.derive.draft import DerivedCell
from metamill.measures.derive.row import (
    Derivation,
    derive,
    measure_columns,
    sibling_correlations,
)

__all__ = [
    "Derivation",
    "DerivedCell",
    "SiblingCorrelation",
    "derive",
    "measure_columns",
    "sibling_correlations",
]
