"""How long a forest plot takes, beside R metafor's forest() of the same effects.

Run with `-s` to see the table. Times are seconds of processor, which other processes disturb least,
as medians of five, in one process, after one drawing. Machines are noisy and differ all the same,
so the limits that are asserted are one and a half times the targets.
"""

import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from metamill.analysis import analyse
from metamill.config.settings import Display
from metamill.figures import draw
from metamill.figures.page.render import FORMATS
from metamill.files import csv_text
from metamill.jobs import plan
from metamill.results import Result

TARGETS = {20: 0.4, 100: 1.2}
"""Seconds for pdf, svg and png together, by number of studies."""
NOISE = 1.5
TOGETHER = ("pdf", "svg", "png")
REPEATS = 5
TIMING = Path(__file__).with_name("forest_timing.R")

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def made_up(folder: Path, k: int) -> tuple[Result, Display]:
    """The result of k made-up trials, and a display that draws every one of them."""
    generator = random.Random(k)
    columns = ("events_treatment", "total_treatment", "events_control", "total_control")
    rows = [
        {"study": f"Author {number} {1990 + number % 30}"}
        | {name: generator.randint(*((1, 25) if "events" in name else (60, 160)))
           for name in columns}
        for number in range(1, k + 1)
    ]  # fmt: skip
    (folder / "extracted").mkdir(parents=True)
    (folder / "extracted" / "event.csv").write_text(csv_text(("study", *columns), rows))
    (folder / "config.yaml").write_text(
        "review: {title: Made up}\noutcomes:\n  event:\n    title: Event\n    table: event.csv\n"
        "    measure: OR\n    direction: lower\n"
    )
    jobs = plan(folder)
    result = analyse(jobs.review.outcomes["event"], jobs.selections["event"])
    return result, replace(jobs.review.displays["event"], caterpillar_above=k)


def median(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def of_metafor(folder: Path, result: Result) -> dict[str, float]:
    """Seconds of metafor by format; skips where R or metafor is missing."""
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed: nothing to compare with")
    effects = [
        {"label": f"Study {index}", "yi": effect.yi, "vi": effect.vi}
        for index, effect in enumerate(result.primary.effects)
    ]
    (folder / "effects.csv").write_text(csv_text(("label", "yi", "vi"), effects))
    done = subprocess.run(
        ["Rscript", str(TIMING), str(folder / "effects.csv")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"R cannot draw with metafor: {done.stderr.strip()[-200:]}")
    return {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}


@pytest.mark.parametrize("k", TARGETS)
def test_a_forest_plot_is_drawn_within_its_target(tmp_path, k):
    result, display = made_up(tmp_path / "review", k)

    def drawn(*formats: str) -> Callable[[], object]:
        return lambda: draw(result, display, ("forest",), formats, tmp_path / "figures", "code")

    times = {name: median(drawn(name)) for name in FORMATS}
    together = median(drawn(*TOGETHER))
    shown = ", ".join(f"{name} {seconds:.3f}" for name, seconds in times.items())
    target = f"target {TARGETS[k]} s"
    sys.stdout.write(f"\n{k} studies: {shown}; pdf, svg and png {together:.3f} ({target})\n")
    assert together < NOISE * TARGETS[k]


@pytest.mark.parametrize("k", TARGETS)
def test_a_forest_plot_beside_metafor(tmp_path, k):
    """A comparison for the reader: it asserts only that both drew."""
    result, display = made_up(tmp_path / "review", k)
    theirs = of_metafor(tmp_path, result)
    for name, seconds in theirs.items():
        formats = (name,)
        ours = median(
            lambda formats=formats: draw(result, display, ("forest",), formats, tmp_path, "code")
        )
        ratio = f"{ours / max(seconds, 1e-3):.1f} times theirs"
        sys.stdout.write(f"\n{k} studies, {name}: {ours:.3f} s, metafor {seconds:.3f}: {ratio}\n")
        assert (tmp_path / f"forest.{name}").stat().st_size > 0
    assert "pdf" in theirs
