"""A second extraction is compared cell by cell: every difference is listed, none is made up."""

import argparse
import csv
import io
import os
import random
import re
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metamill.audit.finding import INFO, QUESTION
from metamill.audit.second import words as second_words
from metamill.audit.second.comparison import (
    BLANK,
    CATEGORY,
    DIFFER,
    DIGITS,
    FIRST_ONLY,
    NUMBER,
    SECOND_ONLY,
    SPELLING,
    Agreement,
    Comparison,
)
from metamill.audit.second.folders import compare_folders, compare_tables
from metamill.commands import compare
from metamill.errors import TableError
from metamill.tables.codebook import COLUMNS, COUNT, PROSE, identifies, is_numeric
from metamill.tables.reader import read_table
from metamill.tables.table import Findings, Table

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "extracted"
SHIPPED_TABLES = sorted(p.name for p in SHIPPED.glob("*.csv") if p.name != "excluded.csv")
ODD = [
    b",",
    b'"',
    b"\n",
    b"\r",
    b"\xff",
    b"\xc2\xa0",
    b"9" * 40,
    b"1e99",
    b"-",
    b",,",
    b";",
    b"\x00",
]
HEADER = "study,unit,events,total,value_status,note\n"
ROWS = "S1,patient,2,30,reported,a\nS2,patient,0,40,implied_zero,b\nS3,screw,5,200,reported,c\n"


def review(folder: Path, first: dict[str, str], second: dict[str, str] | None) -> Path:
    for place, files in (("extracted", first), ("extracted/second", second)):
        if files is not None:
            (folder / place).mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                (folder / place / name).write_text(content, encoding="utf-8")
    return folder


def compared(folder: Path, first: str, second: str, name: str = "a.csv") -> Comparison:
    """The comparison of two tables in which nothing is refused."""
    findings = Findings()
    found = compare_folders(review(folder, {name: first}, {name: second}), findings)
    assert found is not None and findings.problems == []
    return found


def refused(folder: Path, first: str, second: str, name: str = "a.csv") -> list[str]:
    findings = Findings()
    compare_folders(review(folder, {name: first}, {name: second}), findings)
    assert all(problem.code and problem.advice for problem in findings.problems)
    return [str(problem) for problem in findings.problems]


def places(found: Comparison) -> list[tuple[str, str, int | None, int | None, str]]:
    return [
        (item.study, item.column, item.first_line, item.second_line, item.kind)
        for item in found.differences
    ]


def column(found: Comparison, name: str):
    (agreement,) = (item for item in found.columns if item.column == name)
    return agreement


def run_compare(folder: Path) -> None:
    compare.main(argparse.Namespace(folder=folder))


def test_without_a_second_extraction_there_is_no_comparison(tmp_path):
    findings = Findings()
    assert compare_folders(review(tmp_path, {"a.csv": HEADER + ROWS}, None), findings) is None
    assert findings == Findings()


def test_identical_tables_agree_in_every_cell(tmp_path):
    found = compared(tmp_path, HEADER + ROWS, HEADER + ROWS)
    assert found.differences == () and found.rows == 3
    assert {item.column for item in found.columns} == {"events", "total", "value_status"}
    assert (found.overall.cells, found.overall.agree, found.overall.percent) == (9, 9, 100)
    assert column(found, "value_status").kappa == 1
    assert column(found, "events").kind == NUMBER
    assert column(found, "value_status").kind == CATEGORY
    limits = column(found, "events")
    assert (limits.bias, limits.limit_low, limits.limit_high) == (0, 0, 0)


@pytest.mark.parametrize(
    ("cells", "kind", "amount"),
    [
        (("2.30", "2.30"), "", ""),
        (("2.30", "2.3"), DIGITS, ""),
        (("3", "3.0"), DIGITS, ""),
        (("5", "+5"), "", ""),
        (("5", "5."), "", ""),
        (("0.5", ".5"), "", ""),
        (("100", "1e2"), DIGITS, ""),
        (("0", "-0"), "", ""),
        (("2.30", "2.31"), DIFFER, "-0.01"),
        (("-3", "3"), DIFFER, "-6"),
        (("0.3", "0.1"), DIFFER, "0.2"),
        (("12", ""), BLANK, ""),
        (("", "12"), BLANK, ""),
    ],
)
def test_numbers_are_compared_by_value_and_other_digits_are_told(tmp_path, cells, kind, amount):
    first, second = (f"study,mean\nS1,{cell}\n" for cell in cells)
    found = compared(tmp_path, first, second)
    assert [(d.kind, d.first, d.second, d.amount) for d in found.differences] == (
        [(kind, *cells, amount)] if kind else []
    )
    agreement = column(found, "mean")
    assert agreement.agree == (kind not in (DIFFER, BLANK))
    assert (agreement.told, agreement.differ, agreement.blank) == (
        kind == DIGITS,
        kind == DIFFER,
        kind == BLANK,
    )
    assert len(found.to_resolve) == (kind in (DIFFER, BLANK))


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (("reported", "reported"), ""),
        (("reported", "Reported"), SPELLING),
        (("reported", "implied_zero"), DIFFER),
        (("reported", ""), BLANK),
    ],
)
def test_levels_are_compared_as_words(tmp_path, cells, kind):
    first, second = (f"study,n,value_status\nS1,9,{cell}\n" for cell in cells)
    found = compared(tmp_path, first, second)
    assert [d.kind for d in found.differences] == ([kind] if kind else [])


