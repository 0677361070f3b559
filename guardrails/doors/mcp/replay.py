"""A recording, served as an MCP server: the door of `gloveport replay SESSION --serve`.

The door is the same as ever; behind it stands no chain but a `gloveport.recordings.replay.cassette.Cassette`, which has
nothing to fall through to. A client gets the tool list and the answers of the recorded session, byte for byte, with
their recorded call and session ids; a call that was not recorded is answered with an error that names what was
expected.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from loguru import logger

from ....recordings.calls import Outcome
from ....recordings.reader import TranscriptError
from ....recordings.replay.cassette import Cassette, Miss
from ....tools.tool import Effect, JsonObject, JsonValue, ToolSpec
from ...call import Caller, Refusal, Release, Request, Status
from ..chain_port import ChainPort, StartError
from .run import run_http, run_stdio

if TYPE_CHECKING:
    from ...config import Config

_STATUS: Final[dict[Outcome, Status]] = {
    "returned": Status.RELEASED,
    "denied": Status.REFUSED,
    "failed": Status.FAILED,
    "pending": Status.PENDING,
}
_MISS_HINT: Final = "A replay answers recorded calls only. Record the session anew, or make the call as it was made."
_EFFECTS: Final = frozenset(map(str, Effect))

Running = Callable[[], AbstractContextManager[object]]


class ReplayChain:
    """A cassette in the chain's place."""

    def __init__(self, cassette: Cassette) -> None:
        """Raises `TranscriptError` when the recorded tool list cannot be read."""
        self._cassette = cassette
        self._tools = recorded_tools(cassette)

    async def tools(self, caller: Caller) -> Sequence[ToolSpec]:
        return self._tools

    async def call(self, request: Request) -> Release:
        sid = self._cassette.sid
        try:
            answer = self._cassette.answer(request.tool, request.arguments)
        except Miss as miss:
            logger.warning("replay of {}: {}", sid, str(miss))
            return Release(Status.FAILED, "", sid, {"error": Refusal("replay-miss", str(miss), _MISS_HINT).as_json()})
        except TranscriptError as error:
            logger.error("replay: {}", str(error))
            refusal = Refusal("replay-unreadable", "The recorded answer cannot be read.", "Run: gloveport verify")
            return Release(Status.FAILED, "", sid, {"error": refusal.as_json()})
        return Release(_STATUS[answer.call.outcome], answer.call.cid, sid, answer.result)


def recorded_tools(cassette: Cassette) -> list[ToolSpec]:
    """The tools as they were listed; where nobody asked for the list, the tools that were called, with any arguments.

    Raises `TranscriptError`.
    """
    listed = [_spec(tool) for tool in cassette.catalog()]
    if listed:
        return listed
    names = dict.fromkeys(call.tool for call in cassette.calls)
    return [ToolSpec(name, "As it was recorded.", {"type": "object"}) for name in names]


def serve_replay(
    cassette: Cassette,
    *,
    address: tuple[str, int] | None = None,
    config: Config | None = None,
    running: Running = nullcontext,
) -> None:
    """Serve over stdio, or over HTTP at ``address`` for the bearer tokens of ``config``; returns after a clean end.

    ``running`` is entered once the door is open and left when it closes. Raises `StartError`.
    """

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ChainPort]:
        try:
            chain = ReplayChain(cassette)
        except TranscriptError as error:
            raise StartError(str(error)) from None
        with running():
            yield chain

    if address is None:
        run_stdio(opened)
        return
    if config is None:
        raise StartError("--http: needs a configuration, whose bearer tokens it asks for; name it with --config")
    from .house import http_options

    run_http(opened, http_options(config, address))


def _spec(tool: JsonObject) -> ToolSpec:
    """A tool of the recorded catalog. Keys of a later version are left out."""
    effects = tool.get("effects")
    known = [effect for effect in effects if effect in _EFFECTS] if isinstance(effects, list) else ["read"]
    return ToolSpec(
        name=str(tool.get("name", "")),
        description=str(tool.get("description", "")),
        input_schema=_object(tool.get("input_schema")) or {"type": "object"},
        output_schema=_object(tool.get("output_schema")),
        title=str(tool.get("title") or ""),
        effects=frozenset(Effect(effect) for effect in known),
    )


def _object(value: JsonValue) -> JsonObject | None:
    return value if isinstance(value, dict) else None
