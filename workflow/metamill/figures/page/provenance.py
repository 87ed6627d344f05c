"""Where a figure is from: written into every file, read back by `metamill whoami`."""

import json
import re
import struct
from collections.abc import Mapping
from html import unescape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from metamill.files import canonical_json

FORMAT = "metamill-figure/1"
MOST_BYTES = 500_000_000
PNG_KEYWORD = "metamill"
TIFF_TAG = 270
"""ImageDescription."""
EPS_COMMENT = "%metamill: "
"""What begins every line of an EPS that holds a part of the provenance."""
_PNG, _TIFF = b"\x89PNG\r\n\x1a\n", {b"II*\x00": "<", b"MM\x00*": ">"}
_TOLD = ("figure", "outcome")


def provenance(figure: str, outcome: str, digests: Mapping[str, str]) -> str:
    """One line of JSON: the figure, its outcome ("" for the whole review), digests and versions."""
    versions = {name: version(name) for name in ("metamill", "matplotlib")}
    told = {"format": FORMAT, "figure": figure, "outcome": outcome, **digests, "versions": versions}
    return json.dumps(json.loads(canonical_json(told)), ensure_ascii=True, sort_keys=True)


def read_provenance(path: Path) -> dict[str, Any]:
    """What a figure's file says of its origin: pdf, svg, png, tiff or eps, whatever it is called.

    The keys are those that `provenance` wrote. Raises ValueError, in words, for a file that is
    none of these or not drawn by metamill, and OSError for one that cannot be read.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError("is larger than any figure of metamill")
    content = path.read_bytes()
    found = _written(content)
    if found is None:
        raise ValueError("is not a figure: neither pdf, svg, png, tiff nor eps")
    try:
        told = json.loads(found)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not str(told.get("format", "")).startswith("metamill-figure/"):
        raise ValueError("was not drawn by metamill, or has lost what it says of its origin")
    if told["format"] != FORMAT:
        raise ValueError(f"says {told['format']}, which this version of metamill cannot read")
    digests = {name: text for name, text in told.items() if name != "versions"}
    if not all(isinstance(text, str) for text in digests.values()) or not set(_TOLD) <= set(told):
        raise ValueError("has a damaged record of its origin")
    versions = told.get("versions")
    if not isinstance(versions, dict) or not all(isinstance(v, str) for v in versions.values()):
        raise ValueError("has a damaged record of its origin")
    return told


def _written(content: bytes) -> str | None:
    """The text at the place of the provenance, "" if there is none; None for another kind of file.

    The first bytes say which kind a file is, not its name. Pixels are not read.
    """
    if content.startswith(b"%PDF-"):
        return _of_pdf(content)
    if content.startswith(b"%!PS-Adobe"):
        return _of_eps(content)
    if content.startswith(_PNG):
        return _of_png(content)
    if content[:4] in _TIFF:
        return _of_tiff(content, _TIFF[content[:4]])
    if b"<svg" in content[:1000]:
        return _of_svg(content)
    return None


def _of_pdf(content: bytes) -> str:
    found = re.search(rb"/Keywords\s*\(((?:[^()\\]|\\.)*)\)", content, re.S)
    if not found:
        return ""
    return re.sub(rb"\\(.)", rb"\1", found[1], flags=re.S).decode("latin-1")


def _of_eps(content: bytes) -> str:
    mark = EPS_COMMENT.encode("ascii")
    head = content.split(b"%%EndComments", 1)[0].replace(b"\r\n", b"\n").split(b"\n")
    return b"".join(line[len(mark) :] for line in head if line.startswith(mark)).decode("latin-1")


def _of_png(content: bytes) -> str:
    head = PNG_KEYWORD.encode("ascii") + b"\0\0\0\0\0"
    at = len(_PNG)
    while at + 8 <= len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        data = content[at + 8 : at + 8 + size]
        if kind == b"iTXt" and data.startswith(head):
            return data[len(head) :].decode("utf-8", "replace")
        at += size + 12
    return ""


def _of_tiff(content: bytes, order: str) -> str:
    try:
        (start,) = struct.unpack_from(f"{order}I", content, 4)
        (entries,) = struct.unpack_from(f"{order}H", content, start)
        for entry in range(entries):
            tag, _, count, at = struct.unpack_from(f"{order}HHII", content, start + 2 + 12 * entry)
            if tag == TIFF_TAG:
                return content[at : at + count].rstrip(b"\0").decode("latin-1")
    except struct.error:
        raise ValueError("is a damaged image") from None
    return ""


def _of_svg(content: bytes) -> str:
    found = re.search(rb"<metadata>([^<]*)</metadata>", content)
    return unescape(found[1].decode("utf-8", "replace")) if found else ""
