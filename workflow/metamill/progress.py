"""A line on the terminal that says how far a long computation is; nothing else depends on it."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO, TypeVar

Item = TypeVar("Item")

PATIENCE = 1.0
"""Seconds before the first line, and between two."""


def progress(
    items: Iterable[Item],
    total: int,
    what: str,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Item]:
    """Every item of `items`, unchanged; after a second, a line a second with the share done.

    `total` is how many there are, `what` names the work. Lines go to `stream` (standard error where
    None), and only where that is a terminal; the last one is wiped out at the end.
    """
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        yield from items
        return
    said, widest = clock(), 0
    for done, item in enumerate(items):
        now = clock()
        if now - said >= PATIENCE:
            line = f"{what}: {100 * done // max(total, 1)}%"
            widest = max(widest, len(line))
            stream.write(f"\r{line.ljust(widest)}")
            stream.flush()
            said = now
        yield item
    if widest:
        stream.write(f"\r{' ' * widest}\r")
        stream.flush()
