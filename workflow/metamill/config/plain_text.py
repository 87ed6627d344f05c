"""Files that people write, as text: regular files of bounded size, UTF-8, nothing invisible."""

import os
import re
import stat
import unicodedata
from pathlib import Path

from metamill.errors import Problem

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))


def read_bytes(path: Path, name: str, limit: int) -> bytes | Problem:
    """The content of the regular file at `path`, of at most `limit` bytes.

    A link, a folder, a pipe or a device is refused: a review's files lie in its folder.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return Problem(name, "is not a regular file", "Put the file itself there")
            content = file.read(limit + 1)
    except FileNotFoundError:
        return Problem(
            name, "does not exist", f"Put it into the folder {path.absolute().parent.name}/"
        )
    except OSError as error:
        if path.is_symlink():
            return Problem(name, "is a link and not a file", "Put the file itself there")
        if path.is_dir():
            return Problem(name, "is a folder and not a file", "Put the file itself there")
        return Problem(name, f"cannot be read ({error.strerror})", "Check the permissions")
    if len(content) > limit:
        return Problem(
            name, f"is larger than {limit:,} bytes", "Divide it or remove what is unused"
        )
    return content


def decoded(content: bytes, name: str) -> str | Problem:
    """UTF-8 as text with LF line ends; a byte-order mark is kept for the caller to see."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem(name, "the file is UTF-16", "Save it as UTF-8", 1)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = _unix_lines(content[: error.start].decode("utf-8"))
        rule = f"byte 0x{content[error.start]:02x} is not UTF-8"
        return Problem(name, rule, "Save the file as UTF-8", *_position(before))
    text = _unix_lines(text)
    found = forbidden_character(text)
    if found:
        before = text[: text.index(found)]
        return Problem(name, _unusable(found), "Delete it", *_position(before))
    return text


def forbidden_character(text: str) -> str:
    """The first character that no text may hold (controls, half surrogates), or ''."""
    found = _FORBIDDEN.search(text)
    return found[0] if found else ""


def _unusable(character: str) -> str:
    return f"the character U+{ord(character):04X} cannot be used in text"


def cleaned(text: str) -> str:
    """One line in Unicode's composed form, without doubled, outer or zero-width spaces."""
    return unicodedata.normalize("NFC", " ".join(text.translate(_ZERO_WIDTH).split()))


def _unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _position(before: str) -> tuple[int, str]:
    """Line and character of what follows `before`, both from 1."""
    return before.count("\n") + 1, f"character {len(before) - before.rfind(chr(10))}"
