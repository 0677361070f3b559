"""A few workers for one file: a slow statement keeps one of them busy, and nobody else waits."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio

from ....tool import ToolFailed
from .process import Opening, Worker, WorkerDied

MOST_WORKERS: Final = 8
_ATTEMPTS: Final = 3
_KEPT_IDLE: Final = 2
_IDLE_SECONDS: Final = 60.0  # after a rush, workers beyond these two end


class CannotOpen(Exception):
    """The worker runs, the file cannot be opened: SQLite's name of the error, or ``gone``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Pool:
    """Hands out workers. One spare is always starting or idle once a call is at work: the next caller finds it warm."""

    def __init__(self, opening: Opening, most: int = MOST_WORKERS) -> None:
        self._opening = opening
        self._most = most
        self._places = anyio.Semaphore(most)
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._closed = False
        self.dropped = 0  # workers ended at work, so far

    @property
    def pids(self) -> list[int]:
        """The processes there are."""
        return sorted(worker.pid for worker in (*self._idle, *self._busy))

    @asynccontextmanager
    async def worker(self, seconds: float) -> AsyncGenerator[Worker]:
        """A worker of one's own. Whatever is raised while it is held, cancellation included, ends the process, since
        nobody knows what it is doing: raise for an answer of its own after it was given back.

        Raises `CannotOpen`, and `ToolFailed` (``busy``, ``worker-died``).
        """
        await self._place(seconds)
        try:
            worker = await self._taken()
            try:
                yield worker
            except BaseException:
                await self._drop(worker)
                raise
            finally:
                self._busy.discard(worker)
                if not worker.dead:
                    if self._closed:
                        await worker.end()
                    else:
                        await self._back(worker)
        finally:
            self._places.release()

    async def drop_idle(self) -> None:
        """End the workers that do nothing: the file they hold is not the one that is meant any more."""
        idle, self._idle = self._idle, []
        for worker in idle:
            await worker.end()

    async def close(self) -> None:
        self._closed = True
        for worker in (*self._idle, *self._busy):
            worker.kill()
        for worker in (*self._idle, *self._busy):
            await worker.end()
        self._idle.clear()

    async def _place(self, seconds: float) -> None:
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            try:
                with anyio.fail_after(seconds):
                    await self._places.acquire()
            except TimeoutError:
                message = f"All {self._most} connections of the database are busy."
                raise ToolFailed("busy", message, "Wait a little, then try again.", retryable=True) from None

    async def _taken(self) -> Worker:
        """An idle worker, or a new one; a process that dies before it says a word is started again."""
        for _ in range(_ATTEMPTS):
            if self._closed:
                break
            while self._idle and self._idle[-1].ended:  # killed by somebody else
                await self._idle.pop().end()
            worker = self._idle.pop() if self._idle else self._new()
            self._busy.add(worker)
            if not self._idle and len(self._busy) < self._most:
                self._spare()
            try:
                opened = await worker.ready()
            except WorkerDied:
                await self._lost(worker)
                continue
            except BaseException:
                await self._lost(worker)
                raise
            if "error" in opened:
                await self._lost(worker)
                raise CannotOpen(str(opened.get("name", opened["error"])))
            return worker
        raise ToolFailed("worker-died", "The database process cannot be started.", "Tell the operator.", retryable=True)

    async def _lost(self, worker: Worker) -> None:
        self._busy.discard(worker)
        await worker.end()

    def _new(self) -> Worker:
        try:
            return Worker(self._opening)
        except OSError:
            message = "No process can be started for the database."
            raise ToolFailed("worker-died", message, "Tell the operator.", retryable=True) from None

    def _spare(self) -> None:
        with suppress(ToolFailed):  # without a spare the next caller starts one
            self._idle.append(self._new())

    async def _back(self, worker: Worker) -> None:
        """Keep a worker for the next call, on top; those at the bottom have not been needed for longest."""
        worker.rested = time.monotonic()
        self._idle.append(worker)
        while len(self._idle) > _KEPT_IDLE and self._idle[0].rested < worker.rested - _IDLE_SECONDS:
            await self._idle.pop(0).end()

    async def _drop(self, worker: Worker) -> None:
        self.dropped += 1
        await worker.end()
        if not self._idle and not self._closed:
            self._spare()
