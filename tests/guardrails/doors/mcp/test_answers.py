"""The shape that is promised must survive every mask."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gloveport.guardrails.call import Release, Status
from gloveport.guardrails.doors.mcp.answers import listed, output_schema, tool_result
from gloveport.tools.tool import ToolSpec

LEAVES = st.sampled_from(
    [
        ({"type": "integer", "minimum": 0, "maximum": 9}, 3),
        ({"type": "string", "format": "email", "pattern": "@", "maxLength": 9}, "a@b.c"),
        ({"type": ["number", "null"], "enum": [1.5, None]}, 1.5),
        ({"type": "boolean", "const": True}, True),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "x"),
        ({}, None),
    ]
)


def _objects(below: st.SearchStrategy) -> st.SearchStrategy:
    def build(fields: dict) -> tuple[dict, dict]:
        schema = {
            "type": "object",
            "properties": {name: schema for name, (schema, _) in fields.items()},
            "required": list(fields),
            "additionalProperties": False,
        }
        return schema, {name: value for name, (_, value) in fields.items()}

    return st.dictionaries(st.sampled_from(["a", "b", "c"]), below, min_size=1).map(build)


def _arrays(below: st.SearchStrategy) -> st.SearchStrategy:
    return below.map(lambda pair: ({"type": "array", "items": pair[0], "minItems": 2}, [pair[1], pair[1]]))


SCHEMAS = _objects(st.recursive(LEAVES, lambda below: _objects(below) | _arrays(below), max_leaves=8))


def masked(value: object, dice: random.Random) -> object:
    """What a masker may do: a value becomes a text or nothing, a row or a field is dropped."""
    if dice.random() < 0.3:
        return dice.choice(["[masked:email]", None])
    if isinstance(value, dict):
        return {k: masked(v, dice) for k, v in value.items() if dice.random() < 0.8}
    if isinstance(value, list):
        return [masked(v, dice) for v in value if dice.random() < 0.8]
    return value


@given(SCHEMAS, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=200)
def test_a_masked_result_meets_the_published_schema(case: tuple[dict, dict], dice: random.Random):
    schema, value = case
    assert Draft202012Validator(schema).is_valid(value)
    published = Draft202012Validator(output_schema(schema))
    Draft202012Validator.check_schema(published.schema)
    for body in ({**value}, {k: masked(v, dice) for k, v in value.items()}):
        content = tool_result(Release(Status.RELEASED, "c", "s", body))["structuredContent"]
        assert published.is_valid(content)


def test_a_refusal_meets_it_too():
    schema = output_schema({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
    for status in Status:
        content = tool_result(Release(status, "c", "s", {"error": {"code": "x"}}))["structuredContent"]
        assert Draft202012Validator(schema).is_valid(content)
    assert not Draft202012Validator(schema).is_valid({"n": 1})


def test_a_tool_without_output_schema_promises_none():
    assert "outputSchema" not in listed(ToolSpec("t", "d", {"type": "object"}))
