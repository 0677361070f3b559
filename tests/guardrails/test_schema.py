"""Arguments against input schemas: what passes, what is said, and that no value is in it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gloveport.guardrails.schema import ArgumentError, Validators, check_schema
from gloveport.tools.tool import ToolSpec

CANARY = "canary-4711"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "database": {"type": "string", "enum": ["clinic", "shop"]},
        "sql": {"type": "string", "maxLength": 40},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        "when": {"type": "string", "pattern": "^[0-9-]+$"},
        "rows": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}, "maxItems": 2},
    },
    "required": ["database", "sql"],
    "additionalProperties": False,
}
SPEC = ToolSpec("query", "", SCHEMA)
GOOD: dict[str, Any] = {"database": "clinic", "sql": "select 1"}


def refused(arguments: dict[str, Any], spec: ToolSpec = SPEC) -> ArgumentError:
    with pytest.raises(ArgumentError) as caught:
        Validators().checked(spec, arguments)
    error = caught.value
    assert error.code == "invalid-arguments"
    assert CANARY not in f"{error} {error.message} {error.hint} {error.place}"
    return error


def test_good_arguments_pass_as_they_are():
    assert Validators().checked(SPEC, {**GOOD, "limit": 5}) == {**GOOD, "limit": 5}


@pytest.mark.parametrize(
    ("change", "message", "place"),
    [
        ({"database": CANARY}, "arguments.database must be one of: clinic, shop.", "arguments.database"),
        ({"limit": CANARY}, "arguments.limit must be of type integer.", "arguments.limit"),
        ({"limit": 0}, "arguments.limit must be at least 1.", "arguments.limit"),
        ({"limit": 101}, "arguments.limit must be at most 100.", "arguments.limit"),
        ({"limit": True}, "arguments.limit must be of type integer.", "arguments.limit"),
        ({"sql": CANARY * 9}, "arguments.sql must have at most 40 characters.", "arguments.sql"),
        ({"when": CANARY}, "arguments.when must match the pattern ^[0-9-]+$.", "arguments.when"),
        ({"limt": CANARY}, "arguments does not know limt; did you mean limit.", "arguments"),
        ({CANARY + "!": 1}, "arguments does not know (a key).", "arguments"),
        ({"rows": [{}, {"n": CANARY}]}, "arguments.rows[1].n must be of type integer.", "arguments.rows[1].n"),
        ({"rows": [{}] * 3}, "arguments.rows must have at most 2 items.", "arguments.rows"),
    ],
)
def test_a_complaint_names_place_and_rule_and_no_value(change: dict[str, Any], message: str, place: str):
    error = refused({**GOOD, **change})
    assert (error.message, error.place) == (message, place)


def test_what_is_missing_is_named_before_what_is_unknown():
    assert refused({"sqk": CANARY, "database": "shop"}).message == "arguments lacks sql."


def test_the_hint_is_the_signature():
    hint = "Use query(database: string, sql: string, limit?: integer, when?: string, rows?: array)."
    assert refused({}).hint == hint
    empty = ToolSpec("status", "", {"type": "object", "properties": {}, "additionalProperties": False})
    assert refused({"a": 1}, empty).hint == "status takes no arguments."


def test_an_integer_written_with_a_point_is_an_integer():
    checked = Validators().checked(SPEC, {**GOOD, "limit": 10.0, "rows": [{"n": 2.0}]})
    assert checked["limit"] == 10
    assert type(checked["limit"]) is int
    assert checked["rows"] == [{"n": 2}]


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**64, -(2**63) - 1, "\ud800", {"\udfff": 1}, b"x", {1: 2}])
def test_what_is_not_plain_json_is_refused(value: Any):
    refused({"a": value}, ToolSpec("any", "", {"type": "object"}))


def test_nesting_is_bounded_without_recursion():
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert "deeper than 64" in refused({"a": deep}, ToolSpec("any", "", {"type": "object"})).message
    while isinstance(deep, list):  # taken apart level by level: Python's own teardown recurses
        deep = deep.pop()


def test_a_changed_schema_is_compiled_anew():
    validators = Validators()
    validators.checked(SPEC, GOOD)
    with pytest.raises(ArgumentError):
        validators.checked(ToolSpec("query", "", {"type": "object", "required": ["other"]}), GOOD)


@pytest.mark.parametrize(
    "schema", [{"$ref": "http://127.0.0.1:1/schema"}, {"$ref": "#/properties/a"}, {"pattern": "("}, {"type": "no"}]
)
def test_a_schema_that_cannot_be_used_lets_nothing_through_and_fetches_nothing(schema: dict[str, Any]):
    spec = ToolSpec("any", "", {"type": "object", "properties": {"a": schema}})
    assert "cannot be checked" in refused({"a": CANARY}, spec).message


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "object"}, None),
        ({}, "must be of type object"),
        ({"type": "array"}, "must be of type object"),
        ({"type": "object", "properties": {"a": {"type": 7}}}, "malformed at inputSchema.properties.a.type"),
    ],
)
def test_a_schema_from_elsewhere_is_checked(schema: dict[str, Any], complaint: str | None):
    found = check_schema(schema)
    assert (found is None) if complaint is None else complaint in str(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["database", "sql", "limit", "rows", "zzz"]), JSON))
@settings(deadline=None, max_examples=200)
def test_anything_is_checked_or_refused(arguments: dict[str, Any]):
    try:
        checked = Validators().checked(SPEC, arguments)
    except ArgumentError as error:
        assert error.message
        assert "\n" not in error.message
    else:
        assert checked == arguments


NAMES = st.sampled_from(["text", "count", "sure", "zzz"])
PLAIN_SCHEMA = st.fixed_dictionaries(
    {
        "type": st.just("object"),
        "properties": st.dictionaries(
            NAMES,
            st.fixed_dictionaries(
                {"type": st.sampled_from(["string", "integer", "boolean", "number", "null"])},
                optional={"title": st.just("T"), "default": st.none(), "minimum": st.just(0)},
            ),
        ),
    },
    optional={
        "required": st.lists(NAMES, max_size=2),
        "additionalProperties": st.booleans(),
        "description": st.just("d"),
    },
)


@given(
    PLAIN_SCHEMA, st.dictionaries(NAMES, st.none() | st.booleans() | st.integers(-2, 2) | st.just(1.0) | st.just("a"))
)
@settings(deadline=None, max_examples=300)
def test_the_short_way_accepts_nothing_that_the_long_one_refuses(schema: dict[str, Any], arguments: dict[str, Any]):
    valid = Draft202012Validator(schema).is_valid(arguments)
    try:
        checked = Validators().checked(ToolSpec("plain", "", schema), arguments)
    except ArgumentError:
        assert not valid
    else:
        assert valid
        assert checked == arguments
        assert checked is not arguments
