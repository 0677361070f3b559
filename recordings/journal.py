"""The write-ahead journal: everything appended becomes durable here first, many callers sharing one sync.

Group commit without a wait window: a sync takes all that has gathered while the last one ran. Who waits for durability
gets it one of two ways:

* a lone caller writes and syncs on its own thread: no hop, one sync;
* when several calls are in flight, or the disk is slow, a committer thread syncs for all of them and the event loop
  runs on.

`benchmarks/recorder.py` measures both; the hop costs a lone caller about a third more time than it needs.

Segments are preallocated with written zeros: overwriting allocated blocks saves the file system a metadata commit per
sync, and on a full disk the events of running calls still fit. A failed *sync* is final for this journal, because the
kernel may have dropped the pages it could not write (the "fsyncgate" of PostgreSQL, 2018); a full disk is not: the
events wait and the next commit tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import orjson

from .frames import FrameKind, encode_frame
from .layout import LogLayout, open_file, sync_file, sync_folder, write_all

SEGMENT_BYTES: Final = 16 * 1024 * 1024
CHUNK_BYTES: Final = 1024 * 1024
SPARE_BYTES: Final = CHUNK_BYTES // 2
SLOW_SYNC_SECONDS: Final = 0.001  # a disk slower than this is never waited for on the event loop's thread
DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class RecorderUnavailable(RuntimeError):
    """The record cannot be kept, so nothing may run or be released. The text is one line and holds no value.

    ``reason`` is ``disk_full``, ``disk_low``, ``io_error``, ``closed`` or ``locked``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def again(self) -> RecorderUnavailable:
        """A fresh one to raise: an exception raised twice would drag the first traceback along."""
        return RecorderUnavailable(self.reason, str(self))


class Target(Protocol):
    """A file made from the journal, see `gloveport.recordings.projection`. `write` and `sync` raise OSError."""

    def add(self, payload: bytes) -> None:
        """Take a durable payload."""
        ...

    def write(self) -> None:
        """Write what was taken; on failure it is kept for the next time."""
        ...

    def sync(self) -> None:
        """Bring what was written to the disk."""
        ...


