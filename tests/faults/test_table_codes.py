"""Every code of a message about tables has a meaning, a page, and an example that is made."""

import ast
import os
import re
from pathlib import Path

import pytest
from table_reviews import HEADER, MEANS, SOUND, Content, write

from metamill.config import plain_text
from metamill.errors import ConfigError, Problem, TableError
from metamill.jobs import plan
from metamill.tables.error_codes import CODES
from metamill.tables.reader import MAX_BYTES

REPOSITORY = Path(__file__).resolve().parents[2]
TABLES = REPOSITORY / "workflow" / "metamill" / "tables"
PAGE = REPOSITORY / "docs" / "errors" / "tables.md"
ARMS = "study,arm,events,total\n"
GENERIC = "study,estimate,ci_low,ci_high,scale\n"
BIAS = "study,tool,domain,judgement,support,source,location\n"
STATED = "study,quantity,group,section,source,location,n\n"


def bias(*rows: str, header: str = BIAS) -> dict[str, Content]:
    return {"a.csv": SOUND, "risk_of_bias.csv": header + "".join(f"{row}\n" for row in rows)}


def stated(row: str, more: str = "") -> dict[str, Content]:
    header = STATED.replace("\n", f"{more}\n")
    return {"a.csv": SOUND, "statements.csv": f"{header}{row}\n"}


def described(*studies: str) -> dict[str, Content]:
    return {"a.csv": SOUND, "studies.csv": "study,cohort\n" + "".join(f"{s}\n" for s in studies)}


def _unlinked(path: Path) -> None:
    path.with_name("b.csv").write_text(SOUND)
    path.symlink_to("b.csv")


EXAMPLES: dict[str, Content | dict[str, Content]] = {
    "blank-label": "study,events,,total\nA,1,x,10\n",
    "blank-row": HEADER + "A,1,10\n\n\nB,2,20\n",
    "byte-order-mark": "\ufeff" + SOUND,
    "cell-too-long": f"study,events,total,note\nA,1,10,{'x' * 10_001}\n",
    "cleaned-cell": HEADER + "A,1, 10\nB,2,20\n",
    "cleaned-label": "study,events, total \nA,1,10\n",
    "comment-row": SOUND + "# checked twice,,\n",
    "computed-overall": bias("A,MINORS,overall,20,,p. 3,table 1"),
    "constraint-error": SOUND + "C,1,0\n",
    "date-or-range": HEADER + "A,3-Oct,10\nB,2,20\n",
    "date-serial": HEADER + "A,1,44837\nB,2,20\n",
    "duplicate-label": "study,events,total,total\nA,1,10,10\n",
    "duplicate-study": described("A,x", "B,y", "A,z"),
    "empty-column": "study,events,total,\nA,1,10,\nB,2,20,\n",
    "empty-file": "",
    "encoding-error": SOUND.encode() + b"M\xfcller,1,9\n",
    "extra-cell": HEADER + "A,1,10,5\nB,2,20\n",
    "file-too-large": SOUND.encode() + b" " * MAX_BYTES,
    "forbidden-character": SOUND + "C\x07,1,9\n",
    "further-problems": HEADER + "".join(f"S{i},x,10\n" for i in range(250)),
    "header-not-first": "Table 1. Leakage,,\n" + SOUND,
    "incorrect-label": "study,evnets,total\nA,1,10\n",
    "invisible-mark": "study,events,total,note\nA,1,10,\u202eabc\nB,2,20,\n",
    "label-too-long": f"study,events,total,{'x' * 101}\nA,1,10,x\n",
    "missing-cell": HEADER + "A,1\nB,2,20\n",
    "missing-label": "study,events,number\nA,1,10\nB,2,20\n",
    "missing-number": HEADER + "A,1,10\nB,,20\n",
    "missing-study": SOUND + ",3,30\n",
    "missing-value": stated("A,age,patients,,p. 3,table 1,30"),
    "mixed-units": "study,unit,events,total\nA,patient,1,10\nB,screw,2,60\n",
    "mojibake": "study,events,total,note\nA,1,10,M\u00c3\u00bcller\nB,2,20,\n",
    "near-duplicate-study": HEADER + "Müller 2019,1,10\nMuller 2019,2,20\n",
    "near-equal-level": ARMS + "A,cement,1,10\nB,Cement,2,20\nC,none,1,9\n",
    "no-rows": HEADER,
    "not-a-count": HEADER + "A,66.7,100\nB,2,20\n",
    "not-a-regular-file": _unlinked,
    "open-table": {"a.csv": SOUND, "~$a.csv": "x"},
    "other-digits": HEADER + "A,１,10\nB,2,20\n",
    "part-of-itself": stated("A,age,patients,text,p. 3,table 1,30,Patients", more=",part_of"),
    "repeated-judgement": bias("A,RoB2,D1,low,,,", "A,RoB2,D1,high,,,"),
    "repeated-row": ARMS + "A,x,1,10\nA,x,2,10\n",
    "repeated-study": ARMS + "A,x,1,10\nA,y,2,10\n",
    "second-tool": bias("A,RoB2,D1,low,,,", "A,ROBINS-I,D2,low,,,"),
    "shared-cohort": described("A,MADRID", "B,MADRID"),
    "sum-of-others": HEADER + "A,1,10\nB,2,20\nC,3,25\nD,5,55\n",
    "text-after-quote": HEADER + '"A" 2019,1,10\n',
    "thousands-separator": HEADER + 'A,1,"1,234"\nB,2,20\n',
    "too-many-columns": "study" + ",x" * 1000 + "\n",
    "too-many-rows": HEADER + "A,1,10\n" * 100_001,
    "total-row": SOUND + "Total,3,30\n",
    "unclosed-quote": HEADER + 'A,1,10\n"B,2,20\n',
    "undescribed-study": HEADER + "A,1,10\nMuster 2020,2,20\n",
    "unjudged-domain": bias("A,RoB2,D1,low,,,", "A,RoB2,overall,low,,,"),
    "unjudged-study": bias("A,RoB2,D1,low,,,"),
    "unknown-domain": bias("A,RoB2,D6,low,,,"),
    "unknown-instrument": stated("A,pain,patients,text,p. 3,table 1,30,VAScm", more=",instrument"),
    "unknown-judgement": bias("A,RoB2,D1,lwo,,,"),
    "unknown-outcome": bias("A,RoB2,D1,low,,,,leakage", header=BIAS.replace("\n", ",outcome\n")),
    "unknown-tool": bias("A,RoB3,D1,low,,,"),
    "unread-column": bias("A,RoB2,D1,low,,,,JD", header=BIAS.replace("\n", ",judged_by\n")),
    "unread-file": {"a.csv": SOUND, "a.csv.bak": SOUND},
    "wrong-order": HEADER + "A,12,10\nB,2,20\n",
    "wrong-separator": "study;events;total\nA;1;10\n",
}
"""The tables that bring forth each message, where the measure is PLO."""
OF_MEANS: dict[str, str] = {
    "decimal-comma": MEANS + 'A,"1,5",2,10\nB,2,3,12\n',
    "extreme-number": MEANS + "A,1e400,2,10\nB,2,3,12\n",
    "missing-token": MEANS + "A,NR,2,10\nB,2,3,12\n",
    "other-dash": MEANS + "A,2–4,2,10\nB,2,3,12\n",
    "type-error": MEANS + "A,78 ± 18.8,2,10\nB,2,3,12\n",
}
OF_ESTIMATES: dict[str, str] = {
    "mixed-scales": GENERIC + "A,0.5,0.2,0.9,log\nB,0.5,0.1,0.8,logit\n",
    "other-ci-level": GENERIC.replace("scale", "scale,ci_level") + "A,0.5,0.2,0.9,log,90\n",
    "outside-scale": GENERIC + "A,0.5,-0.2,0.9,log\nB,0.5,0.1,0.8,log\n",
    "unknown-scale": GENERIC + "A,0.5,0.2,0.9,0-10\n",
}
OF_SETTINGS: dict[str, str] = {
    "empty-pool": "exclude: [{arm: [x, y], reason: other}]",
    "filter-without-rows": "exclude: [{study: A, arm: y, reason: other}]",
    "idle-filter": (
        "exclude: [{study: A, reason: other}], sensitivity: [{name: b, exclude: {study: A}}]"
    ),
    "level-per-study": "moderators: [study]",
    "moderator-of-effect": "moderators: [events]",
    "reference-of-numbers": "moderators: [{columns: [year], reference: {year: 2001}}]",
    "unknown-cohort": "same_cohort: {MADRID: other patients}",
    "unknown-column": "subgroups: [region]",
    "unknown-level": "select: {arm: z}",
    "unselected-row": "select: {arm: x}",
    "near-equal-level": "subgroups: [arm]",
}
"""Settings of an outcome whose table has A in arm x and B in arm y."""
TWO_ARMS = ARMS + "A,x,1,10\nB,y,2,20\n"


