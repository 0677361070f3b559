"""Blocking work in threads: its end is the call's end."""

from __future__ import annotations

import threading
import time

import anyio
import anyio.to_thread
import pytest

from gloveport.tools.threads import Stop, Stopped, in_thread
from gloveport.tools.tool import ToolFailed


async def test_results_and_errors_come_back() -> None:
    limiter = anyio.CapacityLimiter(1)
    assert await in_thread(lambda stop: threading.current_thread() is not threading.main_thread(), limiter=limiter)

    def fail(stop: Stop) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await in_thread(fail, limiter=limiter)


async def test_cancellation_waits_for_the_end_of_the_work() -> None:
    began, undone = threading.Event(), threading.Event()

    def work(stop: Stop) -> None:
        began.set()
        try:
            while True:
                stop.check()
                time.sleep(0.001)
        except Stopped:
            undone.set()
            raise

    async with anyio.create_task_group() as group:

        async def one() -> None:
            await in_thread(work, limiter=anyio.CapacityLimiter(1))

        group.start_soon(one)
        assert await anyio.to_thread.run_sync(began.wait, 30)
        group.cancel_scope.cancel()
    assert undone.is_set()


async def test_work_that_hangs_is_left_behind_after_the_grace() -> None:
    began, release = threading.Event(), threading.Event()

    def hang(stop: Stop) -> None:
        began.set()
        release.wait(30)

    started = time.monotonic()
    async with anyio.create_task_group() as group:

        async def one() -> None:
            await in_thread(hang, limiter=anyio.CapacityLimiter(1), grace=0.05)

        group.start_soon(one)
        assert await anyio.to_thread.run_sync(began.wait, 30)
        group.cancel_scope.cancel()
    release.set()
    assert time.monotonic() - started < 5


async def test_work_cancelled_in_the_queue_never_begins() -> None:
    limiter = anyio.CapacityLimiter(1)
    release, began = threading.Event(), threading.Event()
    ran: list[str] = []

    def first(stop: Stop) -> None:
        began.set()
        release.wait(30)

    async with anyio.create_task_group() as group:

        async def hold() -> None:
            await in_thread(first, limiter=limiter)

        async def queued() -> None:
            await in_thread(lambda stop: ran.append("queued"), limiter=limiter)

        group.start_soon(hold)
        assert await anyio.to_thread.run_sync(began.wait, 30)
        with anyio.move_on_after(0.02) as scope:
            await queued()
        assert scope.cancelled_caught
        release.set()
    assert ran == []


async def test_a_deadline_is_a_failure_with_a_name() -> None:
    def work(stop: Stop) -> None:
        while True:
            stop.check()

    with pytest.raises(ToolFailed) as failed:
        await in_thread(work, limiter=anyio.CapacityLimiter(1), seconds=0.01)
    assert failed.value.code == "deadline"
