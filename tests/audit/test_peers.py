"""A row beside the other studies of its outcome: what is asked, and what is not."""

import random
from fractions import Fraction
from pathlib import Path
from statistics import median

import pytest
from honest_reviews import SLIPS, measured, outcome, reviews_asked, rows, slips_found
from scipy.special import stdtrit

from metamill.audit.beside import baseline, digits, directions, peers, plausible
from metamill.audit.beside.directions import check_opposite
from metamill.audit.beside.peers import check_directions, check_peers, medians_of_others
from metamill.audit.rows import Scale
from metamill.audit.studies import cohorts, overlap, timeline
from metamill.config.settings import Display
from metamill.measures import effect_sizes
from metamill.measures.prepare import prepare

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit" / "peers.md"
USUAL = ("11.2", "12.9", "10.4", "13.1")


def asked(measure, *cells):
    found = check_peers(rows(*cells), outcome(measure), Scale())
    return [(at, finding.check, finding.level) for at, finding in found]


def group(sd, mean="50", n="36", **more):
    return {"mean": mean, "sd": sd, "n": n} | more


def arms(effect, sd="12", n="40", base=50):
    return {
        "mean_treatment": str(base + effect),
        "mean_control": str(base),
        **{
            f"{name}_{arm}": x
            for name, x in (("sd", sd), ("n", n))
            for arm in ("treatment", "control")
        },
    }


@pytest.mark.parametrize(
    ("sd", "words"),
    [
        ("2.0", "a standard error (SD 12 with n = 36)"),
        ("4.0", "half the width of a 95 % interval (SD about 12.2)"),
        ("144", "a variance (SD 12)"),
        ("60", "a range (SD about 14.2)"),
        ("3.7", "half the width of a 95 % interval (SD about 11.3)"),
        ("0.1", "No common slip would fit"),
        ("2000", "No common slip would fit"),
    ],
)
def test_an_sd_unlike_the_others_is_asked_about_with_the_slips_that_would_explain_it(sd, words):
    cells = [group(usual) for usual in USUAL]
    ((at, finding),) = check_peers(rows(*cells, group(sd)), outcome("MN"), Scale())
    assert (at, finding.check, finding.level) == (4, "sd_of_peers", "question")
    assert words in finding.arithmetic


def change(sd="", se="", mean="-9"):
    return {"mean_change": mean, "sd_change": sd, "se_change": se, "n": "36"}


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        (change("2"), "sd_change", "a standard error (SD 12 with n = 36)"),
        (change("144"), "sd_change", "a variance (SD 12)"),
        (
            change(se="12"),
            "se_change",
            "It would fit as an SD typed as a standard error (SD 12)",
        ),
        (change(se="0.33"), "se_change", "No common slip would fit"),
    ],
)
def test_spreads_of_changes_are_compared_as_they_are_pooled(cells, column, words):
    others = [change(sd) for sd in ("11", "12", "12.5", "13")]
    ((at, finding),) = check_peers(rows(*others, cells), outcome("MC"), Scale())
    assert (at, finding.check, finding.columns) == (4, "sd_of_peers", (column,))
    assert words in finding.arithmetic


def test_a_standard_error_counts_among_the_others_by_its_sd():
    others = [change("12"), change(se="2"), change(se="2.1"), change(se="1.9")]
    assert not asked("MC", *others)
    assert asked("MC", *others, change("2")) == [(4, "sd_of_peers", "question")]
    assert not asked("MC", *others, change("12", se="2"))


def test_a_change_in_another_unit_is_asked_about():
    others = [change(sd, mean=f"-{i}") for i, sd in enumerate(("11", "12", "13", "12"), 8)]
    ((at, finding),) = check_peers(
        rows(*others, change("1.2", mean="-0.9")), outcome("MC"), Scale()
    )
    assert (at, finding.check) == (4, "unit_of_peers")


def test_an_sd_that_is_impossible_on_its_scale_is_left_to_the_finding_that_says_so():
    others = [group(sd, mean="2") for sd in ("1.1", "1.2", "1.3", "1.2")]
    pool = rows(*others, group("9", mean="3"))
    assert [f.check for _, f in check_peers(pool, outcome("MN"), Scale())] == ["sd_of_peers"]
    limited = Scale(low=Fraction(0), high=Fraction(10))
    assert not list(check_peers(pool, outcome("MN"), limited))


@pytest.mark.parametrize("sd", ["4.1", "12", "36"])
def test_an_sd_within_three_times_the_others_is_not_asked_about(sd):
    assert not asked("MN", *(group(usual) for usual in USUAL), group(sd))


def test_fewer_than_three_other_studies_are_no_measure():
    assert not asked("MN", group("11"), group("12"), group("2"))
    assert asked("MN", group("11"), group("12"), group("13"), group("2"))
    repeats = [group(sd, study="A", arm=sd) for sd in USUAL]
    assert not asked("MN", *repeats, group("2"))


