"""The LangChain door: any `BaseTool` behind the chain, in process, with the same policy, masks and transcript.

    from gloveport.guardrails.doors.langchain import Guard

    with Guard.open("gloveport.yaml") as guard:
        tools = [*guard.tools(), guard.tool(my_tool, classes={"customer.email": "email"})]

Needs langchain-core only, never ``mcp``. What an agent framework can leak past a wrapper is closed here: the inner tool
runs without any callbacks, the caller's, its own, or those of a tracer (they would receive its unmasked output), its
artifact is masked like its content, and of its exceptions only a `ToolException`, which is written for the model, is
told, masked. Callbacks of the *outer* tool do see its inputs: LangChain shows them before any tool runs.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections import OrderedDict
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

import orjson
from anyio.from_thread import BlockingPortal, start_blocking_portal
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException
from langchain_core.tools import Tool as SimpleTool
from pydantic import Field
from pydantic_core import to_jsonable_python

from ...tools.guarded import Hints, hinted_plan, restored_arguments, words, wrong_hints
from ...tools.plain import MAX_RESULT_BYTES, plain
from ...tools.tool import (
    JsonObject,
    JsonValue,
    Plan,
    Planning,
    Running,
    Tool,
    ToolFailed,
    ToolRefused,
    ToolSpec,
    Value,
)
from ..call import Caller, Release, Request, Status
from ..config import find_config, load_config
from ..house import House
from ..identity import AGENT_META, MODEL_META, PURPOSE_META, SESSION_META

T = TypeVar("T")

_BOTH: Final = "content_and_artifact"
_MOST_THREADS: Final = 10_000  # conversations whose model is remembered

_tool_call_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("gloveport_tool_call_id", default=None)


class Guard:
    """One open house, usable from any thread and any event loop; it runs on an event loop of its own."""

    def __init__(self, house: House, portal: BlockingPortal, closing: ExitStack) -> None:
        self._house = house
        self._portal = portal
        self._closing = closing
        self._models = ModelNames()

    @property
    def callback(self) -> BaseCallbackHandler:
        """Put it among an agent's callbacks, and the record of its calls names the model (as asserted)."""
        return self._models

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
        """``inner`` behind the chain. The hints are those of `gloveport.tools.guarded.guarded_tool`.

        Raises:
            ValueError: a hint names an argument that the tool does not have, or what cannot be a class.
        """
        hints = Hints(
            reads=words(reads),
            writes=words(writes),
            sends=words(sends),
            classes=dict(classes or {}),
            restore=words(restore),
            recorded=words(recorded),
        )
        guarded = GuardedTool(
            name=inner.name,
            description=inner.description,
            args_schema=_schema(inner),
            return_direct=inner.return_direct,
            response_format=inner.response_format,
            metadata={**(inner.metadata or {}), "guarded": True},
            tags=inner.tags,
            extras=getattr(inner, "extras", None),
            handle_tool_error=True,
            handle_validation_error=True,
            # The tool's own callbacks would see what it returns before it is masked.
            inner=inner.model_copy(update={"callbacks": None, "verbose": False}),
            guard=self,
            hints=hints,
        )
        if wrong := wrong_hints(hints, frozenset(guarded.args)):
            raise ValueError(f"{inner.name}: {wrong}")
        return guarded

    def tools(self) -> list[BaseTool]:
        """Gloveport's own tools (databases, files, custom ones), as this process's user may see them."""
        specs = self._portal.call(self._house.chain.tools, Caller(transport="langchain"))
        return [_own(self, spec) for spec in specs]

    def model_of(self, thread: str) -> str | None:
        """The model that `callback` saw last in a conversation."""
        return self._models.last(thread)

    def call(self, request: Request, tool: Tool | None = None) -> Release:
        """One call, from a thread without a running event loop of its own to keep alive."""
        return self._submit(self._house.chain.call(request, tool)).result()

    async def acall(self, request: Request, tool: Tool | None = None) -> Release:
        """One call, from any event loop; cancelling it cancels the work below."""
        return await asyncio.wrap_future(self._submit(self._house.chain.call(request, tool)))

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        async def run() -> T:
            return await work

        return self._portal.start_task_soon(run)


