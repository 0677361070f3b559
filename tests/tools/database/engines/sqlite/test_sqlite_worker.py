"""The worker process under attack and in accidents: it may die, nothing else may."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from gloveport.tests.tools.database.engines.engine_kit import LIMITS
from gloveport.tests.tools.database.engines.sqlite.conftest import Clinic, failure, open_clinic
from gloveport.tools.database.engines.engine import Statement
from gloveport.tools.database.engines.sqlite import pool as pool_module
from gloveport.tools.database.engines.sqlite import process
from gloveport.tools.database.engines.sqlite.pool import Pool
from gloveport.tools.database.engines.sqlite.process import Opening, Worker, WorkerDied, rows_of
from gloveport.tools.tool import ToolFailed

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c"


async def test_endless_recursion_ends_at_the_deadline_and_the_worker_lives(clinic: Clinic) -> None:
    before = clinic.engine.pids
    began = time.monotonic()
    error = await failure(clinic.query(ENDLESS, seconds=0.4))
    assert error.code == "deadline"
    assert time.monotonic() - began < 1.0
    assert set(before) <= set(clinic.engine.pids)
    assert len((await clinic.query("SELECT id FROM patients")).rows) == 200


async def test_a_worker_killed_at_work_is_one_sentence_and_replaced(clinic: Clinic) -> None:
    outcome: list[ToolFailed] = []

    async def ask() -> None:
        outcome.append(await failure(clinic.query(ENDLESS, seconds=5.0)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.sleep(0.3)
        for pid in clinic.engine.pids:
            os.kill(pid, signal.SIGKILL)
    assert (outcome[0].code, outcome[0].retryable) == ("worker-died", True)
    assert len((await clinic.query("SELECT id FROM patients")).rows) == 200


async def test_cancellation_leaves_nothing_running(clinic: Clinic) -> None:
    await clinic.query("SELECT id FROM patients")
    statement = await clinic.statement(ENDLESS)
    with anyio.move_on_after(0.2) as scope:
        await clinic.engine.query(statement, LIMITS)
    assert scope.cancelled_caught
    busy = [pid for pid in clinic.engine.pids if cpu_state(pid) == "R"]
    assert busy == []
    assert len((await clinic.query("SELECT id FROM patients")).rows) == 200


def cpu_state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return ""


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be collected does not."""
    if Path("/proc/self").exists():
        return cpu_state(pid) not in ("", "Z")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_one_slow_caller_never_holds_up_seven_others(clinic: Clinic) -> None:
    await clinic.query("SELECT id FROM patients")
    quick: list[float] = []
    began = time.monotonic()

    async def slow() -> None:
        assert (await failure(clinic.query(ENDLESS, seconds=2.0))).code == "deadline"

    async def fast() -> None:
        for _ in range(5):
            assert len((await clinic.query("SELECT id FROM patients")).rows) == 200
        quick.append(time.monotonic() - began)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slow)
        for _ in range(7):
            tasks.start_soon(fast)
    assert len(quick) == 7
    assert max(quick) < 1.5
    assert len(clinic.engine.pids) <= 9


async def test_memory_is_bounded_within_the_worker(clinic: Clinic) -> None:
    clinic.raw("CREATE TABLE big (a TEXT)")
    clinic.raw("INSERT INTO big SELECT hex(zeroblob(450000)) FROM patients")
    await anyio.sleep(0.06)
    # sorting 180 MB four times over in memory
    sql = "SELECT x.a FROM big x JOIN patients y ON y.id < 5 ORDER BY x.a || y.id LIMIT 1"
    error = await failure(clinic.query(sql, seconds=20))
    assert error.code in ("database-resources", "worker-died", "value-too-long")
    assert len((await clinic.query("SELECT id FROM patients")).rows) == 200


async def test_one_instruction_that_cannot_be_interrupted_is_ended_by_the_kernel(database: Path) -> None:
    """SQLite looks at its clock between instructions only; here the server that asked is gone as well."""
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE long (a TEXT, b TEXT)")
    connection.execute("INSERT INTO long VALUES (?, ?)", ("a" * 990_000, "a" * 450_000 + "b"))
    connection.commit()
    connection.close()
    worker = Worker(Opening(str(database), f"file:{database}?mode=ro"))
    try:
        await worker.ready()
        request: dict[str, object] = {
            "op": "query",
            "sql": "SELECT sum(instr(x.a, x.b)) FROM long x, patients",
            "values": [],
        }
        request |= {"cookie": None, "file": None, "ask": False, "known": None, "rows": 1, "bytes": 1000}
        began = time.monotonic()
        try:
            head, _ = await worker.ask({**request, "seconds": 0.3})
            assert head["error"] == "run"  # interrupted between two instructions after all
        except WorkerDied:
            assert time.monotonic() - began < 4.0
    finally:
        await worker.end()
    assert not alive(worker.pid)


async def break_one(pool: Pool, held: list[int]) -> None:
    async with pool.worker(1.0) as worker:
        held.append(worker.pid)
        raise RuntimeError("broken")


async def test_the_pool_refills_after_every_kill(database: Path) -> None:
    pool = Pool(Opening(str(database), f"file:{database}?mode=ro"), most=2)
    try:
        for _ in range(3):
            held: list[int] = []
            with pytest.raises(RuntimeError, match="broken"):
                await break_one(pool, held)
            assert held[0] not in pool.pids
            assert len(pool.pids) >= 1
    finally:
        await pool.close()
    assert pool.pids == []


