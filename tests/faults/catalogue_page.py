"""docs/faults.md from the catalogue and the tests that carry its numbers.

Run it to write the page anew: python tests/faults/catalogue_page.py
"""

import ast
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CATALOGUE = Path(__file__).parent / "catalogue"
PAGE = REPOSITORY / "docs" / "faults.md"
FAMILIES = {
    "C": ("Tables", 51),
    "V": ("Values", 43),
    "B": ("Audits", 16),
    "A": ("Analyses", 32),
    "K": ("Settings", 32),
    "O": ("Outputs", 29),
}
"""What each letter is about, and its last number."""
ANSWERS = ("refused", "held out", "warned", "noted", "read", "neutralised")


@dataclass(frozen=True)
class Fault:
    """One row of the catalogue."""

    number: str
    fault: str
    answer: str
    detail: str


def catalogue() -> list[Fault]:
    """Every row, by family and number."""
    rows = []
    for path in sorted(CATALOGUE.glob("*.csv")):
        with open(path, encoding="utf-8", newline="") as handle:
            rows += [Fault(**row) for row in csv.DictReader(handle)]
    order = list(FAMILIES)
    return sorted(rows, key=lambda row: (order.index(row.number[0]), int(row.number[1:])))


def places_by_number() -> dict[str, list[str]]:
    """The tests that carry each number, as path::name."""
    found: dict[str, list[str]] = {}
    for path in sorted((REPOSITORY / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                place = f"{path.relative_to(REPOSITORY)}::{node.name}"
                for number in _marked(node):
                    found.setdefault(number, []).append(place)
    return found


def _marked(function: ast.FunctionDef) -> Iterator[str]:
    """Numbers in the marks of a test, those of its parameters included, each once."""
    seen = []
    for decorator in function.decorator_list:
        for node in ast.walk(decorator):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "fault":
                seen += [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
    yield from dict.fromkeys(str(number) for number in seen)


def page() -> str:
    """The page as Markdown."""
    tests, lines = places_by_number(), [_HEAD]
    for letter, (title, _) in FAMILIES.items():
        lines += [f"## {title}", "", "| | what is wrong | answer | | shown by |", "|-|-|-|-|-|"]
        for row in catalogue():
            if row.number.startswith(letter):
                named = ", ".join(f"`{place.split('::')[1]}`" for place in tests[row.number][:2])
                cells = (row.number, row.fault, row.answer, row.detail, named)
                lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;")


_HEAD = """\
# What can be wrong with a review, and what metamill does about it

Every row has a test that carries its number. *Refused*: nothing is computed, the message names
file, line, column, value and rule. *Held out*: the row stays in tables and figures, marked, and out
of the primary analysis. *Warned*: said by `metamill check` and in the report. *Noted*: read, with
the change listed. *Read*: fine as it is. *Neutralised*: cannot do harm in any output.
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
