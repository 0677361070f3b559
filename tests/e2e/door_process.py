"""A process that serves the MCP door on a chain of three tools; started by `test_door_process.py`.

    door_process.py [--http CREDENTIALS] [--open-when FILE] [--broken]

Its tools: ``slow`` runs until it is cancelled and then writes its record; ``noisy`` prints, and starts a child that
prints; every other name is answered with its arguments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from gloveport.guardrails.call import Caller, Release, Request, Status
from gloveport.guardrails.doors.chain_port import ChainPort, StartError
from gloveport.guardrails.doors.mcp import run_http, run_stdio
from gloveport.tools.tool import ToolSpec

parser = argparse.ArgumentParser()
parser.add_argument("--http", type=Path)
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--open-when", type=Path)
parser.add_argument("--broken", action="store_true")
ARGUMENTS = parser.parse_args()


def say(word: str) -> None:
    sys.stderr.write(f"{word}\n")
    sys.stderr.flush()


class Tools:
    async def tools(self, caller: Caller) -> Sequence[ToolSpec]:
        return [ToolSpec("echo", "Says it again.", {"type": "object"})]

    async def call(self, request: Request) -> Release:
        import anyio

        if request.tool == "slow":
            say("started")
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.05)
                say("recorded")
        if request.tool == "noisy":
            print("a stray print")
            await anyio.run_process(["sh", "-c", "echo a child; cat"], stdin=None, stdout=None)
        return Release(Status.RELEASED, "c", "s", {"arguments": request.arguments})


@asynccontextmanager
async def opened() -> AsyncGenerator[ChainPort]:
    import anyio

    if ARGUMENTS.broken:
        raise StartError("gloveport.yaml:3: databases.clinic: no such file; correct the url")
    while ARGUMENTS.open_when is not None and not ARGUMENTS.open_when.exists():  # noqa: ASYNC110 - made elsewhere
        await anyio.sleep(0.01)
    yield Tools()
    say("closed")


def main() -> int:
    try:
        if ARGUMENTS.http is None:
            run_stdio(opened)
        else:
            from gloveport.guardrails.credentials import Credentials
            from gloveport.guardrails.doors.mcp.http import HttpOptions

            options = HttpOptions("127.0.0.1", ARGUMENTS.port, Credentials(ARGUMENTS.http), ready=say)
            run_http(opened, options)
    except StartError as error:
        say(f"gloveport: {error.message}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
