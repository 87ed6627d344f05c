"""What is said of a meta-regression: axis, slope, caption, alt text, and the plotted numbers."""

from collections.abc import Iterable, Sequence

from metamill.config.settings import Display
from metamill.figures.page.text import clean
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Coefficient, Regression, Result
from metamill.wording import (
    METHODS,
    MODEL_SCALES,
    TESTS,
    capital,
    count_text,
    estimate_text,
    number_text,
    p_text,
    result_format,
    significant_text,
    unit_words,
)


def moderator_name(item: Regression) -> str:
    return capital(clean(item.moderator).replace("_", " ")) or "Moderator"


def axis_words(result: Result) -> str:
    measure = result.measure
    name = capital(measure.natural)
    if measure.family == "proportion":
        return f"{name} of {unit_words(result.unit)} (%)" if result.unit else f"{name} (%)"
    return f"{name} (log scale)" if measure.log_axis else name


def outside_words(count: int) -> list[str]:
    """The note on studies beyond the ends of the axis; none for none."""
    if not count:
        return []
    which = "study lies" if count == 1 else "studies lie"
    return [f"{count} {which} outside the axis (hollow, at its end)."]


def coefficient_words(item: Coefficient, style: Style) -> str:
    """ "0.021 [0.004, 0.038], p = 0.017", on the model scale."""
    opening, between, closing = style.brackets
    low, high = (significant_text(x, 3) for x in (item.low, item.high))
    p = f", {p_text(item.p_value)}" if item.p_value is not None else ""
    return f"{significant_text(item.b, 3)} {opening}{low}{between}{high}{closing}{p}"


def _scale(result: Result) -> str:
    scale = MODEL_SCALES.get(result.measure.code)
    if scale is None and result.measure.log_axis:
        scale = "log"
    return f" on the {scale} scale" if scale else ""


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
        df = f"{item.qm_df}, {item.df}" if item.df is not None else str(item.qm_df)
        sign = "F" if item.df is not None else "χ²"
        told.append(f"test of the moderator {sign} = {number_text(item.qm, 2)} (df = {df}, "
                    f"{p_text(item.qm_p)})")  # fmt: skip
    if item.tau2 is not None:
        told.append(f"residual τ² = {significant_text(item.tau2)}")
    return "; ".join(told)


def regression_words(item: Regression, result: Result, style: Style) -> list[str]:
    """The lines under a plot: slopes, what they account for, who is left out, the notes."""
    said = [*_slopes(item, result, style), _accounts(item)]
    if item.left_out:
        names = dict.fromkeys(result.rows[left.row].label for left in item.left_out)
        said.append(f"Left out, as they do not say the moderator: {', '.join(names)}")
    said += [capital(note) for note in item.notes]
    return [f"{text.rstrip('.')}." for text in said if text]


def _model(item: Regression) -> str:
    method = METHODS.get(item.method, item.method)
    return f"Meta-regression ({method}), {TESTS.get(item.test, item.test)}"


def bubble_caption(result: Result, display: Display, fitted: Sequence[Regression]) -> str:
    level = f"{result.primary.settings['level']:g}%"
    title = clean(display.title).rstrip(".")
    said = [f"{title}. Circles are studies, their area proportional to the weight."]
    if any(item.kind == "numeric" for item in fitted):
        said.append(
            f"Line: the mean by the moderator; band: its {level} interval; dashed: the {level} "
            "prediction interval."
        )
    if any(item.kind != "numeric" for item in fitted):
        said.append(
            f"Diamond: the mean of a level; thick bar: its {level} interval; thin line: the "
            f"{level} prediction interval."
        )
    said += [f"{words}." for words in dict.fromkeys(map(_model, fitted))]
    return " ".join(said) + "\n"


def bubble_alt(title: str, result: Result, fitted: Sequence[Regression]) -> str:
    return f"{title}. {' '.join(_one(item, result) for item in fitted)}\n"


def _one(item: Regression, result: Result) -> str:
    form = result_format(result)
    name, measure = moderator_name(item).lower(), capital(result.measure.natural)
    told = [f"{measure} of {count_text(item.k)} studies by {name}."]
    means = [item.means[0], item.means[-1]] if item.kind == "numeric" else list(item.means)
    ends = (
        f"at {m.level.replace('_', ' ') if m.x is None else f'{m.x:g}'} "
        f"{estimate_text(m.mean, m.ci_low, m.ci_high, form)}"
        for m in means
    )
    told.append(f"Mean {'; '.join(ends)}.")
    told += regression_words(item, result, Style())
    return " ".join(told)


_COLUMNS = (
    "moderator,item,label,x,level,estimate,ci_low,ci_high,pi_low,pi_high,weight,p_value,note"
).split(",")


def bubble_csv(result: Result) -> str:
    """Points, means and coefficients (on the model scale) of every moderator, and rows left out."""
    rows: list[dict[str, object]] = []
    for item in result.regressions:
        about: dict[str, object] = {"moderator": item.moderator}
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
            for c in item.coefficients
        ]
        rows += [
            about | {"item": "left out", "label": result.rows[x.row].label, "note": x.reason}
            for x in item.left_out
        ]
    return csv_text(_COLUMNS, rows)
