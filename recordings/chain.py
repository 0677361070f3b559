"""The running state of one session's chain: what the next line needs, and which calls have no end event yet.

The recorder advances it as it writes, recovery as it reads; both end with the same state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, cast

from pydantic import JsonValue

from .events import CallUnresolved, Kind, SessionClosed
from .values import JsonObject

_ENDS: Final = {
    Kind.CALL_RETURNED: "returned",
    Kind.CALL_DENIED: "denied",
    Kind.CALL_FAILED: "failed",
    Kind.CALL_PENDING: "pending",
    Kind.CALL_UNRESOLVED: "unresolved",
}
_AFTER_EXECUTION: Final = (Kind.EXEC_FINISHED, Kind.MASK_APPLIED)

CallKey = tuple[str, int]


@dataclass(slots=True)
class Chain:
    """State after the last line. ``size`` is the length of the session file in bytes, ``mono`` the last line's."""

    sid: str
    seq: int = 0
    prev: str | None = None
    size: int = 0
    mono: int = 0
    calls: int = 0
    ends: dict[str, int] = field(default_factory=dict[str, int])
    open: dict[CallKey, str] = field(default_factory=dict[CallKey, str])  # the last kind seen of each
    closed: bool = False
    kind: str = ""  # of the last line

    def advance(self, kind: str, cid: str | None, att: int, leaf: str, length: int, mono: int) -> None:
        """Take in one line of ``length`` bytes without its newline."""
        self.seq += 1
        self.prev = leaf
        self.size += length + 1
        self.mono = mono
        self.kind = kind
        if kind == Kind.SESSION_CLOSED:
            self.closed = True
        if cid is None:
            return
        key = (cid, att)
        end = _ENDS.get(cast("Kind", kind))
        if end is not None:
            self.open.pop(key, None)
            self.ends[end] = self.ends.get(end, 0) + 1
        elif kind == Kind.CALL_RECEIVED:
            self.calls += 1
            self.open[key] = kind
        elif key in self.open:
            self.open[key] = kind

    def unresolved(self, key: CallKey, reason: Literal["crash", "shutdown"]) -> CallUnresolved:
        """The end event of a call whose outcome was lost."""
        stage = self.open[key]
        if stage in _AFTER_EXECUTION:
            executed = "yes"
        elif stage == Kind.EXEC_STARTED:
            executed = "unknown"
        else:
            executed = "no"
        return CallUnresolved(reason=reason, stage=stage, executed=executed)

    def closing(self, reason: str) -> SessionClosed:
        """The last event, with the sums."""
        return SessionClosed(
            reason=reason,
            calls=self.calls,
            returned=self.ends.get("returned", 0),
            denied=self.ends.get("denied", 0),
            failed=self.ends.get("failed", 0),
            pending=self.ends.get("pending", 0),
            unresolved=self.ends.get("unresolved", 0),
            events=self.seq + 1,
        )

    def as_json(self) -> JsonObject:
        """For the log's state file."""
        return {
            "sid": self.sid,
            "seq": self.seq,
            "prev": self.prev,
            "size": self.size,
            "mono": self.mono,
            "calls": self.calls,
            "ends": dict[str, JsonValue](self.ends),
            "open": [[cid, att, stage] for (cid, att), stage in self.open.items()],
            "closed": self.closed,
            "kind": self.kind,
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> Chain:
        """The inverse of `as_json`. Raises KeyError, TypeError or ValueError for anything else."""
        open_calls = cast("list[tuple[str, int, str]]", data["open"])
        prev = data["prev"]
        return cls(
            sid=str(data["sid"]),
            seq=int(cast("int", data["seq"])),
            prev=prev if isinstance(prev, str) else None,
            size=int(cast("int", data["size"])),
            mono=int(cast("int", data["mono"])),
            calls=int(cast("int", data["calls"])),
            ends={str(k): int(cast("int", v)) for k, v in cast("JsonObject", data["ends"]).items()},
            open={(str(cid), int(att)): str(stage) for cid, att, stage in open_calls},
            closed=bool(data["closed"]),
            kind=str(data["kind"]),
        )
