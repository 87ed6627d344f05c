"""Simulated coverage of the intervals: makes the tables of docs/statistics/coverage.md.

    python tests/benchmark/coverage.py [--reviews N] [--write]

Seeds belong to the cells, so the same N and the same numpy give the same tables. 2000 reviews a
cell take about ten minutes on one core.
"""

import argparse
import sys
from pathlib import Path

import simulated_effects as effects
import simulated_proportions as proportions
from coverage_page import (
    EFFECT_REVIEWS,
    PAGE,
    between,
    effect_tables,
    proportion_tables,
    render,
    replaced,
)


def tables(reviews: int) -> str:
    """All tables, as they stand on the page."""
    pools = {}
    for done, cell in enumerate(proportions.CELLS):
        sys.stderr.write(f"\r{done} of {len(proportions.CELLS)} cells of proportions")
        pools[cell] = proportions.simulate(cell, reviews)
    sys.stderr.write("\n")
    many = EFFECT_REVIEWS * reviews
    means = {cell: effects.simulate(cell, many) for cell in effects.CELLS}
    return render((*proportion_tables(pools, reviews), *effect_tables(means, many)))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Simulated coverage of the intervals.")
    parser.add_argument("--reviews", type=int, default=2000, help="reviews of proportions a cell")
    parser.add_argument("--write", action="store_true", help="into the page, not to the screen")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to write into")
    options = parser.parse_args(arguments)
    if options.reviews < 1:
        parser.error("--reviews must be at least 1")
    if not options.write:
        sys.stdout.write(tables(options.reviews) + "\n")
        return 0
    page = options.page.read_text(encoding="utf-8")
    between(page)
    options.page.write_text(replaced(page, tables(options.reviews)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
