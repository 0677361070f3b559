"""Asked again, a recording answers as it did, or says what it expected."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from gloveport.recordings import events
from gloveport.recordings.ids import new_id
from gloveport.recordings.reader import SessionFile, TranscriptError, find_session
from gloveport.recordings.recorder import Recorder
from gloveport.recordings.replay.cassette import Cassette, Miss

TOOLS = [{"name": "query", "input_schema": {"type": "object"}, "effects": ["read"]}]


@pytest.fixture
def tape(tmp_path: Path) -> SessionFile:
    """query(a) -> 1, query(b) -> 2, query(a) -> 3, read(notes.txt) denied, one call that never ended."""
    root = tmp_path / "recordings"
    with Recorder.open(root, min_free_bytes=0) as recorder:
        session = recorder.session(None, events.SessionOpened("process", events.Principal("ana")))
        session.append(events.CatalogSeen(recorder.blob(orjson.dumps(TOOLS)), 1))

        def call(tool: str, arguments: dict[str, Any], shown: dict[str, Any], end: events.Body | None) -> None:
            cid = new_id()
            session.append(events.CallReceived(tool, shown, args_mac=session.args_mac(arguments)), cid=cid)
            if end is not None:
                session.append(end, cid=cid)

        for text, result in (("a", 1), ("b", 2), ("a", 3)):
            shown = {"database": "clinic", "sql": events.Withheld("string", 1)}
            call("query", {"database": "clinic", "sql": text}, shown, events.CallReturned({"rows": [[result]]}))
        no = events.CallDenied("no", {"error": {"code": "no", "message": "No.", "hint": ""}})
        call("read", {"path": "notes.txt"}, {"path": "notes.txt"}, no)
        call("slow", {}, {}, None)
    return find_session(root, "last")


def asked(cassette: Cassette, text: str) -> Any:
    return cassette.answer("query", {"database": "clinic", "sql": text}).result["rows"]


def test_equal_calls_get_their_answers_in_turn_and_then_the_last_again(tape: SessionFile) -> None:
    cassette = Cassette(tape)
    assert cassette.exact
    assert [asked(cassette, text) for text in ("b", "a", "a", "a", "b")] == [[[2]], [[1]], [[3]], [[3]], [[2]]]
    assert (cassette.served, cassette.missed) == (5, 0)


def test_arguments_are_told_by_their_mac_whatever_the_order_of_their_keys(tape: SessionFile) -> None:
    answer = Cassette(tape).answer("query", {"sql": "b", "database": "clinic"})
    assert answer.result == {"rows": [[2]]}


def test_a_miss_names_both_and_shows_no_data(tape: SessionFile) -> None:
    cassette = Cassette(tape)
    with pytest.raises(Miss) as miss:
        asked(cassette, "canary")
    assert str(miss.value) == (
        "none of 5 recorded calls fits: expected query(database=clinic, sql=<string of 1>); "
        "got query(database=clinic, sql=<string of 6>)"
    )
    with pytest.raises(Miss, match="of the same type and size, but other data"):
        asked(cassette, "z")
    with pytest.raises(Miss, match=r"got drop\(\)"):
        cassette.answer("drop", {})
    assert (cassette.served, cassette.missed) == (0, 3)


def test_strict_keeps_to_the_order_and_ends(tape: SessionFile) -> None:
    cassette = Cassette(tape, match="strict")
    assert asked(cassette, "a") == [[1]]
    with pytest.raises(Miss, match=r"call 2 of 5: expected query\(.*; got query\(.*same type and size"):
        asked(cassette, "a")
    assert [asked(cassette, text) for text in ("b", "a")] == [[[2]], [[3]]], "a miss moves nothing on"
    assert cassette.answer("read", {"path": "notes.txt"}).call.outcome == "denied"
    with pytest.raises(TranscriptError, match="has no recorded answer, it is unresolved"):
        cassette.answer("slow", {})
    cassette = Cassette(tape, match="strict")
    cassette._next = 5
    with pytest.raises(Miss, match="ends after 5 calls; got slow"):
        cassette.answer("slow", {})


def test_without_the_key_arguments_are_told_by_what_shows(tape: SessionFile) -> None:
    shutil.rmtree(tape.blobs.layout.root / "keys")
    cassette = Cassette(tape)
    assert not cassette.exact
    assert [asked(cassette, text) for text in ("x", "y", "z", "z")] == [[[1]], [[2]], [[3]], [[3]]]
    for arguments in ({"database": "clinic", "sql": "ab"}, {"database": "other", "sql": "a"}, {"database": "clinic"}):
        with pytest.raises(Miss):
            cassette.answer("query", arguments)


def test_the_catalog_is_the_recorded_one(tape: SessionFile) -> None:
    assert Cassette(tape).catalog() == TOOLS
    for blob in tape.blobs.layout.root.glob("blobs/sha256/*/*"):
        blob.write_bytes(b"[]")
    with pytest.raises(TranscriptError, match="another digest"):
        Cassette(tape).catalog()


def test_large_and_odd_results_come_back_exactly(studio: Any) -> None:
    odd = {"text": "é" * 20_000, "n": [1.5, 2**70]}
    with studio.open() as recorder:
        studio.call(studio.session(recorder), 0, events.CallReturned(odd))
    cassette = Cassette(find_session(studio.root, "last"))
    assert cassette.answer("database_query", {"database": "clinic", "sql": "select 0"}).result == odd
    next(studio.root.glob("blobs/sha256/*/*")).unlink()
    with pytest.raises(TranscriptError, match=r"jsonl:8: blob sha256:"):
        Cassette(find_session(studio.root, "last")).answer("database_query", {"database": "clinic", "sql": "select 0"})


def test_an_empty_recording(studio: Any) -> None:
    with studio.open() as recorder:
        studio.session(recorder)
    cassette = Cassette(find_session(studio.root, "last"))
    assert cassette.catalog() == []
    with pytest.raises(Miss, match="the recording has no call"):
        cassette.answer("query", {})