class GuardedTool(BaseTool):
    """A LangChain tool whose every run takes the chain. Made by `Guard.tool`."""

    inner: BaseTool | None = Field(default=None, exclude=True, repr=False)
    guard: Any = Field(exclude=True, repr=False)
    hints: Any = Field(default=None, exclude=True, repr=False)

    @functools.cached_property
    def _injected_args_keys(self) -> frozenset[str]:
        """As `BaseTool._injected_args_keys`, where this version has one: what LangChain hands to the inner tool."""
        return getattr(self.inner, "_injected_args_keys", frozenset[str]())

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

    async def _arun(self, *args: Any, config: RunnableConfig, **kwargs: Any) -> Any:
        request, tool = self._request(config, self._named(args, kwargs), asyncio.get_running_loop())
        return self._answer(await cast("Guard", self.guard).acall(request, tool))

    def _run(self, *args: Any, config: RunnableConfig, **kwargs: Any) -> Any:
        request, tool = self._request(config, self._named(args, kwargs), None)
        return self._answer(cast("Guard", self.guard).call(request, tool))

    def _named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """A tool called with one text instead of arguments by name: the text is its first one."""
        return {next(iter(self.args)): args[0]} if args else kwargs

    def _request(
        self, config: RunnableConfig, kwargs: dict[str, Any], loop: asyncio.AbstractEventLoop | None
    ) -> tuple[Request, Tool | None]:
        caller = _caller(config, cast("Guard", self.guard))
        if self.inner is None:  # one of Gloveport's own
            return Request(self.name, _json(kwargs), caller), None
        shown = frozenset(self.args)  # what the model writes; all else is injected and stays out of the record
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
        if self.response_format == _BOTH and isinstance(value, dict):
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
        # A pydantic schema LangChain has checked already; a JSON schema it has not.
        schema = self.inner.args_schema
        return ToolSpec(
            name=self.inner.name,
            description=self.inner.description,
            input_schema=cast("JsonObject", schema) if isinstance(schema, dict) else {"type": "object"},
            effects=self.hints.effects,
            recorded=frozenset(self.hints.recorded),
        )

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        return hinted_plan(self.spec, self.hints, arguments, planning)

    async def run(self, plan: Plan, running: Running) -> Value:
        arguments = restored_arguments(plan, running)
        cap = MAX_RESULT_BYTES if running.limits.bytes is None else min(MAX_RESULT_BYTES, running.limits.bytes)
        try:
            output = plain(to_jsonable_python(await self._output({**arguments, **self.injected}), fallback=str), cap)
        except ToolFailed:
            raise
        except ToolException as told:  # written for the model; it goes through the masker like every refusal
            raise ToolRefused("refused", str(told), place=self.inner.name) from None
        except Exception:  # noqa: BLE001 - its text may hold values
            raise ToolFailed("tool-error", "The tool failed.", "Try other arguments.") from None
        return Value(output, self._classes())

    def _classes(self) -> Mapping[str, str]:
        """Key paths as its author wrote them; with an artifact, they are in the content and in the artifact."""
        if self.inner.response_format != _BOTH:
            return self.hints.classes
        return {f"{part}.{path}": c for path, c in self.hints.classes.items() for part in ("content", "artifact")}

    async def _output(self, arguments: Mapping[str, object]) -> object:
        both, id = self.inner.response_format == _BOTH, _tool_call_id.get()
        if not both and (id is None or id not in self.injected.values()):
            return await self._invoked(dict(arguments))
        # An artifact, and the id of the model's call, are only to be had by a whole tool call, answered by a message.
        call = {"type": "tool_call", "id": id or "call", "name": self.inner.name, "args": dict(arguments)}
        message = await self._invoked(call)
        content = _structured(getattr(message, "content", message))
        return {"content": content, "artifact": getattr(message, "artifact", None)} if both else content

    async def _invoked(self, asked: dict[str, Any]) -> object:
        """On the caller's loop if it has one, else in a thread; in a context of its own, so that no tracer sees it."""
        if self.loop is None:
            context = contextvars.Context()

            def work() -> object:
                return context.run(_untraced, self.inner, asked, self.config)

            return await asyncio.get_running_loop().run_in_executor(None, work)
        asked_there = _untraced_on_loop(self.inner, asked, self.config)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked_there, self.loop))


