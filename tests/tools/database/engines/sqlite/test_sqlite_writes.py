"""INSERT, UPDATE and DELETE on a real file: as a whole or not at all, and never more than was said."""

from __future__ import annotations

import os
import signal
import sqlite3
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from gloveport.tests.tools.database.engines.engine_kit import LIMITS
from gloveport.tests.tools.database.engines.sqlite.conftest import Clinic, failure, open_clinic, refusal
from gloveport.tools.database.engines.engine import Write
from gloveport.tools.tool import ToolFailed, ToolRefused


async def test_an_insert_is_there_afterwards(clinic: Clinic) -> None:
    written = await clinic.change("INSERT INTO patients (id, name, age) VALUES (900, 'New', 30)")
    assert (written.changed, written.returned) == (1, None)
    assert clinic.raw("SELECT name, age FROM patients WHERE id = 900") == [("New", 30)]
    assert (await clinic.query("SELECT name FROM patients WHERE id = 900")).rows == [("New",)]


async def test_an_update_says_how_many_and_returns_rows(clinic: Clinic) -> None:
    written = await clinic.change("UPDATE patients SET city = 'Moved' WHERE id <= 3 RETURNING id, city")
    assert written.changed == 3
    assert written.returned is not None
    assert written.returned.names == ("id", "city")
    assert sorted(written.returned.rows) == [(1, "Moved"), (2, "Moved"), (3, "Moved")]


async def test_more_rows_than_allowed_and_nothing_is_changed(clinic: Clinic) -> None:
    error = await refusal(clinic.change("UPDATE patients SET city = 'Moved'", most=10))
    assert error.code == "too-many-rows"
    assert clinic.raw("SELECT count(*) FROM patients WHERE city = 'Moved'") == [(0,)]
    error = await refusal(clinic.change("DELETE FROM patients WHERE id > 20", most=10))
    assert error.code == "too-many-rows"
    assert clinic.raw("SELECT count(*) FROM patients") == [(200,)]


async def test_what_triggers_change_counts_too_and_is_undone(clinic: Clinic) -> None:
    """Six visits and six lines in the log: twelve rows, where ten are allowed."""
    error = await refusal(clinic.change("DELETE FROM visits WHERE id <= 6", most=10))
    assert error.code == "too-many-rows"
    assert clinic.raw("SELECT (SELECT count(*) FROM visits), (SELECT count(*) FROM log)") == [(50, 0)]
    written = await clinic.change("DELETE FROM visits WHERE id <= 5", most=10)
    assert written.changed == 5
    assert clinic.raw("SELECT count(*) FROM log") == [(5,)]


async def test_foreign_keys_hold_and_do_not_cascade_out_of_sight(clinic: Clinic) -> None:
    error = await failure(clinic.change("INSERT INTO visits (patient, kind) VALUES (777, 'x')"))
    assert error.code == "constraint"
    clinic.raw("CREATE TABLE notes (id INTEGER PRIMARY KEY, visit INTEGER REFERENCES visits(id) ON DELETE CASCADE)")
    clinic.raw("INSERT INTO notes (visit) SELECT id FROM visits")
    await anyio.sleep(0.06)
    error = await failure(clinic.change("DELETE FROM visits WHERE id <= 4", most=10))
    assert isinstance(error, ToolFailed | ToolRefused)
    assert clinic.raw("SELECT (SELECT count(*) FROM visits), (SELECT count(*) FROM notes)") == [(50, 50)]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("INSERT INTO patients (id, name) VALUES (1, 'x')", "already a row"),
        ("INSERT INTO patients (email) VALUES ('p3@mail.test')", "already a row"),
        ("INSERT INTO patients (age) VALUES (400)", "check"),
        ("INSERT INTO visits (kind) VALUES ('x')", "required"),
        ("UPDATE visits SET patient = 999 WHERE id = 1", "refers"),
    ],
)
async def test_broken_constraints_are_fixed_sentences(clinic: Clinic, sql: str, words: str) -> None:
    error = await failure(clinic.change(sql))
    assert error.code == "constraint"
    assert words in error.message
    assert "p3@mail.test" not in error.message + error.hint


async def test_another_table_than_the_target_is_not_written(clinic: Clinic) -> None:
    """Whatever the text says: the authorizer knows which table was decided on."""
    honest = await clinic.statement("DELETE FROM visits WHERE id = 1", writes=True)
    for sql in ("DELETE FROM patients", "UPDATE log SET what = 'x'", "INSERT INTO api_keys (secret) VALUES ('x')"):
        write = Write(replace(honest, sql=sql), None, 100, "visits")
        assert (await refusal(clinic.engine.write(write, LIMITS))).code in ("sql_prepare", "sql_disagreement")
    for sql in ("DROP TABLE visits", "CREATE TABLE x (a)", "PRAGMA user_version = 3", "VACUUM", "ATTACH 'x' AS y"):
        write = Write(replace(honest, sql=sql), None, 100, "visits")
        assert (await refusal(clinic.engine.write(write, LIMITS))).code == "sql_prepare"
    assert clinic.raw("SELECT count(*) FROM patients") == [(200,)]


