"""The stdio transport: one JSON-RPC message a line, read and written without worker threads on POSIX pipes.

The SDK's own transport reads, writes and flushes through worker threads (half of its CPU time), takes lines of any
length and drops what it cannot parse. This one polls the pipes, caps a line, answers a bad line and goes on.

While serving, fd 0 is the null device and fd 1 is standard error: a stray ``print`` or a child process cannot reach the
protocol stream. Both come back at the end.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import Final, Self

import anyio
from loguru import logger
from mcp.shared.message import SessionMessage
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from . import wire
from .pipes import Lines, Sink, opened

MAX_IN_FLIGHT: Final = 256  # requests
DRAIN_SECONDS: Final = 1.5  # after the end of input: clients wait 2 s before they signal


class InFlight:
    """The requests that wait for an answer, by id as the SDK compares them: 7 and "7" are the same."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._empty = anyio.Event()
        self._empty.set()

    def begin(self, request: JSONRPCRequest) -> None:
        """Raises `wire.WireError` for an id in use: its answers and its cancellation could not be told apart."""
        key = str(request.id)
        if key in self._ids:
            raise wire.WireError(INVALID_REQUEST, "A request with this id is not answered yet", request.id)
        if len(self._ids) >= MAX_IN_FLIGHT:
            raise wire.WireError(INVALID_REQUEST, f"More than {MAX_IN_FLIGHT} requests in flight", request.id)
        if not self._ids:
            self._empty = anyio.Event()
        self._ids.add(key)

    def end(self, id: object) -> None:
        self._ids.discard(str(id))
        if not self._ids:
            self._empty.set()

    def clear(self) -> None:
        """Nobody reads answers any more."""
        self._ids.clear()
        self._empty.set()

    async def none_left(self) -> None:
        await self._empty.wait()


class StdioWriter:
    """The SDK's ``WriteStream``."""

    def __init__(self, sink: Sink, in_flight: InFlight, answered: Callable[[], None]) -> None:
        self._sink, self._in_flight, self._answered = sink, in_flight, answered
        self._closed = False

    async def send(self, item: SessionMessage, /) -> None:
        if self._closed:
            raise anyio.ClosedResourceError
        message = item.message
        await self.write(_line(message))
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._in_flight.end(message.id)
            self._answered()

    async def write(self, line: bytes) -> None:
        await self._sink.write(line + b"\n")

    async def aclose(self) -> None:
        self._closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()


class StdioReader:
    """The SDK's ``ReadStream``: good messages only; a bad line is answered here and never seen above."""

    def __init__(self, lines: Lines, writer: StdioWriter, in_flight: InFlight, drain: Callable[[], float]) -> None:
        self._lines, self._writer, self._in_flight, self._drain = lines, writer, in_flight, drain
        self._closed = False

    async def receive(self) -> SessionMessage | Exception:
        while not self._closed:
            try:
                line = await self._lines.next()
                if line is None:
                    await self._finish()
                elif line and not line.isspace():
                    return SessionMessage(self._admitted(wire.parse(line)))
            except wire.WireError as error:
                logger.debug("stdio: refused a message: {}", error.message)
                await self._refuse(error)
        raise anyio.EndOfStream

    def _admitted(self, message: wire.Message) -> wire.Message:
        if isinstance(message, JSONRPCRequest):
            self._in_flight.begin(message)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._in_flight.end((message.params or {}).get("requestId"))  # a cancelled request gets no answer
        return message

    async def _refuse(self, error: wire.WireError) -> None:
        try:
            await self._writer.write(error.answer())
        except anyio.BrokenResourceError:
            self._lines.stop()

    async def _finish(self) -> None:
        """Input has ended. What still runs may finish, for a while: ``echo '{…}' | gloveport serve`` is answered."""
        self._closed = True
        with anyio.move_on_after(self._drain()):
            await self._in_flight.none_left()

    async def aclose(self) -> None:
        self._closed = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()


@contextlib.asynccontextmanager
async def stdio(
    *,
    max_line: int = wire.MAX_BYTES,
    answered: Callable[[], None] = lambda: None,
    drain: Callable[[], float] = lambda: DRAIN_SECONDS,
    stdin: int = 0,
    stdout: int = 1,
) -> AsyncGenerator[tuple[StdioReader, StdioWriter]]:
    """Serve this process's standard input and output; yields the two streams that ``Server.run`` takes.

    ``max_line`` is in bytes. ``answered`` is called after every response. ``drain`` says, once input has ended, for how
    many seconds requests that are still running may finish. ``stdin`` and ``stdout`` are descriptors.
    """
    with _diverted(stdin, stdout) as (source, target):
        in_flight = InFlight()
        async with opened(source, target, max_line, lost=in_flight.clear) as (lines, sink):
            writer = StdioWriter(sink, in_flight, answered)
            yield StdioReader(lines, writer, in_flight, drain), writer


def _line(message: wire.Message) -> bytes:
    try:
        return wire.serialize(message)
    except (TypeError, ValueError) as error:
        logger.error("stdio: a message cannot be written as JSON: {}", type(error).__name__)
        id = message.id if isinstance(message, JSONRPCResponse) else None
        return wire.serialize(wire.error_message(id, INTERNAL_ERROR, "Internal error"))


@contextlib.contextmanager
def _diverted(stdin: int, stdout: int) -> Generator[tuple[int, int]]:
    """Private copies of both descriptors; what is left in their place leads away from the protocol."""
    source, target = os.dup(stdin), os.dup(stdout)
    blocking = [(fd, os.get_blocking(fd)) for fd in (source, target)]
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, stdin)
    os.close(null)
    os.dup2(2, stdout)
    try:
        yield source, target
    finally:
        sys.stdout.flush()
        for fd, was in blocking:  # shared with the terminal or with the program that started this one
            os.set_blocking(fd, was)
        os.dup2(source, stdin)
        os.dup2(target, stdout)
        os.close(source)
        os.close(target)
