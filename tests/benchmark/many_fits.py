"""How many fits a second of processor, in a process of its own: python many_fits.py DATA ROW...

DATA is a folder of tables yi, vi, x; prints "<row> <fits> <seconds> <least> <MB>": the median of
five after one that is not counted, the least of them, and the peak of memory so far.
"""

import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from metamill.config.settings import Model
from metamill.estimating import Data, estimate
from metamill.exploring.gosh import BLOCK
from metamill.exploring.refits import leave_one_out
from metamill.measures.effects import Effects
from metamill.pooling.resampling import parametric_bootstrap, permutation_fits
from metamill.pooling.subset_sample import every_subset, possible_subsets
from metamill.pooling.subsets import fit_subsets

REPEATS = 5
Work = Callable[[], object]


def read(folder: Path, k: int) -> np.ndarray:
    return np.loadtxt(folder / f"{k}.csv", delimiter=",", skiprows=1).T


def all_subsets(folder: Path, k: int, method: str) -> Work:
    y, v, _ = read(folder, k)
    keep = every_subset(k)
    parts = [slice(start, start + BLOCK) for start in range(0, keep.shape[1], BLOCK)]
    return lambda: [fit_subsets(y, v, keep[:, part], method).tau2 for part in parts]


def without_each(folder: Path, k: int) -> Work:
    y, v, _ = read(folder, k)
    keep = 1 - np.eye(k)
    # a thousand fits at least, as a few take less than a clock tells
    return lambda: [fit_subsets(y, v, keep, "REML") for _ in range(max(1, 1000 // k))]


def refits(folder: Path, k: int) -> Work:
    """The whole way of a review, with influence statistics and what is shown."""
    y, v, _ = read(folder, k)
    data = Data({"n": np.full(k, np.nan)}, Effects(y, v, np.zeros(k, bool)), np.arange(k))
    model = Model("GEN", "REML", "adhoc")
    whole = estimate(data, model).pooled
    labels = [str(i) for i in range(k)]
    return lambda: leave_one_out(data, model, whole, labels)


def bootstrap(folder: Path) -> Work:
    y, v, _ = read(folder, 15)
    return lambda: parametric_bootstrap(y, v, 0.2, 0.15, 10_000, 1, "REML")


def permutations(folder: Path) -> Work:
    y, v, x = read(folder, 50)
    generator = np.random.default_rng(1)
    order = np.array([generator.permutation(50) for _ in range(5000)])
    design = np.column_stack([np.ones(50), x])
    return lambda: permutation_fits(y, v, design, "REML", "z", order)


def some_subsets(folder: Path, k: int, count: int) -> Work:
    y, v, _ = read(folder, k)
    generator = np.random.default_rng(1)
    # a study is in every subset, so that none is empty; a block is used again
    keep = generator.random((k, 500)) < 0.9
    keep[0] = True
    return lambda: [fit_subsets(y, v, keep, "REML") for _ in range(count // 500)]


_SIZES = [(15, 10**n) for n in range(3, 7)] + [(10**n, 1000) for n in range(1, 5)]
ROWS: dict[str, tuple[int, Callable[[Path], Work]]] = {
    "gosh_reml": (possible_subsets(15), lambda folder: all_subsets(folder, 15, "REML")),
    "gosh_dl": (possible_subsets(15), lambda folder: all_subsets(folder, 15, "DL")),
    "gosh_20": (possible_subsets(20), lambda folder: all_subsets(folder, 20, "REML")),
    "without_each_100": (1000, lambda folder: without_each(folder, 100)),
    "without_each_1000": (1000, lambda folder: without_each(folder, 1000)),
    "refits_100": (100, lambda folder: refits(folder, 100)),
    "refits_1000": (1000, lambda folder: refits(folder, 1000)),
    "bootstrap": (10_000, bootstrap),
    "permutations": (5000, permutations),
} | {
    f"some_{k}_{count}": (count, lambda folder, k=k, count=count: some_subsets(folder, k, count))
    for k, count in _SIZES
}


def peak() -> float:
    """MB at most so far; not by getrusage, which begins with the peak of the process before."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(folder: Path, rows: list[str]) -> None:
    for row in rows:
        count, prepare = ROWS[row]
        work = prepare(folder)
        times = []
        for turn in range(REPEATS + 1):
            start = time.process_time()
            work()
            if turn:
                times.append(time.process_time() - start)
        sys.stdout.write(
            f"{row} {count} {statistics.median(times):.6g} {min(times):.6g} {peak():.0f}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
