"""The audit of the summary of one group: n, mean, SD, range, median and quartiles."""

from collections.abc import Iterator

from metamill.audit.finding import Check, Finding, Group
from metamill.audit.summary.group_lattice import (
    check_grim,
    check_median,
    check_sd_lattice,
    is_binary,
)
from metamill.audit.summary.group_spread import check_mean_range, check_spread
from metamill.audit.summary.group_summary import size
from metamill.audit.summary.other_readings import judged
from metamill.audit.summary.without_size import check_without_size

_UNKNOWN_N = "missing answers make the true n smaller"
_ZEROS = "zeros that a spreadsheet added to some columns only"

CHECKS: tuple[Check, ...] = (
    Check(
        "grim",
        "B1",
        "GRIM: mean of n values on a lattice",
        "n times the mean is a multiple of the step of single values",
        "Brown and Heathers 2017",
        f"{_UNKNOWN_N}; values are finer than stated, weighted or imputed; the mean is a model's;"
        f" {_ZEROS}",
    ),
    Check(
        "grim_median",
        "B1",
        "median of n values on a lattice",
        "the median is the middle value, or for even n the mean of the middle two",
        "definition of the median",
        f"{_UNKNOWN_N}; a median interpolated within grouped data; {_ZEROS}",
    ),
    Check(
        "grimmer",
        "B2",
        "GRIMMER: mean and SD of n values on a lattice",
        "some total that the mean allows goes with a whole sum of squares that the SD allows",
        "Anaya 2016; Allard 2018",
        f"{_UNKNOWN_N}; values are finer than stated; the SD is a standard error or a model's;"
        f" {_ZEROS}",
    ),
    Check(
        "debit",
        "B3",
        "DEBIT: mean and SD of zeros and ones",
        "k ones of n have the variance k (n - k) / (n (n - 1))",
        "Heathers and Brown 2019",
        f"a standard error printed as SD; values other than 0 and 1; missing answers; {_ZEROS}",
    ),
    Check(
        "sd_maximum",
        "B4",
        "largest SD of values within a range",
        "as many values as the mean allows at either end of the range, at most one between;"
        " without n the range over the root of 2",
        "Bhatia and Davis 2000, exact for the sums that the mean allows",
        f"the range is an interquartile one, or of other patients than the SD; {_ZEROS}",
    ),
    Check(
        "sd_minimum",
        "B5",
        "smallest SD of values that reach both ends of a range",
        "one value at each end, quartiles where they are printed, the others as equal as can be",
        "von Szokefalvi-Nagy 1918, with mean and order statistics",
        "the range is of more patients than the SD, or that of the scale instead of the values;"
        f" {_ZEROS}",
    ),
    Check(
        "mean_range",
        "B5",
        "mean between what range, median and quartiles allow",
        "the mean of the least and of the largest values with these order statistics",
        "sums of order statistics",
        f"the median, the quartiles or the range are of other patients than the mean; {_ZEROS}",
    ),
    Check(
        "se_as_sd",
        "B5",
        "standard error in the column of the SD",
        "the SD is below the smallest possible, and times the square root of n it is possible:"
        " SE <= R / (2 sqrt(n - 1)) < R / sqrt(2 (n - 1)) <= SD",
        "Popoviciu 1935 and von Szokefalvi-Nagy 1918",
        "the range is of more patients than the SD, or that of the scale instead of the values:"
        " a question where its ends are those of the scale",
    ),
    Check(
        "sd_hypotheses",
        "B5",
        "what an impossible SD could be instead",
        "each of standard error, variance, half-width of a 95 % interval, interquartile range and"
        " range is turned into an SD and compared with the smallest and largest possible; the"
        " range may be an interquartile one",
        "arithmetic; normal distribution for the last two where they are not printed",
        "more than one fits, or one fits by chance: only the source can tell",
    ),
)


def check_group(group: Group) -> Iterator[Finding]:
    """Findings about one group's summary; none where n is printed and no size of at least 2.

    What is impossible as printed is a question where the values may be changes of a score, or
    zeros added by a spreadsheet, and that saves it.
    """
    yield from judged(group, _check, list(_check(group)))


def _check(group: Group) -> Iterator[Finding]:
    """Findings about the numbers as they are printed.

    An SD that breaks its largest or smallest value is not tried by GRIMMER as well: one number, one
    finding. Zeros and ones are left to DEBIT, which knows their range.
    """
    if not group.cells.get("n"):
        yield from check_without_size(group)
        return
    n = size(group)
    if n is None:
        return
    yield from check_grim(group, n)
    yield from check_median(group, n)
    yield from check_mean_range(group, n)
    outside = [] if is_binary(group) else list(check_spread(group, n))
    yield from outside
    if not outside:
        yield from check_sd_lattice(group, n)
