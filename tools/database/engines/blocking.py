"""Blocking drivers on threads of their own: cancelling the call ends the work in the database, then the thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread
from anyio import CapacityLimiter

Returned = TypeVar("Returned")

GRACE_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.002


async def run(
    work: Callable[[], Returned], stop: Callable[[], object], limiter: CapacityLimiter, stoppers: CapacityLimiter
) -> Returned:
    """Run ``work`` in a thread. When the caller is cancelled, ``stop`` is run in another thread (of ``stoppers``, so
    that there always is one), and the end of ``work`` is waited for, `GRACE_SECONDS` at most. Raises what ``work``
    raises.
    """
    begun, ended = threading.Event(), threading.Event()
    given_up = False

    def carry() -> Returned:
        begun.set()
        try:
            if given_up:
                raise RuntimeError("given up before it began")
            return work()
        finally:
            ended.set()

    try:
        return await anyio.to_thread.run_sync(carry, abandon_on_cancel=True, limiter=limiter)
    except anyio.get_cancelled_exc_class():
        given_up = True
        if begun.is_set():
            with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE_SECONDS):
                await anyio.to_thread.run_sync(stop, abandon_on_cancel=True, limiter=stoppers)
                while not ended.is_set():  # noqa: ASYNC110 - set by a thread
                    await anyio.sleep(_POLL_SECONDS)
        raise
