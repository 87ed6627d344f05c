"""SDs that no values between two limits have: other checks call them impossible, and say why."""

from fractions import Fraction

from metamill.audit.finding import Group
from metamill.tables.printed import rounded


def beyond_scale(group: Group) -> bool:
    """Whether the printed SD is larger than the scale and the printed range and mean allow.

    n values between a and b with mean m have an SD of at most sqrt((b - m)(m - a) n/(n - 1)), and
    (b - a)/2 sqrt(n/(n - 1)) whatever their mean (Bhatia and Davis 2000, Am Math Mon 107:353).
    Every printed number is taken at the end of its rounding interval that allows most.
    """
    cells = {name: cell for name, cell in group.cells.items() if cell}
    lows = [end for end in (group.low, _end(cells.get("min"), 0)) if end is not None]
    highs = [end for end in (group.high, _end(cells.get("max"), 1)) if end is not None]
    if "sd" not in cells or not lows or not highs:
        return False
    low, high = max(lows), min(highs)
    n = int(cells.get("n", "2"))
    middle = (low + high) / 2
    mean = middle
    if "mean" in cells:
        least, most = rounded(cells["mean"])
        mean = min(max(middle, least), most)
    if n < 2 or not low <= mean <= high:
        return False
    sd = max(rounded(cells["sd"])[0], Fraction(0))
    return sd**2 * (n - 1) > (high - mean) * (mean - low) * n


def _end(cell: str | None, which: int) -> Fraction | None:
    return rounded(cell)[which] if cell else None
