"""What is refused before the SDK sees it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp_types import INVALID_REQUEST, PARSE_ERROR, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from gloveport.guardrails.doors.mcp import wire

CANARY = "canary-4711"
WHOLE_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WHOLE_TEXT,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(WHOLE_TEXT, below, max_size=4),
    max_leaves=20,
)


def refused(raw: bytes) -> wire.WireError:
    with pytest.raises(wire.WireError) as caught:
        wire.parse(raw)
    assert CANARY.encode() not in caught.value.answer()
    return caught.value


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"canary-4711", "not JSON"),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"', "not JSON"),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"} {}', "not JSON"),
        (b'{"jsonrpc":"2.0","method":"\xff"}', "UTF-8"),
        (b'{"jsonrpc":"2.0","method":"\xed\xa0\x80"}', "UTF-8"),  # an encoded surrogate
        (b'{"jsonrpc":"2.0","method":"\\ud800"}', "not JSON"),  # an escaped one
        (b'{"jsonrpc":"2.0","method":"m","params":{"x":NaN}}', "not JSON"),
        (b'{"jsonrpc":"2.0","method":"m","params":{"x":-Infinity}}', "not JSON"),
        (b'{"jsonrpc":"2.0","method":"m","params":{"x":' + b"9" * 5000 + b"}}", "not JSON"),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', "same key twice"),
        (b'{"jsonrpc":"2.0","method":"m","params":{"sql":"canary-4711","sql":"x"}}', "same key twice"),
        (b'{"jsonrpc":"2.0","method":"m","params":{"sql":"a","s\\u0071l":"b"}}', "same key twice"),
        (b'{"jsonrpc":"2.0","method":"m","params":{"x":' + b"[" * 101 + b"]" * 101 + b"}}", "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested too deeply"),
        (b"\xef\xbb\xbf{}", "not JSON"),  # a byte order mark (RFC 8259, section 8.1)
    ],
)
def test_a_message_that_is_not_strict_json_is_a_parse_error(raw: bytes, word: str):
    error = refused(raw)
    assert error.code == PARSE_ERROR
    assert word in error.message
    assert json.loads(error.answer())["id"] is None


@pytest.mark.parametrize(
    "message",
    [
        b"[]",
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
        b"null",
        b"1",
        b'"canary-4711"',
        b"{}",
        b'{"jsonrpc":"1.0","id":1,"method":"canary-4711"}',
        b'{"jsonrpc":"2.0","id":1,"method":7}',
        b'{"jsonrpc":"2.0","id":1,"method":"m","params":["canary-4711"]}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"result":"canary-4711"}',
    ],
)
def test_json_that_is_no_message_is_an_invalid_request(message: bytes):
    assert refused(message).code == INVALID_REQUEST


@pytest.mark.parametrize("id", [True, None, 1.5, 2**63, -(2**63) - 1, "x" * 257, CANARY * 100, [1], {"a": 1}])
def test_an_id_that_cannot_be_echoed_is_refused(id: object):
    error = refused(json.dumps({"jsonrpc": "2.0", "id": id, "method": "ping"}).encode())
    assert error.code == INVALID_REQUEST
    assert error.id is None


@pytest.mark.parametrize("id", [0, -1, 2**63 - 1, "", "7", "x" * 256])
def test_other_ids_are_kept_as_they_are(id: int | str):
    parsed = wire.parse(json.dumps({"jsonrpc": "2.0", "id": id, "method": "ping"}).encode())
    assert isinstance(parsed, JSONRPCRequest)
    assert parsed.id == id
    assert type(parsed.id) is type(id)


def test_the_id_of_a_bad_request_is_answered():
    error = refused(b'{"jsonrpc":"2.0","id":"a","method":"m","params":[1]}')
    assert json.loads(error.answer())["id"] == "a"


def test_a_request_with_id_null_is_no_notification():
    assert refused(b'{"jsonrpc":"2.0","id":null,"method":"notifications/cancelled"}').code == INVALID_REQUEST
    assert isinstance(wire.parse(b'{"jsonrpc":"2.0","method":"notifications/cancelled"}'), JSONRPCNotification)


def test_depth_counts_levels_not_brackets():
    wide = {"jsonrpc": "2.0", "method": "m", "params": {"x": [[1]] * 500, "text": "[{" * 500}}
    assert isinstance(wire.parse(json.dumps(wide).encode()), JSONRPCNotification)


@given(st.dictionaries(WHOLE_TEXT, JSON, max_size=4), st.integers(-(2**63), 2**63 - 1) | st.text("abc-7", max_size=20))
@settings(deadline=None, max_examples=150)
def test_what_is_written_is_read_back(result: dict[str, object], id: int | str):
    line = wire.serialize(JSONRPCResponse(jsonrpc="2.0", id=id, result=result))
    assert b"\n" not in line
    back = wire.parse(line)
    assert isinstance(back, JSONRPCResponse)
    assert (back.id, back.result) == (id, result)


def test_numbers_and_text_that_orjson_refuses_are_written_all_the_same():
    line = wire.serialize(JSONRPCResponse(jsonrpc="2.0", id=1, result={"big": 10**30, "half": "\ud800"}))
    assert json.loads(line)["result"] == {"big": 10**30, "half": "\ud800"}


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_a_message_or_refused(raw: bytes):
    try:
        wire.parse(raw)
    except wire.WireError as error:
        assert json.loads(error.answer())["error"]["code"] in (PARSE_ERROR, INVALID_REQUEST)
