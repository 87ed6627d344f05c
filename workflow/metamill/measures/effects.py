"""The pair (effect, sampling variance) that every measure yields, and rows that were corrected."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Columns = Mapping[str, Array]


@dataclass(frozen=True)
class Effects:
    """Effects and sampling variances on the model scale, each of shape (k,).

    `corrected` marks rows whose counts had a continuity correction added.
    """

    yi: Array
    vi: Array
    corrected: Array


def usable_rows(columns: Columns) -> Array:
    """Rows whose numbers can be data: events within their total, time and n above zero, shape (k,).

    An SD needs two units.
    Columns are judged by their names, with or without the name of an arm; an empty cell (nan) is
    usable here, and only what is computed from it is nan.
    """
    least = 2 if any(name.startswith("sd") for name in columns) else 0
    usable = np.full(np.shape(next(iter(columns.values()))), True)
    for name, values in columns.items():
        kind, _, side = name.partition("_")
        if kind == "events":
            total = columns.get(f"total_{side}" if side else "total", np.inf)
            usable &= ~((values < 0) | (values > total))
        elif kind in ("total", "n", "time") and side in ("", "treatment", "control"):
            usable &= ~((values <= 0) | (values < least))
        elif kind == "sd":
            usable &= ~(values < 0)
        elif kind == "correlation":
            usable &= ~(np.abs(values) > 1)
    return usable


def uncorrected(yi: Array, vi: Array) -> Effects:
    return Effects(yi, vi, np.zeros(len(yi), bool))


CORRECTION_RULES = ("only0", "all", "if0all", "none")


def corrected_rows(has_zero: Array, to: str) -> Array:
    """Rows that get the correction: those with a zero cell (only0), all, or all if any has one."""
    if to not in CORRECTION_RULES:
        raise KeyError(to)
    everywhere = to == "all" or (to == "if0all" and bool(has_zero.any()))
    return np.full(has_zero.shape, True) if everywhere else has_zero & (to == "only0")
