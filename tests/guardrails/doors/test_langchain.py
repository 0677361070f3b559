"""Any LangChain tool behind the chain, and what a framework could leak past a wrapper."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolArg, InjectedToolCallId, StructuredTool, ToolException, tool
from langchain_core.tools import Tool as SimpleTool
from langchain_core.tracers.context import collect_runs
from pydantic import BaseModel

from gloveport.guardrails.doors.langchain import Guard, GuardedTool
from gloveport.recordings.reader import read_sessions

EMAIL = "ann.canary@fastpost.net"
CARD = "4111111111111111"
CONFIG = """
policies: policies
identity: {human: ann}
"""
RULES = """
@id("own") permit (principal, action == Action::"session.status", resource);
@id("read") permit (principal, action == Action::"tool.call", resource) when { context.effects.contains("read") };
@id("send") permit (principal, action == Action::"tool.call", resource) when { context.tool.sends.contains("mail") };
@id("clear") permit (principal, action == Action::"token.restore", resource == Tool::"mail")
when { context.data.classes.contains(DataClass::"email") && context.argument == "to" };
@id("ask") @require("approval") forbid (principal, action == Action::"tool.call", resource == Tool::"slow_ask");
"""
CALL = {"type": "tool_call", "id": "call-7", "name": "lookup", "args": {"number": 1}}


def opened(folder: Path) -> Guard:
    (folder / "policies").mkdir()
    (folder / "policies" / "rules.cedar").write_text(RULES)
    (folder / "gloveport.yaml").write_text(CONFIG)
    return Guard.open(folder / "gloveport.yaml")


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    with opened(tmp_path_factory.mktemp("house")) as shared:
        yield shared


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Guard]:
    """One of its own, for a test that closes it to read what it recorded in ``tmp_path``."""
    with opened(tmp_path) as own:
        yield own


@tool
def lookup(number: int) -> dict[str, Any]:
    """Look a customer up."""
    return {"number": number, "contact": {"mail": EMAIL}, "note": f"paid with {CARD}"}


class Person(BaseModel):
    mail: str


class Spy(BaseCallbackHandler):
    """Keeps everything LangChain tells a callback."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_"):
            return lambda *args, **kwargs: self.seen.append(f"{name} {args} {kwargs}")
        return super().__getattribute__(name)


def masked(answer: str) -> bool:
    return EMAIL not in answer and CARD not in answer


def test_the_answer_is_masked_and_its_structure_kept(guard: Guard) -> None:
    answer = guard.tool(lookup, classes={"contact.mail": "email"}).invoke({"number": 3})
    assert answer["number"] == 3
    assert masked(json.dumps(answer))
    assert "@" in answer["contact"]["mail"], "a token keeps the form of what it stands for"


async def test_and_so_it_is_in_an_event_loop(guard: Guard) -> None:
    guarded = guard.tool(lookup)
    assert masked(json.dumps(await guarded.ainvoke({"number": 1})))
    # A synchronous call inside a running loop, as from a node of a graph that is not async.
    assert masked(json.dumps(guarded.invoke({"number": 1})))


def test_a_tool_call_is_answered_by_a_message_with_its_id(guard: Guard) -> None:
    message = guard.tool(lookup).invoke(CALL)
    assert isinstance(message, ToolMessage)
    assert (message.tool_call_id, message.status, message.name) == ("call-7", "success", "lookup")
    assert masked(str(message.content))
    assert json.loads(str(message.content))["number"] == 1


def test_what_the_model_is_told_of_the_tool_is_the_same(guard: Guard) -> None:
    guarded = guard.tool(lookup)
    assert (guarded.name, guarded.description, guarded.args) == (lookup.name, lookup.description, lookup.args)
    assert guarded.metadata == {"guarded": True}
    assert "guard=" not in repr(guarded)


