"""Own tools: what the decorator makes of a function, and what comes out of it."""

from __future__ import annotations

import enum
import math
import sys
import threading
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import anyio
import anyio.to_thread
import pytest
from jsonschema import Draft202012Validator
from loguru import logger
from pydantic import AfterValidator, BaseModel, Field

from gloveport.tools.guarded import GuardedTool, Progress, Refuse, ToolDefinitionError, guarded_tool
from gloveport.tools.plain import plain
from gloveport.tools.tool import (
    UNKNOWN,
    Action,
    Effect,
    JsonObject,
    Limits,
    Place,
    Planning,
    Running,
    TokenSpan,
    Tool,
    ToolFailed,
    ToolRefused,
    Value,
)


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Line:
    item: str
    count: int = 1


class Order(BaseModel):
    number: int
    lines: list[Line]


def find(text: str) -> list[TokenSpan]:
    spans: list[TokenSpan] = []
    at = text.find("tok_")
    while at >= 0:
        spans.append(TokenSpan(at, at + 5, "person"))
        at = text.find("tok_", at + 5)
    return spans


async def no_rules(database: str) -> Any:
    raise AssertionError("own tools ask for no column rules")


PLANNING = Planning("tester", lambda value: "number" if value == 4711 else None, find, no_rules)


async def run(tool: GuardedTool[Any, Any], values: list[object] | None = None, **arguments: Any) -> Any:
    result = await tool.run(await tool.plan(arguments, PLANNING), Running(values or []))
    assert isinstance(result, Value)
    return result.value


@guarded_tool
def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b


async def test_a_function_stays_a_function_and_becomes_a_tool() -> None:
    assert add(1, b=4) == 5
    assert isinstance(add, Tool)
    assert add.spec.name == "add"
    assert add.spec.description == "Add two numbers."
    assert add.spec.input_schema == {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "default": 2}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert await run(add, a=1) == 3
    assert await run(add, a=1, b=1) == 2


async def test_hints_become_the_plan() -> None:
    @guarded_tool(
        reads=["crm.customers"],
        writes="crm.log",
        sends=["mail"],
        classes={"customer.email": "email"},
        recorded=["number"],
        name="look-up",
        title="Look up",
        seconds=3,
    )
    def lookup(number: int) -> dict[str, object]:
        """Look up."""
        return {"customer": {"email": "a@example.com"}}

    plan = await lookup.plan({"number": 1}, PLANNING)
    (access,) = plan.accesses
    assert (access.action, access.kind, access.name) == (Action.TOOL_CALL, "tool", "look-up")
    assert plan.effects == lookup.spec.effects == {Effect.READ, Effect.WRITE, Effect.SEND}
    assert plan.facts == {"reads": ["crm.customers"], "writes": ["crm.log"], "sends": ["mail"]}
    assert plan.limits == Limits(seconds=3)
    assert (lookup.spec.recorded, lookup.spec.title) == ({"number"}, "Look up")
    result = await lookup.run(plan, Running())
    assert result.classes == {"customer.email": "email"}
    assert lookup.spec.output_schema is not None
    Draft202012Validator(lookup.spec.output_schema).validate(
        {"status": "released", "call": "c", "session": "s", "value": result.value, "masked": []}
    )


