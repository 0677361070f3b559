"""What does not change a query's meaning does not change its masks: other aliases, a wrapping, a WITH in front."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from gloveport.tests.tools.database.sql.random_queries import Generator, guard_settings
from gloveport.tools.database.sql.guard import analyse
from gloveport.tools.tool import ColumnRef, ToolRefused

QUERIES = st.integers(0, 100_000).map(lambda seed: Generator(seed).query())


def masks(text: str) -> list[frozenset[ColumnRef]]:
    try:
        analysis = analyse(text, guard_settings())
    except ToolRefused as refused:
        assume(refused.code == "")
        raise
    return [output.sources for output in analysis.outputs]


@settings(max_examples=60, deadline=None)
@given(QUERIES)
def test_wrapping_changes_nothing(text: str) -> None:
    before = masks(text)
    names = ", ".join(f"w{i}" for i in range(len(before)))
    assert masks(f"SELECT * FROM ({text}) AS wrapped_once") == before
    assert masks(f"SELECT {names} FROM ({text}) AS wrapped_once ({names})") == before


@settings(max_examples=60, deadline=None)
@given(QUERIES)
def test_a_with_in_front_changes_nothing(text: str) -> None:
    before = masks(text)
    assert masks(f"WITH in_front AS ({text}) SELECT * FROM in_front") == before
    assert masks(f"WITH unused AS (SELECT 1 AS one) SELECT * FROM ({text}) AS wrapped_once") == before


@settings(max_examples=60, deadline=None)
@given(QUERIES)
def test_output_names_change_nothing(text: str) -> None:
    # sqlglot's own writing, which renames here, drops what stands behind such a query
    assume("ARRAY[(SELECT" not in text.replace("((", "("))
    before = masks(text)
    tree = parse_one(text, read="postgres")
    select = tree
    while not isinstance(select, exp.Select):
        assume(isinstance(select, exp.Subquery | exp.SetOperation))
        select = select.this
    for i, item in enumerate(select.expressions):
        assert isinstance(item, exp.Alias)
        item.set("alias", exp.to_identifier(f"renamed_{i}", quoted=True))
    assert masks(tree.sql("postgres")) == before


@settings(max_examples=40, deadline=None)
@given(QUERIES)
def test_a_union_with_itself_keeps_the_masks(text: str) -> None:
    before = masks(text)
    assert masks(f"SELECT * FROM ({text}) AS one UNION ALL SELECT * FROM ({text}) AS two") == before


@settings(max_examples=40, deadline=None)
@given(QUERIES)
def test_the_same_text_twice_gives_the_same_answer(text: str) -> None:
    assert masks(text) == masks(text + " ")
