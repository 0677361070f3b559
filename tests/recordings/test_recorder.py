"""What the chain relies on: order, barriers, modes of failure, and who may write where."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import itertools
import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from gloveport.recordings import events, journal, projection, recorder, room
from gloveport.recordings.ids import new_id
from gloveport.recordings.journal import RecorderUnavailable
from gloveport.recordings.keys import MacKeys
from gloveport.recordings.reader import TranscriptError, find_session, read_sessions
from gloveport.recordings.recorder import Recorder, RecordingError
from gloveport.recordings.session_record import prepared
from gloveport.recordings.verify import verify


def kinds(root: Path) -> list[str]:
    (session,) = read_sessions(root)
    return [event.kind for event in session.events()]


def log_events(root: Path) -> list[dict[str, Any]]:
    (path,) = root.glob("log/*/log.jsonl")
    return [json.loads(line) for line in path.read_bytes().splitlines()]


async def test_events_come_out_as_they_went_in(studio: Any) -> None:
    with studio.open() as rec:
        session = studio.session(rec, agent=events.Agent("bot", basis="config"))
        cid = studio.call(session)
        await session.commit()
    (read,) = read_sessions(studio.root)
    made = list(read.events())
    assert [event.seq for event in made] == list(range(len(made)))
    assert made[0].body["principal"] == {"sub": "ana", "basis": "os_user"}
    assert made[0].body["server"] == {"name": "gloveport", "version": "0.0.0"}
    assert {event.cid for event in made[1:-1]} == {cid}
    assert made[-1].body == {
        "reason": "shutdown", "calls": 1, "returned": 1, "denied": 0, "failed": 0, "pending": 0, "unresolved": 0,
        "events": len(made),
    }  # fmt: skip
    assert len({event.salt for event in made}) == len(made)
    assert read.last().leaf == made[-1].leaf
    assert read.first() == made[0]


async def test_a_prepared_body_stands_in_the_record_like_any_other(studio: Any) -> None:
    body = events.IdentityChecked(ok=True, method="stdio", principal=events.Principal("ana", groups=["g" * 20_000]))
    with studio.open() as rec:
        session = studio.session(rec)
        again = prepared(body)
        for one in (body, again, again):
            session.append(one)
        await session.commit()
    (read,) = read_sessions(studio.root)
    first, *others = [event for event in read.events() if event.kind == "identity.checked"]
    assert len(others) == 2
    assert all(event.body == first.body for event in others)
    assert "$blob" in str(first.body), "what is large goes to a blob, prepared or not"


async def test_a_commit_returns_when_the_journal_is_synced(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rec = studio.open()
    session = studio.session(rec)
    synced: list[bytes] = []
    sync = journal.sync_file

    def noting(fd: int) -> None:
        sync(fd)
        (segment,) = studio.root.glob("log/*/journal/*.wal")
        synced.append(segment.read_bytes())

    monkeypatch.setattr(journal, "sync_file", noting)
    for number in range(3):
        cid = studio.call(session, number)
        assert not synced or cid.encode() not in synced[-1]
        await session.commit()
        assert cid.encode() in synced[-1]
    assert len(synced) == 3
    await session.commit()
    assert len(synced) == 3, "nothing new, nothing to sync"


async def test_callers_share_a_sync(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rec = studio.open()
    sessions = [studio.session(rec) for _ in range(16)]
    await rec.commit()
    syncs = 0
    sync = journal.sync_file
    first = threading.Event()

    def counting(fd: int) -> None:
        nonlocal syncs
        syncs += 1
        first.wait(5)
        sync(fd)

    monkeypatch.setattr(journal, "sync_file", counting)
    for session in sessions:
        session.append(events.CallReceived("t", {}), cid=new_id())
    commits = [asyncio.create_task(session.commit()) for session in sessions]
    await asyncio.sleep(0)
    first.set()
    await asyncio.gather(*commits)
    assert syncs <= 2


async def test_a_cancelled_waiter_does_not_hold_up_the_others(studio: Any) -> None:
    rec = studio.open()
    sessions = [studio.session(rec) for _ in range(4)]
    for session in sessions:
        session.append(events.CallReceived("t", {}), cid=new_id())
    tasks = [asyncio.create_task(session.commit()) for session in sessions]
    await asyncio.sleep(0)
    tasks[0].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert done[1:] == [None, None, None]


def test_threads_may_append_to_one_session(studio: Any) -> None:
    with studio.open() as rec:
        session = studio.session(rec)

        def work() -> None:
            for number in range(40):
                studio.call(session, number)
                rec.commit_blocking()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    verdict = verify(studio.root)
    assert verdict.ok, verdict.findings
    assert verdict.calls == 160


@pytest.mark.parametrize(
    ("events_before", "event", "cid", "says"),
    [
        ([], events.CallReturned({}), "c", "not open"),
        ([], events.CallReceived("t", {}), None, "needs a call id"),
        ([events.CallReceived("t", {})], events.CallReceived("t", {}), "c", "of its own"),
        ([], events.CallReceived("t", {}), "a\nb", "a call id is"),
        ([], events.CallReceived("t", {}), "", "a call id is"),
    ],
)
def test_wrong_use_is_refused(studio: Any, events_before: Any, event: Any, cid: Any, says: str) -> None:
    with studio.open() as rec:
        session = studio.session(rec)
        for each in events_before:
            session.append(each, cid=cid)
        with pytest.raises(RecordingError, match=says):
            session.append(event, cid=cid)


def test_a_closed_session_takes_nothing_and_its_successor_names_it(studio: Any) -> None:
    with studio.open() as rec:
        session = studio.session(rec)
        cid = new_id()
        session.append(events.CallReceived("t", {}), cid=cid)
        session.close()
        session.close()
        with pytest.raises(RecordingError, match="closed"):
            session.append(events.CallReturned({}), cid=cid)
        opened = events.SessionOpened(basis="process", principal=events.Principal("ana"))
        successor = rec.session(session.sid, opened)
    assert find_session(studio.root, successor.sid).first().body["parent_sid"] == session.sid
    last = [event.kind for event in find_session(studio.root, session.sid).events()][-2:]
    assert last == ["call.unresolved", "session.closed"]


def test_a_session_belongs_to_its_principal(studio: Any) -> None:
    with studio.open() as rec:
        session = studio.session(rec, "ana")
        again = rec.session(session.sid, events.SessionOpened("process", events.Principal("ana")))
        assert again is session
        with pytest.raises(RecordingError, match="another principal"):
            rec.session(session.sid, events.SessionOpened("process", events.Principal("bob")))
        with pytest.raises(RecordingError, match="another principal"):
            rec.session(session.sid, events.SessionOpened("process", events.Principal("ana", iss="elsewhere")))


# ---------------------------------------------------------------------------------------------------- values


def test_large_values_are_kept_once_as_blobs_and_come_back_exactly(studio: Any) -> None:
    huge = {"rows": [["é" * 50_000, 1.5, 2**70, "\ud800"]], "more": "x"}
    with studio.open() as rec:
        session = studio.session(rec)
        for number in range(2):
            studio.call(session, number, events.CallReturned(huge))
    assert len(list(studio.root.glob("blobs/sha256/*/*"))) == 1
    (read,) = read_sessions(studio.root)
    results = [event.body["result"] for event in read.events() if event.kind == "call.returned"]
    assert results[0] == results[1]
    assert set(results[0]) == {"$blob"}
    assert read.blobs.whole(results[0]) == huge
    assert all(len(line) < 65_536 for line in read.lines())


def test_a_value_that_cannot_be_read_by_others_comes_back_from_a_line(studio: Any) -> None:
    odd = {"f": 0.1, "n": 2**64, "s": "\udfff", "deep": {"$blob": {"digest": "sha256:x"}}, "k": {"\ud800": 1}}
    with studio.open() as rec:
        studio.call(studio.session(rec), 0, events.CallReturned(odd))
    (read,) = read_sessions(studio.root)
    (result,) = [event.body["result"] for event in read.events() if event.kind == "call.returned"]
    assert read.blobs.whole(result) == odd


def test_what_fits_no_line_even_with_blobs_is_refused_and_breaks_nothing(studio: Any) -> None:
    names = [(f"field_{number}", str) for number in range(80)]
    space = {"kind": events.Kind.CALL_RETURNED}
    wide = dataclasses.make_dataclass("Wide", names, bases=(events.Body,), namespace=space, frozen=True, slots=True)
    with studio.open() as rec:
        session = studio.session(rec)
        session.append(events.CallReceived("t", {"text": "x" * 70_000}), cid="a")
        with pytest.raises(RecordingError, match="does not fit a line"):
            session.append(wide(*("x" * 1000 for _ in names)), cid="a")
        session.append(events.CallFailed("too-large"), cid="a")
    assert not verify(studio.root).findings


def test_times_step_back_with_the_clock_and_order_does_not(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with studio.open() as rec:
        session = studio.session(rec)
        studio.call(session)
        hour = 3_600_000_000_000
        real = time.time_ns
        monkeypatch.setattr(recorder.time, "time_ns", lambda: real() - hour)
        studio.call(session)
    (read,) = read_sessions(studio.root)
    made = list(read.events())
    assert any(after.ts < before.ts for before, after in itertools.pairwise(made))
    assert all(after.mono >= before.mono for before, after in itertools.pairwise(made))
    assert not verify(studio.root).findings


# ---------------------------------------------------------------------------------------------------- files


def test_files_and_folders_are_for_their_owner_alone(studio: Any) -> None:
    old = os.umask(0)
    try:
        with studio.open() as rec:
            studio.call(studio.session(rec), 0, events.CallReturned({"text": "x" * 20_000}))
    finally:
        os.umask(old)
    for path in [studio.root, *studio.root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_folder_that_is_open_to_others_is_tightened(studio: Any) -> None:
    (studio.root / "sessions").mkdir(parents=True)
    (studio.root / "sessions").chmod(0o755)
    studio.open()
    assert stat.S_IMODE((studio.root / "sessions").stat().st_mode) == 0o700


def test_a_symbolic_link_is_not_followed(studio: Any, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (sid,) = studio.record(1)
    path = studio.file(sid)
    path.unlink()
    path.symlink_to(victim)
    line = projection.LineFile(path, 0)
    line.add(b"x")
    with pytest.raises(OSError, match="symbolic links"):
        line.write()
    assert victim.read_text() == "mine"


def test_where_nothing_can_be_written_the_start_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RecorderUnavailable, match=r"recordings: .*file"):
        Recorder.open(blocked / "recordings")


def test_a_damaged_key_is_named(studio: Any) -> None:
    with studio.open() as rec:
        studio.session(rec)
    (key,) = (studio.root / "keys" / "mac").glob("*.key")
    key.write_bytes(b"short")
    with studio.open() as rec, pytest.raises(RecorderUnavailable, match="not a key of 32 bytes"):
        studio.session(rec)


def test_macs_hold_within_a_session_and_nowhere_else(studio: Any) -> None:
    with studio.open() as rec:
        one, other = studio.session(rec), studio.session(rec)
        mac = one.args_mac({"a": 1, "b": [2]})
        assert one.args_mac({"b": [2], "a": 1}) == mac
        assert other.args_mac({"a": 1, "b": [2]}) != mac
    keys = MacKeys(studio.root / "keys" / "mac")
    again = keys.session(one.sid)
    assert again is not None
    assert again.args_mac({"a": 1, "b": [2]}) == mac
    assert MacKeys(studio.root / "nowhere").session(one.sid) is None


# ---------------------------------------------------------------------------------------------------- processes

CHILD = """
import sys
from gloveport.recordings.recorder import Recorder
from gloveport.recordings import events
with Recorder.open(sys.argv[1], min_free_bytes=0) as recorder:
    session = recorder.session(None, events.SessionOpened("process", events.Principal("bob")))
    session.append(events.CallReceived("t", {}), cid="c")
    session.append(events.CallFailed("x"), cid="c")
    recorder.commit_blocking()
    print(recorder.instance, flush=True)
    sys.stdin.read()
