"""A small review whose config.yaml a test writes, and what `metamill check` says of it."""

from pathlib import Path

import pytest

from metamill.cli import main

CONFIG = """\
review: {title: A review}
outcomes:
  event:
    title: Event
    table: a.csv
    measure: PLO
"""
TABLE = (
    "study,arm,unit,events,total\n"
    "A,x,patient,1,10\nB,x,patient,2,12\nC,x,patient,4,30\nD,x,patient,3,20\nE,x,patient,2,25\n"
)
STUDIES = "study,label\nA,A 2001\nB,B 2002\nC,C 2003\nD,D 2004\nE,E 2005\n"
SETTINGS_REFUSED = 2


class Review:
    """A review whose config.yaml a test writes; `check` asks metamill what it makes of it."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]):
        self.outside, self.folder, self.capsys = path, path / "a review", capsys
        (self.folder / "extracted").mkdir(parents=True)
        (self.folder / "extracted" / "a.csv").write_text(TABLE, encoding="utf-8")
        (self.folder / "extracted" / "studies.csv").write_text(STUDIES, encoding="utf-8")

    def write(self, content: str | bytes) -> None:
        raw = content if isinstance(content, bytes) else content.encode()
        (self.folder / "config.yaml").write_bytes(raw)

    def check(self, content: str | bytes) -> tuple[int, str, str]:
        self.write(content)
        code = main(["check", str(self.folder)])
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def refused(self, content: str | bytes) -> str:
        """What is said of settings that are refused; nothing was written and nothing ran."""
        self.write(content)
        before = self.files()
        code, out, err = self.check(content)
        assert code == SETTINGS_REFUSED and not out
        assert "Traceback" not in err and "[" in err
        assert self.files() == before
        return err

    def accepted(self, content: str | bytes) -> str:
        code, out, err = self.check(content)
        assert (code, err) == (0, ""), err
        return out

    def files(self) -> list[str]:
        return sorted(path.as_posix() for path in self.outside.rglob("*"))


def event(*lines: str) -> str:
    """CONFIG with further lines in its outcome; the first of them is line 7."""
    return CONFIG + "".join(f"    {line}\n" for line in lines)


def named(name: str) -> str:
    return CONFIG.replace("  event:", f"  {name}:")


def tabled(table: str) -> str:
    return CONFIG.replace("a.csv", table)
