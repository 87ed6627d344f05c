"""Draw the figures of one outcome from its result.json, beside it."""

import argparse
import json
import sys
from pathlib import Path

from metamill import results
from metamill.config.settings import Display
from metamill.figures import draw


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--display", required=True, help="title and look, as JSON")
    parser.add_argument("--figures", nargs="+", required=True, help="names of figures")
    parser.add_argument("--formats", nargs="+", required=True)
    parser.add_argument("--code", required=True, help="digest of the code, for the metadata")


def main(options: argparse.Namespace) -> None:
    display = Display(**json.loads(options.display))
    result = results.read(options.result)
    missing = draw(
        result, display, options.figures, options.formats, options.result.parent, options.code
    )
    if missing:
        print(f"{result.outcome}: the fonts of the figures lack {missing}", file=sys.stderr)
