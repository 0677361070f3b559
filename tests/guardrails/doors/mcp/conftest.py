"""A chain that does what its tools' names say, and ways to talk to the door that serves it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client

from gloveport.guardrails.call import Caller, Release, Request, Status
from gloveport.guardrails.doors.chain_port import ChainPort, Opening
from gloveport.guardrails.doors.mcp.server import build_server
from gloveport.guardrails.doors.mcp.stdio import stdio
from gloveport.tests.raw_mcp import INITIALIZE, INITIALIZED, lines
from gloveport.tools.tool import Effect, JsonObject, ToolSpec

SECRET = "canary-4711"  # stands for a value that must not get out
OUTPUT: JsonObject = {
    "type": "object",
    "properties": {"total": {"type": "integer"}, "mail": {"type": "string", "format": "email"}},
    "required": ["total", "mail"],
    "additionalProperties": False,
}
SPECS = (
    ToolSpec("echo", "Says it again.", {"type": "object", "properties": {"text": {"type": "string"}}}, title="Echo"),
    ToolSpec("masked", "Returns masks.", {"type": "object"}, OUTPUT),
    ToolSpec("send", "Sends.", {"type": "object"}, effects=frozenset({Effect.READ, Effect.WRITE, Effect.SEND})),
)


class FakeChain:
    """Its tools: echo, masked, slow (until cancelled), boom (raises), refused, failed, pending, steps (progress)."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.listings: list[Caller] = []
        self.started = anyio.Event()
        self.cancelled = anyio.Event()
        self.release = anyio.Event()
        self.closed = False

    async def tools(self, caller: Caller) -> Sequence[ToolSpec]:
        self.listings.append(caller)
        return SPECS

    async def call(self, request: Request) -> Release:
        self.requests.append(request)
        match request.tool:
            case "slow":
                return await self._slow()
            case "boom":
                raise RuntimeError(f"cannot connect to {SECRET}")
            case "steps":
                assert request.progress is not None
                await request.progress(1, 2, "half")
                return self._release(Status.RELEASED)
            case "masked":
                return self._release(Status.RELEASED, total="[masked:money]", mail=None)
            case "pending":
                return self._release(Status.PENDING, approval={"id": "a1", "expires": 0, "how": "gloveport approve a1"})
            case "refused" | "failed" as how:
                return self._release(Status(how), error={"code": "no", "message": "No.", "hint": "Ask."})
            case _:
                return self._release(Status.RELEASED, arguments=request.arguments)

    async def _slow(self) -> Release:
        self.started.set()
        try:
            await self.release.wait()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.01)  # writes its record
            assert not self.closed
            self.cancelled.set()
            raise
        return self._release(Status.RELEASED)

    def _release(self, status: Status, **content: Any) -> Release:
        return Release(
            status, "call-1", "session-1", {"status": status, "call": "call-1", "session": "session-1", **content}
        )

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[ChainPort]:
        try:
            yield self
        finally:
            self.closed = True


class Wire:
    """Raw lines to and from a server."""

    def __init__(self, write: int, reader: asyncio.StreamReader) -> None:
        self.write_fd, self._reader = write, reader

    def send(self, *messages: object) -> None:
        for message in messages:
            os.write(self.write_fd, lines(message))

    async def line(self) -> bytes:
        with anyio.fail_after(5):
            return await self._reader.readline()

    async def answer(self) -> dict[str, Any]:
        return json.loads(await self.line())

    def end(self) -> None:
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1


ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "7"},
}


def make_rpc(id: object, method: str, params: dict[str, Any] | None = None, *, era: str = "legacy", **meta: Any) -> Any:
    """A request as a client of that era writes it."""
    words = {**(ENVELOPE if era == "modern" else {}), **meta}
    body = {**(params or {}), **({"_meta": words} if words else {})}
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": body}


def make_tool_call(id: object, name: str, arguments: Any = None, *, era: str = "legacy", **meta: Any) -> Any:
    return make_rpc(id, "tools/call", {"name": name, "arguments": arguments or {}}, era=era, **meta)


@asynccontextmanager
async def served(chain: FakeChain, **options: Any) -> AsyncGenerator[Wire]:
    """The door on two pipes, as on a process's standard streams."""
    source, write = os.pipe()
    read, target = os.pipe()
    reader = asyncio.StreamReader(limit=64 << 20)
    with open(read, "rb", buffering=0) as read_file:  # noqa: ASYNC230
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), read_file
        )
        wire = Wire(write, reader)

        async def serve() -> None:
            opening = Opening(chain.open)
            server = build_server(opening, transport="stdio")
            async with opening.running(), stdio(stdin=source, stdout=target, **options) as streams:
                opening.go()
                await server.run(*streams, server.create_initialization_options())
            os.close(target)

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serve)
                try:
                    yield wire
                finally:
                    wire.end()
                    chain.release.set()
                    with anyio.move_on_after(5, shield=True) as patience:
                        while not reader.at_eof():
                            await reader.read(1 << 16)
                    assert not patience.cancelled_caught, "the server did not end"
        finally:
            transport.close()
            await asyncio.sleep(0)
            os.close(source)


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def serve() -> Callable[..., AbstractAsyncContextManager[Wire]]:
    return served


@pytest.fixture(params=["legacy", "modern"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@asynccontextmanager
async def connected(chain: FakeChain, era: str, **options: Any) -> AsyncGenerator[Client]:
    opening = Opening(chain.open)
    mode = "legacy" if era == "legacy" else "2026-07-28"
    async with opening.running():
        opening.go()
        async with Client(build_server(opening), mode=mode, **options) as client:
            yield client


@pytest.fixture
def connect() -> Callable[..., AbstractAsyncContextManager[Client]]:
    return connected


@asynccontextmanager
async def opened_wire(chain: FakeChain, era: str, **options: Any) -> AsyncGenerator[Wire]:
    """A wire past the handshake, where its era has one."""
    async with served(chain, **options) as wire:
        if era == "legacy":
            wire.send(INITIALIZE, INITIALIZED)
            assert (await wire.answer())["result"]["protocolVersion"] == "2025-11-25"
        yield wire


@pytest.fixture
def talk() -> Callable[..., AbstractAsyncContextManager[Wire]]:
    return opened_wire


@pytest.fixture
def rpc() -> Callable[..., Any]:
    return make_rpc


@pytest.fixture
def tool_call() -> Callable[..., Any]:
    return make_tool_call
