"""Real tables, damaged at random: they are read or refused, in bounded time, and nothing else."""

import csv
import io
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metamill.config.error_codes import CODES as CONFIG_CODES
from metamill.errors import ConfigError, Problem, TableError
from metamill.jobs import plan
from metamill.tables.codebook import COLUMNS, COUNT, NUMBER
from metamill.tables.error_codes import CODES
from metamill.tables.reader import read_table
from metamill.tables.table import Findings, Table

REPOSITORY = Path(__file__).resolve().parents[2]
_GALLERY = REPOSITORY / "docs" / "gallery"
CONFIG = """\
review: {title: Damaged}
outcomes:
  a: {title: A, table: infection.csv, measure: PLO, select: {arm: augmented, unit: patient}}
  b:
    title: B
    table: vas.csv
    measure: MC
    select: {arm: augmented, site: [overall, back]}
    exclude: [{study: TANTA2021, reason: impossible}]
    subgroups: [site]
"""
KEPT = {"infection.csv": 8, "vas.csv": 8, "studies.csv": 12, "statements.csv": 12}
"""The tables of the review that is damaged, and how many lines of each it takes."""
SECONDS = 10


def _lines(path: Path, kept: int) -> bytes:
    return b"".join(path.read_bytes().splitlines(keepends=True)[:kept])


