"""Reads a whole journal without touching it, for `gloveport.recordings.verify`: what it holds of every transcript.

The journal of a running process may be read: it only grows, and nothing is in a session file that was not durable in
the journal before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import orjson

from .blobs import digest_of
from .completeness import LogLedger, State
from .envelope import BadLine, Event, decode, leaf_hash
from .events import Kind
from .frames import Frame, FrameKind, scan
from .journal import Position
from .layout import LogLayout
from .lock import LogLock
from .recovery import read_state

LAG_SECONDS: Final = 10.0  # a running process writes session files within 0.1 s; older lines must be there


class RunningDigest(Protocol):
    """A hash that takes more bytes."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(slots=True)
class Copy:
    """What a journal holds of one transcript.

    ``digest`` is over the lines that end within the size the file had before the journal was read; ``covered`` is how
    many bytes these are.
    """

    limit: int
    lines: int = 0
    size: int = 0
    due: int = 0  # lines that must be in the file by now
    covered: int = 0
    digest: RunningDigest = field(default_factory=hashlib.sha256)
    head: str | None = None
    broken: bool = False

    def add(self, line: bytes, *, due: bool) -> None:
        self.lines += 1
        self.size += len(line) + 1
        self.due = self.lines if due else self.due
        if self.size <= self.limit:
            self.digest.update(line + b"\n")
            self.covered = self.size


@dataclass(slots=True)
class JournalView:
    """One journal, read."""

    log: LogLayout
    state: State = "open"
    size: int = 0  # lines of all transcripts
    head: str = ""  # SHA-256 over the leaf hashes of all of them, in their order
    copies: dict[str, Copy] = field(default_factory=dict[str, Copy])
    blobs: dict[str, bool] = field(default_factory=dict[str, bool])  # by digest: whether its file must be there by now
    ledger: LogLedger = field(default_factory=LogLedger)
    problems: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # integrity: where, what
    gaps: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # completeness
    notes: list[str] = field(default_factory=list[str])


