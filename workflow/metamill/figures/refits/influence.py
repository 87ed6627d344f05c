"""What each study does to the pool: a panel per statistic, the studies side by side in each."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from metamill.config.settings import Display
from metamill.explored.refits import Refit
from metamill.figures.axes.panel import paragraphs
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import (
    Canvas,
    Primitive,
    Text,
    moved,
)
from metamill.figures.page.text import MM_PER_POINT, clean, tied, wrap
from metamill.figures.refits.key import Named, study_key
from metamill.figures.refits.panels import (
    TAIL,
    TWO_SIDED,
    Statistic,
    has_cutoffs,
    panel_items,
    statistics,
    study_numbers,
)
from metamill.figures.refits.words import too_little
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.results import Result
from metamill.wording import model_words, significant_text

NAMED_UP_TO = 60
"""More studies than these are named only where they are influential."""
PANEL_MM, PANEL_HEIGHT_MM, PITCH_MM = 38.0, 25.0, 0.7
TITLE_GAP = 0.55
"""Between a panel and its title, in em: half a tick label stands out of the panel."""
DECIDING = "DFFITS, Cook's distance, the hat value or DFBETAS"
"""The statistics by whose cutoffs a study is called influential."""


def influence(result: Result, display: Display, style: Style) -> Drawn:
    """Small panels of every influence statistic that the result has, influential studies named.

    Studies are numbered in the order of the table; a key under the panels names them.
    """
    title = f"Influence of single studies: {clean(display.title).rstrip('.')}"
    panels = statistics(result)
    if not panels:
        reason = _no_influence(result)
        return not_drawn(title, reason, display.width_mm, style)
    pages = _pages(panels, result, display, style)
    return Drawn(
        pages,
        _csv(panels, result),
        _caption(panels, result, title),
        " ".join(_alt(panels, result, title)),
    )


def _no_influence(result: Result) -> str:
    reason = too_little(result)
    return reason or "the result holds no analysis without each study"


def _pages(
    panels: Sequence[Statistic], result: Result, display: Display, style: Style
) -> tuple[Canvas, ...]:
    left, right = style.margin_mm, display.width_mm - style.margin_mm
    k = len(result.leave_one_out)
    across = _across(right - left, k, style)
    room = (right - left + style.gap_mm) / across - style.gap_mm
    marked = [refit.influential is True for refit in result.leave_one_out]
    titles = [wrap(panel.title, room, style.font_size, bold=True) for panel in panels]
    gap = TITLE_GAP * style.font_size * MM_PER_POINT
    numbers = study_numbers(panels, room, PANEL_HEIGHT_MM - gap, style)
    pages = [Canvas(display.width_mm, style.margin_mm)]
    last_y = display.height_mm - style.margin_mm
    for start in range(0, len(panels), across):
        row = panels[start : start + across]
        lines = max(len(titles[start + i]) for i in range(len(row)))
        height = lines * style.line_mm + PANEL_HEIGHT_MM + style.gap_mm
        if pages[-1].height_mm + height > last_y and pages[-1].items:
            pages.append(Canvas(display.width_mm, style.margin_mm))
        page = pages[-1]
        for index, panel in enumerate(row):
            x = left + index * (room + style.gap_mm)
            top = page.height_mm
            page.add(_titles(titles[start + index], x, top, style))
            box = (
                x,
                top + lines * style.line_mm + gap,
                x + room,
                top + height - style.gap_mm,
            )
            page.add(panel_items(panel, numbers, marked, box, style))
        page.height_mm += height
    roles = [item.role for page in pages for item in page.items]
    crowded = roles.count("point name") < roles.count("influential")
    for items, height in _below(panels, result, crowded, right - left, style):
        if pages[-1].height_mm + height > last_y:
            pages.append(Canvas(display.width_mm, style.margin_mm))
        page = pages[-1]
        page.add(moved(item, left, page.height_mm) for item in items)
        page.height_mm += height
    for page in pages:
        page.height_mm += style.margin_mm
    return tuple(pages)


def _across(room: float, k: int, style: Style) -> int:
    """How many panels stand side by side: at most three, each wide enough for its studies."""
    wanted = max(PANEL_MM, k * PITCH_MM + 12.0)
    return max(1, min(3, int((room + style.gap_mm) / (wanted + style.gap_mm))))


def _titles(lines: Sequence[str], x: float, top: float, style: Style) -> Iterable[Text]:
    for index, line in enumerate(lines):
        y = top + 0.75 * style.line_mm + index * style.line_mm
        yield Text(x, y, line, style.font_size, bold=True, colour=style.ink, role="panel title")


def _below(
    panels: Sequence[Statistic], result: Result, crowded: bool, room: float, style: Style
) -> Iterable[tuple[list[Primitive], float]]:
    """The key and the notes line by line, each drawn from (0, 0), with its height.

    `crowded`: some influential studies have no room for their number in some panel.
    """
    refits = result.leave_one_out
    entries = [
        Named(number, clean(refit.left_out), refit.influential is True)
        for number, refit in enumerate(refits, start=1)
        if len(refits) <= NAMED_UP_TO or refit.influential
    ]
    yield from study_key(entries, room, style)
    if entries:
        yield [], style.gap_mm / 3
    texts = _notes(panels, result)
    if crowded:
        texts.append("Where squares are crowded some have no number.")
    lines, _ = paragraphs(texts, 0.0, 0.0, room, style)
    for index, line in enumerate(lines):
        yield [replace(line, y=line.y - index * style.line_mm)], style.line_mm


def _notes(panels: Sequence[Statistic], result: Result) -> list[str]:
    refits = result.leave_one_out
    notes = []
    if any(refit.influential for refit in refits):
        notes.append(f"Square: influential, beyond a cutoff of {DECIDING}.")
    if any(panel.limits for panel in panels):
        notes.append("Dashed: cutoffs; grey: the analysis of all studies, or no influence.")
    else:
        notes.append("Grey: the analysis of all studies, or no influence.")
    far = [str(number) for number, refit in enumerate(refits, start=1) if _is_far(refit)]
    if far:
        notes.append(f"{_far_words(refits)}: {', '.join(far)}.")
    if len(refits) > NAMED_UP_TO:
        notes.append(
            f"Studies are numbered as in the table of plotted numbers; of {len(refits)} only "
            "influential ones are named."
        )
    by_study: dict[str, list[str]] = {}
    for panel in panels:
        for refit, value in zip(refits, panel.values, strict=True):
            if value is None:
                by_study.setdefault(refit.left_out, []).append(panel.title)
    for study, missing in by_study.items():
        what = "nothing" if len(missing) == len(panels) else f"no {', '.join(missing)}"
        reason = next((r.note for r in refits if r.left_out == study and r.note), "")
        notes.append(f"Without {study}: {what} to show{f' ({reason})' if reason else ''}.")
    return notes


def _is_far(refit: Refit) -> bool:
    if refit.tail_p is not None:
        return refit.tail_p < TAIL
    return refit.rstudent is not None and abs(refit.rstudent) > TWO_SIDED


def _far_words(refits: Iterable[Refit]) -> str:
    if any(refit.tail_p is not None for refit in refits):
        return f"Tail probability below {TAIL:g}"
    return f"Studentised residual beyond ±{TWO_SIDED:g}"


def _csv(panels: Sequence[Statistic], result: Result) -> str:
    """The plotted numbers: a row per study, by number; then the lines of reference."""
    names = [panel.name for panel in panels]
    columns = ["row", "number", "study", *names, "influential", "note"]
    rows: list[dict[str, object]] = []
    for index, refit in enumerate(result.leave_one_out):
        numbers = {panel.name: panel.values[index] for panel in panels}
        rows.append(
            {
                "row": "study",
                "number": index + 1,
                "study": refit.left_out,
                **numbers,
                "influential": refit.influential,
                "note": refit.note,
            }
        )
    rows.append({"row": "reference", **{panel.name: panel.centre for panel in panels}})
    for index, name in enumerate(("lower cutoff", "upper cutoff")):
        numbers = {
            panel.name: (panel.limits[index] if len(panel.limits) == 2 else panel.limits[0])
            for panel in panels
            if len(panel.limits) == 2 or (panel.limits and index == 1)
        }
        if numbers:
            rows.append({"row": name, **numbers})
    return csv_text(columns, rows)


def _alt(panels: Sequence[Statistic], result: Result, title: str) -> Iterable[str]:
    refits = result.leave_one_out
    yield f"{title}."
    count = f"{len(panels)} panels" if len(panels) > 1 else "1 panel"
    yield f"{count}, each with {len(refits)} studies side by side:"
    yield f"{'; '.join(_range_words(panel, refits) for panel in panels)}."
    yield from _judged(refits)
    far = [clean(refit.left_out) for refit in refits if _is_far(refit)]
    if far:
        words = _far_words(refits)
        if words.startswith("Student"):
            words = f"Beyond ±{TWO_SIDED:g} by the studentised residual"
        yield f"{words}: {'; '.join(far)}."


def _judged(refits: Sequence[Refit]) -> Iterable[str]:
    """Who is influential, and who could not be judged because a statistic does not exist."""
    if not has_cutoffs(refits):
        yield "This model has no usual cutoffs for influence."
        return
    marked = [clean(refit.left_out) for refit in refits if refit.influential]
    unjudged = [refit for refit in refits if refit.influential is None]
    if marked:
        yield f"Influential: {'; '.join(marked)}."
    if unjudged:
        told = (f"{clean(r.left_out)}{f' ({r.note})' if r.note else ''}" for r in unjudged)
        yield f"Not judged, for lack of a statistic: {'; '.join(told)}."
    if not marked and len(unjudged) < len(refits):
        study = "No other study" if unjudged else "No study"
        yield f"{study} is influential by the usual cutoffs."


def _range_words(panel: Statistic, refits: Sequence[Refit]) -> str:
    known = [(v, r.left_out) for v, r in zip(panel.values, refits, strict=True) if v is not None]
    (low, least), (high, most) = (f(known, key=lambda item: item[0]) for f in (min, max))
    low_text, high_text = (significant_text(v * panel.factor, 3) for v in (low, high))
    name = panel.title
    if low == high:
        return f"{name} {low_text} for every study"
    return f"{name} from {low_text} ({clean(least)}) to {high_text} ({clean(most)})"


def _caption(panels: Sequence[Statistic], result: Result, title: str) -> str:
    said = [
        f"{title}.",
        "Each panel shows one statistic, with a mark per study in the order of the table.",
        "Grey lines are the analysis of all studies, or no influence",
    ]
    names = {panel.name for panel in panels if panel.limits}
    told = [
        ("rstudent", "±1.96 for the studentised residual"),
        ("dffits", "±3/√(k − 1) for DFFITS"),
        ("cook", "the median of χ² with one degree of freedom for Cook's distance"),
        ("hat", "3/k for the hat value"),
        ("weight", "300/k for the weight in per cent"),
        ("dfbetas", "±1 for DFBETAS"),
        ("tail_p", "0.05 for the tail probability of the study's counts"),
    ]
    cutoffs = [words for name, words in told if name in names]
    said[-1] += f"; dashed lines are cutoffs: {', '.join(cutoffs)}." if cutoffs else "."
    if any(refit.influential for refit in result.leave_one_out):
        said.append(f"Squares are studies beyond a cutoff of {DECIDING}; circles are the others.")
    said.append("Statistics as defined by Viechtbauer and Cheung (2010).")
    said.append(f"{tied(model_words(result.primary.settings))}.")
    return " ".join(said)