class Entry(NamedTuple):
    """One payload on its way to the journal."""

    kind: FrameKind
    payload: bytes
    target: Target


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the journal: the segment, the offset in it, and the number of lines before it in the whole log."""

    segment: int = 0
    offset: int = 0
    size: int = 0


_Waiter = tuple[int, asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Journal:
    """An open journal. Construct it where recovery left off; exactly one process may (the log's lock sees to that).

    ``mutex`` guards the order of entries: hold it around `enqueue` together with whatever must agree with that order.
    """

    def __init__(
        self,
        layout: LogLayout,
        position: Position,
        *,
        on_durable: Callable[[list[Entry]], None],
        on_full: Callable[[], bool],
    ) -> None:
        self.mutex = threading.Lock()
        self.in_flight = 0  # calls between their first and their last event; tells lone callers from crowds
        self._work = threading.Condition(self.mutex)
        self._io = threading.Lock()  # held while writing; taken before `mutex`, never after
        self._layout = layout
        self._on_durable = on_durable
        self._on_full = on_full
        self._pending: list[Entry] = []
        self._waiters: list[_Waiter] = []
        self._appended = 0
        self._durable = 0
        self._failure: RecorderUnavailable | None = None
        self._sync_seconds = 0.0
        self._stopping = False
        self._position = position
        self._fd = -1
        self._allocated = 0
        self._thread = threading.Thread(target=self._run, name="gloveport-committer", daemon=True)
        if position.segment == 0:
            self._start_segment()
        else:
            self._fd = open_file(layout.segment(position.segment), os.O_RDWR)
            os.ftruncate(self._fd, position.offset)
            self._allocated = position.offset
        self.preallocate()
        os.fsync(self._fd)
        self._thread.start()

    # ------------------------------------------------------------------------------------------------ appending

    def enqueue(self, entry: Entry) -> None:
        """Put an entry in line. The caller holds `mutex`."""
        self._pending.append(entry)
        self._appended += 1

    @property
    def failure(self) -> RecorderUnavailable | None:
        """Why this journal will never write again, or None."""
        return self._failure

    @property
    def backlog(self) -> int:
        """Entries that are not durable yet."""
        return self._appended - self._durable

    @property
    def position(self) -> Position:
        """The place after the last durable entry."""
        return self._position

    # ------------------------------------------------------------------------------------------------ committing

    async def commit(self) -> None:
        """Return when everything enqueued before is durable. Raises `RecorderUnavailable`."""
        goal = self._appended
        if self._durable >= goal:
            return
        if self.in_flight <= 1 and self._sync_seconds < SLOW_SYNC_SECONDS and self._io.acquire(blocking=False):
            try:
                self._write_pending()
            finally:
                self._io.release()
            return
        await self._join(goal)

    def commit_blocking(self) -> None:
        """As `commit`, for threads without an event loop."""
        goal = self._appended
        with self._io:
            if self._durable < goal:
                self._write_pending()

    async def _join(self, goal: int) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._work:
            if self._stopping:
                raise RecorderUnavailable("closed", "the recorder is closed")
            self._waiters.append((goal, loop, future))
            self._work.notify()
        await future

    def _run(self) -> None:
        while True:
            with self._work:
                while not self._waiters and not self._stopping:
                    self._work.wait()
                if not self._waiters:
                    return
            failure: RecorderUnavailable | None = None
            with self._io:
                try:
                    self._write_pending()
                except RecorderUnavailable as error:
                    failure = error
            self._answer(failure)

    def _answer(self, failure: RecorderUnavailable | None) -> None:
        with self.mutex:
            done = [w for w in self._waiters if failure is not None or w[0] <= self._durable]
            self._waiters = [w for w in self._waiters if failure is None and w[0] > self._durable]
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[None], RecorderUnavailable | None]]] = {}
        for goal, loop, future in done:
            by_loop.setdefault(loop, []).append((future, None if goal <= self._durable else failure))
        for loop, answers in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, answers)

    # ------------------------------------------------------------------------------------------------ writing

    def _write_pending(self) -> None:
        """Write and sync all that is pending. The caller holds ``_io``. Raises `RecorderUnavailable`."""
        if self._failure is not None:
            raise self._failure.again()
        with self.mutex:
            batch, self._pending = self._pending, []
        if not batch:
            return
        try:
            self._write_batch(batch)
        except RecorderUnavailable:
            with self.mutex:
                self._pending[:0] = batch
            raise
        self._durable += len(batch)
        self._on_durable(batch)

    def _write_batch(self, batch: list[Entry]) -> None:
        if self._position.offset >= SEGMENT_BYTES:
            self._rotate()
        data = b"".join([encode_frame(entry.kind, entry.payload) for entry in batch])
        try:
            self._write(data)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise RecorderUnavailable("disk_full", "the recordings folder is on a full disk") from None
            raise self._fail(error) from None
        started = time.perf_counter()
        try:
            sync_file(self._fd)
        except OSError as error:
            raise self._fail(error) from None
        self._sync_seconds += (time.perf_counter() - started - self._sync_seconds) / 8
        position = self._position
        lines = sum(entry.kind is FrameKind.LINE for entry in batch)
        self._position = Position(position.segment, position.offset + len(data), position.size + lines)

    def _write(self, data: bytes) -> None:
        offset = self._position.offset
        try:
            write_all(self._fd, data, offset)
        except OSError as error:
            if error.errno not in DISK_FULL or not self._on_full():
                raise
            write_all(self._fd, data, offset)
        self._allocated = max(self._allocated, offset + len(data))

    def _fail(self, error: OSError) -> RecorderUnavailable:
        text = error.strerror or type(error).__name__
        self._failure = RecorderUnavailable("io_error", f"the journal cannot be written: {text}; mend it and restart")
        return self._failure.again()

    def _rotate(self) -> None:
        """Go on in a new segment; on a full disk, go on in the old one."""
        old = self._fd
        try:
            os.ftruncate(old, self._position.offset)
            self._start_segment()
        except OSError:
            self._allocated = self._position.offset
            return
        os.close(old)

    def _start_segment(self) -> None:
        number = self._position.segment + 1
        path = self._layout.segment(number)
        header = {"format": 1, "instance": self._layout.instance, "segment": number, "size": self._position.size}
        frame = encode_frame(FrameKind.SEGMENT, orjson.dumps(header))
        fd = open_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            write_all(fd, frame, 0)
            os.fsync(fd)
            sync_folder(path.parent)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        self._fd = fd
        self._allocated = len(frame)
        self._position = Position(number, len(frame), self._position.size)

    # ------------------------------------------------------------------------------------------------ keeping house

    def preallocate(self) -> None:
        """Keep written zeros ahead of the end. Without room for them the journal grows as it is written."""
        with self._io:
            if self._failure is not None or self._allocated - self._position.offset >= SPARE_BYTES:
                return
            start = max(self._allocated, self._position.offset)
            try:
                write_all(self._fd, bytes(CHUNK_BYTES), start)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, start)
                return
            self._allocated = start + CHUNK_BYTES

    @contextlib.contextmanager
    def quiet(self) -> Generator[Position]:
        """Everything enqueued is durable and nothing else is enqueued while the block runs.

        Raises `RecorderUnavailable`.
        """
        with self._io:
            while True:
                self._write_pending()
                with self.mutex:
                    if self._pending:
                        continue
                    yield self._position
                    return

    def close(self) -> None:
        """Stop the committer and give back what was preallocated. Commits nothing by itself."""
        with self._work:
            self._stopping = True
            self._work.notify_all()
        self._thread.join()
        with self._io:
            if self._fd < 0:
                return
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._position.offset)
                os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1
            if self._failure is None:
                self._failure = RecorderUnavailable("closed", "the recorder is closed")


def _settle(answers: list[tuple[asyncio.Future[None], RecorderUnavailable | None]]) -> None:
    for future, failure in answers:
        if future.done():
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure.again())
