"""The tables of docs/statistics/coverage.md, made from simulations and read back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simulated_effects as effects
import simulated_proportions as proportions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "statistics" / "coverage.md"
BEGIN, END = "<!-- made by tests/benchmark/coverage.py -->", "<!-- end of what is made -->"
EFFECT_REVIEWS = 5
"""Reviews of effects for every review of proportions: they cost that little."""

Row = tuple[str, ...]
Results = Mapping[proportions.Cell, proportions.CellResult]


@dataclass(frozen=True)
class Table:
    """A title, what its numbers are, the header and the rows, as printed."""

    title: str
    unit: str
    header: Row
    rows: tuple[Row, ...]


def number(value: float, digits: int = 1) -> str:
    """As printed; a dash where there is none, and no minus before a zero."""
    if np.isnan(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def proportion_key(cell: proportions.Cell) -> Row:
    return (f"{100 * cell.risk:g}", f"{cell.tau:g}", str(cell.k))


def effect_key(cell: effects.Cell) -> Row:
    return (f"{cell.tau2:g}", str(cell.k))


def proportion_tables(results: Results, reviews: int) -> tuple[Table, ...]:
    """Five tables with one row per cell."""
    judged = (*proportions.MEDIAN, *proportions.MEAN)
    # the estimate is the same under every test
    estimates = tuple(name for name in judged if not name.endswith(" z"))
    error = max(r.records[name].bias_error for r in results.values() for name in estimates)

    def table(
        title: str, unit: str, names: Row, value: Callable[[proportions.CellResult, str], str]
    ) -> Table:
        rows = tuple(
            (*proportion_key(cell), *(value(result, name) for name in names))
            for cell, result in results.items()
        )
        return Table(title, unit, ("risk %", "tau", "k", *names), rows)

    return (
        table(
            "Coverage of the 95 % interval",
            f"Per cent of the reviews answered. {_error(reviews)}",
            judged,
            lambda result, name: number(result.records[name].coverage),
        ),
        table(
            "Mean width of the interval",
            "Percentage points.",
            judged,
            lambda result, name: number(result.records[name].width),
        ),
        table(
            "Bias of the estimate",
            "Of the mean estimate, per cent of its target. Monte Carlo standard error at most "
            f"{number(error)}.",
            estimates,
            lambda result, name: number(result.records[name].bias, 0),
        ),
        table(
            "Content of the 95 % prediction interval",
            "Mean probability, in per cent, that the true risk of a new study lies in it; for "
            "BETABIN in the spread that it reports, which is not a prediction interval.",
            proportions.PREDICTING,
            lambda result, name: number(result.records[name].content),
        ),
        table(
            "Reviews without a model",
            "Per cent of all reviews: without any event, where every method leaves it to the exact "
            "limits of the total (of which per cent hold the median), and not identified.",
            ("no event", "exact limits", "GLMM", "BETABIN"),
            _refusals,
        ),
    )


def _refusals(result: proportions.CellResult, name: str) -> str:
    match name:
        case "no event":
            return number(result.no_event)
        case "exact limits":
            return number(result.exact_coverage, 0)
        case "GLMM":
            return number(result.refused["GLMM t"])
    return number(result.refused[name])


def effect_tables(
    results: Mapping[effects.Cell, effects.CellResult], reviews: int
) -> tuple[Table, ...]:
    """Two tables with one row per cell."""
    widths = tuple(f"width {test}" for test in effects.TESTS)
    intervals, predictions = [], []
    for cell, result in results.items():
        coverage = (number(result.coverage[test]) for test in effects.TESTS)
        width = (number(result.width[test], 2) for test in effects.TESTS)
        intervals.append((*effect_key(cell), *coverage, number(result.shorter), *width))
        content = (number(result.content[kind]) for kind in effects.PREDICTIONS)
        predictions.append((*effect_key(cell), *content))
    return (
        Table(
            "Coverage of the 95 % interval of effects",
            "Per cent; `knha < z`: reviews in which the interval by knha is the shorter one. "
            f"Widths in standard errors of the median study. {_error(reviews)}",
            ("tau2/v", "k", *effects.TESTS, "knha < z", *widths),
            tuple(intervals),
        ),
        Table(
            "Content of the 95 % prediction interval of effects",
            "Mean probability, in per cent, that the true effect of a new study lies in it.",
            ("tau2/v", "k", *effects.PREDICTIONS),
            tuple(predictions),
        ),
    )


def _error(reviews: int) -> str:
    at_95, at_80 = (number(100 * np.sqrt(p * (1 - p) / reviews), 2) for p in (0.95, 0.8))
    return f"{reviews} reviews a cell: Monte Carlo standard error {at_95} at 95 %, {at_80} at 80 %."


def render(tables: tuple[Table, ...]) -> str:
    """What stands between the two markers."""
    parts = [f"Made with numpy {np.__version__}."]
    for table in tables:
        lines = [table.header, ("---",) * len(table.header), *table.rows]
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"### {table.title}\n\n{table.unit}\n\n{text}")
    return "\n\n".join(parts)


def parse(text: str) -> tuple[Table, ...]:
    """The tables that `render` wrote."""
    found = []
    for part in text.split("### ")[1:]:
        title, unit, body = part.strip().split("\n\n")
        lines = [tuple(c.strip() for c in row.strip("|").split("|")) for row in body.splitlines()]
        found.append(Table(title, unit, lines[0], tuple(lines[2:])))
    return tuple(found)


def between(page: str) -> str:
    """The part of the page that is made; ValueError without both markers, once each, in order."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page must hold {BEGIN} and then {END}, once each")
    return page[page.index(BEGIN) + len(BEGIN) : page.index(END)].strip("\n")


def replaced(page: str, text: str) -> str:
    """The page with `text` between the markers."""
    return page.replace(
        f"{BEGIN}{page[page.index(BEGIN) + len(BEGIN) : page.index(END)]}{END}",
        f"{BEGIN}\n\n{text}\n\n{END}",
    )
