"""Power cuts and kills: what was acknowledged is there afterwards, and what is not is named."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gloveport.recordings import events
from gloveport.recordings.calls import calls_of
from gloveport.recordings.ids import new_id
from gloveport.recordings.reader import find_session, read_sessions
from gloveport.recordings.recorder import Recorder
from gloveport.recordings.verify import verify

CUTS = 36


def opened(root: Path) -> Recorder:
    return Recorder.open(root, min_free_bytes=0)


def log_bodies(root: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for path in root.glob("log/*/log.jsonl") for line in path.read_bytes().splitlines()]
    return [line["body"] for line in lines if line["kind"] == kind]


def crashed_copy(studio: Any, tmp_path: Path, sessions: int = 2) -> tuple[Path, list[tuple[int, set[str]]]]:
    """A recordings folder as a running process has it, and after each commit: the journal's size, the calls in it."""
    recorder = studio.open()
    made = [studio.session(recorder) for _ in range(sessions)]
    acknowledged: list[tuple[int, set[str]]] = [(recorder._journal.position.offset, set())]
    calls: set[str] = set()
    for number in range(12):
        calls = calls | {studio.call(session, number) for session in made}
        recorder.commit_blocking()
        acknowledged.append((recorder._journal.position.offset, calls))
    recorder._projection.flush()
    copy = tmp_path / "crashed"
    shutil.copytree(studio.root, copy)
    return copy, acknowledged


def test_a_power_cut_at_any_byte_loses_nothing_that_was_acknowledged(studio: Any, tmp_path: Path) -> None:
    crashed, acknowledged = crashed_copy(studio, tmp_path)
    chance = random.Random(7)
    for attempt in range(CUTS):
        root = tmp_path / f"cut-{attempt}"
        shutil.copytree(crashed, root)
        (segment,) = root.glob("log/*/journal/*.wal")
        data = segment.read_bytes()
        cut = chance.randint(acknowledged[0][0], acknowledged[-1][0])
        tail = (b"", bytes(chance.randint(1, 5000)), chance.randbytes(chance.randint(1, 5000)))[attempt % 3]
        segment.write_bytes(data[:cut] + tail)
        survivors = max((calls for size, calls in acknowledged if size <= cut), key=len)
        for path in root.glob("sessions/*/*.jsonl"):  # lazily written: any prefix may be on the disk, or nothing
            if attempt % 2:
                path.write_bytes(path.read_bytes()[: chance.randint(0, path.stat().st_size)])
            elif attempt % 5 == 0:
                path.unlink()
        opened(root).close()
        verdict = verify(root)
        assert verdict.ok, (attempt, cut, verdict.findings)
        found = {call.cid for session in read_sessions(root) for call in calls_of(session.events())}
        assert survivors <= found, (attempt, cut)
        (told,) = log_bodies(root, "log.recovered")
        assert len(told["kept"]) == bool(told["torn_bytes"]) + len(told["rebuilt"])
        shutil.rmtree(root)


def test_calls_without_outcome_are_named_with_how_far_they_came(studio: Any, tmp_path: Path) -> None:
    recorder = studio.open()
    session = studio.session(recorder)
    stages: list[list[events.Body]] = [
        [],
        [events.IdentityChecked(True, "stdio"), events.PolicyDecided("allow", ["r"], {})],
        [events.PolicyDecided("allow", ["r"], {}), events.ExecStarted(["read"])],
        [events.PolicyDecided("allow", ["r"], {}), events.ExecStarted(["read"]), events.ExecFinished("ok", 1)],
    ]
    for number, stage in enumerate(stages):
        session.append(events.CallReceived("t", {}), cid=f"c{number}")
        for event in stage:
            session.append(event, cid=f"c{number}")
    recorder.commit_blocking()
    crashed = tmp_path / "crashed"
    shutil.copytree(studio.root, crashed)
    before = verify(crashed)
    assert before.intact
    assert any("without closing" in note for note in before.notes)
    opened(crashed).close()
    (recovered,) = read_sessions(crashed)
    ends = {call.cid: call.end.body for call in calls_of(recovered.events()) if call.end}
    assert {cid: body["executed"] for cid, body in ends.items()} == {
        "c0": "no",
        "c1": "no",
        "c2": "unknown",
        "c3": "yes",
    }
    assert {body["reason"] for body in ends.values()} == {"crash"}
    assert ends["c2"]["stage"] == "exec.started"
    (told,) = log_bodies(crashed, "log.recovered")
    assert (told["sessions"], told["unresolved"]) == (1, 4)
    verdict = verify(crashed)
    assert verdict.ok
    assert any("4 calls have no known outcome" in note for note in verdict.notes)