async def test_after_a_rush_the_pool_shrinks(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_IDLE_SECONDS", -1.0)
    pool = Pool(Opening(str(database), f"file:{database}?mode=ro"), most=6)
    try:
        async with pool.worker(1.0), pool.worker(1.0), pool.worker(1.0), pool.worker(1.0):
            assert len(pool.pids) == 5  # and a spare
        assert len(pool.pids) == 2
    finally:
        await pool.close()


async def test_a_full_pool_says_that_it_is_busy(database: Path) -> None:
    pool = Pool(Opening(str(database), f"file:{database}?mode=ro"), most=1)
    try:
        async with pool.worker(1.0):
            error = await failure(pool.worker(0.05).__aenter__())
            assert (error.code, error.retryable) == ("busy", True)
        async with pool.worker(1.0) as worker:
            assert (await worker.ask({"op": "version", "seconds": 1.0}))[0]["cookie"]
    finally:
        await pool.close()


async def test_closing_ends_what_runs(database: Path) -> None:
    async with open_clinic(database) as clinic:
        statement = await clinic.statement(ENDLESS)
        outcome: list[ToolFailed] = []
        pids: list[int] = []

        async def ask() -> None:
            outcome.append(await failure(clinic.engine.query(statement, LIMITS)))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.sleep(0.2)
            pids += clinic.engine.pids
            await clinic.engine.close()
        assert outcome[0].code == "worker-died"
    assert pids
    assert not any(alive(pid) for pid in pids)


def test_a_worker_whose_server_is_gone_ends_by_itself(database: Path, tmp_path: Path) -> None:
    """A server that is killed with SIGKILL cannot tell anybody."""
    script = tmp_path / "server.py"
    script.write_text(
        "import anyio, os, signal, sys\n"
        "from gloveport.tools.database.engines.sqlite.process import Opening, Worker\n"
        "async def main():\n"
        f"    worker = Worker(Opening({str(database)!r}, 'file:{database}?mode=ro'))\n"
        "    await worker.ready()\n"
        "    print(worker.pid, flush=True)\n"
        "    async with anyio.create_task_group() as tasks:\n"
        "        tasks.start_soon(worker.ask, {'op': 'query', 'seconds': 60.0, 'sql': sys.argv[1], 'values': [],\n"
        "            'cookie': None, 'file': None, 'ask': False, 'known': None, 'rows': 1, 'bytes': 1000})\n"
        "        await anyio.sleep(0.3)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "anyio.run(main)\n"
    )
    ran = subprocess.run([sys.executable, str(script), ENDLESS], stdout=subprocess.PIPE, timeout=20)
    pid = int(ran.stdout)
    until = time.monotonic() + 5
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not alive(pid)


def told(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="may skip in CI: looks into /proc")
async def test_a_worker_has_nothing_of_the_server(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOVEPORT_SECRET", "hush")
    worker = Worker(Opening(str(clinic.path), f"file:{clinic.path}?mode=ro"))
    try:
        await worker.ready()
        assert b"hush" not in told(worker.pid, "environ")
        assert os.readlink(f"/proc/{worker.pid}/cwd") == "/"
        names = {os.readlink(f"/proc/{worker.pid}/fd/{number}") for number in os.listdir(f"/proc/{worker.pid}/fd")}
        assert {name for name in names if not name.startswith(("socket:", "/dev/null"))} == {str(clinic.path)}
        assert b"Max core file size 0 0" in b" ".join(told(worker.pid, "limits").split())
        assert b"NoNewPrivs:\t1" in told(worker.pid, "status")
    finally:
        await worker.end()


async def test_what_a_worker_sends_is_only_looked_at_in_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was taken over sends what it likes."""
    for frame, seconds in ((b"\xff\xff\xff\xff", 1), (b"\x00\x00\x00\x02{]", 1), (b"\x00\x00\x00\x01", 1)):
        monkeypatch.setattr(process, "_PROGRAM", f"import os, sys; os.write(int(sys.argv[2]), {frame!r})")
        worker = Worker(Opening("x", "file:x"))
        with pytest.raises(WorkerDied), anyio.fail_after(seconds * 5):
            await worker.ready()
        await worker.end()


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"[[1]", b"null", b"\xff"])
def test_a_body_that_is_no_list_of_rows(body: bytes) -> None:
    with pytest.raises(WorkerDied):
        rows_of(body)


async def test_a_bad_reading_is_refused(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = await clinic.statement("SELECT id FROM patients")
    heads: tuple[dict[str, object], ...] = ({"reads": [["patients"]]}, {"error": "not-confirmed"})
    answers = iter(heads)

    async def ask(self: Worker, request: object) -> tuple[dict[str, object], bytes]:
        return next(answers), b""

    monkeypatch.setattr(Worker, "ask", ask)
    with pytest.raises(Exception, match="sql_prepare"):
        await clinic.engine.query(Statement(statement.sql, (), statement.expected), LIMITS)


async def test_a_worker_starts_soon(database: Path) -> None:
    took: list[float] = []
    for _ in range(3):
        began = time.monotonic()
        worker = Worker(Opening(str(database), f"file:{database}?mode=ro"))
        await worker.ready()
        took.append(time.monotonic() - began)
        await worker.end()
    assert min(took) < 0.5  # about 0.03 on an idle machine
