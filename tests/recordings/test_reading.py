"""The reading side: files, names of sessions, rows of a listing, blobs, calls, lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gloveport.recordings import events
from gloveport.recordings.blobs import BlobError, Blobs, blobs_named, digest_of
from gloveport.recordings.calls import calls_of
from gloveport.recordings.index import SessionRow, session_row, session_rows
from gloveport.recordings.layout import Layout
from gloveport.recordings.lineage import Edge, edges
from gloveport.recordings.reader import TranscriptError, find_session, open_session, read_sessions


def test_a_session_is_found_by_the_beginning_of_its_id_or_as_the_last(studio: Any) -> None:
    sids = sorted(studio.record(1, sessions=3))
    assert find_session(studio.root, "last").sid == sids[-1]
    assert find_session(studio.root, sids[0]).sid == sids[0]
    unique = next(sids[0][:n] for n in range(1, 27) if sum(sid.startswith(sids[0][:n]) for sid in sids) == 1)
    assert find_session(studio.root, unique.lower()).sid == sids[0]
    with pytest.raises(TranscriptError, match=r"3 ids begin so: .*, "):
        find_session(studio.root, sids[0][:4])
    with pytest.raises(TranscriptError, match="none whose id begins so"):
        find_session(studio.root, "ZZZ")


def test_what_is_no_session_is_not_read(studio: Any) -> None:
    (sid,) = studio.record()
    (studio.file(sid).with_name("notes.jsonl")).write_text("x")
    (studio.root / "sessions" / "x.jsonl").write_text("x")
    assert [session.sid for session in read_sessions(studio.root)] == [sid]


def test_a_line_that_is_being_written_is_left_out(studio: Any) -> None:
    (sid,) = studio.record()
    path = studio.file(sid)
    whole = len(list(open_session(path).events()))
    path.write_bytes(path.read_bytes()[:-10])
    session = open_session(path)
    assert len(list(session.events())) == whole - 1
    assert session.last().kind == "call.returned"


def test_a_bad_line_is_named_with_its_place(studio: Any) -> None:
    (sid,) = studio.record()
    path = studio.file(sid)
    made = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([made[0], b"\xff canary\n", *made[2:-1], b"{}\n"]))
    session = open_session(path)
    with pytest.raises(TranscriptError, match=rf"{sid}\.jsonl:2: not JSON") as error:
        list(session.events())
    assert "canary" not in str(error.value)
    with pytest.raises(TranscriptError, match="last line"):
        session.last()
    path.write_bytes(b"")
    for read in (session.first, session.last):
        with pytest.raises(TranscriptError, match="no event yet"):
            read()


def test_an_endless_line_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "01M89WRNTX6R9DSPRYZY4R0N36.jsonl"
    path.write_bytes(b"x" * 3_000_000)
    assert list(open_session(path).lines()) == []


def test_a_row_of_a_closed_session_and_of_a_running_one_say_the_same(studio: Any) -> None:
    recorder = studio.open()
    session = studio.session(
        recorder,
        agent=events.Agent("bot"),
        model=events.Model("m-1", "client"),
        purpose=events.Purpose("why"),
        door="stdio",
    )
    studio.call(session)
    studio.call(session, 1, events.CallDenied("no"))
    studio.call(session, 2, events.CallFailed("broke"))
    recorder.commit_blocking()
    recorder._projection.flush()
    running = session_row(find_session(studio.root, session.sid))
    recorder.close()
    (row,) = session_rows(studio.root)
    assert isinstance(row, SessionRow)
    assert (running.closed, row.closed) == (None, "shutdown")
    assert (row.calls, row.returned, row.denied, row.failed, row.pending, row.unresolved) == (3, 1, 1, 1, 0, 0)
    assert (running.calls, running.denied, running.events) == (3, 1, row.events - 1)
    assert (row.who, row.agent, row.model, row.model_asserted_by, row.purpose) == ("ana", "bot", "m-1", "client", "why")
    assert row.opened <= row.until
    assert row.as_json()["door"] == "stdio"


def test_a_listing_shows_the_latest_and_goes_on_past_a_broken_one(studio: Any) -> None:
    sids = sorted(studio.record(1, sessions=3))
    studio.file(sids[1]).write_bytes(b"{}\n")
    rows = list(session_rows(studio.root))
    assert [row.sid for row in rows if isinstance(row, SessionRow)] == [sids[2], sids[0]]
    assert isinstance(rows[1], TranscriptError)
    assert len(list(session_rows(studio.root, latest=1))) == 1


def test_blobs_are_checked_when_they_are_read(tmp_path: Path) -> None:
    blobs = Blobs(Layout(tmp_path))
    digest = digest_of(b'{"a":1}')
    path = Layout(tmp_path).blob_file(digest)
    with pytest.raises(BlobError, match="No such file"):
        blobs.read(digest)
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"a":2}')
    with pytest.raises(BlobError, match="another digest"):
        blobs.json(digest)
    path.write_bytes(b'{"a":1}')
    mark = {"$blob": {"digest": digest, "size": 7}}
    assert blobs.whole({"x": [mark, {"$json": "1.5"}, 3]}) == {"x": [{"a": 1}, 1.5, 3]}
    assert blobs_named({"x": [mark], "y": {"z": mark}}) == {digest}
    for bad in ("sha256:../../etc/passwd", "md5:0", ""):
        with pytest.raises(BlobError, match="not the digest"):
            blobs.read(bad)
    other = digest_of(b"{")
    Layout(tmp_path).blob_file(other).parent.mkdir(parents=True, exist_ok=True)
    Layout(tmp_path).blob_file(other).write_bytes(b"{")
    with pytest.raises(BlobError, match="not JSON"):
        blobs.json(other)


def test_calls_that_ran_side_by_side_are_put_together(studio: Any) -> None:
    with studio.open() as recorder:
        session = studio.session(recorder)
        for cid in ("a", "b"):
            session.append(events.CallReceived(f"tool_{cid}", {"n": 1}, args_mac="m"), cid=cid)
        session.append(events.CallPending("ap1", {"approval": {"id": "ap1"}}), cid="b")
        session.append(events.CallReceived("tool_b", {"n": 1}), cid="b", att=1)
        session.append(events.CallDenied("no", {"error": {"code": "no"}}), cid="a")
    (read,) = read_sessions(studio.root)
    a, b, again = calls_of(read.events())
    assert [(c.cid, c.att, c.tool, c.outcome) for c in (a, b, again)] == [
        ("a", 0, "tool_a", "denied"),
        ("b", 0, "tool_b", "pending"),
        ("b", 1, "tool_b", "unresolved"),
    ]
    assert (a.arguments, a.arguments_mac, b.result) == ({"n": 1}, "m", {"approval": {"id": "ap1"}})
    assert again.result is None
    assert a.body("exec.started") == {}


LINEAGE = events.Lineage(
    outputs=[
        events.Output("mail", "identity", ["clinic.patients.email"]),
        events.Output("who", "expression", ["clinic.patients.first", "clinic.patients.last"]),
        events.Output("n", "count", []),
    ],
    indirect=[events.Indirect("clinic.patients.city", "where"), events.Indirect("clinic.visits.patient_id", "join")],
)


def test_lineage_of_a_released_call_names_masks(studio: Any) -> None:
    columns = [
        events.Column("mail", "token", "email", sources=["clinic.patients.email"]),
        events.Column("who", "redact", "person"),
        events.Column("n", "pass"),
    ]
    with studio.open() as recorder:
        session = studio.session(recorder)
        session.append(events.CallReceived("q", {}), cid="c")
        session.append(events.PolicyDecided("allow", ["r"], {}, lineage=LINEAGE), cid="c")
        session.append(events.MaskApplied(columns), cid="c")
        session.append(events.CallReturned({}), cid="c")
    (read,) = read_sessions(studio.root)
    made = list(edges(calls_of(read.events())[0]))
    assert made == [
        Edge("clinic.patients.email", "mail", "DIRECT", "IDENTITY", True, "token", "email"),
        Edge("clinic.patients.first", "who", "DIRECT", "TRANSFORMATION", True, "redact", "person"),
        Edge("clinic.patients.last", "who", "DIRECT", "TRANSFORMATION", True, "redact", "person"),
        Edge("clinic.patients.city", None, "INDIRECT", "FILTER", True),
        Edge("clinic.visits.patient_id", None, "INDIRECT", "JOIN", True),
    ]
    assert [edge.masking for edge in made] == [True, True, True, False, False]


@pytest.mark.parametrize("where", ["decision", "tool"])
def test_lineage_of_a_refused_call_is_there_and_says_that_nothing_left(studio: Any, where: str) -> None:
    with studio.open() as recorder:
        session = studio.session(recorder)
        session.append(events.CallReceived("q", {}), cid="c")
        if where == "decision":
            session.append(events.PolicyDecided("deny", ["r"], {}, lineage=LINEAGE), cid="c")
        denied = events.CallDenied("no", lineage=LINEAGE if where == "tool" else None)
        session.append(denied, cid="c")
    (read,) = read_sessions(studio.root)
    made = list(edges(calls_of(read.events())[0]))
    assert len(made) == 5
    assert not any(edge.released or edge.masking for edge in made)


def test_a_call_without_columns_has_no_edges(studio: Any) -> None:
    studio.record(1)
    (read,) = read_sessions(studio.root)
    assert list(edges(calls_of(read.events())[0])) == []
