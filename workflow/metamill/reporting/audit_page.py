"""What the audit found, as the report's page of it: from audit.csv, by study and gravity."""

from collections.abc import Mapping, Sequence
from typing import Any

from metamill import wording
from metamill.audit.finding import (
    CONTRADICTION,
    HOLDING,
    IMPOSSIBLE,
    INFO,
    QUESTION,
    READING,
    in_words,
)

_GROUPS = (
    (IMPOSSIBLE, "Impossible as printed", "no data have these numbers"),
    (CONTRADICTION, "Contradictions", "two printed numbers cannot both be true"),
    (QUESTION, "Questions", "worth asking the authors; nothing is held out for them"),
    (INFO, "For information", "noted, without doubt about a number"),
)
"""Levels of the audit, gravest first: the heading of each and what it means."""


def audit_page(rows: Sequence[Mapping[str, str]], labels: Mapping[str, str]) -> dict[str, Any]:
    """Groups of findings, each finding once for all outcomes, and what reading noted.

    `labels` are the names of studies in figures, by id.
    """
    found = [row for row in rows if row["check"] != READING]
    groups = [
        {
            "title": title,
            "meaning": meaning,
            "open": level in HOLDING,
            "findings": _merged([row for row in found if row["level"] == level], labels),
        }
        for level, title, meaning in _GROUPS
    ]
    kept_out = [row for row in found if row["held_out"] == "yes"]
    lines: dict[str, set[str]] = {}
    for row in kept_out:
        lines.setdefault(row["outcome"], set()).add(row["line"])
    return {
        "groups": [group for group in groups if group["findings"]],
        "held": len({(row["table"], row["line"]) for row in kept_out}),
        "held_by_outcome": {name: len(of_outcome) for name, of_outcome in lines.items()},
        "reading": [row for row in rows if row["check"] == READING],
    }


def _merged(rows: Sequence[Mapping[str, str]], labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """One entry per finding; what becomes of the row may differ between outcomes."""
    merged: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("table", "line", "check", "printed", "allowed"))
        entry = merged.setdefault(
            key,
            {
                **{name: row[name] for name in ("table", "line", "source")},
                "study": labels.get(row["study"], row["study"]),
                "check": row["check"].replace("_", " "),
                "printed": wording.typeset(in_words(row["printed"])),
                "allowed": wording.typeset(in_words(row["allowed"])),
                "assumption": row["assumption"],
                "reasons": [],
                "outcomes": [],
                "held_out": False,
            },
        )
        if row["reason"] not in entry["reasons"]:
            entry["reasons"].append(row["reason"])
        if row["outcome"]:
            entry["outcomes"].append(row["outcome"])
        entry["held_out"] |= row["held_out"] == "yes"
    return sorted(merged.values(), key=lambda entry: not entry["held_out"])