class JournalReader:
    """Reads one log's journal."""

    def __init__(self, log: LogLayout, sizes: Mapping[str, int], now: int) -> None:
        self._log, self._sizes, self._now = log, sizes, now
        self._view = JournalView(log)
        self._checkpoint = read_state(log).position
        self._writers: dict[str, int] = {}  # the number of lines before the first of each
        self._offset = 0
        self._ts = 0  # of the last line
        self._live = False
        self._all = hashlib.sha256()
        self._closed_at = 0  # the number of lines up to the last log.closed

    def read(self) -> JournalView:
        """The whole journal. Raises OSError when a file cannot be read."""
        view, log = self._view, self._log
        self._live = LogLock.is_held(log.lock)
        segments = log.segments()
        for expected, number in enumerate(segments, 1):
            if number != expected:
                self._wrong(f"journal/{expected:08d}.wal", "this segment of the journal is missing")
                break
        for number in segments:
            self._segment(number, last=number == segments[-1])
        view.head = self._all.hexdigest()
        live = self._live or LogLock.is_held(log.lock)
        view.state = "open" if live else "closed" if view.ledger.closed else "interrupted"
        self._against_checkpoint(segments)
        if view.ledger.closed and view.size != self._closed_at:
            self._wrong(f"journal/{segments[-1]:08d}.wal", f"{view.size - self._closed_at} events follow log.closed")
        if view.state == "closed":
            for copy in view.copies.values():
                copy.due = copy.lines
            view.blobs = dict.fromkeys(view.blobs, True)
        last = view.ledger.last
        if view.state == "open" and last is not None and view.ledger.beat is not None:
            silence = self._now - last.ts
            if silence > 2.5 * view.ledger.beat:
                view.notes.append(f"log {log.instance}: no sign of life for {silence // 1_000_000} s, and it is open")
        view.gaps += [(f"{_shown(log, 'log.jsonl')}:{line}", text) for line, text in view.ledger.problems]
        return view

    def _segment(self, number: int, *, last: bool) -> None:
        data = self._log.segment(number).read_bytes()
        self._offset = 0
        for frame in scan(data):
            self._frame(number, frame)
            self._offset = frame.end
        rest = len(data[self._offset :].rstrip(b"\0"))
        where = f"journal/{number:08d}.wal"
        if self._offset == 0:
            self._wrong(where, "its first frame is damaged")
        elif rest and (not last or self._before_checkpoint(number, self._offset + 1)):
            self._wrong(where, f"the frame at byte {self._offset} is damaged; {rest} bytes after it cannot be read")
        elif rest and not self._live and self._view.ledger.closed:
            self._wrong(where, f"{rest} bytes follow the end of a log that was closed")
        elif rest and not self._live:
            self._view.notes.append(
                f"{_shown(self._log, where)}: {rest} torn bytes at byte {self._offset}, as a crash leaves them; the "
                "next start sets them aside"
            )

    def _frame(self, number: int, frame: Frame) -> None:
        if frame.kind is FrameKind.LINE:
            self._all.update(bytes.fromhex(leaf_hash(frame.payload)))
            try:
                event = decode(frame.payload)
            except BadLine as error:
                self._wrong(self._here(number), f"not an event: {error}")
            else:
                self._line(number, frame, event)
            self._view.size += 1
        elif frame.kind is FrameKind.BLOB:
            self._view.blobs[digest_of(frame.payload)] = self._due(number, frame, self._ts)
        else:
            self._header(number, frame.payload)

    def _line(self, number: int, frame: Frame, event: Event) -> None:
        view = self._view
        copy = view.copies.get(event.sid)
        if copy is None:
            copy = view.copies[event.sid] = Copy(self._sizes.get(event.sid, 0))
        if not copy.broken and (event.seq != copy.lines or event.prev != copy.head):
            copy.broken = True
            self._wrong(self._here(number), f"event {event.seq} of {event.sid} does not follow the one before it")
        self._ts = event.ts
        copy.add(frame.payload, due=self._due(number, frame, event.ts))
        copy.head = event.leaf
        before = self._writers.setdefault(event.writer, view.size)
        if event.sid != view.log.instance:
            return
        view.ledger.take(replace(event, line=copy.lines))
        self._closed_at = view.size + 1 if event.kind == Kind.LOG_CLOSED else self._closed_at
        said = event.body.get("size")
        counted = before if event.kind == Kind.LOG_OPENED else view.size + 1 if event.kind == Kind.LOG_CLOSED else said
        if said != counted:
            self._wrong(self._here(number), f"{event.kind} counts {said} events in the journal, there are {counted}")

    def _header(self, number: int, payload: bytes) -> None:
        try:
            header = orjson.loads(payload)
        except orjson.JSONDecodeError:
            header = None
        expected = {"format": 1, "instance": self._log.instance, "segment": number, "size": self._view.size}
        if header != expected or self._offset != 0:
            self._wrong(self._here(number), "the segment's header does not fit what comes before it")

    def _due(self, number: int, frame: Frame, ts: int) -> bool:
        stale = ts < self._now - LAG_SECONDS * 1_000_000
        return self._before_checkpoint(number, frame.end) or (self._live and stale)

    def _before_checkpoint(self, segment: int, end: int) -> bool:
        return (segment, end) <= (self._checkpoint.segment, self._checkpoint.offset)

    def _against_checkpoint(self, segments: list[int]) -> None:
        view, noted = self._view, self._checkpoint
        if not segments:
            self._wrong("journal", "there is no journal")
        elif (segments[-1], self._offset) < (noted.segment, noted.offset) or view.size < noted.size:
            self._wrong("journal", f"state.json notes {noted.size} events, the journal has {view.size}: it was cut")
        elif noted == Position() and view.size > 1:
            self._wrong("state.json", "missing or damaged: nothing says how far the journal went")

    def _here(self, number: int) -> str:
        return f"journal/{number:08d}.wal@{self._offset}"

    def _wrong(self, where: str, text: str) -> None:
        self._view.problems.append((_shown(self._log, where), text))


def journaled_lines(log: LogLayout, sid: str) -> Iterator[bytes]:
    """The lines of one transcript in a journal, in order."""
    for number in log.segments():
        for frame in scan(log.segment(number).read_bytes()):
            if frame.kind is FrameKind.LINE:
                try:
                    if decode(frame.payload).sid == sid:
                        yield frame.payload
                except BadLine:
                    continue


def _shown(log: LogLayout, where: str) -> str:
    return f"log/{log.instance}/{where}"
