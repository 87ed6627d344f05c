"""Whether a row gives the number that its outcome pools, even as it is printed."""

from collections.abc import Iterator, Mapping

from metamill.audit.finding import CONTRADICTION, Check, Finding
from metamill.config.settings import Model
from metamill.measures.prepare import prepare
from metamill.tables.needs import missing_columns

CHECKS = (
    Check(
        "no_number",
        "B8",
        "Row without a number to pool",
        "what the row prints gives the effect of its measure and a sampling variance",
        "the formulas of docs/statistics/preparation.md",
        "never: what it says is why the number cannot be had",
    ),
)


def check_number(cells: Mapping[str, str], model: Model) -> Iterator[Finding]:
    """Why no number of the model's measure can be had from a complete row; nothing if it can."""
    if missing_columns(model.measure, cells):
        return
    try:
        prepare(model.measure, [cells], model.correlation, as_printed=[0])
    except ValueError as reason:
        words = str(reason).removeprefix(f"{cells.get('study', '')}: ")
        yield Finding(
            "no_number",
            CONTRADICTION,
            ("study",),
            f"measure {model.measure}",
            "no number to pool",
            f"{words[:1].upper()}{words[1:]}, so that there is no number to pool",
        )
