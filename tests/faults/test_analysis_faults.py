"""Little, odd or hopeless data through a whole run: a sound number or a reason, never a crash."""

import ast
import csv
import json
import re
from pathlib import Path

import pytest
from whole_run import make_results

from metamill import results
from metamill.analysis import analyse
from metamill.cli import main
from metamill.config.settings import Model, Outcome, Plan
from metamill.jobs import plan
from metamill.pooling import heterogeneity, maxima
from metamill.tables.levels import near_equal_levels
from metamill.tables.reader import TableRow
from metamill.tables.selection import Selection

PACKAGE = Path(__file__).resolve().parents[2] / "workflow/metamill"
SHARES, TRIALS = "events,total", "events_treatment,total_treatment,events_control,total_control"
EFFECTS = "yi,vi"
EDGES = {
    "one_study": ("PLO", SHARES, "3,40"),
    "two_studies": ("GEN", EFFECTS, "0.5,0.1", "0.9,0.2"),
    "identical": ("GEN", EFFECTS, *["0.5,0.1"] * 4),
    "no_events": ("PLO", SHARES, "0,20", "0,30", "0,50"),
    "only_events": ("PLO", SHARES, "20,20", "30,30", "50,50"),
    "both_ends": ("PLO", SHARES, "0,50", "0,60", "70,70", "80,80"),
    "empty_arm": ("OR", TRIALS, "0,20,3,22", "0,30,4,31", "0,50,9,40"),
    "double_zero": ("OR", TRIALS, "0,20,0,22", "0,30,0,31"),
    "double_arcsine": ("PFT", SHARES, "1,1000", "999,1000", "5,10"),
    "tau2_zero": ("GEN", EFFECTS, "0.5,1", "0.6,2", "0.4,1", "0.5,3"),
    "far_below": ("GEN", EFFECTS, *["0.5,1", "0.5001,1"] * 6),
    "giant": ("GEN", EFFECTS, "0.5,1e-8", "0.9,1", "0.1,2", "0.3,1"),
    "tiny": ("GEN", EFFECTS, "5e-10,1e-20", "9e-10,2e-20", "-3e-10,1e-20", "7e-10,3e-20"),
    "huge": ("GEN", EFFECTS, "5e10,1e20", "9e10,2e20", "-3e10,1e20", "7e10,3e20"),
}
"""Measure, columns and rows of outcomes at the edge."""


def write(folder: Path, outcomes: dict[str, object], tables: dict[str, str]) -> Path:
    extracted = folder / "extracted"
    extracted.mkdir(parents=True)
    config = {
        "review": {"title": "Made up"},
        "outcomes": outcomes,
        "figures": {"formats": ["svg"]},
    }
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    for name, text in tables.items():
        (extracted / name).write_text(text, encoding="utf-8")
    return folder


def studies(columns: str, *rows: str) -> str:
    return "\n".join([f"study,{columns}", *(f"S{i},{row}" for i, row in enumerate(rows))]) + "\n"


def one(folder: Path, text: str, **outcome: object) -> Path:
    settings = {"title": "A", "table": "a.csv", "measure": "GEN"} | outcome
    return write(folder, {"a": settings}, {"a.csv": text})


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edges") / "review"
    outcomes = {
        name: {"title": name, "table": f"{name}.csv", "measure": measure, "cumulative": "study"}
        for name, (measure, *_) in EDGES.items()
    }
    outcomes["identical"]["test"] = "knha"
    tables = {f"{name}.csv": studies(*rows) for name, (_, *rows) in EDGES.items()}
    return make_results(write(folder, outcomes, tables))


def summary(folder: Path, outcome: str) -> dict[str, str]:
    with open(folder / "summary.csv", encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["outcome"] == outcome]
    return next(row for row in rows if row["analysis"] == "primary")


@pytest.mark.parametrize("outcome", EDGES)
@pytest.mark.fault("A2")
@pytest.mark.fault("A3")
@pytest.mark.fault("A4")
@pytest.mark.fault("A5")
@pytest.mark.fault("A6")
@pytest.mark.fault("A13")
@pytest.mark.fault("A15")
def test_every_edge_ends_in_a_number_or_a_reason(edges: Path, outcome: str) -> None:
    row = summary(edges, outcome)
    if not row["ci_low"] or not row["estimate"]:
        assert len(row["note"].split()) > 3
    else:
        assert float(row["ci_low"]) <= float(row["estimate"]) <= float(row["ci_high"])
    report = (edges / "report.html").read_text(encoding="utf-8")
    assert f'<h2 id="{outcome}">' in report
    drawn = (edges / outcome / "forest.svg").read_text(encoding="utf-8")
    for study in range(len(EDGES[outcome]) - 2):
        assert f">S{study}" in drawn


