"""Colours mixed with white, and those of judgements: apart for every eye and in grey."""

from metamill.tables.bias_tools import BAD, CRITICAL, GOOD, NONE, NOT_APPLICABLE, SOME

JUDGEMENTS = {
    GOOD: "#9bdcc4",
    SOME: "#e69f00",
    BAD: "#c2410c",
    CRITICAL: "#4a0d2b",
    NONE: "#ffffff",
    NOT_APPLICABLE: "#ffffff",
}
"""The fill of each kind of judgement; darker is worse."""
ON_JUDGEMENTS = {
    GOOD: "#000000",
    SOME: "#000000",
    BAD: "#ffffff",
    CRITICAL: "#ffffff",
    NONE: "#595959",
    NOT_APPLICABLE: "#595959",
}
"""What is drawn on those fills."""


def tint(colour: str, share: float) -> str:
    """`share` (0 to 1) of a colour, the rest white; both as #rrggbb."""
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * share):02x}" for part in parts)