async def test_no_expression_of_the_statement_passes_for_a_trigger(clinic: Clinic) -> None:
    """The authorizer names the innermost view, trigger or common table expression alike."""
    honest = await clinic.statement("DELETE FROM visits WHERE id = 1", writes=True)
    sql = "WITH visits_log AS (SELECT secret FROM api_keys) DELETE FROM visits WHERE id = (SELECT 1 FROM visits_log)"
    write = Write(replace(honest, sql=sql), None, 100, "visits")
    assert (await refusal(clinic.engine.write(write, LIMITS))).code == "sql_prepare"
    assert clinic.raw("SELECT count(*) FROM visits") == [(50,)]


async def test_a_database_that_is_only_read_has_no_writer(database: Path) -> None:
    async with open_clinic(database) as clinic:
        error = await failure(clinic.change("DELETE FROM visits WHERE id = 1"))
    assert error.code == "read-only"


async def test_one_write_after_the_other(clinic: Clinic) -> None:
    async with anyio.create_task_group() as tasks:
        for i in range(5):
            tasks.start_soon(clinic.change, f"UPDATE patients SET age = age + 1 WHERE id = {i + 1}")
    assert clinic.raw("SELECT sum(age) FROM patients WHERE id <= 5") == [(15,)]


async def test_a_locked_file_is_not_written_and_may_be_tried_again(clinic: Clinic) -> None:
    other = sqlite3.connect(clinic.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        error = await failure(clinic.change("DELETE FROM visits WHERE id = 1"))
        assert (error.code, error.retryable) == ("locked", True)
    finally:
        other.close()
    assert (await clinic.change("DELETE FROM visits WHERE id = 1")).changed == 1


SLOW = (
    "UPDATE patients SET city = 'Half' WHERE id <= (SELECT 100 + 0 * count(*) FROM patients a JOIN patients b "
    "ON a.id <> b.id JOIN patients c ON c.id <> b.id JOIN patients d ON d.id <> c.id)"
)


async def test_a_cancelled_write_is_undone_and_the_file_clean(clinic: Clinic) -> None:
    with anyio.move_on_after(0.4) as scope:
        await clinic.change(SLOW)
    assert scope.cancelled_caught
    assert clinic.raw("SELECT count(*) FROM patients WHERE city = 'Half'") == [(0,)]
    assert not clinic.path.with_name("clinic.db-journal").exists()
    assert (await clinic.change("UPDATE patients SET city = 'Whole' WHERE id = 1")).changed == 1


async def test_a_write_ends_at_its_deadline_and_is_undone(clinic: Clinic) -> None:
    assert (await failure(clinic.change(SLOW, seconds=0.4))).code == "deadline"
    assert clinic.raw("SELECT count(*) FROM patients WHERE city = 'Half'") == [(0,)]


async def test_a_writer_killed_in_the_middle_leaves_a_clean_file(clinic: Clinic) -> None:
    """It has changed pages on the disk when it dies: the next one rolls the journal back."""
    clinic.raw("CREATE TABLE wide (id INTEGER PRIMARY KEY, a TEXT)")
    clinic.raw("INSERT INTO wide SELECT a.id * 1000 + b.id, hex(zeroblob(900)) FROM patients a, patients b LIMIT 20000")
    await anyio.sleep(0.06)
    readers = set(clinic.engine.pids)
    outcome: list[ToolFailed | ToolRefused] = []

    async def write() -> None:
        outcome.append(await failure(clinic.change("UPDATE wide SET a = upper(a) || 'x'", most=100_000, seconds=30)))

    journal = clinic.path.with_name("clinic.db-journal")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        with anyio.fail_after(20):
            while not (journal.exists() and journal.stat().st_size > 100_000):  # noqa: ASYNC110 - another process's file
                await anyio.sleep(0.001)
        writers = set(clinic.engine.pids) - readers
        for pid in writers:
            os.kill(pid, signal.SIGKILL)
    assert outcome[0].code == "worker-died"
    rows = await clinic.query("SELECT count(*) AS n FROM wide WHERE a LIKE '%x'")
    assert rows.rows == [(0,)]
    assert clinic.raw("PRAGMA integrity_check") == [("ok",)]
