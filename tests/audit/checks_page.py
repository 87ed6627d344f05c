"""The table of all checks in docs/audit/README.md, from the checks themselves.

Run it to write the table anew: PYTHONPATH=workflow python tests/audit/checks_page.py
"""

from pathlib import Path

from metamill.audit.families import CHECKS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit" / "README.md"
HEADING = "## All checks\n\n"


def table() -> str:
    """One row per check, in the order in which they are run."""
    lines = ["| check | rule | source | speaks wrongly when |", "|---|---|---|---|"]
    for check in CHECKS.values():
        cells = (f"`{check.code}`: {check.name}", check.rule, check.source, check.wrong_when)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with the table as the checks have it."""
    before, _, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    return before + HEADING + table()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