class TestNothingElseSeesTheOutput:
    @pytest.mark.parametrize("way", ["sync", "async"])
    def test_callbacks_of_the_caller_and_tracers_see_masked_output(self, guard: Guard, way: str) -> None:
        spy = Spy()
        guarded = guard.tool(lookup)
        with collect_runs() as runs:
            if way == "sync":
                guarded.invoke(dict(CALL), {"callbacks": [spy]})
            else:
                asyncio.run(guarded.ainvoke(dict(CALL), {"callbacks": [spy]}))
        assert [line.split()[0] for line in spy.seen] == ["on_tool_start", "on_tool_end"]
        assert masked(" ".join(spy.seen))
        assert len(runs.traced_runs) == 1, "the run of the inner tool is nobody's business"
        assert masked(str(runs.traced_runs[0].outputs))

    def test_callbacks_of_the_inner_tool_itself_are_not_called(
        self, guard: Guard, capsys: pytest.CaptureFixture[str]
    ) -> None:
        spy = Spy()
        inner = StructuredTool.from_function(lookup.func, name="lookup", callbacks=[spy], verbose=True)  # type: ignore[attr-defined]
        guard.tool(inner).invoke({"number": 1})
        assert spy.seen == []
        assert masked(capsys.readouterr().out)
        assert inner.callbacks == [spy], "the tool that was given is left as it was"

    def test_a_tracer_switched_on_by_the_environment_gets_masked_output(
        self, guard: Guard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from langchain_core.tracers.langchain import LangChainTracer
        from langsmith import utils

        got: list[str] = []
        monkeypatch.setattr(LangChainTracer, "_persist_run_single", lambda self, run: None)
        monkeypatch.setattr(LangChainTracer, "_update_run_single", lambda self, run: got.append(str(run.outputs)))
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        monkeypatch.setenv("LANGSMITH_API_KEY", "none")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
        utils.get_env_var.cache_clear()
        try:
            guard.tool(lookup).invoke({"number": 1})
        finally:
            monkeypatch.undo()
            utils.get_env_var.cache_clear()
        assert masked(" ".join(got))

    def test_the_artifact_is_masked_like_the_content(self, guard: Guard) -> None:
        @tool(response_format="content_and_artifact")
        def report(number: int) -> tuple[str, dict[str, Any]]:
            """A report."""
            return f"write to {EMAIL}", {"rows": [{"who": EMAIL, "n": number}]}

        guarded = guard.tool(report, classes={"rows[].who": "email"})
        message = guarded.invoke({**CALL, "name": "report"})
        assert message.artifact["rows"][0]["n"] == 1
        assert masked(f"{message.content} {message.artifact}")
        assert masked(str(guarded.invoke({"number": 1})))

    def test_an_exception_is_one_sentence_but_what_is_written_for_the_model_is_told(self, guard: Guard) -> None:
        @tool
        def broken(number: int) -> str:
            """Break."""
            if number:
                raise ToolException(f"ask {EMAIL} for a right number")
            raise ValueError(f"no row for {EMAIL}")

        spy = Spy()
        guarded = guard.tool(broken)
        first = guarded.invoke({**CALL, "name": "broken", "args": {"number": 0}}, {"callbacks": [spy]})
        assert (first.status, first.content) == ("error", "failed (tool-error): The tool failed. Try other arguments.")
        second = guarded.invoke({**CALL, "name": "broken", "args": {"number": 1}}, {"callbacks": [spy]})
        assert second.status == "error"
        assert second.content.startswith("refused (refused): ask ")
        assert masked(" ".join([str(first), str(second), *spy.seen]))


class TestRefusals:
    def test_a_refusal_is_a_message_with_an_error(self, guard: Guard) -> None:
        ran: list[int] = []

        @tool
        def wipe(number: int) -> str:
            """Wipe."""
            ran.append(number)
            return "done"

        message = guard.tool(wipe, writes=["everything"]).invoke({**CALL, "name": "wipe"})
        assert isinstance(message, ToolMessage)
        assert (message.status, message.tool_call_id, ran) == ("error", "call-7", [])
        assert str(message.content).startswith("refused (policy-denied): The policy does not allow this.")

    def test_what_waits_for_a_human_says_how(self, guard: Guard) -> None:
        @tool
        def slow_ask(number: int) -> str:
            """Ask."""
            return "done"

        message = guard.tool(slow_ask).invoke({**CALL, "name": "slow_ask"})
        assert message.status == "error"
        assert "gloveport approve" in message.content

    def test_wrong_arguments_are_an_error_message_not_an_exception(self, guard: Guard) -> None:
        message = guard.tool(lookup).invoke({**CALL, "args": {"number": "many"}})
        assert (message.status, message.tool_call_id) == ("error", "call-7")

    def test_a_json_schema_is_checked_by_the_chain(self, guard: Guard) -> None:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        inner = StructuredTool(name="raw", description="Raw.", args_schema=schema, func=lambda n: n + 1)
        guarded = guard.tool(inner)
        assert guarded.invoke({"n": 1}) == 2
        assert "invalid-arguments" in guarded.invoke({**CALL, "name": "raw", "args": {"n": "1"}}).content


class TestKindsOfTools:
    def test_a_class_without_a_schema(self, guard: Guard) -> None:
        class Adder(BaseTool):
            name: str = "adder"
            description: str = "Add."

            def _run(self, first: int, second: int = 2) -> int:
                return first + second

        guarded = guard.tool(Adder())
        assert set(guarded.args) == {"first", "second"}
        assert guarded.invoke({"first": 1}) == 3

    def test_a_simple_tool_of_one_text(self, guard: Guard) -> None:
        guarded = guard.tool(SimpleTool("shout", lambda text: text.upper(), "Shout."))
        assert guarded.invoke({"tool_input": "a"}) == "A"

    def test_a_structured_tool_called_with_one_text(self, guard: Guard) -> None:
        @tool
        def shout(text: str) -> str:
            """Shout."""
            return text.upper()

        assert guard.tool(shout).invoke("quiet") == "QUIET"

    async def test_an_async_tool_runs_on_the_loop_of_its_caller(self, guard: Guard) -> None:
        loop = asyncio.get_running_loop()

        @tool
        async def where(number: int) -> bool:
            """Where?"""
            return asyncio.get_running_loop() is loop

        assert await guard.tool(where).ainvoke({"number": 1}) is True

    async def test_cancelling_the_caller_cancels_the_tool(self, guard: Guard) -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        @tool
        async def forever(number: int) -> None:
            """Wait."""
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        task = asyncio.create_task(guard.tool(forever).ainvoke({"number": 1}))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ended.wait(), 5)

    def test_pydantic_and_odd_results_become_data(self, guard: Guard) -> None:
        @tool
        def people() -> list[Person]:
            """People."""
            return [Person(mail=EMAIL)]

        assert masked(str(guard.tool(people).invoke({})))

        @tool
        def much() -> str:
            """Much."""
            return "x" * (5 << 20)

        assert "result-too-large" in guard.tool(much).invoke({**CALL, "name": "much", "args": {}}).content

    def test_injected_arguments_reach_the_tool_and_no_record(self, fresh: Guard, tmp_path: Path) -> None:
        got: list[Any] = []

        @tool
        def inject(
            number: int,
            call: Annotated[str, InjectedToolCallId],
            store: Annotated[Any, InjectedToolArg],
            config: RunnableConfig,
        ) -> dict[str, str]:
            """Inject."""
            got.append((number, call, store, (config.get("configurable") or {}).get("thread_id")))
            return {"mail": EMAIL}

        guarded = fresh.tool(inject)
        assert set(guarded.args) == {"number"}
        call = {**CALL, "name": "inject", "args": {"number": 1, "store": {"secret": CARD}}}
        message = guarded.invoke(call, {"configurable": {"thread_id": "t1"}})
        assert got == [(1, "call-7", {"secret": CARD}, "t1")]
        assert masked(str(message))
        fresh.close()
        (session,) = read_sessions(tmp_path / "recordings")
        received = next(event for event in session.events() if event.kind == "call.received")
        assert set(received.body["args"]) == {"number"}  # type: ignore[arg-type]


