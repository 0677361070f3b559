"""The chain with each stage broken on purpose: whatever breaks, nothing is released that should not be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from gloveport.guardrails.call import Caller, Release, Request, Status
from gloveport.guardrails.chain import Chain, Stages
from gloveport.guardrails.config import IdentityConfig
from gloveport.guardrails.decision import Denied, Verdict
from gloveport.guardrails.identity import Identification, SessionResolver
from gloveport.guardrails.masking.masker import Masked
from gloveport.guardrails.masking.restore import Restored
from gloveport.guardrails.masking.tokens.service import Scope
from gloveport.guardrails.schema import Validators
from gloveport.guardrails.session import Sessions
from gloveport.recordings import events
from gloveport.recordings.reader import read_sessions
from gloveport.recordings.recorder import Recorder, RecorderUnavailable
from gloveport.tools.tool import (
    Access,
    Action,
    ColumnRef,
    Effect,
    IndirectUse,
    JsonObject,
    Limits,
    OutputColumn,
    OutputForm,
    Plan,
    Planning,
    Running,
    TokenSpan,
    ToolFailed,
    ToolRefused,
    ToolSpec,
    Value,
)

SECRET = "ann.canary@fastpost.net"
SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
CALLER = Caller(transport="memory", client="test/1")


@dataclass
class Echo:
    """A tool whose steps a test may replace."""

    ran: list[Plan] = field(default_factory=list)
    planning: Callable[[], None] = lambda: None
    running: Callable[[], Any] = lambda: None

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec("echo", "Echo.", SCHEMA, recorded=frozenset())

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        self.planning()
        access = Access(Action.TOOL_CALL, "tool", "echo")
        return Plan((access,), frozenset({Effect.READ}), statement="echo ?", work=arguments["text"])

    async def run(self, plan: Plan, running: Running) -> Value:
        self.ran.append(plan)
        outcome = self.running()
        if hasattr(outcome, "__await__"):
            await outcome
        return Value({"said": plan.work, "secret": SECRET})


class Decider:
    def __init__(self) -> None:
        self.verdict = Verdict(events.PolicyDecided("allow", ["r1"], {}))
        self.approval: JsonObject | None = None
        self.seen: list[Plan] = []

    def visible(self, spec: ToolSpec, identity: object) -> bool:
        return True

    async def decide(self, spec: ToolSpec, plan: Plan, identity: object, session: object) -> Verdict:
        self.seen.append(plan)
        return self.verdict

    def missing_approval(self, *_: object) -> JsonObject | None:
        return self.approval


class Restorer:
    broken = False

    def planning(self, scope: object) -> Planning:
        async def rules(_: str) -> Any:
            raise AssertionError

        return Planning("ann", lambda _: None, lambda _: [], rules)

    def restore(self, *_: object) -> Restored:
        if self.broken:
            raise OSError(SECRET)
        return Restored()


class Masker:
    broken = False

    async def mask(self, result: Value, *_: object) -> Masked:
        if self.broken:
            raise ValueError(SECRET)
        return Masked({"value": {"said": "[masked:text]"}})

    def scrub(self, text: str) -> str:
        return text.replace(SECRET, "[masked:email]")

    def scrub_json(self, value: JsonObject) -> JsonObject:
        if self.broken:
            raise ValueError(SECRET)
        return {k: self.scrub(v) if isinstance(v, str) else v for k, v in value.items()}


class Tokens:
    broken = False

    def find_many(self, texts: Sequence[str], scope: Scope) -> list[list[TokenSpan]]:
        return [[] for _ in texts]

    async def flush(self) -> None:
        if self.broken:
            raise OSError(SECRET)


@dataclass
class World:
    chain: Chain
    recorder: Recorder
    sessions: Sessions
    tool: Echo
    decider: Decider
    restorer: Restorer
    masker: Masker
    tokens: Tokens
    folder: Path

    async def call(self, tool: str = "echo", **arguments: Any) -> Release:
        return await self.chain.call(Request(tool, arguments or {"text": SECRET}, CALLER))

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events()]

    def events(self) -> list[Any]:
        self.sessions.close("client")
        self.recorder.close()
        (session,) = read_sessions(self.folder)
        return list(session.events())

    def everything(self) -> str:
        self.sessions.close("client")
        self.recorder.close()
        return "".join(p.read_bytes().decode("utf-8", "replace") for p in self.folder.rglob("*") if p.is_file())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    recorder = Recorder.open(tmp_path / "rec", min_free_bytes=0)
    tokens, tool, decider, restorer, masker = Tokens(), Echo(), Decider(), Restorer(), Masker()
    sessions = Sessions(
        recorder,
        SessionResolver(idle=900, environment={}),
        tokens,  # type: ignore[arg-type]
        tenant="t",
        scope_kind="tenant",
        idle=900,
        server=lambda: events.Server(),
        scrub=masker.scrub,
    )
    identification = Identification(IdentityConfig(human="ann"), None)  # type: ignore[arg-type]
    stages = Stages(identification, sessions, Validators(), decider, restorer, masker)  # type: ignore[arg-type]
    chain = Chain([tool], stages, limits=Limits(seconds=5))
    yield World(chain, recorder, sessions, tool, decider, restorer, masker, tokens, tmp_path / "rec")
    recorder.close()


async def test_one_call_walks_through_every_stage_in_order(world: World) -> None:
    release = await world.call()
    assert release.status is Status.RELEASED
    assert release.content == {"value": {"said": "[masked:text]"}}
    assert world.kinds() == [
        "session.opened",
        "call.received",
        "identity.checked",
        "policy.decided",
        "exec.started",
        "exec.finished",
        "mask.applied",
        "call.returned",
        "session.closed",
    ]


async def test_the_plan_that_was_decided_on_is_the_plan_that_runs(world: World) -> None:
    await world.call()
    assert world.tool.ran[0] is world.decider.seen[0]


async def test_a_denial_runs_nothing(world: World) -> None:
    event = events.PolicyDecided("deny", ["no"], {})
    world.decider.verdict = Verdict(event, denied=Denied("policy-denied", "Not allowed.", "Ask for less.", "no"))
    release = await world.call()
    assert release.status is Status.REFUSED
    assert release.content["error"] == {
        "code": "policy-denied",
        "message": "Not allowed.",
        "hint": "Ask for less.",
        "rule": "no",
    }
    assert not world.tool.ran
    assert world.kinds()[-2] == "call.denied"


async def test_pending_runs_nothing(world: World) -> None:
    world.decider.approval = {"id": "a1", "expires": 1, "how": "gloveport approve a1"}
    release = await world.call()
    assert (release.status, release.content["approval"]["id"]) == (Status.PENDING, "a1")  # type: ignore[index, call-overload]
    assert not release.is_error
    assert not world.tool.ran


@pytest.mark.parametrize(
    ("break_it", "status", "code", "runs"),
    [
        (lambda w: setattr(w.tool, "planning", _raise(OSError(SECRET))), Status.FAILED, "internal", 0),
        (lambda w: setattr(w.decider, "decide", _raise(OSError(SECRET))), Status.FAILED, "internal", 0),
        (lambda w: setattr(w.decider, "missing_approval", _raise(OSError(SECRET))), Status.FAILED, "internal", 0),
        (lambda w: setattr(w.restorer, "broken", True), Status.FAILED, "internal", 0),
        (lambda w: setattr(w.tool, "running", _raise(OSError(SECRET))), Status.FAILED, "tool-error", 1),
        (lambda w: setattr(w.tool, "running", _raise(ToolFailed("gone", f"at {SECRET}"))), Status.FAILED, "gone", 1),
        (lambda w: setattr(w.tool, "running", _raise(ToolRefused("no", f"at {SECRET}"))), Status.REFUSED, "no", 1),
        (lambda w: setattr(w.masker, "broken", True), Status.FAILED, "masking-failed", 1),
        (lambda w: setattr(w.tokens, "broken", True), Status.FAILED, "internal", 1),
    ],
    ids=["plan", "policy", "approval", "restore", "run", "failed-text", "refused-text", "mask", "vault"],
)
async def test_a_broken_stage_releases_nothing_and_says_nothing(
    world: World, break_it: Callable[[World], None], status: Status, code: str, runs: int
) -> None:
    break_it(world)
    release = await world.call()
    assert release.status is status
    assert release.content["error"]["code"] == code  # type: ignore[index, call-overload]
    assert set(release.content) == {"error"}
    assert len(world.tool.ran) == runs
    assert SECRET not in str(release)
    assert SECRET not in world.everything()


def _raise(error: Exception) -> Callable[..., Any]:
    def broken(*_: object) -> Any:
        raise error

    return broken


@pytest.mark.parametrize("barrier", [1, 2])
async def test_no_record_no_result(world: World, monkeypatch: pytest.MonkeyPatch, barrier: int) -> None:
    commits = 0
    commit = Recorder.commit

    async def failing(self: Recorder, *, read_only: bool = False) -> None:
        nonlocal commits
        commits += 1
        if commits >= barrier:
            raise RecorderUnavailable("io_error", "gone")
        await commit(self, read_only=read_only)

    monkeypatch.setattr(Recorder, "commit", failing)
    release = await world.call()
    assert release.status is Status.FAILED
    assert release.content["error"]["code"] == "recorder-unavailable"  # type: ignore[index, call-overload]
    assert len(world.tool.ran) == barrier - 1, "barrier 1 stands before execution"


async def test_a_recorder_that_cannot_append_refuses_the_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "append", _raise(RecorderUnavailable("disk_full", "full")))
    release = await world.call()
    assert release.status is Status.FAILED
    assert not world.tool.ran


async def test_cancelling_a_call_is_recorded_and_goes_on_cancelling(world: World) -> None:
    started = anyio.Event()

    async def forever() -> None:
        started.set()
        await anyio.sleep_forever()

    world.tool.running = forever
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call)
        await started.wait()
        tasks.cancel_scope.cancel()
    assert world.kinds()[-3:] == ["exec.finished", "call.failed", "session.closed"]


async def test_a_deadline_ends_the_run(world: World) -> None:
    world.tool.running = anyio.sleep_forever
    chain = Chain([world.tool], world.chain._stages, limits=Limits(seconds=0.01))  # pyright: ignore[reportPrivateUsage]
    release = await chain.call(Request("echo", {"text": "x"}, CALLER))
    assert release.content["error"]["code"] == "deadline"  # type: ignore[index, call-overload]


async def test_bad_arguments_are_refused_before_any_plan(world: World) -> None:
    release = await world.call(text=SECRET, **{SECRET: 1})
    assert release.status is Status.REFUSED
    assert SECRET not in str(release)
    assert not world.decider.seen


async def test_an_unknown_tool_is_refused_and_its_name_not_kept(world: World) -> None:
    release = await world.call(SECRET)
    assert release.content["error"]["code"] == "unknown-tool"  # type: ignore[index, call-overload]
    assert SECRET not in world.everything()


async def test_arguments_are_recorded_by_type_and_size(world: World) -> None:
    await world.call(text=SECRET)
    received = next(event for event in world.events() if event.kind == "call.received")
    assert received.body["args"] == {"text": {"$withheld": {"type": "string", "size": len(SECRET)}}}


async def test_progress_passes_the_masker(world: World) -> None:
    told: list[str] = []

    async def progress(done: float, total: float | None, message: str) -> None:
        told.append(message)

    class Telling(Echo):
        async def run(self, plan: Plan, running: Running) -> Value:
            assert running.progress is not None
            await running.progress(1, 2, f"reading {SECRET}")
            return Value(None)

    chain = Chain([Telling()], world.chain._stages)  # pyright: ignore[reportPrivateUsage]
    await chain.call(Request("echo", {"text": "x"}, CALLER, progress))
    assert told == ["reading [masked:email]"]


async def test_one_slow_call_does_not_hold_up_another(world: World) -> None:
    gate = anyio.Event()
    world.tool.running = gate.wait
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call)
        while not world.tool.ran:
            await anyio.lowlevel.checkpoint()
        world.tool.running = lambda: None
        assert (await world.call()).status is Status.RELEASED
        gate.set()


async def test_callers_of_one_process_share_a_session_and_others_do_not(world: World) -> None:
    first = await world.call()
    assert (await world.call()).session == first.session
    other = replace(CALLER, meta={"dev.gloveport/session": "elsewhere"})
    assert (await world.chain.call(Request("echo", {"text": "x"}, other))).session != first.session


async def test_the_tool_list_is_recorded_once(world: World) -> None:
    assert [spec.name for spec in await world.chain.tools(CALLER)] == ["echo"]
    await world.chain.tools(CALLER)
    assert world.kinds().count("catalog.seen") == 1


async def test_what_a_tool_understood_of_a_call_it_refuses_is_recorded(world: World) -> None:
    class Understood(ToolRefused):
        outputs = (OutputColumn("m", "text", frozenset({ColumnRef("db", "t", "mail")}), OutputForm.EXPRESSION),)
        indirect = (IndirectUse(ColumnRef("db", "t", "city"), "where"),)

    def refuse() -> None:
        raise Understood("sql_use", "No.")

    world.tool.planning = refuse
    assert (await world.call()).status is Status.REFUSED
    denied = next(event for event in world.events() if event.kind == "call.denied")
    assert denied.body["lineage"] == {
        "outputs": [{"name": "m", "form": "expression", "sources": ["db.t.mail"]}],
        "indirect": [{"source": "db.t.city", "place": "where"}],
    }