"""


def test_two_processes_record_under_one_root(studio: Any) -> None:
    rec = studio.open()
    session = studio.session(rec)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(studio.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        instance = child.stdout.readline().strip()
        assert instance not in ("", rec.instance)
        studio.call(session)
        child.stdin.close()
    assert child.returncode == 0
    rec.close()
    verdict = verify(studio.root)
    assert verdict.ok, verdict.findings
    assert (len(verdict.logs), len(verdict.sessions)) == (2, 2)


def test_a_free_log_is_taken_over_and_grows(studio: Any) -> None:
    first, second = studio.open(), None
    second = studio.open()
    assert first.instance != second.instance
    first.close()
    third = studio.open()
    assert third.instance == first.instance
    second.close()
    third.close()
    assert not verify(studio.root).findings


FORKING = """
import os, sys
from gloveport.recordings.recorder import Recorder
recorder = Recorder.open(sys.argv[1], min_free_bytes=0)
if (child := os.fork()) == 0:
    os._exit(0)
os.waitpid(child, 0)
other = Recorder.open(sys.argv[1], min_free_bytes=0)
assert other.instance != recorder.instance, "the child's end freed the parent's lock"
other.close(), recorder.close()
"""


def test_a_forked_child_does_not_free_the_lock_when_it_ends(studio: Any) -> None:
    subprocess.run([sys.executable, "-c", FORKING, str(studio.root)], timeout=60, check=True)


# ---------------------------------------------------------------------------------------------------- time


def settle(condition: Any) -> None:
    """Wait for the recorder's own thread; it has no other sign to wait for."""
    limit = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit, "the recorder's thread did not get there"
        threading.Event().wait(0.01)