def test_the_median_of_the_other_studies_leaves_out_the_row_s_own_and_counts_each_once():
    rng = random.Random(3)
    for size in (4, 5, 8, 9):
        for _ in range(50):
            studies = [rng.choice("ABCDEFG") for _ in range(2 * size)]
            pool = rows(*({"study": study} for study in studies))
            items = [(at, float(rng.randint(1, 9))) for at in range(len(pool))]
            for at, usual in medians_of_others(pool, items).items():
                others = {study: [] for study in studies if study != studies[at]}
                for i, x in items:
                    if studies[i] != studies[at]:
                        others[studies[i]].append(x)
                enough = len(others) >= 3
                assert usual == (median(map(median, others.values())) if enough else 0)


def test_other_instruments_are_no_measure():
    others = [group(sd, scale="0-100") for sd in USUAL]
    assert not asked("MN", *others, group("1.2", mean="5", scale="0-10"))
    two = [arms(5 + i) for i in range(5)]
    assert not asked("SMD", *two[1:], arms(0.5, sd="1.2", base=5))
    named = [cells | {"scale": "ODI"} for cells in two[1:]]
    assert asked("SMD", *named, arms(0.5, sd="1.2", base=5) | {"scale": "odi"})


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (10, "about 10 times those of the other studies, as if in millimetres where they have"),
        (0.1, "about a 10th of those of the other studies, as if in centimetres where they have"),
        (
            100,
            "about 100 times those of the other studies, as if in per cent where they have share",
        ),
        (1000, "about 1000 times those of the other studies, as if in mg where they have g"),
    ],
)
def test_a_row_in_another_unit_is_asked_about_once_and_not_for_its_sd(factor, words):
    others = [group(sd, mean=str(60 + i)) for i, sd in enumerate(USUAL)]
    row = group(f"{12 * factor:g}", mean=f"{66 * factor:g}")
    ((at, finding),) = check_peers(rows(*others, row), outcome("MN"), Scale())
    assert (at, finding.check) == (4, "unit_of_peers")
    assert words in finding.arithmetic


def test_means_of_another_size_with_a_usual_sd_are_no_other_unit():
    assert not asked("MN", *(group(sd, mean="6") for sd in USUAL), group("12", mean="60"))


@pytest.mark.parametrize(
    ("effect", "others", "wanted"),
    [
        (30, (), True),
        (-30, (), True),
        (23, (), False),
        (30, (20, 22, 18), False),
        (30, (5, 6, 4), True),
        (30, (20, 22), True),
    ],
)
def test_a_difference_beyond_two_sds_is_asked_about_unless_the_others_are_like_it(
    effect, others, wanted
):
    found = asked("MD", arms(effect), *map(arms, others))
    assert [item for item in found if item[1] == "large_smd"] == (
        [(0, "large_smd", "question")] if wanted else []
    )


def test_standard_errors_taken_for_sds_would_explain_a_large_difference():
    ((_, finding),) = check_peers(rows(arms(5, sd="1.9")), outcome("MD"), Scale())
    assert finding.arithmetic == (
        "The groups lie 2.63 SD apart, which is rare. If the two SDs were standard errors, it "
        "would be about 0.42"
    )


def test_an_effect_opposite_to_three_clear_ones_is_asked_about():
    same = [arms(10), arms(12), arms(9)]
    assert asked("MD", *same, arms(-9)) == [(3, "opposite_direction", "question")]
    assert not asked("MD", *same[:2], arms(-9))  # two other studies are too few
    assert not asked("MD", *same, arms(-1))  # not clear
    assert not asked("MD", *same, arms(-9), arms(-8))  # not alone
    assert not asked("MN", *(group("12", mean=str(m)) for m in (9, 9, 9, -9)))  # no null


def test_the_direction_of_counts_is_compared_too_and_rows_that_give_no_effect_are_passed_over():
    def counts(a, b):
        return {
            "events_treatment": a,
            "total_treatment": "100",
            "events_control": b,
            "total_control": "100",
        }

    same = [counts("10", "40")] * 3
    assert asked("RR", *same, counts("40", "10")) == [(3, "opposite_direction", "question")]
    assert not asked("RR", *same, counts("0", "0"), {"events_treatment": ""})


def by_every_row(pool, measure):
    """What `check_opposite` has to find, by deriving every row as an analysis would."""
    signs = {}
    for at, row in enumerate(pool):
        try:
            effects = effect_sizes(measure, prepare(measure, [row.cells], 0.5).columns)
        except ValueError:
            continue
        y, v = float(effects.yi[0]), float(effects.vi[0])
        if v > 0 and abs(y) > 1.959964 * v**0.5:
            signs[at] = 1 if y > 0 else -1
    for side in (1, -1):
        here, there = (
            {pool[at].cells["study"] for at in signs if signs[at] == s} for s in (side, -side)
        )
        if len(here) == 1 and len(there - here) >= 3:
            yield from (at for at in signs if signs[at] == side)


