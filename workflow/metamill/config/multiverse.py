"""Decisions and choices of config.yaml: what each choice makes of the model, and what is refused.

A choice may set what a sensitivity analysis may, by the same rules; those settings that decide
neither the estimate nor its interval are not its business.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from metamill.config.conflicts import conflicts
from metamill.config.decisions import EQUIVALENT, STANDINGS, Choice, Decision, Decisions
from metamill.config.layers import MODEL_KEYS, layered
from metamill.config.origin import Origin, shown
from metamill.config.plain_text import cleaned
from metamill.config.settings import Levels, Model, RowFilter
from metamill.config.strict_yaml import Path
from metamill.errors import Problem

MOST_SPECIFICATIONS = 100_000
SAME_NATURAL_SCALE = (("PR", "PLN", "PLO", "PAS", "PFT"), ("IR", "IRLN", "IRS"), ("COR", "ZCOR"))
"""Measures whose pooled values can stand on one axis."""
_NOT_COMPARED = ("thresholds", "tau2_interval")
"""Keys of a model that neither an estimate nor its interval depends on."""
Layer = tuple[Path, Mapping[str, Any]]


def decisions_of(
    entry: Mapping[str, Any],
    layers: Sequence[Layer],
    at: Path,
    origin: Origin,
    problems: list[Problem],
) -> Decisions | None:
    """The multiverse of an outcome; None without one.

    `entry` is the outcome's mapping, `layers` are the section `model` and the outcome's own
    settings. What cannot be a multiverse is added to `problems`.
    """
    if "multiverse" not in entry:
        return None
    bare = tuple(
        {k: layer[k] for k in MODEL_KEYS if k in layer and k not in _NOT_COMPARED}
        for _, layer in layers
    )
    here: Path = (*at, "multiverse")
    found = []
    for index, raw in enumerate(entry["multiverse"]):
        path = (*here, index)
        choices = tuple(
            _choice(item, (*path, "choices", i), origin) for i, item in enumerate(raw["choices"])
        )
        names = [choice.name for choice in choices]
        problems += _repeated(names, path, "choice", origin, ("choices",))
        same = [i for i, choice in enumerate(choices) if changes_nothing(choice, bare)]
        problems += _prespecified(choices, same, path, origin)
        problems += _unjudged(raw["choices"], same, path, origin)
        problems += _other_scales(choices, bare, path, origin)
        found.append(Decision(cleaned(raw["decision"]), choices, same[0] if same else 0))
    problems += _repeated([item.name for item in found], here, "decision", origin)
    problems += _decided_twice(found, layered(bare)[0], here, origin)
    count = prod(len(item.choices) for item in found)
    if count > MOST_SPECIFICATIONS:
        rule = f"makes {count:,} specifications, and {MOST_SPECIFICATIONS:,} are the most"
        advice = "Leave out choices or decisions"
        code = "too-many-specifications"
        problems.append(Problem(rule=rule, advice=advice, code=code, **origin.place(here)))
    return Decisions(tuple(found), bare)


def model_of(choices: Sequence[Choice], layers: Sequence[Mapping[str, Any]]) -> tuple[Model, str]:
    """The model under one choice of each decision, and why it cannot be ("" where it can)."""
    model, _ = layered([*layers, *(choice.changes for choice in choices)])
    said = [rule if key not in _SAYS_WHO else f"{getattr(model, key)} {rule}" for key, rule, *_ in
            conflicts(model)]  # fmt: skip
    return model, "; ".join(dict.fromkeys(said))


_SAYS_WHO = ("test",)
"""Keys whose rule begins with the value that stands there."""


def changes_nothing(choice: Choice, layers: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a choice leaves the model and the rows of the outcome as they are."""
    rows = choice.include or choice.exclude or choice.same_cohort or choice.rows
    return not rows and layered([*layers, choice.changes])[0] == layered(layers)[0]


def _choice(raw: Mapping[str, Any], at: Path, origin: Origin) -> Choice:
    return Choice(
        cleaned(raw["name"]),
        raw.get("standing", EQUIVALENT),
        {key: raw[key] for key in MODEL_KEYS if key in raw},
        origin.levels((*at, "include"), raw.get("include", {})),
        origin.levels((*at, "exclude"), raw.get("exclude", {})),
        dict(raw.get("same_cohort", {})),
        raw.get("rows", ""),
    )


def _repeated(
    names: Sequence[str], at: Path, what: str, origin: Origin, under: Path = ()
) -> list[Problem]:
    """Names must differ by more than case."""
    folded = [name.casefold() for name in names]
    return [
        Problem(
            rule=f"is the name of another {what}",
            advice="Give each its own name",
            value=names[i],
            code="duplicate-choice",
            **origin.place((*at, *under, i, "name" if what == "choice" else what)),
        )
        for i in range(len(names))
        if folded[i] in folded[:i]
    ]


