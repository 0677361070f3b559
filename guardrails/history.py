"""What a principal did lately, over all its sessions: a caller may begin a new session with every call, and must not
shed what counts against it by doing so."""

from __future__ import annotations

import time
import weakref
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

LONGEST_SECONDS: Final = 3600.0  # the longest window a rate may have
MOST_CALLS: Final = 10_000
MOST_PRINCIPALS: Final = 10_000


class SessionState(Protocol):
    """What a decision reads of a session. ``classes`` are those of the data released in it so far."""

    calls: int
    classes: set[str]
    transport: str


class CallHistory:
    """One principal's calls within the last hour, those in flight included, and the sessions they belong to."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun: list[float] = []  # in order of time
        self._sessions: weakref.WeakSet[SessionState] = weakref.WeakSet()

    def begin(self, session: SessionState) -> None:
        self._begun.append(self._clock())
        if len(self._begun) > 2 * MOST_CALLS:
            del self._begun[:-MOST_CALLS]
        self._sessions.add(session)

    def calls(self, seconds: float) -> int:
        """How many calls began within the last seconds, up to ten thousand and an hour."""
        since = self._clock() - min(seconds, LONGEST_SECONDS)
        return min(len(self._begun) - bisect_left(self._begun, since), MOST_CALLS)

    def classes(self) -> frozenset[str]:
        """The classes of all data released in sessions that are still open."""
        return frozenset[str]().union(*(session.classes for session in self._sessions))


class Histories:
    """The histories of the principals seen last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, CallHistory] = OrderedDict()

    def begun(self, principal: str, session: SessionState) -> CallHistory:
        """Count a call that begins now."""
        history = self._known.pop(principal, None) or CallHistory(self._clock)
        self._known[principal] = history
        while len(self._known) > MOST_PRINCIPALS:
            self._known.popitem(last=False)
        history.begin(session)
        return history
