"""A recorded session as a source of answers: the same call gets the same released result, byte for byte.

A transcript holds exactly what the caller was given, so a replay needs no database, no key of the masker and no raw
value. What it needs is to tell which recorded call a new call is:

* With the session's key at hand (``keys/mac/``), by the keyed MAC of the raw arguments: exact.
* Without it, by what the transcript shows of them: names are equal, data has the same type and size and holds the same
  tokens.

``arguments`` takes the calls in any order: equal calls get their recorded answers in turn, and the last one again when
there are no more. ``strict`` takes the calls in the order they were recorded in, each once. A call that fits none is a
`Miss`; there is nothing behind a replay that it could fall through to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from ..blobs import BlobError
from ..calls import RecordedCall, calls_of
from ..events import Kind
from ..keys import MacKeys, SessionMac
from ..layout import Layout
from ..reader import SessionFile, TranscriptError
from ..values import JsonObject
from .matching import alike, by_size, described_call

Match = Literal["arguments", "strict"]


class Miss(LookupError):
    """No recorded call fits; the text names what was expected and what came, data by type and size only."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller was given: the recorded outcome and the whole result."""

    call: RecordedCall
    result: JsonObject


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call that wants an answer; as text, its arguments by type and size."""

    tool: str
    arguments: Mapping[str, JsonValue]
    mac: str | None

    def __str__(self) -> str:
        return described_call(self.tool, by_size(self.arguments))


class Cassette:
    """A session ready to be asked again. Not thread-safe: one caller at a time moves it on."""

    def __init__(self, session: SessionFile, *, match: Match = "arguments") -> None:
        """Raises `TranscriptError` when the transcript cannot be read."""
        self._session = session
        self._match: Match = match
        events = list(session.events())
        catalogs = [event.body.get("catalog") for event in events if event.kind == Kind.CATALOG_SEEN]
        self._catalogs = [digest for digest in catalogs if isinstance(digest, str)]
        self.calls: Sequence[RecordedCall] = calls_of(events)
        self._used: set[int] = set()
        self._next = 0
        self._mac = _session_mac(session)
        self.served = 0
        self.missed = 0

    @property
    def sid(self) -> str:
        return self._session.sid

    @property
    def exact(self) -> bool:
        """Whether the session's key is here, so that arguments are compared as they were, not as they show."""
        return self._mac is not None

    def catalog(self) -> list[JsonObject]:
        """The tool list as it was shown last, one object per tool; empty when none was asked for.

        Raises `TranscriptError` when it cannot be read.
        """
        if not self._catalogs:
            return []
        try:
            tools = self._session.blobs.json(self._catalogs[-1])
        except BlobError as error:
            raise TranscriptError(f"{self._session.path}: {error}") from None
        if not isinstance(tools, list):
            raise TranscriptError(f"{self._session.path}: blob {self._catalogs[-1]}: not a tool list")
        return [tool for tool in tools if isinstance(tool, dict)]

    def answer(self, tool: str, arguments: Mapping[str, JsonValue]) -> Answer:
        """What was answered to this call. Raises `Miss`, and `TranscriptError` when the answer cannot be read."""
        asked = _Asked(tool, arguments, self._mac.args_mac(arguments) if self._mac is not None else None)
        try:
            number = self._in_order(asked) if self._match == "strict" else self._any(asked)
            call = self.calls[number]
            result = self._whole(call)
        except (Miss, TranscriptError):
            self.missed += 1
            raise
        self._used.add(number)
        self._next = number + 1
        self.served += 1
        return Answer(call, result)

    def _in_order(self, asked: _Asked) -> int:
        count = len(self.calls)
        if self._next >= count:
            raise Miss(f"the recording ends after {count} calls; got {asked}")
        expected = self.calls[self._next]
        if not self._fits(expected, asked):
            raise Miss(f"call {self._next + 1} of {count}: {self._difference(expected, asked)}")
        return self._next

    def _any(self, asked: _Asked) -> int:
        fitting = [number for number, call in enumerate(self.calls) if self._fits(call, asked)]
        if fitting:
            return next((number for number in fitting if number not in self._used), fitting[-1])
        left = [call for number, call in enumerate(self.calls) if number not in self._used] or list(self.calls)
        nearest = next((call for call in left if call.tool == asked.tool), left[0] if left else None)
        if nearest is None:
            raise Miss(f"the recording has no call; got {asked}")
        raise Miss(f"none of {len(self.calls)} recorded calls fits: {self._difference(nearest, asked)}")

    def _fits(self, call: RecordedCall, asked: _Asked) -> bool:
        if call.tool != asked.tool:
            return False
        if asked.mac is not None and call.arguments_mac is not None:
            return asked.mac == call.arguments_mac
        return alike(self._arguments(call), dict(asked.arguments))

    def _arguments(self, call: RecordedCall) -> JsonValue:
        try:
            return self._session.blobs.whole(call.arguments)
        except BlobError as error:
            raise TranscriptError(f"{self._session.path}:{call.events[0].line}: {error}") from None

    def _difference(self, expected: RecordedCall, asked: _Asked) -> str:
        arguments = self._arguments(expected)
        same = expected.tool == asked.tool and alike(arguments, dict(asked.arguments))
        why = " (of the same type and size, but other data)" if same else ""
        got = described_call(asked.tool, by_size(asked.arguments, arguments))
        return f"expected {described_call(expected.tool, arguments)}; got {got}{why}"

    def _whole(self, call: RecordedCall) -> JsonObject:
        end = call.end
        where = f"{self._session.path}:{end.line if end else call.events[0].line}"
        if call.result is None:
            raise TranscriptError(f"{where}: call {call.cid} has no recorded answer, it is {call.outcome}")
        try:
            result = self._session.blobs.whole(call.result)
        except BlobError as error:
            raise TranscriptError(f"{where}: {error}") from None
        if not isinstance(result, dict):
            raise TranscriptError(f"{where}: the recorded answer is not an object")
        return result


def _session_mac(session: SessionFile) -> SessionMac | None:
    layout: Layout = session.blobs.layout
    try:
        return MacKeys(layout.mac_keys).session(session.sid)
    except (OSError, ValueError):  # not readable for this user, or not a session of ours: compare what shows
        return None
