"""Plain data back into dataclasses: what was written is what is read."""

import json
from dataclasses import asdict, dataclass, field

import pytest

from metamill.config.settings import Model, Outcome, Plan, RowFilter
from metamill.decoding import decoded


@dataclass(frozen=True)
class Leaf:
    name: str
    value: float | None = None


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    pair: tuple[int, str] = (0, "")
    best: Leaf | None = None
    named: dict[str, tuple[Leaf, ...]] = field(default_factory=dict)


TREE = Tree((Leaf("a", 1.5), Leaf("b")), (3, "c"), Leaf("d"), {"e": (Leaf("f"),)})


def through_json(value: object) -> object:
    return json.loads(json.dumps(value))


def test_what_was_written_is_read_back_with_its_types() -> None:
    assert decoded(Tree, through_json(asdict(TREE))) == TREE


def test_a_field_that_is_not_named_keeps_its_default() -> None:
    assert decoded(Tree, {"leaves": []}) == Tree(())


def test_settings_of_an_outcome_survive_json() -> None:
    model = Model("PLO", "GLMM", "t", thresholds=(0.1, 0.2))
    kept = RowFilter({"study": ("A", "B")}, "because")
    plan = Plan("primary", model, (kept,), include=kept, same_cohort={"X": "shown"})
    outcome = Outcome("leaks", "leaks.csv", {"unit": ("screw",)}, (plan,), ("setting",))
    assert decoded(Outcome, json.loads(outcome.to_json())) == outcome


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ({"leaves": [], "branches": 1}, TypeError),
        ({}, TypeError),
        ({"leaves": "ab"}, ValueError),
        ({"leaves": [], "pair": [1]}, ValueError),
        ([], ValueError),
    ],
)
def test_another_shape_is_refused(raw: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        decoded(Tree, raw)
