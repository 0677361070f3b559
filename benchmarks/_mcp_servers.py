"""The servers that `mcp_echo` and `startup` drive, all with one tool ``echo``: `python _mcp_servers.py NAME`.

* ``bare``: the SDK's low-level `Server` on its own stdio transport, as its guide shows it
* ``door``: our door on a chain that only answers
* ``chain``: our door on the whole chain: identity, policy, masking, recording to disk
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gloveport.guardrails.doors.chain_port import ChainPort

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


def bare() -> None:
    import anyio
    import mcp_types as types
    from mcp.server.lowlevel.server import Server
    from mcp.server.stdio import stdio_server

    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool(name="echo", description="Says it again.", input_schema=SCHEMA)])

    async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        content = {"value": params.arguments}
        text = types.TextContent(type="text", text=str(content))
        return types.CallToolResult(content=[text], structured_content=content)

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
    {"bare": bare, "door": door, "chain": chain}[sys.argv[1]]()
