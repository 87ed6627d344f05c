"""Draw the figures of one outcome from its result.json, beside it."""

import argparse
import json
import sys
from pathlib import Path

from metamill import results
from metamill.config.settings import Display
from metamill.errors import ConfigError, Problem
from metamill.figures import draw
from metamill.figures.drawn import TooNarrow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--display", required=True, help="title and look, as JSON")
    parser.add_argument("--figures", nargs="+", required=True, help="names of figures")
    parser.add_argument("--formats", nargs="+", required=True)
    parser.add_argument("--code", required=True, help="digest of the code, for the metadata")


def main(options: argparse.Namespace) -> None:
    display = Display(**json.loads(options.display))
    result = results.read(options.result)
    folder = options.result.parent
    try:
        missing = draw(result, display, options.figures, options.formats, folder, options.code)
    except TooNarrow as error:
        advice = "Set a larger width_mm under figures, or leave it out"
        raise ConfigError([Problem("config.yaml", str(error), advice)]) from None
    if missing:
        print(f"{result.outcome}: the fonts of the figures lack {missing}", file=sys.stderr)
