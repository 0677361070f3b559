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

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

import orjson
from pydantic import JsonValue

from .blobs import BlobError
from .calls import RecordedCall, calls_of
from .events import Kind
from .keys import MacKeys, SessionMac
from .layout import Layout
from .plain import cut
from .reader import SessionFile, TranscriptError
from .values import WITHHELD_MARK, JsonObject

Match = Literal["arguments", "strict"]

_MASK: Final = re.compile(r"\[masked:[a-z0-9_]+\]")
_LONGEST: Final = 160  # characters of a call in a message


class Miss(LookupError):
    """No recorded call fits; the text names what was expected and what came, data by type and size only."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller was given: the recorded outcome and the whole result."""

    call: RecordedCall
    result: JsonObject


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
        try:
            number = self._strict(tool, arguments) if self._match == "strict" else self._any(tool, arguments)
            call = self.calls[number]
            result = self._whole(call)
        except (Miss, TranscriptError):
            self.missed += 1
            raise
        self._used.add(number)
        self._next = number + 1
        self.served += 1
        return Answer(call, result)

    def _strict(self, tool: str, arguments: Mapping[str, JsonValue]) -> int:
        got = _described(tool, _shown(arguments))
        if self._next >= len(self.calls):
            raise Miss(f"the recording ends after {len(self.calls)} calls; got {got}")
        expected = self.calls[self._next]
        if not self._fits(expected, tool, arguments):
            raise Miss(
                f"call {self._next + 1} of {len(self.calls)}: expected "
                f"{_described(expected.tool, expected.arguments)}; got {got}{self._why(expected, tool, arguments)}"
            )
        return self._next

    def _any(self, tool: str, arguments: Mapping[str, JsonValue]) -> int:
        fitting = [number for number, call in enumerate(self.calls) if self._fits(call, tool, arguments)]
        if not fitting:
            got = _described(tool, _shown(arguments))
            left = [call for number, call in enumerate(self.calls) if number not in self._used] or self.calls
            same = [call for call in left if call.tool == tool]
            expected = next(iter(same or left), None)
            if expected is None:
                raise Miss(f"the recording has no call; got {got}")
            said = _described(expected.tool, expected.arguments)
            why = self._why(expected, tool, arguments)
            raise Miss(f"none of {len(self.calls)} recorded calls fits: expected for example {said}; got {got}{why}")
        return next((number for number in fitting if number not in self._used), fitting[-1])

    def _fits(self, call: RecordedCall, tool: str, arguments: Mapping[str, JsonValue]) -> bool:
        if call.tool != tool:
            return False
        if self._mac is not None and call.arguments_mac is not None:
            return self._mac.args_mac(arguments) == call.arguments_mac
        return alike(self._session.blobs.whole(call.arguments), cast("JsonValue", arguments))

    def _why(self, expected: RecordedCall, tool: str, arguments: Mapping[str, JsonValue]) -> str:
        """The one thing two descriptions that read the same do not show."""
        if expected.tool == tool and alike(expected.arguments, cast("JsonValue", arguments)):
            return " (same type and size, but other data)"
        return ""

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


def alike(recorded: JsonValue, given: JsonValue) -> bool:
    """Whether a value may be the one that is recorded, as far as the record shows it."""
    if isinstance(recorded, dict):
        mark = recorded.get(WITHHELD_MARK)
        if isinstance(mark, dict) and len(recorded) == 1:
            return _type_and_size(given) == (mark.get("type"), mark.get("size")) and _holds(given, mark.get("tokens"))
        return (
            isinstance(given, dict)
            and recorded.keys() == given.keys()
            and all(alike(value, given[key]) for key, value in recorded.items())
        )
    if isinstance(recorded, list):
        return (
            isinstance(given, list)
            and len(recorded) == len(given)
            and all(alike(one, other) for one, other in zip(recorded, given, strict=True))
        )
    if isinstance(recorded, str) and isinstance(given, str) and _MASK.search(recorded):
        around = [re.escape(part) for part in _MASK.split(recorded)]
        return re.fullmatch(".+".join(around), given, re.DOTALL) is not None
    return type(recorded) is type(given) and recorded == given


def _holds(given: JsonValue, tokens: JsonValue) -> bool:
    if not isinstance(tokens, list):
        return True
    return isinstance(given, str) and all(isinstance(token, str) and token in given for token in tokens)


def _type_and_size(value: JsonValue) -> tuple[str, int | None]:
    if isinstance(value, str):
        return "string", len(value)
    if isinstance(value, dict):
        return "object", len(value)
    if isinstance(value, list):
        return "array", len(value)
    return ("number" if isinstance(value, int | float) and not isinstance(value, bool) else "other"), None


def _shown(value: Mapping[str, JsonValue]) -> JsonValue:
    """Arguments that may hold anything, by type and size."""
    out: JsonObject = {}
    for name, item in value.items():
        kind, size = _type_and_size(item)
        mark: JsonObject = {"type": kind} if size is None else {"type": kind, "size": size}
        out[name] = item if item is None or isinstance(item, bool) else {WITHHELD_MARK: mark}
    return out


def _described(tool: str, arguments: JsonValue) -> str:
    """A call in one line: ``database_query(database=clinic, sql=<string of 43>)``."""
    named = arguments if isinstance(arguments, dict) else {}
    return cut(f"{tool}({', '.join(f'{name}={described(value)}' for name, value in named.items())})", _LONGEST)


def described(value: JsonValue) -> str:
    """A recorded argument in one line: a name as it is, data as ``<string of 43>`` with its tokens."""
    if isinstance(value, dict):
        mark = value.get(WITHHELD_MARK)
        if isinstance(mark, dict):
            size = mark.get("size")
            tokens = mark.get("tokens")
            held = f" with {', '.join(map(str, tokens))}" if isinstance(tokens, list) and tokens else ""
            return f"<{mark.get('type')}{'' if size is None else f' of {size}'}{held}>"
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _session_mac(session: SessionFile) -> SessionMac | None:
    layout: Layout = session.blobs.layout
    try:
        return MacKeys(layout.mac_keys).session(session.sid)
    except (OSError, ValueError):  # not readable for this user, or not a session of ours: compare what shows
        return None
