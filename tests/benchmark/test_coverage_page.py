"""The coverage page holds the tables of the script, and its sentences what the tables show."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import simulated_effects as effects
import simulated_proportions as proportions
from coverage_page import (
    BEGIN,
    EFFECT_REVIEWS,
    END,
    PAGE,
    between,
    effect_tables,
    parse,
    proportion_tables,
    render,
    replaced,
)

REVIEWS = 2000
ON_PAGE = parse(between(PAGE.read_text(encoding="utf-8")))
NAN = float("nan")


def script():
    """The command line, under a name that hides no package called coverage."""
    path = Path(__file__).with_name("coverage.py")
    spec = importlib.util.spec_from_file_location("coverage_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_numbers():
    """The tables as the script lays them out, with a dash for every number."""
    names = (*proportions.MEDIAN, *proportions.MEAN)
    blank = proportions.Record(*[NAN] * len(dataclasses.fields(proportions.Record)))
    pools = proportions.CellResult(
        dict.fromkeys(names, blank), NAN, NAN, {"GLMM t": NAN, "BETABIN": NAN}
    )
    tests, kinds = effects.TESTS, effects.PREDICTIONS
    means = effects.CellResult(
        dict.fromkeys(tests, NAN), dict.fromkeys(tests, NAN), NAN, dict.fromkeys(kinds, NAN)
    )
    return (
        *proportion_tables(dict.fromkeys(proportions.CELLS, pools), REVIEWS),
        *effect_tables(dict.fromkeys(effects.CELLS, means), EFFECT_REVIEWS * REVIEWS),
    )


def column(title, name):
    """A column of the page by the key of its row, (risk, tau, k) or (tau2/v, k), as numbers."""
    found = next(table for table in ON_PAGE if table.title == title)
    keys = found.header.index("k") + 1
    place = found.header.index(name)
    cells = {tuple(map(float, row[:keys])): row[place] for row in found.rows}
    return {key: float(cell) for key, cell in cells.items() if cell != "–"}


def test_the_page_holds_the_tables_of_the_script_with_every_row_and_column():
    for shown, made in zip(ON_PAGE, without_numbers(), strict=True):
        assert (shown.title, shown.header) == (made.title, made.header)
        keys = made.header.index("k") + 1
        assert [row[:keys] for row in shown.rows] == [row[:keys] for row in made.rows]
        if made.title != "Bias of the estimate":
            assert shown.unit == made.unit


def test_every_cell_of_the_page_is_a_number_or_a_dash_where_there_can_be_none():
    for table in ON_PAGE:
        for row in table.rows:
            for name, cell in zip(table.header, row, strict=True):
                assert name == "exact limits" or np.isfinite(float(cell)), (table.title, row)
                if table.title.startswith(("Coverage", "Content")) and "width" not in name:
                    assert cell == "–" or 0 <= float(cell) <= 100


COVERAGE, WIDTH = "Coverage of the 95 % interval", "Mean width of the interval"
BIAS, CONTENT = "Bias of the estimate", "Content of the 95 % prediction interval"
NO_MODEL = "Reviews without a model"
EFFECTS, EFFECTS_CONTENT = f"{COVERAGE} of effects", f"{CONTENT} of effects"


def span(title, *names, where=lambda *key: True):
    """The least and the largest number in these columns, of rows whose key fits."""
    values = [v for name in names for key, v in column(title, name).items() if where(*key)]
    return min(values), max(values)


def within(found, low, high):
    """Both ends of what is found are the limits that the page names, to half a unit of them."""
    return all(
        abs(end - limit) <= 0.5 * 10.0 ** -len(str(limit).partition(".")[2]) + 1e-9
        for end, limit in zip(found, (low, high), strict=True)
    )


def test_what_the_page_says_of_the_glmm_is_in_its_tables():
    assert within(span(COVERAGE, "GLMM t"), 93.5, 100)
    assert span(COVERAGE, "GLMM t", where=lambda risk, tau, k: k == 3)[0] >= 97
    assert span(COVERAGE, "GLMM t", where=lambda risk, tau, k: tau == 0)[0] >= 97
    wide = span(WIDTH, "GLMM t", where=lambda risk, tau, k: (risk, k) == (2, 3))
    assert wide[0] >= 28 and wide[1] <= 35
    assert span(BIAS, "GLMM t")[1] == 32
    late = span(BIAS, "GLMM t", where=lambda risk, tau, k: k >= 10)
    assert late[0] >= -8 and late[1] == 8
    some = span(CONTENT, "GLMM t", where=lambda risk, tau, k: tau > 0 and k >= 5)
    assert within(some, 81.5, 95.0)
    assert within((0, span(NO_MODEL, "GLMM")[1]), 0, 6)
    assert span(NO_MODEL, "GLMM", where=lambda risk, tau, k: risk == 20)[1] <= 0.1
    assert span(NO_MODEL, "no event")[1] == 7.7
    for studies, low, high in ((3, 92, 95), (5, 52, 57)):
        held = span(NO_MODEL, "exact limits", where=lambda risk, tau, k, s=studies: k == s)
        assert within(held, low, high)


def test_what_the_page_says_of_other_methods_for_proportions_is_in_its_tables():
    for studies, low, high in ((3, 79, 94), (10, 90, 94)):
        held = span(COVERAGE, "GLMM z", where=lambda risk, tau, k, s=studies: tau > 0 and k == s)
        assert within(held, low, high)
    assert span(COVERAGE, "GLMM z", where=lambda risk, tau, k: k == 20)[0] >= 92
    assert span(BIAS, "PLO adhoc", where=lambda risk, tau, k: risk == 2) == (42, 81)
    assert column(COVERAGE, "PLO adhoc")[2, 0.8, 3] == 98.7
    assert column(COVERAGE, "PLO adhoc")[2, 0.8, 20] == 30.6
    assert column(COVERAGE, "PLO z")[2, 0.8, 20] == 26.1
    assert span(COVERAGE, "PLO adhoc", where=lambda risk, tau, k: risk == 20)[0] == 93.1
    arcsines = ("PAS adhoc", "PFT adhoc")
    assert span(BIAS, *arcsines, where=lambda risk, tau, k: risk == 2 and k >= 5) == (-40, -8)
    assert span(COVERAGE, *arcsines)[0] == 70 == column(COVERAGE, "PFT adhoc")[2, 0, 20]
    assert span(COVERAGE, *arcsines, where=lambda risk, tau, k: risk == 20)[0] >= 94
    assert span(BIAS, *arcsines, where=lambda risk, tau, k: (risk, tau) == (20, 1)) == (7, 13)
    assert span(COVERAGE, *proportions.MEAN)[0] == 93
    low, high = span(BIAS, *proportions.MEAN)
    assert low >= -10 and high == 10
    assert within(span(CONTENT, "BETABIN"), 17, 92)
    assert span(CONTENT, "PAS adhoc")[0] == 88.8


def test_what_the_page_says_of_effects_is_in_its_tables():
    assert span(EFFECTS, "adhoc")[0] == 95.2
    assert within(span(EFFECTS, "adhoc", where=lambda tau2, k: k <= 5 and tau2 <= 1), 97, 100)
    longer = [
        column(EFFECTS, "width adhoc")[key] / knha
        for key, knha in column(EFFECTS, "width knha").items()
    ]
    assert max(longer) == pytest.approx(1.29, abs=0.005)
    assert span(EFFECTS, "knha") == (94.0, 95.3)
    assert within((0, span(EFFECTS, "knha < z")[1]), 0, 45)
    assert within(span(EFFECTS, "z", where=lambda tau2, k: k <= 5 and tau2 >= 1), 83, 90)
    assert span(EFFECTS_CONTENT, "t", where=lambda tau2, k: tau2 == 0)[0] > 95
    some = span(EFFECTS_CONTENT, "t", where=lambda tau2, k: k >= 10 and 0 < tau2 <= 1)
    assert within(some, 84, 90)
    hts = column(EFFECTS_CONTENT, "hts")
    gain = [hts[key] - t for key, t in column(EFFECTS_CONTENT, "t").items() if key[1] >= 10]
    assert max(map(abs, gain)) <= 0.5 + 1e-9
    assert span(EFFECTS_CONTENT, "hts", where=lambda tau2, k: k == 3)[0] >= 99.9


@pytest.mark.parametrize("tau2", [0.0, 4.0])
def test_rows_of_effects_on_the_page_are_what_is_simulated_now(tau2):
    cell = effects.Cell(tau2, 3)
    many = EFFECT_REVIEWS * REVIEWS
    made = effect_tables({cell: effects.simulate(cell, many)}, many)
    for table in made:
        shown = next(t for t in ON_PAGE if t.title == table.title)
        row = next(row for row in shown.rows if row[:2] == table.rows[0][:2])
        np.testing.assert_allclose([*map(float, row)], [*map(float, table.rows[0])], atol=0.11)


@pytest.mark.slow
def test_a_row_of_proportions_on_the_page_is_what_is_simulated_now():
    cell = proportions.Cell(0.2, 1.0, 5)
    made = proportion_tables({cell: proportions.simulate(cell, REVIEWS)}, REVIEWS)
    for table in made:
        shown = next(t for t in ON_PAGE if t.title == table.title)
        row = next(row for row in shown.rows if row[:3] == table.rows[0][:3])
        pairs = zip(row, table.rows[0], strict=True)
        numbers = np.array([(float(a), float(b)) for a, b in pairs if "–" not in (a, b)])
        # a last digit may turn where a sum is rounded otherwise
        np.testing.assert_allclose(*numbers.T, atol=1.01 if "Bias" in table.title else 0.11)


def test_what_is_rendered_can_be_read_back_and_replaces_only_its_part():
    tables = without_numbers()
    assert parse(render(tables)) == tables
    page = f"before\n\n{BEGIN}\n\nyesterday\n\n{END}\n\nafter\n"
    new = replaced(page, render(tables))
    assert new.startswith("before\n\n") and new.endswith("\n\nafter\n") and "yesterday" not in new
    assert parse(between(new)) == tables
    assert replaced(new, render(tables)) == new
    for broken in ("no markers", f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"):
        with pytest.raises(ValueError, match="once each"):
            between(broken)


def test_the_command_writes_every_table_into_the_page(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"x\n{BEGIN}\n{END}\n", encoding="utf-8")
    main = script().main
    monkeypatch.setattr(proportions, "CELLS", (proportions.Cell(0.2, 0.5, 3),))
    monkeypatch.setattr(effects, "CELLS", (effects.Cell(1.0, 3),))
    assert main(["--reviews", "3", "--write", "--page", str(page)]) == 0
    written = between(page.read_text(encoding="utf-8"))
    assert [t.title for t in parse(written)] == [t.title for t in ON_PAGE]
    assert main(["--reviews", "3"]) == 0
    assert capsys.readouterr().out.strip() == written
    with pytest.raises(SystemExit):
        main(["--reviews", "0"])
