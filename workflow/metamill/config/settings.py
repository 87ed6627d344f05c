"""The resolved settings that travel through a run; plain frozen data, to and from JSON.

An outcome is split in two: what decides numbers (`Outcome`) and what decides only how they are
shown (`Display`), so that a new title never recomputes anything.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from metamill.config.decisions import Decisions
from metamill.config.methods import DEPENDENT, GLMM_BY_DEFAULT, is_inverse_variance
from metamill.decoding import decoded
from metamill.files import canonical_json

Levels = dict[str, tuple[str, ...]]

PRECISION = "precision"
"""In `cumulative` no column: the most precise study first."""
YEAR = "year"
"""The column by which studies are added where nothing else is said."""


@dataclass(frozen=True)
class Model:
    """How effects are made and pooled.

    `add` and `to` None: the measure's own correction. `tau2_interval` None: the Q-profile, or the
    profile likelihood where a model has only that. `glmm` names the model of two groups. `rho` is
    the assumed correlation of the sampling errors of one study's rows, `icc` the assumed
    correlation of units within a patient (None: units counted as independent). `tau_prior` is the
    scale of the half-normal prior of tau (None: no companion where 0.5 has no meaning).
    `correlation` is that of scores before and after, assumed where a study says nothing and, with
    `sibling_correlation`, no other study on its scale does either. `thresholds` are on the natural
    scale.
    """

    measure: str
    method: str = "REML"
    test: str = "adhoc"
    level: float = 95.0
    prediction: bool = True
    prediction_interval: str = "t"
    tau2_interval: str | None = None
    glmm: str = "UM.FS"
    rho: float | None = None
    aggregate: bool = False
    icc: float | None = None
    tau_prior: float | None = None
    thresholds: tuple[float, ...] = ()
    correlation: float = 0.5
    sibling_correlation: bool = True
    add: float | None = None
    to: str | None = None

    @property
    def dependent(self) -> bool:
        """Whether the model knows that rows of one study depend on each other."""
        return self.aggregate or self.method in DEPENDENT or self.test == "cr2"

    @property
    def shares_tau2(self) -> bool:
        """Whether a regression by this model can give several levels one tau2."""
        if self.dependent or self.method == "EE" or self.test == "pl":
            return False
        mixed = self.method == "GLMM" and self.measure in GLMM_BY_DEFAULT
        return mixed or is_inverse_variance(self.method)


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
class HeldRow:
    """A row, by its line, that the audit holds out of a pool, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Plan:
    """One analysis of an outcome: a model and the rows it leaves out.

    `exclude` are the outcome's exclusions, `held` the rows that the audit holds out; `include`
    takes rows back from both, `drop` leaves out rows besides. `doubted` are the lines of rows whose
    printed numbers cannot all be true: an analysis that pools one takes its numbers as printed.
    `same_cohort` names cohorts that may contribute several studies, with the reason.
    """

    name: str
    model: Model
    exclude: tuple[RowFilter, ...] = ()
    include: RowFilter | None = None
    drop: RowFilter | None = None
    same_cohort: dict[str, str] = field(default_factory=dict)
    held: tuple[HeldRow, ...] = ()
    doubted: tuple[int, ...] = ()

    @property
    def filters(self) -> tuple[RowFilter, ...]:
        return (*self.exclude, *(item for item in (self.include, self.drop) if item))


@dataclass(frozen=True)
class RowFinding:
    """What the audit says of a row, in words; `accepted` is the reason why it is pooled anyway."""

    line: int
    check: str
    level: str
    words: str
    accepted: str = ""


@dataclass(frozen=True)
class Explorations:
    """What is explored around a primary analysis without being asked for.

    `gosh` is how many subsets of studies are pooled at most where not all can be, `permutations`
    how many orders of a moderator are tried where not all can be; 0 is none. `seed` begins every
    series of random numbers.
    """

    small_study_effects: bool = True
    automatic_sensitivity: bool = True
    flip_points: bool = True
    gosh: int = 100_000
    permutations: int = 10_000
    seed: int = 1

    @property
    def switched_off(self) -> tuple[str, ...]:
        """The keys of the explorations that are not wanted."""
        keys = (item.name for item in fields(self) if item.name != "seed")
        return tuple(key for key in keys if not getattr(self, key))


