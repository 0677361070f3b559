"""What a door needs of the chain, and how it waits for a chain that is still loading."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol, TypeAlias

import anyio
from loguru import logger

from ...tools.tool import ToolSpec
from ..call import Caller, Release, Request

UNWIND_SECONDS: Final = 5.0  # for calls that are still being recorded when the door closes


class ChainPort(Protocol):
    """The chain as a door sees it. Neither method raises for anything a caller did."""

    async def call(self, request: Request) -> Release:
        """Run one call and say how it ended; cancelling it cancels the work below."""
        ...

    async def tools(self, caller: Caller) -> Sequence[ToolSpec]:
        """The tools that the policy could let this caller use."""
        ...


OpenChain: TypeAlias = Callable[[], AbstractAsyncContextManager[ChainPort]]
"""Opens a chain with all it stands on; leaving the context closes them. Entered and left in one task."""


class StartError(Exception):
    """The process cannot serve, and ends with code 2. Each finding is one line: what, where, how to mend."""

    def __init__(self, *findings: str) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings

    @property
    def message(self) -> str:
        return "; ".join(self.findings)


class Opening:
    """A chain that loads in the background, so that a door can introduce itself before the heavy parts are there.

    ``head_start`` is how many seconds `run` lets the door go first: loading imports modules, which blocks the event
    loop, and a client's first request is usually in the pipe already. `go` ends that wait.
    """

    def __init__(self, open_chain: OpenChain, *, head_start: float = 0.0) -> None:
        self._open_chain = open_chain
        self._head_start = head_start
        self._go = anyio.Event()
        self._loaded = anyio.Event()
        self._close = anyio.Event()
        self._chain: ChainPort | None = None
        self._users = 0
        self._unused = anyio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Opening]:
        """Load in the background, close at the end. Ends with `StartError`, in a group, if the chain cannot load."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run)
            try:
                yield self
            finally:
                self._close.set()

    @asynccontextmanager
    async def chain(self) -> AsyncGenerator[ChainPort]:
        """The chain, once it is there; it stays open for as long as the block runs.

        Waits for ever when the chain cannot load: `running` ends the process then.
        """
        if self._chain is None:
            await self._loaded.wait()
        assert self._chain is not None
        self._users += 1
        try:
            yield self._chain
        finally:
            self._users -= 1
            if self._users == 0:
                self._unused.set()

    def go(self) -> None:
        """The door has introduced itself; load now."""
        self._go.set()

    @property
    def loaded(self) -> bool:
        return self._chain is not None

    async def wait_loaded(self) -> None:
        await self._loaded.wait()

    async def _run(self) -> None:
        """Opens and closes in one task, shielded in between: calls are unwound and recorded before the chain closes."""
        with anyio.move_on_after(self._head_start):
            await self._go.wait()
        try:
            async with self._open_chain() as chain:
                self._chain = chain
                self._loaded.set()
                with anyio.CancelScope(shield=True):
                    await self._close.wait()
                    await self._users_gone()
        except StartError:
            raise
        except Exception as error:
            if self._chain is not None:
                raise
            logger.debug("the chain did not load: {}", type(error).__name__)
            # Its text may hold a connection string.
            raise StartError(
                f"the guardrail chain cannot load ({type(error).__name__}); run: gloveport doctor"
            ) from None

    async def _users_gone(self) -> None:
        if self._users == 0:
            return
        self._unused = anyio.Event()
        with anyio.move_on_after(UNWIND_SECONDS) as patience:
            await self._unused.wait()
        if patience.cancelled_caught:
            logger.error("the chain closes while {} calls still unwind", self._users)
