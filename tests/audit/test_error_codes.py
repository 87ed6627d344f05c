"""Every code of a message stands in one list; those of the audit are made and explained."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from metamill.audit.error_codes import CODES
from metamill.audit.second.folders import compare_folders
from metamill.commands.check import refuse_empty
from metamill.commands.compare import _nothing
from metamill.config import error_codes as of_config
from metamill.errors import AuditBlock, ConfigError, Problem, TableError
from metamill.jobs import plan
from metamill.tables import error_codes as of_tables
from metamill.tables.table import Findings

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "workflow" / "metamill"
PAGE = REPOSITORY / "docs" / "errors" / "audit.md"
CONFIG = """\
review: {title: A review}
outcomes:
  pain:
    title: Pain
    table: pain.csv
    measure: MN
"""
TABLE = "study,mean,sd,n,min,max\nA,8.2,1.8,30,7,9\nB,5.1,1.2,25,,\n"
SHARES = CONFIG.replace("MN", "PR")
SHARE_TABLE = "study,percent,total\nA,12,28\nB,25,40\n"


def accept(conditions: str) -> str:
    return f"    audit: {{accept: [{{{conditions}, reason: known}}]}}\n"


def write(folder: Path, config: str, table: str = TABLE) -> Path:
    (folder / "extracted").mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    (folder / "extracted" / "pain.csv").write_text(table, encoding="utf-8")
    return folder


def second(folder: Path, *names: str) -> list[Problem]:
    (folder / "extracted" / "second").mkdir()
    for name in names:
        shutil.copy(folder / "extracted" / "pain.csv", folder / "extracted" / "second" / name)
    findings = Findings()
    compare_folders(folder, findings)
    return [*findings.problems, *findings.notices]


def refused(folder: Path) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        plan(folder)
    return list(caught.value.problems)


def made(code: str, folder: Path) -> list[Problem]:
    """The messages of a review that has this fault."""
    match code:
        case "acceptance-without-number":
            return refused(write(folder, SHARES + accept("study: A"), SHARE_TABLE))
        case "idle-acceptance":
            return refused(write(folder, CONFIG + accept("study: B")))
        case "nothing-left":
            only = TABLE.replace("B,5.1,1.2,25,,\n", "")
            with pytest.raises(AuditBlock) as caught:
                refuse_empty(plan(write(folder, CONFIG, only)))
            return list(caught.value.problems)
        case "misnamed-file":
            (write(folder, CONFIG) / "extracted" / "Risk-of-bias.csv").touch()
            with pytest.raises(TableError) as unread:
                plan(folder)
            return list(unread.value.problems)
        case "missing-second":
            return [_nothing(write(folder, CONFIG))]
        case "copied-extraction":
            quoted = TABLE.replace("max\n", "max,quote\n").replace("7,9", "7,9,as printed")
            return second(write(folder, CONFIG, quoted.replace("25,,", "25,,,")), "pain.csv")
        case "nothing-to-compare":
            return second(write(folder, CONFIG))
        case "second-without-first":
            return second(write(folder, CONFIG), "pian.csv")
    write(folder, CONFIG)
    (folder / "extracted" / "second").mkdir()
    (folder / "extracted" / "second" / "notes.txt").touch()
    findings = Findings()
    compare_folders(folder, findings)
    return findings.notices


@pytest.mark.parametrize("code", CODES)
def test_the_page_explains_every_code_with_a_message_that_is_made(
    tmp_path: Path, code: str
) -> None:
    (said,) = {str(problem) for problem in made(code, tmp_path) if problem.code == code}
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {code}\n")[1].split("\n## ")[0]
    assert f"    {said}\n" in section
    meaning = CODES[code]
    assert f"{meaning[0].upper()}{meaning[1:]}." in re.sub(r"\s+", " ", section)


def test_the_page_has_a_section_for_each_code_and_no_other() -> None:
    assert re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.M) == sorted(CODES)


def test_every_code_of_the_package_is_in_one_of_the_lists() -> None:
    used = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code":
                value = node.value
                if isinstance(value, ast.Constant) and re.search("[a-z]-[a-z]", str(value.value)):
                    used.add(value.value)
    assert used <= CODES.keys() | of_config.CODES.keys() | of_tables.CODES.keys()
