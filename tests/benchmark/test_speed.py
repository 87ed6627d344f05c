"""How many fits a second, beside R metafor on the same numbers and the same machine.

Run with `-s` to see the table. Both sides are seconds of processor, which other processes disturb
least, each in a process of its own with one thread. What is asserted is the target itself: a ratio
to metafor by the medians of five, or seconds and memory where metafor would take hours, by the
least of five, as a busy machine slows what has no other side to compare with.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
WORKFLOW = HERE.parents[1] / "workflow"

RATIOS = {
    "gosh_reml": 2000,
    "gosh_dl": 250,
    "without_each_100": 1500,
    "bootstrap": 1500,
    "permutations": 700,
}
"""Fits a second over those of metafor."""
SECONDS = {"gosh_20": 1.5, "without_each_1000": 0.05}
MEGABYTES = 300

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Timed:
    """The fits of one row, seconds (median and least), and the peak of memory in MB if known."""

    fits: int
    seconds: float
    least: float = 0.0
    peak: float = 0.0

    @property
    def rate(self) -> float:
        return self.fits / max(self.seconds, 1e-6)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Effects that are heterogeneous, with variances over two decades, and a moderator."""
    folder = tmp_path_factory.mktemp("speed")
    for k in (15, 20, 50, 100, 1000):
        generator = np.random.default_rng(k)
        v = np.exp(generator.normal(-2.5, 1.0, k))
        y = generator.normal(0.2, np.sqrt(v + 0.15))
        columns = np.column_stack([y, v, generator.normal(size=k)])
        np.savetxt(folder / f"{k}.csv", columns, "%.17g", ",", header="yi,vi,x", comments="")
    return folder


def read(command, timeout):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False,
                          env=os.environ | {"PYTHONPATH": str(WORKFLOW)})  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    rows = {}
    for line in done.stdout.splitlines():
        name, fits, *numbers = line.split()
        rows[name] = Timed(int(fits), *map(float, numbers))
    return rows


def ours(folder, *rows):
    return read([sys.executable, str(HERE / "many_fits.py"), str(folder), *rows], 120)


@cache
def of_metafor(folder):
    """The rows of metafor; skips where R or metafor is missing."""
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed: nothing to compare with")
    probe = ["Rscript", "-e", "library(metafor)"]
    if subprocess.run(probe, capture_output=True, timeout=60, check=False).returncode:
        pytest.skip("R has no metafor: nothing to compare with")
    return read(["Rscript", str(HERE / "timing.R"), str(folder)], 300)


def test_many_fits_are_so_many_times_faster_than_metafor(tables):
    theirs = of_metafor(tables)
    found = ours(tables, *RATIOS)
    ratios = {row: found[row].rate / theirs[row].rate for row in RATIOS}
    for row, ratio in ratios.items():
        sys.stdout.write(
            f"\n{row}: {found[row].rate:,.0f} fits/s, metafor {theirs[row].rate:,.0f}: "
            f"{ratio:,.0f} times (target {RATIOS[row]:,})"
        )
    assert all(ratios[row] >= RATIOS[row] for row in RATIOS), ratios


def test_a_million_subsets_take_seconds_and_little_memory(tables):
    found = ours(tables, "gosh_20")["gosh_20"]
    sys.stdout.write(f"\n{found.fits:,} subsets: {found.least:.2f} s, {found.peak:.0f} MB")
    assert found.least < SECONDS["gosh_20"] and found.peak < MEGABYTES


def test_leaving_out_each_of_a_thousand_studies(tables):
    """The fits alone, and on the whole way of a review, beside metafor's where it has time."""
    found = ours(tables, "without_each_1000", "refits_1000", "refits_100")
    theirs = of_metafor(tables)
    for row, mine in found.items():
        text = f"\n{row}: {1000 * mine.least:.1f} ms, {mine.peak:.0f} MB"
        if row in theirs:
            text += f"; {mine.rate / theirs[row].rate:,.0f} times metafor"
        sys.stdout.write(text)
    assert found["without_each_1000"].least < SECONDS["without_each_1000"]


def test_the_cost_is_linear_in_fits_and_in_studies(tables):
    """Seconds by fit and study, over three decades of each, do not grow."""
    rows = [f"some_15_{count}" for count in (1000, 10_000, 100_000)]
    rows += ["some_100_1000", "some_1000_1000"]
    found = ours(tables, *rows)
    costs = {row: found[row].seconds / (found[row].fits * int(row.split("_")[1])) for row in rows}
    sys.stdout.write("\n" + ", ".join(f"{row} {1e9 * cost:.1f} ns" for row, cost in costs.items()))
    assert all(costs[row] < 2 * costs["some_15_1000"] for row in rows), costs
