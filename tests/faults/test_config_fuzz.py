"""Whatever config.yaml holds is read or refused with a message: no other error, no file elsewhere.

The default run draws about 2,000 damaged configurations, the slow one 25,000.
"""

import contextlib
import io
import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metamill.cli import main
from metamill.config.error_codes import CODES
from metamill.config.load import load_review, read_review
from metamill.config.notices import notices
from metamill.config.overrides import parse_overrides
from metamill.errors import ConfigError
from metamill.tables.error_codes import CODES as OF_TABLES

SHIPPED = Path(__file__).resolve().parents[2] / "config.yaml"
SECONDS = 5.0
"""Of the processor: far more than any configuration of a few thousand characters needs."""
TABLE = "study,arm,events,total,beds\nA,x,1,10,40\nB,x,2,12,40\nC,y,4,30,60\nD,y,3,20,60\n"
MADE = {"config.yaml", "extracted", "extracted/a.csv", "results", "results/audit.csv"}
DATA: dict[str, Any] = {
    "review": {"title": "T", "authors": ["A", "B"], "note": "n"},
    "model": {"method": "REML", "test": "adhoc", "level": 95, "prediction": True},
    "outcomes": {
        "a": {
            "title": "A",
            "table": "a.csv",
            "measure": "PLO",
            "select": {"arm": ["x", "y"]},
            "exclude": [{"study": "A", "reason": "r"}],
            "thresholds": [0.1],
            "subgroups": ["arm"],
            "moderators": ["beds"],
            "direction": "lower",
            "sensitivity": [{"name": "s", "method": "DL"}, {"name": "t", "level": 90}],
        },
        "b": {"title": "B", "table": "a.csv", "measure": "PR", "add": 0.5, "to": "all"},
    },
    "figures": {"formats": ["svg"], "draw": ["forest"], "journal": "plos", "width_mm": 170},
}
SNIPPETS = [
    *(
        ": ",
        "- ",
        "\n",
        "  ",
        "\t",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "!t ",
        "!!python/name:os ",
        "#",
    ),
    *(
        " #2",
        '"',
        "'",
        "|",
        ">",
        "? ",
        "null",
        "~",
        "1e999",
        ".nan",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
    ),
    *(
        "__use_yte__: true\n",
        "<<: ",
        '"\\ud800"',
        '"\\U00110000"',
        '"\\0"',
        "9" * 400,
        "NO",
        "[" * 30,
    ),
    *(
        "\x00",
        "\u2028",
        "\x85",
        "\r",
        "\ufeff",
        "\U0001f600",
        "../",
        "/etc/passwd",
        "{{7*7}}",
        "${x}",
    ),
]
RAW = [*(text.encode() for text in SNIPPETS), b"\xff", b"\xed\xa0\x80", b"\xc3", b"\xff\xfe"]
KEYS = [
    *(
        "",
        " ",
        "../x",
        "/x",
        "~",
        "$HOME",
        "a b",
        "A",
        "é",
        "é",
        "con",
        "__x__",
        "<<",
        "a.b",
        "a\nb",
    ),
    *("{x}", "\x00", "\u202e", "x" * 300, "null", "NO", "1", "title", "table", "measure", "method"),
    *("select", "exclude", "reason", "level", "audit", "accept", "check", "scale", "min", "max"),
]


def nested(depth: int) -> list[Any]:
    inside: list[Any] = []
    for _ in range(depth):
        inside = [inside]
    return inside