def _prespecified(
    choices: Sequence[Choice], same: Sequence[int], at: Path, origin: Origin
) -> list[Problem]:
    """Exactly one choice is the analysis as it was pre-specified.

    With settings laid over the file, another one may come to the same: both then are one analysis.
    """
    code = "prespecified-choice"
    if not same:
        rule = "none of these choices is the primary analysis as it stands"
        advice = "Add one with nothing but a name, for what the outcome does already"
        return [Problem(rule=rule, advice=advice, code=code, **origin.place((*at, "choices")))]
    if origin.overrides:
        return []
    problems = []
    first = choices[same[0]]
    for index in same[1:]:
        rule = f"changes nothing, as '{first.name}' does, which is the primary analysis already"
        place, value = origin.place((*at, "choices", index)), choices[index].name
        advice = "Remove it, or set what it is meant to change"
        problems.append(Problem(rule=rule, advice=advice, value=value, code=code, **place))
    if first.standing != EQUIVALENT:
        rule = f"'{first.name}' is the primary analysis itself, which is equivalent to itself"
        place, said = origin.place((*at, "choices", same[0], "standing")), first.standing
        problems.append(
            Problem(rule=rule, advice="Remove the line", value=said, code=code, **place)
        )
    return problems


def _unjudged(
    raw: Sequence[Mapping[str, Any]], same: Sequence[int], at: Path, origin: Origin
) -> Iterator[Problem]:
    """Choices beside the pre-specified one of which nobody says how good they are."""
    for index, item in enumerate(raw):
        if index not in same and "standing" not in item:
            rule = "the setting 'standing' is missing: how good it is beside the primary analysis"
            advice = f"Say {', '.join(STANDINGS[:-1])} or {STANDINGS[-1]}"
            place, code = origin.place((*at, "choices", index)), "missing-setting"
            yield Problem(rule=rule, advice=advice, value=cleaned(item["name"]), code=code, **place)


def _decided_twice(
    found: Sequence[Decision], primary: Model, at: Path, origin: Origin
) -> Iterator[Problem]:
    """What choices of two decisions set: combined, one of them would win in silence.

    A choice may write out what the primary analysis does (method: REML beside another measure,
    whose own method is another) for a later decision to change.
    """
    for later, item in enumerate(found):
        for place, choice in enumerate(item.choices):
            told: set[str] = set()
            others = ((other, one) for other in found[:later] for one in other.choices)
            for other, one in others:
                for key in sorted(_both_set(choice, one, primary) - told):
                    told.add(key)
                    rule = (
                        f"is decided by '{one.name}' of '{other.name}' too: one of them would win"
                    )
                    where = origin.place((*at, later, "choices", place, key))
                    yield Problem(
                        rule=rule,
                        advice="Make one decision of the two",
                        value=_written(choice, key),
                        code="decided-twice",
                        **where,
                    )


def _written(choice: Choice, key: str) -> str:
    """What a choice says under a key."""
    if key in choice.changes:
        return shown(choice.changes[key])
    if key in ("include", "exclude"):
        return str(RowFilter(getattr(choice, key)))
    return choice.rows if key == "rows" else ", ".join(choice.same_cohort)


def _both_set(one: Choice, other: Choice, primary: Model) -> set[str]:
    """The keys of `one` that decide what `other`, of an earlier decision, decides as well."""
    both = one.changes.keys() & other.changes.keys()
    keys = {key for key in both if other.changes[key] != getattr(primary, key)}
    theirs = [where for where in (other.include, other.exclude) if where]
    for key in ("include", "exclude"):
        where: Levels = getattr(one, key)
        if where and any(_same_rows(where, levels) for levels in theirs):
            keys.add(key)
    keys |= {"rows"} if one.rows and other.rows else set()
    keys |= {"same_cohort"} if one.same_cohort.keys() & other.same_cohort.keys() else set()
    return keys


def _same_rows(one: Levels, other: Levels) -> bool:
    """Whether two filters name the same columns, and in each of them a level in common."""
    return one.keys() == other.keys() and all(set(one[c]) & set(other[c]) for c in one)


def _other_scales(
    choices: Sequence[Choice], layers: Sequence[Mapping[str, Any]], at: Path, origin: Origin
) -> list[Problem]:
    """Measures whose values cannot stand beside those of the primary analysis."""
    primary = layers[-1]["measure"]
    group = next((codes for codes in SAME_NATURAL_SCALE if primary in codes), (primary,))
    problems = []
    for index, choice in enumerate(choices):
        measure = choice.changes.get("measure", primary)
        if measure not in group:
            rule = f"is on another scale than {primary}: the estimates could not be compared"
            others = [code for code in group if code != primary]
            advice = f"Set {' or '.join(others)}, or remove it" if others else "Remove it"
            place = origin.place((*at, "choices", index, "measure"))
            problems.append(
                Problem(
                    rule=rule, advice=advice, value=measure, code="another-natural-scale", **place
                )
            )
    return problems
