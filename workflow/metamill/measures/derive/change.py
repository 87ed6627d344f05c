"""The SD of a change and the correlation of the scores before and after (Handbook 6.5.2.8)."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import atanh, inf, sqrt, tanh

from metamill.measures.derive.draft import Draft
from metamill.measures.derive.printed import Span, overlap
from metamill.measures.derive.spread import effect_of
from metamill.measures.derive.used import Used
from metamill.tables.derivations import CI, Way


@dataclass(frozen=True)
class SiblingCorrelation:
    """Mean correlation of other studies on one scale: its value and from how many studies."""

    value: float
    studies: int


def implied_correlation(pre: float, post: float, change: float) -> float:
    """The correlation that three SDs imply; beyond -1 or 1 no data have the three."""
    return (pre**2 + post**2 - change**2) / (2 * pre * post)


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
    """The change: as reported, which the two means must bear out, or post minus pre."""
    if draft.has("mean_change"):
        if draft.cells.get("mean_pre") and draft.cells.get("mean_post"):
            difference, around = effect_of(
                Way(CI, ("mean_pre", "mean_post"), "change"), draft.cells
            )
            if not overlap(around, draft.limits["mean_change"]):
                raise ValueError(
                    f"mean_change is {draft.cells['mean_change']}, but mean_post "
                    f"{draft.cells['mean_post']} minus mean_pre {draft.cells['mean_pre']} is "
                    f"{difference:.10g}"
                )
    elif draft.has("mean_pre", "mean_post"):
        draft.values["mean_change"] = draft.values["mean_post"] - draft.values["mean_pre"]


def own_correlation(draft: Draft) -> float | None:
    """The row's own correlation: reported, or implied by its three SDs; None without either.

    Raises ValueError for three SDs that no data have, and where the two ways disagree.
    """
    reported = draft.values["correlation"] if draft.has("correlation") else None
    exact = all(name in draft.limits for name in ("sd_pre", "sd_post", "sd_change"))
    if not exact:
        return reported
    pre, post, change = (draft.limits[name] for name in ("sd_pre", "sd_post", "sd_change"))
    values = [draft.values[name] for name in ("sd_pre", "sd_post", "sd_change")]
    implied = implied_correlation(*values)
    if not overlap(change, change_sd_limits(pre, post, (-1.0, 1.0))):
        raise ValueError(
            f"an SD of the change of {values[2]:.10g} is impossible with SDs of {values[0]:.10g} "
            f"and {values[1]:.10g} (correlation {implied:.3g})"
        )
    if reported is None:
        return min(max(implied, -1.0), 1.0)
    if not overlap(change, change_sd_limits(pre, post, draft.limits["correlation"])):
        raise ValueError(
            f"correlation {draft.cells['correlation']} and an SD of the change of "
            f"{values[2]:.10g} contradict each other: with SDs of {values[0]:.10g} and "
            f"{values[1]:.10g} the correlation is {implied:.3g}"
        )
    return reported


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