def test_an_idle_session_is_closed_and_one_with_a_running_call_is_not(studio: Any) -> None:
    rec = studio.open(idle_seconds=0.05)
    idle, busy = studio.session(rec), studio.session(rec)
    busy.append(events.CallReceived("t", {}), cid="c")
    settle(lambda: idle.closed)
    assert not busy.closed
    busy.append(events.CallReturned({}), cid="c")
    settle(lambda: busy.closed)
    rec.close()
    assert [find_session(studio.root, s.sid).last().body["reason"] for s in (idle, busy)] == ["idle", "idle"]


def test_a_heartbeat_bounds_silence(studio: Any) -> None:
    rec = studio.open(heartbeat_seconds=0.02)
    settle(lambda: sum(event["kind"] == "heartbeat" for event in log_events(studio.root)) >= 2)
    rec.close()
    assert log_events(studio.root)[0]["body"]["heartbeat_us"] == 20_000
    assert not verify(studio.root).findings


def test_session_files_follow_the_journal_by_themselves(studio: Any) -> None:
    rec = studio.open()
    session = studio.session(rec)
    studio.call(session)
    rec.commit_blocking()
    settle(lambda: list(studio.root.glob("sessions/*/*.jsonl")))
    assert kinds(studio.root)[-1] == "call.returned"


