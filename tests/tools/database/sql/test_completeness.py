"""Nothing a statement names is left out of the account."""

from __future__ import annotations

import pytest
from sqlglot import exp

from gloveport.tests.tools.database.sql.clinic import Clinic
from gloveport.tools.database.sql.expressions import Expressions
from gloveport.tools.database.sql.sources import Sources
from gloveport.tools.database.sql.state import Env
from gloveport.tools.database.sql.taint import CONSTANT, Value


def test_a_column_the_walk_forgot_stops_the_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = Clinic(version="forgotten column")
    monkeypatch.setattr(Expressions, "_like", lambda self, node, env: CONSTANT)
    assert clinic.refusal("SELECT id FROM patients WHERE city LIKE 'a%'").code == "sql_untraced"


def test_a_table_the_walk_forgot_stops_the_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = Clinic(version="forgotten table")

    def blind(self: Expressions, node: exp.Expr, env: Env) -> Value:
        return CONSTANT

    monkeypatch.setattr(Expressions, "_exists", blind)
    assert clinic.refusal("SELECT id FROM clinics WHERE EXISTS (SELECT 1 FROM visits)").code == "sql_untraced"
    assert Sources  # the part that would have visited it


def test_names_of_masked_columns_are_counted_word_by_word() -> None:
    assert Clinic("duckdb").refusal("SELECT city, 'p'.ssn FROM patients p").code.startswith("sql_")
    assert Clinic().analyse("SELECT 'ssn', id AS email FROM patients")


def test_a_word_of_a_closed_table_may_be_a_string() -> None:
    assert Clinic().analyse("SELECT id FROM clinics WHERE name = 'secrets'")
