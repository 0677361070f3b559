"""Balanced mode: totals and groups over at least k rows, counted in the statement itself."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import RELATIONS, Clinic, view
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.tool import OutputForm

PAID = view("paid", "SELECT v.id, p.income AS pay FROM patients p JOIN visits v ON v.patient_id = p.id", "id", "pay")
BALANCED = Clinic("postgresql", Inference.BALANCED, relations=(*RELATIONS, PAID))  # a view may repeat a person
RELAXED = Clinic("postgresql", Inference.RELAXED)


def test_a_hidden_count_is_appended_and_small_groups_are_dropped() -> None:
    analysis = BALANCED.analyse("SELECT city, avg(income) FROM patients GROUP BY city")
    assert analysis.sql == (
        'SELECT city, avg(income), count(*) AS "group_size" FROM "public"."patients" GROUP BY city HAVING count(*) >= 5'
    )
    assert analysis.drop_groups_below == 5
    assert len(analysis.outputs) == 2
    assert analysis.outputs[1].form is OutputForm.TOTAL


def test_an_own_having_is_kept_in_brackets() -> None:
    text = "SELECT city, sum(income) FROM patients GROUP BY city HAVING count(*) > 3 OR city = 'x'"
    assert "HAVING (count(*) > 3 OR city = 'x') AND count(*) >= 5" in BALANCED.analyse(text).sql


def test_labels_of_groups_stay_masked() -> None:
    analysis = BALANCED.analyse("SELECT email, count(*) FROM patients GROUP BY email")
    assert analysis.outputs[0].form is OutputForm.IDENTITY
    assert "count(*) >= 5" in analysis.sql


def test_joins_count_the_rows_of_the_table_the_column_is_from() -> None:
    text = "SELECT v.day, sum(p.income) FROM patients p JOIN visits v ON v.patient_id = p.id GROUP BY v.day"
    assert 'count(DISTINCT "p"."id") >= 5' in BALANCED.analyse(text).sql


@pytest.mark.parametrize(
    "text",
    [
        "SELECT DISTINCT sum(income) FROM patients",
        "SELECT sum(pay) FROM paid",
        "SELECT pay, count(*) FROM paid GROUP BY pay",
        "SELECT sum(p.income), sum(s.salary) FROM patients p JOIN staff s ON s.id = p.id",
        "SELECT sum(income) FILTER (WHERE city = 'x') FROM patients",
        "SELECT sum(DISTINCT income) FROM patients",
        "SELECT sum(income) OVER () FROM patients",
        "SELECT sum(income) FROM (SELECT income FROM patients WHERE id = 1) t",
        "SELECT (SELECT sum(income) FROM patients WHERE id = v.patient_id) FROM visits v",
        "SELECT email, count(*) FROM patients GROUP BY ROLLUP (email)",
        "SELECT sum(income) FROM patients UNION ALL SELECT 1",
        "WITH t AS (SELECT sum(income) AS s FROM patients) SELECT s FROM t",
    ],
)
def test_what_could_reach_fewer_rows_is_refused(text: str) -> None:
    assert BALANCED.refusal(text).code in ("masked_column", "sql_construct")


def test_totals_that_may_show_may_decide_too() -> None:
    text = "SELECT city, sum(income) FROM patients GROUP BY city HAVING sum(income) > 5 ORDER BY sum(income) LIMIT 3"
    analysis = BALANCED.analyse(text)
    assert "HAVING (sum(income) > 5) AND count(*) >= 5" in analysis.sql
    assert {use.place for use in analysis.indirect if use.column.column == "income"} == {"having", "order"}


def test_extremes_stay_masked() -> None:
    output = BALANCED.analyse("SELECT max(income) FROM patients").outputs[0]
    assert output.form is OutputForm.AGGREGATE
    assert output.sources


def test_relaxed_nulls_totals_of_few_rows_and_keeps_the_groups() -> None:
    analysis = RELAXED.analyse("SELECT city, avg(income) FROM patients GROUP BY city")
    assert analysis.sql == (
        'SELECT city, CASE WHEN count(*) >= 5 THEN avg(income) END FROM "public"."patients" GROUP BY city'
    )
    assert analysis.drop_groups_below is None


def test_a_cached_analysis_was_not_changed_by_its_rewriting() -> None:
    text = "SELECT city, sum(income) FROM patients GROUP BY city"
    assert BALANCED.analyse(text) == BALANCED.analyse(text)
    assert BALANCED.analyse(text).sql.count("group_size") == 1
