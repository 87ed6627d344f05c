"""The report says what the results say, escapes what it is given, and needs nothing else."""

import html
import re
from dataclasses import fields, replace
from html.parser import HTMLParser

import pytest

from metamill import wording
from metamill.analysis import analyse
from metamill.config.settings import Display, Explorations, Model, Outcome, Plan, RowFilter
from metamill.figures.refits.gosh_words import sentences
from metamill.reporting.page import Entry, Picture, render
from metamill.results import Result
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

HOSTILE = '<img src=x onerror=alert(1)> & "quoted" {{ 7*7 }}'


def _result() -> Result:
    cells = [("3", "40"), ("5", "30"), ("0", "50"), ("9", "44"), ("2", "61"), ("7", "20")]
    rows = tuple(
        TableRow(
            i + 2,
            {
                "study": f"S{i}",
                "label": f"Study {i}" if i else HOSTILE,
                "unit": "patient",
                "events": x,
                "total": n,
                "setting": "a" if i % 2 else "b",
                "source": HOSTILE,
                "note": HOSTILE,
            },
        )
        for i, (x, n) in enumerate(cells)
    )
    left_out = RowFilter({"study": ("S5",)}, f"left out, {HOSTILE}")
    plans = (
        Plan("primary", Model("PLO", "GLMM", "t"), (left_out,)),
        Plan("sensitivity:by variance", Model("PLO"), (left_out,)),
    )
    outcome = Outcome("outcome", "t.csv", {}, plans, ("setting",))
    return analyse(outcome, Selection("extracted/t.csv", rows, ("ELSEWHERE",)))


PICTURE = Picture(HOSTILE, b"<svg/>", HOSTILE, HOSTILE)
RESULT = _result()


@pytest.fixture(scope="module")
def page() -> str:
    entry = Entry(RESULT, Display(HOSTILE), PICTURE, (PICTURE,))
    about = {"title": HOSTILE, "authors": [HOSTILE], "question": HOSTILE, "note": HOSTILE}
    return render(about, [entry], [], [])


@pytest.mark.fault("O2")
@pytest.mark.fault("O3")
def test_nothing_from_the_review_is_markup_or_template(page: str):
    assert "<img src=x" not in page
    assert "49" not in re.findall(r"quoted[^<]{0,40}", page)[0]
    assert html.escape("{{ 7*7 }}") in page


@pytest.mark.fault("O3")
def test_the_page_loads_nothing_and_runs_nothing(page: str):
    assert "default-src 'none'" in page
    assert "<script" not in page
    for target in re.findall(r"""(?:src|href)=["']([^"']+)""", page):
        assert target.startswith(("data:", "#")) or target == "crosscheck.csv", target


def test_the_page_is_well_formed(page: str):
    class Balance(HTMLParser):
        void = frozenset({"meta", "img", "br", "link"})

        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in self.void:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []


def test_every_number_of_the_tables_is_a_number_of_the_result(page: str):
    form = wording.result_format(RESULT)
    known = set()
    for analysis in RESULT.analyses:
        pooled = analysis.pooled
        known |= {str(pooled.k), wording.count_text(pooled.n), wording.count_text(pooled.events)}
        known |= {form.text(x) for x in (pooled.estimate, pooled.ci_low, pooled.ci_high)}
        known |= {form.text(x) for x in (pooled.pi_low, pooled.pi_high) if x is not None}
        known |= {wording.significant_text(pooled.tau)} if pooled.tau is not None else set()
        known |= {wording.number_text(pooled.i2, 0)} if pooled.i2 is not None else set()
        for effect in analysis.effects:
            known |= {form.text(x) for x in (effect.estimate, effect.ci_low, effect.ci_high)}
            if effect.weight is not None:
                known.add(wording.number_text(effect.weight, 1))
    for refit in RESULT.leave_one_out:
        known |= {form.text(x) for x in (refit.estimate, refit.ci_low, refit.ci_high)}
        known |= {wording.significant_text(x) for x in (refit.tau2, refit.cook) if x is not None}
        known |= {str(refit.k), wording.number_text(refit.i2, 0)}
    for study in RESULT.explored.gosh.studies:
        for part in (study.estimate_with, study.estimate_without):
            known |= {form.text(x) for x in (part.q1, part.median, part.q3)}
        known.add(wording.significant_text(study.split))
    known |= {str(bar.count) for bar in RESULT.explored.robustness.bars}
    for row in RESULT.rows:
        known |= {row.cells["events"], row.cells["total"], str(row.line)}
    shown = re.findall(r'<td class="number">(.*?)</td>', page)
    printed = {
        number
        for cell in shown
        for number in re.findall(r"[\d,]*\.?\d+", html.unescape(cell).replace("(k < 5)", ""))
    }
    assert len(printed) > 30
    assert printed <= {text.lstrip("\N{MINUS SIGN}") for text in known}


