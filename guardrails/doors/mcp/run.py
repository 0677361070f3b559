"""Entry points of the door: ``serve_stdio`` for an event loop, ``run_stdio`` and ``run_http`` for a command.

All of them raise `StartError` when the process cannot serve, and return after a clean end (end of input, SIGTERM,
SIGINT), with every running call unwound and recorded. Nothing heavy is imported before one is called.
"""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from ..chain_port import OpenChain, Opening, StartError

if TYPE_CHECKING:
    from .http import HttpOptions

HEAD_START: Final = 0.05  # seconds for the door to introduce itself before the chain's imports block the loop
YOUNG_OBJECTS: Final = 10_000  # made since the last collection, before the next
LOADING_DRAIN: Final = 30.0  # seconds: input ended while the chain still loads


def run_stdio(open_chain: OpenChain) -> None:
    """Serve standard input and output until input ends or a signal comes. Raises `StartError`."""
    _run(lambda: serve_stdio(open_chain))


def run_http(open_chain: OpenChain, options: HttpOptions) -> None:
    """Serve streamable HTTP until a signal comes. Raises `StartError`."""

    async def serve() -> None:
        from .http import serve_http

        await serve_http(open_chain, options)

    _run(serve)


async def serve_stdio(open_chain: OpenChain) -> None:
    """Serve standard input and output in a running event loop. Raises `StartError`."""
    import anyio

    from .server import build_server
    from .stdio import DRAIN_SECONDS, stdio

    opening = Opening(open_chain, head_start=HEAD_START)
    server = build_server(opening, transport="stdio")

    def drain() -> float:
        return DRAIN_SECONDS if opening.loaded else LOADING_DRAIN

    try:
        async with (
            opening.running(),
            stdio(answered=opening.go, drain=drain) as (reader, writer),
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(stop_on_signal, tasks.cancel_scope.cancel)
            tasks.start_soon(settle, opening)
            await server.run(reader, writer, server.create_initialization_options())
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise start_error(group) or group from None


async def stop_on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` at the first SIGTERM or SIGINT. A second one has its usual effect."""
    import anyio

    if sys.platform == "win32":
        return
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            break
    stop()


async def settle(opening: Opening) -> None:
    await opening.wait_loaded()
    spare_the_collector()


def spare_the_collector() -> None:
    """Once all is loaded, take it out of the garbage collector's sight: a full collection takes 60-110 ms. A result of
    a thousand cells makes thousands of objects and no cycles: look for some less often than every 700."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    gc.enable()


def start_error(group: BaseExceptionGroup[BaseException]) -> StartError | None:
    """The `StartError` in a group of exceptions, if there is one."""
    found = group.subgroup(StartError)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def _run(serve: Callable[[], Awaitable[None]]) -> None:
    usual = gc.get_threshold()
    gc.disable()  # imports make little garbage; `settle` turns it on again
    import anyio

    from .logs import quiet_libraries, quiet_this_loop

    async def quietly() -> None:
        quiet_this_loop()
        await serve()

    quiet_libraries()
    try:
        anyio.run(quietly)
    finally:
        gc.set_threshold(*usual)
        gc.enable()
        gc.unfreeze()  # what stays frozen is never freed, and DuckDB's module then writes of leaks to standard error
