"""Reading and writing at the edges: atomic writes and text that is the same bytes every time."""

import csv
import hashlib
import io
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SIGNIFICANT_JSON = 12
SIGNIFICANT_TABLE = 10


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` in one step: a killed run leaves the old file or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode("utf-8"))


def significant(value: float, digits: int) -> float | None:
    """`value` rounded to significant digits; None for nan and infinities; -0 becomes 0."""
    if not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}") + 0.0


def rounded(value: Any, digits: int) -> Any:
    """Plain data with every float in it rounded to significant digits."""
    if isinstance(value, float):
        return significant(value, digits)
    if isinstance(value, Mapping):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    return value


def json_text(value: Any) -> str:
    """JSON with sorted keys and 12 significant digits, so that last-bit noise never shows."""
    return (
        json.dumps(
            rounded(value, SIGNIFICANT_JSON),
            sort_keys=True,
            indent=1,
            ensure_ascii=False,
            allow_nan=False,
        )
        + "\n"
    )


def canonical_json(value: Any) -> str:
    """One line of JSON in which equal values are equal text; for digests and rule parameters."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(text: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of `text`."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


_FORMULA = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_STARTS_CELL = re.compile(rf"(^|; ?)('*)(?={_FORMULA})")
"""Where a spreadsheet may begin a cell with a formula: it may divide lines at semicolons."""
_QUOTED = re.compile(rf"(^|; ?)'('*)(?={_FORMULA})")


def inert(text: str) -> str:
    """`text` with an apostrophe wherever a spreadsheet would begin to execute it.

    OWASP ASVS 5.0, 1.2.10. Ordinary text is unchanged, and `plain_cell` turns every text back.
    """
    return _STARTS_CELL.sub(r"\1'\2", text)


def plain_cell(cell: str) -> str:
    """What a cell of a table that metamill wrote says, without the apostrophes of `inert`."""
    return _QUOTED.sub(r"\1\2", cell)


def _cell(value: Any) -> str:
    """One table cell: numbers at 10 significant digits, text that no spreadsheet will execute."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        rounded = significant(value, SIGNIFICANT_TABLE)
        return "" if rounded is None else f"{rounded:.{SIGNIFICANT_TABLE}g}"
    return inert(" ".join(str(value).split()))


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A CSV table with LF line ends and the given columns in the given order."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(_cell, columns))
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return buffer.getvalue()