def test_cells_blank_in_both_are_not_counted(tmp_path):
    found = compared(tmp_path, "study,n,mean\nS1,9,\n", "study,n,mean\nS1,9,\n")
    mean = column(found, "mean")
    assert (mean.cells, mean.percent, mean.note) == (0, None, "no cell is filled in both")
    assert found.overall.cells == 1


@pytest.mark.parametrize(
    "name", [n for n, c in COLUMNS.items() if c.kind == PROSE and not c.levels]
)
def test_words_are_not_compared(tmp_path, name):
    found = compared(tmp_path, f"study,n,{name}\nS1,9,x\n", f"study,n,{name}\nS1,9,y\n")
    assert found.differences == () and [item.column for item in found.columns] == ["n"]


def test_rows_are_matched_by_what_tells_them_apart_wherever_they_stand(tmp_path):
    first = "study,arm,unit,time_months,events\nS1,x,screw,6,1\nS1,y,screw,6,2\nS1,y,screw,12,3\n"
    second = (
        "events,time_months,study,unit,arm\n3,12.0,s1,screw,Y\n2,6,S1,screw,y\n7,6,S1,screw,x\n"
    )
    found = compared(tmp_path, first, second)
    assert places(found) == [("S1", "events", 2, 4, DIFFER)]
    assert found.differences[0].row == "arm x, unit screw, time_months 6"
    assert found.rows == 3


def test_a_subset_of_tables_and_columns_is_compared_and_the_rest_is_named(tmp_path):
    first = {"a.csv": HEADER + ROWS, "b.csv": HEADER + ROWS}
    second = {"a.csv": "study,unit,events\nS1,patient,3\nS2,patient,0\nS3,screw,5\n"}
    findings = Findings()
    found = compare_folders(review(tmp_path, first, second), findings)
    assert found is not None and findings == Findings()
    assert places(found) == [("S1", "events", 2, 2, DIFFER)]
    assert found.tables == ("a.csv",)
    assert found.uncompared == (("a.csv", ("total", "value_status")),)


def test_a_column_that_only_the_second_has_is_told_and_not_compared(tmp_path):
    folder = review(tmp_path, {"a.csv": "study,n\nS1,9\n"}, {"a.csv": "study,n,sd\nS1,9,2\n"})
    findings = Findings()
    found = compare_folders(folder, findings)
    assert found is not None and found.differences == ()
    (notice,) = findings.notices
    assert str(notice) == (
        "extracted/second/a.csv, column 'sd': is not in extracted/a.csv, and is not compared. "
        "[not-compared]"
    )


def test_rows_in_one_extraction_only_are_listed(tmp_path):
    first = "study,arm,n\nS1,x,1\nS1,y,2\nS2,x,3\nS4,x,5\n"
    second = "study,arm,n\nS3,x,4\nS1,x,1\nS1,y,2\nS4,y,6\nS4,z,7\n"
    found = compared(tmp_path, first, second)
    assert places(found) == [
        ("S2", "", 4, None, FIRST_ONLY),
        ("S4", "", 5, None, FIRST_ONLY),
        ("S3", "", None, 2, SECOND_ONLY),
        ("S4", "", None, 5, SECOND_ONLY),
        ("S4", "", None, 6, SECOND_ONLY),
    ]
    notes = [item.note for item in found.differences]
    assert notes[0] == "the second extraction has no row of this study"
    assert notes[1] == "no row of this study in the second extraction has the same arm"
    assert notes[2] == "the first extraction has no row of this study"
    assert len(found.single_rows) == 5 and found.to_resolve == ()


