"""Serves the fixtures over HTTP for the conformance suite: `python fixture_server.py PORT`. Says "ready" when it is."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import fixtures
import uvicorn

from gloveport.guardrails.config import Config, load_config
from gloveport.guardrails.doors.chain_port import ChainPort, Opening, StartError
from gloveport.guardrails.doors.mcp.house import http_options
from gloveport.guardrails.doors.mcp.http import http_app
from gloveport.guardrails.doors.mcp.server import build_server
from gloveport.guardrails.house import House, HouseError

CONFIG = """
tools: [{tools}]
policies: ./policies
identity: {{anonymous_http: conformance}}
"""


def written(folder: Path) -> Config:
    (folder / "policies").mkdir()
    (folder / "policies" / "allow.cedar").write_text(
        '@id("fixtures") permit(principal, action == Action::"tool.call", resource);\n'
    )
    file = folder / "gloveport.yaml"
    file.write_text(CONFIG.format(tools=Path(__file__).with_name("guarded_tools.py")))
    return load_config(file)


@asynccontextmanager
async def chain_of(config: Config) -> AsyncGenerator[ChainPort]:
    try:
        async with House.open(config) as house:
            yield house.chain
    except HouseError as error:
        raise StartError(*error.findings) from None


async def serve(folder: Path, port: int) -> None:
    config = written(folder)
    options = http_options(config, ("127.0.0.1", port))
    async with Opening(lambda: chain_of(config)).running() as opening:
        opening.go()
        await opening.wait_loaded()
        server = build_server(opening, transport="http", session_header=options.session_header)
        fixtures.add(server)
        settings = uvicorn.Config(http_app(server, options), port=port, http="h11", log_config=None, access_log=False)
        await Web(settings).serve()


class Web(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print("ready", flush=True)


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        anyio.run(serve, Path(made), int(sys.argv[1]))
