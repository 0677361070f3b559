"""Your own tools: ``@guarded_tool`` on a typed Python function.

::

    @guarded_tool(reads=["crm.customers"], classes={"email": "email"})
    def customer(number: int) -> dict[str, str]:
        "Look up a customer."
        return {"name": "...", "email": "..."}

The function stays an ordinary function that tests may call. Towards the chain it is a tool: its input schema comes from
the type hints, its description from the docstring, and what the decorator says of it is what a policy decides on. What
it returns is raw and leaves only through the masker.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast, get_type_hints, overload

import anyio
import anyio.from_thread
from loguru import logger
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema, to_json

from .answer import answer_schema
from .plain import MAX_RESULT_BYTES, plain
from .threads import Stop, Stopped, in_thread
from .tokened import Spans, filled, find_tokens, real_values
from .tool import (
    Access,
    Action,
    Effect,
    JsonObject,
    JsonValue,
    Limits,
    Place,
    Plan,
    Planning,
    Running,
    Slot,
    ToolFailed,
    ToolRefused,
    ToolSpec,
    Value,
)

THREADS: Final = 8
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)*")  # a double underscore is for upstream tools
_CLASS: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")

P = ParamSpec("P")
R = TypeVar("R")

_limiter = anyio.CapacityLimiter(THREADS)


class Refuse(Exception):
    """Raise it in a guarded tool to tell the agent why not. The text is shown, after it went through the masker.

    Every other exception reaches the agent as one fixed sentence, because its text may hold data.
    """

    def __init__(self, message: str, hint: str = "", *, code: str = "refused") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


class ToolDefinitionError(Exception):
    """A guarded tool is not well defined: one line. ``file`` and ``line`` are where its function begins."""

    def __init__(self, message: str, function: Callable[..., object]) -> None:
        super().__init__(message)
        code = getattr(function, "__code__", None)
        self.file: str = getattr(code, "co_filename", "?")
        self.line: int = getattr(code, "co_firstlineno", 0)


class Progress:
    """Give a tool a parameter of this type to report how far its work is.

    In a plain function ``progress(3, 10, "mails sent")``, which also ends the function when the call was cancelled; in
    an ``async`` one ``await progress.tell(3, 10, "mails sent")``. It is no argument of the tool.
    """

    def __init__(
        self, report: Callable[[float, float | None, str], Awaitable[None]] | None = None, stop: Stop | None = None
    ) -> None:
        self._report = report
        self._stop = stop

    def __call__(self, done: float, total: float | None = None, message: str = "") -> None:
        if self._stop is not None:
            self._stop.check()
            if self._report is not None:
                anyio.from_thread.run(self.tell, done, total, message)

    async def tell(self, done: float, total: float | None = None, message: str = "") -> None:
        if self._report is not None:
            await self._report(done, total, message)


@dataclass(frozen=True, slots=True)
class Hints:
    """What a tool's author says of it; see `guarded_tool`."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict[str, str])
    restore: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    name: str | None = None
    title: str = ""
    seconds: float | None = None

    @property
    def effects(self) -> frozenset[Effect]:
        named = {Effect.READ: self.reads, Effect.WRITE: self.writes, Effect.SEND: self.sends}
        return frozenset(effect for effect, names in named.items() if names) or frozenset({Effect.READ})


def words(names: Sequence[str]) -> tuple[str, ...]:
    """One name or several, as a hint takes them."""
    return (names,) if isinstance(names, str) else tuple(names)


def wrong_hints(hints: Hints, parameters: Collection[str]) -> str | None:
    """What is wrong with the hints on a tool of these arguments, if anything is."""
    for key, names in (("restore", hints.restore), ("recorded", hints.recorded)):
        if unknown := [name for name in names if name not in parameters]:
            return f"{key} names {unknown[0]!r}, which is no argument"
    for path, class_name in hints.classes.items():
        if not path or not _CLASS.fullmatch(class_name):
            return f"classes: {path!r}: {class_name!r} is no name of a class"
    return None


@overload
def guarded_tool(function: Callable[P, R], /) -> GuardedTool[P, R]: ...
@overload
def guarded_tool(
    *,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    sends: Sequence[str] = (),
    classes: Mapping[str, str] | None = None,
    restore: Sequence[str] = (),
    recorded: Sequence[str] = (),
    name: str | None = None,
    title: str = "",
    seconds: float | None = None,
) -> Callable[[Callable[P, R]], GuardedTool[P, R]]: ...
def guarded_tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    sends: Sequence[str] = (),
    classes: Mapping[str, str] | None = None,
    restore: Sequence[str] = (),
    recorded: Sequence[str] = (),
    name: str | None = None,
    title: str = "",
    seconds: float | None = None,
) -> GuardedTool[P, R] | Callable[[Callable[P, R]], GuardedTool[P, R]]:
    """Make a typed function, plain or ``async``, a tool behind the chain.

    Args:
        reads, writes, sends: names of what the tool touches, for policies: ``["crm.customers"]``, ``["mail"]``.
        classes: classes of parts of the result, by key path: ``{"customer.email": "email", "rows[].name": "person"}``.
            What is not named is classified by key name and content.
        restore: arguments in which tokens become real values, where policy clears it; elsewhere tokens stay tokens.
        recorded: arguments that are names, not data, and may stand in the transcript as they are.
        name: the tool's name, if not the function's.
        title: a name for people.
        seconds: the longest it may run.

    Raises:
        ToolDefinitionError: at once, when the function has no docstring, lacks a type hint, or a hint names an argument
            that it does not have.
    """
    hints = Hints(
        reads=words(reads),
        writes=words(writes),
        sends=words(sends),
        classes=dict(classes or {}),
        restore=words(restore),
        recorded=words(recorded),
        name=name,
        title=title,
        seconds=seconds,
    )
    if function is not None:
        return GuardedTool(function, hints)

    def decorate(function: Callable[P, R]) -> GuardedTool[P, R]:
        return GuardedTool(function, hints)

    return decorate


