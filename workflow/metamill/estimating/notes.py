"""What a reader must know of a pooled number because of its measure."""

import numpy as np

from metamill.config.settings import Model
from metamill.estimating.data import Data, Estimate
from metamill.measures.registry import MEASURES
from metamill.measures.scales import pft_range
from metamill.results import Pooled


def measure_notes(pooled: Pooled, data: Data, model: Model) -> tuple[str, ...]:
    """Limits that were cut at the end of their range, and what the double arcsine depends on."""
    if not pooled.pooled or pooled.estimate is None:
        return ()
    notes = []
    if model.thresholds and not pooled.beyond:
        notes.append("no probability beyond a threshold without the distribution of a new study")
    least, most = MEASURES[model.measure].bounds
    limits = (pooled.ci_low, pooled.ci_high, pooled.pi_low, pooled.pi_high)
    if model.measure in _CAN_PASS and {least, most} & set(limits):
        notes.append(_CAN_PASS[model.measure])
    if model.measure == "PFT" and pooled.mu is not None:
        low, high = (100 * p for p in pft_range(pooled.mu, data.columns["total"]))
        notes.append(
            "double arcsine: the way back to a proportion depends on the study size assumed; the "
            "estimate takes the harmonic mean, and from the smallest to the largest study it would "
            f"be between {low:.3g}% and {high:.3g}%; a GLMM has no such step"
        )
    return tuple(notes)


def balance_notes(found: Estimate, data: Data) -> tuple[str, ...]:
    """One study that outweighs all others, and precisions that differ beyond belief."""
    notes = []
    if found.pooled.k > 2 and found.weights is not None:
        of_study = np.bincount(data.study, found.weights)
        if of_study.max() > HALF:
            notes.append(f"one study has {of_study.max():.0f}% of the weight")
    v = data.effects.vi
    if found.pooled.pooled and v.max() >= FAR_APART * v.min():
        notes.append(
            f"sampling variances differ by a factor of {v.max() / v.min():.0e}: check the most "
            "precise study"
        )
    return tuple(notes)


HALF = 50.0
FAR_APART = 1e7
_CAN_PASS = {
    "PR": "raw proportions: limits beyond 0 and 1 are cut there",
    "PAS": "arcsine proportions: limits beyond 0 and 1 are cut there",
    "PFT": "double arcsine: limits beyond 0 and 1 are cut there",
    "PLN": "log proportions: limits beyond 1 are cut there",
    "RD": "risk differences: limits beyond -1 and 1 are cut there",
    "IR": "raw rates: limits below 0 are cut there",
    "IRS": "square-root rates: limits below 0 are cut there",
    "AS": "arcsine differences: limits beyond -pi/2 and pi/2 are cut there",
    "COR": "raw correlations: limits beyond -1 and 1 are cut there",
}
"""Measures whose normal limits can pass the end of their range."""
