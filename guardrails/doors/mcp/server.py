"""The MCP server: our handlers on the SDK's low-level `Server`, the only way from the protocol to the chain.

A handler translates and nothing else. Only ``tools/list`` and ``tools/call`` are served (and what the SDK answers by
itself: ``initialize``, ``server/discover``, ``ping``); every other method is unknown here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from loguru import logger
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, CallToolRequestParams, PaginatedRequestParams

from .... import __version__
from ....tools.tool import JsonObject, ToolSpec
from ...call import Request
from ..chain_port import Opening
from .answers import WireObject, listed, tool_result
from .evidence import caller_of

NAME: Final = "gloveport"
DEFAULT_SESSION_HEADER: Final = "Gloveport-Session"
INSTRUCTIONS: Final = (
    "Production data behind guardrails. Sensitive values come back as tokens or masks; a token stands for one real "
    "value, keeps its form, and may be used in your next query as it is. A refusal says what would be allowed."
)

Context = ServerRequestContext[Any, Any]
T = TypeVar("T")


def build_server(
    opening: Opening, *, transport: str = "memory", session_header: str = DEFAULT_SESSION_HEADER
) -> Server[dict[str, Any]]:
    """A server whose every tool call goes through the chain of `opening`, which its user keeps running.

    ``transport`` names how callers come in who do not come by HTTP. A call that comes while the chain loads waits.
    """
    handlers = Handlers(opening, transport, session_header)
    server: Server[dict[str, Any]] = Server(
        NAME,
        version=__version__,
        instructions=INSTRUCTIONS,
        get_tool_input_schema=handlers.header_schema,
    )
    server.add_request_handler("tools/list", PaginatedRequestParams, handlers.list_tools)
    server.add_request_handler("tools/call", CallToolRequestParams, handlers.call_tool)
    if not _traced():
        server.middleware.clear()  # the SDK's OpenTelemetry spans, which nobody would export
    return server


class Handlers:
    """The two handlers and what they share."""

    def __init__(self, opening: Opening, transport: str, session_header: str) -> None:
        self._opening, self._transport, self._session_header = opening, transport, session_header
        self._header_schemas: dict[str, JsonObject] = {}

    async def list_tools(self, ctx: Context, params: PaginatedRequestParams) -> WireObject:
        if params.cursor is not None:  # the list is one page, so no cursor of ours exists
            raise MCPError(code=INVALID_PARAMS, message="Unknown cursor")
        caller = caller_of(ctx, self._transport, self._session_header)
        async with self._opening.chain() as chain:
            specs = await _guarded("tools/list", chain.tools(caller))
        self._header_schemas = {spec.name: spec.input_schema for spec in specs if _wants_headers(spec)}
        return {
            "resultType": "complete",
            "tools": [listed(spec) for spec in specs],
            "ttlMs": 0,
            "cacheScope": "private",
        }

    async def call_tool(self, ctx: Context, params: CallToolRequestParams) -> WireObject:
        request = Request(
            tool=params.name,
            arguments=params.arguments or {},
            caller=caller_of(ctx, self._transport, self._session_header),
            progress=_progress(ctx),
        )
        async with self._opening.chain() as chain:
            return tool_result(await _guarded("tools/call", chain.call(request)))

    def header_schema(self, name: str) -> Mapping[str, Any] | None:
        """The schema of a tool that wants arguments mirrored in HTTP headers (``x-mcp-header``), if it was listed.

        Without this the SDK runs a hidden ``tools/list`` before every modern HTTP call.
        """
        return self._header_schemas.get(name)


async def _guarded(method: str, work: Awaitable[T]) -> T:
    """The last net: whatever the chain throws, its text goes nowhere."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001
        logger.error("{}: the chain threw {}", method, type(error).__name__)
        raise MCPError(code=INTERNAL_ERROR, message="Internal error") from None


def _wants_headers(spec: ToolSpec) -> bool:
    properties = spec.input_schema.get("properties")
    return isinstance(properties, dict) and any(
        isinstance(p, dict) and "x-mcp-header" in p for p in properties.values()
    )


def _progress(ctx: Context) -> Callable[[float, float | None, str], Awaitable[None]]:
    """A way to report progress; the SDK drops what the caller did not ask for."""

    async def report(done: float, total: float | None, message: str) -> None:
        await ctx.session.report_progress(done, total, message or None)

    return report


def _traced() -> bool:
    """Whether somebody set up OpenTelemetry; its API package alone traces nothing."""
    from opentelemetry import trace

    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
