from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.policies.clauses import parts


@pytest.mark.parametrize(
    ("body", "conditions"),
    [
        ("(principal, action, resource);", []),
        ("(principal, action, resource) when { a && b };", ["when { a }", "when { b }"]),
        ("(principal, action, resource) when { a && b || c };", ["when { a && b || c }"]),
        ("(principal, action, resource) when { (a && b) && c };", ["when { (a && b) }", "when { c }"]),
        ("(principal, action, resource) unless { a || b && c };", ["unless { a }", "unless { b && c }"]),
        ("(principal, action, resource) unless { a && b };", ["unless { a && b }"]),
        ("(principal, action, resource) when { if a then b else c && d };", ["when { if a then b else c && d }"]),
        (
            '(principal, action, resource) when { a == "x  && y" &&\n // no\n b };',
            ['when { a == "x  && y" }', "when { b }"],
        ),
        ("(principal, action, resource) when { a } unless { b };", ["when { a }", "unless { b }"]),
        ("(principal, action, resource) when { [a, b].contains(c) };", ["when { [a, b].contains(c) }"]),
    ],
)
def test_conditions(body: str, conditions: list[str]) -> None:
    found = parts(body)
    assert [condition.clause for condition in found.conditions] == conditions
    for condition in found.conditions:
        assert body[condition.offset :].startswith(condition.text[:1])


def test_the_scope_has_three_constraints() -> None:
    found = parts(
        '(principal in Team::"a,b", action in [Action::"x", Action::"y"], resource is Table in Database::"c");'
    )
    assert found.constraints == (
        'principal in Team::"a,b"',
        'action in [Action::"x", Action::"y"]',
        'resource is Table in Database::"c"',
    )


ATOMS = ("a", "b", "c", "d")
EXPRESSIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(" ".join) | inner.map(lambda e: f"({e})"),
    max_leaves=6,
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(["when", "unless"]), EXPRESSIONS), max_size=3))
def test_the_parts_together_say_what_the_rule_says(clauses: list[tuple[str, str]]) -> None:
    body = "(principal, action, resource)" + "".join(f" {word} {{ {text} }}" for word, text in clauses) + ";"
    for values in itertools.product([False, True], repeat=len(ATOMS)):
        facts = dict(zip(ATOMS, values, strict=True))
        rule = all(truth(text, facts) is (word == "when") for word, text in clauses)
        split = all(truth(c.text, facts) is (c.keyword == "when") for c in parts(body).conditions)
        assert rule is split


def truth(expression: str, facts: dict[str, bool]) -> bool:
    """In Python `and` binds tighter than `or` too, as && than || in Cedar."""
    return bool(eval(expression.replace("&&", "and").replace("||", "or"), {}, facts))
