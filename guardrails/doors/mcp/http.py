"""Streamable HTTP: both revisions of the protocol on one URL, behind bearer tokens, under uvicorn.

A request passes, from the outside in: `Bearer` (who), `Gate` (is the body one strict JSON-RPC message of bounded size),
the SDK's host and origin check, its session manager (a session belongs to the credential that opened it), our handlers.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import uvicorn
from loguru import logger
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import INVALID_REQUEST, JSONRPCRequest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...credentials import Credentials
from ..chain_port import OpenChain, Opening, StartError
from . import wire
from .evidence import SESSION_ID_HEADER
from .run import settle, start_error, stop_on_signal
from .server import DEFAULT_SESSION_HEADER, build_server

PATH: Final = "/mcp"
METADATA: Final = "/.well-known/oauth-protected-resource"  # RFC 9728, section 3.1
BODY_SECONDS: Final = 30.0  # to send a body
SHUTDOWN_SECONDS: Final = 1  # for running requests, after a signal


def _say(url: str) -> None:
    logger.info("listening on {}", url)


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How to serve. ``anonymous`` lets callers without a token in; the chain names the human they count as.

    ``allowed_hosts`` and ``allowed_origins`` come on top of the address that is served on; they are compared with the
    Host and Origin headers as written (``example.org:8443``, ``https://example.org``). ``public_url`` is the origin
    under which clients reach this server through a proxy. Sizes are bytes, times seconds.
    """

    host: str
    port: int
    credentials: Credentials
    anonymous: bool = False
    session_header: str = DEFAULT_SESSION_HEADER
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    public_url: str | None = None
    max_body: int = wire.MAX_BYTES
    max_sessions: int = 1000
    session_idle: float = 300.0
    max_connections: int = 1000
    ready: Callable[[str], None] = _say

    @property
    def origin(self) -> str:
        if self.public_url is not None:
            parts = urlsplit(self.public_url)
            return f"{parts.scheme}://{parts.netloc}"
        return f"http://{_bracketed(self.host)}:{self.port}"


async def serve_http(open_chain: OpenChain, options: HttpOptions) -> None:
    """Serve until SIGTERM or SIGINT; running calls are unwound before this returns. Raises `StartError`."""
    check_reachable(options)
    try:
        with _listening(options.host, options.port) as listener:
            actual = _with_port(options, listener.getsockname()[1])
            async with Opening(open_chain).running() as opening:
                opening.go()
                await settle(opening)
                server = build_server(opening, transport="http", session_header=options.session_header)
                await _serve(http_app(server, actual), actual, listener)
    except BaseExceptionGroup as group:
        raise start_error(group) or group from None


def http_app(server: Server[dict[str, Any]], options: HttpOptions) -> Starlette:
    """The ASGI application of `server`. ``options.port`` is the port clients use."""
    manager = StreamableHTTPSessionManager(
        server,
        security_settings=security(options),
        session_idle_timeout=options.session_idle,
        max_request_body_size=options.max_body,
        max_sessions=options.max_sessions,
    )
    metadata_url = f"{options.origin}{METADATA}{PATH}"
    guarded = Bearer(
        Gate(manager.handle_request, options.max_body), options.credentials, metadata_url, anonymous=options.anonymous
    )

    async def metadata(_: Request) -> Response:
        return JSONResponse(
            {
                "resource": f"{options.origin}{PATH}",
                "bearer_methods_supported": ["header"],
                "resource_name": "Gloveport",
            }
        )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with manager.run():
            yield

    return Starlette(
        routes=[Route(PATH, endpoint=guarded), Route(f"{METADATA}{PATH}", endpoint=metadata)], lifespan=lifespan
    )


def security(options: HttpOptions) -> TransportSecuritySettings:
    """Which Host and Origin headers are answered. Always armed: without it any web page could reach a local server."""
    own = f"{_bracketed(options.host)}:{options.port}"
    hosts = [own, urlsplit(options.origin).netloc, *options.allowed_hosts]
    if _is_loopback(options.host):
        hosts += [f"{name}:{options.port}" for name in ("localhost", "127.0.0.1", "[::1]")]
    origins = [f"http://{host}" for host in hosts] + [options.origin, *options.allowed_origins]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def check_reachable(options: HttpOptions) -> None:
    """Raises `StartError` when no client could name this server in its Host header."""
    if _is_wildcard(options.host) and not options.allowed_hosts and options.public_url is None:
        raise StartError(
            f"http.allowed_hosts: serving on {options.host} needs the host names clients use, for example "
            f"[db.example.org:{options.port}], or http.public_url"
        )
    if not _is_loopback(options.host) and not options.origin.startswith("https://"):
        logger.warning("tokens and data cross the network in the clear; put TLS in front and set http.public_url")


