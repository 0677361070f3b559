"""What may appear in a statement at all: node by node, clause by clause, function by function."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS, Clinic
from gloveport.tools.database.sql.nodes import ARGUMENTS
from gloveport.tools.database.sql.profiles import profile_for


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO visits (id) VALUES (1)",
        "UPDATE visits SET cost = 1",
        "DELETE FROM visits",
        "DROP TABLE visits",
        "CREATE TABLE t (a INT)",
        "ALTER TABLE visits ADD COLUMN a INT",
        "TRUNCATE TABLE visits",
        "GRANT SELECT ON visits TO PUBLIC",
        "SET x = 1",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "USE other",
        "SHOW TABLES",
        "SELECT 1; SELECT 2",
        "",
        ";",
        "-- nothing",
        "no sql",
        "(SELECT 1",
        "SELECT 'open",
    ],
)
def test_everything_but_one_query_is_refused(dialect: str, text: str) -> None:
    assert Clinic(dialect).refusal(text).code in ("sql_statement", "sql_syntax", "sql_construct")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text",
    ["SELECT 1", "SELECT 1;", "(SELECT 1)", "WITH a AS (SELECT 1 AS x) SELECT x FROM a", "select/* c */ 1 -- d"],
)
def test_queries_are_let_through(dialect: str, text: str) -> None:
    assert Clinic(dialect).analyse(text).outputs


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "name",
    [
        "load_extension",
        "readfile",
        "pg_sleep",
        "sleep",
        "version",
        "current_setting",
        "set_config",
        "nosuch",
        "dblink",
        "lo_import",
        "read_csv",
        "getenv",
        "sys_exec",
        "benchmark",
        "load_file",
        "pg_terminate_backend",
    ],
)
def test_functions_nobody_listed_are_refused(dialect: str, name: str) -> None:
    refused = Clinic(dialect).refusal(f"SELECT {name}('x')")
    assert refused.code in ("sql_function", "sql_construct", "sql_syntax")
    assert Clinic(dialect).refusal(f"SELECT * FROM {name}('x')").code in ("sql_function", "sql_construct", "sql_syntax")


def test_a_near_function_is_named() -> None:
    assert Clinic("postgresql").refusal("SELECT uper(city) FROM patients").hint == "Did you mean upper or power?"


def test_configured_functions_are_allowed_and_may_fail() -> None:
    clinic = Clinic("postgresql", functions=frozenset({"add_tax"}))
    assert clinic.analyse("SELECT add_tax(cost) FROM visits").functions == {"add_tax"}
    assert clinic.refusal("SELECT add_tax(income) FROM patients").code == "masked_column"


def test_quoted_function_names_are_exact_on_postgresql() -> None:
    assert Clinic("postgresql").analyse('SELECT "lower"(city) FROM patients')
    assert Clinic("postgresql").refusal('SELECT "LOWER"(city) FROM patients').code == "sql_function"


def test_an_operator_that_cannot_be_written_back_says_so() -> None:
    refused = Clinic("mysql").refusal("SELECT id FROM clinics WHERE name REGEXP '^a'")
    assert refused.hint.startswith("Use LIKE")
    assert Clinic("mysql").analyse("SELECT id FROM clinics WHERE regexp_instr(name, '^a') > 0")


def test_casts_to_odd_types_are_refused() -> None:
    for kind in ("regclass", "oid", "xml", "pg_lsn", "hstore"):
        assert Clinic("postgresql").refusal(f"SELECT 'x'::{kind}").code in ("sql_construct", "sql_syntax")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_allowed_node_with_clauses_has_a_list_of_them(dialect: str) -> None:
    structural = {"Select", "Union", "Subquery", "Table", "Join", "With", "CTE", "Insert", "Update", "Delete"}
    assert structural <= ARGUMENTS.keys() & profile_for(dialect).nodes


def test_calls_are_written_back_as_they_were_read() -> None:
    for text in ("SELECT Upper(city) FROM patients", "SELECT LENGTH(city) FROM patients", "SELECT substr(city, 1, 2)"):
        assert (
            text.split("(")[0] in Clinic("postgresql").analyse(text + ("" if "FROM" in text else " FROM patients")).sql
        )
