"""Made-up reviews of one outcome, and what `metamill check` says of their tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from metamill.cli import main

HEADER = "study,events,total\n"
SOUND = HEADER + "A,1,10\nB,2,20\n"
MEANS = "study,mean,sd,n\n"
CONFIG = """\
review: {{title: A made-up review}}
outcomes:
  a: {{title: A, table: a.csv, measure: {measure}{more}}}
"""
STUDIES = "study,year\nA,2001\nB,2002\nC,2003\nD,2004\n"

Content = str | bytes | Callable[[Path], object]
"""What a file holds, or what puts something else in its place."""


@dataclass(frozen=True)
class Said:
    """How `metamill check` ended: its exit code, its notes and its errors, one a line."""

    code: int
    notes: tuple[str, ...]
    errors: tuple[str, ...]


def write(
    folder: Path, table: Content | Mapping[str, Content], measure: str = "PLO", more: str = ""
) -> Path:
    """A review whose outcome `a` is made of a.csv; `more` are further settings of the outcome."""
    files = table if isinstance(table, Mapping) else {"a.csv": table}
    (folder / "extracted").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG.format(measure=measure, more=more), encoding="utf-8")
    for name, content in ({"studies.csv": STUDIES} | dict(files)).items():
        path = folder / "extracted" / name
        if callable(content):
            content(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def check(folder: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Run the command in this process; one that refuses a review writes nothing."""
    before = sorted(folder.rglob("*"))
    code = main(["check", str(folder)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    if code:
        assert sorted(folder.rglob("*")) == before
    _, _, noted = out.partition("Read and noted:\n")
    return Said(code, _indented(noted), _indented(err.partition("\n")[2]))


def _indented(text: str) -> tuple[str, ...]:
    """The lines at the beginning of a text that are set in by two spaces."""
    lines = takewhile(lambda line: line.startswith("  "), text.splitlines())
    return tuple(line.removeprefix("  ") for line in lines)
