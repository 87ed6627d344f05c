"""results.lock: the published record of a review, one number or hash a line.

    number <outcome> | <analysis> | <column> = <value>
    sha256 <file> = <hash>

The hash of crosscheck.csv leaves out the columns with the other engines' digits, the last of which
depend on the processor: what is recorded is which numbers were recomputed, by what, and that they
agree.

Lines are sorted as summary.csv and the manifest are, so that a change of one number is a change
of one line.
"""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from metamill.files import csv_text
from metamill.record.manifest import read_manifest

HEADER = "# metamill results.lock 1: every number of summary.csv and the hash of every output\n"
CROSSCHECK = "crosscheck.csv"
MACHINE_DEPENDENT = ("theirs", "difference", "tolerance")
_WORDS = ("outcome", "analysis", "measure", "unit", "method", "test", "note")
_AGREES = 1e-9
"""One unit in the tenth digit, all that another processor may change."""


@dataclass(frozen=True)
class Lock:
    """Numbers by (outcome | analysis | column) and hashes by file."""

    numbers: dict[str, str]
    hashes: dict[str, str]


@dataclass(frozen=True)
class Drift:
    """One difference between the record and a rebuilt result; an absent side is ''."""

    what: str
    recorded: str
    rebuilt: str
    numeric: bool


def from_results(results: Path) -> Lock:
    """The record of the finished results in a folder; EnvironmentFault if they are not finished."""
    manifest = read_manifest(results)
    with open(results / "summary.csv", encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    numbers = {
        f"{row['outcome']} | {row['analysis']} | {column}": value
        for row in rows
        for column, value in row.items()
        if column not in _WORDS and value
    }
    hashes = manifest["files"] | {CROSSCHECK: _crosscheck_hash(results / CROSSCHECK)}
    return Lock(numbers, dict(sorted(hashes.items())))


def _crosscheck_hash(path: Path) -> str:
    with open(path, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    kept = [name for name in (rows[0] if rows else {}) if name not in MACHINE_DEPENDENT]
    return hashlib.sha256(csv_text(kept, rows).encode("utf-8")).hexdigest()


def to_text(lock: Lock) -> str:
    numbers = "".join(f"number {key} = {value}\n" for key, value in lock.numbers.items())
    hashes = "".join(f"sha256 {key} = {value}\n" for key, value in lock.hashes.items())
    return HEADER + numbers + hashes


def from_text(text: str) -> Lock:
    """Parse a lock file. Raises ValueError at a line that is not one of a lock."""
    numbers: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for index, line in enumerate(text.splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        kind, _, rest = line.partition(" ")
        key, separator, value = rest.rpartition(" = ")
        if kind not in ("number", "sha256") or not separator:
            raise ValueError(f"line {index} is not a line of a lock file: {line[:60]!r}")
        known = numbers if kind == "number" else hashes
        if key in known:
            raise ValueError(f"line {index} repeats {key!r}")
        known[key] = value
    return Lock(numbers, hashes)


def compare(recorded: Lock, rebuilt: Lock) -> list[Drift]:
    """Every number and hash that differs, is missing, or is new."""
    drifts = []
    for old, new, numeric in (
        (recorded.numbers, rebuilt.numbers, True),
        (recorded.hashes, rebuilt.hashes, False),
    ):
        for key in dict.fromkeys([*old, *new]):
            before, after = old.get(key, ""), new.get(key, "")
            if before != after and not (numeric and _same_number(before, after)):
                drifts.append(Drift(key, before, after, numeric))
    return drifts


def _same_number(before: str, after: str) -> bool:
    try:
        a, b = float(before), float(after)
    except ValueError:
        return False
    return abs(a - b) <= _AGREES * max(abs(a), abs(b))
