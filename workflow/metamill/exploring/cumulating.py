"""The primary analysis on its first studies, in one order after another."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metamill.config.settings import PRECISION, Model
from metamill.estimating import Data
from metamill.explored.refits import Refit
from metamill.exploring.refits import cumulative
from metamill.exploring.subgroups import NOT_REPORTED, level_of
from metamill.exploring.units import Cells, rows_of_units, unit_labels
from metamill.measures.effects import Array
from metamill.tables.values import is_number


def cumulative_by(
    columns: Sequence[str], data: Data, model: Model, cells: Sequence[Cells]
) -> tuple[Refit, ...]:
    """For each order one refit per study, of it and those before it, each with its order's name.

    The words of `columns` are names of columns or PRECISION.
    """
    labels = unit_labels(data.study, cells)
    return tuple(
        replace(refit, order=column)
        for column in columns
        for refit in cumulative(data, model, order_by(column, data, cells), labels)
    )


def order_by(column: str, data: Data, cells: Sequence[Cells]) -> Array:
    """The numbers of the studies in the order of a column, or the most precise first; shape (k,).

    Numbers by their size, then words by the alphabet, then studies that do not say; equal ones stay
    in the order of the table. The precision of a study is the sum of 1/v over its rows.
    """
    if column == PRECISION:
        precision = np.bincount(data.study, weights=1 / data.effects.vi)
        return np.argsort(-precision, kind="stable")
    firsts = [rows[0].get(column, "") for rows in rows_of_units(data.study, cells)]
    return np.array(sorted(range(len(firsts)), key=lambda i: _sort_key(firsts[i])), int)


def _sort_key(cell: str) -> tuple[int, float, str]:
    if level_of(cell).casefold() == NOT_REPORTED:
        return 2, 0.0, ""
    return (0, float(cell), "") if is_number(cell) else (1, 0.0, cell)
