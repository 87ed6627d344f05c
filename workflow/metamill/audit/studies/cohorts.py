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
        "two studies of one cohort in studies.csv; a question where one pool has two of them",
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
    "confirmed": "are the same patients",
    "assumed": "are taken to be the same patients",
    "suspected": "may share patients",
    "": "may share patients (how surely is not stated)",
}
_CONTROL = (
    ("events_control", "total_control"),
    ("events_control", "time_control"),
    ("mean_control", "sd_control", "n_control"),
)

Found = tuple[str, int, Finding]


def check_cohorts(
    studies: Table | None, outcomes: Mapping[str, Outcome], selections: Mapping[str, Selection]
) -> Iterator[Found]:
    """Each declared cohort once, at its first study, with what config.yaml makes of it (B11)."""
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
        yield STUDIES, members[0].line, _declared(members, outcomes, together)


def _fates(outcome: Outcome, selection: Selection, names: set[str]) -> dict[str, str]:
    """Which of the studies `names` the outcome selects: "" if pooled, else why it is left out."""
    plan = apply_plan(selection.rows, outcome.plans[0])
    fates: dict[str, str] = {}
    for at, reason in plan.left_out:
        fates.setdefault(selection.rows[at].cells["study"], reason)
    fates |= {selection.rows[at].cells["study"]: "" for at in plan.used}
    return {study: fate for study, fate in fates.items() if study in names}


def _declared(
    members: Sequence[TableRow],
    outcomes: Mapping[str, Outcome],
    together: Mapping[str, Mapping[str, str]],
) -> Finding:
    """A question where an outcome pools two members: whether their patients differ is open."""
    cohort = members[0].cells["cohort"]
    names = [row.cells["study"] for row in members]
    sure = {row.cells["study"]: row.cells.get("cohort_certainty", "") for row in members}
    stated = list(dict.fromkeys(sure.values()))
    said = _WORDS.get(stated[0], _WORDS[""]) if len(stated) == 1 else _WORDS["suspected"]
    if len(stated) > 1:
        each = (f"{name} {word or 'not stated'}" for name, word in sure.items())
        said += f" ({', '.join(each)})"
    fates: dict[str, list[str]] = {}
    twice = False
    for outcome, members_of in together.items():
        pooled = [name for name in names if members_of.get(name) == ""]
        twice |= len(pooled) > 1
        reason = _reason_for_both(outcomes[outcome], cohort) if len(pooled) > 1 else ""
        fates.setdefault(_fate(pooled, members_of, reason), []).append(outcome)
    sentences = [f"Cohort {cohort}: {', '.join(names)} {said}"]
    sentences += [f"{', '.join(where)}: {fate}" for fate, where in fates.items()]
    if not together:
        sentences.append("No outcome selects two of them")
    words = ", ".join(filter(None, stated))
    return Finding(
        "cohort",
        QUESTION if twice else INFO,
        ("cohort",),
        f"cohort {cohort}" + (f", {words}" if words else ""),
        "one study of a cohort in a pool",
        ". ".join(sentences),
        "the cohort in studies.csv is right",
    )


def _reason_for_both(outcome: Outcome, cohort: str) -> str:
    """Why the primary analysis may pool several studies of a cohort, as config.yaml says."""
    said = outcome.plans[0].same_cohort.items()
    return next((why for name, why in said if name.casefold() == cohort.casefold()), "")


def _fate(pooled: Sequence[str], fates: Mapping[str, str], reason: str) -> str:
    """ "pools A, leaves out B (a reason)"; `reason` is that for pooling more than one."""
    kept = f"pools {', '.join(pooled)}" if pooled else "pools none"
    kept += f" (same_cohort: {reason})" if reason else ""
    left: dict[str, list[str]] = {}
    for name, why in fates.items():
        if why:
            left.setdefault(why, []).append(name)
    out = ", ".join(f"{', '.join(studies)} ({why})" for why, studies in left.items())
    return f"{kept}, leaves out {out}" if out else kept


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
