"""One pool of an outcome: which rows an analysis takes, and what would make the pool wrong."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from metamill.config.settings import HeldRow, Levels, Model, Outcome, Plan, RowFilter
from metamill.errors import Problem, WrongSetting, closest, did_you_mean
from metamill.tables.codebook import COLUMNS, identifies
from metamill.tables.levels import all_numbers
from metamill.tables.needs import GENERIC_SCALES, missing_clusters, missing_columns
from metamill.tables.table import Findings, Table, TableRow, number
from metamill.tables.values import is_number, same_level

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class PlanRows:
    """Positions in a selection that an analysis pools, and why it leaves out the others.

    `held` are those among the others that only the audit keeps out: no exclusion does.
    """

    used: tuple[int, ...]
    left_out: tuple[tuple[int, str], ...]
    held: frozenset[int] = frozenset()


def apply_plan(rows: tuple[TableRow, ...], plan: Plan) -> PlanRows:
    """Divide the selected rows into those the plan pools and those it leaves out."""
    back, drop = ((item,) if item else () for item in (plan.include, plan.drop))
    return divided(rows, plan.exclude, plan.held, back, drop)


def divided(
    rows: Sequence[TableRow],
    exclude: Sequence[RowFilter],
    held: Sequence[HeldRow],
    back: Sequence[RowFilter],
    drop: Sequence[RowFilter],
) -> PlanRows:
    """Rows but those excluded or held; those that `back` names all the same, and never `drop`'s."""
    used, left_out, kept_out = [], [], set()
    doubts = {item.line: item.reason for item in held}
    for index, row in enumerate(rows):
        reasons = []
        if not any(item.matches(row.cells) for item in back):
            reasons = [item.reason for item in exclude if item.matches(row.cells)]
            if row.line in doubts:
                if not reasons:
                    kept_out.add(index)
                reasons.append(doubts[row.line])
        reasons += [item.reason for item in drop if item.matches(row.cells)]
        if reasons:
            left_out.append((index, reasons[0]))
        else:
            used.append(index)
    return PlanRows(tuple(used), tuple(left_out), frozenset(kept_out))


def identity(rows: tuple[TableRow, ...], plan: Plan) -> tuple[Model, tuple[int, ...]]:
    """What makes two analyses of the selected rows the same: their model and the rows they pool."""
    return plan.model, apply_plan(rows, plan).used


def filters(outcome: Outcome) -> Iterator[tuple[Path, RowFilter]]:
    """Every filter of an outcome's analyses with the path to it in config.yaml."""
    at: Path = ("outcomes", outcome.name)
    for index, item in enumerate(outcome.plans[0].exclude):
        yield (*at, "exclude", index), item
    for index, plan in enumerate(outcome.plans[1:]):
        if plan.include:
            yield (*at, "sensitivity", index, "include"), plan.include
        if plan.drop:
            yield (*at, "sensitivity", index, "exclude"), plan.drop
    for index, decision in enumerate(outcome.multiverse.of if outcome.multiverse else ()):
        for place, choice in enumerate(decision.choices):
            here: Path = (*at, "multiverse", index, "choices", place)
            for key, where in (("include", choice.include), ("exclude", choice.exclude)):
                if where:
                    yield (*here, key), RowFilter(where)


def unknown_levels(
    rows: Iterable[TableRow], where: Levels, at: Path, whose: str
) -> list[WrongSetting]:
    """Levels in `where` that no row has; `whose` says which rows were looked at."""
    wrong = []
    for column, levels in where.items():
        present = {row.cells.get(column, "") for row in rows}
        wrong += [
            WrongSetting(
                (*at, column),
                f"no {whose} has this",
                did_you_mean(level, present),
                level,
                code="unknown-level",
            )
            for level in levels
            if level not in present
        ]
    return wrong


