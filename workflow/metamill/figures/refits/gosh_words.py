"""What subsets of the studies say, in sentences, for the figure and the report."""

from collections.abc import Iterator

from metamill.explored.gosh import Crossing, Gosh, Spread
from metamill.figures.page.text import clean
from metamill.files import csv_text
from metamill.results import Result
from metamill.sentences import probability_text
from metamill.wording import NumberFormat, number_text, result_format, significant_text

MOST_COUNTED = 10**9
"""More subsets than these are not counted in words."""
WELL_APART = 0.95
"""From this split on a study is said to divide the subsets: that of two normal clouds, of the
subsets with it and of those without it, so far apart that together they have two modes."""
LEAST_DIVIDED = 10
"""With fewer studies chance alone sets one so far apart. Of simulated sets without any division so
many have such a study: all of 3 studies, 55% of 5, 20% of 8, 10% of 10 to 12."""


def subsets_words(found: Gosh) -> str:
    """How many subsets were pooled, and which: one sentence."""
    tried = number_text(found.tried, 0)
    what = f"subsets of at least two of the {found.k} studies"
    have = "has" if found.failed == 1 else "have"
    failed = f"; {number_text(found.failed, 0)} of them {have} no estimate" if found.failed else ""
    if found.every:
        return f"All {tried} {what} were pooled{failed}."
    known = found.possible is not None and found.possible < MOST_COUNTED
    of = (
        f"{tried} of the {number_text(found.possible or 0, 0)} {what}"
        if known
        else f"{tried} {what}"
    )
    return (
        f"{of} were pooled, a sample without replacement in which each study is in with "
        f"probability 1/2 (seed {found.seed}){failed}."
    )


def spread_words(found: Gosh, form: NumberFormat) -> str:
    """Where the estimates lie."""
    at = found.estimate
    if at is None:
        return ""
    q1, q3, p5, p95, median = (
        value_text(x, form) for x in (at.q1, at.q3, at.p5, at.p95, at.median)
    )
    return (
        f"The median of their estimates is {median}; half lie between {q1} and {q3}, 90% between "
        f"{p5} and {p95}."
    )


def crossing_words(item: Crossing, form: NumberFormat) -> str:
    """How many subsets lie on the other side of a value than all studies."""
    share = "No subset" if item.share == 0 else f"In {probability_text(item.share)} of the subsets"
    lies = "has an estimate" if item.share == 0 else "the estimate lies"
    side = f"on the other side of {value_text(item.value, form)} ({item.what})"
    return f"{share} {lies} {side} than that of all studies."


def mover_words(found: Gosh, form: NumberFormat) -> str:
    """Which study tells the subsets apart most, and how far."""
    cloud = found.cloud
    study = next((s for s in found.studies if cloud and s.study == cloud.mover), None)
    if study is None or study.split is None:
        return ""
    if study.estimate_with is None or study.estimate_without is None:
        return ""
    with_it, without = (
        value_text(x.median, form) for x in (study.estimate_with, study.estimate_without)
    )
    apart = found.k >= LEAST_DIVIDED and abs(study.split) >= WELL_APART
    verb = (
        "divides the subsets" if apart else "moves the estimate most, without dividing the subsets"
    )
    return (
        f"{clean(study.study)} {verb}: the median is {with_it} with it and {without} without it "
        f"({significant_text(abs(study.split))} interquartile ranges apart)."
    )


def sentences(found: Gosh, result: Result) -> Iterator[str]:
    form = result_format(result)
    yield subsets_words(found)
    yield spread_words(found, form)
    yield from (crossing_words(item, form) for item in found.crossings)
    moved = mover_words(found, form)
    if moved:
        yield moved


def value_text(value: float, form: NumberFormat) -> str:
    return form.text(value) + form.suffix


COLUMNS = (
    "row,study,subsets,estimate_least,estimate_p5,estimate_q1,estimate_median,estimate_q3,"
    "estimate_p95,estimate_most,tau2_q1,tau2_median,tau2_q3,split,x_low,x_high,y_low,y_high,"
    "count,count_with"
).split(",")


def gosh_csv(found: Gosh) -> str:
    """The plotted numbers: the subsets by study, then the bins of the cloud that hold any."""
    rows: list[dict[str, object]] = [
        {"row": "all", "subsets": found.tried - found.failed}
        | _spread("estimate", found.estimate)
        | _spread("tau2", found.tau2)
    ]
    for item in found.studies:
        without = found.tried - found.failed - item.subsets_with
        for row, count, estimate, tau2 in (
            ("with", item.subsets_with, item.estimate_with, item.tau2_with),
            ("without", without, item.estimate_without, item.tau2_without),
        ):
            numbers = {"row": row, "study": item.study, "subsets": count, "split": item.split}
            rows.append(numbers | _spread("estimate", estimate) | _spread("tau2", tau2))
    cloud = found.cloud
    for up, counts in enumerate(cloud.counts if cloud else ()):
        assert cloud is not None
        height = cloud.y_high / len(cloud.counts)
        for across, count in enumerate(counts):
            if count:
                low, high = (cloud.edge(at) for at in (across, across + 1))
                rows.append(
                    {
                        "row": "bin",
                        "x_low": low,
                        "x_high": high,
                        "y_low": up * height,
                        "y_high": (up + 1) * height,
                        "count": count,
                        "count_with": cloud.counts_with[up][across],
                    }
                )
    return csv_text(COLUMNS, rows)


def _spread(name: str, spread: Spread | None) -> dict[str, object]:
    if spread is None:
        return {}
    parts = ("least", "p5", "q1", "median", "q3", "p95", "most")
    return {f"{name}_{part}": getattr(spread, part) for part in parts}
