"""What the number of studies allows to be said: one table, each entry with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Permission:
    """What a pool of at least `least` studies may show, and why no more.

    `note` is a warning that belongs beside the estimate, `reason` the rule in words. Tests of
    small-study effects and meta-regression need ten studies (Cochrane Handbook 10.11.4, 13.3.5.4),
    a prediction interval three, and five before it can be relied on.
    """

    least: int
    pooled: bool = True
    prediction: bool = True
    doubtful_prediction: bool = False
    bayesian_companion: bool = False
    small_study_tests: bool = False
    meta_regression: bool = False
    note: str = ""
    reason: str = ""


_FEW = (
    "two studies: no prediction interval, and an interval of the mean from one degree of freedom; "
    "draw no conclusion from it alone"
)
_DOUBTFUL = "fewer than five studies: the prediction interval is unreliable"

POLICY = (
    Permission(
        0,
        pooled=False,
        prediction=False,
        note="no study to pool",
        reason="no study: nothing can be said, and unknown is not zero",
    ),
    Permission(
        1,
        pooled=False,
        prediction=False,
        note="one study: its own result, nothing is pooled",
        reason="one study: its own result with its own interval; nothing is pooled",
    ),
    Permission(
        2,
        prediction=False,
        bayesian_companion=True,
        note=_FEW,
        reason=(
            "two studies: one degree of freedom tells almost nothing of how studies differ, so no "
            "prediction interval, and a Bayesian analysis beside where the scale of tau is known"
        ),
    ),
    Permission(
        3,
        doubtful_prediction=True,
        bayesian_companion=True,
        note=_DOUBTFUL,
        reason=(
            "three or four studies: a prediction interval is unreliable, and a Bayesian analysis "
            "is run beside where the scale of tau is known"
        ),
    ),
    Permission(
        5,
        reason=(
            "five to nine studies: too few for tests of small-study effects and for meta-regression"
        ),
    ),
    Permission(
        10,
        small_study_tests=True,
        meta_regression=True,
        reason="ten studies or more: every analysis is allowed",
    ),
)


def permission(k: int) -> Permission:
    """The entry of the largest `least` not above k."""
    return next(entry for entry in reversed(POLICY) if k >= entry.least)
