"""What is said of a meta-regression: axis, slope, caption, alt text, and the plotted numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from metamill.explored.regression import Coefficient, Regression, RegressionPart
from metamill.figures.axes.effect_words import effect_label, noun_of, null_words, way_of
from metamill.figures.page.text import clean
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Result
from metamill.wording import (
    DASHED,
    METHODS,
    MODEL_SCALES,
    ROUND,
    TESTS,
    capital,
    count_text,
    estimate_text,
    number_text,
    p_text,
    result_format,
    significant_text,
)


def moderator_name(item: Regression) -> str:
    return capital(clean(item.moderator).replace("_", " ")) or "Moderator"


def panels_of(item: Regression) -> list[Regression]:
    """A regression as it is drawn: itself, or each of several moderators adjusted for the others.

    A panel's notes say what it is adjusted to; the last one's say the rest of the regression too.
    """
    if not item.parts:
        return [item]
    panels = []
    for part in item.parts:
        own = {term.term: term for term in item.coefficients}
        mine = [own[name] for name in (part.moderator, *_level_terms(part)) if name in own]
        others = [_held(other) for other in item.parts if other is not part]
        panels.append(
            replace(
                item,
                moderator=part.moderator,
                kind=part.kind,
                levels=part.levels,
                reference=part.reference,
                centre=part.centre,
                coefficients=tuple(mine),
                r2=None,
                tau2=None,
                qm=part.qm,
                qm_df=part.qm_df,
                qm_df2=part.qm_df2,
                qm_p=part.qm_p,
                permutations=None,
                tests=(),
                means=part.means,
                points=part.points,
                parts=(),
                left_out=(),
                notes=(f"adjusted: mean and effects are those at {'; '.join(others)}",),
            )
        )
    together = _accounts(item).replace("test of the moderator ", "test of all moderators ")
    whole = (f"the whole regression: {together}", *_permuted(item), *item.notes)
    panels[-1] = replace(panels[-1], left_out=item.left_out, notes=(*panels[-1].notes, *whole))
    return panels


def _adjusted(panel: Regression) -> bool:
    return any(note.startswith("adjusted: ") for note in panel.notes)


def _level_terms(part: RegressionPart) -> Iterable[str]:
    return (f"{part.moderator}={level}" for level in part.levels[1:])


def _held(part: RegressionPart) -> str:
    """Where another moderator is held: "year 1998.3" or "technique open"."""
    at = part.reference.replace("_", " ") if part.centre is None else f"{part.centre:.4g}"
    return f"{clean(part.moderator).replace('_', ' ')} {at}"


def _permuted(item: Regression) -> Iterable[str]:
    """The permutation test of all coefficients together, or why there is none."""
    told = item.permutations
    if told is None:
        return
    if told.qm_p is None:
        yield f"no permutation test: {told.note}"
        return
    count = count_text(told.orders)
    which = f"all {count} orders" if told.exact else f"{count} random orders"
    yield f"permutation test of the regression ({which}): {p_text(told.qm_p)}"


def axis_words(result: Result) -> str:
    return effect_label(result)


def outside_words(result: Result, count: int) -> list[str]:
    """The note on studies beyond the ends of the axis; none for none."""
    if not count:
        return []
    lies = "lies" if count == 1 else "lie"
    return [f"{noun_of(result, count)} {lies} outside the axis (hollow, at its end)."]


def coefficient_words(item: Coefficient, style: Style) -> str:
    """ "0.021 [0.004, 0.038], p = 0.017", on the model scale."""
    # a slope may be below 0 where no estimate is, and a dash would read as its sign
    signed = style.brackets == DASHED and min(item.low, item.high) < 0
    opening, between, closing = ROUND if signed else style.brackets
    low, high = (significant_text(x, 3) for x in (item.low, item.high))
    p = f", {p_text(item.p_value)}" if item.p_value is not None else ""
    p += f", by permutation {p_text(item.permutation_p)}" if item.permutation_p is not None else ""
    return f"{significant_text(item.b, 3)} {opening}{low}{between}{high}{closing}{p}"


def _scale(result: Result) -> str:
    """The scale of the slopes, where it is not that of the axis."""
    way = way_of(result)
    scale = MODEL_SCALES.get(result.measure.code) or way.scale.name
    if not scale:
        return ""
    falling = ", which falls as the estimate rises" if way.sign < 0 else ""
    return f" on the {scale} scale{falling}"


def _slopes(item: Regression, result: Result, style: Style) -> Iterable[str]:
    name = moderator_name(item).lower()
    for found in item.coefficients:
        if found.term == "intercept":
            continue
        words = coefficient_words(found, style)
        if item.kind == "numeric":
            yield f"Slope per unit of {name}{_scale(result)}: {words}"
        else:
            level = found.term.partition("=")[2].replace("_", " ")
            reference = item.reference.replace("_", " ")
            yield f"{capital(level)} against {reference}{_scale(result)}: {words}"


def _accounts(item: Regression) -> str:
    """R2 and the test of the moderator in one line."""
    told = []
    if item.r2 is not None:
        told.append(f"R² = {number_text(item.r2, 0)}%")
    if item.qm is not None and item.qm_df is not None:
        second = item.df if item.qm_df2 is None else item.qm_df2
        df = str(item.qm_df) if second is None else f"{item.qm_df}, {_df_text(second)}"
        sign = "χ²" if second is None else "F"
        told.append(f"test of the moderator {sign} = {number_text(item.qm, 2)} (df = {df}, "
                    f"{p_text(item.qm_p)})")  # fmt: skip
    if item.tau2 is not None:
        told.append(f"residual τ² = {significant_text(item.tau2)}")
    return "; ".join(told)


def _df_text(df: float) -> str:
    return number_text(df, 0 if df == int(df) else 1)


def regression_words(item: Regression, result: Result, style: Style) -> list[str]:
    """The lines under a plot: slopes, what they account for, who is left out, the notes."""
    said = [*_slopes(item, result, style), _accounts(item)]
    if item.left_out:
        names = dict.fromkeys(result.rows[left.row].label for left in item.left_out)
        said.append(f"Left out, as they do not say the moderator: {', '.join(names)}")
    said += item.notes
    said += _permuted(item)
    return [f"{capital(text).rstrip('.')}." for text in said if text]


def _model(item: Regression) -> str:
    method = METHODS.get(item.method, item.method)
    return f"Meta-regression ({method}), {TESTS.get(item.test, item.test)}"


def bubble_caption(title: str, result: Result, fitted: Sequence[Regression]) -> str:
    """The title, the moderators, what every line and shape is, and the models."""
    level = f"{result.primary.settings['level']:g}%"
    names = "; ".join(dict.fromkeys(moderator_name(item).lower() for item in fitted))
    said = [
        f"{title}. {capital(result.measure.natural)} by {names}.",
        f"Circles are {noun_of(result)}, their area proportional to the weight.",
    ]
    if any(item.kind == "numeric" for item in fitted):
        dashed = f"; dashed: the {level} prediction interval" if _predicts(fitted, True) else ""
        said.append(f"Line: the mean by the moderator; band: its {level} interval{dashed}.")
    if any(item.kind != "numeric" for item in fitted):
        thin = f"; dashed line: the {level} prediction interval" if _predicts(fitted, False) else ""
        said.append(f"Diamond: the mean of a level; thick bar: its {level} interval{thin}.")
    if any(map(_adjusted, fitted)):
        said.append("Of several moderators in one regression each is adjusted for the others.")
    if result.measure.null is not None:
        said.append(f"Dotted: {null_words(result)}.")
    said += [f"{words}." for words in dict.fromkeys(map(_model, fitted))]
    return " ".join(said) + "\n"


def _predicts(fitted: Sequence[Regression], numeric: bool) -> bool:
    """Whether a regression of this kind has a prediction interval."""
    return any(
        mean.pi_low is not None and mean.pi_high is not None
        for item in fitted
        if (item.kind == "numeric") == numeric
        for mean in item.means
    )


def bubble_alt(title: str, result: Result, fitted: Sequence[Regression], style: Style) -> str:
    return f"{title}. {' '.join(_one(item, result, style) for item in fitted)}\n"


def _one(item: Regression, result: Result, style: Style) -> str:
    form = result_format(result)
    name, measure = moderator_name(item).lower(), capital(result.measure.natural)
    adjusted = ", adjusted" if _adjusted(item) else ""
    told = [f"{measure} of {noun_of(result, item.k)} by {name}{adjusted}."]
    means = [item.means[0], item.means[-1]] if item.kind == "numeric" else list(item.means)
    ends = (
        f"at {m.level.replace('_', ' ') if m.x is None else f'{m.x:g}'} "
        f"{estimate_text(m.mean, m.ci_low, m.ci_high, form, style.brackets)}"
        for m in means
    )
    told.append(f"Mean {'; '.join(ends)}.")
    told += regression_words(item, result, style)
    return " ".join(told)


_COLUMNS = (
    "moderator,item,label,x,level,estimate,ci_low,ci_high,pi_low,pi_high,weight,p_value,"
    "permutation_p,note"
).split(",")


def bubble_csv(result: Result) -> str:
    """Points, means and coefficients (on the model scale) of every moderator, and rows left out.

    Those of a regression on several moderators are adjusted, as they are drawn, and say so.
    """
    rows: list[dict[str, object]] = []
    panels = [panel for item in result.regressions for panel in panels_of(item)]
    for item in panels:
        about: dict[str, object] = {"moderator": item.moderator}
        if _adjusted(item):
            about["note"] = item.notes[0]
        if not item.coefficients:
            rows.append(about | {"item": "not drawn", "note": "; ".join(item.notes)})
            continue
        rows += [
            about
            | {"item": "study", "label": result.rows[p.row].label, "x": p.x, "level": p.level}
            | {"estimate": p.estimate, "weight": p.weight}
            for p in item.points
        ]
        rows += [
            about
            | {"item": "mean", "x": m.x, "level": m.level, "estimate": m.mean}
            | {"ci_low": m.ci_low, "ci_high": m.ci_high, "pi_low": m.pi_low, "pi_high": m.pi_high}
            for m in item.means
        ]
        rows += [
            about
            | {"item": "coefficient", "label": c.term, "estimate": c.b}
            | {"ci_low": c.low, "ci_high": c.high, "p_value": c.p_value}
            | {"permutation_p": c.permutation_p}
            for c in item.coefficients
        ]
        rows += [
            about | {"item": "left out", "label": result.rows[x.row].label, "note": x.reason}
            for x in item.left_out
        ]
    return csv_text(_COLUMNS, rows)
