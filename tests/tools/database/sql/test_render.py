"""The text that runs is made from the tree; a call nobody looked at cannot hide in it."""

from __future__ import annotations

import sqlite3

import pytest

from gloveport.tests.tools.database.sql.clinic import Clinic
from gloveport.tools.database.sql.profiles import profile_for
from gloveport.tools.database.sql.render import called_names, check_calls
from gloveport.tools.tool import ToolRefused


def test_comments_and_spelling_of_the_agent_do_not_reach_the_engine() -> None:
    sql = Clinic("postgresql").analyse("select /* hi */ city -- there\nfrom patients").sql
    assert sql == 'SELECT city FROM "public"."patients"'


def test_tables_are_written_with_their_schema() -> None:
    assert Clinic("sqlite").analyse("SELECT city FROM Patients").sql == 'SELECT city FROM "main"."patients"'


@pytest.mark.parametrize(
    ("dialect", "written"),
    [
        ("postgresql", "CAST('2024-03-01' AS TIMESTAMP)"),
        ("mysql", "CAST('2024-03-01' AS DATETIME(6))"),
        ("duckdb", "CAST('2024-03-01' AS TIMESTAMP)"),
    ],
)
def test_moments_are_written_as_each_engine_reads_them(dialect: str, written: str) -> None:
    sql = Clinic(dialect).analyse("SELECT id FROM visits WHERE day < TIMESTAMP '2024-03-01'").sql
    assert sql.endswith(f" < {written}")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("CAST(id AS TIMESTAMP_MS)", "TIMESTAMP_MS"),
        ("id::UTINYINT", "UTINYINT"),
        ("id::USMALLINT", "USMALLINT"),
        ("'10:00'::TIMETZ", "TIMETZ"),
        ("'101'::BIT", "BIT"),
    ],
)
def test_types_of_duckdb(text: str, written: str) -> None:
    assert f" AS {written})" in Clinic("duckdb").analyse(f"SELECT {text} AS x FROM visits").sql


@pytest.mark.parametrize(
    ("dialect", "text", "names"),
    [
        ("postgresql", "SELECT lower(a), \"F\"(b), 'x(y)', c (d)", {"lower", "F"}),
        ("mysql", "SELECT `f`(a), \"g(x)\", 'h\\'(x)'", {"f"}),
        ("sqlite", "SELECT 'it''s f(x)', g(1)", {"g"}),
    ],
)
def test_every_name_before_a_bracket_is_found(dialect: str, text: str, names: set[str]) -> None:
    assert called_names(text, profile_for(dialect)) == names


def test_a_call_that_was_not_let_through_is_refused() -> None:
    profile = profile_for("postgresql")
    with pytest.raises(ToolRefused, match="sql_function"):
        check_calls("SELECT pg_sleep(1)", profile, lambda name: name == "lower", frozenset())
    check_calls("SELECT lower(a) FROM t WHERE b IN (1)", profile, lambda name: name == "lower", frozenset())


LITERALS = ["it''s", "a\\b", "%_", "é", "\u00a0", "line\nbreak", "'' --", "/* no */", "?", "$1", "\\'"]


@pytest.mark.parametrize("literal", LITERALS)
def test_strings_come_through_unchanged(literal: str) -> None:
    text = f"SELECT '{literal}'" if "\\'" not in literal else "SELECT '\\'''"
    meant = sqlite3.connect(":memory:").execute(text).fetchall()
    assert sqlite3.connect(":memory:").execute(Clinic().analyse(text).sql).fetchall() == meant


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 7 / 2, 7 % 4, -3, 1.50, 1e3, 0x1F, NULL, TRUE",
        "SELECT 'a' || 'b', 'a' LIKE 'A', 'a' GLOB 'A', 1 IS NOT 2",
        "SELECT substr('abcdef', 2, 3), replace('abc', 'b', 'x'), trim('  x '), upper('é'), length('abc')",
        "SELECT CAST('12' AS INTEGER), CAST(3.7 AS INTEGER), CAST(5 AS TEXT)",
        "SELECT coalesce(NULL, 2), nullif(1, 1), iif(1 > 0, 'y', 'n'), ifnull(NULL, 'z')",
        "SELECT strftime('%Y-%m', '2024-05-06'), date('2024-01-31', '+1 month'), julianday('2000-01-01')",
        "SELECT CASE 3 WHEN 1 THEN 'a' WHEN 3 THEN 'c' END, CASE WHEN 1 = 2 THEN 1 END",
        "SELECT json_extract('{\"a\": [1, 2]}', '$.a[1]'), '{\"b\": 3}' ->> 'b', '{\"b\": 3}' -> '$.b'",
        "SELECT x FROM (VALUES (1), (2), (3)) AS t(x)" if sqlite3.sqlite_version_info >= (3, 50) else "SELECT 1",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n",
        "SELECT 1 UNION ALL SELECT 2 EXCEPT SELECT 2 ORDER BY 1 DESC LIMIT 3 OFFSET 0",
        "SELECT group_concat(i, '-') FROM (SELECT 1 AS i UNION ALL SELECT 2) t",
        "SELECT 1 & 3, 1 | 2, ~5, 1 << 3, 8 >> 1, NOT 0, 2 BETWEEN 1 AND 3, 2 NOT IN (1, 3)",
        "SELECT max(1, 2), min('a', 'b'), abs(-3), round(2.567, 2), typeof(1.0), printf('%05d', 42)",
        "SELECT 'a' COLLATE NOCASE = 'A', date('2024-01-01') < '2024-02-01'",
    ],
)
def test_regenerated_queries_give_the_same_rows(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    assert connection.execute(Clinic().analyse(text).sql).fetchall() == connection.execute(text).fetchall()
