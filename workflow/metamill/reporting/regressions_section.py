"""Meta-regressions and the tests between subgroups as the report tells them: words, then tables."""

from typing import Any

from metamill import wording
from metamill.explored.regression import Coefficient, Regression
from metamill.explored.subgroups import LevelsTest, SubgroupTest
from metamill.results import Result
from metamill.sentences import regression_words, test_words
from metamill.wording import NumberFormat

_MODEL_SCALE = NumberFormat(3)


def regressions_section(result: Result) -> list[dict[str, Any]]:
    """Each regression: its sentence, what else it says, and a table of its coefficients."""
    return [_regression(item) for item in result.regressions]


def _regression(item: Regression) -> dict[str, Any]:
    return {
        "words": wording.typeset(regression_words(item)),
        "name": item.moderator.replace("_", " "),
        "told": [wording.typeset(line) for line in _told(item)],
        "rows": [_coefficient(term) for term in item.coefficients],
        "permuted": any(term.permutation_p is not None for term in item.coefficients),
        "several": len(item.coefficients) > 2,
    }


def _told(item: Regression) -> list[str]:
    if not item.coefficients:
        return []
    told = []
    for part in item.parts:
        gvif = "" if part.gvif is None else f"; variance inflation {_number(part.gvif)}"
        told.append(
            f"Test of {part.moderator.replace('_', ' ')}, the others held: "
            f"{wording.p_text(part.qm_p)}{gvif}"
        )
    if item.tau2 is not None:
        without = (
            ""
            if item.tau2_without is None
            else f", without moderators {_number(item.tau2_without)}"
        )
        told.append(f"Residual tau2 {_number(item.tau2)}{without}")
    told += [test_words(test) for test in item.tests]
    tried = item.permutations
    if tried is None:
        return told
    if tried.qm_p is None:
        return [*told, f"No permutation test: {tried.note}"]
    orders = wording.count_text(tried.orders)
    if tried.exact:
        told.append(f"Permutation test: all {orders} orders that differ were tried")
    else:
        told.append(
            f"Permutation test: {orders} orders drawn at random, the observed one "
            f"among them; Monte Carlo standard error of its p value {_number(tried.qm_se)}"
        )
    return told


def _number(value: float | None) -> str:
    return "" if value is None else wording.significant_text(value)


def _coefficient(term: Coefficient) -> dict[str, str]:
    return {
        "term": term.term.replace("_", " ").replace("=", ": "),
        "b": _MODEL_SCALE.text(term.b),
        "interval": wording.interval_text(term.low, term.high, _MODEL_SCALE),
        "p": "" if term.p_value is None else wording.p_text(term.p_value),
        "permutation_p": "" if term.permutation_p is None else wording.p_text(term.permutation_p),
        "vif": _number(term.vif),
        "df": _number(term.df),
    }


def subgroups_section(result: Result) -> list[dict[str, Any]]:
    """Each test between subgroups, the other one beside it, and the studies of every level."""
    return [_subgroups(test) for test in result.subgroup_tests]


def _subgroups(test: SubgroupTest) -> dict[str, Any]:
    return {
        "words": f"{wording.subgroup_words(test)}.",
        "other": "" if test.other is None else f"{_other(test.column, test.other)}.",
        "sizes": "; ".join(
            f"{wording.level_words(size.level)} {_studies(size.k, size.rows)}"
            f"{'' if size.n is None else f', n = {wording.count_text(size.n)}'}"
            f"{'' if size.pooled else ' (not pooled)'}"
            for size in test.sizes
        ),
    }


def _other(column: str, test: LevelsTest) -> str:
    told = wording.subgroup_words(
        SubgroupTest(
            column,
            (),
            test.q,
            test.q_df,
            test.q_p,
            test.note,
            test.tau2_of,
            test.df,
        )
    )
    return told.replace("Test of differences between subgroups", "Beside it")


def _studies(k: int, rows: int) -> str:
    studies = "1 study" if k == 1 else f"{k} studies"
    return studies if rows == k else f"{studies} ({rows} rows)"
