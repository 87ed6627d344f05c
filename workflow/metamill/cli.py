"""`metamill COMMAND ...`: the commands for people, and the steps that the rules call."""

import argparse
import os
import sys
from importlib import import_module

from metamill import __version__
from metamill.errors import EnvironmentFault, MetamillError, Problem

FOR_PEOPLE = {
    "run": "make the results of a review",
    "check": "check a review's settings and tables, and whether its numbers can be true",
    "compare": "compare a second extraction with the first, cell by cell",
    "verify": "rebuild a review in a scratch folder and compare it with results.lock",
    "lock": "write results.lock from finished results",
    "whoami": "say where a figure is from and whether the review still draws it so",
    "preflight": "check the figures against what journals ask",
}
STEPS = {
    "settle": "write the settings as used and what the audit found",
    "pool": "pool one outcome",
    "draw": "draw one outcome",
    "draw_review": "draw the review as a whole",
    "summarise": "write summary.csv",
    "crosscheck": "recompute the results with PyMARE and statsmodels",
    "report": "write report.html",
    "record": "write manifest.json",
}

UNREAD = 141
"""The exit code that a shell gives a program which a closed pipe ended."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is 0, or that of the failure (see README)."""
    parser = argparse.ArgumentParser(prog="metamill", description=__doc__)
    parser.add_argument("--version", action="version", version=f"metamill {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    arguments = sys.argv[1:] if argv is None else argv
    for name, meaning in (FOR_PEOPLE | STEPS).items():
        sub = commands.add_parser(name, help=meaning, description=meaning)
        if name in arguments[:1]:
            import_module(f"metamill.commands.{name}").add_arguments(sub)
    options = parser.parse_args(arguments)
    command = import_module(f"metamill.commands.{options.command}")
    try:
        code = int(command.main(options) or 0)
        sys.stdout.flush()
        return code
    except MetamillError as error:
        return failed(error)
    except BrokenPipeError:
        return _unread()
    except OSError as error:
        where = str(error.filename or "a file")
        return failed(EnvironmentFault(Problem(where, f"cannot be used ({error.strerror})")))


def _unread() -> int:
    """End as a shell tool does whose reader, as `head`, has enough: without a word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return UNREAD


def failed(error: MetamillError) -> int:
    """Say what is wrong and, for `metamill run`, leave the exit code where it will look."""
    print(error, file=sys.stderr)
    note = os.environ.get("METAMILL_EXIT_CODE_FILE")
    if note:
        with open(note, "w", encoding="utf-8") as handle:
            handle.write(str(error.exit_code))
    return error.exit_code
