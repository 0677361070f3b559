"""The LangChain door: any `BaseTool` behind the chain, in process, with the same policy, masks and transcript.

    from gloveport.guardrails.doors.langchain import Guard

    with Guard.open("gloveport.yaml") as guard:
        tools = [*guard.tools(), guard.tool(my_tool, classes={"customer.email": "email"})]

Needs langchain-core only, never ``mcp``. What an agent framework can leak past a wrapper is closed here: the inner tool
runs without the caller's callbacks (tracers would receive its unmasked output), its artifact is masked like its
content, and an exception of it never reaches the model. Callbacks of the *outer* tool do see its raw inputs: LangChain
shows them before any tool runs.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import orjson
from anyio.from_thread import BlockingPortal, start_blocking_portal
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ...tools.guarded import Hints, hinted_plan, restored_arguments
from ...tools.tool import JsonObject, JsonValue, Plan, Planning, Running, Tool, ToolFailed, ToolSpec, Value
from ..call import Caller, Release, Request, Status
from ..config import find_config, load_config
from ..house import House
from ..identity import AGENT_META, MODEL_META, PURPOSE_META, SESSION_META

T = TypeVar("T")

_tool_call_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("gloveport_tool_call_id", default=None)


class Guard:
    """One open house, usable from any thread and any event loop; it runs on an event loop of its own."""

    def __init__(self, house: House, portal: BlockingPortal, closing: ExitStack) -> None:
        self._house = house
        self._portal = portal
        self._closing = closing

    @classmethod
    def open(cls, config: str | Path | None = None) -> Self:
        """Open the house of a configuration file. Raises `ConfigError` or `HouseError`, with one line a finding."""
        settings = load_config(find_config(None if config is None else Path(config)))
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal("asyncio"))
            house = stack.enter_context(portal.wrap_async_context_manager(House.open(settings)))
            return cls(house, portal, stack.pop_all())

    def close(self) -> None:
        """Close the transcripts and everything that is open."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def tool(
        self,
        inner: BaseTool,
        *,
        reads: Sequence[str] = (),
        writes: Sequence[str] = (),
        sends: Sequence[str] = (),
        classes: Mapping[str, str] | None = None,
        restore: Sequence[str] = (),
        recorded: Sequence[str] = (),
    ) -> GuardedTool:
        """``inner`` behind the chain. The hints are those of `gloveport.tools.guarded.guarded_tool`."""
        hints = Hints(
            reads=tuple(reads),
            writes=tuple(writes),
            sends=tuple(sends),
            classes=dict(classes or {}),
            restore=tuple(restore),
            recorded=tuple(recorded),
        )
        return GuardedTool(
            name=inner.name,
            description=inner.description,
            args_schema=inner.args_schema,
            return_direct=inner.return_direct,
            response_format=inner.response_format,
            metadata={**(inner.metadata or {}), "guarded": True},
            tags=inner.tags,
            handle_tool_error=True,
            handle_validation_error=True,
            inner=inner,
            guard=self,
            hints=hints,
        )

    def tools(self) -> list[BaseTool]:
        """Gloveport's own tools (databases, files, custom ones), as this process's user may see them."""
        specs = self._portal.call(self._house.chain.tools, Caller(transport="langchain"))
        return [_own(self, spec) for spec in specs]

    def call(self, request: Request, tool: Tool | None = None) -> Release:
        """One call, from a thread without a running event loop of its own to keep alive."""
        return self._submit(self._house.chain.call(request, tool)).result()

    async def acall(self, request: Request, tool: Tool | None = None) -> Release:
        """One call, from any event loop; cancelling it cancels the work below."""
        return await asyncio.wrap_future(self._submit(self._house.chain.call(request, tool)))

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        async def run() -> T:
            return await work

        return cast("Future[T]", self._portal.start_task_soon(run))


class GuardedTool(BaseTool):
    """A LangChain tool whose every run takes the chain. Made by `Guard.tool`."""

    inner: BaseTool | None = None
    guard: Any
    hints: Any = None

    async def arun(self, tool_input: Any, *args: Any, tool_call_id: str | None = None, **kwargs: Any) -> Any:
        """As `BaseTool.arun`; keeps the id of the model's call for the transcript."""
        token = _tool_call_id.set(tool_call_id)
        try:
            return await super().arun(tool_input, *args, tool_call_id=tool_call_id, **kwargs)
        finally:
            _tool_call_id.reset(token)

    def run(self, tool_input: Any, *args: Any, tool_call_id: str | None = None, **kwargs: Any) -> Any:
        """As `BaseTool.run`; keeps the id of the model's call for the transcript."""
        token = _tool_call_id.set(tool_call_id)
        try:
            return super().run(tool_input, *args, tool_call_id=tool_call_id, **kwargs)
        finally:
            _tool_call_id.reset(token)

    async def _arun(self, *, config: RunnableConfig, **kwargs: Any) -> Any:
        request, tool = self._request(config, kwargs, asyncio.get_running_loop())
        return self._answer(await cast("Guard", self.guard).acall(request, tool))

    def _run(self, *, config: RunnableConfig, **kwargs: Any) -> Any:
        request, tool = self._request(config, kwargs, None)
        return self._answer(cast("Guard", self.guard).call(request, tool))

    def _request(
        self, config: RunnableConfig, kwargs: dict[str, Any], loop: asyncio.AbstractEventLoop | None
    ) -> tuple[Request, Tool | None]:
        caller = _caller(config)
        if self.inner is None:  # one of Gloveport's own
            return Request(self.name, _json(kwargs), caller), None
        shown = _model_arguments(self.inner)
        injected = {name: value for name, value in kwargs.items() if name not in shown}
        arguments = _json({name: value for name, value in kwargs.items() if name in shown})
        bound = _Bound(self.inner, cast("Hints", self.hints), {**config, "callbacks": []}, injected, loop)
        return Request(self.name, arguments, caller), bound

    def _answer(self, release: Release) -> Any:
        if release.status is not Status.RELEASED:
            raise ToolException(_reason(release))
        content = release.content
        if self.inner is None:
            return orjson.dumps(content).decode()
        value = content.get("value")
        if self.response_format == "content_and_artifact" and isinstance(value, dict):
            return value.get("content"), value.get("artifact")
        return value