FORMS = ("sd", "se", "ci", "change", "wrong")


def drawn_row(rng, measure, lonely):
    """One trial or one group before and after, in one of several forms, with what is printed."""
    form, n = rng.choice(FORMS), rng.randint(8, 60)
    effect, sd = (-8.0 if lonely else rng.gauss(7, 4)), rng.uniform(9, 13)
    names = ("treatment", "control") if measure == "MD" else ("post", "pre")
    cells = {"study": rng.choice("ABCDEFGH") if not lonely else rng.choice("XY")}
    cells |= {"n": str(n)} if measure == "MC" else {f"n_{arm}": str(n) for arm in names}
    for arm, mean in zip(names, (50 + effect, 50.0), strict=True):
        cells[f"mean_{arm}"] = f"{mean:.2f}"
        half = float(stdtrit(n - 1, 0.975)) * sd / n**0.5
        if form == "ci":
            cells |= {f"ci_low_{arm}": f"{mean - half:.3f}", f"ci_high_{arm}": f"{mean + half:.3f}"}
        elif form == "se":
            cells[f"se_{arm}"] = f"{sd / n**0.5:.3f}"
        else:
            cells[f"sd_{arm}"] = f"{sd:.2f}"
    if form == "wrong":
        cells[f"se_{names[0]}"] = "99"
    if form == "change" and measure == "MC":
        cells = {"study": cells["study"], "n": str(n), "mean_change": f"{effect:.2f}"}
        cells[rng.choice(("sd_change", "se_change"))] = f"{sd:.2f}"
    return cells


@pytest.mark.parametrize("measure", ["MD", "MC", "SMD", "SMCR"])
def test_the_lonely_direction_is_that_of_deriving_every_row(measure):
    rng, told = random.Random(5), 0
    for _ in range(120):
        kind = "MD" if measure in ("MD", "SMD") else "MC"
        pool = rows(*(drawn_row(rng, kind, i < 2) for i in range(rng.randint(4, 12))))
        found = [at for at, _ in check_opposite(pool, measure)]
        assert sorted(found) == sorted(by_every_row(pool, measure))
        told += bool(found)
    assert told >= 10


def test_few_rows_of_a_large_table_are_derived_again(monkeypatch):
    derived = []

    def counted(measure, cells, correlation):
        derived.append(cells)
        return prepare(measure, cells, correlation)

    monkeypatch.setattr(directions, "prepare", counted)
    rng = random.Random(8)
    for form in (arms, lambda effect: with_se(arms(effect))):
        pool = rows(*(form(rng.gauss(5, 6)) for _ in range(300)))
        assert not list(check_opposite(pool, "MD"))
        assert len(derived) <= 4
        derived.clear()


def with_se(cells):
    """The same arms with standard errors in place of SDs."""
    return {name.replace("sd", "se"): cell for name, cell in cells.items()}


def test_degenerate_rows_ask_nothing_and_break_nothing():
    odd = [
        {},
        group("", mean="", n=""),
        group("12", n="1"),
        arms(5, n="1"),
        arms(0, sd="1e-90"),
        group("1e99", mean="-1e99"),
    ]
    for measure in ("MN", "MD", "SMD", "MC", "RR", "PLO", "GEN", "ZCOR", "IRR"):
        for row in odd:
            assert not asked(measure, row)


def test_a_score_without_a_direction_is_told_once_an_outcome():
    outcomes = {"pain": outcome("MC"), "loosening": outcome("PLO")}
    displays = {name: Display(name) for name in outcomes}
    ((name, line, finding),) = check_directions(outcomes, displays)
    assert (name, line, finding.level, finding.columns) == ("score.csv", 1, "info", ("mean_pre",))
    displays["pain"] = Display("pain", "lower")
    assert not list(check_directions(outcomes, displays))


def test_honest_trials_are_rarely_asked_and_slips_are_mostly_found():
    alike = reviews_asked(60, 0.25)
    assert alike.get("large_smd", 0) <= 0.05
    assert alike.get("sd_of_peers", 0) <= 0.05
    assert alike.get("unit_of_peers", 0) == alike.get("identical_groups", 0) == 0
    assert alike.get("opposite_direction", 0) <= 0.15
    for slip, code in SLIPS.values():
        assert slips_found(30, slip, code) >= 0.85


def test_every_check_that_compares_is_on_its_page():
    page = PAGE.read_text(encoding="utf-8")
    modules = (baseline, cohorts, digits, overlap, peers, plausible, timeline)
    checks = [check for module in modules for check in module.CHECKS]
    assert len({check.code for check in checks}) == len(checks) == 21
    for check in checks:
        assert f"| `{check.code}` |" in page
        assert check.number in ("B11", "B12", "B13", "B15", "B16")


@pytest.mark.slow
def test_the_page_holds_the_rates_that_the_simulation_gives():
    table = "\n".join(f"| {words} | {share} |" for words, share in measured())
    assert table in PAGE.read_text(encoding="utf-8")