def test_the_row_that_a_left_over_row_may_be_is_named_with_what_differs(tmp_path):
    first = "study,arm,unit,time_months,n\nS1,x,patient,6,1\nS1,y,patient,6,2\n"
    second = "study,arm,unit,time_months,n\nS1,x,screw,,1\nS1,y,patient,6,2\n"
    found = compared(tmp_path, first, second)
    one, other = found.differences
    assert (one.kind, one.first_line, other.kind, other.second_line) == (
        FIRST_ONLY,
        2,
        SECOND_ONLY,
        2,
    )
    assert one.note == (
        "may be the row in line 2 of extracted/second/a.csv, which differs in unit (patient here, "
        "screw there), time_months (6 here, blank there)"
    )
    assert other.note == (
        "may be the row in line 2 of extracted/a.csv, which differs in unit (screw here, patient "
        "there), time_months (blank here, 6 there)"
    )
    assert one.columns == other.columns == ("unit", "time_months")


def test_nothing_is_guessed_where_two_rows_of_a_study_are_left_over(tmp_path):
    first = "study,unit,n\nS1,patient,1\n"
    second = "study,unit,n\nS1,screw,1\nS1,segment,2\n"
    found = compared(tmp_path, first, second)
    assert not any("may be" in item.note for item in found.differences)
    assert len(found.differences) == 3


def test_a_row_that_may_be_several_is_refused_with_the_column_that_is_lacking(tmp_path):
    first = "study,unit,arm,n\nS1,patient,x,1\nS1,screw,x,2\nS2,patient,x,3\n"
    second = "study,arm,n\nS2,x,3\nS1,x,1\n"
    assert refused(tmp_path / "a", first, second) == [
        (
            "extracted/second/a.csv, line 3, column 'study': 'S1': this row may be each of the rows"
            " in lines 2 and 3 of extracted/a.csv alike. Add the column 'unit' to "
            "extracted/second/a.csv. [ambiguous-row]"
        )
    ]
    assert refused(tmp_path / "b", second, first) == [
        (
            "extracted/second/a.csv, line 2, column 'study': 'S1': each of the rows in lines 2 and "
            "3 may be this row of extracted/a.csv alike. Add the column 'unit' to extracted/a.csv. "
            "[ambiguous-row]"
        )
    ]


def test_a_lacking_column_does_no_harm_where_rows_are_told_apart_without_it(tmp_path):
    first = "study,unit,n\nS1,patient,1\nS2,screw,2\n"
    found = compared(tmp_path, first, "study,n\nS2,5\nS1,1\n")
    assert places(found) == [("S2", "n", 3, 2, DIFFER)]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ("study,evnets\nS1,1\n", "line 1, column 'evnets': looks like a misspelt column"),
        ("study,unit,events\nS1,patient,2.0\n", "line 2, column 'events': '2.0': is not a whole"),
        ("study,unit,events,total\nS1,patient,9,4\n", "line 2, column 'events': '9': is larger"),
        ("study;unit\nS1;patient\n", "line 1: the columns are separated by semicolons"),
        ("study,unit,n\nS1,screw,1\nS1,screw,1\n", "line 3, column 'study': 'S1': repeats the row"),
        ("study,unit\nS1,patient,3\n", "line 2"),
        ("", "line 1: the file is empty"),
    ],
)
def test_a_second_table_is_read_as_strictly_as_the_first(tmp_path, second, words):
    (problem,) = refused(tmp_path, HEADER + ROWS, second)
    assert problem.startswith("extracted/second/a.csv") and words in problem


def test_what_cleaning_a_second_table_did_is_noted_with_its_place(tmp_path):
    folder = review(tmp_path, {"a.csv": HEADER + ROWS}, {"a.csv": HEADER + ROWS})
    path = folder / "extracted/second/a.csv"
    path.write_text(path.read_text().replace("S2,patient,0", "S2, patient ,0"))
    findings = Findings()
    found = compare_folders(folder, findings)
    assert found is not None and found.differences == ()
    assert any(
        notice.file == "extracted/second/a.csv" and notice.line == 3 for notice in findings.notices
    )


def test_problems_of_the_first_table_are_told_once(tmp_path):
    folder = review(tmp_path, {"a.csv": "study,events\nS1,x\n"}, {"a.csv": "study,events\nS1,1\n"})
    findings = Findings()
    read_table(folder / "extracted/a.csv", "extracted/a.csv", findings)
    before = list(findings.problems)
    found = compare_folders(folder, findings)
    assert before and findings.problems == before
    assert found is not None and found.tables == ()


def test_a_table_without_a_first_is_refused_with_the_name_that_is_meant(tmp_path):
    folder = review(tmp_path, {"loosening.csv": HEADER + ROWS}, {"losening.csv": HEADER + ROWS})
    findings = Findings()
    compare_folders(folder, findings)
    (problem,) = findings.problems
    assert "Did you mean 'loosening.csv'?" in str(problem)
    assert problem.file == "extracted/second/losening.csv"


