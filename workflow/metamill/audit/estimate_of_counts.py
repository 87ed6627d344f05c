"""Does a reported effect agree with the counts of its own row? (B8)"""

from collections.abc import Iterator, Mapping

from scipy.special import betaincinv

from metamill.audit.finding import QUESTION, Check, Finding
from metamill.measures.derive.printed import ROUNDED, Span, figures, habits
from metamill.measures.derive.spread import shown
from metamill.tables.printed import value

Cells = Mapping[str, str]

CHECK = Check(
    "estimate_of_counts",
    "B8",
    "Estimate against the counts of its row",
    "an odds or risk ratio is on that side of 1 on which the counts are, and a proportion within "
    "the exact 95 % interval of its counts",
    "arithmetic; Clopper and Pearson, 1934",
    "the estimate is adjusted and the counts are crude, or they are of other patients or times",
)
_RATIOS = ("OR", "RR", "PETO")
_ARMS = ("events_treatment", "total_treatment", "events_control", "total_control")
_WHOLE = ("events", "total")


def check_estimate_of_counts(cells: Cells, measure: str) -> Iterator[Finding]:
    """A question where the estimate of a row is not what its counts say, crude as they are."""
    if not cells.get("estimate") or any(cells.get(name) for name in ("mean", "time")):
        return
    ratio = cells.get("scale") == "log" or measure in _RATIOS
    if ratio and _counted(_ARMS, cells):
        yield from _ratio(cells)
    elif not ratio and cells.get("scale", "") in _PROPORTIONS and _counted(_WHOLE, cells):
        yield from _proportion(cells)


def exact_interval(events: int, total: int) -> Span:
    """Clopper and Pearson's 95 % interval of a proportion."""
    return (
        float(betaincinv(events, total - events + 1, 0.025)) if events else 0.0,
        float(betaincinv(events + 1, total - events, 0.975)) if events < total else 1.0,
    )


def _counted(columns: tuple[str, ...], cells: Cells) -> bool:
    """Whether the counts are all there and can be those of groups."""
    if not all(cells.get(name) for name in columns):
        return False
    pairs = zip(columns[::2], columns[1::2], strict=True)
    return all(0 <= int(cells[k]) <= int(cells[n]) and int(cells[n]) > 0 for k, n in pairs)


def _ratio(cells: Cells) -> Iterator[Finding]:
    a, n, b, m = (int(cells[name]) for name in _ARMS)
    crude = a * m - b * n
    low, high = ROUNDED.span(cells["estimate"])
    if low <= 0 or not ((low > 1 and crude < 0) or (high < 1 and crude > 0)):
        return
    odds = _over(a * (m - b), b * (n - a))
    risks = _over(a * m, b * n)
    side, other = ("above", "below") if low > 1 else ("below", "above")
    columns = ("estimate", *_ARMS)
    said = (
        f"{a}/{n} against {b}/{m} is an odds ratio of {odds} and a risk ratio of {risks}, {other} "
        f"1; estimate {cells['estimate']} is {side} 1. The arms may be exchanged, or the event "
        f"may be the other outcome: 1/{cells['estimate']} is "
        f"{figures(1 / float(cells['estimate']))}"
    )
    yield Finding(
        CHECK.code,
        QUESTION,
        columns,
        shown(columns, cells),
        f"an estimate {other} 1",
        said,
        "the estimate is treatment against control, of the events that are counted",
    )


def _over(above: int, below: int) -> str:
    return figures(above / below) if below else "infinity"


def _proportion(cells: Cells) -> Iterator[Finding]:
    """As a proportion, and on the identity scale in per cent as well."""
    events, total = (int(cells[name]) for name in _WHOLE)
    estimate = value(cells["estimate"])
    low, high = exact_interval(events, total)
    units = [1.0] if estimate <= 1 else []
    if cells.get("scale") != "logit":
        units.append(0.01)
    if not 0 <= estimate <= 100 or not units:
        return
    spans = [
        (how, (a * by, b * by))
        for how in (ROUNDED, *habits(cells))
        for a, b in (how.span(cells["estimate"]),)
        for by in units
    ]
    if any(how.meet(span, (low, high)) for how, span in spans):
        return
    columns = ("estimate", *_WHOLE)
    said = (
        f"{events} of {total} is {100 * events / total:.4g} %, with an exact interval from "
        f"{100 * low:.4g} to {100 * high:.4g} %; estimate {cells['estimate']} is outside"
    )
    rest = 1 - float(estimate) * units[0]
    if low <= rest <= high:
        said += f". The rest of it, {100 * rest:.4g} %, is within: the event may be the other one"
    yield Finding(
        CHECK.code,
        QUESTION,
        columns,
        shown(columns, cells),
        f"from {100 * low:.4g} to {100 * high:.4g} %",
        said,
        "the estimate is the proportion that is counted, unadjusted",
    )


_PROPORTIONS = ("", "identity", "logit")
