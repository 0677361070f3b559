"""The events of a transcript put together by call: what was asked, what was decided and done, how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import JsonValue

from .envelope import Event
from .events import END_KINDS, Kind
from .values import JsonObject

Outcome = Literal["returned", "denied", "failed", "pending", "unresolved", "running"]

_OUTCOMES: Final[dict[str, Outcome]] = {
    Kind.CALL_RETURNED: "returned",
    Kind.CALL_DENIED: "denied",
    Kind.CALL_FAILED: "failed",
    Kind.CALL_PENDING: "pending",
    Kind.CALL_UNRESOLVED: "unresolved",
}


@dataclass(slots=True)
class RecordedCall:
    """One attempt of one call."""

    cid: str
    att: int
    events: list[Event] = field(default_factory=list[Event])

    def first(self, kind: str) -> Event | None:
        """Its first event of a kind."""
        return next((event for event in self.events if event.kind == kind), None)

    def body(self, kind: str) -> JsonObject:
        """The body of its first event of a kind, else an empty one."""
        event = self.first(kind)
        return {} if event is None else event.body

    @property
    def tool(self) -> str:
        return str(self.body(Kind.CALL_RECEIVED).get("tool", ""))

    @property
    def arguments(self) -> JsonValue:
        """The arguments as they are recorded: names as they are, data by type and size."""
        return self.body(Kind.CALL_RECEIVED).get("args", {})

    @property
    def arguments_mac(self) -> str | None:
        mac = self.body(Kind.CALL_RECEIVED).get("args_mac")
        return mac if isinstance(mac, str) else None

    @property
    def end(self) -> Event | None:
        """The event it ended with, or None while it runs."""
        return next((event for event in reversed(self.events) if event.kind in END_KINDS), None)

    @property
    def outcome(self) -> Outcome:
        end = self.end
        return "running" if end is None else _OUTCOMES[end.kind]

    @property
    def result(self) -> JsonValue:
        """What was released, as it is recorded: perhaps a blob mark. None when nothing was."""
        end = self.end
        return None if end is None else end.body.get("result")


def calls_of(events: Iterable[Event]) -> list[RecordedCall]:
    """The calls of a session in the order they were received."""
    calls: dict[tuple[str, int], RecordedCall] = {}
    for event in events:
        if event.cid is not None:
            key = (event.cid, event.att)
            if key not in calls:
                calls[key] = RecordedCall(*key)
            calls[key].events.append(event)
    return list(calls.values())


def objects(value: JsonValue) -> Iterator[JsonObject]:
    """The objects in a list; nothing for any other value. Readers keep to what they know of a later version."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def texts(value: JsonValue) -> list[str]:
    """The strings in a list; none for any other value."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
