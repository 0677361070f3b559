"""EXPLAIN follows the rules of the statement it explains, runs nothing, and shows no estimate of masked columns."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import Clinic
from gloveport.tools.database.sql.analysis import Inference, StatementKind


@pytest.mark.parametrize(
    ("dialect", "text", "sql", "width"),
    [
        ("sqlite", "EXPLAIN QUERY PLAN SELECT city FROM clinics", "EXPLAIN QUERY PLAN SELECT", 4),
        ("postgresql", "EXPLAIN SELECT city FROM clinics", "EXPLAIN SELECT", 1),
        ("postgresql", "explain (costs off) SELECT city FROM clinics", "EXPLAIN SELECT", 1),
        ("postgresql", "EXPLAIN SELECT email FROM patients", "EXPLAIN (COSTS OFF) SELECT", 1),
        ("mysql", "EXPLAIN SELECT city FROM clinics", "EXPLAIN SELECT", 12),
        ("duckdb", "EXPLAIN SELECT city FROM clinics", "EXPLAIN SELECT", 2),
    ],
)
def test_it_is_written_back(dialect: str, text: str, sql: str, width: int) -> None:
    analysis = Clinic(dialect).analyse(text)
    assert analysis.kind is StatementKind.EXPLAIN
    assert analysis.sql.startswith(sql)
    assert len(analysis.outputs) == width


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("postgresql", "EXPLAIN ANALYZE SELECT city FROM clinics"),
        ("postgresql", "EXPLAIN (ANALYZE) SELECT city FROM clinics"),
        ("postgresql", "EXPLAIN (VERBOSE) SELECT city FROM clinics"),
        ("postgresql", "EXPLAIN (ANALYZE true, COSTS off) SELECT city FROM clinics"),
        ("postgresql", "EXPLAIN DELETE FROM clinics"),
        ("postgresql", "EXPLAIN EXECUTE q"),
        ("postgresql", "EXPLAIN SELECT id FROM patients WHERE ssn = '1'"),
        ("postgresql", "EXPLAIN SELECT id FROM patients WHERE email = 'tok_email'"),
        ("postgresql", "EXPLAIN SELECT kind FROM hidden_kinds"),
        ("mysql", "EXPLAIN ANALYZE SELECT city FROM clinics"),
        ("mysql", "EXPLAIN FORMAT=JSON SELECT city FROM clinics"),
        ("sqlite", "EXPLAIN SELECT city FROM clinics"),
        ("duckdb", "EXPLAIN ANALYZE SELECT city FROM clinics"),
        ("postgresql", "EXPLAIN EXPLAIN SELECT 1"),
        ("postgresql", "EXPLAIN"),
    ],
)
def test_other_forms_are_refused(dialect: str, text: str) -> None:
    assert Clinic(dialect, tokens={"tok_email": "email"}).refusal(text).code.startswith(("sql_", "masked_", "token_"))


def test_totals_are_not_explained() -> None:
    refused = Clinic("postgresql", Inference.BALANCED).refusal("EXPLAIN SELECT sum(income) FROM patients")
    assert refused.code == "sql_statement"


def test_writes_are_not_explained() -> None:
    assert Clinic("postgresql", writes=True).refusal("EXPLAIN UPDATE visits SET cost = 1").code == "sql_statement"