# ---------------------------------------------------------------------------------------------------- full disks


class Disk:
    """Lets writes through until it is full; then only what fits the room that is freed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.error = errno.ENOSPC
        write = journal.write_all

        def limited(fd: int, data: bytes, offset: int) -> None:
            if self.full:
                raise OSError(self.error, os.strerror(self.error))
            write(fd, data, offset)

        for module in (journal, projection, room):
            monkeypatch.setattr(module, "write_all", limited)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(recorder, "SPACE_SECONDS", 0.01)
    return Disk(monkeypatch)


async def test_on_a_full_disk_calls_are_refused_and_it_goes_on_when_there_is_room(studio: Any, disk: Disk) -> None:
    rec = studio.open()
    session = studio.session(rec)
    await session.commit()
    disk.full = True
    cid = new_id()
    session.append(events.CallReceived("t", {}), cid=cid)
    with pytest.raises(RecorderUnavailable, match="full disk"):
        await session.commit()
    with pytest.raises(RecorderUnavailable, match="full disk"):
        session.append(events.CallReceived("t", {}), cid=new_id())
    session.append(events.CallFailed("recorder-unavailable"), cid=cid)  # the running call may still end
    with pytest.raises(RecorderUnavailable):
        await session.commit(read_only=True)
    disk.full = False
    settle(lambda: rec._room.need is None)
    studio.call(session)
    await session.commit()
    rec.close()
    verdict = verify(studio.root)
    assert verdict.ok, verdict.findings
    (told,) = [event["body"] for event in log_events(studio.root) if event["kind"] == "recorder.degraded"]
    assert (told["reason"], told["refused"]) == ("disk_full", 1)
    assert told["since"] <= told["until"]


async def test_the_reserve_takes_the_last_events(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rec = studio.open()
    session = studio.session(rec)
    await session.commit()
    ballast = studio.root / "log" / rec.instance / "ballast"
    assert ballast.stat().st_size == room.BALLAST_BYTES
    write = journal.write_all

    def full_until_freed(fd: int, data: bytes, offset: int) -> None:
        if ballast.exists():
            raise OSError(errno.ENOSPC, "full")
        write(fd, data, offset)

    monkeypatch.setattr(journal, "write_all", full_until_freed)
    monkeypatch.setattr(rec, "_tidy", lambda: None)
    studio.call(session)
    await session.commit()  # fits, since the reserve was given up
    assert not ballast.exists()
    with pytest.raises(RecorderUnavailable, match="full disk"):
        session.append(events.CallReceived("t", {}), cid=new_id())


async def test_best_effort_lets_reads_pass_and_says_so(studio: Any, disk: Disk) -> None:
    rec = studio.open(mode="best_effort")
    session = studio.session(rec)
    await session.commit()
    disk.full = True
    cid = new_id()
    session.append(events.CallReceived("t", {}), cid=cid)
    await session.commit(read_only=True)
    with pytest.raises(RecorderUnavailable):
        await session.commit(read_only=False)
    session.append(events.CallFailed("x"), cid=cid)
    disk.full = False
    settle(lambda: rec._room.need is None)
    rec.close()
    (told,) = [event["body"] for event in log_events(studio.root) if event["kind"] == "recorder.degraded"]
    assert told["unsynced"] >= 1
    assert not verify(studio.root).findings
    assert "call.failed" in kinds(studio.root)


async def test_an_error_that_is_not_a_full_disk_is_final(studio: Any, disk: Disk) -> None:
    rec = studio.open(mode="best_effort")
    session = studio.session(rec)
    await session.commit()
    disk.error, disk.full = errno.EIO, True
    session.append(events.CallReceived("t", {}), cid="c")
    with pytest.raises(RecorderUnavailable, match="mend it and restart"):
        await session.commit(read_only=True)
    disk.full = False
    with pytest.raises(RecorderUnavailable) as again:
        session.append(events.CallReturned({}), cid="c")
    assert again.value.reason == "io_error"
    with pytest.raises(RecorderUnavailable):
        rec.close()


async def test_a_sync_that_failed_is_never_tried_again(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rec = studio.open()
    session = studio.session(rec)
    await session.commit()

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, "lost")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "sync_file", broken)
        studio.call(session)
        with pytest.raises(RecorderUnavailable):
            await session.commit()
    with pytest.raises(RecorderUnavailable):
        await session.commit()
    with pytest.raises(RecorderUnavailable):
        rec.close()


async def test_with_too_little_free_space_new_calls_are_refused(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "SPACE_SECONDS", 0.01)
    rec = studio.open(min_free_bytes=2**62)
    settle(lambda: rec._room.need is not None)
    session = studio.session(rec)
    with pytest.raises(RecorderUnavailable, match="too little free space") as refused:
        session.append(events.CallReceived("t", {}), cid="c")
    assert refused.value.reason == "disk_low"


LIMITED = """
import asyncio, resource, signal, sys
from gloveport.recordings.recorder import Recorder, RecorderUnavailable
from gloveport.recordings import events
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
async def main():
    recorder = Recorder.open(sys.argv[1], min_free_bytes=0)
    session = recorder.session(None, events.SessionOpened("process", events.Principal("bob")))
    await session.commit()
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
    for number in range(100_000):
        try:
            session.append(events.CallReceived("t", {"text": "x" * 8000}), cid=str(number))
            session.append(events.CallFailed("x"), cid=str(number))
            await session.commit()
        except RecorderUnavailable as error:
            print(number, error.reason, flush=True)
            import os; os._exit(0)
asyncio.run(main())
"""


def test_a_real_limit_of_the_system_stops_calls_and_loses_none_that_was_acknowledged(studio: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(studio.root)], capture_output=True, text=True, timeout=60, check=True
    )
    number, reason = done.stdout.split()
    assert reason == "io_error"  # EFBIG: not a disk that may have room again
    studio.open().close()
    verdict = verify(studio.root)
    assert verdict.ok, verdict.findings
    assert verdict.calls >= int(number) > 50


def test_reading_what_is_not_there(studio: Any, tmp_path: Path) -> None:
    assert list(read_sessions(tmp_path / "nothing")) == []
    with pytest.raises(TranscriptError, match="no session is recorded"):
        find_session(tmp_path, "last")
