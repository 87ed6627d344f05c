"""The intervals cover what they should, and the simulation judges what users get."""

import numpy as np
import pytest
import simulated_effects as effects
import simulated_proportions as proportions
from scipy.special import expit, logit

from metamill.analysis import analyse
from metamill.config.settings import Model, Outcome, Plan
from metamill.measures.registry import effect_sizes, to_natural
from metamill.pooling import pool
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

NAN = float("nan")

RECOMMENDED = [
    (proportions.Cell(0.02, 0.5, 10), "GLMM t"),
    (proportions.Cell(0.02, 0.8, 20), "GLMM t"),
    (proportions.Cell(0.2, 0.5, 5), "GLMM t"),
    (proportions.Cell(0.2, 1.0, 10), "GLMM t"),
    (proportions.Cell(0.2, 1.0, 10), "PLO adhoc"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "method"), RECOMMENDED, ids=str)
def test_intervals_of_proportions_cover_91_to_99_per_cent_where_the_method_serves(cell, method):
    # 400 reviews: three Monte Carlo standard errors are 3.3 points
    assert 91 <= proportions.simulate(cell, 400).records[method].coverage <= 99


@pytest.mark.slow
@pytest.mark.parametrize("cell", effects.CELLS, ids=str)
def test_intervals_of_the_default_for_effects_cover_at_least_93_per_cent(cell):
    # 2000 reviews: three Monte Carlo standard errors are 1.5 points
    assert effects.simulate(cell, 2000).coverage["adhoc"] >= 93


def rare(reviews):
    """30 studies of 100 to 500, median risk 1 %, tau 0.5, as in Lin and Chu 2020, table 2."""
    chance = np.random.default_rng(2020)
    totals = chance.integers(100, 501, (30, reviews)).astype(float)
    theta = logit(0.01) + 0.5 * chance.standard_normal(totals.shape)
    events = chance.binomial(totals.astype(int), expit(theta)).astype(float)
    return proportions.Cell(0.01, 0.5, 30), events, totals


def test_correcting_every_study_fails_for_rare_events_as_published_by_lin_and_chu_2020():
    """Published: bias 0.43 points and coverage 15 % by the logit, bias 0.17 by the arcsine."""
    cell, events, totals = rare(1000)
    columns = {"events": events, "total": totals}
    found = {}
    for code in ("PLO", "PAS"):
        y = effect_sizes(code, columns, add=0.5, to="if0all")
        fit = pool(y.yi, y.vi, "REML", "z")
        limits = [to_natural(code, x) for x in (fit.mu, fit.mu_low, fit.mu_high)]
        found[code] = proportions.judge(cell, code, proportions.Answers(*limits))
    y = effect_sizes("PLO", columns)
    fit = pool(y.yi, y.vi, "REML", "z")
    where_needed = proportions.Answers(*(expit(x) for x in (fit.mu, fit.mu_low, fit.mu_high)))
    assert 50 <= proportions.judge(cell, "PLO z", where_needed).coverage <= 60
    assert found["PLO"].bias * cell.risk == pytest.approx(0.43, abs=0.02)
    assert found["PLO"].coverage == pytest.approx(15, abs=4)
    assert found["PAS"].bias * cell.risk == pytest.approx(0.17, abs=0.02)


@pytest.mark.slow
def test_the_glmm_covers_for_rare_events_as_published_by_lin_and_chu_2020():
    """Published: bias 0.01 points, coverage 93 %."""
    cell, events, totals = rare(400)
    record = proportions.judge(cell, "GLMM z", proportions.answers_of(events, totals)["GLMM z"])
    assert record.bias * cell.risk == pytest.approx(0.01, abs=0.025)
    assert record.coverage == pytest.approx(93, abs=4)


MODELS = {
    "GLMM t": Model("PLO", "GLMM", "t"),
    "GLMM z": Model("PLO", "GLMM", "z"),
    "PLO adhoc": Model("PLO", "REML", "adhoc"),
    "PLO z": Model("PLO", "REML", "z"),
    "PAS adhoc": Model("PAS", "REML", "adhoc"),
    "PFT adhoc": Model("PFT", "REML", "adhoc"),
    "BETABIN": Model("PLO", "BETABIN", "t"),
}


def analysed(events, totals, model):
    pairs = zip(events.astype(int), totals.astype(int), strict=True)
    rows = tuple(
        TableRow(i, {"study": f"S{i}", "unit": "patient", "events": str(x), "total": str(n)})
        for i, (x, n) in enumerate(pairs, 2)
    )
    outcome = Outcome("o", "t.csv", {}, (Plan("primary", model),), leave_one_out=False)
    return analyse(outcome, Selection("t.csv", rows, ())).primary.pooled