class TestIdentityAndSession:
    def test_a_thread_is_a_session_and_the_model_is_asserted(self, fresh: Guard, tmp_path: Path) -> None:
        guarded = fresh.tool(lookup, recorded=["number"])
        fresh.callback.on_chat_model_start(
            {}, [[]], metadata={"thread_id": "t1", "ls_model_name": "model-x"}, run_id=None
        )  # type: ignore[arg-type]
        for thread in ("t1", "t1", "t2"):
            guarded.invoke(dict(CALL), {"configurable": {"thread_id": thread}})
        fresh.close()
        sessions = [list(session.events()) for session in read_sessions(tmp_path / "recordings")]
        opened = [events[0].body for events in sessions]
        assert sorted(sum(event.kind == "call.returned" for event in events) for events in sessions) == [1, 2]
        assert {body["door"] for body in opened} == {"langchain"}
        models = [body.get("model") for body in opened]
        assert {"name": "model-x", "asserted_by": "asserted"} in [
            {k: model[k] for k in ("name", "asserted_by")} for model in models if isinstance(model, dict)
        ]
        received = next(event for event in sessions[0] if event.kind == "call.received")
        assert received.body["args"] == {"number": 1}
        assert received.body["rpc"]["id"] == "call-7"  # type: ignore[index, call-overload]

    def test_what_the_framework_says_adds_no_right(self, guard: Guard) -> None:
        status = next(t for t in guard.tools() if t.name == "session_status")
        config: RunnableConfig = {
            "metadata": {"agent_name": "root", "purpose": "all"},
            "configurable": {"user_id": "eve", "thread_id": "rights"},
        }
        (who,) = json.loads(status.invoke({}, config))["entries"]
        assert who["human_basis"] == "config"
        assert (who["agent_basis"], who["purpose_basis"]) == ("asserted", "asserted")


