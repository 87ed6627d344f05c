"""manifest.json: what a run made, from what, with which versions."""

import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from metamill import __version__
from metamill.errors import EnvironmentFault, Problem
from metamill.files import file_sha256, json_text, write_text

PACKAGES = (
    "jinja2",
    "matplotlib",
    "numpy",
    "pandas",
    "pillow",
    "pymare",
    "scipy",
    "snakemake",
    "statsmodels",
)
"""Packages whose version may change a result."""


RUN = "Run the review again"


def write_manifest(outputs: Iterable[Path], settings: str, code: str, manifest: Path) -> None:
    """Write the manifest beside the outputs; it is the last file of a run."""
    folder = manifest.parent
    files = {path.relative_to(folder).as_posix(): file_sha256(path) for path in outputs}
    content = {
        "files": files,
        "settings_and_rows": settings,
        "code": code,
        "versions": {"metamill": __version__} | {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    write_text(manifest, json_text(content))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of finished results, after comparing every file with it.

    Raises EnvironmentFault if there is none, if it is damaged, or if a file is not as recorded.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise EnvironmentFault(Problem(str(folder), "holds no finished results", RUN))
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        files = dict(manifest["files"])
    except (ValueError, KeyError, TypeError):
        raise EnvironmentFault(Problem(str(path), "is damaged", RUN)) from None
    changed = [
        name
        for name, recorded in files.items()
        if not (folder / name).is_file() or file_sha256(folder / name) != recorded
    ]
    if changed:
        rule = "is not the file that the run recorded"
        raise EnvironmentFault(Problem(str(folder / name), rule, RUN) for name in changed)
    return manifest
