"""Other ways to read a row under which its numbers may be possible after all.

Values may be changes of a score where a column can hold either, and a spreadsheet's format may
have put zeros behind the digits that the paper prints.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from metamill.audit.finding import CHANGE, IMPOSSIBLE, QUESTION, Finding, Group
from metamill.audit.summary.exact_text import decimal_text
from metamill.audit.summary.order_statistics import ORDER

_SCORES = ("_pre", "_post", CHANGE)
"""Sides on which only a score can stand; elsewhere it may be a change."""
_OF_SD = frozenset(("debit", "grimmer", "sd_maximum", "sd_minimum", "se_as_sd"))
"""One SD, one finding: which of them speaks depends on the reading."""


@dataclass(frozen=True)
class _Other:
    """A reading, the words that tell it, and whether values are changes in it."""

    group: Group
    words: str
    changes: bool


def may_be_changes(group: Group) -> bool:
    """Whether the columns can hold changes of a score whose two ends are known."""
    return group.suffix not in _SCORES and group.low is not None and group.high is not None


def judged(
    group: Group, check: Callable[[Group], Iterator[Finding]], printed: Sequence[Finding]
) -> Iterator[Finding]:
    """The findings of the row as `printed`, an impossible one a question where a reading saves it.

    A reading saves a mean or an SD that it leaves without anything impossible. `check` gives the
    findings of a group.
    """
    saved: dict[str, _Other] = {}
    impossible = [finding for finding in printed if finding.level == IMPOSSIBLE]
    for other in _others(group) if impossible else ():
        still = {f.check for f in check(other.group) if f.level == IMPOSSIBLE}
        still |= _OF_SD if still & _OF_SD else frozenset()
        for finding in impossible:
            if finding.check not in still:
                saved.setdefault(finding.check, other)
    conditional = any(saved[code].changes for code in saved.keys() & _OF_SD)
    for finding in printed:
        if finding.level == IMPOSSIBLE and finding.check in saved:
            words = f"{finding.arithmetic} {saved[finding.check].words}"
            yield replace(finding, level=QUESTION, arithmetic=words)
        elif finding.check == "sd_hypotheses" and conditional:
            yield replace(finding, arithmetic=f"{_as_scores(group)}: {finding.arithmetic}")
        else:
            yield finding


def _others(group: Group) -> Iterator[_Other]:
    """Each reading alone, then both together."""
    changes = _changes(group)
    if changes is not None:
        yield changes
    if not _ends_in_zeros(group):
        return
    words = "It would fit if a spreadsheet added the zeros at the end of the decimals."
    yield _Other(_without_zeros(group), words, changes=False)
    if changes is not None:
        both = f"{changes.words[:-1]}, if a spreadsheet added the zeros at the end of the decimals."
        yield _Other(_without_zeros(changes.group), both, changes=True)


def _changes(group: Group) -> _Other | None:
    if not may_be_changes(group) or group.low is None or group.high is None:
        return None
    width = group.high - group.low
    end = decimal_text(width)
    words = f"It would be possible for changes, which run from -{end} to {end}."
    return _Other(replace(group, low=-width, high=width), words, changes=True)


def _as_scores(group: Group) -> str:
    ends = [decimal_text(end) for end in (group.low, group.high) if end is not None]
    return f"If the values are scores from {' to '.join(ends)}"


def _ends_in_zeros(group: Group) -> bool:
    """Whether all decimals of mean and SD end in 0; those of range and quartiles if there are none.

    Formats belong to columns: the range may have been left as it is printed.
    """
    for names in (("mean", "sd", "se"), ORDER):
        cells = [cell for name in names if _has_decimals(cell := group.cells.get(name, ""))]
        if cells:
            return all(cell.endswith("0") for cell in cells)
    return False


def _without_zeros(group: Group) -> Group:
    cells = {
        name: cell.rstrip("0").rstrip(".") if _has_decimals(cell) else cell
        for name, cell in group.cells.items()
    }
    return replace(group, cells=cells)


def _has_decimals(cell: str) -> bool:
    return "." in cell and "e" not in cell.casefold()