def check_filters(
    rows: tuple[TableRow, ...], table: str, known: set[str], outcome: Outcome, findings: Findings
) -> None:
    """Filters that name what no row has, or that change nothing, and analyses without a row.

    `known` are the columns that a filter may name; others are reported elsewhere.
    """
    wrong: list[WrongSetting] = []
    for path, item in filters(outcome):
        if not set(item.where) <= known:
            continue
        unknown = unknown_levels(rows, item.where, path, f"row that is selected from {table}")
        if not unknown and not any(item.matches(row.cells) for row in rows):
            rule = f"no row that is selected from {table} has all of this"
            advice, code = "Check it against the table", "filter-without-rows"
            unknown = [WrongSetting(path, rule, advice, str(item), code=code)]
        wrong += unknown
    for i, regression in enumerate(outcome.moderators):
        place: Path = ("outcomes", outcome.name, "moderators", i, "reference")
        stated = regression.reference.items()
        named: Levels = {
            name: (level,)
            for name, level in stated
            if name in known and not all_numbers(rows, name)
        }
        wrong += unknown_levels(rows, named, place, f"row that is selected from {table}")
    for path, cohort in _cohorts_named(outcome):
        cohorts = {row.cells.get("cohort", "") for row in rows}
        if cohort not in cohorts:
            rule, advice = "no selected row is of this cohort", did_you_mean(cohort, cohorts)
            said = advice or "Remove it"
            wrong.append(WrongSetting((*path, cohort), rule, said, cohort, code="unknown-cohort"))
    if not wrong and not apply_plan(rows, replace(outcome.plans[0], held=())).used:
        at = ("outcomes", outcome.name, "exclude")
        rule = "these exclusions leave no row to pool"
        wrong.append(WrongSetting(at, rule, "Exclude less", code="empty-pool"))
    elif not wrong:
        for index, plan in enumerate(outcome.plans[1:]):
            wrong += _idle_filters(rows, outcome, plan, index)
    findings.settings += wrong


def _cohorts_named(outcome: Outcome) -> Iterator[tuple[Path, str]]:
    primary, *others = outcome.plans
    for cohort in primary.same_cohort:
        yield ("outcomes", outcome.name, "same_cohort"), cohort
    for index, plan in enumerate(others):
        for cohort in sorted(plan.same_cohort.keys() - primary.same_cohort.keys()):
            yield ("outcomes", outcome.name, "sensitivity", index, "same_cohort"), cohort


def _idle_filters(
    rows: tuple[TableRow, ...], outcome: Outcome, plan: Plan, index: int
) -> list[WrongSetting]:
    here: Path = ("outcomes", outcome.name, "sensitivity", index)
    without = replace(plan, include=None, drop=None)
    before = set(apply_plan(rows, without).used)
    without_audit = replace(plan, held=())
    after = apply_plan(rows, without_audit).used
    if not after:
        rule = "this analysis leaves no row to pool"
        return [WrongSetting(here, rule, "Exclude less", code="empty-pool")]
    wrong = []
    if plan.include and set(apply_plan(rows, replace(plan, drop=None)).used) == before:
        rule = "takes back no row that the outcome leaves out"
        at, said = (*here, "include"), str(plan.include)
        wrong.append(WrongSetting(at, rule, "Remove it", said, code="idle-filter"))
    if plan.drop and apply_plan(rows, replace(without_audit, drop=None)).used == after:
        rule = "leaves out no row that would be pooled"
        at, said = (*here, "exclude"), str(plan.drop)
        wrong.append(WrongSetting(at, rule, "Remove it", said, code="idle-filter"))
    return wrong


def check_plans(
    rows: tuple[TableRow, ...], table: Table, outcome: Outcome, findings: Findings
) -> None:
    """What would make a pool wrong: repeats, mixed units, shared cohorts, missing numbers."""
    reported: set[tuple[object, ...]] = set()
    for plan in outcome.plans:
        at = f"outcomes.{outcome.name}" + ("" if plan.name == "primary" else f", {plan.name}")
        pooled = [rows[index] for index in apply_plan(rows, replace(plan, held=())).used]
        for problem in pool_problems(pooled, plan, table, at):
            key = (problem.line, problem.column, problem.value, problem.rule)
            if key not in reported:
                reported.add(key)
                findings.problems.append(problem)


def pool_problems(rows: list[TableRow], plan: Plan, table: Table, at: str) -> Iterator[Problem]:
    """What would make one pool of `rows` wrong; `at` is where config.yaml asks for it."""
    for check in _CHECKS:
        yield from check(rows, plan, table, at)


def _mixed_units(rows: list[TableRow], plan: Plan, table: Table, at: str) -> list[Problem]:
    first: dict[str, TableRow] = {}
    for row in rows:
        first.setdefault(row.cells.get("unit", ""), row)
    if len(first) < 2:
        return []
    named = ", ".join(f"{unit or 'no unit'} (line {row.line})" for unit, row in first.items())
    odd = list(first.values())[1]
    return [
        Problem(
            table.name,
            f"different units would be pooled: {named}",
            f"Select one unit in config.yaml ({at})",
            odd.line,
            "column 'unit'",
            odd.cells.get("unit", ""),
            code="mixed-units",
        )
    ]


