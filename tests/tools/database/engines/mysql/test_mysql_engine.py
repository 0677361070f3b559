"""Queries and changes on a live MariaDB: answers, caps, values, and what is stopped without a second judge."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator
from dataclasses import replace
from decimal import Decimal

import anyio
import pytest

from gloveport.tests.tools.database.engines.engine_kit import LIMITS
from gloveport.tests.tools.database.engines.mysql.conftest import Clinic, Server, open_clinic
from gloveport.tools.database.catalog import RelationKind
from gloveport.tools.database.engines import build_engine
from gloveport.tools.database.engines.engine import DatabaseError, Level, Settings, Unreachable
from gloveport.tools.database.engines.mysql.role import findings, right_user
from gloveport.tools.tool import UNKNOWN, ToolFailed, ToolRefused

SLOW = "SELECT count(*) FROM patients a, patients b, patients c, patients d WHERE a.id + b.id <> c.id + d.id + 9999"


async def test_an_answer_with_plain_values(clinic: Clinic) -> None:
    rows = await clinic.query(
        "SELECT id, name, born, cost, seen, raw, big, doc, part, NULL AS n FROM patients ORDER BY id LIMIT 1"
    )
    assert rows.names == ("id", "name", "born", "cost", "seen", "raw", "big", "doc", "part", "n")
    assert rows.types[:9] == (
        "int", "varchar", "date", "decimal", "datetime", "varchar", "bigint", "text", "float",
    )  # fmt: skip
    seen = dt.datetime(2024, 1, 1, 10, 0, 0, 500_000)
    born, big = dt.date(1950, 1, 2), 18446744073709551615
    assert rows.rows == [(1, "name 1", born, Decimal("1.25"), seen, b"\x00\xff", big, "text", 0.5, None)]


async def test_caps(clinic: Clinic) -> None:
    rows = await clinic.query("SELECT id FROM patients ORDER BY id", rows=10)
    assert [row[0] for row in rows.rows] == list(range(1, 11))
    assert rows.truncated
    assert not (await clinic.query("SELECT id FROM patients ORDER BY id", rows=300)).truncated
    limited = await clinic.query("SELECT id FROM patients ORDER BY id LIMIT 200", rows=10)
    assert len(limited.rows) == 10
    assert limited.truncated
    small = await clinic.query("SELECT id, repeat('x', 1000) AS pad FROM patients ORDER BY id", bytes=5500)
    assert len(small.rows) == 5
    assert small.truncated
    assert (await clinic.query("SELECT count(*) FROM visits")).rows == [(600,)]


async def test_values_are_bound_never_written(clinic: Clinic) -> None:
    statement = await clinic.statement("SELECT id FROM patients WHERE email = 'x'")
    bound = replace(statement, sql=statement.sql.replace("'x'", "?"))
    hostile = ("\\' OR 1 = 1 -- ", "' OR ''='", "\xbf' OR 1=1 -- ", "x\0'", UNKNOWN, None)
    for value, found in (("p7@example.org", [(7,)]), *((value, []) for value in hostile)):
        assert (await clinic.engine.query(replace(bound, values=(value,)), LIMITS)).rows == found


@pytest.mark.parametrize(
    ("value", "kind", "back"),
    [
        (7, "signed", 7),
        (-(2**62), "signed", -(2**62)),
        (2**63, "decimal(30)", Decimal(2**63)),
        (Decimal("1.50"), "decimal(5,2)", Decimal("1.50")),
        (dt.date(2024, 2, 29), "date", dt.date(2024, 2, 29)),
        (dt.datetime(2024, 2, 29, 12), "datetime", dt.datetime(2024, 2, 29, 12)),
        ("tschüß \N{SNOWMAN}" * 30, "char", "tschüß \N{SNOWMAN}" * 30),
        (b"\x00\xff", "binary", b"\x00\xff"),
        (True, "signed", 1),
        (dt.timedelta(hours=-30, minutes=5), "time", dt.timedelta(hours=-30, minutes=5)),
    ],
)
async def test_values_of_every_kind_come_back(clinic: Clinic, value: object, kind: str, back: object) -> None:
    if isinstance(value, dt.timedelta):
        rows = await clinic.unjudged("SELECT CAST('-29:55:00' AS time) AS v", "SELECT 1 AS v")
    else:
        rows = await clinic.unjudged(f"SELECT CAST(? AS {kind}) AS v", "SELECT 1 AS v", value)
    assert rows.rows == [(back,)]


@pytest.mark.parametrize(
    ("sql", "like"),
    [
        ("SELECT email FROM patients", "SELECT city FROM patients"),
        ("SELECT secret FROM api_keys", "SELECT kind FROM visits"),
        ("SELECT tail FROM patients", "SELECT city FROM patients"),
        ("SELECT id, city FROM patients", "SELECT city FROM patients"),
        ("SELECT kind FROM visits; SELECT 1", "SELECT kind FROM visits"),
        ("DELETE FROM visits", "SELECT kind FROM visits"),
        ("SELECT kind FROM visits WHERE id = ?", "SELECT kind FROM visits"),
        ("SELECT kind FROM visits INTO OUTFILE '/tmp/gloveport-x'", "SELECT kind FROM visits"),
        ("SELECT * FROM mysql.user", "SELECT kind FROM visits"),
    ],
)
async def test_what_is_stopped_beneath_the_guard(clinic: Clinic, sql: str, like: str) -> None:
    with pytest.raises((ToolRefused, ToolFailed)) as stopped:
        await clinic.unjudged(sql, like)
    assert "hidden" not in f"{stopped.value.args}"
    assert (await clinic.query("SELECT count(*) FROM visits")).rows == [(600,)]


async def test_explain_and_a_function(clinic: Clinic) -> None:
    rows = await clinic.query("EXPLAIN SELECT id FROM patients WHERE city = 'Oslo'")
    assert "patients" in rows.rows[0]
    assert (await clinic.query("SELECT add_tax(10) AS t")).rows == [(Decimal("12.00"),)]


async def test_prepare_says_what_was_meant_and_execution_only_a_sentence(clinic: Clinic) -> None:
    with pytest.raises(ToolRefused) as refused:
        await clinic.unjudged("SELECT citty FROM patients", "SELECT city FROM patients")
    assert refused.value.message == 'There is no column "citty" here.'
    assert refused.value.hint == "Did you mean city?"
    with pytest.raises(ToolFailed) as failed:
        await clinic.unjudged("SELECT (SELECT city FROM patients)", "SELECT city FROM patients")
    assert failed.value.code == "sql-cardinality"
    assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]


async def test_deadline_and_cancellation_end_the_work_in_the_server(clinic: Clinic) -> None:
    with pytest.raises(ToolFailed) as failed:
        await clinic.query(SLOW, seconds=0.3)
    assert failed.value.code == "deadline"
    await clinic.server.idle()
    statement = await clinic.statement(SLOW)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clinic.engine.query, statement, LIMITS)
        await clinic.server.busy(1)
        with anyio.fail_after(2):  # one slow query blocks nobody
            assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]
        tasks.cancel_scope.cancel()
    await clinic.server.idle()


async def test_connections_that_died_are_replaced_or_named(clinic: Clinic) -> None:
    await clinic.query("SELECT 1 AS n")
    for (thread,) in clinic.server.run(
        f"SELECT id FROM information_schema.processlist WHERE user='{clinic.server.user}'"
    ):
        clinic.server.run(f"KILL CONNECTION {thread}")
    assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]
    statement = await clinic.statement(SLOW)

    async def end() -> None:
        (thread,) = await clinic.server.busy(1)
        clinic.server.run(f"KILL CONNECTION {thread}")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(end)
        with pytest.raises(ToolFailed) as failed:
            await clinic.engine.query(statement, LIMITS)
        assert failed.value.code == "database-unreachable"
    assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]


async def test_the_catalog(clinic: Clinic) -> None:
    catalog = await clinic.engine.catalog()
    patients, contacts = catalog.relations["patients"], catalog.relations["contacts"]
    assert patients.comment == "people we treat"
    assert [c.name for c in patients.columns if c.primary_key] == ["id"]
    tail = patients.column("tail")
    assert tail is not None
    assert "substr" in (tail.generated or "")
    assert ("city", "name") in patients.indexes
    assert contacts.kind is RelationKind.VIEW
    assert "email" in (contacts.definition or "")
    assert catalog.foreign_keys[0].referred_table == "patients"
    assert not catalog.is_open("api_keys")
    assert catalog.user_functions == {"add_tax"}
    assert (await clinic.query("SELECT handle FROM contacts WHERE id = 1")).rows == [("p1@example.org",)]
    assert len(await clinic.engine.sample(patients, ["email", "city"], 5)) == 5


async def test_a_changed_table_is_noticed_in_the_transaction(clinic: Clinic) -> None:
    statement = await clinic.statement("SELECT city FROM patients")
    clinic.engine._fresh_until = float("inf")  # pyright: ignore[reportPrivateUsage] - nobody looked since
    clinic.server.run("ALTER TABLE patients RENAME COLUMN city TO was, RENAME COLUMN email TO city")
    try:
        with pytest.raises(ToolFailed) as failed:
            await clinic.engine.query(statement, LIMITS)
        assert failed.value.code == "schema-changed"
    finally:
        clinic.server.run("ALTER TABLE patients RENAME COLUMN city TO email, RENAME COLUMN was TO city")
    with anyio.fail_after(3):
        assert len((await clinic.query("SELECT city FROM patients")).rows) == 300


@pytest.fixture
async def writer(server: Server) -> AsyncGenerator[Clinic]:
    server.run(
        "CREATE TABLE notes (id int PRIMARY KEY AUTO_INCREMENT, kind varchar(9) NOT NULL, n int CHECK (n < 100));\n"
        "INSERT INTO notes SELECT seq, concat('k', seq % 3), seq FROM seq_1_to_30;\n"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {server.name}.notes TO '{server.user}'@'%'"
    )
    try:
        async with open_clinic(server, write=True) as opened:
            yield opened
    finally:
        server.run(f"REVOKE ALL ON {server.name}.notes FROM '{server.user}'@'%';\nDROP TABLE notes")


async def test_changes_are_capped_and_whole(writer: Clinic) -> None:
    assert (await writer.change("UPDATE notes SET n = n + 1 WHERE kind = 'k1'")).changed == 10
    assert (await writer.change("INSERT INTO notes (id, kind, n) VALUES (31, 'x', 1), (32, 'x', 2)")).changed == 2
    assert (await writer.change("DELETE FROM notes WHERE id > 30")).changed == 2
    with pytest.raises(ToolRefused) as refused:
        await writer.change("UPDATE notes SET kind = 'all' WHERE id > 0", most=29)
    assert refused.value.code == "too-many-rows"
    for sql, sentence in (
        ("INSERT INTO notes (id, kind, n) VALUES (1, 'x', 1)", "There is already a row with that key."),
        ("UPDATE notes SET n = 1000 WHERE id = 1", "A value breaks a check of the table."),
    ):
        with pytest.raises(ToolFailed) as failed:
            await writer.change(sql)
        assert failed.value.message == sentence
    assert writer.server.run("SELECT count(*), sum(n), sum(kind = 'all') FROM notes") == ((30, 475, 0),)


async def test_a_right_user_is_right_and_others_are_found(server: Server) -> None:
    async with open_clinic(server) as clinic:
        assert not [f for f in await clinic.engine.examine() if f.level is Level.BAD]
    settings = Settings("clinic", "mysql://h/shop")
    for grant, said in (
        ("GRANT ALL PRIVILEGES ON *.* TO `root`@`%` WITH GRANT OPTION", "ALL PRIVILEGES on *.*"),
        ("GRANT SELECT, FILE ON *.* TO `x`@`%`", "FILE on *.*"),
        ("GRANT SELECT, INSERT (a, b), UPDATE ON `shop`.`t` TO `x`@`%`", "INSERT, UPDATE on `shop`.`t`"),
        ("GRANT CREATE, DROP ON `shop`.* TO `x`@`%`", "CREATE, DROP on `shop`.*"),
    ):
        assert said in "; ".join(f.text for f in findings([grant], "shop", settings) if f.level is Level.BAD)
    script = right_user("shop", replace(settings, tables=("shop.patients", "Odd`Name"), deny=("api_keys",)))
    assert "GRANT SELECT, SHOW VIEW ON `shop`.`Odd``Name`" in script


async def test_what_cannot_be_reached_is_one_line(server: Server) -> None:
    for url, kind, said in (
        ("mysql://me:hush@127.0.0.1:1/x", Unreachable, "does not answer"),
        (server.agent_url.replace(":unused@", ":hush@"), DatabaseError, "refuses the login"),
        (f"{server.admin_url.rpartition('/')[0]}/gloveport_nowhere", DatabaseError, "no such database"),
    ):
        with pytest.raises(kind, match=said) as error:
            await build_engine(Settings("d", url)).start()
        assert "hush" not in str(error.value)
    with pytest.raises(DatabaseError, match="names no database"):
        build_engine(Settings("d", "mysql://root@h"))
    with pytest.raises(DatabaseError, match="'local_infile' is not known"):
        build_engine(Settings("d", "mysql://root@h/d?local_infile=1"))
