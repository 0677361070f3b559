"""Size and depth: a refusal within a moment, never a crash and never a long wait."""

from __future__ import annotations

import time

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS, Clinic

TOO_MUCH = {
    "300 brackets": "SELECT " + "(" * 300 + "1" + ")" * 300,
    "300 subqueries": "SELECT * FROM " + "(SELECT * FROM " * 300 + "patients" + ") t" * 300,
    "20,000 words": "SELECT " + ", ".join(["id"] * 10_000) + " FROM patients",
    "too long": "SELECT '" + "x" * 30_000 + "'",
    "deep case": "SELECT " + "CASE WHEN id = 1 THEN " * 600 + "1" + " END" * 600 + " FROM patients",
    "deep not": "SELECT id FROM patients WHERE " + "NOT " * 3000 + "id = 1",
    "deep functions": "SELECT " + "upper(" * 100 + "city" + ")" * 100 + " FROM patients",
    "deep unions": "SELECT 1 FROM (" * 70 + "SELECT 1" + ") t" * 70,
    "open bracket": "SELECT (" * 100,
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_refused_at_once(dialect: str, name: str) -> None:
    began = time.perf_counter()
    refused = Clinic(dialect).refusal(TOO_MUCH[name])
    assert refused.code in ("sql_limit", "sql_syntax", "sql_untraced", "sql_statement")
    assert time.perf_counter() - began < 2.0


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + " || ".join(["city"] * 300) + " FROM patients",
        "SELECT id FROM patients WHERE " + " OR ".join(f"id = {i}" for i in range(800)),
        "SELECT id FROM patients WHERE id IN (" + ", ".join(map(str, range(2500))) + ")",
        " UNION ALL ".join(["SELECT id FROM clinics"] * 100),
        "SELECT " + " + ".join(["id"] * 120) + " FROM patients",
    ],
)
def test_wide_is_not_deep(text: str) -> None:
    began = time.perf_counter()
    assert Clinic("postgresql").analyse(text).outputs
    assert time.perf_counter() - began < 3.0


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("postgresql", "SELECT repeat('x', 1000000000)"),
        ("postgresql", "SELECT repeat('x', id) FROM patients"),
        ("postgresql", "SELECT repeat(repeat('x', 9000), 9000)"),
        ("postgresql", "SELECT lpad('x', 100000000)"),
        ("postgresql", "SELECT g FROM generate_series(1, 100000000) g"),
        ("postgresql", "SELECT repeat('a', 5000) FROM generate_series(1, 100000)"),
        ("postgresql", "SELECT 1 FROM generate_series(1, 900000) a, generate_series(1, 900000) b"),
        ("sqlite", "SELECT zeroblob(1000000000)"),
        ("mysql", "SELECT space(1000000000)"),
        ("sqlite", "SELECT 1 FROM visits a, visits b, visits c"),
        ("duckdb", "SELECT count(*) FROM visits a CROSS JOIN visits b CROSS JOIN visits c"),
    ],
)
def test_work_that_explodes_is_refused_before_it_begins(dialect: str, text: str) -> None:
    assert Clinic(dialect).refusal(text).code == "sql_limit"


def test_two_tables_may_be_crossed() -> None:
    assert Clinic().analyse("SELECT a.id FROM visits a CROSS JOIN clinics b")