def test_no_output_of_an_edge_holds_what_is_no_number(edges: Path) -> None:
    for path in (path for path in edges.rglob("*") if path.is_file()):
        words = path.read_text(encoding="utf-8")
        words = re.sub(r"base64,[^\"]+", "", words)
        found = re.search(r"(?<![\w-])(nan|-?inf|infinity|1e\+?308)(?![\w-])", words, re.I)
        assert not found or path.suffix in (".html", ".yaml"), (path, found)
        if found:
            assert not re.search(r">\s*(nan|-?inf|None)\s*<", words), path


@pytest.mark.fault("A2")
def test_one_study_has_no_diamond_and_no_heterogeneity(edges: Path) -> None:
    row = summary(edges, "one_study")
    assert (row["k"], row["tau2"], row["i2"], row["pi_low"]) == ("1", "", "", "")
    assert 'class="diamond"' not in (edges / "one_study/forest.svg").read_text(encoding="utf-8")


@pytest.mark.fault("A4")
def test_identical_effects_have_no_interval_of_no_width(edges: Path) -> None:
    row = summary(edges, "identical")
    assert (row["estimate"], row["ci_low"]) == ("0.5", "")
    assert "no width: no interval" in row["note"]


@pytest.mark.fault("A5")
@pytest.mark.fault("A6")
def test_no_event_and_nothing_but_events_are_exact_and_mirrored(edges: Path) -> None:
    none, every = summary(edges, "no_events"), summary(edges, "only_events")
    assert (none["estimate"], every["estimate"]) == ("0", "1")
    assert float(every["ci_low"]) == pytest.approx(1 - float(none["ci_high"]), rel=1e-9)
    assert "comparison" in summary(edges, "double_zero")["note"]


@pytest.mark.fault("A7")
def test_a_correction_is_named_beside_its_study(edges: Path) -> None:
    result = results.read(edges / "empty_arm/result.json")
    corrected = any("continuity correction" in x for e in result.primary.effects for x in e.flags)
    assert corrected
    assert "ontinuity correction" in (edges / "report.html").read_text(encoding="utf-8")


@pytest.mark.fault("A9")
@pytest.mark.fault("A10")
def test_tau2_at_its_boundary_is_zero_and_an_empty_interval_says_so(edges: Path) -> None:
    assert summary(edges, "tau2_zero")["tau2"] == "0"
    row = summary(edges, "far_below")
    assert (row["tau2"], row["tau2_low"], row["tau2_high"]) == ("0", "0", "0")
    assert "interval of tau2 is empty" in row["note"]


@pytest.mark.fault("A14")
def test_a_giant_study_shows_its_weight_and_the_pool_without_it(edges: Path) -> None:
    result = results.read(edges / "giant/result.json")
    assert len(result.leave_one_out) == 4
    report = (edges / "report.html").read_text(encoding="utf-8")
    assert "Without one study in turn the estimate lies between" in report
    assert result.primary.effects[0].weight == max(e.weight for e in result.primary.effects)


@pytest.mark.fault("A15")
def test_tiny_and_huge_effects_have_the_same_heterogeneity(edges: Path) -> None:
    tiny, huge = summary(edges, "tiny"), summary(edges, "huge")
    for column in ("i2", "q", "h2", "p_value"):
        assert tiny[column] == huge[column]
    assert float(huge["estimate"]) == pytest.approx(1e20 * float(tiny["estimate"]), rel=1e-9)


@pytest.mark.fault("A1")
def test_an_outcome_without_a_row_is_refused_before_any_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = studies(EFFECTS, "0.5,1", "0.6,1").replace("study,", "study,kind,")
    text = text.replace("S0,", "S0,x,").replace("S1,", "S1,x,")
    everything = [{"kind": "x", "reason": "none is left"}]
    folder = one(tmp_path / "excluded", text, exclude=everything)
    assert main(["check", str(folder)]) == 2
    assert "these exclusions leave no row to pool" in capsys.readouterr().err
    folder = one(tmp_path / "unselected", text, select={"kind": "y"})
    assert main(["check", str(folder)]) == 2
    assert "a.csv has this" in capsys.readouterr().err
    assert not (folder / "results").exists()


