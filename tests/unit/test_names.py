"""Names near marks: beside them, or joined by a line that could not be another mark's."""

from math import hypot

from metamill.figures.page.canvas import Box, Line, Text
from metamill.figures.points.names import names_near
from metamill.figures.style import STYLES

STYLE = STYLES["default"]
AREA: Box = (0.0, 0.0, 120.0, 80.0)
MARK = ((40.0, 40.0), 1.0)
AT_ITS_SIDES: list[Box] = [(20.0, 36.0, 39.0, 44.0), (36.0, 36.0, 43.5, 38.9),
                           (36.0, 41.1, 43.5, 44.0)]  # fmt: skip


def test_a_name_stands_beside_its_mark_while_there_is_room() -> None:
    items, without = names_near([(*MARK, "Aronson, 1948")], [MARK], AREA, STYLE, ())
    (text,) = items
    assert isinstance(text, Text) and not without
    assert text.box[0] - 41.0 < 1.0


def test_a_line_to_a_name_goes_round_other_marks() -> None:
    other = ((42.2, 40.0), 0.3)
    points = [(*MARK, "Aronson, 1948")]
    items, without = names_near(points, [MARK, other], AREA, STYLE, AT_ITS_SIDES)
    assert not without
    (line,) = (item for item in items if isinstance(item, Line))
    shares = [i / 100 for i in range(101)]
    places = [(line.x1 + s * (line.x2 - line.x1), line.y1 + s * (line.y2 - line.y1))
              for s in shares]  # fmt: skip
    (x, y), radius = other
    assert min(hypot(a - x, b - y) for a, b in places) > radius


def test_among_many_marks_no_name_is_joined_by_a_line() -> None:
    points = [((2.0 + 0.1 * i, 40.0), 1.0, f"Study {i}") for i in range(60)]
    marks = [(at, radius) for at, radius, _ in points]
    items, without = names_near(points, marks, AREA, STYLE, ())
    assert without and all(isinstance(item, Text) for item in items)