@pytest.mark.parametrize("what", ["file", "link", "table link", "table folder"])
def test_links_and_files_in_the_place_of_folders_are_refused(tmp_path, what):
    folder = review(tmp_path / "r", {"a.csv": HEADER + ROWS}, None)
    elsewhere = review(tmp_path / "e", {"a.csv": HEADER + ROWS}, None) / "extracted"
    place = folder / "extracted/second"
    if what == "file":
        place.write_text("x")
    elif what == "link":
        place.symlink_to(elsewhere, target_is_directory=True)
    else:
        place.mkdir()
        if what == "table link":
            (place / "a.csv").symlink_to(elsewhere / "a.csv")
        else:
            (place / "a.csv").mkdir()
    findings = Findings()
    found = compare_folders(folder, findings)
    (problem,) = findings.problems
    assert problem.file.startswith("extracted/second") and problem.advice
    assert found is None or found.tables == ()


def test_other_files_are_noted_and_hidden_ones_passed_over(tmp_path):
    second = {
        "notes.docx": "x",
        ".DS_Store": "x",
        "~$a.csv": "x",
        ".~lock.a.csv#": "x",
        "excluded.csv": "x",
    }
    folder = review(tmp_path, {"a.csv": HEADER + ROWS}, second)
    (folder / "extracted/second" / os.fsdecode(b"odd\xff\n.txt")).write_text("x")
    findings = Findings()
    found = compare_folders(folder, findings)
    assert found is not None and found.tables == () and findings.problems == []
    assert [str(notice) for notice in findings.notices] == [
        (
            "extracted/second/excluded.csv: holds what was left out, and is not compared. "
            "[not-compared]"
        ),
        "extracted/second/notes.docx: is not a table, and is not compared. [not-compared]",
        "extracted/second/odd\\udcff .txt: is not a table, and is not compared. [not-compared]",
        "extracted/second: holds no table to compare. [nothing-to-compare]",
    ]
    assert second_words.summary(found) == "second extraction: no cell could be compared"


def test_a_copy_of_the_first_is_called_one(tmp_path):
    folder = review(tmp_path, {"a.csv": HEADER + ROWS}, {"a.csv": HEADER + ROWS})
    findings = Findings()
    compare_folders(folder, findings)
    assert [notice.code for notice in findings.notices] == ["copied-extraction"]
    path = folder / "extracted/second/a.csv"
    path.write_text(path.read_text().replace("reported,c", "reported,own words"))
    findings = Findings()
    compare_folders(folder, findings)
    assert findings.notices == []


def test_studies_are_matched_by_their_id_and_compared_in_all_but_words(tmp_path):
    header = "study,label,year,included,cohort,setting,age\n"
    found = compared(
        tmp_path,
        header + "S1,A,2001,yes,X,tumour,61.5\nS2,B,2002,no,,mixed,70\nS3,C,2003,yes,,mixed,7e1\n",
        header + "S1,Z,2001,yes,Y,tumour,61.50\nS2,B,2003,yes,,Mixed,71\nS3,C,2003,yes,,mixed,70\n",
        "studies.csv",
    )
    assert [(d.study, d.column, d.kind) for d in found.differences] == [
        ("S1", "cohort", DIFFER),
        ("S1", "age", DIGITS),
        ("S2", "year", DIFFER),
        ("S2", "included", DIFFER),
        ("S2", "setting", SPELLING),
        ("S2", "age", DIFFER),
        ("S3", "age", DIGITS),
    ]
    assert column(found, "age").kind == NUMBER
    assert column(found, "setting").kappa == 1


def test_a_study_described_twice_is_refused(tmp_path):
    header = "study,label,year,cohort\n"
    (problem,) = refused(
        tmp_path, header + "S1,A,2001,\n", header + "S1,A,2001,x\nS1,A,2001,y\n", "studies.csv"
    )
    assert problem.startswith("extracted/second/studies.csv, line 3")


def test_judgements_of_risk_of_bias_are_compared_with_kappa(tmp_path):
    header = "study,tool,domain,judgement,support,source,location\n"
    first = "".join(f"S{i},MINORS,{d},{(i + d) % 3},a,b,c\n" for i in range(1, 4) for d in (1, 2))
    second = first.replace("S1,MINORS,1,2,a", "S1,MINORS,1,1,other words")
    assert first != second
    found = compared(tmp_path, header + first, header + second, "risk_of_bias.csv")
    assert places(found) == [("S1", "judgement", 2, 2, DIFFER)]
    assert found.differences[0].row == "tool MINORS, domain 1"
    judgement = column(found, "judgement")
    assert judgement.kind == CATEGORY and judgement.kappa is not None and judgement.bias is None
    for words in ("0,a", "2,a"):
        again = header + first + f"S1,MINORS,1,{words},b,c\n"
        (problem,) = refused(tmp_path / words, header + first, again, "risk_of_bias.csv")
        assert "line 8" in problem and "repeats the row in line 2" in problem


