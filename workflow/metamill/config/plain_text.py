"""Files that people write, as text: regular files of bounded size, UTF-8, nothing invisible."""

import os
import re
import stat
import unicodedata
from pathlib import Path

from metamill.errors import Problem

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u00ad\u180e\u200b\u200c\u200d\u2060\ufeff"))
_NOT_REGULAR = "not-a-regular-file"
_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def read_bytes(path: Path, name: str, limit: int) -> bytes | Problem:
    """The content of the regular file at `path`, of at most `limit` bytes.

    A link, a folder, a pipe or a device is refused: a review's files lie in its folder.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                rule = "is not a regular file"
                return Problem(name, rule, "Put the file itself there", code=_NOT_REGULAR)
            content = file.read(limit + 1)
    except FileNotFoundError:
        advice = f"Put it into the folder {path.absolute().parent.name}/"
        return Problem(name, "does not exist", advice, code="missing-file")
    except OSError as error:
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else ""
        if kind:
            rule = f"is a {kind} and not a file"
            return Problem(name, rule, "Put the file itself there", code=_NOT_REGULAR)
        rule = f"cannot be read ({error.strerror})"
        return Problem(name, rule, "Check the permissions", code="unreadable-file")
    if len(content) > limit:
        rule, advice = f"is larger than {limit:,} bytes", "Divide it or remove what is unused"
        return Problem(name, rule, advice, code="file-too-large")
    return content


def decoded(content: bytes, name: str) -> str | Problem:
    """UTF-8 as text with LF line ends; a byte-order mark is kept for the caller to see."""
    code = "encoding-error"
    wide = next((word for mark, word in _MARKS if content.startswith(mark)), "")
    if not wide and len(content) > 1 and (content[0] == 0) != (content[1] == 0):
        wide = "UTF-16"  # an ASCII letter of two bytes, and no mark before it
    if wide:
        return Problem(name, f"the file is {wide}", "Save it as UTF-8", 1, code=code)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = _unix_lines(content[: error.start].decode("utf-8"))
        rule = f"byte 0x{content[error.start]:02x} is not UTF-8"
        return Problem(name, rule, "Save the file as UTF-8", *_position(before), code=code)
    text = _unix_lines(text)
    found = forbidden_character(text)
    if found:
        before = text[: text.index(found)]
        at = _position(before)
        return Problem(name, _unusable(found), "Delete it", *at, code="forbidden-character")
    return text


def forbidden_character(text: str) -> str:
    """The first character that no text may hold (controls, half surrogates), or ''."""
    found = _FORBIDDEN.search(text)
    return found[0] if found else ""


def _unusable(character: str) -> str:
    return f"the character U+{ord(character):04X} cannot be used in text"


def cleaned(text: str) -> str:
    """One line in Unicode's composed form, without doubled, outer or zero-width spaces."""
    if text.isascii():
        return " ".join(text.split())
    return unicodedata.normalize("NFC", " ".join(text.translate(_ZERO_WIDTH).split()))


def _unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _position(before: str) -> tuple[int, str]:
    """Line and character of what follows `before`, both from 1."""
    return before.count("\n") + 1, f"character {len(before) - before.rfind(chr(10))}"
