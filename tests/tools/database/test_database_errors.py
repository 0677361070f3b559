"""What an agent sees of a database's errors: fixed sentences, and never a value."""

from __future__ import annotations

import pytest

from gloveport.tools.database.engines.engine import DatabaseError
from gloveport.tools.database.engines.sqlite.errors import cannot_open, failed, refused
from gloveport.tools.database.errors import by_sqlstate, unprepared
from gloveport.tools.tool import ToolFailed, ToolRefused


@pytest.mark.parametrize(
    ("state", "code", "retryable"),
    [
        ("22P02", "sql-value", False),
        ("22012", "sql-value", False),
        ("23505", "constraint", False),
        ("40001", "conflict", True),
        ("57014", "deadline", False),
        ("57P01", "database-unreachable", True),
        ("08006", "database-unreachable", True),
        ("P0001", "sql-failed", False),
        ("", "sql-failed", False),
        (None, "sql-failed", False),
    ],
)
def test_a_sqlstate_becomes_a_sentence(state, code, retryable):
    error = by_sqlstate(state)
    assert (error.code, error.retryable) == (code, retryable)
    assert error.message.endswith(".")
    assert error.hint


def test_the_database_s_own_words_when_all_names_are_the_agent_s():
    sql = "SELECT nmae FROM patients"
    error = unprepared('column "nmae" does not exist', sql, ["name", "patients"])
    assert error.message == 'Column "nmae" does not exist.'
    assert error.hint == "Did you mean name?"
    assert error.place == "nmae"


@pytest.mark.parametrize(
    "said",
    [
        'relation "hidden_table" does not exist',
        "no such column: secret",
        "invalid input syntax for type integer: 'ann@mail.test'",
        'function leaky(text) does not exist: "x"',
        "x" * 400,
    ],
)
def test_a_name_or_value_that_the_agent_did_not_write_is_not_shown(said):
    error = unprepared(said, "SELECT a FROM v", ["a", "v"])
    assert error.message == "The database does not accept this statement."
    assert "hidden" not in error.message + error.hint + error.place


def test_messages_hold_no_line_ends_or_control_characters():
    assert unprepared("no such\n column:\x07 a", "SELECT a", []).message == "No such column:? a."


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SQLITE_INTERRUPT", "deadline"),
        ("SQLITE_TOOBIG", "value-too-long"),
        ("SQLITE_BUSY_SNAPSHOT", "locked"),
        ("SQLITE_IOERR_SHORT_READ", "database-broken"),
        ("SQLITE_CONSTRAINT_TRIGGER", "constraint"),
        ("SQLITE_READONLY", "read-only"),
        ("SQLITE_READONLY_ROLLBACK", "database-broken"),
        ("SQLITE_NOMEM", "database-resources"),
        ("SQLITE_SOMETHING_NEW", "sql-failed"),
    ],
)
def test_every_kind_of_sqlite_error_has_a_sentence(name, code):
    assert failed(name, 2.0).code == code


def test_sqlite_s_prepare_errors():
    known = ["name", "patients"]
    shown = refused("SQLITE_ERROR", "no such column: nmae", "SELECT nmae FROM patients", known)
    assert isinstance(shown, ToolRefused)
    assert (shown.message, shown.hint) == ("No such column: nmae.", "Did you mean name?")
    hidden = refused("SQLITE_ERROR", "JSON path error near 'ann@mail.test'", "SELECT 'ann@mail.test'", known)
    assert hidden.message == "The database does not accept this statement."
    broken = refused("SQLITE_CORRUPT", "database disk image is malformed", "SELECT 1", known)
    assert isinstance(broken, ToolFailed)
    assert broken.code == "database-broken"


def test_what_the_operator_reads_names_the_key_and_the_file():
    error = cannot_open("clinic", "/data/clinic.db", "SQLITE_CANTOPEN_ISDIR")
    assert isinstance(error, DatabaseError)
    assert str(error).startswith("databases.clinic.url: /data/clinic.db: cannot be opened")
    assert "correct the url" in str(cannot_open("clinic", "x.db", "gone"))
    assert "check the file" in str(cannot_open("clinic", "x.db", "SQLITE_WHATEVER"))
