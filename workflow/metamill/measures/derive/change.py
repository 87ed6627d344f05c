"""The SD of a change and the correlation of the scores before and after (Handbook 6.5.2.8)."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import atanh, inf, sqrt, tanh

from metamill.measures.derive.draft import Draft
from metamill.measures.derive.printed import ROUNDED, Span
from metamill.measures.derive.used import Used


@dataclass(frozen=True)
class SiblingCorrelation:
    """Mean correlation of other studies on one scale: its value and from how many studies."""

    value: float
    studies: int


def implied_correlation(pre: float, post: float, change: float) -> float:
    """The correlation that three SDs imply; beyond -1 or 1 no data have the three."""
    return (pre**2 + post**2 - change**2) / (2 * pre * post)


def implied_limits(pre: Span, post: Span, change: Span) -> Span:
    """Smallest and largest correlation that SDs above zero, within their intervals, imply.

    It falls in the SD of the change. In one of the other two it is largest at an end, and smallest
    at an end or where the square of that SD is the difference of the squares of the others.
    """
    ends = [(a, b) for a in pre for b in post]
    low = list(ends)
    for b in post:
        turn = sqrt(max(b**2 - change[1] ** 2, 0.0))
        low.append((min(max(turn, pre[0]), pre[1]), b))
    for a in pre:
        turn = sqrt(max(a**2 - change[1] ** 2, 0.0))
        low.append((a, min(max(turn, post[0]), post[1])))
    return (
        min(implied_correlation(a, b, change[1]) for a, b in low),
        max(implied_correlation(a, b, change[0]) for a, b in ends),
    )


def change_sd(pre: float, post: float, correlation: float) -> float:
    """SD of the change from both SDs and their correlation."""
    return sqrt(max(pre**2 + post**2 - 2 * correlation * pre * post, 0.0))


def change_sd_limits(pre: Span, post: Span, correlation: Span) -> Span:
    """Smallest and largest SD of the change over intervals of what it is computed from.

    For one correlation its square is convex in the two SDs: the largest is at a corner, the
    smallest at a corner or where a side passes the other SD times the correlation.
    """
    found = [inf, 0.0]
    for r in (max(correlation[0], -1.0), min(correlation[1], 1.0)):
        points = [(a, b) for a in pre for b in post]
        points += [(a, min(max(r * a, post[0]), post[1])) for a in pre]
        points += [(min(max(r * b, pre[0]), pre[1]), b) for b in post]
        for a, b in points:
            sd = change_sd(max(a, 0.0), max(b, 0.0), r)
            found = [min(found[0], sd), max(found[1], sd)]
    return found[0], found[1]


def mean_correlation(found: Iterable[tuple[str, float, int]]) -> SiblingCorrelation | None:
    """Mean of (study, correlation, n) on Fisher's z scale, weighted by n - 3 (Fisher 1921).

    Correlations of -1 and 1, and those of fewer than four units, carry no z. None if none is left.
    """
    usable = [(study, atanh(r), n - 3) for study, r, n in found if abs(r) < 1 and n > 3]
    if not usable:
        return None
    z = sum(z * weight for _, z, weight in usable) / sum(weight for *_, weight in usable)
    return SiblingCorrelation(tanh(z), len({study for study, *_ in usable}))


def complete_mean_change(draft: Draft) -> None:
    """The change: as reported, or post minus pre."""
    if draft.lacks("mean_change") and draft.has("mean_pre", "mean_post"):
        draft.values["mean_change"] = draft.values["mean_post"] - draft.values["mean_pre"]


def own_correlation(draft: Draft) -> float | None:
    """The row's own correlation: reported, or implied by its three SDs; None without either.

    Three SDs that no data have imply none.
    """
    if draft.has("correlation"):
        return draft.values["correlation"]
    three = ("sd_pre", "sd_post", "sd_change")
    if not all(name in draft.limits for name in three):
        return None
    pre, post, change = (draft.limits[name] for name in three)
    if not ROUNDED.meet(change, change_sd_limits(pre, post, (-1.0, 1.0))):
        return None
    return min(max(implied_correlation(*(draft.values[name] for name in three)), -1.0), 1.0)


def complete_correlation(
    draft: Draft,
    own: float | None,
    siblings: SiblingCorrelation | None,
    assumed: float,
    used: Used,
) -> None:
    """The correlation and the SD of the change, what is `used` and lacking, by order of sources.

    `own` is the row's correlation (see `own_correlation`). Without it an effect that needs one
    takes that of the siblings, or the assumed one.
    """
    known, sides = draft.has("sd_change"), ("sd_pre", "sd_post")
    how = "from own r"
    sources: tuple[str, ...] = (*sides, "correlation")
    r = own if "correlation" in used.columns else None
    needed = [name for name in sides if name in used.effect]
    if r is not None and not draft.has("correlation"):
        draft.add("correlation", r, "from the SD of the change", (*sides, "sd_change"))
    elif r is None and "correlation" in used.effect and draft.has(*needed):
        if siblings is not None:
            r, plural = siblings.value, "y" if siblings.studies == 1 else "ies"
            how = f"from r = {r:.2g} of {siblings.studies} sibling stud{plural}"
            draft.flag(f"r = {r:.2g} from {siblings.studies} sibling stud{plural}")
        else:
            r, how = assumed, f"from assumed r = {assumed:g}"
            draft.flag(f"assumed r = {assumed:g}")
        sources = sides
        draft.add("correlation", r, how.removeprefix("from "), ())
    if "sd_change" in used.columns and not known and r is not None and draft.has(*sides):
        sd = change_sd(draft.values["sd_pre"], draft.values["sd_post"], r)
        draft.add("sd_change", sd, how, sources)
