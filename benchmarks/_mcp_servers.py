"""The servers that `mcp_echo` and `startup` drive, all with one tool ``echo``: `python _mcp_servers.py NAME`.

* ``bare``: the SDK's low-level `Server` on its own stdio transport, as its guide shows it
* ``door``: our door on a chain that only answers
* ``chain``: our door on the whole chain: identity, policy, masking, recording to disk
* ``bare_query`` and ``clinic``: the same two ends with the demo clinic's database behind them
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gloveport.guardrails.doors.chain_port import ChainPort

Handler = Callable[[Any, Any], Awaitable[Any]]

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


def bare() -> None:
    import mcp_types as types

    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool(name="echo", description="Says it again.", input_schema=SCHEMA)])

    async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        content = {"value": params.arguments}
        text = types.TextContent(type="text", text=str(content))
        return types.CallToolResult(content=[text], structured_content=content)

    _serve_bare(list_tools, call_tool)


def _serve_bare(list_tools: Handler, call_tool: Handler) -> None:
    import anyio
    from mcp.server.lowlevel.server import Server
    from mcp.server.stdio import stdio_server

    server = Server("bare", version="1", on_list_tools=list_tools, on_call_tool=call_tool)

    async def serve() -> None:
        async with stdio_server() as streams:
            await server.run(*streams, server.create_initialization_options())

    anyio.run(serve)


def door() -> None:
    from gloveport.guardrails.doors.mcp import run_stdio

    run_stdio(_answering)


@asynccontextmanager
async def _answering() -> AsyncGenerator[ChainPort]:
    from gloveport.guardrails.call import Caller, Release, Request, Status
    from gloveport.tools.tool import ToolSpec

    class Answering:
        async def tools(self, caller: Caller) -> Sequence[ToolSpec]:
            return [ToolSpec("echo", "Says it again.", SCHEMA)]

        async def call(self, request: Request) -> Release:
            return Release(Status.RELEASED, "c", "s", {"value": request.arguments})

    yield Answering()


def chain() -> None:
    """As ``gloveport serve`` in a folder whose configuration names one tool and a policy that allows it."""
    from gloveport.guardrails.config import load_config
    from gloveport.guardrails.doors.mcp import serve_house

    with TemporaryDirectory() as folder:
        serve_house(lambda: load_config(_written(Path(folder))))


def bare_query() -> None:
    """As `bare`, with one tool that runs its SQL on the demo clinic, read-only, and returns the rows."""
    import json
    import sqlite3

    import mcp_types as types

    from gloveport.examples.demo import clinic as demo

    schema = {"type": "object", "properties": {"sql": {"type": "string"}}}
    with TemporaryDirectory() as folder:
        demo.build(Path(folder))
        database = sqlite3.connect(f"file:{folder}/clinic.db?mode=ro", uri=True)

        async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
            tool = types.Tool(name="database_query", description="Runs a query.", input_schema=schema)
            return types.ListToolsResult(tools=[tool])

        async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
            assert params.arguments is not None
            cursor = database.execute(params.arguments["sql"])
            columns = [{"name": name[0]} for name in cursor.description]
            content = {"columns": columns, "rows": cursor.fetchall()}
            text = types.TextContent(type="text", text=json.dumps(content))
            return types.CallToolResult(content=[text], structured_content=content)

        _serve_bare(list_tools, call_tool)


def clinic() -> None:
    """As ``gloveport serve`` on the demo clinic."""
    from gloveport.examples.demo import clinic as demo
    from gloveport.guardrails.config import load_config
    from gloveport.guardrails.doors.mcp import serve_house

    with TemporaryDirectory() as folder:
        config = demo.build(Path(folder))
        serve_house(lambda: load_config(config))


def _written(folder: Path) -> Path:
    (folder / "echo.py").write_text(ECHO)
    (folder / "policies").mkdir()
    (folder / "policies" / "allow.cedar").write_text(
        '@id("echo") permit(principal, action == Action::"tool.call", resource);\n'
    )
    config = folder / "gloveport.yaml"
    config.write_text("tools: [echo.py]\npolicies: ./policies\n")
    return config


ECHO = '''
from gloveport.tools.guarded import guarded_tool


@guarded_tool()
async def echo(text: str) -> dict[str, str]:
    """Says it again."""
    return {"text": text}
'''

if __name__ == "__main__":
    {f.__name__: f for f in (bare, door, chain, bare_query, clinic)}[sys.argv[1]]()
