"""What a request tells about its caller: protocol to `Caller`. Evidence only; `identity.py` decides what to believe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.context import ServerRequestContext
from pydantic import JsonValue
from starlette.datastructures import State
from starlette.requests import Request as HttpRequest

from ...call import Caller

PROGRESS_TOKEN: Final = "progressToken"  # noqa: S105 - a protocol field
ENVELOPE: Final = "io.modelcontextprotocol/"
TRACE_HEADERS: Final = ("traceparent", "tracestate", "baggage")
SESSION_ID_HEADER: Final = "mcp-session-id"


def caller_of(ctx: ServerRequestContext[Any, Any], transport: str, session_header: str) -> Caller:
    """Everything the request and its transport say. ``transport`` is the name for calls without an HTTP request."""
    meta = _own_words(ctx.params)
    request = cast("HttpRequest[State] | None", ctx.request)
    shown = ctx.session.client_params
    client = f"{shown.client_info.name}/{shown.client_info.version}" if shown is not None else None
    request_id = None if ctx.request_id is None else str(ctx.request_id)
    if request is None:
        return Caller(
            transport=transport, client=client, protocol=ctx.protocol_version, meta=meta, request_id=request_id
        )
    headers = request.headers
    for name in TRACE_HEADERS:
        if name not in meta and (value := headers.get(name)) is not None:
            meta[name] = value
    return Caller(
        transport="http",
        bearer=_credential(request),
        client=client,
        protocol=ctx.protocol_version,
        session_header=headers.get(session_header),
        transport_session=headers.get(SESSION_ID_HEADER),
        meta=meta,
        request_id=request_id,
    )


def _own_words(params: Mapping[str, Any] | None) -> dict[str, JsonValue]:
    """The ``_meta`` of a request without the protocol's own keys."""
    meta = (params or {}).get("_meta")
    if not isinstance(meta, Mapping):
        return {}
    named = cast("Mapping[str, JsonValue]", meta)
    return {key: value for key, value in named.items() if key != PROGRESS_TOKEN and not key.startswith(ENVELOPE)}


def _credential(request: HttpRequest[State]) -> str | None:
    """The id of the bearer token that was verified for this very message."""
    user = request.scope.get("user")
    return user.access_token.client_id if isinstance(user, AuthenticatedUser) else None
