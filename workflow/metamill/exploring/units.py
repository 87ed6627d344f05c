"""The independent studies of an analysis: their cells, their names, the cohorts they share."""

from collections.abc import Mapping, Sequence

import numpy as np

from metamill.measures.effects import Array

Cells = Mapping[str, str]


def rows_of_units(study: Array, cells: Sequence[Cells]) -> list[list[Cells]]:
    """The cells of each independent study, in their numbers' order; `study` numbers rows from 0."""
    found: list[list[Cells]] = [[] for _ in range(int(study.max()) + 1 if len(study) else 0)]
    for unit, row in zip(study, cells, strict=True):
        found[int(unit)].append(row)
    return found


def label(row: Cells) -> str:
    return row.get("label") or row["study"]


def joint_label(rows: Sequence[Cells]) -> str:
    """The name of a study, or those of the studies of one cohort."""
    return " + ".join(dict.fromkeys(map(label, rows)))


def unit_labels(study: Array, cells: Sequence[Cells]) -> list[str]:
    """A name for each independent study."""
    return [joint_label(rows) for rows in rows_of_units(study, cells)]


def shared_cohorts(cells: Sequence[Cells]) -> list[tuple[str, Array]]:
    """The cohorts that several studies say they share, as printed, each with its rows (a mask)."""
    cohorts = np.array([row.get("cohort", "").casefold() for row in cells])
    studies = np.array([row["study"].casefold() for row in cells])
    found = []
    for cohort in dict.fromkeys(cohorts):
        rows = cohorts == cohort
        if cohort and len(set(studies[rows])) > 1:
            found.append((cells[int(np.flatnonzero(rows)[0])]["cohort"], rows))
    return found