@dataclass(frozen=True)
class Moderators:
    """The columns of one meta-regression, and for some of them the level that is the reference."""

    columns: tuple[str, ...]
    reference: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """Everything that decides an outcome's numbers. `plans[0]` is the primary analysis.

    `leave_one_out` and `cumulative` (columns to order by, or PRECISION; None: by year where it is
    known, which tables.chronology decides) repeat the primary analysis; each of `moderators` is one
    regression of its effects. `subgroup_tau2` says whether the levels of `subgroups` have their own
    tau2 ("separate") or one together ("common"). `findings` are those of the audit on the rows it
    selects; `multiverse` are its decisions.
    """

    name: str
    table: str
    select: Levels
    plans: tuple[Plan, ...]
    subgroups: tuple[str, ...] = ()
    leave_one_out: bool = True
    cumulative: tuple[str, ...] | None = ()
    moderators: tuple[Moderators, ...] = ()
    subgroup_tau2: str = "separate"
    explorations: Explorations = field(default_factory=Explorations)
    findings: tuple[RowFinding, ...] = ()
    multiverse: Decisions | None = None

    @property
    def switched_off(self) -> tuple[str, ...]:
        """The keys of what would be explored around the primary analysis and is not wanted."""
        keys = self.explorations.switched_off
        keys = keys if self.moderators else tuple(key for key in keys if key != "permutations")
        return keys if self.leave_one_out else (*keys, "leave_one_out")

    def to_json(self) -> str:
        """One line, sorted: equal settings are equal text."""
        return canonical_json(asdict(self))


def outcome_from_dict(raw: dict[str, Any]) -> Outcome:
    outcome: Outcome = decoded(Outcome, raw)
    return outcome


@dataclass(frozen=True)
class Score:
    """What config.yaml says of the values behind an outcome's numbers, as it is spelt there.

    They lie between `minimum` and `maximum` and are multiples of `step`; `instrument` names the
    questionnaire or scale they come from. "" where nothing is said.
    """

    minimum: str = ""
    maximum: str = ""
    step: str = ""
    instrument: str = ""


@dataclass(frozen=True)
class Acceptance:
    """Rows that are pooled although a check holds them out, and why; `check` "" means any."""

    where: Levels
    reason: str
    check: str = ""

    def covers(self, cells: dict[str, str], check: str) -> bool:
        return RowFilter(self.where).matches(cells) and self.check in ("", check)


@dataclass(frozen=True)
class Display:
    """How an outcome is shown, besides its numbers.

    `direction` says which end is better ("lower", "higher" or None); `minimum`, `maximum` and
    `important_difference` belong to the score, in its own points. `treatment` and `control` name
    the groups of two-armed outcomes. `order` sorts the studies of forest plots; above
    `caterpillar_above` studies the forest plot has no room for their names. A page is at most
    `height_mm` high.
    """

    title: str
    direction: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    important_difference: float | None = None
    treatment: str = "Treatment"
    control: str = "Control"
    style: str = "default"
    journal: str = ""
    width_mm: float = 174.0
    height_mm: float = 240.0
    dpi: int = 300
    grey: bool = False
    order: str = "table"
    caterpillar_above: int = 60

    def to_json(self) -> str:
        return canonical_json(asdict(self))


@dataclass(frozen=True)
class Review:
    """A whole review: its description, its outcomes and how each is shown.

    `scores` and `accepted` tell the audit what values may be and which of its findings are
    answered, by outcome. `figures` are the names of the figures wanted, `look` is how those of the
    review are shown.
    """

    about: dict[str, Any]
    outcomes: dict[str, Outcome]
    displays: dict[str, Display]
    scores: dict[str, Score]
    accepted: dict[str, tuple[Acceptance, ...]]
    look: Display
    figures: tuple[str, ...]
    formats: tuple[str, ...] = ("pdf", "svg", "png")
    overrides: dict[str, Any] = field(default_factory=dict)
