"""A database at its worst, seen through the whole chain: slow, killed, cancelled; the transcript stays whole."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest

from gloveport.guardrails.call import Caller, Release, Request
from gloveport.guardrails.config import load_config
from gloveport.guardrails.house import House
from gloveport.recordings.verify import verify

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c"


@pytest.fixture
async def house(ward) -> AsyncGenerator[House]:
    async with House.open(load_config(ward.config)) as house:
        yield house


async def query(house: House, sql: str) -> Release:
    return await house.chain.call(Request("database_query", {"database": "ward", "sql": sql}, Caller("memory")))


def workers(parent: int) -> dict[int, str]:
    """The processes that this one started for SQLite, and whether they sleep (S) or run (R)."""
    found: dict[int, str] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, of = stat.read_text().rsplit(")", 1)[1].split()[:2]
            if int(of) == parent and b"worker.main" in stat.with_name("cmdline").read_bytes():
                found[int(stat.parent.name)] = state
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="may skip in CI: looks into /proc")
async def test_a_cancelled_call_leaves_nothing_running(house: House, ward) -> None:
    assert (await query(house, "SELECT id FROM people ORDER BY id")).status == "released"
    with anyio.move_on_after(0.3) as scope:
        await query(house, ENDLESS)
    assert scope.cancelled_caught
    with anyio.fail_after(2):
        while "R" in workers(os.getpid()).values():  # noqa: ASYNC110 - others' processes
            await anyio.sleep(0.01)
    again = await query(house, "SELECT id FROM people ORDER BY id")
    assert again.content["row_count"] == 2
    assert verify(ward.recordings).ok


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="may skip in CI: looks into /proc")
async def test_a_worker_killed_in_the_middle_is_one_sentence(house: House, ward) -> None:
    outcome: list[Release] = []

    async def ask() -> None:
        outcome.append(await query(house, ENDLESS))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        with anyio.fail_after(4):
            while not (busy := [pid for pid, state in workers(os.getpid()).items() if state == "R"]):  # noqa: ASYNC110
                await anyio.sleep(0.02)
        await anyio.sleep(0.3)
        for pid in busy:
            os.kill(pid, signal.SIGKILL)
    error = outcome[0].content["error"]
    assert isinstance(error, dict)
    assert error["code"] in ("worker-died", "deadline")
    assert (await query(house, "SELECT id FROM people ORDER BY id")).status == "released"
    assert verify(ward.recordings).ok


async def test_a_slow_query_ends_in_time_and_others_do_not_wait(house: House) -> None:
    took: list[float] = []
    outcome: list[Release] = []

    async def slow() -> None:
        outcome.append(await query(house, ENDLESS))

    async def quick() -> None:
        began = anyio.current_time()
        assert (await query(house, "SELECT id FROM people ORDER BY id")).status == "released"
        took.append(anyio.current_time() - began)

    with anyio.fail_after(8):  # the ward's queries have five seconds
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow)
            for _ in range(7):
                tasks.start_soon(quick)
    assert len(took) == 7
    assert max(took) < 4
    assert outcome[0].content["error"]["code"] == "deadline"


async def test_closing_the_house_ends_every_worker(ward) -> None:
    async with House.open(load_config(ward.config)) as house:
        assert (await query(house, "SELECT id FROM people ORDER BY id")).status == "released"
        inside = workers(os.getpid())
    assert set(workers(os.getpid())).isdisjoint(inside)
