"""Studies far from the pool of the others: tail probabilities, the rule, the analysis without."""

from dataclasses import replace
from math import comb, exp

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import nchypergeom_fisher, norm, poisson

from metamill.analysis import analyse
from metamill.config.settings import Explorations, Model, Outcome, Plan, RowFilter
from metamill.explored.outliers import Outlier, Outliers
from metamill.explored.refits import Refit
from metamill.exploring.outliers import WITHOUT, outliers
from metamill.pooling.outlying import binomial_tail, hypergeometric_tail, poisson_tail
from metamill.reporting.gosh_section import outlier_words
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

FAR = [(2, 20), (3, 31), (5, 44), (6, 60), (1, 25), (2, 18), (40, 45)]
NOTHING_ELSE = Explorations(flip_points=False, gosh=0, small_study_effects=False)


def result_of(rows, model: Model, plans=(), **more):
    table = tuple(
        TableRow(
            i + 2, {"study": f"S{i}", "label": f"Study {i}"} | {n: str(x) for n, x in r.items()}
        )
        for i, r in enumerate(rows)
    )
    primary = Plan("primary", model)
    more = {"explorations": NOTHING_ELSE} | more
    every = (primary, *(replace(plan, model=model) for plan in plans))
    outcome = Outcome("outcome", "t.csv", {}, every, **more)
    return analyse(outcome, Selection("t.csv", table, ()))


def one_arm(counts=FAR):
    return [dict(zip(("events", "total"), row, strict=True)) for row in counts]


def by_integral(lower, upper, mu: float, variance: float) -> float:
    """The same by adaptive quadrature of the two tails, given as functions of theta."""
    spread = np.sqrt(variance)

    def mean(of):
        ends = (mu - 9 * spread, mu + 9 * spread)
        value, _ = quad(lambda t: of(t) * norm.pdf(t, mu, spread), *ends, limit=1000, epsabs=1e-13)
        return value

    return min(1.0, 2 * min(mean(lower), mean(upper)))


def binomial(x: int, n: int, offset: float = 0.0):
    def p(theta: float) -> float:
        return 1 / (1 + exp(-theta - offset))

    def share(theta: float, these) -> float:
        return sum(comb(n, j) * p(theta) ** j * (1 - p(theta)) ** (n - j) for j in these)

    return lambda t: share(t, range(x + 1)), lambda t: share(t, range(x, n + 1))


@pytest.mark.parametrize(("x", "n"), [(0, 12), (3, 12), (12, 12), (1, 30), (29, 30)])
@pytest.mark.parametrize(("mu", "variance"), [(-1.0, 0.3), (0.5, 4.0), (-4.0, 0.01)])
def test_binomial_tails_are_the_integral_of_both_sums(x, n, mu, variance):
    expected = by_integral(*binomial(x, n), mu, variance)
    assert binomial_tail(x, n, mu, variance) == pytest.approx(expected, rel=1e-8, abs=1e-12)
    moved = by_integral(*binomial(x, n, 0.7), mu, variance)
    assert binomial_tail(x, n, mu, variance, 0.7) == pytest.approx(moved, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(("x", "time"), [(0, 3.0), (4, 3.0), (60, 11.0)])
def test_poisson_tails_are_the_integral_of_both_sums(x, time):
    expected = by_integral(
        lambda t: poisson.cdf(x, time * exp(t)),
        lambda t: poisson.sf(x - 1, time * exp(t)),
        0.2,
        0.5,
    )
    assert poisson_tail(x, time, 0.2, 0.5) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("a", "n1", "c", "n2"), [(3, 20, 9, 22), (0, 15, 2, 14), (5, 5, 1, 6)])
def test_hypergeometric_tails_are_the_integral_of_both_sums(a, n1, c, n2):
    def law(theta: float):
        return nchypergeom_fisher(n1 + n2, n1, a + c, exp(theta))

    expected = by_integral(lambda t: law(t).cdf(a), lambda t: law(t).sf(a - 1), -0.3, 0.4)
    found = hypergeometric_tail((a, c), (n1, n2), -0.3, 0.4)
    assert found == pytest.approx(expected, rel=1e-6)


def test_margins_with_one_table_say_nothing():
    assert hypergeometric_tail((0, 0), (10, 12), 0.3, 1.0) == 1.0


def test_huge_counts_under_a_wide_prediction_are_integrated_finely_enough():
    """Then the tail is nearly that of theta alone, at the logit of the proportion."""
    x, n, mu, variance = 40_000, 100_000, 1.0, 9.0
    place = (np.log(x / (n - x)) - mu) / 3
    assert binomial_tail(x, n, mu, variance) == pytest.approx(2 * norm.cdf(place), rel=1e-4)


def test_tails_have_the_level_they_claim():
    """Over the prediction itself at most 5% of counts have a tail probability below 0.05."""
    random = np.random.default_rng(1)
    theta = random.normal(-1.0, np.sqrt(0.7), 4000)
    x = random.binomial(40, 1 / (1 + np.exp(-theta)))
    tails = {int(k): binomial_tail(float(k), 40.0, -1.0, 0.7) for k in set(x)}
    share = np.mean([tails[int(k)] < 0.05 for k in x])
    assert 0.015 < share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def test_a_proportion_far_from_the_others_is_left_out_beside():
    result = result_of(one_arm(), Model("PLO", "GLMM", "t"))
    found = result.explored.outliers
    assert (found.rule, found.cutoff, found.judged) == ("tail", 0.05, 7)
    assert found.expected == pytest.approx(0.35)
    assert [item.study for item in found.studies] == ["Study 6"]
    assert found.analysis == f"{WITHOUT} (Study 6)"
    without = next(a for a in result.analyses if a.name == found.analysis)
    refit = result.leave_one_out[6]
    assert without.pooled.k == 6 and without.pooled.mu == pytest.approx(refit.mu, abs=1e-7)
    assert [item.reason for item in without.left_out] == ["an outlier"]
    assert result.primary.name == "primary" and result.primary.pooled.k == 7
    assert refit.tail_p == pytest.approx(found.studies[0].value)
    predicted = refit.mu, refit.tau2 + refit.se**2
    assert refit.tail_p == pytest.approx(by_integral(*binomial(40, 45), *predicted), rel=1e-6)