class Bearer:
    """Lets a request through whose bearer token is live at this moment (RFC 6750), or one without token if configured.

    A token that is wrong is refused even where no token is needed: its bearer meant to be somebody.
    """

    def __init__(self, app: ASGIApp, credentials: Credentials, metadata_url: str, *, anonymous: bool) -> None:
        self._app, self._credentials, self._anonymous = app, credentials, anonymous
        self._challenge = f'resource_metadata="{metadata_url}"'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shown = Headers(scope=scope).getlist("authorization")
        if not shown and self._anonymous:
            await self._app(scope, receive, send)
            return
        credential = self._credentials.verify(_bearer_token(shown))
        if credential is None:
            await self._refuse(bool(shown), scope, receive, send)
            return
        # The SDK binds a session to (client_id, subject). It never sees the token itself.
        token = AccessToken(token=credential.id, client_id=credential.id, scopes=[], subject=credential.human)
        scope["user"] = AuthenticatedUser(token)
        await self._app(scope, receive, send)

    async def _refuse(self, shown: bool, scope: Scope, receive: Receive, send: Send) -> None:
        error = 'error="invalid_token", ' if shown else ""
        text = "This token is unknown, expired or revoked" if shown else "This server answers nobody without a token"
        response = JSONResponse(
            {"error": "invalid_token", "error_description": f"{text}. Mint one with: gloveport identity add NAME"},
            status_code=401,
            headers={"WWW-Authenticate": f"Bearer {error}{self._challenge}"},
        )
        await response(scope, receive, send)


class Gate:
    """Lets a POST through whose body is one strict JSON-RPC message of bounded size, with an id that is not in use."""

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app, self._max_body = app, max_body
        self._in_flight: set[tuple[str, str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            with anyio.fail_after(BODY_SECONDS):
                body = await self._body(scope, receive)
            message = wire.parse(body)
        except TimeoutError:
            await Response("The body did not arrive in time", status_code=408)(scope, receive, send)
        except _TooLarge:
            await self._answer(wire.too_large(self._max_body), 413, scope, receive, send)
        except wire.WireError as error:
            await self._answer(error, 400, scope, receive, send)
        else:
            await self._pass_on(message, body, scope, receive, send)

    async def _pass_on(self, message: wire.Message, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        replayed = _replay(body, receive)
        session = Headers(scope=scope).get(SESSION_ID_HEADER)
        if session is None or not isinstance(message, JSONRPCRequest):
            await self._app(scope, replayed, send)
            return
        user = scope.get("user")
        key = (user.display_name if isinstance(user, AuthenticatedUser) else "", session, str(message.id))
        if key in self._in_flight:  # the SDK would mix up the two answers
            error = wire.WireError(INVALID_REQUEST, "A request with this id is not answered yet", message.id)
            await self._answer(error, 400, scope, receive, send)
            return
        self._in_flight.add(key)
        try:
            await self._app(scope, replayed, send)
        finally:
            self._in_flight.discard(key)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._max_body:
            raise _TooLarge
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":  # the client went away; nothing it sent is used
                raise wire.WireError(INVALID_REQUEST, "The body is not complete")
            body += message.get("body", b"")
            if len(body) > self._max_body:
                raise _TooLarge
            if not message.get("more_body", False):
                return bytes(body)

    async def _answer(self, error: wire.WireError, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        logger.debug("http: refused a message: {}", error.message)
        await Response(error.answer(), status_code=status, media_type="application/json")(scope, receive, send)


class _TooLarge(Exception):
    pass


def _replay(body: bytes, receive: Receive) -> Receive:
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return first.pop() if first else await receive()

    return replayed


def _bearer_token(shown: list[str]) -> str:
    """The token of an Authorization header; two such headers are no header."""
    scheme, _, token = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" else ""


class _Uvicorn(uvicorn.Server):
    """Leaves the signals to us, and says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready()

    def stop(self) -> None:
        self.should_exit = True


async def _serve(app: ASGIApp, options: HttpOptions, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=options.max_connections,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Uvicorn(config, lambda: options.ready(f"{options.origin}{PATH}"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stop_on_signal, server.stop)
        await server.serve(sockets=[listener])
        tasks.cancel_scope.cancel()


@contextlib.contextmanager
def _listening(host: str, port: int) -> Generator[socket.socket]:
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=256
        )
    except OSError as error:
        why = "unknown host" if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise StartError(f"--http {_bracketed(host)}:{port}: cannot listen there: {why}; choose another") from None
    with listener:
        yield listener


def _with_port(options: HttpOptions, port: int) -> HttpOptions:
    return replace(options, port=port)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _is_wildcard(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_unspecified


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
