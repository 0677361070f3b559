"""Blocking work in own limited threads, ended by cancellation and deadline.

Python cannot stop a thread from outside. The work is given a `Stop` and looks at it between chunks; whoever waits for
the work waits for its end also when the call is cancelled, so that nothing is written after a call was given up. Only
work that hangs in the operating system (a dead network disk) is left behind, after ``grace`` seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from .tool import ToolFailed

Returned = TypeVar("Returned")

GRACE_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.002


class Stopped(Exception):
    """The call was cancelled; the work has undone what it had begun."""


class Stop:
    """Says to a thread whether it should go on."""

    def __init__(self, seconds: float | None = None) -> None:
        self._asked = threading.Event()
        self._seconds = seconds
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def ask(self) -> None:
        self._asked.set()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def check(self) -> None:
        """Raises `Stopped` after a cancellation and `ToolFailed` (``deadline``) when time is up."""
        if self.asked:
            raise Stopped
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise ToolFailed("deadline", f"Stopped after {self._seconds:g} seconds.", "Ask for less at a time.")


async def in_thread(
    work: Callable[[Stop], Returned],
    *,
    limiter: anyio.CapacityLimiter,
    seconds: float | None = None,
    grace: float = GRACE_SECONDS,
) -> Returned:
    """Run ``work`` in a thread of ``limiter``. When cancelled: ask it to stop, wait for its end, then be cancelled.

    Raises what ``work`` raises, and `ToolFailed` (``deadline``) when ``seconds`` are over and ``work`` looks at its
    `Stop`.
    """
    stop, begun, ended = Stop(seconds), threading.Event(), threading.Event()

    def carry() -> Returned:
        begun.set()
        try:
            stop.check()
            return work(stop)
        finally:
            ended.set()

    try:
        return await anyio.to_thread.run_sync(carry, abandon_on_cancel=True, limiter=limiter)
    except anyio.get_cancelled_exc_class():
        stop.ask()
        # Either the thread has begun and is waited for, or it has not and will see that it was asked to stop.
        if begun.is_set():
            with anyio.CancelScope(shield=True), anyio.move_on_after(grace):
                while not ended.is_set():  # noqa: ASYNC110 - set by a thread, perhaps after this loop is gone
                    await anyio.sleep(_POLL_SECONDS)
        raise