def test_exchanging_the_extractions_exchanges_the_differences(tmp_path):
    first = {name: (SHIPPED / name).read_text(encoding="utf-8") for name in SHIPPED_TABLES}
    draw = random.Random(7)
    second = {}
    for name, text in first.items():
        header, *rows = list(csv.reader(io.StringIO(text)))
        kept = [row for row in rows if draw.random() > 0.2] or rows
        for row in kept:
            at = draw.randrange(1, len(header))
            if not is_numeric(header[at]):
                row[at] = draw.choice([row[at], ""]) if header[at] != "unit" else row[at]
        second[name] = as_text(header, kept)
    one = compare_folders(review(tmp_path / "a", first, second), Findings())
    other = compare_folders(review(tmp_path / "b", second, first), Findings())
    assert one is not None and other is not None

    def sides(found: Comparison, turned: bool) -> set[tuple[object, ...]]:
        turn = {FIRST_ONLY: SECOND_ONLY, SECOND_ONLY: FIRST_ONLY} if turned else {}
        listed = set()
        for d in found.differences:
            cells = ((d.first_line, d.first), (d.second_line, d.second))
            kind = turn.get(d.kind, d.kind)
            listed.add((d.table, d.column, kind, *(reversed(cells) if turned else cells)))
        return listed

    assert list(one.tables) == SHIPPED_TABLES
    assert one.differences and sides(one, False) == sides(other, True)
    assert one.overall == other.overall
    for mine, yours in zip(one.columns, sorted_like(other, one), strict=True):
        assert (mine.kappa, mine.kappa_low, mine.kappa_high) == (
            yours.kappa,
            yours.kappa_low,
            yours.kappa_high,
        )
        if mine.bias is not None:
            assert mine.bias == -yours.bias


def sorted_like(other: Comparison, one: Comparison):
    by_name = {(item.table, item.column): item for item in other.columns}
    return [by_name[item.table, item.column] for item in one.columns]


