"""How figures look: styles are data, and a new style is a new entry of STYLES."""

from dataclasses import dataclass, replace

from metamill.config.journals import JOURNALS
from metamill.config.settings import Display
from metamill.results import Result
from metamill.wording import DASHED, ROUND, SQUARE, Brackets


@dataclass(frozen=True)
class Style:
    """Sizes in mm, text and line widths in points, colours as #rrggbb.

    `columns` are those of a forest plot from left to right; `dropped` are left out, in this order,
    until the plot has plot_min_mm (without all of them it may shrink to plot_least_mm). Lines of
    text go beside the axis where that leaves them text_min_mm. `merged_counts` prints events/total
    in one column; `zebra` is the colour behind every other study ("" for none); `estimate_dash` is
    the line down from the mean (None for none); `directions_on_top` puts the better and the worse
    side over the plot; `prediction` is drawn as "bar" or "line"; `mean_name` names the mean ("" by
    its model; {kind} is RE or EE, random or equal effects); `caps` end the intervals of studies;
    `jama_p` prints P values as JAMA does.
    """

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
    group_max_mm: float = 40.0
    plot_min_mm: float = 42.0
    plot_least_mm: float = 19.0
    plot_max_mm: float = 75.0
    square_mm: float = 2.8
    square_min_mm: float = 0.8
    squares_per_axis: float = 15.0
    square_plain_mm: float = 1.8
    diamond_mm: float = 2.9
    prediction_mm: float = 1.0
    arrow_mm: float = 1.5
    tick_mm: float = 1.1
    symbol_mm: float = 3.0
    interval_width: float = 0.75
    rule_width: float = 0.6
    thin_width: float = 0.4
    ink: str = "#000000"
    paper: str = "#ffffff"
    soft: str = "#595959"
    line: str = "#8c8c8c"
    accent: str = "#1f4e79"
    mean: str = "#1f4e79"
    doubtful: str = "#a6a6a6"
    striking: str = "#d55e00"
    band: str = "#e9eff5"
    faint: str = "#bfbfbf"
    regions: tuple[str, ...] = ("#ffffff", "#b0b0b0", "#d0d0d0", "#ebebeb")
    series: tuple[str, ...] = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
    point_mm: float = 1.8
    area_mm: float = 6.0
    zebra: str = ""
    brackets: Brackets = SQUARE
    columns: tuple[str, ...] = ("label", "data", "plot", "numbers", "weight", "bias")
    dropped: tuple[str, ...] = ("weight", "bias", "data")
    study_header: str = "Study"
    mean_name: str = ""
    merged_counts: bool = False
    estimate_dash: tuple[float, ...] | None = (3.0, 2.0)
    directions_on_top: bool = False
    prediction: str = "bar"
    caps: bool = False
    jama_p: bool = False


STYLES = {
    "default": Style(),
    "revman": Style(
        columns=("label", "data", "weight", "numbers", "plot", "bias"),
        study_header="Study or Subgroup",
        mean_name="Total",
        mean="#000000",
        accent="#1b5e20",
        estimate_dash=None,
        prediction="line",
    ),
    "jama": Style(
        columns=("label", "data", "numbers", "plot", "weight", "bias"),
        brackets=DASHED,
        study_header="Source",
        mean_name="Total",
        accent="#0b2a4a",
        mean="#5b9bd5",
        directions_on_top=True,
        estimate_dash=None,
        jama_p=True,
        row_mm=4.2,
    ),
    "bmj": Style(
        columns=("label", "data", "plot", "weight", "numbers", "bias"),
        brackets=ROUND,
        mean_name="Overall",
        merged_counts=True,
        square_mm=2.5,
        accent="#000000",
        mean="#000000",
        zebra="#f3f3f3",
        plot_max_mm=80.0,
    ),
    "metafor": Style(
        columns=("label", "data", "plot", "weight", "numbers", "bias"),
        mean_name="{kind} Model",
        accent="#000000",
        mean="#000000",
        estimate_dash=None,
        prediction="line",
        caps=True,
    ),
}


def suited(style: Style, result: Result) -> Style:
    """The style with limits parted by a word where a dash would read as a sign."""
    if style.brackets != DASHED:
        return style
    lows: list[float | None] = [effect.ci_low for effect in result.primary.effects]
    lows += [refit.ci_low for refit in (*result.leave_one_out, *result.leave_cohort_out)]
    lows += [refit.ci_low for refit in result.cumulative]
    for analysis in result.analyses:
        lows += [analysis.pooled.ci_low, analysis.pooled.pi_low]
    lows += [mean.pi_low for found in result.regressions for mean in found.means]
    negative = any(low is not None and low < 0 for low in lows)
    return replace(style, brackets=ROUND) if negative else style


def fitted(style: Style, display: Display) -> Style:
    """The style with text and lines at least as large as the journal of `display` asks.

    Raised marks count as text; everything that is measured in rows grows with the text.
    """
    if display.journal not in JOURNALS:
        return style
    journal = JOURNALS[display.journal]
    growth = max(1.0, journal.text_pt / style.font_size)
    size = style.font_size * growth
    return replace(
        style,
        font_size=size,
        mark_size=max(style.mark_size * growth, journal.text_pt),
        row_mm=style.row_mm * growth,
        line_mm=style.line_mm * growth,
        interval_width=max(style.interval_width, journal.line_pt),
        rule_width=max(style.rule_width, journal.line_pt),
        thin_width=max(style.thin_width, journal.line_pt),
    )
