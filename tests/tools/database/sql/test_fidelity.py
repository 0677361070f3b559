"""The regenerated text is read again: what sqlglot loses on the way stops the statement."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from gloveport.tests.tools.database.sql.clinic import Clinic
from gloveport.tools.database.sql import fidelity
from gloveport.tools.database.sql.profiles import profile_for
from gloveport.tools.tool import Place, Slot, ToolRefused

POSTGRESQL = profile_for("postgresql")


def checked(written: str, runs: str) -> None:
    fidelity.check(sqlglot.parse_one(written, read="postgres"), runs, {}, POSTGRESQL)


def test_the_same_statement_passes() -> None:
    checked("SELECT a FROM t WHERE b = 'x' ORDER BY 1", "SELECT a FROM t WHERE b = 'x' ORDER BY 1")


@pytest.mark.parametrize(
    "runs",
    [
        "SELECT a FROM t WHERE b = 'y' LIMIT 3",
        "SELECT a FROM t WHERE b = 'x'",
        "SELECT c FROM t WHERE b = 'x' LIMIT 3",
        "SELECT a FROM u WHERE b = 'x' LIMIT 3",
        "SELECT a, (SELECT 1) FROM t WHERE b = 'x' LIMIT 3",
        "SELECT f(a) FROM t WHERE b = 'x' LIMIT 3",
        "SELECT a FROM t WHERE b = $1 LIMIT 3",
        "SELECT a FROM t; SELECT a FROM t",
        "SELECT (",
    ],
)
def test_any_difference_is_refused(runs: str) -> None:
    with pytest.raises(ToolRefused, match="sql_construct"):
        checked("SELECT a FROM t WHERE b = 'x' LIMIT 3", runs)


def test_placeholders_stand_for_slots() -> None:
    tree = sqlglot.parse_one("SELECT a FROM t WHERE b = 'tok'", read="postgres")
    literal = tree.find(exp.Literal)
    slots = {id(literal): Slot("tok", Place.EQUALITY, "d.t.b")}
    fidelity.check(tree, "SELECT a FROM t WHERE b = $1", slots, POSTGRESQL)


def test_sqlglot_drops_what_stands_behind_a_query_in_an_array() -> None:
    tree = sqlglot.parse_one("SELECT ARRAY[(SELECT 1), a] FROM t", read="postgres")
    with pytest.raises(ToolRefused):
        fidelity.check(tree, tree.sql("postgres"), {}, POSTGRESQL)
    assert (
        "ARRAY[((SELECT 1)), city]" in Clinic("postgresql").analyse("SELECT ARRAY[(SELECT 1), city] FROM clinics").sql
    )