def as_text(header: list[str], rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue()


def compared_columns(name: str, header: list[str]) -> list[str]:
    if name == "studies.csv":
        return ["year", "included", "setting", "cohort", "cohort_certainty"]
    return [
        c for c in header if not identifies(c) and not (c in COLUMNS and COLUMNS[c].kind == PROSE)
    ]


def altered(cell: str, column: str, draw: random.Random) -> tuple[str, str]:
    """Another cell of the column, and the kind of difference that it is."""
    if cell and draw.random() < 0.3:
        return "", BLANK
    if not cell:
        return ("1" if is_numeric(column) else "yes"), BLANK
    if column == "included":
        return ("no" if cell == "yes" else "yes"), DIFFER
    if not is_numeric(column):
        return draw.choice([(cell.swapcase(), SPELLING), (f"{cell}x", DIFFER)])
    if COLUMNS[column].kind == COUNT:
        return str(int(cell) + draw.choice([-1, 1])), DIFFER
    longer = f"{cell}0" if "." in cell else f"{cell}.0"
    return draw.choice([(longer, DIGITS), (f"{float(cell) * 1.01:.9f}", DIFFER)])


def test_one_changed_cell_of_the_shipped_review_is_exactly_what_is_listed(tmp_path):
    draw = random.Random(20)
    firsts = {}
    for name in SHIPPED_TABLES:
        table = read_table(SHIPPED / name, f"extracted/{name}", Findings())
        assert table is not None
        firsts[name] = table
    done = 0
    while done < 150:
        name = draw.choice(SHIPPED_TABLES)
        header, *rows = csv.reader(io.StringIO((SHIPPED / name).read_text(encoding="utf-8")))
        column = draw.choice(compared_columns(name, header))
        row, at = draw.randrange(len(rows)), header.index(column)
        before = rows[row][at]
        rows[row][at], kind = altered(before, column, draw)
        order = draw.sample(range(len(rows)), len(rows))
        (tmp_path / name).write_text(as_text(header, [rows[i] for i in order]), encoding="utf-8")
        findings = Findings()
        second = read_table(tmp_path / name, f"extracted/second/{name}", findings)
        if findings.problems or second is None:
            continue
        done += 1
        found = compare_tables(firsts[name], second, findings)
        assert findings.problems == []
        assert len(found.differences) == 1, (name, column, before, rows[row][at])
        (item,) = found.differences
        line = firsts[name].rows[row].line
        assert (item.table, item.column, item.first_line, item.kind) == (name, column, line, kind)
        assert (item.second_line, item.second) == (order.index(row) + 2, rows[row][at])
        assert item.first == " ".join(before.split())
        overall = found.overall
        assert overall.cells - overall.agree == (kind in (BLANK, DIFFER)) == len(found.to_resolve)


def test_the_shipped_tables_agree_with_themselves(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "extracted")
    shutil.copytree(SHIPPED, tmp_path / "extracted/second", ignore=lambda *_: ["README.md"])
    findings = Findings()
    found = compare_folders(tmp_path, findings)
    assert found is not None and findings.problems == []
    assert list(found.tables) == SHIPPED_TABLES
    assert found.differences == () and found.overall.percent == 100
    for item in found.columns:
        assert item.kappa in (None, 1)
        assert {item.bias, item.limit_low, item.limit_high} <= {None, 0}
        assert item.icc is None or item.icc == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_any_order_of_columns_and_rows_lost_added_and_repeated_is_told(tmp_path, seed):
    draw = random.Random(seed)
    header = ["study", "arm", "time_months", "events", "total", "value_status", "note"]
    arms, times = ("x", "y"), ("6", "12")
    rows = [
        [f"S{i}", arm, t, str(draw.randint(0, 9)), str(draw.randint(10, 99)), "reported", "w"]
        for i in range(5)
        for arm in arms
        for t in times
    ]
    lost = set(draw.sample(range(len(rows)), draw.randint(0, 5)))
    added = [f"N{i}" for i in range(draw.randint(0, 3))]
    repeated = draw.random() < 0.3
    order = draw.sample(range(len(header)), len(header))
    theirs = [[*row, "extra"] for i, row in enumerate(rows) if i not in lost]
    theirs += [[name, "x", "6", "1", "20", "reported", "w", "extra"] for name in added]
    if repeated:
        theirs.append(theirs[0])
    draw.shuffle(theirs)
    moved = [[row[i] for i in order] + row[-1:] for row in theirs]
    second = as_text([header[i] for i in order] + ["sd"], [[*row[:-1], "1"] for row in moved])
    folder = review(tmp_path, {"a.csv": as_text(header, rows)}, {"a.csv": second})
    findings = Findings()
    found = compare_folders(folder, findings)
    if repeated:
        (problem,) = findings.problems
        assert "repeats the row" in problem.rule
        return
    assert found is not None and findings.problems == []
    lines = [item.first_line for item in found.differences if item.kind == FIRST_ONLY]
    assert lines == sorted(i + 2 for i in lost)
    assert sorted(d.study for d in found.differences if d.kind == SECOND_ONLY) == added
    assert found.rows == len(rows) - len(lost)
    assert found.overall.agree == found.overall.cells == 3 * found.rows
    assert any(notice.column == "column 'sd'" for notice in findings.notices)


def test_a_disagreement_is_a_question_and_other_digits_are_information(tmp_path):
    header = "study,unit,events,mean\n"
    found = compared(
        tmp_path,
        header + "S1,patient,2,2.30\nS2,patient,1,4\nS3,patient,1,4\nS4,patient,1,4\n",
        header + "S1,patient,3,2.3\nS2,patient,,4\nS3,screw,1,4\nS5,patient,1,4\n",
    )
    said = second_words.findings_of(found)
    assert [(table, line, f.level, f.columns) for table, line, f in said] == [
        ("a.csv", 2, QUESTION, ("events",)),
        ("a.csv", 2, INFO, ("mean",)),
        ("a.csv", 3, QUESTION, ("events",)),
        ("a.csv", 4, QUESTION, ("unit",)),
        ("a.csv", 5, INFO, ("study",)),
    ]
    first, digits, _, row, study = (finding for _, _, finding in said)
    assert {f.check for *_, f in said} == {check.code for check in second_words.CHECKS}
    assert (first.printed, first.allowed) == ("events 2", "3 in the second extraction")
    assert first.arithmetic == (
        "events is 2 in extracted/a.csv, line 2, and 3 in extracted/second/a.csv, line 2"
    )
    assert digits.arithmetic.endswith("; as numbers they are equal")
    assert row.arithmetic == (
        "the row in line 4 of extracted/a.csv has no counterpart in extracted/second/a.csv; it may "
        "be the row in line 4 of extracted/second/a.csv, which differs in unit (patient here, screw"
        " there)"
    )
    assert study.arithmetic.endswith(": the second extraction has no row of this study")


def test_when_all_is_resolved_nothing_is_left_to_ask(tmp_path):
    found = compared(tmp_path, HEADER + ROWS, HEADER + ROWS)
    assert second_words.findings_of(found) == []
    assert second_words.summary(found) == "second extraction: 9 of 9 cells agree"


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (ROWS.replace("S1,patient,2", "S1,patient,3"), "8 of 9 cells agree; 1 to resolve"),
        (ROWS.replace("S3,screw", "S4,screw"), "6 of 6 cells agree; 2 rows stand in one"),
        (ROWS.replace("S3,screw,5,200,reported,c\n", ""), "6 of 6 cells agree; 1 row stands in"),
    ],
)
def test_the_summary_counts_what_is_to_resolve(tmp_path, second, words):
    found = compared(tmp_path, HEADER + ROWS, HEADER + second)
    assert second_words.summary(found).startswith(f"second extraction: {words}")


