"""Patients who stand in two rows: studies of one declared cohort, a control group used twice."""

from collections.abc import Iterator, Mapping, Sequence

from metamill.audit.finding import INFO, QUESTION, Check, Finding
from metamill.audit.rows import Scale
from metamill.config.settings import Outcome
from metamill.tables.extracted import STUDIES
from metamill.tables.pools import apply_plan
from metamill.tables.selection import Selection
from metamill.tables.table import Table, TableRow
from metamill.tables.values import same_level

CHECKS = (
    Check(
        "cohort",
        "B11",
        "Declared cohorts",
        "studies of one cohort in studies.csv that an outcome selects",
        "Senn 2009, BMC Med Res Methodol 9:10 (double counting)",
        "the studies treated different patients of one place",
    ),
    Check(
        "shared_control",
        "B11",
        "A control group in two rows",
        "two rows of one study in a pool, other treatment cells, the same control cells",
        "Cochrane Handbook 23.3.4",
        "two control groups that happen to have the same numbers",
    ),
    Check(
        "patients_differ",
        "B11",
        "Patients of a study in two tables",
        "rows of one study, arm, time and denominator, unit patient: different n",
        "comparison of what two tables say",
        "patients whose value is missing for one of the outcomes",
    ),
)
_WORDS = {
    "confirmed": "the same patients as {others}",
    "assumed": "taken to be the same patients as {others}",
    "suspected": "patients may also be in {others}",
}
_APART = {"confirmed": "are one cohort", "assumed": "are taken to be one cohort"}
_CONTROL = (
    ("events_control", "total_control"),
    ("events_control", "time_control"),
    ("mean_control", "sd_control", "n_control"),
)

Found = tuple[str, int, Finding]


def check_cohorts(
    studies: Table | None, outcomes: Mapping[str, Outcome], selections: Mapping[str, Selection]
) -> Iterator[Found]:
    """Declared cohorts: each study with the others, and what config.yaml makes of them (B11)."""
    cohorts: dict[str, list[TableRow]] = {}
    for row in studies.rows if studies else ():
        if row.cells.get("cohort"):
            cohorts.setdefault(row.cells["cohort"].casefold(), []).append(row)
    for members in cohorts.values():
        if len(members) < 2:
            continue
        names = {row.cells["study"] for row in members}
        together: dict[str, dict[str, str]] = {}
        for name, selection in selections.items():
            fates = _fates(outcomes[name], selection, names)
            if len(fates) > 1:
                together[name] = fates
        told = [row for row in members if any(row.cells["study"] in f for f in together.values())]
        for row in told:
            yield STUDIES, row.line, _declared(row, members, together)
        if not told:
            yield STUDIES, members[0].line, _apart(members)


def _fates(outcome: Outcome, selection: Selection, names: set[str]) -> dict[str, str]:
    """Which of the studies `names` the outcome selects: "" if pooled, else why it is left out."""
    plan = apply_plan(selection.rows, outcome.plans[0])
    fates: dict[str, str] = {}
    for at, reason in plan.left_out:
        fates.setdefault(selection.rows[at].cells["study"], reason)
    fates |= {selection.rows[at].cells["study"]: "" for at in plan.used}
    return {study: fate for study, fate in fates.items() if study in names}


def _declared(
    row: TableRow, members: Sequence[TableRow], together: Mapping[str, Mapping[str, str]]
) -> Finding:
    study, cohort = row.cells["study"], row.cells["cohort"]
    certainty = row.cells.get("cohort_certainty", "")
    others = [member.cells["study"] for member in members if member is not row]
    said = _WORDS.get(certainty, "patients may also be in {others}; how surely is not stated")
    sentences = [f"Cohort {cohort}: {said.format(others=', '.join(others))}"]
    for outcome, fates in together.items():
        if study in fates:
            pooled = [name for name, fate in fates.items() if not fate]
            left = [f"{name} ({fate})" for name, fate in fates.items() if fate]
            sentences.append(
                f"{outcome} pools {', '.join(pooled) or 'none of them'}"
                + (f" and leaves out {', '.join(left)}" if left else "")
            )
    return Finding(
        "cohort",
        QUESTION if certainty else INFO,
        ("cohort",),
        f"cohort {cohort}" + (f", {certainty}" if certainty else ""),
        "one study of a cohort in a pool",
        ". ".join(sentences),
        "the cohort in studies.csv is right",
    )


def _apart(members: Sequence[TableRow]) -> Finding:
    cohort = members[0].cells["cohort"]
    certainty = members[0].cells.get("cohort_certainty", "")
    names = ", ".join(row.cells["study"] for row in members)
    said = _APART.get(certainty, "may share patients")
    return Finding(
        "cohort",
        INFO,
        ("cohort",),
        f"cohort {cohort}" + (f", {certainty}" if certainty else ""),
        "one study of a cohort in a pool",
        f"{names} {said}. No outcome selects two of them",
        "the cohort in studies.csv is right",
    )


def check_shared_control(
    rows: Sequence[TableRow], outcome: Outcome, scale: Scale
) -> Iterator[tuple[int, Finding]]:
    """One control group in two rows of the primary pool (only a model of dependence gets here)."""
    pooled = apply_plan(tuple(rows), outcome.plans[0]).used
    for columns in _CONTROL:
        treated = [column.replace("control", "treatment") for column in columns]
        seen: dict[tuple[str, ...], int] = {}
        for at in pooled:
            cells = rows[at].cells
            control = tuple(cells.get(column, "") for column in columns)
            if not all(control):
                continue
            first = seen.setdefault((cells["study"].casefold(), *control), at)
            earlier = rows[first].cells
            if first != at and any(cells.get(c, "") != earlier.get(c, "") for c in treated):
                printed = ", ".join(
                    f"{column} {cell}" for column, cell in zip(columns, control, strict=True)
                )
                yield (
                    at,
                    Finding(
                        "shared_control",
                        QUESTION,
                        columns,
                        printed,
                        "each control group once",
                        f"Lines {rows[first].line} and {rows[at].line} of {cells['study']} compare "
                        f"different groups with the same control group ({printed}). Its patients "
                        "count twice unless the model's correlation of one study's rows covers it: "
                        "two equal arms that share a control have a correlation near 0.5",
                    ),
                )


def check_patients(tables: Mapping[str, Table]) -> Iterator[Found]:
    """A study's number of patients where two tables say the same of it (keys are file names)."""
    seen: dict[tuple[object, ...], dict[str, tuple[str, int]]] = {}
    for name, table in tables.items():
        for row in table.rows:
            size = row.cells.get("total") or row.cells.get("n")
            if row.cells.get("unit") != "patient" or not size or name == STUDIES:
                continue
            key = tuple(
                same_level(column, row.cells.get(column, ""))
                for column in ("study", "arm", "denominator", "time_months")
            )
            sizes = seen.setdefault(key, {})
            other = next((place for n, place in sizes.items() if n != size), None)
            if other is not None and other[0] != name and size not in sizes:
                n = next(n for n, place in sizes.items() if place == other)
                column = "total" if row.cells.get("total") else "n"
                yield (
                    name,
                    row.line,
                    Finding(
                        "patients_differ",
                        INFO,
                        (column,),
                        f"{column} {size}",
                        n,
                        f"{row.cells['study']} has {size} patients here and {n} in {other[0]}, "
                        f"line {other[1]}: patients without a value, or a slip",
                    ),
                )
            sizes.setdefault(size, (name, row.line))
