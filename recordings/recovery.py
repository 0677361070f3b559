"""What an earlier process left behind: read its journal from the last checkpoint on, mend what was made from it.

The journal is the truth. Bytes after its last whole frame were never acknowledged; they are set aside under ``kept/``.
A session file that lacks lines gets them; one that says something else than the journal is set aside and written anew.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from typing import cast

import orjson

from .blobs import digest_of
from .chain import Chain
from .envelope import BadLine, decode
from .events import Kind
from .frames import FrameKind, scan
from .journal import Position
from .layout import Layout, LogLayout, make_folder, open_file, replace_file, sync_file, sync_folder, write_all
from .values import JsonObject


@dataclass(slots=True)
class Recovered:
    """Where to go on, and what was found on the way."""

    position: Position
    log: Chain
    sessions: dict[str, Chain]  # those without session.closed
    events: int = 0  # lines read after the checkpoint
    torn_bytes: int = 0
    kept: list[str] = field(default_factory=list[str])
    rebuilt: list[str] = field(default_factory=list[str])

    @property
    def clean(self) -> bool:
        """There was no earlier process, or it closed the log in good order."""
        if self.events or self.torn_bytes or self.sessions or self.kept or self.rebuilt:
            return False
        return self.log.seq == 0 or self.log.kind == Kind.LOG_CLOSED


def read_state(log: LogLayout) -> Recovered:
    """The last checkpoint, else the state of an empty log: without one, more of the journal is read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        state = cast("JsonObject", orjson.loads(log.state.read_bytes()))
        sessions = [Chain.from_json(chain) for chain in cast("list[JsonObject]", state["sessions"])]
        position = Position(*(int(cast("int", state[name])) for name in ("segment", "offset", "size")))
        if log.segment(position.segment).is_file():
            return Recovered(
                position, Chain.from_json(cast("JsonObject", state["log"])), {chain.sid: chain for chain in sessions}
            )
    return Recovered(Position(), Chain(log.instance), {})


def write_state(log: LogLayout, position: Position, log_chain: Chain, sessions: list[Chain]) -> None:
    """Checkpoint: all before ``position`` is durable in the session files. Raises OSError."""
    state = {
        "format": 1,
        "segment": position.segment,
        "offset": position.offset,
        "size": position.size,
        "log": log_chain.as_json(),
        "sessions": [chain.as_json() for chain in sessions],
    }
    replace_file(log.state, orjson.dumps(state, option=orjson.OPT_INDENT_2))


def looks_clean(log: LogLayout) -> bool:
    """Whether nothing is to be recovered, told without reading the journal."""
    state = read_state(log)
    segments = log.segments()
    if not segments:
        return True
    path = log.segment(segments[-1])
    return (
        not state.sessions
        and state.log.kind == Kind.LOG_CLOSED
        and state.position.segment == segments[-1]
        and path.stat().st_size == state.position.offset
    )


def recover(layout: Layout, log: LogLayout) -> Recovered:
    """Read and mend one log. The caller holds its lock. Raises OSError when the disk does not let it."""
    found = read_state(log)
    bases = {chain.sid: chain.size for chain in (*found.sessions.values(), found.log)}
    lines: dict[str, list[bytes]] = {}
    blobs: list[bytes] = []
    position = found.position
    for number in [n for n in log.segments() if n >= max(position.segment, 1)]:
        position = _read_segment(log, number, position, found, lines, blobs)
    found.position = position
    for data in blobs:
        path = layout.blob_file(digest_of(data))
        if not path.is_file() or path.stat().st_size != len(data):
            make_folder(path.parent)
            replace_file(path, data)
    for sid, new in lines.items():
        _mend(layout, log, sid, bases.get(sid, 0), b"".join([line + b"\n" for line in new]), found)
    found.sessions = {sid: chain for sid, chain in found.sessions.items() if not chain.closed}
    return found


def _read_segment(
    log: LogLayout,
    number: int,
    position: Position,
    found: Recovered,
    lines: dict[str, list[bytes]],
    blobs: list[bytes],
) -> Position:
    path = log.segment(number)
    data = path.read_bytes()
    start = position.offset if number == position.segment else 0
    end, size = start, position.size
    for frame in scan(data, start):
        if frame.kind is FrameKind.LINE:
            try:
                event = decode(frame.payload)
            except BadLine:  # a whole frame with a foreign line: end here, keep the rest
                break
            size += 1
            found.events += 1
            chain = found.log if event.sid == log.instance else found.sessions.setdefault(event.sid, Chain(event.sid))
            chain.advance(event.kind, event.cid, event.att, event.leaf, len(frame.payload), event.mono)
            lines.setdefault(event.sid, []).append(frame.payload)
        elif frame.kind is FrameKind.BLOB:
            blobs.append(frame.payload)
        end = frame.end
    torn = data[end:].rstrip(b"\0")
    if torn:
        found.torn_bytes += len(torn)
        found.kept.append(_keep(log, f"journal-{number:08d}-{end}.torn", torn))
    if end == 0:  # not even its header was whole: nothing in it was ever acknowledged
        path.unlink()
        sync_folder(path.parent)
        return position
    if len(data) != end:
        fd = open_file(path, os.O_RDWR)
        try:
            os.ftruncate(fd, end)
            os.fsync(fd)
        finally:
            os.close(fd)
    return Position(number, end, size)


def _mend(layout: Layout, log: LogLayout, sid: str, base: int, expected: bytes, found: Recovered) -> None:
    """Bring a session file to what the journal says; ``expected`` belongs at offset ``base``."""
    path = log.events if sid == log.instance else layout.session_file(sid)
    make_folder(path.parent)
    fd = open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        size = os.fstat(fd).st_size
        tail = os.pread(fd, size - base, base) if size > base else b""
        if size >= base and expected.startswith(tail):
            if len(tail) < len(expected):
                write_all(fd, expected[len(tail) :], base + len(tail))
            sync_file(fd)
            return
        whole = os.pread(fd, size, 0)
    finally:
        os.close(fd)
    if whole:
        found.kept.append(_keep(log, f"{sid}-{size}.jsonl", whole))
    replace_file(path, b"".join([line + b"\n" for line in _journaled(log, sid)]))
    found.rebuilt.append(sid)


def _journaled(log: LogLayout, sid: str) -> list[bytes]:
    """All lines of a session in the whole journal."""
    mark = f'"sid":"{sid}"'.encode()
    lines: list[bytes] = []
    for number in log.segments():
        for frame in scan(log.segment(number).read_bytes()):
            if frame.kind is FrameKind.LINE and mark in frame.payload[:64]:
                lines.append(frame.payload)
    return lines


def _keep(log: LogLayout, name: str, data: bytes) -> str:
    make_folder(log.kept)
    path = log.kept / name
    attempt = 1
    while path.exists() and path.read_bytes() != data:
        attempt += 1
        path = log.kept / f"{name}.{attempt}"
    replace_file(path, data)
    return path.name
