"""Values: what goes in comes out, and the canonical form is RFC 8785 wherever that has one."""

from __future__ import annotations

import json
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.recordings.events import BlobRef, Withheld
from gloveport.recordings.values import MAX_DEPTH, MAX_INT, canonical, dumps, exact_json, normalise, restore

SMALL_INTEGERS = st.integers(-MAX_INT, MAX_INT)
BMP = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=12)
KEYS = BMP.filter(lambda key: not key.startswith("$"))
RULED = st.recursive(
    st.none() | st.booleans() | SMALL_INTEGERS | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=12),  # lone surrogates too
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


def rfc8785(value: Any) -> str:
    """The reference: RFC 8785 section 3.2, without numbers that are not integers."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
        return '"' + "".join(short.get(c, c if c >= " " else f"\\u{ord(c):04x}") for c in value) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(rfc8785, value)) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(f"{rfc8785(key)}:{rfc8785(value[key])}" for key in keys) + "}"


def has_float(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(has_float, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


@given(RULED)
def test_within_the_rules_a_value_is_kept_and_its_canonical_form_is_rfc_8785(value: Any) -> None:
    assert normalise(value) == value
    assert canonical(value) == rfc8785(value).encode()
    assert canonical(value) == orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@given(ANY)
def test_every_json_value_comes_back_as_it_was(value: Any) -> None:
    ruled = normalise(value)
    line = dumps(ruled)
    assert json.dumps(restore(orjson.loads(line))) == json.dumps(value)
    assert not has_float(orjson.loads(line))


@given(ANY)
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    def turned(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: turned(item[key]) for key in reversed(list(item))}
        return [turned(each) for each in item] if isinstance(item, list) else item

    assert canonical(turned(value)) == canonical(value)


@given(ANY.filter(lambda value: "Infinity" not in json.dumps(value)))
def test_a_blob_holds_the_exact_value(value: Any) -> None:
    assert json.dumps(json.loads(exact_json(value))) == json.dumps(value)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (2**63, 2.0**63), (0, -0.0), (0, False), ("1", 1), (None, "null"), ([], {})]
)
def test_values_that_differ_have_different_canonical_forms(one: Any, other: Any) -> None:
    assert canonical(one) != canonical(other)


def test_what_breaks_the_rules_is_kept_as_text() -> None:
    assert normalise({"f": 0.1, "big": 2**53, "s": "\ud800"}) == {
        "f": {"$json": "0.1"},
        "big": {"$json": "9007199254740992"},
        "s": {"$json": '"\\ud800"'},
    }


def test_marks_of_ours_cannot_be_forged_by_a_value() -> None:
    forged = {"$blob": {"digest": "sha256:" + "0" * 64, "size": 1}}
    assert normalise({"a": forged}) == {"a": {"$json": json.dumps(forged, separators=(",", ":"))}}
    assert restore(normalise({"a": forged})) == {"a": forged}


def test_nesting_beyond_the_limit_is_text_and_beyond_reason_an_error() -> None:
    deep: Any = 1
    for _ in range(MAX_DEPTH + 5):
        deep = [deep]
    assert restore(normalise(deep)) == deep
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deep"):
        normalise(deep)


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


def test_what_json_has_no_word_for() -> None:
    value = normalise({"c": Colour.RED, "n": Size.BIG, "t": (1, 2), "m": MappingProxyType({"a": 1})})
    assert value == {"c": "red", "n": 3, "t": [1, 2], "m": {"a": 1}}
    assert normalise(Withheld("string", 3, ["tk"])) == {"$withheld": {"type": "string", "size": 3, "tokens": ["tk"]}}
    assert normalise(BlobRef("sha256:0", 1)) == {"$blob": {"digest": "sha256:0", "size": 1}}


@pytest.mark.parametrize("value", [b"canary", object(), {1: 2}, {"a": {3}}])
def test_what_json_does_not_know_is_refused_without_its_value(value: object) -> None:
    with pytest.raises(TypeError, match="a transcript cannot hold") as error:
        normalise(value)
    assert "canary" not in str(error.value)
