"""The connections to one server: each call has one to itself, the last used is used first."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio

from .wire import Lost, Wire

MOST: Final = 8
_IDLE_SECONDS: Final = 300.0


class Pool:
    """At most ``most`` connections; who finds none waits for one, within its own deadline."""

    def __init__(self, connect: Callable[[], Awaitable[Wire]], most: int = MOST) -> None:
        self._connect = connect
        self._free = anyio.Semaphore(most, fast_acquire=True)
        self._idle: list[Wire] = []
        self._busy: set[Wire] = set()
        self._closed = False

    @property
    def processes(self) -> list[int]:
        """The server's processes that work for us."""
        return [wire.process for wire in (*self._idle, *self._busy)]

    @asynccontextmanager
    async def wire(self, *, fresh: bool = False) -> AsyncGenerator[Wire]:
        """A connection without a transaction. However the block ends, its work in the server ends with it.

        ``fresh``: not one that may have died while it lay idle. Raises `CannotConnect`, and what the block raises.
        """
        async with self._free:
            wire = await self._taken(fresh)
            self._busy.add(wire)
            usable = False
            try:
                yield wire
            except Lost:
                self.drop_idle()  # the others were connected to the same server
                raise
            finally:
                try:
                    usable = wire.clean or (wire.alive and await wire.recover())
                finally:
                    self._busy.discard(wire)
                    if usable and not self._closed:
                        wire.used = time.monotonic()
                        self._idle.append(wire)
                    else:
                        wire.close()

    async def _taken(self, fresh: bool) -> Wire:
        now = time.monotonic()
        while self._idle and now - self._idle[0].used > _IDLE_SECONDS:
            self._idle.pop(0).close()
        while self._idle and not fresh:
            wire = self._idle.pop()
            try:
                await wire.settle()
            except Lost:
                wire.close()
            except BaseException:
                wire.close()
                raise
            else:
                return wire
        return await self._connect()

    def drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def close(self) -> None:
        """Let go of idle connections now and of the others as soon as their calls end."""
        self._closed = True
        self.drop_idle()
        for wire in list(self._busy):
            with anyio.CancelScope(shield=True), anyio.move_on_after(1.0):
                await wire.stop()
