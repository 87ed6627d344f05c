"""The result of the review as a whole: its studies, how they were judged, how they were found.

`results/review/review.json` is this object, and what is drawn of the whole review is read from it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from metamill.config.flow import Flow
from metamill.decoding import decoded
from metamill.files import canonical_json, digest, json_text, write_text
from metamill.tables.assessments import (
    Assessment,
    Judgement,
    assessments_digest,
)
from metamill.tables.bias_tools import TOOLS, Tool

__all__ = ["Assessment", "Flow", "Judgement", "ReviewResult", "Study", "Tool"]

FORMAT = "metamill-review/1"


@dataclass(frozen=True)
class Study:
    """A study that an outcome selects: its id, its name in figures, its year, those outcomes."""

    study: str
    label: str
    year: int | None
    outcomes: tuple[str, ...]


@dataclass(frozen=True)
class ReviewResult:
    """Everything known of the review besides its outcomes.

    `assessments` are those of risk_of_bias.csv in its order, `tools` the tools they use; both are
    empty, and `flow` is None, where the review has no such file. `digests` change with each part.
    """

    title: str
    studies: tuple[Study, ...]
    tools: tuple[Tool, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    flow: Flow | None = None
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Changes when anything in the result does."""
        return digest(canonical_json([self.title, self.digests]))


def review_result(
    title: str,
    rows: Mapping[str, Iterable[Mapping[str, str]]],
    assessments: tuple[Assessment, ...],
    flow: Flow | None,
) -> ReviewResult:
    """The result from the cells of the rows that each outcome selects and the review's own files.

    The cells are joined with those of the study, as in a Selection.
    """
    studies = _studies(rows)
    used = {item.tool for item in assessments}
    tools = tuple(tool for code, tool in TOOLS.items() if code in used)
    digests = {
        "studies": digest(canonical_json([asdict(item) for item in studies])),
        "assessments": assessments_digest(assessments),
        "flow": digest(canonical_json(asdict(flow) if flow else None)),
    }
    return ReviewResult(title, studies, tools, assessments, flow, digests)


def _studies(rows: Mapping[str, Iterable[Mapping[str, str]]]) -> tuple[Study, ...]:
    """Every study that an outcome selects, in the order in which the outcomes name them."""
    cells: dict[str, Mapping[str, str]] = {}
    outcomes: dict[str, dict[str, None]] = {}
    for outcome, selected in rows.items():
        for row in selected:
            study = row["study"]
            cells.setdefault(study, row)
            outcomes.setdefault(study, {})[outcome] = None
    return tuple(
        Study(
            study,
            about.get("label") or study,
            int(about["year"]) if about.get("year") else None,
            tuple(outcomes[study]),
        )
        for study, about in cells.items()
    )


def write(result: ReviewResult, path: Path) -> None:
    write_text(path, json_text({"format": FORMAT} | asdict(result)))


def read(path: Path) -> ReviewResult:
    """Read a review.json. Raises ValueError if it is not one of this format."""
    raw: Any = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or raw.pop("format", None) != FORMAT:
        raise ValueError(f"{path}: not a {FORMAT} file")
    result: ReviewResult = decoded(ReviewResult, raw)
    return result