@dataclass(frozen=True, slots=True)
class _Bound:
    """A LangChain tool as a tool of the chain, for one call with its configuration."""

    inner: BaseTool
    hints: Hints
    config: RunnableConfig
    injected: Mapping[str, object]
    loop: asyncio.AbstractEventLoop | None  # the caller's, where the inner tool's own resources live; None: a thread

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(
            name=self.inner.name,
            description=self.inner.description,
            input_schema={"type": "object"},  # LangChain has checked the arguments against the tool's own schema
            effects=self.hints.effects,
            recorded=frozenset(self.hints.recorded),
        )

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        return hinted_plan(self.spec, self.hints, arguments, planning)

    async def run(self, plan: Plan, running: Running) -> Value:
        arguments = restored_arguments(plan, running)
        try:
            output = await self._output({**arguments, **self.injected})
        except Exception:  # noqa: BLE001 - its text may hold values
            raise ToolFailed("tool-error", "The tool failed.", "Try other arguments.") from None
        return Value(output, self.hints.classes)

    async def _output(self, arguments: Mapping[str, object]) -> JsonValue:
        both = self.inner.response_format == "content_and_artifact"
        id = _tool_call_id.get() or "call"
        asked: Any = {"type": "tool_call", "id": id, "name": self.inner.name, "args": dict(arguments)} if both else dict(arguments)
        # An empty list, not None: None would inherit the caller's callbacks and show them the unmasked output.
        config: RunnableConfig = {**self.config, "callbacks": []}
        if self.loop is None:
            answer: object = await asyncio.to_thread(self.inner.invoke, asked, config)
        else:
            answer = await asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(self.inner.ainvoke(asked, config), self.loop)
            )
        if both:
            answer = {"content": getattr(answer, "content", None), "artifact": getattr(answer, "artifact", None)}
        return cast("JsonValue", to_jsonable_python(answer, fallback=str))


def _own(guard: Guard, spec: ToolSpec) -> GuardedTool:
    return GuardedTool(
        name=spec.name,
        description=spec.description,
        args_schema=cast("dict[str, Any]", spec.input_schema),
        metadata={"guarded": True},
        handle_tool_error=True,
        handle_validation_error=True,
        guard=guard,
    )


def _caller(config: RunnableConfig) -> Caller:
    """What LangChain knows of the caller: its words, all of it, so it names a session and never adds a right."""
    configurable: Mapping[str, object] = config.get("configurable") or {}
    metadata: Mapping[str, object] = config.get("metadata") or {}
    named = {
        SESSION_META: configurable.get("thread_id") or metadata.get("session_id"),
        MODEL_META: metadata.get("ls_model_name") or metadata.get("model"),
        AGENT_META: metadata.get("agent_name") or metadata.get("lc_agent_name"),
        PURPOSE_META: metadata.get("purpose"),
    }
    meta: dict[str, JsonValue] = {key: value for key, value in named.items() if isinstance(value, str)}
    return Caller(transport="langchain", client="langchain", meta=meta, request_id=_tool_call_id.get())


def _model_arguments(tool: BaseTool) -> frozenset[str]:
    """The arguments the model writes; all others are injected by the framework and stay out of the record."""
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return frozenset(cast("dict[str, object]", schema.get("properties", {})))
    return frozenset(cast("type[BaseModel]", schema).model_fields)


def _json(arguments: Mapping[str, object]) -> JsonObject:
    return cast("JsonObject", to_jsonable_python(dict(arguments), fallback=str))


def _reason(release: Release) -> str:
    if release.status is Status.PENDING:
        approval = cast("JsonObject", release.content.get("approval", {}))
        return f"pending: a human must approve this call first ({approval.get('how', '')})"
    error = cast("JsonObject", release.content.get("error", {}))
    return f"{release.status.value}: {error.get('message', '')} {error.get('hint', '')}".rstrip()
