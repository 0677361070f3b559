"""Queries and changes on a DuckDB file: answers, caps, and what its plan gives away."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from collections.abc import AsyncGenerator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import pytest

from gloveport.tests.tools.database.engines.duckdb.conftest import Clinic, open_clinic
from gloveport.tests.tools.database.engines.engine_kit import LIMITS
from gloveport.tools.database.catalog import RelationKind
from gloveport.tools.database.engines import build_engine
from gloveport.tools.database.engines.duckdb.plan import PlanError, read
from gloveport.tools.database.engines.engine import DatabaseError, Settings
from gloveport.tools.tool import UNKNOWN, ToolFailed, ToolRefused

SLOW = "SELECT count(*) FROM patients a, patients b, patients c, patients d WHERE a.id + b.id <> c.id + d.id + 9999"


async def test_an_answer_with_plain_values(clinic: Clinic) -> None:
    rows = await clinic.query("SELECT id, name, born, cost, seen, tags, home, big FROM patients ORDER BY id LIMIT 1")
    assert rows.names == ("id", "name", "born", "cost", "seen", "tags", "home", "big")
    assert rows.types[:5] == ("integer", "varchar", "date", "decimal(8,2)", "timestamp with time zone")
    (row,) = rows.rows
    assert row[:4] == (1, "name 1", dt.date(1950, 1, 2), Decimal("1.25"))
    assert row[5:] == (["a", "b"], {"street": "s1", "code": "0"}, 2**127 - 1)


async def test_caps(clinic: Clinic) -> None:
    rows = await clinic.query("SELECT id FROM patients ORDER BY id", rows=10)
    assert [row[0] for row in rows.rows] == list(range(1, 11))
    assert rows.truncated
    assert not (await clinic.query("SELECT id FROM patients ORDER BY id", rows=300)).truncated
    small = await clinic.query("SELECT id, repeat('x', 1000) AS pad FROM patients ORDER BY id", bytes=5500)
    assert len(small.rows) == 5
    assert small.truncated


async def test_tokens_arrive_as_bound_values(clinic: Clinic) -> None:
    statement = await clinic.statement("SELECT id FROM patients WHERE email = 'x'")
    bound = replace(statement, sql=statement.sql.replace("'x'", "?"))
    for value, found in (("p7@example.org", [(7,)]), ("' OR true --", []), (UNKNOWN, []), (None, [])):
        assert (await clinic.engine.query(replace(bound, values=(value,)), LIMITS)).rows == found


@pytest.mark.parametrize(
    ("sql", "like"),
    [
        ("SELECT email FROM patients", "SELECT city FROM patients"),
        ("SELECT city FROM patients WHERE email > 'm'", "SELECT city FROM patients WHERE id > 1"),
        ("SELECT count(*) FROM patients WHERE email LIKE '8%'", "SELECT count(*) FROM patients WHERE id > 1"),
        ("SELECT city FROM patients ORDER BY email", "SELECT city FROM patients ORDER BY id"),
        ("SELECT COLUMNS('em.*') FROM patients", "SELECT city FROM patients"),
        ("SELECT patients.email.upper() FROM patients", "SELECT city FROM patients"),
        ("SELECT tail FROM patients", "SELECT city FROM patients"),
        ("SELECT handle FROM contacts", "SELECT city FROM patients"),
        ("SELECT secret FROM api_keys", "SELECT kind FROM visits"),
        ("SELECT * FROM query('SELECT secret FROM api_keys')", "SELECT kind FROM visits"),
        ("SELECT * FROM query_table('api_keys')", "SELECT id, kind FROM visits"),
        ("FROM all_secrets()", "SELECT kind FROM visits"),
        ("SELECT patients FROM patients", "SELECT city FROM patients"),
        ("SELECT id, city FROM patients", "SELECT city FROM patients"),
        ("SELECT * FROM duckdb_settings()", "SELECT kind FROM visits"),
        ("SELECT name FROM pragma_database_list()", "SELECT kind FROM visits"),
        ("FROM '/etc/passwd'", "SELECT kind FROM visits"),
        ("SELECT * FROM read_csv('/etc/passwd')", "SELECT kind FROM visits"),
        ("SELECT kind FROM visits; SELECT 1", "SELECT kind FROM visits"),
        ("DELETE FROM visits", "SELECT kind FROM visits"),
        ("SET threads = 1", "SELECT kind FROM visits"),
        ("PRAGMA database_list", "SELECT kind FROM visits"),
        ("ATTACH ':memory:' AS m", "SELECT kind FROM visits"),
        ("CREATE TEMP TABLE t (i INTEGER)", "SELECT kind FROM visits"),
        ("SUMMARIZE patients", "SELECT kind FROM visits"),
        ("CALL pragma_version()", "SELECT kind FROM visits"),
        ("CHECKPOINT", "SELECT kind FROM visits"),
    ],
)
async def test_the_plan_alone_stops_it(clinic: Clinic, sql: str, like: str) -> None:
    with pytest.raises((ToolRefused, ToolFailed)) as stopped:
        await clinic.unjudged(sql, like)
    assert stopped.value.code in ("sql_disagreement", "sql_prepare")
    assert (await clinic.query("SELECT count(*) FROM visits")).rows == [(600,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT p.city, v.kind FROM patients p JOIN visits v ON v.patient_id = p.id WHERE p.born > '1950-06-01'",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r",
        "SELECT city, count(*) AS n FROM patients GROUP BY ROLLUP (city) ORDER BY n",
        "SELECT id, row_number() OVER (PARTITION BY city ORDER BY id) AS r FROM patients",
        "SELECT unnest(tags) AS t FROM patients WHERE id = 1",
        "SELECT id FROM patients WHERE id IN (SELECT patient_id FROM visits) AND NOT EXISTS (SELECT 1 FROM hr.staff)",
        "SELECT city FROM patients UNION SELECT kind FROM visits",
        "SELECT * FROM generate_series(1, 3)",
        "SELECT handle FROM contacts WHERE id = 3",
        "EXPLAIN SELECT id FROM patients WHERE city = 'Oslo'",
        "SELECT add_tax(10) AS t",
        "VALUES (1, 'a'), (2, 'b')",
    ],
)
async def test_ordinary_statements_run(clinic: Clinic, sql: str) -> None:
    assert (await clinic.query(sql)).rows


async def test_prepare_says_what_was_meant_and_execution_only_a_sentence(clinic: Clinic) -> None:
    with pytest.raises(ToolRefused) as refused:
        await clinic.unjudged("SELECT citty FROM patients", "SELECT city FROM patients")
    assert refused.value.hint == "Did you mean city?"
    with pytest.raises(ToolFailed) as failed:
        await clinic.query("SELECT CAST(email AS integer) FROM patients")
    assert failed.value.code == "sql-value"
    assert "example.org" not in failed.value.message + failed.value.hint


async def test_deadline_and_cancellation_end_the_work(clinic: Clinic) -> None:
    with pytest.raises(ToolFailed) as failed:
        await clinic.query(SLOW, seconds=0.3)
    assert failed.value.code == "deadline"
    statement = await clinic.statement(SLOW)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clinic.engine.query, statement, LIMITS)
        with anyio.fail_after(3):  # one slow query blocks nobody
            assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]
        tasks.cancel_scope.cancel()
    assert clinic.engine._threads.borrowed_tokens == 0  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("after", ["extract_statements", "execute"])
async def test_an_interruption_between_two_statements_is_not_lost(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """The call is given up where DuckDB forgets an interruption: while it does nothing, before the next statement."""
    instance, caller = clinic.engine._running(), anyio.CancelScope()  # pyright: ignore[reportPrivateUsage]
    real, portal = instance.connection, anyio.from_thread.run_sync

    class Cursor:
        def __init__(self) -> None:
            self.cursor, self.interrupted = real.cursor(), threading.Event()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.cursor, name)

        def interrupt(self) -> None:
            self.cursor.interrupt()
            self.interrupted.set()

        def _then_given_up(self, name: str, *arguments: Any) -> Any:
            made = getattr(self.cursor, name)(*arguments)
            if name == after and not self.interrupted.is_set():
                portal(caller.cancel)
                assert self.interrupted.wait(5)
            return made

        def execute(self, *arguments: Any) -> Any:
            return self._then_given_up("execute", *arguments)

        def extract_statements(self, *arguments: Any) -> Any:
            return self._then_given_up("extract_statements", *arguments)

    class Connection:
        cursor = Cursor

    statement = await clinic.statement(SLOW)
    monkeypatch.setattr(instance, "connection", Connection())
    with anyio.fail_after(2.5), caller:
        await clinic.engine.query(statement, LIMITS)
    assert caller.cancelled_caught
    monkeypatch.undo()
    assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]


async def test_the_catalog(clinic: Clinic) -> None:
    catalog = await clinic.engine.catalog()
    patients, contacts = catalog.relations["patients"], catalog.relations["contacts"]
    assert patients.comment == "people we treat"
    assert [c.name for c in patients.columns if c.primary_key] == ["id"]
    tail = patients.column("tail")
    assert tail is not None
    assert tail.generated is not None
    assert "substr(email" in tail.generated
    assert {("id",), ("email",), ("city",)} <= set(patients.indexes)
    assert contacts.kind is RelationKind.VIEW
    assert catalog.relations["hr.staff"].schema == "hr"
    assert catalog.foreign_keys[0].referred_table == "patients"
    assert not catalog.is_open("api_keys")
    assert catalog.user_functions == {"add_tax"}
    assert len(await clinic.engine.sample(patients, ["email", "city"], 5)) == 5
    ((seen,),) = await clinic.engine.sample(patients, ["seen"], 1)
    assert seen == dt.datetime(2024, 1, 1, 10, tzinfo=dt.UTC)


@pytest.fixture
async def writer(made: Path, tmp_path: Path) -> AsyncGenerator[Clinic]:
    path = tmp_path / "written.duckdb"
    shutil.copy(made, path)
    async with open_clinic(path, write=True) as opened:
        yield opened


async def test_changes_are_capped_and_whole(writer: Clinic) -> None:
    assert (await writer.change("UPDATE visits SET n = n + 1 WHERE id < 11")).changed == 10
    assert (await writer.change("INSERT INTO visits (id, kind, n) VALUES (700, 'x', 1), (701, 'x', 2)")).changed == 2
    assert (await writer.change("DELETE FROM visits WHERE id >= 700")).changed == 2
    returned = (await writer.change("DELETE FROM visits WHERE id = 600 RETURNING kind")).returned
    assert returned is not None
    assert returned.rows == [("check",)]
    with pytest.raises(ToolRefused) as refused:
        await writer.change("UPDATE visits SET kind = 'all' WHERE id > 0", most=29)
    assert refused.value.code == "too-many-rows"
    for sql in ("INSERT INTO visits (id, kind) VALUES (1, 'x')", "UPDATE visits SET n = 1000 WHERE id = 1"):
        with pytest.raises(ToolFailed) as failed:
            await writer.change(sql)
        assert failed.value.code == "constraint"
    rows = (await writer.query("SELECT count(*) AS c, sum(n) AS s FROM visits WHERE kind <> 'all'")).rows
    assert rows == [(599, 179710)]


async def test_a_file_open_for_reading_is_not_written(clinic: Clinic) -> None:
    with pytest.raises(ToolFailed) as failed:
        await clinic.change("DELETE FROM visits WHERE id = 1")
    assert failed.value.code == "read-only"


async def test_what_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("no database at all, but long enough to be looked at by somebody" * 99)
    for url, said in (
        (f"duckdb:///{tmp_path}/nowhere.duckdb", "no such file"),
        (f"duckdb:///{tmp_path}/text.duckdb", "cannot be opened"),
    ):
        with pytest.raises(DatabaseError, match=said):
            await build_engine(Settings("d", url)).start()
    for url in ("duckdb://", "duckdb:///:memory:", "duckdb://host/file.duckdb"):
        with pytest.raises(DatabaseError, match="names no file"):
            build_engine(Settings("d", url))


@pytest.mark.parametrize(
    "plan",
    [
        "",
        "{}",
        "[1]",
        '[{"name": "X"}]',
        '[{"name": "READ_CSV", "extra_info": {}, "children": []}]',
        '[{"name": "SEQ_SCAN", "extra_info": {"Table": "x.main.other"}, "children": []}]',
        '[{"name": "SEQ_SCAN", "extra_info": {"Table": "x.main.t", "Projections": "b"}, "children": []}]',
        '[{"name": "X", "extra_info": {"Function": "PRAGMA_VERSION"}, "children": []}]',
        '[{"name": "X", "extra_info": {}, "children": 1}]',
    ],
)
def test_a_plan_of_another_form_is_refused(plan: str) -> None:
    with pytest.raises(PlanError):
        read(plan, {"main.t": frozenset({"a"})})
