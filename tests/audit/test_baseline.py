"""Baseline means of randomised groups: too different is asked about, too alike never."""

import pytest
from honest_reviews import baseline_asked, normal, share, skewed, stouffer_asked, table
from scipy.special import stdtr

from metamill.audit.beside.baseline import check_baseline, largest_p

TRIAL = {"study": "T", "design": "randomised controlled trial"}


def statements(first="52.0", sd="10.0", quantities=5, **more):
    """Baseline statements of two groups of 40; the first quantity differs as told."""
    for i in range(quantities):
        for group, mean in (("A", "50.0"), ("B", "50.0" if i else first)):
            yield {
                "study": "T",
                "quantity": f"q{i}",
                "group": group,
                "occasion": "baseline",
                "mean": mean,
                "sd": "10.0" if i else sd,
                "n": "40",
            } | more


def asked(*, design=TRIAL["design"], **cells):
    studies = table("studies.csv", TRIAL | {"design": design})
    found = check_baseline(studies, table("statements.csv", *statements(**cells)))
    return [(line, finding.check, finding.level) for _, line, finding in found]


def test_randomised_groups_that_differ_beyond_chance_are_asked_about():
    assert asked(first="61.0") == [(3, "baseline_difference", "question")]
    assert not asked(first="58.0")


def test_a_standard_error_typed_as_an_sd_is_named_where_it_would_explain_the_difference():
    studies, told = table("studies.csv", TRIAL), table("statements.csv", *statements(sd="1.6"))
    ((_, _, finding),) = check_baseline(studies, told)
    assert "with standard errors in place of SDs p would be 0.4" in finding.arithmetic


@pytest.mark.parametrize(
    "design",
    [
        *("", "retrospective cohort", "non-randomised comparison", "nonrandomized trial"),
        *("quasi-randomised trial", "cluster-randomised trial", "not randomised"),
    ],
)
def test_groups_that_were_not_randomised_one_by_one_are_not_judged(design):
    assert not asked(first="90.0", design=design)


@pytest.mark.parametrize("design", ["RCT, randomized 1:1", "Randomised trial", "random allocation"])
def test_a_design_is_randomised_where_it_says_so(design):
    assert asked(first="90.0", design=design)


def test_what_is_no_table_of_baseline_means_is_not_judged():
    assert not asked(first="90.0", quantities=4)
    assert not asked(first="90.0", occasion="12 months")
    assert not asked(first="90.0", group="all")
    assert not asked(first="90.0", sd="")
    assert not asked(first="90.0", n="1")
    assert not list(check_baseline(None, None))
    assert not list(check_baseline(None, table("statements.csv", *statements())))


@pytest.mark.fault("B13")
def test_groups_that_are_alike_are_never_asked_about():
    assert not asked(first="50.0", quantities=30)


def test_p_is_the_largest_that_rounding_student_and_welch_leave():
    one, two = ({"mean": mean, "sd": "4", "n": "30"} for mean in ("20", "23"))
    t = 2 / (4.5 * (2 / 30) ** 0.5)
    assert largest_p(one, two) == pytest.approx(float(2 * stdtr(58, -t)), rel=1e-12)
    assert largest_p(one, two) == largest_p(two, one)
    assert largest_p(one, {"mean": "21", "sd": "2", "n": "30"}) == 1
    assert largest_p(one, two | {"n": "1"}) == 1
    unequal = {"mean": "23.0", "sd": "9.0", "n": "8"}
    student_df, welch_df = 36, 7.7
    p = largest_p({"mean": "15.0", "sd": "1.0", "n": "30"}, unequal)
    t = 7.9 / (1.05**2 / 30 + 9.05**2 / 8) ** 0.5
    assert float(2 * stdtr(student_df, -t)) < p
    assert p == pytest.approx(float(2 * stdtr(welch_df, -t)), rel=0.1)


def test_honest_trials_are_asked_less_than_once_in_a_thousand_and_the_usual_sum_far_more():
    assert share(150, baseline_asked(normal, 0.3)) <= 0.01
    assert share(150, baseline_asked(skewed, 0.3)) <= 0.01
    assert share(300, stouffer_asked(normal, 0.5)) > 0.02
