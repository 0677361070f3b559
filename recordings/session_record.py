"""One session's transcript, open for appending: what the chain holds of a `gloveport.recordings.recorder.Recorder`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from .chain import Chain
from .events import Body, Kind
from .keys import SessionMac
from .projection import LineFile
from .values import canonical, dumps, normalise


class RecordingError(ValueError):
    """The recorder was used against its rules: an event after the end, an end without beginning, a foreign session."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A body written out, for an event that stands in a session again and again. Make one with `prepared`."""

    body: Body
    data: bytes

    @property
    def kind(self) -> Kind:
        return self.body.kind


def prepared(body: Body) -> Prepared:
    """``body`` for `SessionRecord.append`, as often as it is needed."""
    return Prepared(body, dumps(normalise(body)))


class Writer(Protocol):
    """The recorder behind a session."""

    def append(self, record: SessionRecord, body: Body | Prepared, cid: str | None = None, att: int = 0) -> None: ...
    async def commit(self, *, read_only: bool = False) -> None: ...
    def close_session(self, record: SessionRecord, reason: str) -> None: ...


class SessionRecord:
    """One session's transcript, open for appending. Made by `Recorder.session`."""

    def __init__(self, recorder: Writer, chain: Chain, file: LineFile, mac: SessionMac | None) -> None:
        self._recorder = recorder
        self._mac = mac
        self.chain = chain
        self.file = file
        self.principal: tuple[str, str | None] | None = None
        self.started = time.monotonic_ns() - chain.mono * 1000
        self.used = time.monotonic()

    @property
    def sid(self) -> str:
        """The session's id, a ULID."""
        return self.chain.sid

    @property
    def closed(self) -> bool:
        """Whether `SessionClosed` was appended."""
        return self.chain.closed

    def append(self, body: Body | Prepared, *, cid: str | None = None, att: int = 0) -> None:
        """Add one event; it is durable after the next `commit`. Thread-safe, no I/O.

        Raises:
            RecorderUnavailable: storage is out of order; new calls are also refused while the disk is full.
            RecordingError: the session is closed, or the event does not fit the call's earlier ones.
            TypeError: a field holds what JSON does not know.
        """
        self._recorder.append(self, body, cid, att)

    async def commit(self, *, read_only: bool = False) -> None:
        """Return when everything appended before is durable: the barrier. Raises `RecorderUnavailable`.

        With ``read_only``, a recorder in ``best_effort`` mode lets the call pass while the disk is full.
        """
        await self._recorder.commit(read_only=read_only)

    def mac(self, data: bytes) -> str:
        """HMAC-SHA-256 of ``data`` under this session's key, 64 hex digits."""
        if self._mac is None:
            raise RecordingError("this session has no key")
        return self._mac.mac(data)

    def args_mac(self, arguments: object) -> str:
        """The MAC of raw arguments, for `CallReceived.args_mac`. Raises TypeError for what JSON does not know."""
        return self.mac(canonical(arguments))

    def close(self, reason: str = "client") -> None:
        """End the session; calls without outcome get `CallUnresolved`. A second close does nothing."""
        self._recorder.close_session(self, reason)
