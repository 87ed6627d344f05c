"""Which figures there are and what each needs: facts, known before anything is pooled."""

from collections.abc import Collection
from dataclasses import dataclass

from metamill.config.settings import Outcome

FORMATS = ("pdf", "svg", "png", "tiff", "eps")
STYLES = ("default", "revman", "jama", "bmj", "metafor")
ORDERS = ("table", "label", "year", "effect", "weight", "size")

INVERSE_VARIANCE = ("EE", "DL", "DL2", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")
TWO_PROPORTIONS = ("OR", "RR", "RD", "AS")
NO_EFFECT_KNOWN = ("PR", "PLN", "PLO", "PAS", "PFT", "IR", "IRLN", "IRS", "MN", "GEN")
"""Measures without a value of no effect."""
NO_ADJUSTED = ("PR", "PLN", "PLO", "PAS", "PFT", "IR", "IRLN", "IRS", "MN", "SMCC", "SMCR")
"""Measures for which no estimate allows for small-study effects."""
NO_FUNNEL = (*NO_ADJUSTED, "RD", "IRD")
"""Measures whose standard errors depend on what they measure, so that no funnel is filled."""


@dataclass(frozen=True)
class Figure:
    """A figure of one outcome: its title, and what it takes to be drawn.

    `least` rows must be selected; `measures` and `methods` are those it is defined for (all, if
    empty), `without` measures it makes no sense for; `setting` names a setting of the outcome or
    of its explorations that must be given.
    """

    title: str
    least: int = 1
    measures: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    setting: str = ""


FIGURES: dict[str, Figure] = {
    "forest": Figure("Forest plot"),
    "forest_studies": Figure("Forest plot, every study"),
    "leave_one_out": Figure("Leave-one-out forest plot", 3, setting="leave_one_out"),
    "cumulative": Figure("Cumulative forest plot", 2, setting="cumulative"),
    "prediction": Figure("Prediction distribution", 3),
    "drapery": Figure("Drapery plot", 2),
    "funnel": Figure("Funnel plot", 10),
    "funnel_contour": Figure("Contour-enhanced funnel plot", 10, without=NO_EFFECT_KNOWN),
    "trim_fill": Figure(
        "Funnel plot with studies filled in",
        10,
        without=NO_FUNNEL,
        setting="small_study_effects",
    ),
    "small_study": Figure(
        "Estimates that allow for small-study effects",
        10,
        without=NO_ADJUSTED,
        setting="small_study_effects",
    ),
    "radial": Figure("Radial (Galbraith) plot", 3, methods=INVERSE_VARIANCE),
    "labbe": Figure("L'Abbé plot", 2, measures=TWO_PROPORTIONS),
    "baujat": Figure("Baujat plot", 3, methods=INVERSE_VARIANCE, setting="leave_one_out"),
    "influence": Figure("Influence of single studies", 3, setting="leave_one_out"),
    "tornado": Figure("Tornado plot: what each decision moves", 2),
    "gosh": Figure("GOSH plot of subsets of the studies", 5, setting="gosh"),
    "bubble": Figure("Bubble plot of a moderator", 10, setting="moderators"),
    "multiverse": Figure("Specification curve of the multiverse", setting="multiverse"),
}
"""Figures of an outcome, in the order of the report."""

REVIEW_FIGURES = {
    "flow": "PRISMA 2020 flow diagram",
    "risk_of_bias": "Risk of bias, study by study",
    "risk_of_bias_summary": "Risk of bias, summary",
    "study_map": "Outcomes and follow-up, study by study",
}
"""Figures of a whole review."""


def suits(figure: Figure, outcome: Outcome) -> bool:
    """Whether the figure is defined for what the outcome's primary analysis pools, and how."""
    model = outcome.plans[0].model
    return (
        (not figure.measures or model.measure in figure.measures)
        and model.measure not in figure.without
        and (not figure.methods or model.method in figure.methods)
        and (not figure.setting or _asked_for(figure.setting, outcome))
    )


def _asked_for(setting: str, outcome: Outcome) -> bool:
    owner = outcome if hasattr(outcome, setting) else outcome.explorations
    return bool(getattr(owner, setting))


def figures_of(
    outcome: Outcome, rows: int, wanted: Collection[str], caterpillar_above: int
) -> tuple[str, ...]:
    """The figures of an outcome whose primary analysis uses `rows` rows."""

    def possible(name: str) -> bool:
        figure = FIGURES[name]
        return (
            name in wanted
            and rows >= figure.least
            and suits(figure, outcome)
            and (name != "forest_studies" or rows > caterpillar_above)
        )

    return tuple(name for name in FIGURES if name == "forest" or possible(name))