@pytest.mark.parametrize("cell", [proportions.Cell(0.2, 1.0, 6), proportions.Cell(0.05, 0.5, 5)])
def test_every_method_answers_what_an_analysis_of_the_review_answers(cell):
    events, totals = proportions.draw(cell, 1)
    answers = proportions.answers_of(events, totals)
    for name, model in MODELS.items():
        pooled, found = analysed(events[:, 0], totals[:, 0], model), answers[name]
        said = [found.estimate[0], found.low[0], found.high[0]]
        wanted = [pooled.estimate, pooled.ci_low, pooled.ci_high]
        np.testing.assert_allclose(said, wanted, rtol=1e-9, err_msg=name)
        if name in proportions.PREDICTING and name != "BETABIN":
            limits = [pooled.pi_low, pooled.pi_high]
            np.testing.assert_allclose([found.pi_low[0], found.pi_high[0]], limits, rtol=1e-9)
    pooled, found = analysed(events[:, 0], totals[:, 0], MODELS["GLMM t"]), answers["GLMM mean"]
    said = [found.estimate[0], found.low[0], found.high[0]]
    assert said == pytest.approx([pooled.marginal, pooled.marginal_low, pooled.marginal_high])
    assert set(answers) == {*MODELS, "GLMM mean"}


def test_a_review_that_the_analysis_refuses_is_no_answer():
    events, totals = np.array([[0.0], [2.0], [0.0]]), np.array([[25.0], [17.0], [58.0]])
    pooled = analysed(events[:, 0], totals[:, 0], MODELS["GLMM t"])
    assert not pooled.pooled and pooled.estimate is None
    assert np.isnan(proportions.answers_of(events, totals)["GLMM t"].low).all()


def test_draws_are_those_of_the_stated_distributions_and_belong_to_their_cell():
    cell = proportions.Cell(0.02, 0.8, 10)
    events, totals = proportions.draw(cell, 20_000)
    assert totals.min() == 15 and totals.max() == 120
    # the median of a log-uniform size, and the mean risk; 5 standard errors are 0.4 and 0.0004
    assert np.median(totals) == pytest.approx(np.sqrt(15 * 121) - 0.5, abs=0.6)
    assert (events / totals).mean() == pytest.approx(cell.mean, abs=5e-4)
    assert (proportions.draw(cell, 20_000)[0] == events).all()
    other = proportions.draw(proportions.Cell(0.02, 0.5, 10), 20_000)[1]
    assert not (other == totals).all()
    y, v = effects.draw(effects.Cell(1.0, 10), 20_000)
    assert np.median(v) == pytest.approx(1, abs=0.02)
    assert (y**2 / (1 + v)).mean() == pytest.approx(1, abs=0.02)


def test_the_mean_risk_is_the_median_without_spread_and_the_integral_with_it():
    assert proportions.Cell(0.2, 0.0, 3).mean == pytest.approx(0.2, rel=1e-12)
    grid = np.linspace(-10, 10, 20_001)
    density = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
    risk = 1 / (1 + np.exp(-(np.log(0.25) + grid)))
    integral = float(np.trapezoid(density * risk, grid))
    assert proportions.Cell(0.2, 1.0, 3).mean == pytest.approx(integral, rel=1e-10)


def test_known_answers_are_judged_by_hand():
    cell = proportions.Cell(0.2, 1.0, 3)
    centre, reach = np.log(0.25), 1.959963984540054
    low, high = (1 / (1 + np.exp(-(centre + s * reach))) for s in (-1, 1))
    answers = proportions.Answers(
        estimate=np.array([0.2, 0.3, NAN]),
        low=np.array([0.1, 0.25, NAN]),
        high=np.array([0.3, 0.35, NAN]),
        pi_low=np.array([low, low, NAN]),
        pi_high=np.array([high, high, NAN]),
    )
    record = proportions.judge(cell, "GLMM t", answers)
    assert record.coverage == 50
    assert record.width == pytest.approx(15)
    assert record.bias == pytest.approx(25)
    assert record.content == pytest.approx(95)
    by_mean = proportions.judge(cell, "BETABIN", answers)
    assert by_mean.bias == pytest.approx(100 * (0.25 / cell.mean - 1))
    nothing = np.full(2, NAN)
    assert np.isnan(proportions.judge(cell, "GLMM t", proportions.Answers(*[nothing] * 3)).coverage)