def test_an_effect_far_from_the_others_is_found_by_its_residual():
    rows = [{"yi": y, "vi": 0.02} for y in (0.1, 0.15, 0.05, 0.12, 0.2, 0.0, 3.0)]
    result = result_of(rows, Model("GEN", "REML"))
    found = result.explored.outliers
    assert (found.rule, found.cutoff) == ("rstudent", 1.96)
    assert [item.study for item in found.studies] == ["Study 6"]
    assert found.studies[0].value == pytest.approx(result.leave_one_out[6].rstudent)


def test_it_is_done_once_and_not_again():
    rows = [{"yi": y, "vi": 0.02} for y in (0.1, 0.1, 0.1, 0.12, 0.1, 0.11, 1.6, 30.0)]
    result = result_of(rows, Model("GEN", "REML", "z"))
    named = [a.name for a in result.analyses if a.name.startswith(WITHOUT)]
    assert named == [f"{WITHOUT} (Study 7)"]


def test_without_an_outlier_that_is_said_and_nothing_is_added():
    result = result_of(one_arm(FAR[:6]), Model("PLO", "GLMM", "t"))
    assert result.explored.outliers.studies == ()
    assert not [a for a in result.analyses if a.name.startswith(WITHOUT)]
    words = outlier_words(result.explored.outliers)
    assert words.startswith("No study is an outlier") and "0.30 of 6 studies" in words


def test_what_the_settings_leave_out_already_is_named_and_not_repeated():
    plan = Plan("sensitivity:mine", Model("PLO"), drop=RowFilter({"study": ("S6",)}, "mine"))
    result = result_of(one_arm(), Model("PLO", "GLMM", "t"), plans=(plan,))
    assert result.explored.outliers.analysis == "sensitivity:mine"
    assert not [a for a in result.analyses if a.name.startswith(WITHOUT)]


def test_switched_off_there_is_no_analysis_without_them():
    off = replace(NOTHING_ELSE, automatic_sensitivity=False)
    result = result_of(one_arm(), Model("PLO", "GLMM", "t"), explorations=off)
    assert result.explored.outliers.studies and not result.explored.outliers.analysis
    assert not [a for a in result.analyses if a.name.startswith(WITHOUT)]


@pytest.mark.parametrize(
    ("measure", "method", "reason"), [("OR", "MH", "method MH"), ("OR", "PETO", "method PETO")]
)
def test_a_model_without_a_rule_says_so(measure, method, reason):
    names = ("events_treatment", "total_treatment", "events_control", "total_control")
    rows = [
        dict(zip(names, row, strict=True))
        for row in ((4, 30, 9, 29), (2, 20, 6, 25), (8, 50, 9, 51))
    ]
    result = result_of(rows, Model(measure, method, "z"))
    assert reason in result.explored.outliers.note and outlier_words(result.explored.outliers) == ""


@pytest.mark.parametrize(("measure", "glmm"), [("OR", "CM.EL"), ("OR", "UM.FS"), ("IRR", "CM.EL")])
def test_two_groups_have_tail_probabilities_given_their_margins(measure, glmm):
    size = "time" if measure == "IRR" else "total"
    names = ("events_treatment", f"{size}_treatment", "events_control", f"{size}_control")
    rows = [(4, 30, 9, 29), (2, 20, 6, 25), (8, 50, 9, 51), (5, 44, 6, 40), (30, 40, 2, 41)]
    table = [dict(zip(names, row, strict=True)) for row in rows]
    result = result_of(table, Model(measure, "GLMM", "t", glmm=glmm))
    tails = [refit.tail_p for refit in result.leave_one_out]
    assert None not in tails and min(tails) == tails[4] < 0.05


def test_all_but_one_outlier_leave_nothing_to_pool():
    refits = [Refit(f"S{i}", "", 2, rstudent=3.0) for i in range(3)]
    found = outliers(refits, Model("MD"))
    assert len(found.studies) == 3


@pytest.mark.parametrize(("test", "share"), [("z", 0.05), ("knha", 0.1216), ("adhoc", 0.05)])
def test_under_knha_chance_passes_the_rule_as_often_as_t_of_two_fewer(test, share):
    """P(|t(4)| > 1.96) is 0.1216."""
    refits = [Refit(f"S{i}", "", 5, rstudent=0.5) for i in range(6)]
    found = outliers(refits, Model("MD", "REML", test))
    assert found.expected == pytest.approx(6 * share, rel=1e-3)
    assert "more where studies are few" in outlier_words(found)


def test_words_name_the_rule_the_studies_and_what_chance_gives():
    found = Outliers(
        "rstudent", 1.96, 20, 1.0, (Outlier("A", 2.345), Outlier("B", -3.0)), "sensitivity:x"
    )
    words = outlier_words(found)
    for part in (
        "1.96",
        "A (2.34)",
        "B (\N{MINUS SIGN}3.00)",
        "1.0 of 20",
        "'x'",
        "never the main",
    ):
        assert part in words, part
    assert outlier_words(None) == ""
