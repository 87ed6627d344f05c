"""Which side of an axis is better, and where a difference begins to matter."""

from metamill.config.settings import Display
from metamill.figures.page.text import clean
from metamill.results import Result


def sides_of(result: Result, display: Display) -> tuple[str, str] | None:
    """What the left and the right of the null value mean; None where that is not known."""
    family = result.measure.family
    if display.direction is None or result.measure.null is None or family == "correlation":
        return None
    if family == "change":
        better, worse = "Improvement", "Worsening"
    else:
        better, worse = (
            f"Favours {clean(name.lower() if name[1:].islower() else name)}"
            for name in (display.treatment, display.control)
        )
    return (better, worse) if display.direction == "lower" else (worse, better)


def important_values(result: Result, display: Display) -> tuple[float, ...]:
    """The important difference on the axis: on the better side, or on both if none is better."""
    difference, null = display.important_difference, result.measure.null
    if difference is None or null is None or result.measure.code not in ("MC", "MD"):
        return ()
    signs = {"lower": (-1,), "higher": (1,)}.get(display.direction or "", (-1, 1))
    return tuple(null + sign * difference for sign in signs)
