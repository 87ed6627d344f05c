"""Several forms of one number in a row: do they agree? (B8, B9)

The arithmetic of contradictions is that of measures/derive, which refuses to pool what this holds
out; questions on scales of intervals and on p values are asked in intervals.py and p_values.py.
"""

from collections.abc import Iterator, Mapping

from metamill.audit import difference_spread, estimate_of_counts
from metamill.audit.finding import CONTRADICTION, IMPOSSIBLE, QUESTION, Check, Finding
from metamill.audit.interval_checks import at_95, check_intervals, of_effect, scale_of_effect
from metamill.audit.p_values import check_p_values
from metamill.audit.rows import Scale
from metamill.measures.derive.agreement import contradictions
from metamill.measures.derive.change import change_sd_limits, implied_limits
from metamill.measures.derive.contradiction import Contradiction
from metamill.measures.derive.generic import generic_contradictions
from metamill.measures.derive.printed import ROUNDED
from metamill.measures.derive.spread import PRINTED_LEVEL, shown, spreads
from metamill.tables.derivations import SUFFIXES, size_column

Cells = Mapping[str, str]

CHECKS = (
    Check(
        "sd_forms",
        "B8",
        "SD, standard error, interval and t",
        "SE sqrt(n), sqrt(n) (high - low)/(2 q) with q of Student's t or the normal distribution, "
        "and sqrt(n) change/t give the printed SD",
        "definitions; Cochrane Handbook 6.5.2.2 and 6.5.2.3",
        "the numbers belong to different patients (missing values), or to a model that adjusts",
    ),
    Check(
        "sd_of_one",
        "B8",
        "SD of one unit",
        "an SD or a standard error needs two values",
        "definition, divisor n - 1",
        "n counts something else than the values behind the mean",
    ),
    Check(
        "derived_sd",
        "B8",
        "Standard error, interval or t against the range",
        "the SD that they give is at most sqrt((max - mean)(mean - min) n/(n - 1))",
        "Bhatia and Davis, 2000",
        "the printed range is not that of all values (quartiles, trimmed values)",
    ),
    Check(
        "ci_excludes_estimate",
        "B8",
        "Interval without its estimate",
        "low <= estimate <= high",
        "definition",
        "the estimate is crude and the interval adjusted",
    ),
    Check(
        "ci_centre",
        "B8",
        "Interval of a mean off its centre",
        "(low + high)/2 is the mean",
        "Student's t interval is symmetric",
        "bootstrap intervals and intervals made on a log scale, which are no source of an SD",
    ),
    Check(
        "ci_level",
        "B8",
        "Interval of another level",
        "the half-width is 1.96 standard errors or the quantile of t, not 1.645 or 2.576",
        "definition",
        "an adjusted interval that happens to be so wide",
    ),
    Check(
        "ci_scale",
        "B8",
        "Interval that is not symmetric on its scale",
        "the middle of f(low) and f(high) is f(estimate) on the row's scale f",
        "Wald intervals; log and log(-log) for survival: Kalbfleisch and Prentice, 2002",
        "profile-likelihood, exact and bootstrap intervals are symmetric on no scale",
    ),
    Check(
        "ratio_ci",
        "B8",
        "Interval of a ratio on the raw scale",
        "an effect that is pooled on the log scale has an interval that is symmetric there",
        "Wald intervals",
        "coarse digits; profile-likelihood intervals",
    ),
    Check(
        "ci_units",
        "B8",
        "Interval of a proportion too narrow for its units",
        "(1 - S)/(S se^2) <= n with se the standard error of log S",
        "Greenwood, 1926: the variance is least, (1 - S)/(n S), without censoring",
        "n is not the number at risk at the start; parametric or regression estimates of survival",
    ),
    Check(
        "p_value",
        "B8",
        "p value recomputed",
        "t from the printed numbers, at every rounding, gives p (paired, Student, Welch)",
        "Nuijten and others, 2016; INSPECT-SR check 4.9",
        "one-sided, rank, adjusted or corrected tests",
    ),
    Check(
        "t_sign",
        "B8",
        "Sign of t",
        "t has the sign of post minus pre, or of treatment minus control",
        "definition of the column",
        "the paper prints t without its sign, or of the opposite difference; SDs are derived from "
        "its size",
    ),
    Check(
        "effect_twice",
        "B8",
        "Effect given twice",
        "yi is f(estimate), sqrt(vi) is sei, and f(high) - f(low) is twice 1.96 sei or more",
        "definitions",
        "the two are of different models, or one is corrected for small samples",
    ),
    Check(
        "change_mean",
        "B9",
        "Mean change",
        "mean_change = mean_post - mean_pre within rounding",
        "arithmetic for the same patients before and after",
        "fewer patients at follow-up, adjusted changes, medians",
    ),
    Check(
        "change_sd",
        "B9",
        "SD of the change",
        "abs(sd_pre - sd_post) <= sd_change <= sd_pre + sd_post",
        "Cauchy and Schwarz; Cochrane Handbook 6.5.2.8",
        "fewer patients at follow-up, adjusted changes",
    ),
    Check(
        "correlation_sd",
        "B9",
        "Correlation and SD of the change",
        "sd_change^2 = sd_pre^2 + sd_post^2 - 2 r sd_pre sd_post",
        "arithmetic; Cochrane Handbook 6.5.2.8",
        "fewer patients at follow-up, adjusted changes, a rank correlation",
    ),
    Check(
        "correlation_range",
        "B9",
        "Unusual correlation of before and after",
        "the correlation of scores before and after lies between 0 and 0.95",
        "experience with scores of one patient",
        "very reliable instruments, effects that reverse the order of patients",
    ),
    difference_spread.CHECK,
    estimate_of_counts.CHECK,
)