def test_a_session_file_that_says_something_else_is_set_aside_and_rebuilt(studio: Any, tmp_path: Path) -> None:
    crashed, _ = crashed_copy(studio, tmp_path, sessions=1)
    (path,) = crashed.glob("sessions/*/*.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"ana"', b'"eve"'))
    opened(crashed).close()
    (told,) = log_bodies(crashed, "log.recovered")
    assert told["rebuilt"] == [path.stem]
    assert len(told["kept"]) == 1
    (kept,) = crashed.glob("log/*/kept/*")
    assert b'"eve"' in kept.read_bytes()
    assert b'"eve"' not in path.read_bytes()
    assert verify(crashed).ok


def test_a_damaged_checkpoint_costs_time_and_nothing_else(studio: Any, tmp_path: Path) -> None:
    crashed, acknowledged = crashed_copy(studio, tmp_path)
    (state,) = crashed.glob("log/*/state.json")
    state.write_bytes(b"{")
    opened(crashed).close()
    assert verify(crashed).ok
    found = {call.cid for session in read_sessions(crashed) for call in calls_of(session.events())}
    assert found == acknowledged[-1][1]


def test_a_blob_that_was_lost_is_rebuilt_from_the_journal(studio: Any, tmp_path: Path) -> None:
    recorder = studio.open()
    studio.call(studio.session(recorder), 0, events.CallReturned({"text": "x" * 30_000}))
    recorder.commit_blocking()
    crashed = tmp_path / "crashed"
    shutil.copytree(studio.root, crashed)
    for blob in crashed.glob("blobs/sha256/*/*"):
        blob.unlink()
    assert verify(crashed).ok, "it is in the journal, and its file is written lazily"
    opened(crashed).close()
    assert verify(crashed).ok
    (session,) = read_sessions(crashed)
    (call,) = calls_of(session.events())
    assert session.blobs.whole(call.result) == {"text": "x" * 30_000}


def test_segments_follow_one_another(studio: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gloveport.recordings.journal.SEGMENT_BYTES", 10_000)
    with studio.open() as recorder:
        session = studio.session(recorder)
        for number in range(40):
            studio.call(session, number)
            recorder.commit_blocking()
    assert len(list(studio.root.glob("log/*/journal/*.wal"))) > 3
    assert not verify(studio.root).findings
    again = studio.open()
    studio.call(studio.session(again))
    again.commit_blocking()
    crashed = tmp_path / "crashed"
    shutil.copytree(studio.root, crashed)
    opened(crashed).close()
    assert not verify(crashed).findings


def test_every_log_that_was_left_is_closed_by_the_next_start(studio: Any, tmp_path: Path) -> None:
    for _ in range(3):
        recorder = studio.open()
        studio.call(studio.session(recorder))
        recorder.commit_blocking()
    crashed = tmp_path / "crashed"
    shutil.copytree(studio.root, crashed)
    opened(crashed).close()
    verdict = verify(crashed)
    assert verdict.ok, verdict.findings
    assert {log.state for log in verdict.logs} == {"closed"}
    assert len(verdict.logs) == 3


WRITER = """
import asyncio, sys
from gloveport.recordings.recorder import Recorder
from gloveport.recordings import events
from gloveport.recordings.ids import new_id
async def caller(recorder, session):
    while True:
        cid = new_id()
        session.append(events.CallReceived("t", {"text": "x" * 500}), cid=cid)
        session.append(events.PolicyDecided("allow", ["r"], {}), cid=cid)
        session.append(events.ExecStarted(["read"]), cid=cid)
        await session.commit()
        session.append(events.CallReturned({"rows": [1]}), cid=cid)
        await session.commit()
        sys.stdout.write(cid + "\\n")
        sys.stdout.flush()
async def main():
    recorder = Recorder.open(sys.argv[1], min_free_bytes=0)
    opened = events.SessionOpened("process", events.Principal("bob"))
    sessions = [recorder.session(None, opened) for _ in range(4)]
    await asyncio.gather(*(caller(recorder, session) for session in sessions))
asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 40, 400])
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path, acknowledged: int) -> None:
    root = tmp_path / "recordings"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(acknowledged)]
    process.send_signal(signal.SIGKILL)
    said += [line.strip() for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    before = verify(root)
    assert before.intact, before.findings
    opened(root).close()
    verdict = verify(root)
    assert verdict.ok, verdict.findings
    ends = {call.cid: call.outcome for session in read_sessions(root) for call in calls_of(session.events())}
    assert all(ends[cid] == "returned" for cid in said)


def test_a_crash_right_after_the_start_is_told_too(studio: Any, tmp_path: Path) -> None:
    studio.open()
    crashed = tmp_path / "crashed"
    shutil.copytree(studio.root, crashed)
    opened(crashed).close()
    assert len(log_bodies(crashed, "log.recovered")) == 1
    assert verify(crashed).ok


def test_a_clean_close_leaves_nothing_to_recover(studio: Any) -> None:
    studio.record()
    studio.open().close()
    assert log_bodies(studio.root, "log.recovered") == []
    assert len(log_bodies(studio.root, "log.opened")) == 2


def test_an_empty_segment_is_what_a_cut_left_of_a_new_one(studio: Any, tmp_path: Path) -> None:
    crashed, acknowledged = crashed_copy(studio, tmp_path)
    (segment,) = crashed.glob("log/*/journal/*.wal")
    segment.with_name("00000002.wal").write_bytes(os.urandom(3))
    opened(crashed).close()
    assert verify(crashed).ok
    assert {c.cid for s in read_sessions(crashed) for c in calls_of(s.events())} == acknowledged[-1][1]


def test_ids_of_sessions_never_repeat(studio: Any) -> None:
    sids = studio.record(1, sessions=20)
    assert len({*sids, new_id()}) == 21
    assert [session.sid for session in read_sessions(studio.root)] == sorted(sids)
    assert find_session(studio.root, sids[3].lower()).sid == sids[3]