def _repeated_studies(rows: list[TableRow], plan: Plan, table: Table, at: str) -> list[Problem]:
    """Rows of one study that a filter could tell apart; rows that agree are the table's error.

    A model of dependent effects pools them as what they are.
    """
    if plan.model.dependent:
        return []
    problems: list[Problem] = []
    seen: dict[str, TableRow] = {}
    for row in rows:
        study = row.cells["study"]
        earlier = seen.setdefault(study.casefold(), row)
        differ = [
            column
            for column in row.cells.keys() | earlier.cells.keys()
            if identifies(column)
            and same_level(column, row.cells.get(column, ""))
            != same_level(column, earlier.cells.get(column, ""))
        ]
        if differ:
            by = " or ".join(sorted(differ))
            problems.append(
                Problem(
                    table.name,
                    f"the study is in one pool twice, first in line {earlier.line}",
                    f"Select or exclude by {by} in config.yaml ({at}), or set a method for "
                    "several rows of one study (RVE, MV, aggregate)",
                    row.line,
                    "column 'study'",
                    study,
                    code="repeated-study",
                )
            )
    return problems


def _shared_cohorts(rows: list[TableRow], plan: Plan, table: Table, at: str) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, TableRow] = {}
    for row in rows:
        cohort = row.cells.get("cohort", "")
        earlier = seen.setdefault(cohort.casefold(), row) if cohort else row
        same_study = earlier.cells["study"].casefold() == row.cells["study"].casefold()
        if not same_study and cohort not in plan.same_cohort:
            problems.append(
                Problem(
                    table.name,
                    f"shares its cohort {cohort} with {earlier.cells['study']} "
                    f"(line {earlier.line}), and both would be pooled",
                    f"Exclude one with a reason in config.yaml ({at}), or say under same_cohort "
                    "why the patients differ",
                    row.line,
                    "column 'study'",
                    row.cells["study"],
                    code="shared-cohort",
                )
            )
    return problems


def _missing_numbers(rows: list[TableRow], plan: Plan, table: Table, at: str) -> list[Problem]:
    measure = plan.model.measure
    problems = []
    for row in rows:
        lacking = missing_columns(measure, row.cells)
        if plan.model.icc is not None:
            lacking = [*lacking, *missing_clusters(measure, row.cells)]
        for missing in lacking:
            if missing in table.columns:
                rule = f"is empty, and measure {measure} needs it"
                advice = f"Fill it in, or exclude the row with a reason in config.yaml ({at})"
                study = row.cells["study"]
                problems.append(
                    Problem(
                        table.name,
                        f"{rule} (study {study})",
                        advice,
                        row.line,
                        f"column '{missing}'",
                        code="missing-number",
                    )
                )
            else:
                close = closest(missing, [c for c in table.columns if c not in COLUMNS])
                advice = f"Add it, or rename the column '{close}'" if close else "Add it"
                rule = f"the table lacks this column, and measure {measure} needs it"
                where = f"column '{missing}'"
                problems.append(Problem(table.name, rule, advice, 1, where, code="missing-label"))
    return problems


def _outside_scale(rows: list[TableRow], plan: Plan, table: Table, at: str) -> list[Problem]:
    """Reported estimates (measure GEN) must lie where their scale is defined, all on one scale."""
    if plan.model.measure != "GEN":
        return []
    problems = []
    first: TableRow | None = None
    for row in rows:
        scale = row.cells.get("scale", "") or "identity"
        where = "column 'scale'"
        if scale not in GENERIC_SCALES:
            advice = did_you_mean(scale, GENERIC_SCALES)
            rule = "is no scale that an estimate can be pooled on"
            problems.append(
                Problem(table.name, rule, advice, row.line, where, scale, code="unknown-scale")
            )
            continue
        first = first or row
        pooled_on = first.cells.get("scale", "") or "identity"
        if scale != pooled_on:
            rule = f"effects on different scales would be pooled: {pooled_on} (line {first.line})"
            advice = f"Select one scale in config.yaml ({at})"
            problems.append(
                Problem(table.name, rule, advice, row.line, where, scale, code="mixed-scales")
            )
        low, high = GENERIC_SCALES[scale]
        for column in ("estimate", "ci_low", "ci_high"):
            cell = row.cells.get(column, "")
            if cell and is_number(cell) and not low < number(cell) < high:
                bounds = f"above {low:g}" + ("" if high == float("inf") else f" and below {high:g}")
                rule, advice = f"must be {bounds} on the scale {scale}", "Check scale and source"
                at_cell = f"column '{column}'"
                problems.append(
                    Problem(table.name, rule, advice, row.line, at_cell, cell, code="outside-scale")
                )
    return problems


_CHECKS: tuple[Callable[[list[TableRow], Plan, Table, str], list[Problem]], ...] = (
    _mixed_units,
    _repeated_studies,
    _shared_cohorts,
    _missing_numbers,
    _outside_scale,
)
