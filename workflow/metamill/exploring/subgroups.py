"""Subgroups: each pooled with its own tau2, and a test of the differences between them."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import chdtrc

from metamill.results import Pooled, SubgroupTest

NOT_REPORTED = "not reported"


def subgroup_levels(cells: Iterable[str]) -> tuple[str, ...]:
    """The levels that occur, sorted, with what is not reported at the end."""
    found = {level_of(cell) for cell in cells}
    return tuple(sorted(found, key=lambda level: (level == NOT_REPORTED, level)))


def level_of(cell: str) -> str:
    """The level a cell stands for; an empty cell is a level of its own."""
    return cell or NOT_REPORTED


def subgroup_test(
    column: str, levels: tuple[str, ...], pooled: Sequence[Pooled], shared: int = 0
) -> SubgroupTest:
    """Q between the pooled means, chi-squared with G - 1 degrees of freedom.

    The fixed-effect comparison of subgroup means that were pooled with separate tau2 (Borenstein
    et al. 2009, chapter 19, method 2). Levels that are not pooled (one study, no events) cannot
    enter and are named. `shared` studies have rows in several levels: their means are not
    independent, so there is no such test, and posteriors are not tested either.
    """
    if shared:
        note = f"{shared} studies have rows in several levels, whose means are not independent"
        return SubgroupTest(column, levels, None, None, None, note)
    if any(p.interval == "credible" for p in pooled):
        note = "posteriors are not compared by a test"
        return SubgroupTest(column, levels, None, None, None, note)
    entering = [p for p in pooled if p.pooled and p.mu is not None and p.se]
    outside = [
        level for level, p in zip(levels, pooled, strict=True) if not any(p is e for e in entering)
    ]
    if len(entering) < 2:
        note = "not tested, fewer than two subgroups have a pooled mean with an error"
        return SubgroupTest(column, levels, None, None, None, note)
    note = f"without {', '.join(outside)}, which have no pooled mean" if outside else ""
    mu = np.array([p.mu for p in entering], float)
    w = 1 / np.array([p.se for p in entering], float) ** 2
    q = float((w * (mu - (w * mu).sum() / w.sum()) ** 2).sum())
    df = len(entering) - 1
    return SubgroupTest(column, levels, q, df, float(chdtrc(df, q)), note)