def test_the_command_writes_both_tables_and_touches_nothing_else(tmp_path, capsys):
    second = ROWS.replace("S1,patient,2", "S1,patient,3").replace("200,reported", "200,")
    folder = review(tmp_path, {"a.csv": HEADER + ROWS}, {"a.csv": HEADER + second})
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    run_compare(folder)
    printed = capsys.readouterr().out
    assert printed.startswith("second extraction: 7 of 9 cells agree; 2 to resolve\n")
    assert "a.csv, S1, unit patient, events: differ, 2 (line 2) and 3 (line 2)" in printed
    after = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    made = {folder / compare.LIST_FILE, folder / compare.AGREEMENT_FILE}
    assert after.keys() - before.keys() == made
    assert all(after[path] == content for path, content in before.items())
    run_compare(folder)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == after
    with open(folder / compare.LIST_FILE, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(r["study"], r["column"], r["first"], r["second"], r["kind"]) for r in rows] == [
        ("S1", "events", "2", "3", "differ"),
        ("S3", "value_status", "reported", "", "blank"),
    ]
    assert rows[0]["difference"] == "'-1" or rows[0]["difference"] == "-1"
    with open(folder / compare.AGREEMENT_FILE, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == second_words.AGREEMENT_COLUMNS
    assert [(r["table"], r["column"], r["cells"], r["agree"]) for r in rows] == [
        ("a.csv", "events", "3", "2"),
        ("a.csv", "total", "3", "3"),
        ("a.csv", "value_status", "3", "2"),
        ("a.csv", "", "9", "7"),
        ("", "", "9", "7"),
    ]


@pytest.mark.parametrize("second", [None, {"a.csv": "study,unit,events\nS1,patient,x\n"}])
def test_the_command_writes_nothing_where_it_refuses(tmp_path, second):
    folder = review(tmp_path, {"a.csv": HEADER + ROWS}, second)
    with pytest.raises(TableError, match="extracted/second"):
        run_compare(folder)
    assert not (folder / "results").exists()


def test_the_command_says_which_folder_is_missing(tmp_path):
    with pytest.raises(TableError, match="extracted: does not exist"):
        run_compare(tmp_path)


def test_cells_that_a_spreadsheet_would_execute_are_neutralised(tmp_path):
    header = "study,label,year,included,setting\n"
    found = compared(
        tmp_path,
        header + "S1,A,2001,yes,=cmd()\n",
        header + "S1,A,2001,yes,+x\n",
        "studies.csv",
    )
    assert "'=cmd()" in second_words.list_csv(found) and "'+x" in second_words.list_csv(found)


@pytest.mark.parametrize(
    ("percent", "words"),
    [
        (100.0, "100.0 %"),
        (99.97, "99.9 %"),
        (98.0952, "98.1 %"),
        (0.01, "0.1 %"),
        (0.0, "0.0 %"),
        (None, ""),
    ],
)
def test_only_full_agreement_is_called_100_percent(percent, words):
    assert second_words.percent_words(percent) == words


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"kappa": 1.0}, "kappa 1.00"),
        ({"kappa": 0.9961, "kappa_low": 0.4, "kappa_high": 1.0}, "kappa above 0.99 (0.40 to 1.00)"),
        ({"icc": 0.994}, "ICC 0.99"),
        ({"icc": 0.9999}, "ICC above 0.99"),
        ({"icc": -0.0}, "ICC 0.00"),
        (
            {"bias": -1234.4, "limit_low": -25000.0, "limit_high": 12.345},
            "bias -1234 (limits -25000 to 12.3)",
        ),
        ({"bias": -0.0, "limit_low": 0.0, "limit_high": 1e20}, "bias 0 (limits 0 to 1e+20)"),
    ],
)
def test_only_a_statistic_of_1_is_called_1_and_numbers_are_written_out(figures, words):
    item = Agreement("a.csv", "n", CATEGORY, 9, 8, 0, 1, 0, **figures)
    assert second_words.statistics_words(item) == words


