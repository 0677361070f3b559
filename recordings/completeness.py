"""Whether a transcript tells all: a ledger that takes a session's events, or a log's, and says what is missing.

This is apart from integrity. A transcript of which nobody changed a byte can lack the end of a call; and one that was
cut and chained anew can look complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal, cast

from .envelope import Event
from .events import END_KINDS, Kind

State = Literal["closed", "open", "interrupted"]
Problem = tuple[int, str]  # line (0: the file as a whole), what is wrong

_SUMS: Final = {
    Kind.CALL_RETURNED: "returned",
    Kind.CALL_DENIED: "denied",
    Kind.CALL_FAILED: "failed",
    Kind.CALL_PENDING: "pending",
    Kind.CALL_UNRESOLVED: "unresolved",
}
_SILENCE: Final = 2.5  # heartbeats that may be missed before it is told
_SLACK: Final = 1_000_000  # and microseconds: a busy machine is no finding
_CallKey = tuple[str, int]


class _CallState:
    """What one attempt of a call has shown so far."""

    __slots__ = ("allowed", "asked", "begun", "line")

    def __init__(self, line: int) -> None:
        self.line = line
        self.allowed = False
        self.asked = False  # the policy wants a human's yes that did not come yet
        self.begun = False


class SessionLedger:
    """Takes the events of one session in their order."""

    def __init__(self) -> None:
        self.calls = 0
        self.unresolved = 0
        self.closed = False
        self.problems: list[Problem] = []
        self._events = 0
        self._open: dict[_CallKey, _CallState] = {}
        self._ended: set[_CallKey] = set()
        self._ends: Counter[str] = Counter()
        self._mono = 0

    def take(self, event: Event) -> None:
        """One event more."""
        self._events += 1
        line = event.line
        if self._events == 1 and event.kind != Kind.SESSION_OPENED:
            self._say(line, "the session does not begin with session.opened")
        if self.closed:
            self._say(line, "an event after session.closed")
        if event.mono < self._mono:
            self._say(line, "its time since the session was opened lies before that of the event above")
        self._mono = event.mono
        if event.cid is not None:
            self._call((event.cid, event.att), event)
        elif event.kind == Kind.SESSION_CLOSED:
            self.closed = True
            self._compare(event)

    def _call(self, key: _CallKey, event: Event) -> None:
        kind, state = event.kind, self._open.get(key)
        if kind == Kind.CALL_RECEIVED:
            self.calls += 1
            if state is not None or key in self._ended:
                self._say(event.line, "a second call.received of the same call")
            self._open[key] = _CallState(event.line)
            return
        if state is None:
            again = "after its end" if key in self._ended else "without call.received"
            self._say(event.line, f"{kind} of a call {again}")
            return
        if kind in END_KINDS:
            if kind == Kind.CALL_RETURNED and not state.begun:
                self._say(event.line, "call.returned of a call that never started")
            self.unresolved += kind == Kind.CALL_UNRESOLVED
            del self._open[key]
            self._ended.add(key)
            self._ends[_SUMS[cast("Kind", kind)]] += 1
        elif kind == Kind.POLICY_DECIDED and event.body.get("authoritative") is not False:
            state.allowed = event.body.get("effect") != "deny"
            state.asked = event.body.get("effect") == "ask"
        elif kind == Kind.APPROVAL_GIVEN:
            state.asked = state.asked and event.body.get("verdict") != "approved"
        elif kind == Kind.EXEC_STARTED:
            state.begun = True
            if not state.allowed:
                self._say(event.line, "exec.started without a decision that allows it")
            elif state.asked:
                self._say(event.line, "exec.started without the approval that was asked for")

    def _compare(self, event: Event) -> None:
        counted = {"events": self._events, "calls": self.calls, **{name: self._ends[name] for name in _SUMS.values()}}
        for name, number in counted.items():
            said = event.body.get(name)
            if said != number:
                self._say(event.line, f"session.closed counts {said} {name}, the file has {number}")

    def finish(self, state: State) -> Iterator[Problem]:
        """What is wrong, given that the log that wrote the session is in this state."""
        yield from self.problems
        if self._events and not self.closed and state == "closed":
            yield 0, "the session was never closed, though its log was"
        if self.closed or state == "closed":
            for (cid, _), call in self._open.items():
                yield call.line, f"call {cid} has no end event"

    @property
    def running(self) -> int:
        """Calls without an end so far."""
        return len(self._open)

    def _say(self, line: int, text: str) -> None:
        self.problems.append((line, text))


class LogLedger:
    """Takes the log's own events in their order."""

    def __init__(self) -> None:
        self.closed = False
        self.problems: list[Problem] = []
        self._beat: int | None = None  # microseconds between heartbeats
        self._last: Event | None = None
        self._recovery_due = False

    def take(self, event: Event) -> None:
        """One event more."""
        last, self._last = self._last, event
        if last is None and event.kind != Kind.LOG_OPENED:
            self._say(event.line, "the log does not begin with log.opened")
        if self._recovery_due and event.kind != Kind.LOG_RECOVERED:
            self._say(event.line, "the process before ended without log.closed, and log.recovered does not say so")
        self._recovery_due = False
        if event.kind == Kind.LOG_OPENED:
            self._recovery_due = last is not None and not self.closed
            self.closed = False
            beat = event.body.get("heartbeat_us")
            self._beat = beat if isinstance(beat, int) and beat > 0 else None
            return
        if self.closed:
            self._say(event.line, "an event after log.closed")
        self.closed = event.kind == Kind.LOG_CLOSED
        if last is not None and self._beat is not None and last.writer == event.writer:
            silence = event.mono - last.mono
            if (
                silence > _SILENCE * self._beat + _SLACK and event.kind != Kind.RECORDER_DEGRADED
            ):  # which tells of it itself
                self._say(
                    event.line,
                    f"{silence // 1_000_000} s of silence before it, where a heartbeat was due "
                    f"every {self._beat // 1_000_000} s: the process hung, or events are missing",
                )

    @property
    def last(self) -> Event | None:
        return self._last

    @property
    def beat(self) -> int | None:
        """Microseconds between heartbeats, if this log has them."""
        return self._beat

    def _say(self, line: int, text: str) -> None:
        self.problems.append((line, text))
