"""The words of one call at the chain's door: what comes in (`Request`) and what goes out (`Release`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ..tools.tool import JsonObject, JsonValue


class Status(StrEnum):
    """How a call ended."""

    RELEASED = "released"
    REFUSED = "refused"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal is data: what, where, by which rule, and what would be allowed."""

    code: str
    message: str
    hint: str = ""
    place: str = ""
    rule: str = ""

    def as_json(self) -> JsonObject:
        return {
            k: v
            for k in ("code", "message", "hint", "place", "rule")
            if (v := getattr(self, k)) or k in ("code", "message", "hint")
        }


@dataclass(frozen=True, slots=True)
class Caller:
    """Everything a door knows about who is calling, as evidence; `Identification` turns it into an `Identity`.

    ``meta`` and ``headers`` are the caller's own words: they may name a session, an agent, a model; they never widen
    rights.
    """

    transport: str  # "stdio" | "http" | "langchain" | "cli" | "memory"
    bearer: str | None = None  # the token id of a verified bearer token (never the token)
    client: str | None = None  # "claude-ai/0.1.0", self-reported
    protocol: str | None = None
    session_header: str | None = None
    transport_session: str | None = None
    meta: Mapping[str, JsonValue] = field(default_factory=lambda: MappingProxyType({}))
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request to run one tool."""

    tool: str
    arguments: JsonObject
    caller: Caller
    progress: Callable[[float, float | None, str], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """What leaves the chain. ``content`` is masked and complete: a door only translates it.

    ``content`` always holds ``status``, ``call`` and ``session``; then the tool's masked payload, or ``error``, or
    ``approval``.
    """

    status: Status
    call: str
    session: str
    content: JsonObject

    @property
    def is_error(self) -> bool:
        return self.status in (Status.REFUSED, Status.FAILED)