async def test_types_of_arguments() -> None:
    @guarded_tool
    def everything(
        schema: date,
        json: Decimal,
        _under: Literal["x", "y"],
        colour: Colour,
        order: Order,
        lines: list[Line],
        maybe: str | None = None,
        number: Annotated[int, Field(ge=1, description="from 1")] = 1,
    ) -> list[object]:
        """Names that a model would trip over, and every kind of type."""
        return [schema, json, _under, colour, order, lines, maybe, number]

    Draft202012Validator.check_schema(everything.spec.input_schema)
    properties: Any = everything.spec.input_schema["properties"]
    assert properties["number"] == {"type": "integer", "minimum": 1, "description": "from 1", "default": 1}
    arguments: JsonObject = {
        "schema": "2026-11-24",
        "json": "1.50",
        "_under": "x",
        "colour": "red",
        "order": {"number": 1, "lines": [{"item": "a"}]},
        "lines": [{"item": "b", "count": 2}],
    }
    assert await run(everything, **arguments) == [
        "2026-11-24",
        "1.50",
        "x",
        "red",
        {"number": 1, "lines": [{"item": "a", "count": 1}]},
        [{"item": "b", "count": 2}],
        None,
        1,
    ]


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({}, "a"),
        ({"a": "1"}, "a"),
        ({"a": 1.5}, "a"),
        ({"a": True}, "a"),
        ({"a": None}, "a"),
        ({"a": 1, "c": 1}, "c"),
        ({"a": 1, "argument_0": 1}, "argument_0"),
        ({"a": "\ud800"}, ""),
    ],
)
async def test_arguments_are_strict(arguments: JsonObject, place: str) -> None:
    with pytest.raises(ToolRefused) as refused:
        await add.plan(arguments, PLANNING)
    assert (refused.value.code, refused.value.place) == ("invalid-arguments", place)
    assert "\n" not in refused.value.message


def undocumented(a: int) -> int:
    return a


def unhinted(a) -> int:  # type: ignore[no-untyped-def]
    """Doc."""
    return a


def unresolved(a: Missing) -> int:  # type: ignore[name-defined]  # noqa: F821
    """Doc."""
    return a


def many(*a: int) -> int:
    """Doc."""
    return a[0]


def positional(a: int, /) -> int:
    """Doc."""
    return a


def yielding(a: int):  # type: ignore[no-untyped-def]
    """Doc."""
    yield a


def unjsonable(a: threading.Lock) -> int:
    """Doc."""
    return 1


def callable_argument(a: type(print)) -> int:  # type: ignore[valid-type]
    """Doc."""
    return 1


def good(a: int) -> int:
    """Doc."""
    return a


@pytest.mark.parametrize(
    ("function", "hints", "says"),
    [
        (undocumented, {}, "docstring"),
        (unhinted, {}, "no type hint"),
        (unresolved, {}, "cannot be resolved"),
        (many, {}, "by name"),
        (positional, {}, "by name"),
        (yielding, {}, "cannot yield"),
        (unjsonable, {}, "JSON form"),
        (callable_argument, {}, "JSON form"),
        (good, {"restore": ["b"]}, "restore names 'b'"),
        (good, {"recorded": ["b"]}, "recorded names 'b'"),
        (good, {"classes": {"x": "Not A Class"}}, "class"),
        (good, {"classes": {"": "email"}}, "class"),
        (good, {"name": "wiki__x"}, "name"),
        (good, {"name": "a b"}, "name"),
        (good, {"name": "a" * 65}, "name"),
        (good, {"seconds": 0}, "seconds"),
        (Line, {}, "functions"),
    ],
)
def test_what_is_no_tool(function: Any, hints: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolDefinitionError, match=says) as error:
        guarded_tool(**hints)(function)
    assert "\n" not in str(error.value)
    if function is not Line:
        assert (error.value.file, error.value.line) == (__file__, function.__code__.co_firstlineno)


@guarded_tool(restore=["to", "number", "nested"])
def send(to: str, body: str, number: int = 0, nested: list[dict[str, str]] | None = None) -> list[object]:
    """Send."""
    return [to, body, number, nested]


