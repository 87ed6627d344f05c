"""Each test of funnel-plot asymmetry on the data of a primary analysis."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from metamill.config.settings import Model
from metamill.estimating import Data
from metamill.estimating.data import known
from metamill.explored.small_study import SmallStudyTest
from metamill.exploring.small_study_rules import Rules, size_predictor
from metamill.measures.effects import Array
from metamill.measures.registry import MEASURES
from metamill.pooling.glmm_regression import regress_proportions, regress_rates
from metamill.pooling.identified import NotIdentified
from metamill.pooling.small_study import (
    Asymmetry,
    arcsine,
    harbord,
    line,
    mixed_line,
    peters,
    rank_test,
)
from metamill.pooling.small_study.asymmetry import told

NAMES = {
    "egger": "Egger's test",
    "egger_mixed": "Egger's test with additive heterogeneity",
    "begg": "Begg and Mazumdar's rank test",
    "peters": "Peters' test",
    "harbord": "Harbord's test",
    "arcsine": "Arcsine test (Rücker)",
    "sample_size": "Regression on the size of the studies",
    "size": "Regression on the size of the studies",
}
ASSUMES = {
    "egger": "that effects do not depend on standard errors unless small studies differ, and that "
    "heterogeneity widens all sampling errors by one factor",
    "egger_mixed": "that effects do not depend on standard errors unless small studies differ, and "
    "that heterogeneity adds one variance to every study",
    "begg": "that effects and sampling variances have no common order unless small studies differ; "
    "it has little power",
    "peters": "that the effect does not depend on the size of a study unless small studies differ",
    "harbord": "an odds ratio near 1, where score and information do not depend on each other",
    "arcsine": "that differences of arcsines, whose variance depends on the sizes alone, do not "
    "follow them unless small studies differ",
    "sample_size": "that the effect does not depend on the size of a study unless small studies "
    "differ",
    "size": "that the outcome does not depend on the size of a study unless small studies differ: "
    "sizes also go with setting, patients and year",
}
_SE, _ROOT = "standard error", "1/sqrt(information)"


def small_study_tests(model: Model, by: Model, data: Data, rules: Rules) -> list[SmallStudyTest]:
    """Every test the rules name, then those they refuse with the reason.

    `by` gives the method and test of the models with an additive variance.
    """
    found = [_made(code, model, by, data, rules.flags.get(code, "")) for code in rules.tests]
    return found + [
        SmallStudyTest(code, NAMES[code], ASSUMES[code], refused=reason)
        for code, reason in rules.refused.items()
        if code in NAMES
    ]


def _made(code: str, model: Model, by: Model, data: Data, flag: str) -> SmallStudyTest:
    base = SmallStudyTest(code, NAMES[code], ASSUMES[code])
    try:
        test = _TESTS[code](base, model, by, data)
    except ArithmeticError as why:
        return SmallStudyTest(code, NAMES[code], ASSUMES[code], refused=str(why))
    return replace(test, notes=(*test.notes, *((flag,) if flag else ())))


def _regressed(base: SmallStudyTest, fit: Asymmetry, predictor: str) -> SmallStudyTest:
    return replace(
        base,
        k=fit.k,
        predictor=predictor,
        statistic=fit.statistic,
        df=known(fit.df),
        p_value=fit.p_value,
        slope=fit.slope,
        se=fit.se,
        low=fit.low,
        high=fit.high,
        tau2=known(fit.tau2),
        direction="higher" if fit.slope > 0 else "lower",
    )


def _egger(base: SmallStudyTest, model: Model, by: Model, data: Data) -> SmallStudyTest:
    y, v = data.effects.yi, data.effects.vi
    return _regressed(base, line(y, v, np.sqrt(v), by.level), _SE)


def _egger_mixed(base: SmallStudyTest, model: Model, by: Model, data: Data) -> SmallStudyTest:
    y, v = data.effects.yi, data.effects.vi
    fit = mixed_line(y, v, np.sqrt(v), by.method, by.test, by.level)
    return replace(_regressed(base, fit, _SE), method=by.method, test=by.test)


def _begg(base: SmallStudyTest, model: Model, by: Model, data: Data) -> SmallStudyTest:
    found = rank_test(data.effects.yi, data.effects.vi)
    law = "exact p value" if found.exact else "normal approximation, with ties"
    if not found.exact and not found.ties:
        law = "normal approximation"
    return replace(
        base,
        k=found.k,
        predictor="rank of the sampling variance",
        statistic=found.tau,
        p_value=found.p_value,
        direction="" if found.s == 0 else "higher" if found.s > 0 else "lower",
        notes=(f"Kendall's tau; {law}",),
    )


def _groups(columns: Mapping[str, Array], name: str) -> tuple[Array, Array]:
    return columns[f"{name}_treatment"], columns[f"{name}_control"]


def _peters(base: SmallStudyTest, model: Model, by: Model, data: Data) -> SmallStudyTest:
    events, totals = (_groups(data.columns, name) for name in ("events", "total"))
    fit = peters(data.effects.yi, events, totals, by.level)
    return _silent(_regressed(base, fit, "1/total"), data)


def _harbord(base: SmallStudyTest, model: Model, by: Model, data: Data) -> SmallStudyTest:
    events, totals = (_groups(data.columns, name) for name in ("events", "total"))
    return _silent(_regressed(base, harbord(events, totals, by.level), _ROOT), data)


def _silent(test: SmallStudyTest, data: Data) -> SmallStudyTest:
    silent = len(data.effects.yi) - test.k
    if not silent:
        return test
    note = f"{silent} studies without an event, or with nothing else, have no weight"
    return replace(test, notes=(*test.notes, note))


def _arcsine(base: SmallStudyTest, model: Model, by: Model, data: Data) -> SmallStudyTest:
    events, totals = (_groups(data.columns, name) for name in ("events", "total"))
    found = _regressed(base, arcsine(events, totals, level=by.level), _SE)
    return replace(found, method="DL", test="t")


def _sample_size(base: SmallStudyTest, model: Model, by: Model, data: Data) -> SmallStudyTest:
    found = size_predictor(model, data)
    if found is None:
        raise NotIdentified("not every study says its size")
    y, v = data.effects.yi, data.effects.vi
    if MEASURES[model.measure].family in ("mean", "ratio", "generic") or model.measure == "IRD":
        fit = mixed_line(y, v, found[0], by.method, by.test, by.level)
        return replace(_regressed(base, fit, found[1]), method=by.method, test=by.test)
    return _regressed(base, line(y, v, found[0], by.level), found[1])


def _size(base: SmallStudyTest, model: Model, by: Model, data: Data) -> SmallStudyTest:
    found = size_predictor(model, data)
    if found is None:
        raise NotIdentified("not every study says its size")
    columns = data.columns
    rates = MEASURES[model.measure].family == "rate"
    regressed = regress_rates if rates else regress_proportions
    test = "z" if by.test == "z" else "t"
    fit = regressed(
        columns["events"],
        columns["time" if rates else "total"],
        np.column_stack([np.ones(len(found[0])), found[0]]),
        by.level,
        test,
        ("the intercept", "the size of the studies"),
    )
    name = "Poisson-normal model of log rates" if rates else "binomial-normal model of logits"
    note = f"{name}, whatever the studies are pooled by: it needs no standard error of a study"
    made = _regressed(base, told(fit, additive=True), found[1])
    return replace(made, method="GLMM", test=test, notes=(note,))


_TESTS: dict[str, Callable[[SmallStudyTest, Model, Model, Data], SmallStudyTest]] = {
    "egger": _egger,
    "egger_mixed": _egger_mixed,
    "begg": _begg,
    "peters": _peters,
    "harbord": _harbord,
    "arcsine": _arcsine,
    "sample_size": _sample_size,
    "size": _size,
}
