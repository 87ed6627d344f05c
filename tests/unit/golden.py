"""Frozen descriptions of figures: one line per item, the same on every machine."""

import os
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path

from metamill.figures.page.canvas import Canvas, Circle, Curve, Line, Polygon, Primitive, Text

FOLDER = Path(__file__).parent.parent / "golden"
MOST_POINTS = 12
"""Longer curves are described by so many of their points, evenly chosen, and their number."""


def check_golden(name: str, pages: Sequence[Canvas]) -> None:
    """Compare the description of `pages` with tests/golden/<name>.txt.

    METAMILL_GOLDEN=write in the environment writes the file instead.
    """
    file, found = FOLDER / f"{name}.txt", described(pages)
    if os.environ.get("METAMILL_GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
    assert file.exists(), f"{file} is missing: METAMILL_GOLDEN=write makes it"
    frozen = file.read_text(encoding="utf-8")
    changes = unified_diff(frozen.splitlines(), found.splitlines(), "frozen", "found", lineterm="")
    assert found == frozen, "\n".join(list(changes)[:40])


def described(pages: Sequence[Canvas]) -> str:
    """Pages as text: kind, role, and words or coordinates to 0.1 mm."""
    lines = []
    for number, page in enumerate(pages, start=1):
        lines.append(f"page {number}: {_mm(page.width_mm)} x {_mm(page.height_mm)}")
        lines += [_item(item) for item in page.items]
    return "\n".join(lines) + "\n"


def _item(item: Primitive) -> str:
    head = f"{type(item).__name__.lower()} {item.role or '-'}"
    match item:
        case Text():
            look = [f"{item.size:.4g}pt", item.align, item.colour]
            look += [word for word in ("bold", "italic") if getattr(item, word)]
            look += [f"{item.angle}deg"] if item.angle else []
            return f"{head} ({_mm(item.x)},{_mm(item.y)}) {' '.join(look)} {item.text!r}"
        case Line() | Curve():
            dash = f" dash {'-'.join(f'{d:g}' for d in item.dash)}" if item.dash else ""
            return f"{head} {_points(item.points)} {item.width:g}pt {item.colour}{dash}"
        case Polygon():
            return f"{head} {_points(item.points)} {_paint(item)}"
        case Circle():
            return f"{head} ({_mm(item.x)},{_mm(item.y)}) r {item.radius:.2f} {_paint(item)}"


def _paint(item: Polygon | Circle) -> str:
    return f"fill {item.fill or 'none'} edge {item.edge or 'none'}"


def _points(points: Sequence[tuple[float, float]]) -> str:
    last = len(points) - 1
    chosen = range(len(points))
    if len(points) > MOST_POINTS:
        chosen = sorted({round(i * last / (MOST_POINTS - 1)) for i in range(MOST_POINTS)})
    told = " ".join(f"({_mm(points[i][0])},{_mm(points[i][1])})" for i in chosen)
    return told if len(points) <= MOST_POINTS else f"{len(points)} points {told}"


def _mm(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"
