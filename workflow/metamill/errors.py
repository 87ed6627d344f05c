"""Errors for the person who made the spreadsheet: all at once, with their places and a way out."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing to mend: where it is, what stands there, which rule it breaks, what to do."""

    file: str
    rule: str
    advice: str = ""
    line: int | None = None
    column: str = ""
    value: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        if self.column:
            place += f", {self.column}"
        shown = "" if self.value is None else f"{_shortened(self.value)!r}: "
        return f"{place}: {shown}{self.rule}." + (f" {self.advice}." if self.advice else "")


def _shortened(value: str, limit: int = 80) -> str:
    return value if len(value) <= limit else value[: limit - 1] + "…"


class MetamillError(Exception):
    """A failure with a sentence for people; `exit_code` is what the command ends with."""

    exit_code = 1
    heading = "metamill stopped"

    def __init__(self, problems: Problem | Iterable[Problem]):
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self.message())

    def message(self) -> str:
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        return f"{self.heading}:\n{lines}"


class ConfigError(MetamillError):
    exit_code = 2
    heading = "The configuration has to be mended before anything can be computed"


class TableError(MetamillError):
    exit_code = 3
    heading = "The extracted tables have to be mended before anything can be computed"


class NumericError(MetamillError):
    exit_code = 5
    heading = "A number could not be computed, or two engines disagree about it"


class EnvironmentFault(MetamillError):
    exit_code = 6
    heading = "The machine or the folder stands in the way"


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """ "Did you mean 'x'?" for a close spelling, otherwise the list of what is known."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{close[0]}'?".rstrip(".")
    return "Known are " + ", ".join(sorted(known))