def _no_tracing() -> AbstractContextManager[None]:
    from langsmith import run_helpers  # heavy; LangChain itself imports it late

    return cast("AbstractContextManager[None]", run_helpers.tracing_context(enabled=False))  # pyright: ignore[reportUnknownMemberType]


def _untraced(inner: BaseTool, asked: dict[str, Any], config: RunnableConfig) -> object:
    with _no_tracing():
        return inner.invoke(asked, config)


async def _untraced_on_loop(inner: BaseTool, asked: dict[str, Any], config: RunnableConfig) -> object:
    async def work() -> object:
        with _no_tracing():
            return await inner.ainvoke(asked, config)

    return await asyncio.get_running_loop().create_task(work(), context=contextvars.Context())


def _structured(content: object) -> object:
    """A message holds a structured result as JSON text; as structure its key paths are known to the masker."""
    if isinstance(content, str) and content[:1] in ("{", "["):
        try:
            return cast("object", orjson.loads(content))
        except orjson.JSONDecodeError:
            return content
    return content


class ModelNames(BaseCallbackHandler):
    """Which model speaks in a conversation: LangChain tells it when a model starts, not when a tool does."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, str] = OrderedDict()

    def on_chat_model_start(self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **kwargs: Any) -> None:
        """As `BaseCallbackHandler.on_chat_model_start`."""
        metadata: Mapping[str, object] = kwargs.get("metadata") or {}
        thread, model = metadata.get("thread_id"), metadata.get("ls_model_name")
        if isinstance(thread, str) and isinstance(model, str):
            self._last.pop(thread, None)
            self._last[thread] = model
            while len(self._last) > _MOST_THREADS:
                self._last.popitem(last=False)

    def last(self, thread: str) -> str | None:
        return self._last.get(thread)


def _schema(inner: BaseTool) -> Any:
    """The arguments of a tool as it shows them; a tool without a schema has that of its function."""
    if inner.args_schema is not None:
        return inner.args_schema
    if isinstance(inner, SimpleTool):
        return {"type": "object", "properties": dict(inner.args), "required": list(inner.args)}
    return inner.get_input_schema()


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


def _caller(config: RunnableConfig, guard: Guard) -> Caller:
    """What LangChain knows of the caller: its words, all of it, so it names a session and never adds a right."""
    configurable: Mapping[str, object] = config.get("configurable") or {}
    metadata: Mapping[str, object] = config.get("metadata") or {}
    thread = configurable.get("thread_id") or metadata.get("session_id")
    seen = guard.model_of(thread) if isinstance(thread, str) else None
    named = {
        SESSION_META: thread,
        MODEL_META: metadata.get("ls_model_name") or metadata.get("model") or seen,
        AGENT_META: metadata.get("agent_name") or metadata.get("lc_agent_name"),
        PURPOSE_META: metadata.get("purpose"),
    }
    meta: dict[str, JsonValue] = {key: value for key, value in named.items() if isinstance(value, str)}
    return Caller(transport="langchain", client="langchain", meta=meta, request_id=_tool_call_id.get())


def _json(arguments: Mapping[str, object]) -> JsonObject:
    return cast("JsonObject", to_jsonable_python(dict(arguments), fallback=str))


def _reason(release: Release) -> str:
    if release.status is Status.PENDING:
        approval = cast("JsonObject", release.content.get("approval", {}))
        return f"pending: a human must approve this call first ({approval.get('how', '')})"
    error = cast("JsonObject", release.content.get("error", {}))
    code = f"{release.status.value} ({error.get('code', '')})"
    return f"{code}: {error.get('message', '')} {error.get('hint', '')}".rstrip()
