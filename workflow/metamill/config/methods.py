"""What each pooling method may be combined with, as plain data: importing it costs nothing."""

from dataclasses import dataclass

_INVERSE_VARIANCE = ("EE", "DL", "DL2", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")
_INTERVALS = ("adhoc", "knha", "t", "z", "cr2")
_ONE_GROUP = ("PLO", "IRLN")


@dataclass(frozen=True)
class Method:
    """Tests a method offers, the first where none is set with it, and the measures it pools.

    `measures` None: every measure. `what` says in words what the method pools, for messages.
    `own_counts` marks models of the counts themselves, which need no continuity correction.
    """

    tests: tuple[str, ...]
    measures: tuple[str, ...] | None = None
    what: str = ""
    own_counts: bool = False


METHODS: dict[str, Method] = {
    **dict.fromkeys(_INVERSE_VARIANCE, Method(_INTERVALS)),
    "ML": Method((*_INTERVALS, "pl")),
    "GLMM": Method(
        ("t", "z"),
        (*_ONE_GROUP, "OR", "IRR"),
        "logit proportions (PLO), log rates (IRLN), log odds ratios (OR) and rate ratios (IRR)",
        own_counts=True,
    ),
    "BETABIN": Method(("t", "z"), ("PLO",), "proportions (PLO)", own_counts=True),
    "MH": Method(
        ("z",),
        ("OR", "RR", "RD", "IRR", "IRD"),
        "two groups of counts (OR, RR, RD, IRR, IRD)",
        own_counts=True,
    ),
    "PETO": Method(("z",), ("OR",), "log odds ratios (OR)", own_counts=True),
    "BAYES": Method(("posterior",)),
    "RVE": Method(("cr2",)),
    "MV": Method(("t", "z", "cr2")),
}

GLMM_BY_DEFAULT = ("PLO", "IRLN")
"""Measures whose default method is the GLMM, as their rare events need no correction there."""

CHANGE_MEASURES = ("MC", "SMCC", "SMCR")
ASSUMED_CORRELATIONS = (0.2, 0.5, 0.8)
"""The grid of an assumed correlation, of scores before and after and of rows of one study."""

ICC_MEASURES = ("PR", "PLN", "PLO", "PAS", "PFT", "OR", "RR", "RD", "AS")
"""Measures of counts, which an intra-class correlation shrinks to an effective sample size."""
ASSUMED_ICC = (0.0, 0.05, 0.1, 0.2)

KNOWN_TAU_SCALE = (
    *("PLN", "PLO", "IRLN", "OR", "RR", "IRR", "ROM"),
    *("SMD", "SMCC", "SMCR", "ZCOR"),
)
"""Measures on a logarithmic or standardised scale, where a half-normal(0.5) prior of tau is known
to be sensible (Roever et al. 2021, doi 10.1002/jrsm.1475); others need `tau_prior`."""

DEFAULT_TAU_PRIOR = 0.5
THRESHOLD_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("PR", "PLN", "PLO", "PAS", "PFT"), (0.0, 1.0)),
    **dict.fromkeys(("OR", "RR", "IRR", "ROM", "IR", "IRLN", "IRS"), (0.0, float("inf"))),
    **dict.fromkeys(("RD", "COR", "ZCOR"), (-1.0, 1.0)),
}
"""The open range of values on the printed scale; other measures have none."""

DEPENDENT = ("RVE", "MV")
"""Methods that pool several rows of one study as what they are."""

NO_TAU2 = ("EE", "MH", "PETO")
"""Methods of one common effect, which have neither tau2 nor a prediction interval."""


def is_inverse_variance(method: str) -> bool:
    """Whether the method weights effects by 1/(v + tau2) with its own estimate of tau2."""
    return method in _INVERSE_VARIANCE


def takes_fractions(method: str, measure: str, glmm: str) -> bool:
    """Whether counts may be effective sample sizes, which are no whole numbers."""
    if method == "GLMM":
        return measure == "PLO" or (measure == "OR" and glmm != "CM.EL")
    return measure in ICC_MEASURES and (is_inverse_variance(method) or method in DEPENDENT)


def own_counts(method: str, measure: str) -> bool:
    """Whether the model is one of the counts themselves, so that no cell is corrected."""
    return METHODS[method].own_counts or (method == "BAYES" and measure == "PLO")
