"""Completeness apart from integrity: these transcripts are chained without fault, and still do not tell all."""

from __future__ import annotations

from typing import Any

import pytest

from gloveport.recordings import events
from gloveport.recordings.completeness import LogLedger, SessionLedger
from gloveport.recordings.envelope import Event
from gloveport.recordings.values import JsonObject, normalise


def event(seq: int, body: events.Body | str, cid: str | None = None, *, mono: int | None = None, w: str = "w") -> Event:
    fields: JsonObject = {} if isinstance(body, str) else normalise(body)  # type: ignore[assignment]
    kind = body if isinstance(body, str) else body.kind
    at = seq * 1000 if mono is None else mono
    return Event("S", seq, kind, at, at, w, "s", None, fields, "l", cid=cid, line=seq + 1)


OPENED = events.SessionOpened("process", events.Principal("ana"))
RECEIVED, DECIDED = events.CallReceived("t", {}), events.PolicyDecided("allow", ["r"], {})
STARTED, RETURNED = events.ExecStarted(["read"]), events.CallReturned({})
WHOLE: list[tuple[Any, str | None]] = [(OPENED, None), (RECEIVED, "c"), (DECIDED, "c"), (STARTED, "c"), (RETURNED, "c")]


def closed(calls: int = 1, returned: int = 1, count: int = 6) -> events.SessionClosed:
    return events.SessionClosed("client", calls, returned, 0, 0, 0, 0, count)


def problems(made: list[tuple[Any, str | None]], state: Any = "closed") -> list[tuple[int, str]]:
    ledger = SessionLedger()
    for seq, (body, cid) in enumerate(made):
        ledger.take(event(seq, body, cid))
    return list(ledger.finish(state))


def test_a_whole_session() -> None:
    assert problems([*WHOLE, (closed(), None)]) == []


DENY = events.PolicyDecided("deny", [], {})
ASK = events.PolicyDecided("ask", ["r"], {})
YES, NO = events.ApprovalGiven("a", "approved"), events.ApprovalGiven("a", "rejected")


@pytest.mark.parametrize(
    ("made", "line", "says"),
    [
        ([*WHOLE[:-1], (closed(1, 0, 5), None)], 2, "call c has no end event"),
        ([*WHOLE, (RETURNED, "c"), (closed(), None)], 6, "call.returned of a call after its end"),
        ([*WHOLE, (RECEIVED, "c"), (closed(), None)], 6, "a second call.received"),
        ([*WHOLE, (RETURNED, "d"), (closed(), None)], 6, "call.returned of a call without call.received"),
        ([*WHOLE, (closed(), None), (STARTED, "c")], 7, "an event after session.closed"),
        (WHOLE[1:], 1, "does not begin with session.opened"),
        (WHOLE, 0, "never closed, though its log was"),
        ([*WHOLE, (closed(calls=2), None)], 6, "session.closed counts 2 calls, the file has 1"),
        ([*WHOLE, (closed(count=9), None)], 6, "session.closed counts 9 events, the file has 6"),
        ([WHOLE[0], WHOLE[1], WHOLE[3], WHOLE[4], (closed(count=5), None)], 3, "without a decision"),
        (
            [*WHOLE[:2], (events.PolicyDecided("deny", [], {}), "c"), *WHOLE[3:], (closed(), None)],
            4,
            "without a decision",
        ),
        ([*WHOLE[:3], WHOLE[4], (closed(count=5), None)], 4, "of a call that never started"),
        ([*WHOLE[:2], (ASK, "c"), *WHOLE[3:], (closed(), None)], 4, "without the approval"),
        ([*WHOLE[:2], (ASK, "c"), (NO, "c"), *WHOLE[3:], (closed(count=7), None)], 5, "without the approval"),
    ],
)
def test_what_is_missing_is_named(made: Any, line: int, says: str) -> None:
    found = problems(made)
    assert any(at == line and says in text for at, text in found), found


def test_an_approved_call_and_a_shadow_verdict() -> None:
    assert problems([*WHOLE[:2], (ASK, "c"), (YES, "c"), *WHOLE[3:], (closed(count=7), None)]) == []
    shadow = events.PolicyDecided("deny", [], {}, authoritative=False)
    assert problems([*WHOLE[:3], (shadow, "c"), *WHOLE[3:], (closed(count=7), None)]) == []


def test_while_a_log_is_open_nothing_is_missing_yet() -> None:
    assert problems(WHOLE[:3], "open") == []
    assert problems(WHOLE[:3], "interrupted") == []


def test_kinds_of_a_later_version_are_no_problem() -> None:
    assert (
        problems([*WHOLE[:2], ("call.dreamt", "c"), *WHOLE[2:], ("session.dreamt", None), (closed(count=8), None)])
        == []
    )


def test_time_within_a_session_does_not_run_back() -> None:
    ledger = SessionLedger()
    ledger.take(event(0, OPENED, mono=9))
    ledger.take(event(1, closed(0, 0, 2), mono=8))
    assert [text for _, text in ledger.problems] == [
        "its time since the session was opened lies before that of the event above"
    ]


SECOND = 1_000_000
LOG = events.LogOpened("L", 0, "strict", events.Server(), 1, 1, heartbeat_us=60 * SECOND)
BEAT, CLOSED = events.Heartbeat(1, 0), events.LogClosed("shutdown", 3)
RECOVERED = events.LogRecovered(1, 1, 0, 0, 0, 0)
DEGRADED = events.RecorderDegraded("disk_full", 0, 1, 0)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ([(LOG, 0), (BEAT, 60), (BEAT, 120), (CLOSED, 130)], None),
        ([(LOG, 0), (BEAT, 60), (BEAT, 260), (CLOSED, 261)], "200 s of silence"),
        ([(LOG, 0), (DEGRADED, 900), (CLOSED, 901)], None),
        ([(LOG, 0), (LOG, 1), (CLOSED, 2)], "log.recovered does not say so"),
        ([(LOG, 0), (LOG, 1), (RECOVERED, 1), (CLOSED, 2)], None),
        ([(LOG, 0), (CLOSED, 1), (LOG, 2), (CLOSED, 3)], None),
        ([(LOG, 0), (CLOSED, 1), (BEAT, 2)], "an event after log.closed"),
        ([(BEAT, 0), (CLOSED, 1)], "does not begin with log.opened"),
    ],
)
def test_a_log_tells_of_its_own_gaps(made: list[tuple[events.Body, int]], says: str | None) -> None:
    ledger = LogLedger()
    for seq, (body, second) in enumerate(made):
        ledger.take(event(seq, body, mono=second * SECOND))
    found = [text for _, text in ledger.problems]
    assert (found == []) if says is None else any(says in text for text in found), found
