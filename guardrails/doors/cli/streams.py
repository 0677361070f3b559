"""Standard input and output in blocks, for commands that are filters: prompt, and flat in memory."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from typing import Final

import typer

_READ: Final = 1 << 16
_BLOCK: Final = 1 << 18  # bytes put together while input keeps coming
LONGEST_LINE: Final = 1 << 26  # bytes
_PAUSE: Final = 0.02  # seconds without input after which whole lines are handed on as they are
_KEY_BEGINS: Final = b"-----BEGIN "
_KEY_ENDS: Final = b"-----END "
_LONGEST_KEY: Final = 1 << 16


def _more(descriptor: int) -> bool:
    """Whether input waits already. A file always has some (or its end)."""
    try:
        return bool(select.select([descriptor], [], [], _PAUSE)[0])
    except (OSError, ValueError):  # Windows can ask sockets only
        return True


def _block(descriptor: int, rest: bytes, *, most: int) -> tuple[bytes, bool]:
    """``rest`` and the input that waits behind it, about a block; and whether the input has ended.

    Where no line ends in it, more is read, until there are over ``most`` bytes.
    """
    waiting = [rest]
    size = len(rest)
    while True:
        data = os.read(descriptor, _READ)
        waiting.append(data)
        size += len(data)
        full = size > most or (size >= _BLOCK and b"\n" in data)
        if not data or full or not _more(descriptor):
            return b"".join(waiting), not data


def lines(descriptor: int = 0) -> Iterator[list[bytes]]:
    """Lines of the input in lists, without their line ends: as many as are there, or about a block.

    A line beyond `LONGEST_LINE` comes cut to that length plus one byte.
    """
    rest = b""
    skipping = False
    while True:
        whole, ended = _block(descriptor, rest, most=LONGEST_LINE)
        found = whole.split(b"\n")
        rest = found.pop()
        if skipping and found:
            found.pop(0)
            skipping = False
        elif skipping:
            rest = b""
        if len(rest) > LONGEST_LINE:
            found.append(rest[: LONGEST_LINE + 1])
            rest, skipping = b"", True
        if ended and rest:
            found.append(rest)
        if found:
            yield found
        if ended:
            return


def blocks(descriptor: int = 0) -> Iterator[bytes]:
    """The input in pieces that end at a line end where there is one, best at an empty line.

    A key block (``-----BEGIN ... -----END``) is not cut unless it is longer than any key is.
    """
    rest = b""
    while True:
        whole, ended = _block(descriptor, rest, most=_BLOCK - 1)
        cut = len(whole) if ended else _cut(whole)
        if cut:
            yield whole[:cut]
        rest = whole[cut:]
        if ended:
            return


def _cut(whole: bytes) -> int:
    """Where a piece may end; 0 for not yet."""
    end = whole.rfind(b"\n") + 1
    if not end:
        if len(whole) < 4 * _BLOCK:
            return 0
        end = max(whole.rfind(mark) for mark in (b" ", b",", b"\t")) + 1  # one endless line: between words
        return end or len(whole)
    if len(whole) >= _BLOCK:
        end = max(whole.rfind(b"\n\n", len(whole) // 2, end) + 2, 0) if b"\n\n" in whole[len(whole) // 2 : end] else end
    begins = whole.rfind(_KEY_BEGINS, 0, end)
    if begins >= 0 and whole.find(_KEY_ENDS, begins, end) < 0 and len(whole) - begins < _LONGEST_KEY:
        return whole.rfind(b"\n", 0, begins) + 1 if begins else 0
    return end


def write(data: bytes) -> None:
    """To standard output, at once. Ends the command quietly when nobody reads any more."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer goes nowhere
        raise typer.Exit from None
