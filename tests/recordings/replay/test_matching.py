from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.recordings.replay.matching import alike, by_size, described, described_call


def withheld(type_: str, size: int | None = None, *tokens: str) -> dict[str, Any]:
    mark: dict[str, Any] = {"type": type_}
    if size is not None:
        mark["size"] = size
    if tokens:
        mark["tokens"] = list(tokens)
    return {"$withheld": mark}


@pytest.mark.parametrize(
    ("recorded", "given_", "fits"),
    [
        ("clinic", "clinic", True),
        ("clinic", "other", False),
        (True, True, True),
        (True, 1, False),
        (1, 1, True),
        (None, None, True),
        (withheld("string", 3), "abc", True),
        (withheld("string", 3), "ab", False),
        (withheld("string", 1), 1, False),
        (withheld("string", 9, "tk1"), "a tk1 b c", True),
        (withheld("string", 9, "tk1"), "a tk2 b c", False),
        (withheld("object", 1), {"a": 1}, True),
        (withheld("array", 2), [1], False),
        (withheld("number"), 1.5, True),
        (withheld("number"), True, False),
        ({"a": 1, "b": [withheld("string", 1)]}, {"b": ["x"], "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], [1], False),
        ("mail to [masked:email] now", "mail to ann@x.org now", True),
        ("mail to [masked:email] now", "mail to  now", False),
        ("[masked:person] and [masked:person]", "Ann and Bob", True),
        ("[masked:person] and [masked:person]", "Ann or Bob", False),
        ("[masked:person]", "", False),
    ],
)
def test_what_may_be_the_same(recorded: Any, given_: Any, fits: bool) -> None:
    assert alike(recorded, given_) is fits


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab[]:masked", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), JSON, max_size=3))
def test_arguments_are_like_themselves_and_like_their_sizes(arguments: Any) -> None:
    assert alike(arguments, arguments)
    assert alike(by_size(arguments), arguments)


def test_a_call_in_one_line() -> None:
    arguments = {"database": "clinic", "sql": withheld("string", 43, "tk1"), "limit": 5, "n": withheld("number")}
    shown = "q(database=clinic, sql=<string of 43 with tk1>, limit=5, n=<number>)"
    assert described_call("q", arguments) == shown
    assert len(described_call("q", {"a": "x" * 500})) == 160
    assert described({"a": [1, None]}) == '{"a":[1,null]}'
