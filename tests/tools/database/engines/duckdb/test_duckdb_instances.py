"""One DuckDB file under several names: one instance, one configuration, locked for all of them."""

# ruff: noqa: ASYNC240 - tests look at files between calls

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import duckdb
import pytest

from gloveport.guardrails.call import Caller, Request
from gloveport.guardrails.config import load_config
from gloveport.guardrails.house import House, HouseError
from gloveport.tests.raw_mcp import INITIALIZE, INITIALIZED, call, lines
from gloveport.tests.tools.database.engines.duckdb.conftest import Clinic
from gloveport.tests.tools.database.engines.engine_kit import LIMITS
from gloveport.tools.database.engines.duckdb import instances
from gloveport.tools.database.engines.duckdb.engine import DuckDBEngine
from gloveport.tools.database.engines.engine import DatabaseError, Settings
from gloveport.tools.database.source import Database


@pytest.fixture
def file(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "clinic.duckdb"))


@asynccontextmanager
async def started(name: str, path: Path, **more: object) -> AsyncGenerator[tuple[Database, Clinic]]:
    settings = Settings(name, f"duckdb:///{path}", **more)  # type: ignore[arg-type]
    engine = DuckDBEngine(settings)
    database = Database(settings, engine)
    try:
        await database.start()
        yield database, Clinic(engine, path)
    finally:
        await database.close()


async def patients_in(database: Database, clinic: Clinic, city: str) -> object:
    statement = await clinic.statement(f"SELECT count(*) AS n FROM patients WHERE city = '{city}'")
    return (await database.query(statement, LIMITS)).rows[0][0]


async def test_names_of_one_file_share_it_and_the_last_closes_it(file: Path) -> None:
    link = file.with_name("link.duckdb")
    link.symlink_to(file)
    async with started("all", file) as (_, all_), started("few", link, tables=("patients",)) as (few, clinic):
        assert clinic.engine._running() is all_.engine._running()  # pyright: ignore[reportPrivateUsage]
        assert (await few.catalog()).open_relations == {"patients"}
        assert len((await all_.engine.catalog()).open_relations) > 1
        await all_.engine.close()
        await all_.engine.close()  # a second time closes nothing of the other's
        assert await patients_in(few, clinic, "Oslo") == 150
    assert file.resolve() not in instances._open  # pyright: ignore[reportPrivateUsage]
    duckdb.connect(file).close()  # nobody has it open: any configuration will do


async def test_what_is_locked_is_locked_in_every_connection(file: Path) -> None:
    async with started("first", file), started("second", file) as (_, second):
        for sql in (
            "SET threads = 1",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
            "SELECT * FROM read_text('/etc/hostname')",
            "COPY visits TO '/tmp/never.csv'",
            "CREATE TABLE t (i INTEGER)",
            "DELETE FROM visits",
        ):
            with second.engine._running().connection.cursor() as cursor, pytest.raises(duckdb.Error):  # pyright: ignore[reportPrivateUsage]
                cursor.execute(sql)


async def test_reading_and_writing_at_once_is_refused_in_one_line(file: Path) -> None:
    async with started("reader", file):
        with pytest.raises(
            DatabaseError, match=r"^databases\.writer\.url: .* write: true; give both the same$"
        ) as said:
            async with started("writer", file, write=True):
                raise AssertionError("opened twice")
        assert "\n" not in str(said.value)
    async with started("writer", file, write=True) as (database, clinic):
        assert (await clinic.change("DELETE FROM visits WHERE id = 1")).changed == 1
        assert await patients_in(database, clinic, "Oslo") == 150


async def test_two_writers_of_one_file_wait_for_each_other(file: Path) -> None:
    async with started("one", file, write=True) as (_, one), started("two", file, write=True) as (_, two):
        async with anyio.create_task_group() as tasks:
            for clinic in (one, two) * 4:
                tasks.start_soon(clinic.change, "UPDATE visits SET n = n + 1 WHERE id = 7")
        assert (await one.query("SELECT n FROM visits WHERE id = 7")).rows == [(15,)]


async def test_a_file_that_cannot_be_opened_leaves_nothing_behind(tmp_path: Path) -> None:
    text = tmp_path / "text.duckdb"
    text.write_text("no database at all, but long enough to be looked at by somebody" * 99)
    with pytest.raises(DatabaseError, match="cannot be opened"):
        async with started("text", text):
            raise AssertionError("opened")
    assert text.resolve() not in instances._open  # pyright: ignore[reportPrivateUsage]


def configuration(file: Path, **more: Mapping[str, object]) -> Path:
    # JSON is YAML
    shared = {"url": f"duckdb:///{file}", "deny": ["api_keys"], "classes": {"patients.email": "email"}}
    modes = {mode: {**shared, "inference": mode} for mode in ("strict", "balanced", "relaxed")}
    path = file.with_name("gloveport.yaml")
    path.write_text(json.dumps({"identity": {"human": "ann"}, "databases": modes | more}))
    return path


async def test_the_house_opens_one_file_three_times(file: Path) -> None:
    async with House.open(load_config(configuration(file))) as house:
        for mode, status in (("strict", "refused"), ("balanced", "refused"), ("relaxed", "released")):
            for sql, wanted in (
                ("SELECT email FROM patients WHERE id = 7", "released"),
                ("SELECT count(*) AS n FROM patients WHERE email LIKE 'p7%'", status),
                ("SELECT secret FROM api_keys", "refused"),
            ):
                request = Request("database_query", {"database": mode, "sql": sql}, Caller("memory"))
                release = await house.chain.call(request)
                assert release.status == wanted, (mode, sql)
                assert "p7@example.org" not in json.dumps(release.content)


async def test_the_house_says_which_database_asks_for_writing(file: Path) -> None:
    config = configuration(file, other={"url": f"duckdb:///{file}", "write": True})
    with pytest.raises(HouseError, match=r"databases\.other\.url: .* give both the same"):
        async with House.open(load_config(config)):
            raise AssertionError("opened")
    assert file.resolve() not in instances._open  # pyright: ignore[reportPrivateUsage]


def test_a_server_that_ends_is_quiet(file: Path) -> None:
    sql = "SELECT city FROM patients WHERE id = 7"
    asked = lines(INITIALIZE, INITIALIZED, call(1, "database_query", database="strict", sql=sql))
    ended = subprocess.run(
        [sys.executable, "-m", "gloveport", "serve", "--config", str(configuration(file)), "--log", "ERROR"],
        input=asked,
        capture_output=True,
        timeout=60,
    )
    assert ended.returncode == 0
    assert ended.stderr == b""
    answer = json.loads(ended.stdout.splitlines()[-1])
    assert answer["result"]["structuredContent"]["rows"] == [["Bergen"]]
