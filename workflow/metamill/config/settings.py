"""The resolved settings that travel through a run; plain frozen data, to and from JSON.

An outcome is split in two: what decides numbers (`Outcome`) and what decides only how they are
shown (`Display`), so that a new title never recomputes anything.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from metamill.files import canonical_json

Levels = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Model:
    """How effects are made and pooled. `add` and `to` None: the measure's own correction."""

    measure: str
    method: str = "REML"
    test: str = "adhoc"
    level: float = 95.0
    prediction: bool = True
    correlation: float = 0.5
    add: float | None = None
    to: str | None = None


@dataclass(frozen=True)
class RowFilter:
    """Rows whose columns hold one of the given values, in every column named."""

    where: Levels
    reason: str = ""

    def matches(self, cells: dict[str, str]) -> bool:
        return all(cells.get(column, "") in values for column, values in self.where.items())

    def __str__(self) -> str:
        return ", ".join(f"{column}: {' or '.join(v)}" for column, v in self.where.items())


@dataclass(frozen=True)
class Plan:
    """One analysis of an outcome: a model and the rows it leaves out.

    `exclude` are the outcome's exclusions, `include` takes rows back from them, `drop` leaves
    out rows besides. `same_cohort` names cohorts that may contribute several studies, with the
    reason.
    """

    name: str
    model: Model
    exclude: tuple[RowFilter, ...] = ()
    include: RowFilter | None = None
    drop: RowFilter | None = None
    same_cohort: dict[str, str] = field(default_factory=dict)

    @property
    def filters(self) -> tuple[RowFilter, ...]:
        return (*self.exclude, *(item for item in (self.include, self.drop) if item))


@dataclass(frozen=True)
class Outcome:
    """Everything that decides an outcome's numbers. `plans[0]` is the primary analysis."""

    name: str
    table: str
    select: Levels
    plans: tuple[Plan, ...]
    subgroups: tuple[str, ...] = ()

    def to_json(self) -> str:
        """One line, sorted: equal settings are equal text."""
        return canonical_json(asdict(self))


def outcome_from_dict(raw: dict[str, Any]) -> Outcome:
    return Outcome(
        name=raw["name"],
        table=raw["table"],
        select=_levels(raw["select"]),
        plans=tuple(
            Plan(
                name=plan["name"],
                model=Model(**plan["model"]),
                exclude=tuple(_row_filter(item) for item in plan["exclude"]),
                include=_row_filter(plan["include"]) if plan["include"] else None,
                drop=_row_filter(plan["drop"]) if plan["drop"] else None,
                same_cohort=plan["same_cohort"],
            )
            for plan in raw["plans"]
        ),
        subgroups=tuple(raw["subgroups"]),
    )


def _row_filter(raw: dict[str, Any]) -> RowFilter:
    return RowFilter(_levels(raw["where"]), raw["reason"])


def _levels(raw: dict[str, Any]) -> Levels:
    return {column: tuple(values) for column, values in raw.items()}


@dataclass(frozen=True)
class Display:
    """How an outcome is shown, besides its numbers.

    `direction` says which end is better ("lower", "higher" or None); `minimum`, `maximum` and
    `important_difference` belong to the score, in its own points. `treatment` and `control` name
    the groups of two-armed outcomes.
    """

    title: str
    direction: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    important_difference: float | None = None
    treatment: str = "Treatment"
    control: str = "Control"
    style: str = "default"
    width_mm: float = 174.0

    def to_json(self) -> str:
        return canonical_json(asdict(self))


@dataclass(frozen=True)
class Review:
    """A whole review: its description, its outcomes and how each is shown."""

    about: dict[str, Any]
    outcomes: dict[str, Outcome]
    displays: dict[str, Display]
    formats: tuple[str, ...] = ("pdf", "svg", "png")
    overrides: dict[str, Any] = field(default_factory=dict)
