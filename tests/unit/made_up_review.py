"""A small review with made-up numbers, and its results without a workflow."""

from pathlib import Path

from metamill import results
from metamill.analysis import analyse
from metamill.figures import draw
from metamill.jobs import code_digest, plan

CONFIG = """\
review: {{title: Made up}}
outcomes:
  event:
    title: Event
    table: event.csv
    measure: OR
    direction: lower
{more}"""


def write_review(folder: Path, k: int = 6, more: str = "") -> Path:
    """Write config.yaml and a table of k made-up trials; `more` are further lines of config."""
    (folder / "extracted").mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG.format(more=more), encoding="utf-8")
    lines = ["study,events_treatment,total_treatment,events_control,total_control"]
    lines += [
        f"Author {i + 1} {1990 + i % 30},{3 + 5 * i % 11},{60 + 7 * i % 50},{6 + 3 * i % 13},"
        f"{60 + 11 * i % 40}"
        for i in range(k)
    ]
    (folder / "extracted" / "event.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def pool(folder: Path) -> None:
    """Write results/event/result.json."""
    jobs = plan(folder)
    result = analyse(jobs.review.outcomes["event"], jobs.selections["event"])
    results.write(result, folder / "results" / "event" / "result.json")


def draw_forest(folder: Path, formats: tuple[str, ...]) -> Path:
    """Draw the forest plot as the workflow does, after `pool`; the folder of its files."""
    jobs, event = plan(folder), folder / "results" / "event"
    result = results.read(event / "result.json")
    draw(result, jobs.review.displays["event"], ("forest",), formats, event, code_digest("draw"))
    return event