_ELSEWHERE = ("percent_count", "mean_range", "sd_maximum", "p_value")
"""What the audit checks with sharper means in other families."""
_SDS = tuple(f"sd{suffix}" for suffix in SUFFIXES)
_COLUMNS = (*_SDS, "sd_change", "mean_change")
_FORMS = ("sd", "se", "ci_low", "t", "p", "mean")
_USUAL = (0.0, 0.95)
_SAME = (
    "the numbers are of the same patients, unadjusted, and each stands in the column of its kind"
)
_ASSUMED = {
    "ci_centre": "the interval is Student's, of the mean itself, as the SD that is derived from it",
    "change_sd": "the three SDs are of the same patients",
    "ci_level": f"the interval is one of {PRINTED_LEVEL:g} %, as in every table",
    "derived_sd": "range, mean and n are of the same values",
    "t_sign": "t is that of post minus pre, or of treatment minus control",
}


def check_coherence(cells: Cells, scale: Scale, measure: str) -> Iterator[Finding]:
    """Contradictions within one row, with the arithmetic spelled out, and questions beside them.

    `scale` decides nothing here: what is compared are forms of one number.
    """
    own = _of_means(cells, measure)
    yield from _of_one_unit(own)
    for item in contradictions(own, [name for name in _COLUMNS if _has_forms(name, own)]):
        if item.kind not in _ELSEWHERE:
            yield _finding(item, cells)
    yield from _unusual_correlation(own)
    effect = of_effect(cells)
    if effect is not None:
        for item in generic_contradictions(effect, scale_of_effect(effect)):
            yield _finding(item, cells)
    yield from check_intervals(cells)
    yield from check_p_values(cells)
    yield from difference_spread.check_difference_spread(own)
    yield from estimate_of_counts.check_estimate_of_counts(cells, measure)


def _has_forms(column: str, cells: Cells) -> bool:
    """Whether a row prints any form of a column's number (most rows print few)."""
    suffix = column.removeprefix("sd") if column in _SDS else "_change"
    names = [f"{name}{suffix}" for name in _FORMS]
    if suffix in ("_treatment", "_control"):
        names += [f"{name}_difference" for name in _FORMS]
    return any(cells.get(name) for name in names)


def _of_means(cells: Cells, measure: str) -> dict[str, str]:
    """The cells that speak of means: without an interval that belongs to another estimate, a p
    that is none, and the correlation that is an outcome itself."""
    foreign = measure != "MN" and any(
        cells.get(name) for name in ("estimate", "yi", "events", "percent")
    )
    gone = {"ci_low", "ci_high"} if foreign else set()
    if not at_95(cells):
        gone |= {name for name in cells if name.startswith(("ci_low", "ci_high"))}
    if measure in ("COR", "ZCOR"):
        gone.add("correlation")
    for name in ("p_change", "p_difference"):
        if cells.get(name) and not 0 < float(cells[name]) <= 1:
            gone.add(name)
    return {name: cell for name, cell in cells.items() if name not in gone}


def _finding(item: Contradiction, cells: Cells) -> Finding:
    columns = item.columns
    if not item.certain:
        level = QUESTION
    elif item.kind == "change_sd" and set(columns) <= {"sd_change", "sd_pre", "sd_post"}:
        level = IMPOSSIBLE
    else:
        level = CONTRADICTION
    excuse = f". {item.mended} would explain it" if item.mended else ""
    return Finding(
        item.kind,
        level,
        columns,
        shown(columns, cells),
        item.allowed,
        f"{item.reason}{excuse}",
        _ASSUMED.get(item.kind, _SAME),
    )


def _of_one_unit(cells: Cells) -> Iterator[Finding]:
    """An SD or a standard error beside n = 1."""
    for sd in (*_SDS, "sd_change"):
        suffix = sd.removeprefix("sd")
        size = size_column(suffix)
        if cells.get(size) != "1":
            continue
        given = [name for name in (sd, f"se{suffix}") if cells.get(name) and float(cells[name]) > 0]
        if given:
            yield Finding(
                "sd_of_one",
                CONTRADICTION,
                (*given, size),
                shown((*given, size), cells),
                "no SD",
                f"{shown(given, cells)} stands beside {size} 1, and one value has no SD",
                f"{size} counts the values behind the mean",
            )


def _unusual_correlation(cells: Cells) -> Iterator[Finding]:
    """A correlation of before and after, printed or implied, that scores rarely have."""
    columns: tuple[str, ...] = ("correlation",)
    if cells.get("correlation"):
        if not any(cells.get(f"{name}{t}") for name in ("mean", "sd") for t in _TIMES):
            return
        r = ROUNDED.span(cells["correlation"])
        said = f"A correlation of {cells['correlation']}"
    else:
        forms = [spreads(column, cells) for column in ("sd_pre", "sd_post", "sd_change")]
        if not all(forms):
            return
        pre, post, change = (found[0].compatible for found in forms)
        if min(pre[0], post[0]) <= 0 or not ROUNDED.meet(
            change, change_sd_limits(pre, post, (-1.0, 1.0))
        ):
            return
        low, high = implied_limits(pre, post, change)
        r = (max(low, -1.0), min(high, 1.0))
        columns = tuple(dict.fromkeys(name for found in forms[::-1] for name in found[0].sources))
        said = f"{shown(columns, cells)} imply a correlation from {r[0]:.3g} to {r[1]:.3g}"
    if not ROUNDED.meet(r, _USUAL):
        yield Finding(
            "correlation_range",
            QUESTION,
            columns,
            shown(columns, cells),
            "a correlation from 0 to 0.95",
            f"{said}, and scores of one patient before and after rarely have one outside 0 to 0.95;"
            " an SD may be a standard error, or of other patients",
        )


_TIMES = ("_pre", "_post", "_change")