async def test_tokens_come_back_where_the_tool_wants_them() -> None:
    arguments: JsonObject = {
        "to": "tok_a and tok_b and tok_a",
        "body": "Dear tok_a",
        "number": 4711,
        "nested": [{"x": "tok_b"}, {"y": "plain"}],
    }
    plan = await send.plan(arguments, PLANNING)
    assert [(s.token, s.place, s.target) for s in plan.slots] == [
        ("tok_a", Place.CONTENT, "send.to"),
        ("tok_b", Place.CONTENT, "send.to"),
        ("4711", Place.CONTENT, "send.number"),
        ("tok_b", Place.CONTENT, "send.nested"),
    ]
    result = await send.run(plan, Running(["Ann", "Bob", 42, "Bob"]))
    assert result.value == ["Ann and Bob and Ann", "Dear tok_a", 42, [{"x": "Bob"}, {"y": "plain"}]]
    again = await send.run(plan, Running(["Ann", 7, "42", date(2026, 1, 2)]))
    assert again.value == ["Ann and 7 and Ann", "Dear tok_a", 42, [{"x": "2026-01-02"}, {"y": "plain"}]]


@pytest.mark.parametrize(
    ("values", "code"),
    [([UNKNOWN], "unknown-token"), (["tok_a"], "restore-not-cleared")],
)
async def test_without_a_real_value_nothing_is_sent(values: list[object], code: str) -> None:
    """A token keeps the form of its value: a message to it would go to a stranger."""
    plan = await send.plan({"to": "tok_a", "body": ""}, PLANNING)
    with pytest.raises(ToolRefused) as refused:
        await send.run(plan, Running(values))
    assert (refused.value.code, refused.value.place) == (code, "send.to")


async def test_a_real_value_that_does_not_fit_is_not_told() -> None:
    plan = await send.plan({"to": "x", "body": "", "number": 4711}, PLANNING)
    with pytest.raises(ToolRefused) as refused:
        await send.run(plan, Running(["very secret"]))
    assert refused.value.code == "invalid-arguments"
    assert "secret" not in refused.value.message + refused.value.hint
    assert refused.value.__cause__ is None


def check_token(value: str) -> str:
    if not value.startswith("tok_"):
        raise ValueError(f"bad {value}")
    return value


async def test_a_validator_cannot_tell_a_real_value() -> None:
    @guarded_tool(restore=["to"])
    def picky(to: Annotated[str, AfterValidator(check_token)]) -> int:
        """Picky."""
        return 1

    plan = await picky.plan({"to": "tok_a"}, PLANNING)
    with pytest.raises(ToolRefused) as refused:
        await picky.run(plan, Running(["very secret"]))
    assert "secret" not in refused.value.message + refused.value.hint


async def test_exceptions_are_fixed_sentences() -> None:
    @guarded_tool
    def fails(how: str) -> int:
        """Fail."""
        if how == "exit":
            sys.exit("secret 123-45-6789")
        raise ValueError("secret 123-45-6789")

    @guarded_tool
    async def fails_too() -> int:
        """Fail."""
        raise KeyError("secret 123-45-6789")

    logged: list[str] = []
    sink = logger.add(logged.append, backtrace=True, diagnose=True)
    for tool, arguments in ((fails, {"how": "exit"}), (fails, {"how": "raise"}), (fails_too, {})):
        with pytest.raises(ToolFailed) as failed:
            await run(tool, **arguments)  # type: ignore[arg-type]
        assert (failed.value.code, failed.value.message) == ("tool-error", "The tool failed.")
        assert failed.value.__cause__ is None
    logger.remove(sink)
    assert len(logged) == 3
    assert "fails_too raised KeyError" in logged[2]
    assert "123-45" not in "".join(logged)


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_refusal_is_told(asynchronous: bool) -> None:
    @guarded_tool
    def refuses() -> int:
        """Refuse."""
        raise Refuse("No mails on Sundays.", "Try on Monday.", code="sunday")

    @guarded_tool
    async def refuses_too() -> int:
        """Refuse."""
        raise Refuse("No mails on Sundays.", "Try on Monday.", code="sunday")

    tool: Any = refuses_too if asynchronous else refuses
    with pytest.raises(ToolRefused) as refused:
        await run(tool)
    error = refused.value
    assert (error.code, error.message, error.hint, error.place) == (
        "sunday",
        "No mails on Sundays.",
        "Try on Monday.",
        tool.spec.name,
    )


