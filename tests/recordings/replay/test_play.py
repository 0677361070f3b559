from __future__ import annotations

from typing import Any

import pytest

from gloveport.recordings import events
from gloveport.recordings.reader import find_session
from gloveport.recordings.replay.play import Pace, moments


@pytest.mark.parametrize(
    ("pace", "microseconds", "seconds"),
    [
        (Pace(), 500_000, 0.5),
        (Pace(), 9_000_000, 2.0),
        (Pace(speed=10), 9_000_000, 0.9),
        (Pace(speed=0), 9_000_000, 0.0),
        (Pace(idle=0), 9_000_000, 0.0),
        (Pace(), -5, 0.0),
    ],
)
def test_waits_are_scaled_and_capped(pace: Pace, microseconds: int, seconds: float) -> None:
    assert pace.wait(microseconds) == pytest.approx(seconds)


def test_calls_that_are_not_wanted_are_left_out_and_the_session_stays(studio: Any) -> None:
    with studio.open() as recorder:
        session = studio.session(recorder)
        studio.call(session, 0)
        studio.call(session, 1, events.CallDenied("no"))
    found = find_session(studio.root, "last")
    everything = list(moments(found, Pace(speed=0)))
    assert [moment.event.seq for moment in everything] == list(range(len(everything)))
    assert not any(moment.wait for moment in everything)
    denied = list(moments(found, Pace(speed=0), lambda call: call.outcome == "denied"))
    assert [moment.event.kind for moment in denied] == [
        "session.opened",
        "call.received",
        "identity.checked",
        "policy.decided",
        "call.denied",
        "session.closed",
    ]
    assert {moment.call.outcome for moment in denied if moment.call} == {"denied"}


def test_times_are_those_of_the_recording(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000_000]
    monkeypatch.setattr("gloveport.recordings.recorder.time.monotonic_ns", lambda: now[0])
    with studio.open() as recorder:
        session = studio.session(recorder)
        now[0] += 1_500_000_000
        session.append(events.CallReceived("t", {}), cid="c")
        now[0] += 60_000_000_000
        session.append(events.CallReturned({}), cid="c")
    waits = [moment.wait for moment in moments(find_session(studio.root, "last"), Pace(idle=5))]
    assert waits == pytest.approx([0, 1.5, 5, 0], abs=0.01)