_WHOLE = [path.read_bytes() for path in sorted((REPOSITORY / "extracted").glob("*.csv"))]
_WHOLE += [path.read_bytes() for path in sorted(_GALLERY.glob("*/extracted/*.csv"))]
_SMALL = {name: _lines(REPOSITORY / "extracted" / name, kept) for name, kept in KEPT.items()}
_BIAS = _lines(_GALLERY / "apps" / "extracted" / "risk_of_bias.csv", 20)
_BYTES = st.sampled_from(
    [
        *(
            b",",
            b'"',
            b'""',
            b"\n",
            b"\r",
            b"\r\n",
            b";",
            b"\t",
            b"#",
            b" ",
            b"0",
            b"'",
            b"=",
            b"-",
        ),
        *(b"\x00", b"\xff", b"\xc3", b"\xc0\xaf", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80"),
        *(b"\xe2\x80\xae", b"\xc2\xa0", b"\xe2\x88\x92", b"\xf4\x90\x80\x80", b"1e9", b"." * 50),
    ]
)
_CELLS = st.text(max_size=5) | st.sampled_from(
    [
        *("", " ", "0", "-0", "00", "1", "-1", "1.5", "1e99", "1e-99", "0.0000001", "999999999"),
        *("9" * 400, "1e400", "nan", "inf", "1,5", "1.234", "3-Oct", "NR", "12%", "100", "101"),
        *("\u22125", "\u20135", "\u0663", "\uff11", "½", "2020", "44837", "Total", "# x", "=1+1"),
        *("../../etc/passwd", "a\nb", 'a"b', "a,b", "\u202ex", "\u200b", "x" * 9, "y" * 10_001),
        *("\U0001f469\u200d\U0001f52c", "e\u0301", "Müller", "MÃ¼ller", "\ufffd", "patient"),
        *("screw", "yes", "no", "augmented"),
    ]
)
_PLACE = st.floats(0, 1, exclude_max=True)


@st.composite
def damaged(draw: st.DrawFn, tables: st.SearchStrategy[bytes]) -> bytes:
    """A table with one to four damages to its bytes or to its cells."""
    content = draw(tables)
    for _ in range(draw(st.integers(1, 4))):
        content = draw(st.sampled_from(_DAMAGES))(draw, content)
    return content


def _flip(draw: st.DrawFn, content: bytes) -> bytes:
    at = int(draw(_PLACE) * len(content))
    return (
        content[:at]
        + bytes(b ^ draw(st.integers(1, 255)) for b in content[at : at + 1])
        + (content[at + 1 :])
    )


def _insert(draw: st.DrawFn, content: bytes) -> bytes:
    at = int(draw(_PLACE) * len(content))
    return content[:at] + draw(_BYTES) * draw(st.sampled_from([1, 1, 2, 300])) + content[at:]


def _delete(draw: st.DrawFn, content: bytes) -> bytes:
    at = int(draw(_PLACE) * len(content))
    return content[:at] + content[at + draw(st.integers(1, 200)) :]


def _replace_all(draw: st.DrawFn, content: bytes) -> bytes:
    return content.replace(draw(st.sampled_from([b",", b"\n", b'"', b"."])), draw(_BYTES))


def _in_rows(change: Callable[[st.DrawFn, list[list[str]]], None]):
    def damage(draw: st.DrawFn, content: bytes) -> bytes:
        text = content.decode("utf-8", "replace").replace("\x00", "")
        try:
            rows = [row for row in csv.reader(io.StringIO(text)) if row]
        except csv.Error:
            return content
        if not rows:
            return content
        change(draw, rows)
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows(rows)
        return buffer.getvalue().encode("utf-8", "surrogatepass")

    return damage


def _row(draw: st.DrawFn, rows: list[list[str]]) -> list[str]:
    return rows[int(draw(_PLACE) * len(rows))]


def _change_cell(draw: st.DrawFn, rows: list[list[str]]) -> None:
    row = _row(draw, rows)
    row[int(draw(_PLACE) * len(row))] = draw(_CELLS)


def _change_column(draw: st.DrawFn, rows: list[list[str]]) -> None:
    at = int(draw(_PLACE) * len(rows[0]))
    value = draw(_CELLS)
    for row in rows[1:]:
        row[at : at + 1] = [value]


def _rename(draw: st.DrawFn, rows: list[list[str]]) -> None:
    rows[0][int(draw(_PLACE) * len(rows[0]))] = draw(st.sampled_from(sorted(COLUMNS)) | _CELLS)


def _add_column(draw: st.DrawFn, rows: list[list[str]]) -> None:
    value = draw(_CELLS)
    rows[0].append(draw(st.sampled_from(sorted(COLUMNS))))
    for row in rows[1:]:
        row.append(value)


def _swap_cells(draw: st.DrawFn, rows: list[list[str]]) -> None:
    one, other = _row(draw, rows), _row(draw, rows)
    i, j = int(draw(_PLACE) * len(one)), int(draw(_PLACE) * len(other))
    one[i], other[j] = other[j], one[i]


def _repeat_row(draw: st.DrawFn, rows: list[list[str]]) -> None:
    rows.insert(int(draw(_PLACE) * len(rows)), list(_row(draw, rows)))


def _drop_cell(draw: st.DrawFn, rows: list[list[str]]) -> None:
    row = _row(draw, rows)
    row.pop(int(draw(_PLACE) * len(row)))


_OF_ROWS = (_change_cell, _change_column, _rename, _add_column, _swap_cells, _repeat_row)
_DAMAGES = [_flip, _insert, _delete, _replace_all, *map(_in_rows, (*_OF_ROWS, _drop_cell))]


@contextmanager
def bounded() -> Iterator[None]:
    """Fail where the body takes longer than any table may."""

    def late(*_: object) -> None:
        raise AssertionError(f"not done after {SECONDS} seconds of work")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _assert_told(problems: list[Problem]) -> None:
    for problem in problems:
        assert problem.code in CODES.keys() | CONFIG_CODES.keys(), problem
        message = str(problem)
        assert "\n" not in message, problem
        assert message.isprintable() or not message.isascii(), problem
        assert len(message) < 3000, problem


def _assert_sound(table: Table) -> None:
    for row in table.rows:
        assert tuple(row.cells) == table.columns
        for name, cell in row.cells.items():
            column = COLUMNS.get(name)
            assert cell == " ".join(cell.split())
            if cell and column is not None and column.kind in (COUNT, NUMBER):
                assert cell.isascii() and abs(float(cell)) <= 1e100


def _read_or_refused(folder: Path, content: bytes) -> None:
    path = folder / "t.csv"
    path.write_bytes(content)
    findings = Findings()
    with bounded():
        table = read_table(path, "extracted/t.csv", findings)
    _assert_told([*findings.problems, *findings.notices])
    assert table is not None or findings.problems
    if table is not None and not findings.problems:
        _assert_sound(table)
    assert sorted(folder.iterdir()) == [path]


def _planned_or_refused(folder: Path, name: str, content: bytes) -> None:
    path = folder / "extracted" / name
    before = path.read_bytes()
    path.write_bytes(content)
    refused: tuple[Problem, ...] = ()
    try:
        with bounded():
            told = plan(folder).notices
    except (ConfigError, TableError) as error:
        refused = error.problems
    finally:
        path.write_bytes(before)
    _assert_told([*(refused or told)])
    assert not (folder / "results").exists()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("damaged")
    folder = root / "review"
    (folder / "extracted").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    for name, content in _SMALL.items():
        (folder / "extracted" / name).write_bytes(content)
    shutil.copy2(_GALLERY / "apps" / "extracted" / "risk_of_bias.csv", folder / "extracted")
    (folder / "extracted" / "risk_of_bias.csv").write_bytes(_BIAS)
    plan(folder)
    files = sorted(root.rglob("*"))
    yield folder
    assert sorted(root.rglob("*")) == files


def examples(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


_READ = damaged(st.sampled_from(_WHOLE))
_PLANNED = st.sampled_from(sorted(KEPT)).flatmap(
    lambda name: st.tuples(st.just(name), damaged(st.just(_SMALL[name])))
) | st.tuples(st.just("risk_of_bias.csv"), damaged(st.just(_BIAS)))


@examples(1800)
@given(_READ)
def test_a_damaged_table_is_read_or_refused(empty, content):
    _read_or_refused(empty, content)


@examples(200)
@given(_PLANNED)
def test_a_review_with_a_damaged_table_is_planned_or_refused(review, damage):
    _planned_or_refused(review, *damage)


@pytest.mark.slow
@examples(23_000)
@given(_READ)
def test_many_damaged_tables_are_read_or_refused(empty, content):
    _read_or_refused(empty, content)


@pytest.mark.slow
@examples(2000)
@given(_PLANNED)
def test_many_reviews_with_a_damaged_table_are_planned_or_refused(review, damage):
    _planned_or_refused(review, *damage)