class TestOwnTools:
    def test_they_are_langchain_tools_filtered_by_policy(self, guard: Guard) -> None:
        assert [t.name for t in guard.tools()] == ["session_status"]

    def test_tokens_go_from_one_tool_to_the_next(self, guard: Guard) -> None:
        """The model sees a token; a tool that a policy clears gets the real value, and no other does."""
        sent: list[tuple[str, str]] = []

        @tool
        def mail(to: str, text: str) -> str:
            """Send a mail."""
            sent.append((to, text))
            return f"sent to {to}"

        token = guard.tool(lookup, classes={"contact.mail": "email"}).invoke({"number": 1})["contact"]["mail"]
        guarded = guard.tool(mail, sends=["mail"], restore=["to"])
        answer = guarded.invoke({"to": token, "text": f"dear {token}"})
        assert sent == [(EMAIL, f"dear {token}")]
        assert masked(answer)
        assert token in answer


@pytest.mark.parametrize("hints", [{"restore": ["to"]}, {"recorded": "to"}, {"classes": {"a": "E-Mail"}}])
def test_a_wrong_hint_is_one_line(guard: Guard, hints: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^lookup: "):
        guard.tool(lookup, **hints)


def test_an_agent_s_loop(guard: Guard) -> None:
    """A fake model that calls the tool by the message it got, as create_agent does, without an agent framework."""
    guarded = {t.name: t for t in [guard.tool(lookup), *guard.tools()]}
    history: list[Any] = [HumanMessage("who is 1?")]
    model = iter(
        [
            AIMessage("", tool_calls=[{"name": "lookup", "args": {"number": 1}, "id": "a", "type": "tool_call"}]),
            AIMessage("", tool_calls=[{"name": "session_status", "args": {}, "id": "b", "type": "tool_call"}]),
            AIMessage("done"),
        ]
    )
    for said in model:
        history.append(said)
        history += [guarded[call["name"]].invoke(call) for call in said.tool_calls]
    assert [type(message).__name__ for message in history].count("ToolMessage") == 2
    assert masked(str(history))
    assert json.loads(history[4].content)["entries"][0]["calls"] >= 1


def test_it_needs_no_mcp() -> None:
    import subprocess

    code = (
        "import gloveport.guardrails.doors.langchain, sys; print([m for m in sys.modules if m.split('.')[0] == 'mcp'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_guarded_tool_is_made_by_a_guard() -> None:
    with pytest.raises(ValueError, match="guard"):
        GuardedTool(name="x", description="x")  # type: ignore[call-arg]
