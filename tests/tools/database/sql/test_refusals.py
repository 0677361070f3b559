"""Refusals tell an agent how to go on, and nothing it may not know."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS, Clinic


@pytest.mark.parametrize("dialect", DIALECTS)
def test_unknown_and_closed_tables_read_the_same(dialect: str) -> None:
    closed = Clinic(dialect).refusal("SELECT value FROM secrets")
    unknown = Clinic(
        dialect, relations=tuple(r for r in Clinic().relations if r.name not in ("secrets", "hidden_kinds"))
    )
    absent = unknown.refusal("SELECT value FROM secrets")
    assert (closed.code, closed.message, closed.hint, closed.place, closed.rule) == (
        (absent.code, absent.message, absent.hint, absent.place, absent.rule)
    )


@pytest.mark.parametrize(
    "text",
    [
        "WITH x AS (SELECT * FROM secrets) SELECT 1",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM secrets)",
        "SELECT id FROM visits WHERE id IN (SELECT id FROM secrets)",
        "SELECT count(*) FROM secrets",
        "SELECT * FROM main.secrets",
    ],
)
def test_closed_tables_are_unknown_wherever_they_stand(text: str) -> None:
    refused = Clinic().refusal(text)
    assert (refused.code, refused.rule) == ("unknown_relation", "tables")


def test_columns_of_closed_tables_are_never_suggested() -> None:
    refused = Clinic().refusal("SELECT valu FROM patients")
    assert refused.code == "unknown_column"
    assert "value" not in refused.hint


def test_near_names_are_suggested() -> None:
    assert Clinic().refusal("SELECT emial FROM patients").hint == "Did you mean email?"
    assert Clinic().refusal("SELECT id FROM patient").hint == "Did you mean patients?"
    assert Clinic().refusal("SELECT p.emial FROM patients p").message == "There is no column p.emial here."


@pytest.mark.parametrize("operator", ["<->", "<=>", "<#>", "<+>", "<~>", "<%>"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_distances_are_not_taken_for_something_else(dialect: str, operator: str) -> None:
    """The parser reads <=> as IS NOT DISTINCT FROM, which is another question; in MySQL it is that question."""
    text = f"SELECT id FROM visits ORDER BY day {operator} '[1, 0]'"
    if (dialect, operator) == ("mysql", "<=>"):
        assert "<=>" in Clinic(dialect).analyse(text).sql
        return
    refused = Clinic(dialect).refusal(text)
    assert (refused.code, refused.place) == ("sql_construct", operator)
    assert "database_search" in refused.hint


def test_functions_of_vectors_point_to_the_search() -> None:
    for name in ("cosine_distance", "l2_normalize", "subvector", "vector_dims", "binary_quantize"):
        refused = Clinic("postgresql").refusal(f"SELECT {name}(email) FROM patients")
        assert (refused.code, "database_search" in refused.hint) == ("sql_function", True), name


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("SELECT id, row_number() OVER (ORDER BY id) AS r FROM visits QUALIFY r < 3", "QUALIFY is", "in a subquery"),
        ("SELECT day, count(*) FROM visits GROUP BY ALL", "GROUP BY ALL is", "the columns"),
        ("SELECT * EXCLUDE (email) FROM patients", "A star without some columns is", "the columns"),
        ("SELECT * RENAME (id AS nr) FROM visits", "A star with other names is", "the columns"),
        ("SELECT id FROM visits USING SAMPLE 3 ROWS", "SAMPLE is", "LIMIT"),
        ("SELECT id FROM visits TABLESAMPLE 10%", "SAMPLE is", "LIMIT"),
    ],
)
def test_clauses_that_are_not_allowed_have_another_way(text: str, message: str, hint: str) -> None:
    refused = Clinic("duckdb").refusal(text)
    assert (refused.code, refused.message) == ("sql_construct", f"{message} not allowed.")
    assert hint in refused.hint


def test_syntax_errors_say_where() -> None:
    refused = Clinic().refusal("SELECT city\nFROM patients WHERE WHERE")
    assert refused.code == "sql_syntax"
    assert "line 2" in refused.message


def test_a_masked_column_is_named_as_the_agent_did() -> None:
    assert Clinic().refusal("SELECT x.id FROM patients x WHERE x.ssn > '5'").message.startswith("x.ssn ")
    assert Clinic().refusal("SELECT id FROM mails WHERE address > '5'").message.startswith("address ")
    hidden = Clinic().refusal("SELECT id FROM hidden_kinds WHERE v > '5'")
    assert "secrets" not in hidden.message + hidden.hint


def test_names_in_messages_are_short_and_printable() -> None:
    refused = Clinic().refusal(f'SELECT "{"x" * 300}" FROM patients')
    assert len(refused.message) < 120


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text",
    [
        "SELECT id FROM patients WHERE email LIKE 'S3CRET-literal'",
        "SELECT id FROM patients WHERE ssn = 'S3CRET-literal'",
        "INSERT INTO patients (email) VALUES ('S3CRET-literal')",
        "SELECT nope('S3CRET-literal')",
    ],
)
def test_literals_are_never_repeated(dialect: str, text: str) -> None:
    refused = Clinic(dialect).refusal(text)
    assert "S3CRET" not in f"{refused} {refused.message} {refused.hint} {refused.place}"