@dataclass(frozen=True, slots=True)
class GuardedWork:
    """The arguments as planned, and for each string or number to be restored where its tokens stand.

    ``checked`` are the arguments as typed values, where there is a model of them.
    """

    arguments: JsonObject
    spans: Mapping[str, tuple[Spans, ...]]
    checked: BaseModel | None = None


def hinted_plan(
    spec: ToolSpec, hints: Hints, arguments: JsonObject, planning: Planning, checked: BaseModel | None = None
) -> Plan:
    """What a call of a tool touches, by the word of its author, and where tokens stand in its arguments."""
    tokens: dict[tuple[str, str], int] = {}
    spans = {
        argument: tuple(find_tokens(arguments[argument], argument, planning, tokens))
        for argument in hints.restore
        if argument in arguments
    }
    touched = {"reads": hints.reads, "writes": hints.writes, "sends": hints.sends}
    return Plan(
        accesses=(Access(Action.TOOL_CALL, "tool", spec.name),),
        effects=spec.effects,
        statement=spec.name,
        slots=tuple(Slot(token, Place.CONTENT, f"{spec.name}.{argument}") for argument, token in tokens),
        written="\n".join(_texts(arguments)) or None,
        limits=Limits(seconds=hints.seconds),
        facts={kind: list[JsonValue](names) for kind, names in touched.items()},
        work=GuardedWork(arguments, spans, checked),
    )


def _texts(value: JsonValue) -> Iterator[str]:
    """Every text in the arguments, keys too: the tool may answer with any of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)


def restored_arguments(plan: Plan, running: Running) -> JsonObject:
    """The arguments of a `hinted_plan` with real values in place of its tokens. Raises `ToolRefused`."""
    work = cast("GuardedWork", plan.work)
    if not plan.slots:
        return work.arguments
    real = real_values(plan.slots, running.values)
    restored = {name: filled(work.arguments[name], iter(spans), real) for name, spans in work.spans.items()}
    return {**work.arguments, **restored}


class GuardedTool(Generic[P, R]):
    """A function with its sign for the chain. Calling it calls the function."""

    def __init__(self, function: Callable[P, R], hints: Hints) -> None:
        signature = _Signature.of(function)
        self.function = function
        self.hints = hints
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__module__ = function.__module__
        self._model = signature.model
        self._names = signature.names
        self._progress = signature.progress
        self._async = inspect.iscoroutinefunction(function)
        self._spec = _spec(function, hints, signature)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @property
    def spec(self) -> ToolSpec:
        return self._spec

    @property
    def place(self) -> str:
        """Where the function is written, ``file:line``."""
        code = getattr(self.function, "__code__", None)
        return f"{getattr(code, 'co_filename', '?')}:{getattr(code, 'co_firstlineno', 0)}"

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        checked = _check(self._model, arguments)
        return hinted_plan(self._spec, self.hints, arguments, planning, checked)

    async def run(self, plan: Plan, running: Running) -> Value:
        keywords = self._keywords(plan, running)
        cap = MAX_RESULT_BYTES if running.limits.bytes is None else min(MAX_RESULT_BYTES, running.limits.bytes)
        if self._async:
            value = await self._awaited(keywords, running, cap)
        else:
            value = await in_thread(
                lambda stop: self._called(keywords, running, stop, cap),
                limiter=_limiter,
                seconds=running.limits.seconds,
            )
        return Value(value, classes=self.hints.classes)

    async def _awaited(self, keywords: dict[str, object], running: Running, cap: int) -> JsonValue:
        if self._progress is not None:
            keywords[self._progress] = Progress(running.progress)
        function = cast("Callable[..., Coroutine[None, None, object]]", self.function)
        try:
            return plain(await function(**keywords), cap)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's code; its text stays here
            raise self._told(error) from None

    def _called(self, keywords: dict[str, object], running: Running, stop: Stop, cap: int) -> JsonValue:
        if self._progress is not None:
            keywords[self._progress] = Progress(running.progress, stop)
        try:
            return plain(cast("Callable[..., object]", self.function)(**keywords), cap)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's code; its text stays here
            raise self._told(error) from None

    def _told(self, error: BaseException) -> Exception:
        """What may be said of an exception: nothing of its text, unless it was raised to be read."""
        if isinstance(error, (ToolRefused, ToolFailed, Stopped)):
            return error
        if isinstance(error, Refuse):
            return ToolRefused(error.code, error.message, error.hint, place=self._spec.name)
        logger.error("tool {} raised {}", self._spec.name, type(error).__name__)
        return ToolFailed("tool-error", "The tool failed.", "Try another way, or tell the operator.")

    def _keywords(self, plan: Plan, running: Running) -> dict[str, object]:
        """The arguments as the function's types; only those given, so that its own defaults hold."""
        model = cast("GuardedWork", plan.work).checked
        if plan.slots or model is None:
            arguments = restored_arguments(plan, running)
            try:
                model = _check(self._model, arguments)
            except ToolRefused:  # its text could name the real value
                message = "A real value does not fit the argument its token stands in."
                raise ToolRefused("invalid-arguments", message, place=self._spec.name) from None
        return {self._names[field]: getattr(model, field) for field in model.model_fields_set}


