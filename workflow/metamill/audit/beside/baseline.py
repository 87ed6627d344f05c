"""Groups of a randomised study that differ more before treatment than chance lets them.

Nothing is said of groups that are too alike: see docs/audit/peers.md for why.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt

from scipy.special import stdtr

from metamill.audit.finding import QUESTION, Check, Finding
from metamill.tables.printed import rounded
from metamill.tables.statements import STATEMENTS
from metamill.tables.table import Table, TableRow

CHECKS = (
    Check(
        "baseline_difference",
        "B13",
        "Randomised groups that differ at baseline",
        "of 5 or more baseline means of two randomised groups one differs with p below "
        "0.001 / number of means, whatever the rounding",
        "Carlisle 2017, Anaesthesia 72:944; Bonferroni's inequality",
        "cluster randomisation; very skewed variables; once in a thousand honest trials",
    ),
)
FEWEST = 5
LEVEL = 0.001
_RANDOMISED = re.compile(r"randomi[sz]|random allocation", re.IGNORECASE)
_NOT_RANDOMISED = re.compile(
    r"(non|not|un|without|quasi|pseudo|cluster)[- ]*random|randomi[sz]ed by cluster", re.IGNORECASE
)


def check_baseline(
    studies: Table | None, statements: Table | None
) -> Iterator[tuple[str, int, Finding]]:
    """Statements of occasion "baseline" of each study whose design says that it was randomised.

    A quantity counts where it has mean, SD and n for exactly two groups.
    """
    designs = {r.cells["study"]: r.cells.get("design", "") for r in studies.rows} if studies else {}
    of_study: dict[str, dict[str, dict[str, TableRow]]] = {}
    for row in statements.rows if statements else ():
        cells = row.cells
        complete = all(cells.get(name) for name in ("mean", "sd", "n"))
        if complete and cells.get("occasion", "").casefold() == "baseline":
            quantities = of_study.setdefault(cells["study"], {})
            groups = quantities.setdefault(cells["quantity"].casefold(), {})
            groups.setdefault(cells["group"].casefold(), row)
    for study, quantities in of_study.items():
        design = designs.get(study, "")
        if _RANDOMISED.search(design) and not _NOT_RANDOMISED.search(design):
            pairs = [tuple(groups.values()) for groups in quantities.values() if len(groups) == 2]
            yield from _judge(study, [(one, two) for one, two in pairs])


def _judge(
    study: str, pairs: Sequence[tuple[TableRow, TableRow]]
) -> Iterator[tuple[str, int, Finding]]:
    if len(pairs) < FEWEST:
        return
    limit = LEVEL / len(pairs)
    for one, two in pairs:
        p = largest_p(one.cells, two.cells)
        if p >= limit:
            continue
        as_se = largest_p(one.cells, two.cells, as_standard_errors=True)
        printed = " and ".join(f"{r.cells['mean']} ± {r.cells['sd']}" for r in (one, two))
        sizes = " and ".join(row.cells["n"] for row in (one, two))
        slip = f"; with standard errors in place of SDs p would be {as_se:.2g}"
        yield (
            STATEMENTS,
            two.line,
            Finding(
                "baseline_difference",
                QUESTION,
                ("mean", "sd"),
                f"{two.cells['quantity']}: {printed}",
                f"p of at least {limit:.2g}",
                f"{study} was randomised, and {two.cells['quantity']} differs at baseline "
                f"({printed}, n = {sizes}) with p = {p:.2g} at most"
                + (slip if as_se >= limit else "")
                + f"; among {len(pairs)} baseline means chance does so once in a thousand trials",
                "single patients were randomised; t distribution of the difference",
            ),
        )


def largest_p(
    one: Mapping[str, str], two: Mapping[str, str], as_standard_errors: bool = False
) -> float:
    """The largest two-sided p that rounding leaves to two printed means, SDs and n.

    The smallest difference and the largest SDs of the rounding intervals, and of Student's and
    Welch's test the larger p. `as_standard_errors` takes the printed SDs for standard errors. 1
    where a group has fewer than two patients.
    """
    n1, n2 = int(one["n"]), int(two["n"])
    if min(n1, n2) < 2:
        return 1.0
    (low1, high1), (low2, high2) = rounded(one["mean"]), rounded(two["mean"])
    difference = max(float(low1 - high2), float(low2 - high1), 0.0)
    s1, s2 = (float(rounded(cells["sd"])[1]) for cells in (one, two))
    if as_standard_errors:
        s1, s2 = s1 * sqrt(n1), s2 * sqrt(n2)
    v1, v2 = s1**2 / n1, s2**2 / n2
    df = n1 + n2 - 2
    pooled = ((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / df * (1 / n1 + 1 / n2)
    welch_df = (v1 + v2) ** 2 / (v1**2 / (n1 - 1) + v2**2 / (n2 - 1))
    student = 2 * float(stdtr(df, -difference / sqrt(pooled)))
    welch = 2 * float(stdtr(welch_df, -difference / sqrt(v1 + v2)))
    return max(student, welch)
