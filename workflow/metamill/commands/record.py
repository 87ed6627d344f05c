"""Write manifest.json: every output with its SHA-256, what it came from, and the versions."""

import argparse
from pathlib import Path

from metamill.record.manifest import write_manifest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("outputs", type=Path, nargs="+", help="every file of the run")
    parser.add_argument("--settings", required=True, help="digest of all settings and rows")
    parser.add_argument("--code", required=True, help="digest of the package")
    parser.add_argument("--manifest", type=Path, required=True)


def main(options: argparse.Namespace) -> None:
    write_manifest(options.outputs, options.settings, options.code, options.manifest)
