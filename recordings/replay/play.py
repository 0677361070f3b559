"""Playing a session back: which events are shown, and how long to wait before each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..calls import RecordedCall, calls_of
from ..envelope import Event
from ..reader import SessionFile


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast. ``speed`` 2 is twice as fast as it was, 0 without any wait; no wait lasts longer than ``idle`` s."""

    speed: float = 1.0
    idle: float = 2.0

    def wait(self, microseconds: int) -> float:
        """Seconds to wait for what took this long. A time that ran backwards is no time."""
        if self.speed <= 0:
            return 0.0
        return min(max(microseconds, 0) / 1_000_000 / self.speed, self.idle)


@dataclass(frozen=True, slots=True)
class Moment:
    """One event in its place. ``call`` is the whole call it belongs to, so that a screen can tell how it ends."""

    event: Event
    call: RecordedCall | None
    wait: float  # seconds


def moments(
    session: SessionFile, pace: Pace = Pace(), wanted: Callable[[RecordedCall], bool] = lambda _: True
) -> Iterator[Moment]:
    """The events of a session in their order, without the calls that are not wanted.

    Raises `gloveport.recordings.reader.TranscriptError` for a line that is not an event.
    """
    events = list(session.events())
    calls = {(call.cid, call.att): call for call in calls_of(events)}
    left_out = {key for key, call in calls.items() if not wanted(call)}
    before: Event | None = None
    for event in events:
        key = None if event.cid is None else (event.cid, event.att)
        if key in left_out:
            continue
        wait = 0.0 if before is None else pace.wait(event.mono - before.mono)
        yield Moment(event, calls[key] if key is not None else None, wait)
        before = event
