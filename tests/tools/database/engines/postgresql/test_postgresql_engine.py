"""Queries on a live server: answers, caps, values, and what the second judge stops by itself."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import anyio
import psycopg
import pytest

from gloveport.tests.tools.database.engines.engine_kit import LIMITS
from gloveport.tests.tools.database.engines.postgresql.conftest import Clinic, Server, open_clinic
from gloveport.tools.database.engines.engine import Statement
from gloveport.tools.tool import UNKNOWN, ToolFailed, ToolRefused

SLOW = "SELECT count(*) FROM patients a, patients b, patients c, patients d WHERE a.id + b.id <> c.id + d.id + 9999"


async def test_an_answer_with_plain_values(clinic: Clinic) -> None:
    rows = await clinic.query(
        "SELECT id, name, age, born, cost, seen, tags, profile, id > 1 AS late, cost::float8 AS f, NULL::text AS n "
        "FROM patients ORDER BY id LIMIT 1"
    )
    assert rows.names == ("id", "name", "age", "born", "cost", "seen", "tags", "profile", "late", "f", "n")
    assert rows.types == (
        "integer",
        "text",
        "integer",
        "date",
        "numeric",
        "timestamp with time zone",
        "text[]",
        "jsonb",
        "boolean",
        "double precision",
        "text",
    )
    seen = dt.datetime(2024, 1, 1, 11, tzinfo=dt.UTC)
    expected = (1, "name 1", 1, dt.date(1950, 1, 2), Decimal("1.25"), seen, ["a", "b"], {"n": 1}, False, 1.25, None)
    assert rows.rows == [expected]
    assert not rows.truncated


async def test_what_python_cannot_hold_stays_text(clinic: Clinic) -> None:
    rows = await clinic.query("SELECT CAST('infinity' AS date) AS d, CAST('1 month' AS interval) AS i, 7 AS n")
    assert rows.rows == [("infinity", "1 mon", 7)]


async def test_rows_are_capped_and_the_server_stops(clinic: Clinic) -> None:
    rows = await clinic.query("SELECT id FROM patients ORDER BY id", rows=10)
    assert [row[0] for row in rows.rows] == list(range(1, 11))
    assert rows.truncated
    whole = await clinic.query("SELECT id FROM patients ORDER BY id", rows=300)
    assert len(whole.rows) == 300
    assert not whole.truncated
    endless = await clinic.query(SLOW.replace("count(*)", "a.id"), rows=3)
    assert len(endless.rows) == 3
    assert endless.truncated
    assert clinic.server.working() == []


async def test_bytes_are_capped(clinic: Clinic) -> None:
    rows = await clinic.query("SELECT id, repeat('x', 1000) AS pad FROM patients ORDER BY id", bytes=5500)
    assert len(rows.rows) == 5
    assert rows.truncated


async def test_tokens_arrive_as_bound_values(clinic: Clinic) -> None:
    statement = await clinic.statement("SELECT id FROM patients WHERE email = 'x'")
    bound = replace(statement, sql=statement.sql.replace("'x'", "$1"))
    for value, found in (("p7@example.org", [(7,)]), ("' OR true --", []), (UNKNOWN, []), (None, [])):
        rows = await clinic.engine.query(replace(bound, values=(value,)), LIMITS)
        assert rows.rows == found


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (7, "int"),
        (True, "boolean"),
        (Decimal("1.50"), "numeric"),
        (dt.date(2024, 2, 29), "date"),
        (dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC), "timestamptz"),
        (b"\x00\xff", "bytea"),
        ({"a": [1, "é"]}, "jsonb"),
        ("tschüß \N{SNOWMAN}", "text"),
    ],
)
async def test_values_of_every_kind_are_bound(clinic: Clinic, value: object, kind: str) -> None:
    rows = await clinic.unjudged(f"SELECT CAST($1 AS {kind}) AS v", "SELECT 1 AS v", value)
    assert rows.rows == [(value,)]


async def test_explain_is_judged_by_what_it_explains(clinic: Clinic) -> None:
    rows = await clinic.query("EXPLAIN SELECT id FROM patients WHERE city = 'Oslo'")
    assert rows.names == ("QUERY PLAN",)
    assert "patients" in str(rows.rows[0][0])
    with pytest.raises(ToolRefused) as refused:
        await clinic.unjudged("EXPLAIN SELECT secret FROM api_keys", "EXPLAIN SELECT id FROM patients")
    assert refused.value.code == "sql_disagreement"


@pytest.mark.parametrize(
    ("sql", "like"),
    [
        ("SELECT email FROM patients", "SELECT city FROM patients"),
        ("SELECT city FROM patients WHERE email > 'm'", "SELECT city FROM patients WHERE id > 1"),
        ("SELECT city AS a FROM patients ORDER BY email", "SELECT city AS a FROM patients ORDER BY id"),
        ("SELECT secret FROM api_keys", "SELECT kind FROM visits"),
        ("SELECT kind FROM visits, api_keys", "SELECT kind FROM visits"),
        ("SELECT tail FROM patients", "SELECT city FROM patients"),
        ("SELECT handle FROM contacts", "SELECT city FROM patients"),
        ("SELECT id, city FROM patients", "SELECT city FROM patients"),
        ("SELECT city FROM patients FOR UPDATE", "SELECT city FROM patients"),
        ("SELECT rolname FROM pg_catalog.pg_roles", "SELECT city FROM patients"),
        ("SELECT table_name FROM information_schema.tables", "SELECT city FROM patients"),
        ("SELECT pg_catalog.pg_sleep(0)::text", "SELECT city FROM patients"),
        ("SELECT pg_catalog.pg_read_file('/etc/passwd')", "SELECT city FROM patients"),
        ("SELECT pg_catalog.set_config('a.b', 'c', false)", "SELECT city FROM patients"),
        ("SELECT pg_catalog.query_to_xml('select 1', true, true, '')::text", "SELECT city FROM patients"),
        ("SELECT public.email_of(1)", "SELECT city FROM patients"),
        ("SELECT public.hold(1)::text", "SELECT city FROM patients"),
        ("SELECT city FROM patients WHERE city === 'Oslo'", "SELECT city FROM patients WHERE city = 'Oslo'"),
        ("SELECT CAST('api_keys' AS regclass)::text", "SELECT city FROM patients"),
        ("SELECT CAST(city AS regclass)::text FROM patients", "SELECT city FROM patients"),
        ("SELECT nextval('x')::text", "SELECT city FROM patients"),
        ("WITH w AS (DELETE FROM visits RETURNING kind) SELECT kind FROM w", "SELECT kind FROM visits"),
        ("DELETE FROM visits RETURNING kind", "SELECT kind FROM visits"),
        ("TABLE api_keys", "SELECT id, kind FROM visits"),
        ("COMMIT", "SELECT kind FROM visits"),
        ("SET TRANSACTION READ WRITE", "SELECT kind FROM visits"),
        ("SELECT kind FROM visits; SELECT 1", "SELECT kind FROM visits"),
        ("LISTEN x", "SELECT kind FROM visits"),
        ("DO $$ BEGIN END $$", "SELECT kind FROM visits"),
        ("COPY visits TO STDOUT", "SELECT kind FROM visits"),
    ],
)
async def test_the_judge_alone_stops_it(clinic: Clinic, sql: str, like: str) -> None:
    with pytest.raises((ToolRefused, ToolFailed)) as refused:
        await clinic.unjudged(sql, like)
    assert refused.value.code in ("sql_disagreement", "sql_prepare", "not-permitted")
    assert (await clinic.query("SELECT count(*) FROM visits")).rows == [(600,)]


async def test_allowed_functions_run_and_leave_nothing(server: Server) -> None:
    async with open_clinic(server, functions=("add_tax", "hold")) as clinic:
        rows = await clinic.query("SELECT add_tax(10), hold(77) FROM patients WHERE id = 1")
        assert rows.rows == [(Decimal("12.00"), 77)]
        again = await clinic.query("SELECT count(*) FROM patients")
        assert again.rows == [(300,)]
        locks = server.run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77")
        assert locks == [(0,)]


async def test_names_on_the_search_path_mean_nothing(server: Server) -> None:
    """A schema of the role's own name comes first on the default path: its tables must not take a table's place."""
    server.run(f'CREATE SCHEMA "{server.role}"; CREATE TABLE "{server.role}".visits (kind text)')
    server.run(f'GRANT ALL ON SCHEMA "{server.role}" TO {server.role}')
    try:
        async with open_clinic(server, tables=None, deny=("public.api_keys",)) as clinic:
            assert (await clinic.query("SELECT count(*) FROM public.visits")).rows == [(600,)]
    finally:
        server.run(f'DROP SCHEMA "{server.role}" CASCADE')


async def test_names_full_of_brackets_never_mislead_the_judge(clinic: Clinic) -> None:
    """The agent's own names stand in the tree's text. What cannot be told apart is refused, never misread."""
    names = [
        "(" * 63,
        "{" * 63,
        "}" * 31,
        r"\ \ ",
        "<>",
        ":varno 1",
        "{VAR :varno 1}",
        ") :rtekind 0",
        "a\nb",
        '"',
        "é" * 31,
    ]
    names += ["x" * n + "(" * (63 - n) for n in range(0, 60, 7)]
    answered = 0
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        for sql in (
            f"SELECT s.{quoted} AS city FROM (SELECT city AS {quoted} FROM patients) s",
            f"WITH {quoted} AS (SELECT city FROM patients) SELECT city FROM {quoted}",
            f"SELECT city AS {quoted} FROM patients AS {quoted}",
        ):
            try:
                answered += len((await clinic.unjudged(sql, "SELECT city FROM patients", rows=1)).rows)
            except ToolRefused as refused:
                assert refused.code == "sql_disagreement"
            with pytest.raises((ToolRefused, ToolFailed)):
                await clinic.unjudged(sql.replace("city", "email"), "SELECT city FROM patients", rows=1)
    assert answered > len(names)


async def test_prepare_says_what_is_wrong_and_what_was_meant(clinic: Clinic) -> None:
    with pytest.raises(ToolRefused) as refused:
        await clinic.unjudged("SELECT citty FROM public.patients", "SELECT city FROM patients")
    assert refused.value.code == "sql_prepare"
    assert refused.value.message == 'Column "citty" does not exist.'
    assert refused.value.hint == "Did you mean city?"
    with pytest.raises(ToolRefused) as refused:
        await clinic.query("SELECT city + 1 FROM patients")
    assert refused.value.message == "Operator does not exist: text + integer."


async def test_errors_at_execution_hold_no_value(clinic: Clinic) -> None:
    with pytest.raises(ToolFailed) as failed:
        await clinic.query("SELECT CAST(email AS int) FROM patients")
    assert failed.value.code == "sql-value"
    assert "example.org" not in failed.value.message + failed.value.hint
    with pytest.raises(ToolFailed) as failed:
        await clinic.query("SELECT 1 / (id - id) FROM patients")
    assert failed.value.message == "A number was divided by zero."
    assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]


async def test_the_deadline_ends_the_work_in_the_server(clinic: Clinic) -> None:
    with pytest.raises(ToolFailed) as failed:
        await clinic.query(SLOW, seconds=0.3)
    assert failed.value.code == "deadline"
    assert clinic.server.working() == []
    assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]


async def test_cancelling_ends_the_work_in_the_server(clinic: Clinic) -> None:
    slow = await clinic.statement(SLOW)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clinic.engine.query, slow, LIMITS)
        await clinic.server.busy(1)
        tasks.cancel_scope.cancel()
    assert clinic.server.working() == []
    assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]


async def test_slow_queries_block_nobody(clinic: Clinic) -> None:
    slow = await clinic.statement(SLOW)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(clinic.engine.query, slow, LIMITS)
        await clinic.server.busy(3)
        with anyio.fail_after(2):
            assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]
            await clinic.engine.catalog()
        tasks.cancel_scope.cancel()
    assert clinic.server.working() == []


async def test_a_backend_ended_at_work_is_a_sentence_and_the_pool_recovers(clinic: Clinic) -> None:
    slow = await clinic.statement(SLOW)

    async def end() -> None:
        (pid,) = await clinic.server.busy(1)
        clinic.server.run("SELECT pg_terminate_backend(%s)", pid)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(end)
        with pytest.raises(ToolFailed) as failed:
            await clinic.engine.query(slow, LIMITS)
        assert failed.value.code == "database-unreachable"
        assert failed.value.retryable
    assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]


async def test_connections_that_died_idle_are_replaced_unnoticed(clinic: Clinic) -> None:
    await clinic.query("SELECT 1 AS n")
    for pid in clinic.engine.processes:
        clinic.server.run("SELECT pg_terminate_backend(%s, 2000)", pid)
    assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]


async def test_a_statement_decided_on_another_catalog_does_not_run(clinic: Clinic) -> None:
    statement = await clinic.statement("SELECT kind FROM visits")
    old = replace(statement, version="another")
    with pytest.raises(ToolFailed) as failed:
        await clinic.engine.query(old, LIMITS)
    assert failed.value.code == "schema-changed"


async def test_columns_that_swapped_names_since_are_caught(clinic: Clinic) -> None:
    """The catalog in hand is a moment old; the server's object ids tell the truth."""
    statement = await clinic.statement("SELECT city FROM patients")
    await clinic.engine.query(statement, LIMITS)
    with psycopg.connect(clinic.server.owner_url) as owner:
        owner.execute("ALTER TABLE patients RENAME COLUMN city TO was")
        owner.execute("ALTER TABLE patients RENAME COLUMN email TO city")
        owner.execute("ALTER TABLE patients RENAME COLUMN was TO email")
        owner.commit()
    clinic.engine._fresh_until = float("inf")  # pyright: ignore[reportPrivateUsage] - nobody looked since
    try:
        with pytest.raises(ToolRefused) as refused:
            await clinic.engine.query(Statement(statement.sql, (), statement.expected), LIMITS)
        assert refused.value.code == "sql_disagreement"
    finally:
        with psycopg.connect(clinic.server.owner_url) as owner:
            owner.execute("ALTER TABLE patients RENAME COLUMN city TO was")
            owner.execute("ALTER TABLE patients RENAME COLUMN email TO city")
            owner.execute("ALTER TABLE patients RENAME COLUMN was TO email")
            owner.commit()


async def test_notices_never_leave_the_server(server: Server) -> None:
    async with open_clinic(server, functions=("leaky",)) as clinic:
        rows = await clinic.query("SELECT leaky(city, 'Oslo') AS same FROM patients WHERE id = 2")
    assert rows.rows == [(True,)]
