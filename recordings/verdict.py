"""What `gloveport.recordings.verify` says: two verdicts, what they rest on, and what they cannot know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import JsonValue

from .values import JsonObject

About = Literal["integrity", "completeness"]

LIMITS: Final = (
    "Whoever may write this folder can rewrite a session and the journal together, bring both back to an earlier state,"
    " or take a whole log away. Keep what is shown here elsewhere: a log of the same size must have the same head.",
    "Identity is recorded as the server believed it; a model's name is its client's word.",
)
ALONE: Final = (
    "Only this file was looked at: without the log beside it nobody can tell whether events are missing at its end, "
    "or whether the whole file was written anew.",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction. ``where`` is ``file:line`` below the folder that was verified; ``text`` holds no content."""

    about: About
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a verdict reaches: the events of one session or one log, and a hash that stands for all of them.

    For a session that is the leaf hash of its last event; for a log, SHA-256 over the leaf hashes of all ``size``
    events in its journal, those of its sessions included.
    """

    id: str
    path: str
    events: int
    head: str | None
    until: int | None  # ts of the last event, microseconds since the epoch
    state: Literal["closed", "open", "interrupted"]
    size: int | None = None

    def as_json(self) -> JsonObject:
        return {
            "id": self.id,
            "path": self.path,
            "events": self.events,
            "head": self.head,
            "until": self.until,
            "state": self.state,
            "size": self.size,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a verification. ``notes`` are worth reading and no contradiction; ``limits`` always hold."""

    path: str
    sessions: tuple[Extent, ...]
    logs: tuple[Extent, ...]
    calls: int
    blobs: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    limits: tuple[str, ...] = LIMITS

    @property
    def intact(self) -> bool:
        """Every byte is as it was written, as far as this can be told."""
        return not any(finding.about == "integrity" for finding in self.findings)

    @property
    def complete(self) -> bool:
        """Every call has exactly one end, every session and log its beginning and end, and no silence between."""
        return not any(finding.about == "completeness" for finding in self.findings)

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def events(self) -> int:
        """The number of events looked at, those of the logs themselves included."""
        return sum(extent.events for extent in self.sessions) + sum(extent.events for extent in self.logs)

    @property
    def summary(self) -> str:
        """One line."""
        looked = f"{_count(len(self.sessions), 'session')}, {_count(self.events, 'event')}"
        if self.blobs:
            looked += f", {_count(self.blobs, 'blob')}"
        words = "intact and complete" if self.ok else ("intact" if self.intact else "NOT intact")
        if not self.complete:
            words += ", NOT complete"
        ends = [extent.until for extent in (*self.sessions, *self.logs) if extent.until is not None]
        until = f", up to {shown_time(max(ends))}" if ends else ""
        return f"{looked}: {words}{until}"

    def as_json(self) -> JsonObject:
        """For programs."""
        findings: list[JsonValue] = [
            {"about": finding.about, "where": finding.where, "text": finding.text} for finding in self.findings
        ]
        return {
            "ok": self.ok,
            "intact": self.intact,
            "complete": self.complete,
            "summary": self.summary,
            "path": self.path,
            "events": self.events,
            "calls": self.calls,
            "blobs": self.blobs,
            "findings": findings,
            "notes": [*self.notes],
            "limits": [*self.limits],
            "sessions": [extent.as_json() for extent in self.sessions],
            "logs": [extent.as_json() for extent in self.logs],
        }


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def shown_time(ts: int) -> str:
    """A time in microseconds since the epoch, to the second, in UTC; as the bare number beyond the calendar."""
    try:
        return f"{datetime.fromtimestamp(ts / 1_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{ts} µs"
