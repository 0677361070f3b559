"""Scan order: what shows in which order rows came never follows a masked column that an index holds."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS, RELATIONS, RULES, Clinic, column, rule, table, view
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.tool import Mask


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text",
    [
        "SELECT id FROM indexed",
        "SELECT id FROM indexed LIMIT 5",
        "SELECT kind FROM indexed WHERE kind = 'x' LIMIT 5",
        "SELECT id FROM indexed ORDER BY kind LIMIT 3",
        "SELECT kind, email FROM indexed",
        "SELECT x.id FROM indexed x JOIN visits v ON v.id = x.id LIMIT 2",
        "SELECT id FROM (SELECT id, kind FROM indexed) t LIMIT 2",
        "SELECT (SELECT id FROM indexed LIMIT 1)",
        "SELECT row_number() OVER (ORDER BY kind), id FROM indexed",
        "SELECT lag(id) OVER (ORDER BY kind) FROM indexed",
    ],
)
def test_a_unique_open_column_settles_the_order(dialect: str, text: str) -> None:
    analysis = Clinic(dialect).analyse(text)
    quote = "`" if dialect == "mysql" else '"'
    assert f"{quote}id{quote}" in analysis.sql.rpartition("ORDER BY")[2], analysis.sql


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("sqlite", "SELECT kind, email FROM (SELECT kind, email FROM indexed) t LIMIT 5"),
        ("sqlite", "SELECT group_concat(id) FROM indexed"),
        ("sqlite", "SELECT json_group_array(id) FROM indexed"),
        ("sqlite", "SELECT group_concat(DISTINCT kind) FROM indexed"),  # in the order they are met
        ("sqlite", "SELECT (SELECT e FROM (SELECT kind AS k, email AS e FROM indexed) t)"),  # the first row counts
        (
            "sqlite",
            "WITH RECURSIVE r(i) AS (SELECT id FROM indexed UNION ALL SELECT i + 1 FROM r WHERE i < 0 LIMIT 3) "
            "SELECT i FROM r",
        ),
        ("postgresql", "SELECT array((SELECT e FROM (SELECT kind AS k, email AS e FROM indexed) t))"),
        ("postgresql", "SELECT array(SELECT email FROM indexed UNION ALL SELECT email FROM indexed)"),
        ("postgresql", "SELECT row_number() OVER w FROM (SELECT kind, email FROM indexed) t WINDOW w AS ()"),
        ("postgresql", "SELECT last_value(id) OVER (ORDER BY kind) FROM indexed"),
        ("postgresql", "SELECT lag(id) OVER w FROM indexed WINDOW v AS (PARTITION BY kind), w AS (v)"),
        ("sqlite", "SELECT e FROM (SELECT kind AS k, email AS e FROM indexed) t LIMIT 1 OFFSET 3"),
        ("postgresql", "SELECT email FROM indexed UNION ALL SELECT email FROM indexed LIMIT 3"),
        ("sqlite", "SELECT email FROM indexed UNION ALL SELECT email FROM indexed LIMIT 3"),
        ("sqlite", "SELECT count(*), kind FROM indexed"),
        ("mysql", "SELECT kind, city FROM indexed, clinics GROUP BY city"),
        ("postgresql", "SELECT row_number() OVER () FROM (SELECT kind, email FROM indexed) t"),
        ("postgresql", "SELECT DISTINCT ON (kind) kind, e FROM (SELECT kind, email AS e FROM indexed) t"),
    ],
)
def test_without_one_it_is_refused(dialect: str, text: str) -> None:
    assert Clinic(dialect).refusal(text).code in ("sql_construct", "masked_column")


def test_row_numbers_without_an_order_get_one() -> None:
    assert "OVER (ORDER BY" in Clinic("postgresql").analyse("SELECT row_number() OVER (), id FROM indexed").sql


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("SELECT row_number() OVER w FROM indexed WINDOW w AS ()", '(ORDER BY "indexed"."id")'),
        (
            "SELECT row_number() OVER w, rank() OVER w FROM indexed WINDOW w AS (PARTITION BY kind ORDER BY kind)",
            '(PARTITION BY kind ORDER BY kind, "indexed"."id")',
        ),
        ("SELECT first_value(id) OVER (ORDER BY kind) FROM indexed", '(ORDER BY kind, "indexed"."id")'),
        (
            "SELECT last_value(id) OVER () FROM indexed",
            '(ORDER BY "indexed"."id" ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)',
        ),
        (
            "SELECT string_agg(kind, ',') OVER (PARTITION BY kind) FROM indexed",
            '(PARTITION BY kind ORDER BY "indexed"."id" ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)',
        ),
    ],
)
def test_windows_are_ordered_without_changing_their_frame(text: str, window: str) -> None:
    assert window in Clinic("postgresql").analyse(text).sql


def test_rank_keeps_its_ties() -> None:
    sql = (
        Clinic("postgresql")
        .analyse("SELECT rank() OVER w, lag(id) OVER w FROM indexed WINDOW w AS (ORDER BY kind)")
        .sql
    )
    assert sql.startswith("SELECT rank() OVER w, lag(id) OVER (ORDER BY kind, ")


def test_a_scalar_subquery_on_sqlite_is_ordered_a_list_is_not() -> None:
    clinic = Clinic()
    assert 'ORDER BY "indexed"."id")' in clinic.analyse("SELECT (SELECT id FROM indexed)").sql
    assert "ORDER BY" not in clinic.analyse("SELECT id FROM clinics WHERE id IN (SELECT id FROM indexed)").sql
    one = clinic.analyse("SELECT (SELECT kind FROM indexed WHERE indexed.id = v.id) FROM visits v")
    assert one.outputs


def test_concatenation_gets_an_order_where_the_engine_knows_one() -> None:
    sql = Clinic("postgresql").analyse("SELECT string_agg(kind, ',') FROM indexed").sql
    assert sql.startswith("SELECT string_agg(kind, ',' ORDER BY ")


def test_an_array_of_a_subquery_is_ordered() -> None:
    assert "ORDER BY" in Clinic("postgresql").analyse("SELECT array(SELECT id FROM indexed)").sql


def test_tables_without_such_an_index_are_left_alone() -> None:
    analysis = Clinic().analyse("SELECT city FROM clinics LIMIT 3")
    assert "ORDER BY" not in analysis.sql
    assert not analysis.sort_rows


def test_rows_that_cannot_be_ordered_are_sorted_after_masking() -> None:
    assert Clinic().analyse("SELECT kind, email FROM (SELECT kind, 1 AS n, email FROM indexed) t").sort_rows
    assert not Clinic().analyse("SELECT id FROM indexed ORDER BY id").sort_rows
    assert not Clinic().analyse("SELECT count(*) FROM indexed").sort_rows


def test_relaxed_does_not_care() -> None:
    analysis = Clinic(inference=Inference.RELAXED).analyse("SELECT id FROM indexed LIMIT 5")
    assert "ORDER BY" not in analysis.sql


def test_views_and_their_indexes_count() -> None:
    clinic = Clinic(relations=(*RELATIONS, view("kinds", "SELECT kind, email FROM indexed", "kind", "e")))
    assert clinic.refusal("SELECT kind, e FROM kinds LIMIT 2").place == "limit"
    assert clinic.analyse("SELECT kind FROM kinds LIMIT 2").sql.endswith('ORDER BY "kinds"."kind" LIMIT 2')


def test_rows_that_look_the_same_need_not_be_told_apart() -> None:
    """Without tokens in the answer, rows that are alike in all open columns are alike to the agent."""
    odd = table("odd", column("secret_key", primary_key=True), column("kind"), column("note"))
    relations, rules = (*RELATIONS, odd), {**RULES, "odd.secret_key": rule("ssn"), "odd.note": rule("x", Mask.REDACT)}
    clinic = Clinic(relations=relations, rules=rules)
    assert clinic.analyse("SELECT kind, note FROM odd LIMIT 3").sql.endswith('ORDER BY "odd"."kind" LIMIT 3')
    assert clinic.refusal("SELECT kind, secret_key FROM odd LIMIT 3").place == "limit"
    assert clinic.refusal("SELECT n FROM (SELECT kind, note AS n FROM odd LIMIT 3) t").place == "limit"
    assert clinic.refusal("SELECT row_number() OVER (), secret_key FROM odd").place == "window"


def test_where_all_columns_are_open_rows_of_one_look_are_one() -> None:
    sql = Clinic().analyse("SELECT kind FROM (SELECT kind FROM indexed) t LIMIT 5").sql
    assert sql.endswith('ORDER BY "t"."kind" LIMIT 5')


def test_a_union_of_tagged_parts_has_a_key() -> None:
    body = "SELECT 'a' AS tag, id, email AS e FROM indexed UNION ALL SELECT 'b', id, email FROM indexed"
    clinic = Clinic(relations=(*RELATIONS, view("both", body, "tag", "id", "e")))
    assert "ORDER BY" in clinic.analyse("SELECT tag, id, e FROM both LIMIT 3").sql
    cast = body.replace("'a' AS", "'a'::text AS").replace("'b',", "'b'::text,")  # as PostgreSQL writes it
    postgresql = Clinic("postgresql", relations=(*RELATIONS, view("both", cast, "tag", "id", "e")))
    assert "ORDER BY" in postgresql.analyse("SELECT tag, id, e FROM both LIMIT 3").sql
    same = body.replace("'b'", "'a'")
    clinic = Clinic(relations=(*RELATIONS, view("both", same, "tag", "id", "e")))
    assert clinic.refusal("SELECT tag, id, e FROM both LIMIT 3").place == "limit"