@pytest.mark.fault("A11")
@pytest.mark.parametrize(("method", "where"), [("REML", maxima), ("PM", heterogeneity)])
def test_an_iteration_that_does_not_settle_gives_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, where: object
) -> None:
    monkeypatch.setattr(where, "_NEWTON_STEPS", 1)
    text = studies(EFFECTS, "0.1,0.02", "0.9,0.03", "-0.4,0.01", "1.2,0.05")
    folder = one(tmp_path / "review", text, method=method)
    row = summary(make_results(folder), "a")
    assert (row["estimate"], row["mu"], row["tau2"], row["ci_low"]) == ("", "", "", "")
    assert "did not converge" in row["note"]
    report = (folder / "results/report.html").read_text(encoding="utf-8")
    assert "did not converge" in report


MODERATORS = {
    "same": ["2001"] * 14,
    "lone": ["2001"] * 13 + ["2009"],
    "empty": [""] * 14,
    "few": [str(2001 + i) for i in range(6)] + [""] * 8,
    "most": [str(2001 + i) for i in range(12)] + [""] * 2,
    "levels": list("aaaabbbbccccde"),
    "year": [str(2001 + i) for i in range(14)],
    "twin": [str(1 + i) for i in range(14)],
}
"""Fourteen cells of each; `twin` is `year` less 2000."""


@pytest.mark.fault("A16")
@pytest.mark.fault("A17")
@pytest.mark.fault("A18")
@pytest.mark.fault("A19")
def test_each_moderator_is_regressed_alone_or_refused_by_name(tmp_path: Path) -> None:
    """One moderator at a time: collinear ones cannot meet, and there are fewer than studies."""
    effects = [f"{(0.1, 0.9, -0.4, 1.2, 0.3)[i % 5]},{0.02 + i / 100:g}" for i in range(14)]
    cells = [",".join(row) for row in zip(*MODERATORS.values(), strict=True)]
    rows = [f"{effect},{own}" for effect, own in zip(effects, cells, strict=True)]
    text = studies(f"{EFFECTS},{','.join(MODERATORS)}", *rows)
    folder = one(tmp_path / "review", text, moderators=list(MODERATORS))
    result = results.read(make_results(folder) / "a/result.json")
    found = {item.moderator: item for item in result.regressions}
    refused = {name for name, item in found.items() if not item.coefficients}
    assert refused == {"same", "lone", "empty", "few", "levels"}
    assert all(name in found[name].notes[0] for name in refused)
    assert (found["most"].k, len(found["most"].left_out)) == (12, 2)
    slopes = [found[name].coefficients[1].b for name in ("year", "twin")]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-9)
    report = (folder / "results/report.html").read_text(encoding="utf-8")
    assert "Meta-regression on most (k = 12)" in report and "2001 in every study" in report


def levels(*names: str) -> list[str]:
    rows = [TableRow(i + 2, {"study": f"S{i}", "setting": name}) for i, name in enumerate(names)]
    return [str(problem) for problem in near_equal_levels(rows, ("setting",), "extracted/a.csv")]


@pytest.mark.fault("A21")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Cement", "cement"),
        ("cement augmented", "cement-augmented"),
        ("primary_augmentation", "Primary augmentation"),
        ("Genève", "Geneve"),
        ("grade 1", "Grade1"),
        ("augmented", "augmentd"),
        ("not stated", "not stated."),
    ],
)
def test_levels_that_differ_by_their_spelling_are_named_with_both_lines(
    first: str, second: str
) -> None:
    (told,) = levels(first, "another", second)
    assert "extracted/a.csv, line 4, column 'setting'" in told
    assert repr(second) in told and f"'{first}' (line 2)" in told
    assert told.endswith("[near-equal-level]")


@pytest.mark.fault("A21")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("HIV+", "HIV-"),
        ("<50", ">50"),
        ("1.5", "15"),
        ("6", "6.0"),
        ("grade 1", "grade 2"),
        ("symptomatic", "asymptomatic"),
        ("prospective", "retrospective"),
        ("unilateral", "bilateral"),
        ("male", "female"),
        ("की", "का"),
        ("", "not reported"),
        ("stage I", "stage II"),
        ("intervention A", "intervention B"),
        ("2 screws per level", "3 screws per level"),
    ],
)
def test_levels_that_mean_two_things_are_left_alone(first: str, second: str) -> None:
    assert levels(first, second) == []