async def test_plain_functions_run_beside_the_loop() -> None:
    here = threading.current_thread()

    @guarded_tool
    def beside() -> bool:
        """Where am I?"""
        return threading.current_thread() is not here

    @guarded_tool
    async def inside() -> bool:
        """Where am I?"""
        await anyio.lowlevel.checkpoint()
        return threading.current_thread() is here

    assert await run(beside) is True
    assert await run(inside) is True


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_progress_is_no_argument(asynchronous: bool) -> None:
    @guarded_tool
    def works(n: int, progress: Progress) -> int:
        """Work."""
        for i in range(n):
            progress(i + 1, n, "done")
        return n

    @guarded_tool
    async def works_too(n: int, progress: Progress) -> int:
        """Work."""
        for i in range(n):
            await progress.tell(i + 1, n, "done")
        return n

    tool: Any = works_too if asynchronous else works
    assert list(tool.spec.input_schema["properties"]) == ["n"]
    told: list[tuple[float, float | None, str]] = []

    async def report(done: float, total: float | None, message: str) -> None:
        told.append((done, total, message))

    await tool.run(await tool.plan({"n": 2}, PLANNING), Running(progress=report))
    assert told == [(1, 2, "done"), (2, 2, "done")]
    assert await run(tool, n=2) == 2  # nobody listens
    assert works(1, Progress()) == 1  # and as a plain function


async def test_progress_ends_a_cancelled_function() -> None:
    began, ended = threading.Event(), threading.Event()

    @guarded_tool
    def endless(progress: Progress) -> int:
        """Never ends."""
        try:
            while True:
                began.set()
                progress(1)
        finally:
            ended.set()

    plan = await endless.plan({}, PLANNING)
    async with anyio.create_task_group() as group:
        group.start_soon(endless.run, plan, Running())
        assert await anyio.to_thread.run_sync(began.wait, 30)
        group.cancel_scope.cancel()
    assert ended.is_set()
    with pytest.raises(ToolFailed) as failed:
        await endless.run(plan, Running(limits=Limits(seconds=0.01)))
    assert failed.value.code == "deadline"


def test_results_are_plain() -> None:
    value = {
        "order": Order(number=1, lines=[Line("a")]),
        "day": date(2026, 1, 2),
        "sum": Decimal("1.50"),
        "colour": Colour.RED,
        "pair": (1, 2.5),
        3: None,
    }
    assert plain(value) == {
        "order": {"number": 1, "lines": [{"item": "a", "count": 1}]},
        "day": "2026-01-02",
        "sum": "1.50",
        "colour": "red",
        "pair": [1, 2.5],
        "3": None,
    }


def nest(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (object(), "result-invalid"),
        ([math.nan], "result-invalid"),
        ({"x": math.inf}, "result-invalid"),
        (2**64, "result-invalid"),
        ("\ud800", "result-invalid"),
        ({"\ud800": 1}, "result-invalid"),
        (b"\xff\xfe", "result-invalid"),
        (CIRCLE, "result-invalid"),
        (nest(65), "result-invalid"),
        (nest(100_000), "result-invalid"),
        ("x" * 101, "result-too-large"),
        (["ä" * 10] * 6, "result-too-large"),
        ({"k" * 200: 1}, "result-too-large"),
        ([0] * 60, "result-too-large"),
    ],
)
def test_results_that_are_not_plain(value: object, code: str) -> None:
    with pytest.raises(ToolFailed) as failed:
        plain(value, 100 if code == "result-too-large" else 1 << 20)
    assert failed.value.code == code


def test_the_deepest_result() -> None:
    assert plain(nest(64)) == nest(64)


async def test_a_result_is_cut_off_at_the_limit_of_the_chain() -> None:
    @guarded_tool
    def large() -> str:
        """Large."""
        return "x" * 1000

    with pytest.raises(ToolFailed) as failed:
        await large.run(await large.plan({}, PLANNING), Running(limits=Limits(bytes=500)))
    assert failed.value.code == "result-too-large"
