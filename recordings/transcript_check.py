"""Along the chain of one transcript file: every line is an event, follows the one before it, and names its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .envelope import BadLine, Event, decode, leaf_hash
from .reader import read_lines

_MOST = 5  # problems told of one file; after that, only their number


@dataclass(slots=True)
class FileRead:
    """A transcript file, read to its end."""

    events: int = 0  # whole lines
    torn: int = 0  # bytes after the last newline
    head: str | None = None  # leaf hash of the last whole line
    last: Event | None = None
    digest: bytes = b""  # SHA-256 of the lines that end within `upto` bytes
    problems: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])  # line, what is wrong
    more: int = 0  # problems beyond those


def read_chain(
    path: Path, sid: str, *, size: int | None, upto: int, take: Callable[[Event], None] = lambda _: None
) -> FileRead:
    """Read the first ``size`` bytes (None: all) and give every event to ``take``.

    Raises `gloveport.recordings.reader.TranscriptError` when the file cannot be read.
    """
    read = FileRead()
    digest, length = hashlib.sha256(), 0

    def wrong(text: str) -> None:
        if len(read.problems) < _MOST:
            read.problems.append((read.events, text))
        else:
            read.more += 1

    expected = 0
    for line, whole in read_lines(path, size):
        if not whole:
            read.torn += len(line)
            continue
        read.events += 1
        length += len(line) + 1
        if length <= upto:
            digest.update(line)
            digest.update(b"\n")
        before, read.head = read.head, leaf_hash(line)
        try:
            event = decode(line, read.events)
        except BadLine as error:
            wrong(f"not an event: {error}")
            expected += 1
            continue
        if event.sid != sid:
            wrong("an event of another session")
        if event.seq != expected:
            wrong(f"event {event.seq} where {expected} is due: {_guess(event.seq, expected)}")
        elif event.prev != before:
            wrong("names another hash than the line above has: one of the two was altered")
        expected = event.seq + 1
        read.last = event
        take(event)
    read.digest = digest.digest()
    return read


def _guess(seq: int, expected: int) -> str:
    if seq > expected:
        return f"{seq - expected} missing above"
    return "lines were moved or added"
