"""What sessions there are, each in one row, from the first and the last line of its file.

No index is stored: ids sort by time, and a closed session carries its own sums, so that a listing reads two lines per
session, however long it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from .chain import Chain
from .envelope import Event
from .events import Kind
from .reader import SessionFile, TranscriptError, read_sessions
from .values import JsonObject


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session. Times are microseconds since the epoch; ``until`` is that of the last event, ``us`` the length."""

    sid: str
    opened: int
    until: int
    us: int
    closed: str | None  # why it was closed; None while it is open, or after a crash until the next start
    who: str
    agent: str | None
    model: str | None
    model_asserted_by: str | None
    purpose: str | None
    client: str | None
    door: str | None
    basis: str | None
    events: int
    calls: int
    returned: int
    denied: int
    failed: int
    pending: int
    unresolved: int

    def as_json(self) -> JsonObject:
        return cast("JsonObject", asdict(self))


def session_rows(root: str | Path, *, latest: int | None = None) -> Iterator[SessionRow | TranscriptError]:
    """The sessions under a recordings folder, latest first; an error in place of one that cannot be read."""
    sessions = list(read_sessions(root))[::-1]
    for session in sessions[:latest]:
        try:
            yield session_row(session)
        except TranscriptError as error:
            yield error


def session_row(session: SessionFile) -> SessionRow:
    """The row of one session. Raises `TranscriptError` when its first or last line cannot be read."""
    first, last = session.first(), session.last()
    body = first.body
    agent, model, client = _part(body, "agent"), _part(body, "model"), _part(body, "client")
    sums = last.body if last.kind == Kind.SESSION_CLOSED else _counted(session)
    return SessionRow(
        sid=session.sid,
        opened=first.ts,
        until=last.ts,
        us=last.mono,
        closed=_text(last.body, "reason") if last.kind == Kind.SESSION_CLOSED else None,
        who=_text(_part(body, "principal"), "sub") or "",
        agent=_text(agent, "name"),
        model=_text(model, "name"),
        model_asserted_by=_text(model, "asserted_by"),
        purpose=_text(_part(body, "purpose"), "text"),
        client=_text(client, "name"),
        door=_text(body, "door"),
        basis=_text(body, "basis"),
        **{name: _number(sums, name) for name in _SUMS},
    )


_SUMS = ("events", "calls", "returned", "denied", "failed", "pending", "unresolved")


def _counted(session: SessionFile) -> JsonObject:
    """The sums of a session that has not been closed."""
    chain = Chain(session.sid)
    for event in session.events():
        _advance(chain, event)
    ends: JsonObject = {name: chain.ends.get(name, 0) for name in _SUMS[2:]}
    return {"events": chain.seq, "calls": chain.calls, **ends}


def _advance(chain: Chain, event: Event) -> None:
    chain.advance(event.kind, event.cid, event.att, event.leaf, 0, event.mono)


def _part(body: JsonObject, name: str) -> JsonObject:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _text(body: JsonObject, name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def _number(body: JsonObject, name: str) -> int:
    value = body.get(name)
    return value if isinstance(value, int) else 0
