"""Files beside the tables that nothing reads: named, so that no table is forgotten in silence."""

import os
from collections.abc import Collection
from pathlib import Path

from metamill.errors import Problem

_BESIDE = ("excluded.csv", "readme.md", "readme.txt", "readme")
"""Files for people."""
_SECOND = "second"
"""The folder of a second extraction, spelt as it is read."""
_OF_SYSTEMS = (".ds_store", "thumbs.db", "desktop.ini", ".git", ".gitkeep", ".gitignore")


def unread_files(extracted: Path, read: Collection[str]) -> list[Problem]:
    """A note for each file in the folder `extracted` whose name is not in `read`.

    Files of an operating system are passed over: a note on them would come and go.
    """
    notices = []
    for name in sorted(os.listdir(extracted)):
        if name in read or name == _SECOND or name.casefold() in (*_BESIDE, *_OF_SYSTEMS):
            continue
        table = _locked(name)
        rule, advice, code = (
            "is read by nothing",
            "Name it in config.yaml, or remove it",
            "unread-file",
        )
        if table:
            rule, code = f"shows that {table} is open in a spreadsheet", "open-table"
            advice = "Save and close it, so that what is read is what you see"
        notices.append(Problem(f"{extracted.name}/{name}", rule, advice, code=code))
    return notices


def _locked(name: str) -> str:
    """The table that a lock file of a spreadsheet program is for, or ""."""
    if name.startswith(".~lock.") and name.endswith("#"):
        return name.removeprefix(".~lock.").removesuffix("#")
    return name.removeprefix("~$") if name.startswith("~$") else ""