def _example(code: str, folder: Path) -> Problem:
    """The problem with this code that the example makes."""
    if code in OF_MEANS:
        write(folder, OF_MEANS[code], "MN")
    elif code in OF_ESTIMATES:
        write(folder, OF_ESTIMATES[code], "GEN")
    elif code in OF_SETTINGS:
        write(folder, EXAMPLES.get(code, TWO_ARMS), more=f", {OF_SETTINGS[code]}")
    else:
        write(folder, EXAMPLES.get(code, SOUND))
    if code == "missing-studies-table":
        (folder / "extracted" / "studies.csv").unlink()
    try:
        found = plan(folder).notices
    except (ConfigError, TableError) as error:
        found = error.problems
    return next(problem for problem in found if problem.code == code)


def _without_access(*_: object) -> int:
    raise PermissionError(13, "Permission denied")


def _strings(path: Path) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


MODULES = [
    *(path for path in sorted(TABLES.glob("*.py")) if path.name != "error_codes.py"),
    Path(plain_text.__file__),
]


def test_every_code_that_is_listed_is_used():
    assert set(CODES) <= set().union(*map(_strings, MODULES))


def test_no_problem_is_made_without_a_code_that_is_listed():
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "Problem",
                "WrongSetting",
            ):
                last = 7 if node.func.id == "Problem" else 5
                given = {word.arg: word.value for word in node.keywords}
                code = given.get("code", node.args[-1] if len(node.args) == last else None)
                assert code is not None, f"{path.name}:{node.lineno}"
                if isinstance(code, ast.Constant):
                    assert code.value in CODES, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("code", CODES)
def test_the_page_explains_every_code_with_a_message_that_is_made(tmp_path, monkeypatch, code):
    folder = tmp_path / "review"
    if code in ("missing-file", "unreadable-file"):
        monkeypatch.setattr(os, "open", _without_access if code == "unreadable-file" else os.open)
        said = str(plain_text.read_bytes(folder / "extracted" / "a.csv", "extracted/a.csv", 9))
    else:
        said = str(_example(code, folder))
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {code}\n")[1].split("\n## ")[0]
    assert f"    {said}\n" in section
    meaning = CODES[code]
    assert f"{meaning[0].upper()}{meaning[1:]}." in re.sub(r"\s+", " ", section)
    for part in ("Usual cause:", "What to do:"):
        assert section.count(part) == 1


def test_the_page_has_no_section_without_a_code():
    headings = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert headings == sorted(CODES)