ODD = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 0.5, 95, 1e-300, 1e308, -1e308, 10**18, 10**299, 10**400),
        *(float("nan"), float("inf"), [], {}, [[]], [{}], {"": {}}, [None], [1, 1], nested(50)),
        *(
            "",
            " ",
            "x",
            "a.csv",
            "../a.csv",
            "*.csv",
            "/etc/passwd.csv",
            "2024-01-01",
            "012",
            "1,5",
        ),
        *(
            "REML",
            "GLMM",
            "BAYES",
            "MV",
            "MH",
            "OR",
            "MC",
            "GEN",
            "IRR",
            "cr2",
            "PL",
            "CM.EL",
            "ODI",
        ),
        *(
            "{x}",
            "{{7*7}}",
            "#x",
            "\u202e",
            "x" * 5000,
            "I(__import__('os').mkdir('ran'))",
            "é",
            "é",
        ),
    ]
)
VALUES = st.recursive(
    ODD | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path to every value."""
    inside = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in inside:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


PLACES = list(places(DATA))


@st.composite
def damaged_data(draw: st.DrawFn) -> Any:
    """DATA with values replaced, removed or renamed, and settings added."""
    data = json.loads(json.dumps(DATA))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(PLACES))
        inside = data
        for step in path:
            known = isinstance(inside, dict | list) and _has(inside, step)
            inside = inside[step] if known else None
        if not isinstance(inside, dict | list) or not _has(inside, last):
            continue
        what = draw(st.sampled_from(["replace", "replace", "add", "remove", "rename"]))
        if what == "remove":
            del inside[last]
        elif what == "replace" or isinstance(inside, list):
            inside[last] = draw(VALUES)
        elif what == "add":
            inside[draw(st.sampled_from(KEYS))] = draw(VALUES)
        else:
            inside[draw(st.sampled_from(KEYS))] = inside.pop(last)
    return data


def _has(inside: Any, step: str | int) -> bool:
    if isinstance(inside, list):
        return isinstance(step, int) and step < len(inside)
    return step in inside


def as_yaml(data: Any) -> bytes:
    """JSON is YAML; what JSON cannot write (nan, halves of characters) stands as Python has it."""
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")


CONTENT = SHIPPED.read_bytes()


def _changed(draw: st.DrawFn, what: str, part: bytes) -> bytes:
    if what == "put":
        return draw(st.sampled_from(RAW)) + part[1:]
    if what == "double":
        return part * 2
    first = bytes(byte ^ draw(st.integers(1, 255)) for byte in part[:3])
    return first + part[3:] if what == "flip" else b""


@st.composite
def damaged_bytes(draw: st.DrawFn) -> bytes:
    """Some of the shipped configuration with bytes deleted, changed, doubled and put in."""
    start = draw(st.sampled_from([0, 0, CONTENT.index(b"outcomes:")]))
    content = CONTENT[start : start + draw(st.integers(200, 1500))]
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(content))), draw(st.integers(0, 12))
        what = draw(st.sampled_from(["put", "put", "delete", "double", "flip"]))
        part = content[at : at + length]
        new = _changed(draw, what, part)
        content = content[:at] + new + content[at + length :]
    return content


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A review in a folder of its own, which is the current one."""
    made = tmp_path / "around" / "review"
    (made / "extracted").mkdir(parents=True)
    (made / "extracted" / "a.csv").write_text(TABLE, encoding="utf-8")
    monkeypatch.chdir(made)
    return made


def of_files(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def read_or_refused(folder: Path, overrides: Any = None) -> None:
    began = time.process_time()
    try:
        review, origin = read_review(folder / "config.yaml", overrides)
        assert all(str(note) and note.code in CODES for note in notices(review, origin, folder))
    except ConfigError as refused:
        problems = refused.problems
    else:
        return
    assert problems
    for problem in problems:
        assert str(problem) and problem.rule and problem.code in CODES | OF_TABLES
        assert problem.file in ("config.yaml", "--config")
    assert time.process_time() - began < SECONDS


def checked(folder: Path) -> None:
    """`metamill check` ends with a message and one of its exit codes, and writes its audit only."""
    said, wrong, began = io.StringIO(), io.StringIO(), time.process_time()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
        code = main(["check", str(folder)])
    assert code in (0, 2, 3, 4)
    assert bool(wrong.getvalue()) == (code != 0)
    assert "Traceback" not in wrong.getvalue() + said.getvalue()
    around = folder.parent
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert found <= MADE and [path.name for path in around.iterdir()] == ["review"]
    assert time.process_time() - began < SECONDS


def sizes(default: int, slow: int) -> pytest.MarkDecorator:
    every = [default, pytest.param(slow, marks=pytest.mark.slow)]
    return pytest.mark.parametrize("examples", every)


@sizes(800, 10_000)
def test_damaged_bytes_are_read_or_refused(folder: Path, examples: int):
    @of_files(examples)
    @given(damaged_bytes())
    def try_one(content: bytes) -> None:
        (folder / "config.yaml").write_bytes(content)
        read_or_refused(folder)

    try_one()


@sizes(600, 8_000)
def test_settings_of_another_kind_are_read_or_refused(folder: Path, examples: int):
    @of_files(examples)
    @given(damaged_data())
    def try_one(data: Any) -> None:
        (folder / "config.yaml").write_bytes(as_yaml(data))
        read_or_refused(folder)

    try_one()


@sizes(300, 4_000)
def test_the_command_ends_with_a_message_and_writes_nothing_elsewhere(folder: Path, examples: int):
    @of_files(examples)
    @given(damaged_data().map(as_yaml) | damaged_bytes())
    def try_one(content: bytes) -> None:
        (folder / "config.yaml").write_bytes(content)
        checked(folder)

    try_one()


WORDS = st.sampled_from(
    [*KEYS, "model", "outcomes", "a", "review", "figures", *(f"a{'.b' * n}" for n in (1, 40, 2000))]
)
PAIRS = st.lists(
    st.tuples(
        st.lists(WORDS, min_size=1, max_size=4).map(".".join),
        st.sampled_from(SNIPPETS) | ODD.map(str) | st.text(max_size=8),
    ).map("=".join),
    min_size=1,
    max_size=3,
)
OBJECTS = {
    "number of 5000 digits": 10**5000,
    "beyond a float": -(10**309),
    "set": {1, 2},
    "bytes": b"x",
    "date": date(2024, 1, 1),
    "tuple": (1,),
    "type": object,
    "half a character": "\ud800",
}


def _object(name: str) -> Any:
    return OBJECTS[name]


PYTHON = st.sampled_from(sorted(OBJECTS)).map(_object)
NAMES = st.sampled_from(sorted(set(OBJECTS) - {"set"})).map(_object)


@sizes(150, 1_500)
def test_any_words_after_config_are_read_or_refused(folder: Path, examples: int):
    (folder / "config.yaml").write_bytes(as_yaml(DATA))

    @of_files(examples)
    @given(PAIRS)
    def try_one(pairs: list[str]) -> None:
        try:
            over = parse_overrides(pairs)
        except ConfigError as refused:
            problems = refused.problems
        else:
            read_or_refused(folder, over)
            return
        assert problems and all(problem.code in CODES for problem in problems)

    try_one()


@sizes(150, 1_500)
def test_any_data_laid_over_the_file_is_read_or_refused(folder: Path, examples: int):
    (folder / "config.yaml").write_bytes(as_yaml(DATA))
    keys = st.sampled_from([*DATA, *KEYS]) | NAMES

    @of_files(examples)
    @given(st.dictionaries(keys, VALUES | PYTHON | damaged_data(), max_size=3))
    def try_one(over: Any) -> None:
        read_or_refused(folder, over)

    try_one()


def test_the_undamaged_settings_are_read(folder: Path):
    (folder / "config.yaml").write_bytes(as_yaml(DATA))
    assert set(load_review(folder / "config.yaml").outcomes) == {"a", "b"}
    checked(folder)
    assert (folder / "results" / "audit.csv").is_file()