def test_the_other_engines_are_counted_by_outcome_with_their_largest_difference():
    def check(engine: str, outcome: str, difference: str) -> dict[str, str]:
        named = {"engine": engine, "version": "1.0", "outcome": outcome, "quantity": "tau2"}
        return named | {"difference": difference, "ours": "0.123456"}

    checks = [check("scipy", "outcome", "4.6e-11"), check("scipy", "outcome", "2e-07")]
    checks += [check("scipy", "other", "0"), check("numpy", "outcome", "")]
    text = render({"title": "T"}, [Entry(RESULT, Display("Leaks"), PICTURE)], checks, [])
    part = text[text.index('id="crosscheck"') : text.index('id="audit"')]
    rows = re.findall(r"<tr>(.*?)</tr>", part)[1:]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]
    assert cells == [
        ["numpy 1.0", "Leaks", "1", "0"],
        ["scipy 1.0", "Leaks", "2", "2.0×10⁻⁷"],
        ["", "other", "1", "0"],
    ]
    assert "numpy 1.0: 1 number<" in part and "scipy 1.0: 3 numbers<" in part
    assert "crosscheck.csv" in part and "0.123456" not in part


def test_what_the_settings_switch_off_is_said(page: str):
    assert "Switched off" not in page
    used = {"settings": "", "overrides": {}, "switched_off": {"outcome": ["gosh", "flip_points"]}}
    entry = Entry(RESULT, Display("T"), PICTURE)
    text = render({"title": "T"}, [entry], [], [], used=used)
    said = "Switched off in config.yaml: subsets of the studies (GOSH), flip points."
    assert text.count(said) == 1


def test_every_exploration_has_words_for_being_switched_off():
    off = Explorations(**{item.name: 0 for item in fields(Explorations)})
    keys = Outcome("a", "a.csv", {}, (), leave_one_out=False, explorations=off).switched_off
    assert "permutations" not in keys and set(off.switched_off) - set(keys) == {"permutations"}
    assert {*keys, "permutations"} == set(wording.EXPLORATION_WORDS)


def test_a_sentence_of_the_page_does_not_stand_in_the_caption_as_well():
    told = list(sentences(RESULT.explored.gosh, RESULT))
    picture = replace(PICTURE, title="GOSH", caption=f"GOSH plot. {' '.join(told)} After Olkin.")
    text = render({"title": "T"}, [Entry(RESULT, Display("T"), PICTURE, (picture,))], [], [])
    assert "<figcaption>GOSH plot. After Olkin.</figcaption>" in text
    assert len(told) > 1
    for words in told:
        assert text.count(html.escape(words, quote=False)) == 1


def test_rows_left_out_and_studies_without_a_row_are_named(page: str):
    assert html.escape(f"left out, {HOSTILE}") in page or "left out, &lt;img" in page
    assert "ELSEWHERE" in page
    assert "Unknown is not zero" in page


def test_an_outcome_without_an_estimate_still_has_its_section():
    empty = replace(
        RESULT.primary.pooled,
        pooled=False,
        estimate=None,
        ci_low=None,
        ci_high=None,
        pi_low=None,
        pi_high=None,
        tau=None,
        tau2=None,
        i2=None,
        marginal=None,
        notes=("no estimate: the reason",),
    )
    primary = replace(RESULT.primary, pooled=empty)
    result = replace(RESULT, analyses=(primary, *RESULT.analyses[1:]))
    text = render(
        {"title": "T"},
        [Entry(result, Display("T"), Picture("Forest plot", b"<svg/>", "alt", "caption"))],
        [],
        [],
    )
    assert "no estimate: the reason" in text
