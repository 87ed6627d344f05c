"""The Baujat plot: what each study adds to heterogeneity against what it does to the estimate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import floor, inf, log10

from metamill.config.settings import Display
from metamill.explored.refits import Refit
from metamill.figures.axes.panel import Panel, Side, frame, paragraphs
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import (
    Box,
    Canvas,
    Circle,
    Point,
    Primitive,
    Text,
    moved,
    rectangle,
)
from metamill.figures.page.text import MM_PER_POINT, clean
from metamill.figures.refits.key import Named, apart, study_key
from metamill.figures.refits.leaders import led
from metamill.figures.refits.words import too_little
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Result
from metamill.wording import model_words, significant_text

MOST_KEYED = 20
"""Of more than FEW studies so many without room for their name get a number and a key, the largest
first; of fewer all."""
FEW = 60
"""Up to so many points have a light edge, which keeps neighbours apart."""
HEIGHT_TO_WIDTH, MOST_HIGH_MM, EDGE_MM = 0.7, 115.0, 3.0
CLEAR_MM = 1.0
"""Names and numbers keep so far from the marks of other studies, lest they seem theirs."""
NAMES_APART_MM = 3.0
"""Between two names or numbers on one line, which would else read as one."""
LED_APART_MM = 1.0
"""Between a number with a line to its point and another text."""
MOST_LISTED = 5
"""Up to so many studies that have no room even for a number are named in the note."""
LARGE = 1e4
"""From here on, and below 0.01, an axis counts in thousands, millions, thousandths..."""


@dataclass(frozen=True)
class _Study:
    """A study with both numbers; `number` counts in the order of the table from 1."""

    number: int
    name: str
    x: float
    y: float
    influential: bool


def baujat(result: Result, display: Display, style: Style) -> Drawn:
    """Contribution to heterogeneity (x) against influence on the pooled estimate (y).

    Names stand beside the points that lie furthest out, as far as there is room; then numbers with
    a key. Only models that pool one effect per study by inverse variance have these numbers.
    """
    title = f"Baujat plot: {clean(display.title).rstrip('.')}"
    studies, missing = _studies(result.leave_one_out)
    if not studies:
        return not_drawn(title, _no_baujat(result), display.width_mm, style)
    ordered = _largest_first(studies)
    page, unnamed = _first_page(ordered, missing, result, display, style)
    notes = _notes(ordered, unnamed, missing)
    pages = _with_notes(page, unnamed.keyed, notes, display, style)
    return Drawn(
        pages,
        _csv(result.leave_one_out),
        _caption(studies, result, title),
        " ".join(_alt(ordered, missing, result, title)),
    )


def _no_baujat(result: Result) -> str:
    reason = too_little(result)
    if reason:
        return reason
    if not result.leave_one_out:
        return "the result holds no analysis without each study"
    return (
        "it is defined for one effect per study pooled by inverse variance, and this model is "
        f"another ({model_words(result.primary.settings)})"
    )


def _studies(refits: Sequence[Refit]) -> tuple[list[_Study], list[Refit]]:
    """The studies that have both numbers, and the refits of those that have not."""
    studies, missing = [], []
    for number, refit in enumerate(refits, start=1):
        if refit.baujat_x is None or refit.baujat_y is None:
            missing.append(refit)
            continue
        flagged = refit.influential is True
        studies.append(
            _Study(number, clean(refit.left_out), refit.baujat_x, refit.baujat_y, flagged)
        )
    return studies, missing


def _largest_first(studies: Sequence[_Study]) -> list[_Study]:
    """By the distance from the origin, each axis as long as its largest value."""
    widest = max(study.x for study in studies) or 1.0
    highest = max(study.y for study in studies) or 1.0
    return sorted(studies, key=lambda s: (-((s.x / widest) ** 2 + (s.y / highest) ** 2), s.number))


_INFLUENCE = "Influence on the pooled estimate (squared standardised shift)"


def _side(values: Iterable[float], label: str) -> tuple[Side, float]:
    """An axis from 0 and the unit of its ticks, a power of 1000 that leaves few digits."""
    high = max(values)
    power = 3 * floor(log10(high) / 3) if high > 0 else 0
    power = 0 if 0.01 <= high < LARGE else power
    unit = 10.0**power
    shown = f"{label}, in units of {unit:g}" if power else label
    return Side(0.0, 1.04 * high / unit or 1.0, shown, bounds=(0.0, inf)), unit


@dataclass(frozen=True)
class _Unnamed:
    """Studies without room for their name: those with a number in the plot, and the others."""

    keyed: tuple[_Study, ...]
    others: tuple[_Study, ...]


def _first_page(
    ordered: Sequence[_Study],
    missing: Sequence[Refit],
    result: Result,
    display: Display,
    style: Style,
) -> tuple[Canvas, _Unnamed]:
    margin, right = style.margin_mm, display.width_mm - style.margin_mm
    x_label = "Squared Pearson residual (contribution to heterogeneity)"
    if not result.primary.pooled.tau2:
        x_label = "Contribution to Q"
    x_side, x_unit = _side((study.x for study in ordered), x_label)
    y_side, y_unit = _side((study.y for study in ordered), _INFLUENCE)
    # Half a tick label stands out of the top of the axis.
    top = margin + style.font_size * MM_PER_POINT / 2
    least = display.height_mm - margin - style.gap_mm
    bottom = min(top + min(HEIGHT_TO_WIDTH * display.width_mm, MOST_HIGH_MM), least)
    panel, items = frame(x_side, y_side, (margin, top, right - EDGE_MM, bottom), style)
    page = Canvas(display.width_mm, bottom)
    page.add(_apart_at_the_origin(items))
    places = [panel.at(study.x / x_unit, study.y / y_unit) for study in ordered]
    page.add(_points(ordered, places, style))
    texts, unnamed = _names(ordered, places, panel, style)
    page.add(texts)
    return page, unnamed


def _apart_at_the_origin(items: Sequence[Primitive]) -> Iterable[Primitive]:
    """The label of the first tick of x moved clear of that of y; left out if it has no room."""
    labels = [item for item in items if isinstance(item, Text) and item.role == "tick label"]
    end = max(label.box[2] for label in labels if label.align == "right")
    first, second = [label for label in labels if label.align == "center"][:2]
    step = max(0.0, end - first.box[0])
    for item in items:
        if item is not first:
            yield item
        elif first.box[2] + step < second.box[0]:
            yield replace(first, x=first.x + step)


def _points(
    ordered: Sequence[_Study], places: Sequence[Point], style: Style
) -> Iterable[Primitive]:
    """The smallest first, so that those furthest out lie on top."""
    half = style.square_plain_mm / 2
    edge = style.paper if len(ordered) <= FEW else None
    for study, (x, y) in reversed(list(zip(ordered, places, strict=True))):
        if study.influential:
            box = (x - half, y - half, x + half, y + half)
            yield rectangle(box, style.striking, edge, style.thin_width, role="influential")
        else:
            yield Circle(x, y, half, style.accent, edge, style.thin_width, role="point")


def _names(
    ordered: Sequence[_Study], places: Sequence[Point], panel: Panel, style: Style
) -> tuple[list[Primitive], _Unnamed]:
    """Names beside points; numbers for those whose names have no room.

    Numbers stand beside their points or, where these are crowded, further away with a line.
    """
    radius, gap = style.square_plain_mm / 2, NAMES_APART_MM
    clear = radius + CLEAR_MM
    marks = [(x - clear, y - clear, x + clear, y + clear) for x, y in places]
    names = [(place, study.name) for place, study in zip(places, ordered, strict=True)]
    texts, without = apart(names, panel.box, marks, style, radius, gap)
    first = without if len(ordered) <= FEW else without[:MOST_KEYED]
    numbers = [(places[i], str(ordered[i].number)) for i in first]
    taken = [*marks, *(_widened(text, gap) for text in texts)]
    more, crowded = apart(numbers, panel.box, taken, style, radius, gap)
    words = [text.box for text in (*texts, *more)]
    still = [numbers[i] for i in crowded]
    leaders, lost = led(still, panel.box, places, words, style, radius, LED_APART_MM)
    unled = {first[crowded[i]] for i in lost}
    keyed = [ordered[i] for i in first if i not in unled]
    others = [ordered[i] for i in without if i not in first or i in unled]
    return [*texts, *more, *leaders], _Unnamed(tuple(keyed), tuple(others))


def _widened(text: Text, gap: float) -> Box:
    left, top, right, bottom = text.box
    return left - gap, top, right + gap, bottom


def _notes(ordered: Sequence[_Study], unnamed: _Unnamed, missing: Sequence[Refit]) -> Iterable[str]:
    if any(study.influential for study in ordered):
        yield "Square: influential study; circle: any other."
    if unnamed.others:
        count = len(unnamed.others)
        where = "; the table of plotted numbers has all"
        if count <= MOST_LISTED:
            where = f": {'; '.join(study.name for study in unnamed.others)}"
        are = "is" if count == 1 else "are"
        yield f"{count} of {len(ordered)} {are} not named for lack of room{where}."
    for refit in missing:
        yield f"Not shown: {refit.left_out}{f' ({refit.note})' if refit.note else ''}."
    if len(ordered) + len(missing) < 10:
        yield "Fewer than ten studies: read with caution."


def _with_notes(
    page: Canvas,
    keyed: Sequence[_Study],
    notes: Iterable[str],
    display: Display,
    style: Style,
) -> tuple[Canvas, ...]:
    """The key of the numbers and the notes, under the plot and on further pages if need be."""
    margin = style.margin_mm
    room = display.width_mm - 2 * margin
    key = [
        Named(study.number, study.name, study.influential)
        for study in sorted(keyed, key=lambda study: study.number)
    ]
    below: list[tuple[list[Primitive], float]] = [([], style.gap_mm / 2)]
    below += study_key(key, room, style)
    lines, _ = paragraphs(notes, 0.0, 0.0, room, style)
    below += [
        ([replace(line, y=line.y - index * style.line_mm)], style.line_mm)
        for index, line in enumerate(lines)
    ]
    pages = [page]
    for items, height in below:
        if items and pages[-1].height_mm + height + margin > display.height_mm:
            pages.append(Canvas(display.width_mm, margin))
        pages[-1].add(moved(item, margin, pages[-1].height_mm) for item in items)
        pages[-1].height_mm += height
    for each in pages:
        each.height_mm += margin
    return tuple(pages)


CSV_COLUMNS = "number,study,baujat_x,baujat_y,influential,note".split(",")


def _csv(refits: Sequence[Refit]) -> str:
    return csv_text(
        CSV_COLUMNS,
        [
            {
                "number": number,
                "study": refit.left_out,
                "baujat_x": refit.baujat_x,
                "baujat_y": refit.baujat_y,
                "influential": refit.influential,
                "note": refit.note,
            }
            for number, refit in enumerate(refits, start=1)
        ],
    )


def _alt(
    ordered: Sequence[_Study], missing: Sequence[Refit], result: Result, title: str
) -> Iterable[str]:
    yield f"{title}."
    studies = "1 study" if len(ordered) == 1 else f"{len(ordered)} studies"
    yield f"{studies} by contribution to heterogeneity (x) and influence on the estimate (y)."
    told = [
        f"{study.name} ({significant_text(study.x, 3)}, {significant_text(study.y, 3)})"
        for study in ordered[:3]
    ]
    yield f"Furthest out: {'; '.join(told)}."
    marked = [study.name for study in sorted(ordered, key=lambda s: s.number) if study.influential]
    if marked:
        yield f"Influential: {'; '.join(marked)}."
    if missing:
        yield f"Not shown: {'; '.join(clean(refit.left_out) for refit in missing)}."


def _caption(studies: Sequence[_Study], result: Result, title: str) -> str:
    tau2 = result.primary.pooled.tau2
    x = "its squared Pearson residual, the share it has in heterogeneity"
    if not tau2:
        x = "its contribution to Q"
    said = [
        f"{title}.",
        (
            f"Each mark is a study: to the right {x}, upwards the squared shift of the "
            "pooled estimate without it, in standard errors."
        ),
        "Studies at the upper right cause heterogeneity and move the estimate.",
    ]
    if any(study.influential for study in studies):
        said.append("Squares are influential studies.")
    said.append(f"{model_words(result.primary.settings)}.")
    return " ".join(said)
