"""Subgroups: the levels of a column, and the tests of the differences between them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from scipy.special import chdtrc

from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.explored.subgroups import LevelsTest, SubgroupLevel, SubgroupTest
from metamill.exploring.common_tau2 import COMMON, SEPARATE, common_tau2
from metamill.results import Analysis, Pooled

NOT_REPORTED = "not reported"


def subgroup_levels(cells: Iterable[str]) -> tuple[str, ...]:
    """The levels that occur, sorted, with what is not reported at the end."""
    found = {level_of(cell) for cell in cells}
    return tuple(sorted(found, key=lambda level: (level == NOT_REPORTED, level)))


def level_of(cell: str) -> str:
    """The level a cell stands for; an empty cell is a level of its own."""
    return cell or NOT_REPORTED


def compared(
    column: str,
    levels: tuple[str, ...],
    parts: Sequence[Analysis],
    data: Sequence[Data],
    model: Model,
    tau2_of: str,
    shared: int = 0,
) -> tuple[list[Analysis], SubgroupTest]:
    """The levels' analyses with the tau2 that `tau2_of` says, and both tests between them.

    `parts` are the analyses of the levels with their own tau2, `data` what they pool. `shared`
    studies have rows in several levels: their means are not independent, so there is no test and no
    common tau2. The test of the settings comes first, the other beside it.
    """
    pooled = [part.pooled for part in parts]
    separate = separate_test(levels, pooled, shared)
    sizes = tuple(
        SubgroupLevel(
            level, part.pooled.k, len(part.effects), part.pooled.n, _has_mean(part.pooled)
        )
        for level, part in zip(levels, parts, strict=True)
    )
    found = list(parts)
    if shared:
        common = LevelsTest(COMMON, note=separate.note)
    else:
        together = common_tau2(column, levels, pooled, data, model)
        common = together.test
        if tau2_of == COMMON:
            found = [
                part if own is None or weights is None else _with_common(part, own, weights)
                for part, own, weights in zip(parts, together.pooled, together.weights, strict=True)
            ]
    first, other = (common, separate) if tau2_of == COMMON else (separate, common)
    # a model without a common tau2 has one test, and nothing to say of another
    beside = None if other is common and not model.shares_tau2 else other
    test = SubgroupTest(
        column,
        levels,
        first.q,
        first.q_df,
        first.q_p,
        first.note,
        first.tau2_of,
        first.df,
        first.tau2,
        sizes,
        beside,
    )
    return found, test


def _has_mean(pooled: Pooled) -> bool:
    return pooled.pooled and pooled.mu is not None


def _with_common(part: Analysis, pooled: Pooled, weights: np.ndarray) -> Analysis:
    effects = tuple(
        replace(effect, weight=float(weight), posterior=None)
        for effect, weight in zip(part.effects, weights, strict=True)
    )
    return replace(part, pooled=pooled, effects=effects, common_tau2=True)


def separate_test(levels: tuple[str, ...], pooled: Sequence[Pooled], shared: int = 0) -> LevelsTest:
    """Q between the pooled means, chi-squared with G - 1 degrees of freedom.

    The fixed-effect comparison of subgroup means that were pooled with separate tau2 (Borenstein
    et al. 2009, chapter 19, method 2). Levels that are not pooled (one study, no events) cannot
    enter and are named. `shared` studies have rows in several levels: their means are not
    independent, so there is no such test, and posteriors are not tested either.
    """
    if shared:
        note = f"{shared} studies have rows in several levels, whose means are not independent"
        return LevelsTest(SEPARATE, note=note)
    if any(p.interval == "credible" for p in pooled):
        return LevelsTest(SEPARATE, note="posteriors are not compared by a test")
    entering = [p for p in pooled if p.pooled and p.mu is not None and p.se]
    outside = [
        level for level, p in zip(levels, pooled, strict=True) if not any(p is e for e in entering)
    ]
    if len(entering) < 2:
        note = "not tested, fewer than two subgroups have a pooled mean with an error"
        return LevelsTest(SEPARATE, note=note)
    note = f"without {', '.join(outside)}, which have no pooled mean" if outside else ""
    mu = np.array([p.mu for p in entering], float)
    w = 1 / np.array([p.se for p in entering], float) ** 2
    q = float((w * (mu - (w * mu).sum() / w.sum()) ** 2).sum())
    df = len(entering) - 1
    return LevelsTest(SEPARATE, q, df, float(chdtrc(df, q)), note=note)
