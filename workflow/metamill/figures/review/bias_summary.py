"""Risk of bias, summary: how the judgements of each domain are spread over the studies."""

from dataclasses import dataclass

from metamill.config.settings import Display
from metamill.figures.axes.axis import Axis
from metamill.figures.colours import JUDGEMENTS, ON_JUDGEMENTS, tint
from metamill.figures.drawn import Drawn, not_drawn
from metamill.figures.page.canvas import Line, Primitive, Text, rectangle
from metamill.figures.page.text import CAPITAL, MM_PER_POINT, clean, tied, width, wrap
from metamill.figures.review.bias_words import (
    SIGNS,
    Part,
    bias_alt,
    domain_names,
    judgements_of,
    parts_of,
    sign_words,
    unjudged_words,
)
from metamill.figures.review.paging import Block, Strip, label, pages, row_height
from metamill.figures.review.risk_of_bias import NO_DATA
from metamill.figures.style import Style
from metamill.files import csv_text
from metamill.review_result import Judgement, ReviewResult
from metamill.tables.bias_tools import KINDS, NOT_APPLICABLE, OVERALL
from metamill.wording import number_text

_BAR = 0.72
"""The height of a bar as a part of that of a row."""
_TICKS = (0.0, 25.0, 50.0, 75.0, 100.0)


@dataclass(frozen=True)
class _Bar:
    """One domain: its code and name, and the studies of each kind of judgement and its words."""

    code: str
    name: str
    counts: tuple[tuple[str, str, int], ...]

    @property
    def total(self) -> int:
        return sum(count for _, _, count in self.counts)


def risk_of_bias_summary(review: ReviewResult, display: Display, style: Style) -> Drawn:
    """For each domain of each tool a bar of all studies, divided by judgement; not weighted."""
    title = f"Risk of bias, summary: {clean(display.title).rstrip('.')}"
    parts = parts_of(review)
    if not parts:
        return not_drawn(title, NO_DATA, display.width_mm, style)
    names_mm = _names_mm(parts, display, style)
    blocks = [_block(part, names_mm, display, style) for part in parts]
    notes = [
        "Bars count studies and are not weighted; numbers in them are studies.",
        *sign_words(parts),
    ]
    if _narrow(display):
        notes += domain_names(parts)
    notes += unjudged_words(review)
    made = pages(blocks, notes, display.width_mm, display.height_mm, style)
    return Drawn(made, _table(parts), _caption(title, parts), bias_alt(title, parts, review))


def _bars(part: Part) -> list[_Bar]:
    names = {domain.code: domain.name for domain in part.tool.domains} | {OVERALL: "Overall"}
    return [_Bar(code, names[code], _counts(judged)) for code, judged in judgements_of(part)]


def _counts(judged: list[Judgement]) -> tuple[tuple[str, str, int], ...]:
    """(kind, judgement, studies), from good to bad."""
    found = dict.fromkeys((j.kind, j.judgement) for j in judged)
    ordered = sorted(found, key=lambda pair: KINDS.index(pair[0]))
    told = [(j.kind, j.judgement) for j in judged]
    return tuple((kind, words, told.count((kind, words))) for kind, words in ordered)


def _narrow(display: Display) -> bool:
    return display.width_mm < 110


def _name(bar: _Bar, display: Display) -> str:
    if bar.code == OVERALL:
        return bar.name
    return bar.code if _narrow(display) else f"{bar.code} {bar.name}"


def _names_mm(parts: list[Part], display: Display, style: Style) -> float:
    """The width for names of domains, the same for every tool."""
    names = [_name(bar, display) for part in parts for bar in _bars(part)]
    return min(max(width(name, style.font_size) for name in names), 0.42 * display.width_mm)


def _block(part: Part, names_mm: float, display: Display, style: Style) -> Block:
    """The bars of one tool under its name, over an axis in per cent."""
    size, edge = style.font_size, style.margin_mm
    bars, right = _bars(part), display.width_mm - style.margin_mm
    half = width("100%", size) / 2
    axis = Axis(0.0, 100.0, edge + names_mm + style.gap_mm, right - half, _TICKS)
    head: list[Primitive] = []
    count = len(part.assessments)
    title = f"{part.title} ({count} {'study' if count == 1 else 'studies'})"
    lines = wrap(tied(title), right - edge, size, bold=True)
    for index, line in enumerate(lines):
        y = (index + 0.75) * style.line_mm
        head.append(Text(edge, y, line, size, bold=True, colour=style.ink, role="tool"))
    rows = tuple(
        _row(bar, wrap(_name(bar, display), names_mm + 1e-6, size), axis, style) for bar in bars
    )
    return Block(Strip(len(lines) * style.line_mm + 0.5, tuple(head)), rows, _foot(axis, style))


def _row(bar: _Bar, lines: list[str], axis: Axis, style: Style) -> Strip:
    height, y = row_height(len(lines), style), style.row_mm / 2
    items: list[Primitive] = [*label(lines, style.margin_mm, style)]
    size, half = style.font_size, _BAR * style.row_mm / 2
    done = 0
    for kind, _, count in bar.counts:
        left, right = (axis.position(100 * n / bar.total) for n in (done, done + count))
        done += count
        fill = tint(style.line, 0.3) if kind == NOT_APPLICABLE else JUDGEMENTS[kind]
        box = (left, y - half, right, y + half)
        items.append(rectangle(box, fill, style.ink, style.thin_width, role="share"))
        drop = CAPITAL / 2 * size * MM_PER_POINT
        for text in (f"{SIGNS[kind]} {count}", str(count)):
            if width(text, size) + 1.0 <= right - left:
                colour = ON_JUDGEMENTS[kind]
                middle = (left + right) / 2
                items.append(
                    Text(middle, y + drop, text, size, align="center", colour=colour, role="count")
                )
                break
    return Strip(height, tuple(items))


def _foot(axis: Axis, style: Style) -> Strip:
    y, size = style.gap_mm / 3, style.font_size
    line = y + style.tick_mm + 0.5 + CAPITAL * size * MM_PER_POINT
    items: list[Primitive] = [
        Line(axis.left, y, axis.right, y, style.rule_width, style.ink, role="axis")
    ]
    for tick in axis.ticks:
        x = axis.position(tick)
        items.append(Line(x, y, x, y + style.tick_mm, style.rule_width, style.ink, role="tick"))
        text = f"{number_text(tick, 0)}%"
        if axis.right - axis.left >= 40 or tick in (0.0, 50.0, 100.0):
            items.append(
                Text(x, line, text, size, align="center", colour=style.ink, role="tick label")
            )
    return Strip(line + style.line_mm / 2, tuple(items))


def _table(parts: list[Part]) -> str:
    rows = [
        {
            "tool": part.tool.name, "outcome": part.outcome, "domain": bar.code,
            "name": bar.name, "judgement": judgement, "kind": kind, "studies": count,
            "percent": f"{100 * count / bar.total:.6g}",
        }
        for part in parts
        for bar in _bars(part)
        for kind, judgement, count in bar.counts
    ]  # fmt: skip
    columns = "tool,outcome,domain,name,judgement,kind,studies,percent".split(",")
    return csv_text(columns, rows)


def _caption(title: str, parts: list[Part]) -> str:
    tools = "; ".join(dict.fromkeys(part.tool.reference for part in parts))
    return (
        f"{title}. Share of studies with each judgement, domain by domain; each study counts the "
        f"same. Darker is worse. Tools: {tools}.\n"
    )
