"""manifest.json: what a run made, from what, with which versions."""

import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from metamill import __version__
from metamill.files import file_sha256, json_text, write_text

PACKAGES = ("matplotlib", "numpy", "pandas", "pymare", "scipy", "snakemake", "statsmodels")


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
    """The manifest of finished results. Raises FileNotFoundError if there are none."""
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
