"""Draw the figures of a whole review from its result.json files and review.json, beside that."""

import argparse
import json
import sys
from pathlib import Path

from metamill import results, review_result
from metamill.config.settings import Display
from metamill.figures import draw_review


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="+", type=Path, help="result.json of every outcome")
    parser.add_argument("--review-result", type=Path, required=True)
    parser.add_argument("--look", required=True, help="look and titles of outcomes, as JSON")
    parser.add_argument("--figures", nargs="+", required=True, help="names of figures")
    parser.add_argument("--formats", nargs="+", required=True)
    parser.add_argument("--code", required=True, help="digest of the code, for the metadata")


def main(options: argparse.Namespace) -> None:
    look, titles = json.loads(options.look)
    missing = draw_review(
        [results.read(path) for path in options.results],
        review_result.read(options.review_result),
        Display(**look),
        titles,
        options.figures,
        options.formats,
        options.review_result.parent,
        options.code,
    )
    if missing:
        print(f"the fonts of the figures lack {missing}", file=sys.stderr)
