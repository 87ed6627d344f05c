"""Orders in which studies are added, and cohorts that are left out whole and in part."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metamill.analysis import analyse
from metamill.config.settings import Display, Explorations, Model, Outcome, Plan
from metamill.errors import ConfigError
from metamill.exploring.cohorts import COHORT, STUDY_OF_COHORT
from metamill.exploring.cumulating import order_by
from metamill.figures.refits.forests import cumulative, leave_one_out
from metamill.figures.style import STYLES
from metamill.jobs import plan
from metamill.results import read, write
from metamill.tables.chronology import ordered_by_year
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

NOTHING_ELSE = Explorations(False, False, False, 0, 0)
YI = (0.1, 0.5, 0.9, 0.3, 0.7, 0.2)
VI = (0.04, 0.02, 0.09, 0.02, 0.05, 0.03)
YEARS = ("2004", "2001", "", "2001", "not reported", "1999")


def rows_of(**more) -> tuple[TableRow, ...]:
    found = []
    for i, (y, v) in enumerate(zip(YI, VI, strict=True)):
        cells = {"study": f"S{i}", "label": f"Study {i}", "yi": str(y), "vi": str(v)}
        cells |= {name: values[i] for name, values in more.items() if values[i]}
        found.append(TableRow(i + 2, cells))
    return tuple(found)


def outcome_of(model: Model, **more) -> Outcome:
    return Outcome(
        "outcome", "t.csv", {}, (Plan("primary", model),), explorations=NOTHING_ELSE, **more
    )


def result_of(rows, model: Model, **more):
    return analyse(outcome_of(model, **more), Selection("t.csv", rows, ()))


def series(result, order: str) -> list[str]:
    return [refit.up_to for refit in result.cumulative if refit.order == order]


def test_each_order_has_its_own_series_under_its_name(tmp_path):
    orders = ("year", "precision", "design")
    rows = rows_of(year=YEARS, design=("b", "", "a", "10", "9", "a"))
    result = result_of(rows, Model("GEN"), cumulative=orders)
    assert list(dict.fromkeys(refit.order for refit in result.cumulative)) == list(orders)
    for order, expected in (
        # ties keep the order of the table, and what is not said comes last
        ("year", [5, 1, 3, 0, 2, 4]),
        ("precision", [1, 3, 5, 0, 4, 2]),
        ("design", [4, 3, 2, 5, 0, 1]),
    ):
        assert series(result, order) == [f"Study {i}" for i in expected], order
        part = [refit for refit in result.cumulative if refit.order == order]
        assert [refit.k for refit in part] == [1, 2, 3, 4, 5, 6]
        assert part[-1].mu == pytest.approx(result.primary.pooled.mu, rel=1e-12)
    write(result, tmp_path / "result.json")
    assert [r.order for r in read(tmp_path / "result.json").cumulative] == [
        r.order for r in result.cumulative
    ]


def test_the_precision_of_a_study_is_that_of_all_its_rows():
    rows = rows_of()
    twice = tuple(
        replace(row, cells=row.cells | {"study": f"S{i // 2}"}) for i, row in enumerate(rows)
    )
    result = result_of(twice, Model("GEN", "RVE", "cr2", rho=0.5), cumulative=("precision",))
    # 1/.04 + 1/.02, 1/.09 + 1/.02, 1/.05 + 1/.03
    assert [refit.k for refit in result.cumulative] == [1, 2, 3]
    assert series(result, "precision")[0] == "Study 0 + Study 1"


def test_numbers_come_by_size_then_words():
    class Rows:
        study = np.arange(4)

    cells = [{"study": f"S{i}", "x": cell} for i, cell in enumerate(("late", "10", "9.5", "early"))]
    assert list(order_by("x", Rows, cells)) == [2, 1, 3, 0]


@pytest.mark.parametrize(
    ("years", "order"),
    [
        (("2001", "2002", "2003", "", "", ""), ("year",)),
        (("2001", "2002", "", "", "", ""), ()),
        (("2001", "about 2002", "in 2003", "", "", ""), ()),
    ],
)
def test_by_year_without_being_asked_where_three_studies_say_it(years, order):
    open_ = outcome_of(Model("GEN"), cumulative=None)
    selection = Selection("t.csv", rows_of(year=years), ())
    assert ordered_by_year(open_, selection).cumulative == order
    decided = replace(open_, cumulative=("label",))
    assert ordered_by_year(decided, selection) == decided
    assert ordered_by_year(replace(open_, cumulative=()), selection).cumulative == ()


def test_a_bayesian_analysis_is_not_repeated_unasked():
    model = Model("MD", "BAYES", "posterior", tau_prior=1.0)
    selection = Selection("t.csv", rows_of(year=("2001",) * 6), ())
    assert ordered_by_year(outcome_of(model, cumulative=None), selection).cumulative == ()


TABLE = "study,year,yi,vi\nA,2001,0.1,0.1\nB,1999,0.3,0.2\nC,2005,0.2,0.1\n"


def review(folder: Path, line: str) -> Path:
    (folder / "extracted").mkdir()
    (folder / "extracted/t.csv").write_text(TABLE, encoding="utf-8")
    entry = f"    measure: GEN\n    title: T\n    table: t.csv\n    {line}\n".replace(
        "\n    \n", "\n"
    )
    text = f"review: {{title: R}}\noutcomes:\n  x:\n{entry}"
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("", ("year",)),
        ("cumulative: false", ()),
        ("cumulative: true", ("year",)),
        ("cumulative: vi", ("vi",)),
        ("cumulative: [precision, year]", ("precision", "year")),
    ],
)
def test_config_names_one_order_or_several_or_none(tmp_path, line, order):
    found = plan(review(tmp_path, line))
    assert found.review.outcomes["x"].cumulative == order
    assert ("cumulative" in found.figures("x")) == bool(order)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("cumulative: [year, yeer]", "no such column"),
        ("cumulative: [year, year]", "twice"),
        ("cumulative: []", "empty"),
        ("cumulative: 3", "must be"),
    ],
)
def test_orders_that_cannot_be_are_refused_at_their_line(tmp_path, line, told):
    with pytest.raises(ConfigError, match=told) as error:
        plan(review(tmp_path, line))
    assert {problem.line for problem in error.value.problems} == {7}


def test_each_order_has_its_own_page_and_rows():
    rows = rows_of(year=YEARS)
    result = result_of(rows, Model("GEN"), cumulative=("year", "precision"))
    drawn = cumulative(result, Display("Outcome"), STYLES["default"])
    texts = [{text.text for text in page.texts} for page in drawn.pages]
    assert len(texts) == 2
    assert "Studies, by year" in texts[0] and "Studies, the most precise first" in texts[1]
    assert drawn.table.count("up to,year,") == drawn.table.count("up to,precision,") == 6
    assert "2 orders: by year; the most precise first" in drawn.caption
    assert drawn.alt.count("added one after the other") == 2


COHORTS = ("Trial X", "", "trial x", "", "", "")


def test_studies_of_a_cohort_that_count_as_one_are_left_out_together_and_singly():
    model = Model("GEN", aggregate=True, rho=0.5)
    result = result_of(rows_of(cohort=COHORTS), model)
    assert len(result.leave_one_out) == 5
    whole, *others = result.leave_one_out
    assert (whole.left_out, whole.unit, whole.k) == ("Study 0 + Study 2", COHORT, 4)
    assert {refit.unit for refit in others} == {""}
    first, second = result.leave_cohort_out
    assert {first.unit, second.unit} == {STUDY_OF_COHORT}
    assert (first.left_out, second.left_out) == ("Study 0 (of Trial X)", "Study 2 (of Trial X)")
    assert first.k == second.k == 5 and first.mu != second.mu
    kept = tuple(row for row in rows_of(cohort=COHORTS) if row.cells["study"] != "S0")
    assert first.mu == result_of(kept, model).primary.pooled.mu


def test_studies_of_a_cohort_that_count_singly_are_left_out_together_too():
    result = result_of(rows_of(cohort=COHORTS), Model("GEN"))
    assert len(result.leave_one_out) == 6 and {r.unit for r in result.leave_one_out} == {""}
    (whole,) = result.leave_cohort_out
    assert (whole.unit, whole.k) == (COHORT, 4)
    assert whole.left_out == "Trial X (Study 0, Study 2)"
    kept = tuple(row for row in rows_of() if row.cells["study"] not in ("S0", "S2"))
    assert whole.mu == result_of(kept, Model("GEN")).primary.pooled.mu
    drawn = leave_one_out(result, Display("Outcome"), STYLES["default"])
    texts = " ".join(text.text for text in drawn.pages[0].texts)
    assert "without Trial X" in texts and "(one cohort)" in texts
    assert "Where studies share a cohort" in drawn.alt and "Where studies share" in drawn.caption


def test_without_a_shared_cohort_nothing_is_added():
    rows = rows_of(cohort=("A", "B", "", "C", "D", "E"))
    assert result_of(rows, Model("GEN")).leave_cohort_out == ()
