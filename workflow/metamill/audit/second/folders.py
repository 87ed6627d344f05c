"""A second extraction in extracted/second/, compared with extracted/ cell by cell.

Nothing is corrected: what differs is listed, for the two extractors to resolve at the source.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from metamill.audit.second.agreement import bland_altman, cohen_kappa, icc
from metamill.audit.second.comparison import (
    BLANK,
    CATEGORY,
    DIFFER,
    DIGITS,
    NUMBER,
    SPELLING,
    Agreement,
    Comparison,
    Difference,
    joined,
)
from metamill.audit.second.matching import (
    Key,
    Matched,
    file_of,
    key_of,
    keys_of,
    left_over,
    matched,
    row_words,
)
from metamill.config.plain_text import cleaned
from metamill.errors import Problem, did_you_mean
from metamill.tables.codebook import COLUMNS, PROSE, is_numeric
from metamill.tables.extracted import STUDIES
from metamill.tables.printed import unit
from metamill.tables.reader import read_table
from metamill.tables.risk_of_bias import FILE as RISK_OF_BIAS
from metamill.tables.table import Findings, Table
from metamill.tables.values import check_one_row_per_study, check_repeats, is_number

FOLDER = "extracted/second"
EXCLUDED = "excluded.csv"
_WORDS = {(RISK_OF_BIAS, "support")}
"""Columns of words besides those of the codebook."""
_LEVELS = {(RISK_OF_BIAS, "judgement")}
"""Columns that hold levels even where every level is written in digits."""


def compare_folders(
    folder: Path, findings: Findings, tables: Mapping[str, Table] | None = None
) -> Comparison | None:
    """Compare extracted/second/ of the review in `folder` with extracted/; None without one.

    `tables` are those tables of extracted/ that were read already and are sound, by file name.
    What stands in the way of a comparison (a table that is not sound, a row that matches several)
    goes into `findings.problems`, what was passed over into `findings.notices`.
    """
    extracted, place = folder / "extracted", folder / FOLDER
    if extracted.is_symlink() or not os.path.lexists(place):
        return None
    if not stat.S_ISDIR(place.lstat().st_mode):
        rule, advice = "is not a folder", "Put the folder of the second extraction itself there"
        findings.problems.append(Problem(FOLDER, rule, advice, code="not-a-regular-file"))
        return None
    compared = []
    for name in _table_names(place, findings):
        shown = _shown(name)
        if not os.path.lexists(extracted / name):
            rule = "has no table of the same name in extracted/"
            advice = did_you_mean(shown, _csv_names(extracted))
            findings.problems.append(
                Problem(f"{FOLDER}/{shown}", rule, advice, code="second-without-first")
            )
            continue
        first = (tables or {}).get(name) or _first_table(extracted / name, findings)
        second = _sound_table(place / name, f"{FOLDER}/{shown}", findings)
        if first is not None and second is not None:
            compared.append(compare_tables(first, second, findings))
    return joined(compared)


def _table_names(place: Path, findings: Findings) -> Iterator[str]:
    """The tables in extracted/second/; what else lies there is noted, but for hidden files."""
    count = 0
    for name in sorted(os.listdir(place)):
        if name.startswith((".", "~$")):
            continue
        if name == EXCLUDED:
            rule = "holds what was left out, and is not compared"
            findings.notices.append(Problem(f"{FOLDER}/{name}", rule, code="not-compared"))
        elif name.casefold().endswith(".csv"):
            count += 1
            yield name
        else:
            rule = "is not a table, and is not compared"
            file = f"{FOLDER}/{_shown(name)}"
            findings.notices.append(Problem(file, rule, code="not-compared"))
    if not count:
        rule = "holds no table to compare"
        findings.notices.append(Problem(FOLDER, rule, code="nothing-to-compare"))


def _shown(name: str) -> str:
    """A file name as one line that can be printed, whatever its bytes."""
    return cleaned(name.encode("utf-8", "backslashreplace").decode("utf-8"))


def _csv_names(folder: Path) -> list[str]:
    return [_shown(name) for name in os.listdir(folder) if name.casefold().endswith(".csv")]


def _first_table(path: Path, findings: Findings) -> Table | None:
    """A table of extracted/; its problems are told once, its notices by whoever uses it."""
    own = Findings()
    table = _sound_table(path, f"extracted/{_shown(path.name)}", own)
    findings.problems += [item for item in own.problems if item not in findings.problems]
    return table


def _sound_table(path: Path, name: str, findings: Findings) -> Table | None:
    """The table at `path`, or None if reading it found a problem."""
    own = Findings()
    table = read_table(path, name, own)
    if table is not None and path.name == STUDIES:
        check_one_row_per_study(table, own)
    if table is not None and path.name == RISK_OF_BIAS:
        # Judgements repeat each other by other columns than rows of an outcome do.
        repeats = Findings()
        check_repeats(table, repeats)
        own.problems = [item for item in own.problems if item not in repeats.problems]
        own.problems += _repeats(table, keys_of(path.name, table.columns))
        own.problems.sort(key=lambda problem: problem.line or 0)
    findings.problems += own.problems
    findings.notices += own.notices
    return None if own.problems else table


def _repeats(table: Table, keys: list[str]) -> Iterator[Problem]:
    seen: dict[Key, int] = {}
    for row in table.rows:
        line, study = seen.setdefault(key_of(row, keys), row.line), row.cells["study"]
        if line != row.line and study:
            rule = f"repeats the row in line {line}: same {', '.join(keys)}"
            where, code = "column 'study'", "repeated-row"
            yield Problem(table.name, rule, "Keep one of the rows", row.line, where, study, code)


def compare_tables(first: Table, second: Table, findings: Findings) -> Comparison:
    """Compare two sound tables of one file name.

    Rows that match several go into `findings.problems` and are not compared.
    """
    file = file_of(first)
    shared = [column for column in first.columns if column in second.columns]
    keys = keys_of(file, shared)
    rows = matched(first, second, keys)
    findings.problems += rows.ambiguous
    lacking = [c for c in first.columns if c not in second.columns and not _is_prose(file, c)]
    extra = [c for c in second.columns if c not in first.columns and not _is_prose(file, c)]
    findings.notices += _notices(first, second, extra)
    columns = []
    apart = list(left_over(first, second, rows, keys))
    for column in shared:
        if column not in keys and not _is_prose(file, column):
            agreement, differences = _compare_column(first, rows, column, keys)
            columns.append(agreement)
            apart += differences
    # Of one line the differences stay in the order of the columns: the sort is stable.
    apart.sort(key=lambda d: (d.first_line is None, d.first_line or d.second_line or 0))
    uncompared = ((file, (*lacking, *extra)),) if lacking or extra else ()
    return Comparison((file,), len(rows.pairs), tuple(apart), tuple(columns), uncompared)


def _notices(first: Table, second: Table, extra: Iterable[str]) -> Iterator[Problem]:
    for column in extra:
        rule = f"is not in {first.name}, and is not compared"
        where, code = f"column '{column}'", "not-compared"
        yield Problem(second.name, rule, "", None, where, code=code)
    words = [column for column in first.columns if _is_prose(file_of(first), column)]
    if [row.cells for row in first.rows] == [row.cells for row in second.rows] and any(
        row.cells[column] for row in first.rows for column in words
    ):
        rule = f"is {first.name} again in every cell, words included"
        advice = "Extract it from the sources, without the first at hand"
        yield Problem(second.name, rule, advice, code="copied-extraction")


def _is_prose(file: str, column: str) -> bool:
    """Whether a column holds words, which no two people write alike; yes and no are none."""
    known = COLUMNS.get(column)
    words = known is not None and known.kind == PROSE and not known.levels
    return words or (file, column) in _WORDS


def _compare_column(
    table: Table, rows: Matched, column: str, keys: list[str]
) -> tuple[Agreement, list[Difference]]:
    """The agreement in one column of the matched rows, and its cells that are not the same."""
    filled = [
        (first, second, first.cells[column], second.cells[column])
        for first, second in rows.pairs
        if first.cells[column] or second.cells[column]
    ]
    numeric = _holds_numbers(file_of(table), column, [cells[2:] for cells in filled])
    counts = dict.fromkeys((DIFFER, BLANK, DIGITS, SPELLING), 0)
    apart = []
    for first, second, ours, theirs in filled:
        kind = _kind(ours, theirs, numeric) if ours != theirs else ""
        if not kind:
            continue
        counts[kind] += 1
        amount = str(Decimal(ours) - Decimal(theirs)) if numeric and kind == DIFFER else ""
        apart.append(
            Difference(
                table=file_of(table),
                study=first.cells["study"],
                row=row_words(first, keys),
                column=column,
                first_line=first.line,
                first=ours,
                second_line=second.line,
                second=theirs,
                kind=kind,
                amount=amount,
            )
        )
    paired = [(ours, theirs) for *_, ours, theirs in filled if ours and theirs]
    agreement = Agreement(
        table=file_of(table),
        column=column,
        kind=NUMBER if numeric else CATEGORY,
        cells=len(filled),
        agree=len(filled) - counts[DIFFER] - counts[BLANK],
        told=counts[DIGITS] + counts[SPELLING],
        differ=counts[DIFFER],
        blank=counts[BLANK],
        **_statistics(paired, numeric),
    )
    return agreement, apart


def _holds_numbers(file: str, column: str, cells: Iterable[Iterable[str]]) -> bool:
    """Whether a column is compared as numbers: what the codebook says, else what it holds."""
    if column in COLUMNS or (file, column) in _LEVELS:
        return is_numeric(column)
    filled = [cell for pair in cells for cell in pair if cell]
    return bool(filled) and all(map(is_number, filled))


def _kind(first: str, second: str, numeric: bool) -> str:
    """How two cells of different text differ; "" for 5 and +5, which print the same number."""
    if not first or not second:
        return BLANK
    if numeric and Decimal(first) == Decimal(second):
        return DIGITS if unit(first) != unit(second) else ""
    return SPELLING if not numeric and first.casefold() == second.casefold() else DIFFER


def _statistics(pairs: list[tuple[str, str]], numeric: bool) -> dict[str, Any]:
    """The statistics of an Agreement from the cells that both extractions fill."""
    if not pairs:
        return {"note": "no cell is filled in both"}
    if not numeric:
        kappa = cohen_kappa((first.casefold(), second.casefold()) for first, second in pairs)
        return {
            "kappa": kappa.value,
            "kappa_low": kappa.low,
            "kappa_high": kappa.high,
            "note": kappa.reason,
        }
    numbers = [(Decimal(first), Decimal(second)) for first, second in pairs]
    limits, reliability = bland_altman(numbers), icc(numbers)
    return {
        "bias": limits.bias,
        "limit_low": limits.low,
        "limit_high": limits.high,
        "icc": reliability.value,
        "note": "; ".join(filter(None, (limits.reason, reliability.reason))),
    }
