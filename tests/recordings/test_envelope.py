from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.recordings.envelope import BadLine, decode, encode, is_call_id, leaf_hash
from gloveport.recordings.events import Kind
from gloveport.recordings.ids import id_day, is_id, new_id
from gloveport.recordings.values import dumps, normalise

SID, HASH = "01M89WRNTX6R9DSPRYZY4R0N36", "0f" * 32


def line(**changes: Any) -> bytes:
    fields = {"v": 1, "sid": SID, "seq": 0, "kind": "heartbeat", "ts": 1, "mono": 0, "w": "w", "salt": "s"}
    return json.dumps({**fields, "prev": None, "body": {}, **changes}).encode()


@given(
    seq=st.integers(0, 2**53 - 1),
    cid=st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True),
    att=st.integers(0, 99),
    kind=st.sampled_from(Kind),
    ts=st.integers(-(2**53), 2**53),
    prev=st.none() | st.just(HASH),
    body=st.dictionaries(st.text(max_size=5), st.integers() | st.text(st.characters(), max_size=9), max_size=3),
)
def test_what_is_encoded_is_decoded(
    seq: int, cid: str | None, att: int, kind: Kind, ts: int, prev: Any, body: Any
) -> None:
    ruled = normalise({"body": body})
    assert isinstance(ruled, dict)
    written = encode(
        sid=SID,
        seq=seq,
        cid=cid,
        att=att,
        kind=kind,
        ts=ts,
        mono=5,
        writer="ab",
        salt="cd",
        prev=prev,
        body=dumps(ruled),
    )
    event = decode(written, 7)
    assert (event.sid, event.seq, event.cid, event.kind, event.ts, event.prev) == (SID, seq, cid, kind, ts, prev)
    assert (event.mono, event.writer, event.salt, event.v, event.line) == (5, "ab", "cd", 1, 7)
    assert event.att == (att if cid is not None else 0)
    assert event.body == ruled
    assert event.leaf == hashlib.sha256(b"\0" + written).hexdigest() == leaf_hash(written)
    assert b"\n" not in written


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'"\xff"', "not JSON"),
        (b'"\\ud800"', "not JSON"),
        (b"[]", "not a JSON object"),
        (line(v=2), "format version 2"),
        (line(v=True), "v is missing or not an integer"),
        (line(body=[]), "body is not an object"),
        (line(prev="0f"), "prev is not a leaf hash"),
        (line(cid=3), "cid is not a string"),
        (line(cid="a"), "att is missing"),
        (line(seq="0"), "seq is missing"),
        (line(kind=None), "kind is missing"),
    ],
)
def test_what_is_no_event_is_named_without_its_content(bad: bytes, says: str) -> None:
    with pytest.raises(BadLine, match=says):
        decode(bad)


def test_kinds_and_fields_of_a_later_version_are_kept() -> None:
    event = decode(line(kind="dream.seen", body={"new": [1]}, more="field"))
    assert (event.kind, event.body) == ("dream.seen", {"new": [1]})


def test_call_ids_hold_nothing_that_json_escapes() -> None:
    assert is_call_id(new_id())
    assert not any(is_call_id(text) for text in ("", "a b", 'a"', "\n", "-a", "é", "a" * 65))


def test_ids_sort_by_time_and_name_their_day() -> None:
    ids = [new_id() for _ in range(50)]
    assert all(map(is_id, ids))
    assert len(set(ids)) == 50
    assert [each[:10] for each in ids] == sorted(each[:10] for each in ids)
    assert id_day("01M89WRNTX6R9DSPRYZY4R0N36") == "2026-11-25"
    with pytest.raises(ValueError, match="not a ULID"):
        id_day("../../../etc/passwd")
    with pytest.raises(ValueError, match="calendar"):
        id_day("7ZZZZZZZZZ0000000000000000")