@dataclass(frozen=True, slots=True)
class _Signature:
    """A function's parameters as a model of its arguments. Fields have names of our own, so that none can clash."""

    model: type[BaseModel]
    names: Mapping[str, str]  # parameter by field
    progress: str | None

    @classmethod
    def of(cls, function: Callable[..., object]) -> _Signature:
        """Raises `ToolDefinitionError`."""
        if not inspect.isfunction(function):
            raise ToolDefinitionError("guarded_tool is for plain and async functions", function)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ToolDefinitionError("a guarded tool returns its result; it cannot yield", function)
        try:
            types = get_type_hints(function, include_extras=True)
        except (NameError, TypeError, SyntaxError, AttributeError) as error:
            raise ToolDefinitionError(f"a type hint cannot be resolved: {error}", function) from None
        progress: str | None = None
        fields: dict[str, Any] = {}
        names: dict[str, str] = {}
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise ToolDefinitionError(f"parameter {parameter.name} cannot be given by name", function)
            if parameter.name not in types:
                raise ToolDefinitionError(f"parameter {parameter.name} has no type hint", function)
            if types[parameter.name] is Progress:
                progress = parameter.name
                continue
            default: Any = ... if parameter.default is parameter.empty else parameter.default
            field = f"argument_{len(fields)}"
            fields[field] = (types[parameter.name], Field(default, alias=parameter.name))
            names[field] = parameter.name
        config = ConfigDict(extra="forbid", strict=True, frozen=True)
        try:
            model = create_model(function.__name__, __config__=config, **fields)
        except (PydanticUserError, NameError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ToolDefinitionError(f"a type has no JSON form: {reason}", function) from None
        return cls(model, names, progress)


class _Untitled(GenerateJsonSchema):
    """JSON Schema without the titles that repeat every name: an agent pays for each word."""

    ignored_warning_kinds: Final = {"skipped-choice", "non-serializable-default"}  # type: ignore[misc]

    def field_title_should_be_set(self, schema: CoreSchema) -> bool:  # type: ignore[override]
        return False


def _spec(function: Callable[..., object], hints: Hints, signature: _Signature) -> ToolSpec:
    name = hints.name or function.__name__
    if not _NAME.fullmatch(name) or len(name) > 64:
        raise ToolDefinitionError(f"{name!r} is no name for a tool: letters, digits, single _ and -", function)
    description = inspect.getdoc(function)
    if not description:
        raise ToolDefinitionError(f"{name} has no docstring; it tells an agent what the tool does", function)
    parameters = set(signature.names.values())
    if wrong := wrong_hints(hints, parameters):
        raise ToolDefinitionError(f"{name}: {wrong}", function)
    if hints.seconds is not None and not hints.seconds > 0:
        raise ToolDefinitionError(f"{name}: seconds must be more than 0", function)
    try:
        schema = signature.model.model_json_schema(by_alias=True, schema_generator=_Untitled)
    except PydanticUserError as error:
        reason = str(error).splitlines()[0]
        raise ToolDefinitionError(f"{name}: a type has no JSON form: {reason}", function) from None
    schema = {key: value for key, value in schema.items() if key != "title"}
    return ToolSpec(
        name=name,
        title=hints.title,
        description=description,
        input_schema={"properties": {}, **cast("JsonObject", schema)},
        output_schema=answer_schema({"value": {}}),
        effects=hints.effects,
        actions=frozenset({Action.TOOL_CALL}),
        recorded=frozenset(hints.recorded),
    )


def _check(model: type[BaseModel], arguments: JsonObject) -> BaseModel:
    """The arguments as typed values; strict, as JSON. Raises `ToolRefused` (``invalid-arguments``)."""
    try:
        return model.model_validate_json(to_json(arguments))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "arguments"
        unknown = first["type"] == "extra_forbidden"
        message = f"{place}: {'unknown argument' if unknown else first['msg']}."
        known = ", ".join(field.alias or "" for field in model.model_fields.values())
        raise ToolRefused("invalid-arguments", message, f"Arguments: {known}." if known else "", place=place) from None
    except ValueError:  # half a character
        raise ToolRefused("invalid-arguments", "The arguments cannot be encoded.") from None