def test_a_linked_folder_of_tables_is_not_followed(tmp_path):
    folder = review(tmp_path / "e", {"a.csv": HEADER + ROWS}, {"a.csv": HEADER + ROWS})
    (tmp_path / "r").mkdir()
    (tmp_path / "r/extracted").symlink_to(folder / "extracted", target_is_directory=True)
    findings = Findings()
    assert compare_folders(tmp_path / "r", findings) is None
    assert findings == Findings()
    with pytest.raises(TableError, match="extracted: is a link"):
        run_compare(tmp_path / "r")


def test_the_section_of_the_report_is_plain_values(tmp_path):
    second = ROWS.replace("S1,patient,2", "S1,patient,3").replace("S3,screw", "S3,patient")
    found = compared(tmp_path, HEADER + ROWS, HEADER + second)
    section = second_words.comparison_section(found)
    assert section["sentence"] == (
        "5 of 6 cells agree; 1 to resolve; 2 rows stand in one extraction only"
    )
    assert (section["rows"], section["percent"], section["to_resolve"]) == (2, "83.3 %", 1)
    assert section["differences"][0]["first"] == "2 (line 2)"
    assert [item["kind"] for item in section["differences"]] == [
        "differ",
        "in the first only",
        "in the second only",
    ]

    def plain(value: object) -> bool:
        if isinstance(value, dict):
            return all(isinstance(k, str) and plain(v) for k, v in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return isinstance(value, str | int)

    assert plain(section)


@pytest.mark.alone
def test_twenty_tables_of_500_rows_are_compared_in_less_than_half_a_second(tmp_path):
    header = (
        "study,arm,unit,definition,time_months,events,total,mean,sd,n,value_status,quote,note\n"
    )
    body = "".join(
        f"S{i // 2},{'ab'[i % 2]},patient,any,{i % 7},{i % 13},{20 + i % 50},{i * 0.37:.2f},"
        f"{1 + i % 5}.30,{20 + i % 50},reported,some words of the source,a note\n"
        for i in range(500)
    )
    path = tmp_path / "t.csv"
    path.write_text(header + body)
    first = read_table(path, "extracted/t.csv", Findings())
    path.write_text(
        header + body.replace("patient,any,3,", "patient,any,3.0,").replace("7,1.", "8,1.")
    )
    second = read_table(path, "extracted/second/t.csv", Findings())
    assert isinstance(first, Table) and isinstance(second, Table)
    times = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(20):
            compare_tables(first, second, Findings())
        times.append(time.process_time() - start)
    assert min(times) < 0.5


def test_the_example_of_the_page_prints_what_the_page_says(tmp_path, capsys):
    page = (ROOT / "docs/audit/second-extraction.md").read_text(encoding="utf-8")
    first, second, printed = re.findall(r"^```\w+\n(.*?)^```$", page, re.M | re.S)
    run_compare(review(tmp_path, {"loosening.csv": first}, {"loosening.csv": second}))
    assert capsys.readouterr().out == printed


def test_the_page_explains_every_kind_and_every_column():
    page = (ROOT / "docs/audit/second-extraction.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| ")]
    explained = {name.strip(" `") for row in rows for name in row.split(",")}
    assert second_words.KINDS.keys() <= explained
    own = {"table", "column"}
    assert set(second_words.AGREEMENT_COLUMNS) - own <= explained
    assert {check.code for check in second_words.CHECKS} <= set(re.findall(r"`(\w+)`", page))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_bytes_a_second_table_has_only_problems_are_told(tmp_path_factory, data):
    name = data.draw(st.sampled_from(SHIPPED_TABLES))
    content = bytearray((SHIPPED / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 5))
        content[at : at + length] = data.draw(st.binary(max_size=4) | st.sampled_from(ODD))
    folder = tmp_path_factory.mktemp("fuzz")
    review(folder, {name: (SHIPPED / name).read_text(encoding="utf-8")}, {})
    (folder / "extracted/second" / name).write_bytes(content)
    findings = Findings()
    found = compare_folders(folder, findings)
    assert found is not None
    assert found.tables == (name,) or findings.problems
    for text in (second_words.list_csv(found), second_words.agreement_csv(found)):
        assert text.encode("utf-8").endswith(b"\n")
    assert second_words.comparison_section(found)["cells"] == found.overall.cells
    assert all(finding.arithmetic for *_, finding in second_words.findings_of(found))


def test_tables_that_were_read_already_are_not_read_again(tmp_path):
    folder = review(tmp_path, {"a.csv": HEADER + ROWS}, {"a.csv": HEADER + ROWS})
    first = read_table(folder / "extracted/a.csv", "extracted/a.csv", Findings())
    assert first is not None
    (folder / "extracted/a.csv").write_text("study,events\nS1,x\n")
    findings = Findings()
    found = compare_folders(folder, findings, {"a.csv": first})
    assert found is not None and found.rows == 3 and findings.problems == []
