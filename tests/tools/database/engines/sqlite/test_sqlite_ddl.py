"""What is read out of the text of a schema."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.tools.database.engines.sqlite.ddl import (
    content_table,
    generated_expressions,
    module_arguments,
    unquoted,
    view_definition,
)


@pytest.mark.parametrize(
    ("sql", "body"),
    [
        ("CREATE VIEW v AS SELECT a AS b FROM t", "SELECT a AS b FROM t"),
        ("CREATE VIEW v(x, y) AS SELECT 1, 2", "SELECT 1, 2"),
        ('CREATE VIEW "as" AS\n  SELECT 1', "SELECT 1"),
        (
            "CREATE VIEW v /* as */ (x) -- as\n AS WITH c AS (SELECT 1) SELECT * FROM c",
            "WITH c AS (SELECT 1) SELECT * FROM c",
        ),
        ("create view [as as] as values (1)", "values (1)"),
        ("CREATE VIEW v", None),
    ],
)
def test_the_select_of_a_view(sql: str, body: bytes) -> None:
    assert view_definition(sql) == body


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ("a TEXT, b TEXT GENERATED ALWAYS AS (upper(a)) STORED", {"b": "upper(a)"}),
        ("a TEXT, b AS (a || ')' || (1))", {"b": "a || ')' || (1)"}),
        ("a TEXT CHECK (a <> ' as ('), b INT AS (length(a)) VIRTUAL NOT NULL", {"b": "length(a)"}),
        ('"a b" TEXT, "As" TEXT AS ("a b"), PRIMARY KEY ("a b")', {"as": '"a b"'}),
        ("a INT DEFAULT (CAST('1' AS INT)), b INT AS (CAST(a AS INT) + 1)", {"b": "CAST(a AS INT) + 1"}),
        ("a DECIMAL(10, 2), b DECIMAL(10, 2) AS (a * 2)", {"b": "a * 2"}),
    ],
)
def test_the_expressions_of_generated_columns(columns: str, found: dict[str, str]) -> None:
    sql = f"CREATE TABLE t ({columns})"
    connection = sqlite3.connect(":memory:")
    connection.execute(sql)  # SQLite understands it as well
    hidden = {row[1].lower() for row in connection.execute("PRAGMA table_xinfo(t)") if row[6] in (2, 3)}
    connection.close()
    assert generated_expressions(sql) == found
    assert set(found) == hidden


def test_a_virtual_table_and_whose_texts_it_holds() -> None:
    sql = "CREATE VIRTUAL TABLE n USING fts5(notes, content='patients', content_rowid='id')"
    assert module_arguments(sql) == ("fts5", ["notes", "content='patients'", "content_rowid='id'"])
    assert content_table(sql) == "patients"
    assert content_table('CREATE VIRTUAL TABLE n USING fts4(a, content = "Loyalty Cards")') == "Loyalty Cards"
    assert content_table("CREATE VIRTUAL TABLE n USING fts5(a, content='')") is None
    assert content_table("CREATE VIRTUAL TABLE n USING rtree(id, x0, x1)") is None
    assert module_arguments("CREATE VIRTUAL TABLE n") == ("", [])


@given(st.text(alphabet="ab\"'`[]", max_size=8))
def test_quoted_names_come_out_as_they_went_in(name: str) -> None:
    assert unquoted('"' + name.replace('"', '""') + '"') == name


@given(st.text(alphabet="aS \"'()[]`,-/*\n", max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    view_definition(text)
    generated_expressions(text)
    module_arguments(text)
