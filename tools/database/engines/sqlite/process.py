"""One worker process, seen from the server: started with an empty environment, asked over a socket, killed at will."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, cast

import anyio
import orjson

Message: TypeAlias = dict[str, object]

# The package `worker` is imported by itself, without this one around it: that would take longer than the worker does.
_PROGRAM: Final = "import sys; sys.path.append(sys.argv[1]); from worker.main import main; main(int(sys.argv[2]))"
_FOLDER: Final = str(Path(__file__).parent)
_KEPT: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # some Pythons need them to start at all
_MOST_BYTES: Final = 64 << 20  # of one answer; a worker that sends more is broken or taken over
_END_SECONDS: Final = 2.0

_ending: list[subprocess.Popen[bytes]] = []


class WorkerDied(Exception):
    """The process ended, or was ended, before it answered."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a worker opens."""

    path: str
    uri: str
    write: bool = False


class Worker:
    """One process and its socket. Used by one call at a time. Nothing it sends is trusted beyond its form."""

    def __init__(self, opening: Opening) -> None:
        """Start the process without waiting for it: it opens its file while others work. Raises OSError."""
        here, there = socket.socketpair()
        here.setblocking(False)
        self._socket = here
        self._buffer = bytearray()
        self.opened: Message | None = None
        self.dead = False
        self.rested = time.monotonic()  # since when it does nothing
        with there:
            descriptor = there.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, _FOLDER, str(descriptor)],
                pass_fds=(descriptor,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _KEPT if name in os.environ},
                cwd="/",
            )
        opening_frame = {"path": opening.path, "uri": opening.uri, "write": opening.write}
        here.send(_framed(orjson.dumps(opening_frame)))  # a few hundred bytes: they fit into the socket's buffer

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> Message:
        """What the worker said of its file when it had opened it: ``error`` when it could not. Raises `WorkerDied`."""
        if self.opened is None:
            self.opened, _ = await self._heard()
        return self.opened

    async def ask(self, request: Mapping[str, object]) -> tuple[Message, bytes]:
        """Send a request, return the head of the answer and what follows it. Raises `WorkerDied`.

        Whoever is cancelled in here has to `end` the worker: it may be in the middle of anything.
        """
        view = memoryview(_framed(orjson.dumps(request)))
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError:
                raise WorkerDied from None
        return await self._heard()

    async def _heard(self) -> tuple[Message, bytes]:
        frame = await self._frame()
        head, _, body = frame.partition(b"\n")
        try:
            message = orjson.loads(head)
        except orjson.JSONDecodeError:
            raise WorkerDied from None
        if not isinstance(message, dict):
            raise WorkerDied
        return cast("Message", message), body

    async def _frame(self) -> bytes:
        buffer = self._buffer
        while True:
            if len(buffer) >= 4:
                size = int.from_bytes(buffer[:4], "big")
                if size > _MOST_BYTES:
                    raise WorkerDied
                if len(buffer) >= size + 4:
                    frame = bytes(buffer[4 : size + 4])
                    del buffer[: size + 4]
                    return frame
            try:
                chunk = self._socket.recv(1 << 18)
            except BlockingIOError:
                await self._readable()
                continue
            except OSError:
                raise WorkerDied from None
            if not chunk:
                raise WorkerDied
            buffer += chunk

    async def _readable(self) -> None:
        try:
            await anyio.wait_readable(self._socket)
        except anyio.ClosedResourceError:
            raise WorkerDied from None

    @property
    def ended(self) -> bool:
        """Whether the process is known to have ended, by itself or by somebody else."""
        return self.dead or self._process.poll() is not None

    def kill(self) -> None:
        """End the process now, whatever it does. It is collected later, by `end` or the next one that is killed."""
        if not self.dead:
            self.dead = True
            self._process.kill()
            anyio.notify_closing(self._socket)  # whoever waits for its answer hears of it
            self._socket.close()
            _ending.append(self._process)
        _collect()

    async def end(self) -> None:
        """End the process and wait until it is gone. Not stopped by cancellation."""
        self.kill()
        with anyio.CancelScope(shield=True), anyio.move_on_after(_END_SECONDS):
            while self._process.poll() is None:  # noqa: ASYNC110 - nobody but the system knows when it is gone
                await anyio.sleep(0.001)
        _collect()


def rows_of(body: bytes) -> list[list[object]]:
    """The rows behind the head of an answer. Raises `WorkerDied` for what is no list of rows."""
    try:
        rows: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            rows = json.loads(body)  # infinities
        except ValueError:
            raise WorkerDied from None
    if not isinstance(rows, list) or not {list}.issuperset(map(type, cast("list[object]", rows))):
        raise WorkerDied
    return cast("list[list[object]]", rows)


def _framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def _collect() -> None:
    """Collect processes that have ended, so that they leave the system's table."""
    _ending[:] = [process for process in _ending if process.poll() is None]
