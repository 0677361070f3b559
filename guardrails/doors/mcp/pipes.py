"""Lines from and to descriptors: polled by the event loop where the system can, else through worker threads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import BinaryIO, Final, Protocol

import anyio
import anyio.to_thread

from . import wire

FLUSH_SECONDS: Final = 1.0  # for the last lines, when whoever reads our output is slow
_AHEAD_LINES: Final = 64  # what is read before it is asked for
_AHEAD_BYTES: Final = 1 << 20


class Lines(Protocol):
    """Where lines come from. None is the end of input; raises `wire.WireError` for a line over the cap."""

    async def next(self) -> bytes | None: ...
    def stop(self) -> None: ...


class Sink(Protocol):
    """Where lines go. Raises `anyio.BrokenResourceError` when nobody reads any more."""

    async def write(self, line: bytes) -> None: ...


@contextlib.asynccontextmanager
async def opened(
    source: int, target: int, max_line: int, lost: Callable[[], None]
) -> AsyncGenerator[tuple[Lines, Sink]]:
    """Lines of `source` and a sink for `target`; both descriptors stay open and remain the caller's.

    When nobody reads `target` any more, the lines end and `lost` is called.
    """
    async with _lines_of(source, max_line) as lines:

        def gone() -> None:
            lines.stop()
            lost()

        async with _sink_of(target, gone) as sink:
            yield lines, sink


class PipeLines(asyncio.Protocol):
    """Splits a pipe into lines as they come; a line over the cap is dropped up to its end, in bounded memory."""

    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self._ready: deque[bytes | None] = deque()  # None: a line over the cap
        self._ready_bytes = 0
        self._rest = bytearray()
        self._dropping = False
        self._ended = False
        self._paused = False
        self._news = asyncio.Event()
        self._transport: asyncio.ReadTransport | None = None

    async def next(self) -> bytes | None:
        while not self._ready:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        line = self._ready.popleft()
        self._ready_bytes -= len(line or b"")
        if self._paused and not self._far_ahead() and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        if line is None:
            raise wire.too_large(self._max_line)
        return line

    def stop(self) -> None:
        self._ended = True
        self._news.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._add(data[start:end], complete=True)
            start = end + 1
        self._add(data[start:], complete=False)
        if self._far_ahead() and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._news.set()

    def eof_received(self) -> None:
        if self._rest:  # a last line without its end
            self._add(b"", complete=True)
        self.stop()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop()

    def _add(self, part: bytes, *, complete: bool) -> None:
        if self._dropping:
            self._dropping = not complete
        elif len(self._rest) + len(part) > self._max_line:
            self._ready.append(None)
            self._rest.clear()
            self._dropping = not complete
        elif not complete:
            self._rest += part
        else:
            line = bytes(self._rest) + part if self._rest else part
            self._ready.append(line)
            self._ready_bytes += len(line)
            self._rest.clear()

    def _far_ahead(self) -> bool:
        return len(self._ready) >= _AHEAD_LINES or self._ready_bytes >= _AHEAD_BYTES


class PipeSink(asyncio.BaseProtocol):
    """Writes to a pipe at once where it has room; waits where its reader is slow."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._transport: asyncio.WriteTransport | None = None
        self._closed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def write(self, line: bytes) -> None:
        if self._closed.is_set() or self._transport is None:
            raise anyio.BrokenResourceError
        self._transport.write(line)
        if not self._room.is_set():
            await self._room.wait()
            if self._closed.is_set():
                raise anyio.BrokenResourceError

    async def closed(self) -> None:
        await self._closed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()
        self._room.set()
        self._lost()


class FileLines:
    """Lines of a file that cannot be polled."""

    def __init__(self, file: BinaryIO, max_line: int) -> None:
        self._file = file
        self._max_line = max_line
        self._stopped = False

    async def next(self) -> bytes | None:
        if self._stopped:
            return None
        line = await self._read()
        if len(line) <= self._max_line or line.endswith(b"\n"):
            return line.removesuffix(b"\n") if line else None
        while line and not line.endswith(b"\n"):
            line = await self._read()
        raise wire.too_large(self._max_line)

    def stop(self) -> None:
        self._stopped = True

    async def _read(self) -> bytes:
        return await anyio.to_thread.run_sync(self._file.readline, self._max_line + 1, abandon_on_cancel=True)


class FileSink:
    """A file that cannot be polled."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = anyio.Lock()

    async def write(self, line: bytes) -> None:
        async with self._lock:
            try:
                await anyio.to_thread.run_sync(_write_all, self._file, line)
            except OSError:
                raise anyio.BrokenResourceError from None


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


@contextlib.asynccontextmanager
async def _lines_of(fd: int, max_line: int) -> AsyncGenerator[PipeLines | FileLines]:
    file = os.fdopen(os.dup(fd), "rb")
    if not _can_be_polled(fd):
        with file:
            yield FileLines(file, max_line)
        return
    lines = PipeLines(max_line)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: lines, file)
    try:
        yield lines
    finally:
        transport.close()
        await _next_turn()


@contextlib.asynccontextmanager
async def _sink_of(fd: int, lost: Callable[[], None]) -> AsyncGenerator[PipeSink | FileSink]:
    file = os.fdopen(os.dup(fd), "wb", buffering=0)
    if not _can_be_polled(fd):
        with file:
            yield FileSink(file)
        return
    sink = PipeSink(lost)
    transport, _ = await asyncio.get_running_loop().connect_write_pipe(lambda: sink, file)
    try:
        yield sink
    finally:
        transport.close()  # as soon as its buffer is written
        with anyio.move_on_after(FLUSH_SECONDS, shield=True) as patience:
            await sink.closed()
        if patience.cancelled_caught:
            transport.abort()
            await _next_turn()


def _can_be_polled(fd: int) -> bool:
    """Pipes, sockets and terminals; not regular files, the null device, or anything on Windows."""
    mode = os.fstat(fd).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd))


async def _next_turn() -> None:
    """Transports leave the event loop in its next turn."""
    with anyio.CancelScope(shield=True):
        await asyncio.sleep(0)
