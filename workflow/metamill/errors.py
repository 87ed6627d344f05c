"""Errors for the person who made the spreadsheet: all at once, with their places and a way out."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing to mend: where it is, what stands there, which rule it breaks, what to do.

    `code` names the rule for good; docs/errors says more about each.
    """

    file: str
    rule: str
    advice: str = ""
    line: int | None = None
    column: str = ""
    value: str | None = None
    code: str = ""

    @property
    def reason(self) -> str:
        """What is wrong, without its place: for a sentence that says why something is not done."""
        return ": ".join(filter(None, (self.value, self.rule)))

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        if self.column:
            place += f", {self.column}"
        shown = "" if self.value is None else f"{_shortened(self.value)!r}: "
        code = f"[{self.code}]" if self.code else ""
        words = f"{place}: {shown}{self.rule}."
        return " ".join(filter(None, [words, _sentence(self.advice), code]))


@dataclass(frozen=True)
class WrongSetting:
    """A setting that the tables contradict; `path` leads to it in config.yaml."""

    path: tuple[str | int, ...]
    rule: str
    advice: str = ""
    value: str | None = None
    code: str = ""


def _sentence(words: str) -> str:
    return words if words.endswith("?") or not words else f"{words}."


def _shortened(value: str, limit: int = 80) -> str:
    return value if len(value) <= limit else value[: limit - 1] + "…"


LONGEST, LISTED = 100, 20


class MetamillError(Exception):
    """A failure with a sentence for people; `exit_code` is what the command ends with."""

    exit_code = 1
    heading = "metamill stopped"

    def __init__(self, problems: Problem | Iterable[Problem]):
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self.message())

    @property
    def reason(self) -> str:
        return "; ".join(problem.reason for problem in self.problems)

    def message(self) -> str:
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        return f"{self.heading}:\n{lines}"


class ConfigError(MetamillError):
    exit_code = 2
    heading = "The configuration has to be mended before anything can be computed"


class TableError(MetamillError):
    exit_code = 3
    heading = "The extracted tables have to be mended before anything can be computed"


class AuditBlock(MetamillError):
    exit_code = 4
    heading = "The audit leaves nothing to pool"


class NumericError(MetamillError):
    exit_code = 5
    heading = "A number could not be computed, or two engines disagree about it"


class EnvironmentFault(MetamillError):
    exit_code = 6
    heading = "The machine or the folder stands in the way"


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` most likely stands for, whatever its case; None if none is."""
    folded = {item.casefold(): item for item in known}
    close = difflib.get_close_matches(word[:LONGEST].casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "Did you mean 'x'?" for a close spelling, otherwise the list of what is known."""
    words = sorted(known)
    close = closest(word, words)
    if close is not None and close != word:
        return f"Did you mean '{_shortened(close)}'?"
    listed = ", ".join(_shortened(item) for item in words[:LISTED] if item)
    return f"Known are {listed}" + (", ..." if len(words) > LISTED else "") if listed else ""