@pytest.mark.fault("A21")
def test_two_frequent_levels_are_no_misspelling_of_each_other() -> None:
    assert levels(*["arterial"] * 3, *["arteriae"] * 3) == []
    assert len(levels(*["augmented"] * 3, *["Augmented"] * 3)) == 1


@pytest.mark.fault("A21")
def test_the_shipped_review_has_no_such_levels() -> None:
    jobs = plan(PACKAGE.parents[1])
    for name, selection in jobs.selections.items():
        columns = jobs.review.outcomes[name].subgroups
        assert near_equal_levels(selection.rows, columns, selection.table) == []


@pytest.mark.fault("A23")
def test_a_study_described_twice_multiplies_no_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = one(tmp_path / "review", studies(EFFECTS, "0.5,1", "0.6,1"))
    twice = "study,label\nS0,First\nS0,Second\nS1,Other\n"
    (folder / "extracted/studies.csv").write_text(twice, encoding="utf-8")
    assert main(["check", str(folder)]) == 3
    assert "studies.csv, line 3" in capsys.readouterr().err


@pytest.mark.fault("A24")
def test_a_total_of_which_a_part_is_missing_is_not_a_smaller_total() -> None:
    cells = [{"yi": "0.5", "vi": "1", "n": "20"}, {"yi": "0.7", "vi": "1"}]
    rows = tuple(TableRow(i + 2, {"study": f"S{i}"} | c) for i, c in enumerate(cells))
    outcome = Outcome("a", "a.csv", {}, (Plan("primary", Model("GEN")),))
    result = analyse(outcome, Selection("extracted/a.csv", rows, ()))
    assert result.primary.pooled.n is None
    assert [effect.size for effect in result.primary.effects] in ([20.0, None], [None, None])


@pytest.mark.fault("A24")
def test_an_empty_cell_that_is_needed_stops_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = one(tmp_path / "review", studies(SHARES, "1,20", ",30"), measure="PLO")
    assert main(["check", str(folder)]) == 3
    assert "a.csv, line 3, column 'events': is empty" in capsys.readouterr().err


@pytest.mark.fault("A28")
def test_every_random_number_begins_with_a_seed() -> None:
    """Generators are made from a seed in the arguments; nothing else of `random` is used."""
    makers, found = ("default_rng", "PCG64"), 0
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        seeded = [
            call
            for call in calls
            if getattr(call.func, "attr", "") in makers
            and [getattr(item, "id", "") for item in call.args] == ["seed"]
        ]
        named = [getattr(node, "attr", "") for node in ast.walk(tree)]
        imported = [
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in [getattr(node, "module", "") or "", *(item.name for item in node.names)]
        ]
        assert not any("random" in name.split(".") for name in imported), path
        assert named.count("random") == sum(map(named.count, makers)) == len(seeded), path
        found += len(seeded)
    assert found


@pytest.mark.fault("A31")
@pytest.mark.parametrize(
    ("measure", "columns", "rows", "words"),
    [
        ("PLO", "unit,events,total", ("patient,1,20", "screw,2,80"), "different units"),
        (
            "PLO",
            f"{SHARES},{TRIALS}",
            ("1,20,,,,", ",,2,30,4,31"),
            "is empty, and measure PLO needs it",
        ),
        ("GEN", f"{EFFECTS},scale", ("0.5,1,log", "0.6,1,identity"), "effects on different scales"),
        ("PLO", f"arm,{SHARES}", ("cement,1,20", "cement,2,30"), None),
    ],
)
def test_units_scales_and_one_group_beside_two_are_never_pooled_together(
    tmp_path: Path,
    measure: str,
    columns: str,
    rows: tuple[str, ...],
    words: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = one(tmp_path / "review", studies(columns, *rows), measure=measure)
    assert main(["check", str(folder)]) == (3 if words else 0)
    assert (words or "") in capsys.readouterr().err


@pytest.mark.fault("A31")
def test_the_arms_of_one_trial_are_not_two_studies_of_a_pool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "study,arm,events,total\nA,cement,1,20\nA,none,3,20\nB,cement,2,30\n"
    folder = one(tmp_path / "review", text, measure="PLO")
    assert main(["check", str(folder)]) == 3
    assert "the study is in one pool twice" in capsys.readouterr().err
