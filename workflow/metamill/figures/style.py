"""How figures look: styles are data, and a new style is a new entry of STYLES."""

from dataclasses import dataclass

from metamill.wording import SQUARE, Brackets


@dataclass(frozen=True)
class Style:
    """Sizes in mm, text and line widths in points, colours as #rrggbb."""

    font_size: float = 7.0
    mark_size: float = 5.25
    row_mm: float = 4.4
    line_mm: float = 3.2
    margin_mm: float = 2.0
    gap_mm: float = 3.0
    plot_gap_mm: float = 4.5
    indent_mm: float = 2.5
    label_min_mm: float = 22.0
    text_min_mm: float = 45.0
    plot_min_mm: float = 42.0
    plot_least_mm: float = 22.0
    plot_max_mm: float = 75.0
    square_mm: float = 2.8
    square_min_mm: float = 0.8
    squares_per_axis: float = 15.0
    square_plain_mm: float = 1.8
    diamond_mm: float = 2.9
    prediction_mm: float = 1.0
    arrow_mm: float = 1.5
    tick_mm: float = 1.1
    interval_width: float = 0.75
    rule_width: float = 0.6
    thin_width: float = 0.4
    ink: str = "#000000"
    paper: str = "#ffffff"
    soft: str = "#595959"
    line: str = "#8c8c8c"
    accent: str = "#1f4e79"
    doubtful: str = "#a6a6a6"
    brackets: Brackets = SQUARE
    columns_dropped: tuple[str, ...] = ("weights", "data")
    """Columns left out, in this order, until the plot has plot_min_mm.

    Without all of them it may shrink to plot_least_mm. Lines of text go beside the axis where
    that leaves them text_min_mm.
    """


STYLES = {"default": Style()}
