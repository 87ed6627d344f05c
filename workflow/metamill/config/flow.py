"""How records became included studies: the numbers of a PRISMA 2020 flow diagram, and its sums.

The diagram is that of Page et al., BMJ 2021;372:n71, doi 10.1136/bmj.n71. None stands for a number
that is not reported; 0, or an empty list, for one that is nought.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Path = tuple[str, ...]


@dataclass(frozen=True)
class Searched:
    """A database or register and the records found in it."""

    name: str
    records: int


@dataclass(frozen=True)
class Exclusion:
    """Reports excluded after assessment, and why."""

    reason: str
    reports: int


@dataclass(frozen=True)
class Removed:
    """Records removed before screening."""

    duplicates: int | None = None
    automation: int | None = None
    other: int | None = None


@dataclass(frozen=True)
class OtherMethods:
    """Reports found by other methods than databases and registers, and what became of them."""

    websites: int | None = None
    organisations: int | None = None
    citation_searching: int | None = None
    sought: int | None = None
    not_retrieved: int | None = None
    assessed: int | None = None
    excluded_reports: tuple[Exclusion, ...] | None = None


@dataclass(frozen=True)
class Included:
    """Studies, and the reports of them."""

    studies: int | None = None
    reports: int | None = None


@dataclass(frozen=True)
class Flow:
    """The numbers of one diagram; `source` says where they are from.

    `previous` are the studies of a previous version of the review, `included` those of this one
    besides. `other_methods` None: no other methods were used.
    """

    source: str
    databases: tuple[Searched, ...] | None = None
    registers: tuple[Searched, ...] | None = None
    removed: Removed = Removed()
    screened: int | None = None
    excluded: int | None = None
    sought: int | None = None
    not_retrieved: int | None = None
    assessed: int | None = None
    excluded_reports: tuple[Exclusion, ...] | None = None
    other_methods: OtherMethods | None = None
    previous: Included | None = None
    included: Included = Included()

    @property
    def total(self) -> Included | None:
        """Studies and reports of this and the previous version; None without a previous one."""
        if self.previous is None:
            return None
        old, new = self.previous, self.included
        return Included(_added(old.studies, new.studies), _added(old.reports, new.reports))

    def count(self, *path: str) -> int | None:
        """The number in a box, of a list its sum: count("removed", "duplicates")."""
        value: Any = self
        for step in path:
            value = getattr(value, step) if value is not None else None
        if not isinstance(value, tuple):
            return value
        return sum(item.records if isinstance(item, Searched) else item.reports for item in value)


def flow_from_dict(raw: dict[str, Any]) -> Flow:
    """A Flow from plain data: that of the YAML file, or what `dataclasses.asdict` made of one."""
    parts: dict[str, Any] = dict(raw)
    for name in ("databases", "registers"):
        parts[name] = _items(Searched, raw.get(name))
    parts["excluded_reports"] = _items(Exclusion, raw.get("excluded_reports"))
    parts["removed"] = Removed(**raw.get("removed", {}))
    other = raw.get("other_methods")
    if other is not None:
        excluded = {"excluded_reports": _items(Exclusion, other.get("excluded_reports"))}
        parts["other_methods"] = OtherMethods(**other | excluded)
    if raw.get("previous") is not None:
        parts["previous"] = Included(**raw["previous"])
    parts["included"] = Included(**raw.get("included", {}))
    return Flow(**parts)


def _items(kind: type, raw: list[dict[str, Any]] | None) -> Any:
    return None if raw is None else tuple(kind(**item) for item in raw)


def _added(old: int | None, new: int | None) -> int | None:
    return None if old is None or new is None else old + new


@dataclass(frozen=True)
class Sum:
    """What must hold: all of `plus` less all of `minus` is `result`, or (not `exact`) not less."""

    what: str
    plus: tuple[Path, ...]
    minus: tuple[Path, ...]
    result: Path
    exact: bool = True


@dataclass(frozen=True)
class Remark:
    """What is to be said about the number at `path`; a contradiction, or (not `wrong`) a notice."""

    path: Path
    rule: str
    advice: str
    wrong: bool


_REMOVED = tuple(("removed", name) for name in ("duplicates", "automation", "other"))
_FOUND = tuple(("other_methods", name) for name in ("websites", "organisations"))
_IDENTIFIED = (
    Sum("records", (("databases",), ("registers",)), _REMOVED, ("screened",)),
    Sum("records", (("screened",),), (("excluded",),), ("sought",)),
    Sum("reports", (("sought",),), (("not_retrieved",),), ("assessed",)),
)
_BY_OTHER_METHODS = (
    Sum(
        "reports",
        (*_FOUND, ("other_methods", "citation_searching")),
        (),
        ("other_methods", "sought"),
        exact=False,
    ),
    Sum(
        "reports",
        (("other_methods", "sought"),),
        (("other_methods", "not_retrieved"),),
        ("other_methods", "assessed"),
    ),
)


def sums(flow: Flow) -> tuple[Sum, ...]:
    """What must hold between the boxes of this diagram, in the order of the boxes."""
    arms: tuple[Path, ...] = ((), ("other_methods",)) if flow.other_methods else ((),)
    assessed = tuple((*arm, "assessed") for arm in arms)
    excluded = tuple((*arm, "excluded_reports") for arm in arms)
    last = Sum("reports", assessed, excluded, ("included", "reports"))
    return (*_IDENTIFIED, *(_BY_OTHER_METHODS if flow.other_methods else ()), last)


def remarks(flow: Flow) -> Iterator[Remark]:
    """Contradictions between the numbers, with the sum spelled out, and what was not checked."""
    for item in sums(flow):
        yield from _remarks_on(item, flow)
    for name in ("previous", "included"):
        studies, reports = flow.count(name, "studies"), flow.count(name, "reports")
        if studies is not None and reports is not None and studies > reports:
            rule = f"{_spelt(studies)} studies have only {_spelt(reports)} reports"
            yield Remark((name, "studies"), rule, "Every study has a report: count again", True)


def _remarks_on(item: Sum, flow: Flow) -> Iterator[Remark]:
    name = ".".join(item.result)
    plus = [flow.count(*path) for path in item.plus]
    minus = [flow.count(*path) for path in item.minus]
    result = flow.count(*item.result)
    known = [x for x in plus if x is not None]
    less = [x for x in minus if x is not None]
    unreported = [
        ".".join(path)
        for path, x in zip(
            (*item.plus, *item.minus, item.result), (*plus, *minus, result), strict=True
        )
        if x is None
    ]
    left = sum(known) - sum(less)
    spelled = " - ".join([" + ".join(map(_spelt, known)), *(_spelt(x) for x in less if x)])
    balance = " - ".join([_named(item.plus), *(".".join(path) for path in item.minus)])
    said = f"{name} says {_spelt(result)}" if result is not None else ""
    bound = len(known) == len(plus) and (unreported or not item.exact)
    if bound and left < (result or 0):
        rule = f"{spelled} leaves at most {_spelt(left)} {item.what}"
        rule += f", but {said}" if said else ""
        yield Remark(item.result, rule, f"Check {balance}", True)
    elif unreported:
        rule = f"the sum {balance} = {name} was not checked: {', '.join(unreported)} not reported"
        yield Remark(item.result, rule, "Write 0 for what there was none of", False)
    elif item.exact and left != result:
        rule = f"{spelled} = {_spelt(left)} {item.what}, but {said}"
        yield Remark(item.result, rule, f"{balance} must be {name}", True)
    elif left != result:
        rule = f"{spelled} = {_spelt(left)} {item.what} were found, and {said}"
        yield Remark(item.result, rule, "Nothing says what became of the others", False)


def _named(paths: tuple[Path, ...]) -> str:
    return " + ".join(".".join(path) for path in paths)


def _spelt(number: int | None) -> str:
    """1204 as "1 204"."""
    return f"{number:,}".replace(",", " ")
