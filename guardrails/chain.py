"""The one path of every call: identify -> decide -> execute -> mask, and every step recorded.

`Chain.call` reads like that line. Whatever goes wrong ends in one of three ways, and each is data: *refused* (a rule
forbids it), *failed* (it could not be done) or *pending* (a human must say yes). Nothing is released that is not on
disk: the intent before execution, the outcome before release. The masker is the one exit: results, refusals and error
texts all pass
it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio
from loguru import logger

from ..recordings.recorder import RecorderUnavailable, RecordingError
from ..recordings.values import canonical
from ..tools.tool import JsonObject, Limits, Plan, Result, Running, Tool, ToolFailed, ToolRefused, ToolSpec
from .call import Caller, Refusal, Release, Request, Status
from .decision import Decider, Verdict
from .execution import execute
from .identity import NOBODY, Identification, Identity, IdentityError
from .masking.masker import Masked, Masker
from .masking.restore import Restored
from .masking.restorer import Restorer
from .masking.tokens.service import Scope
from .schema import Validators
from .session import CallRecord, Session, Sessions, in_session

TELL = "Tell the operator of this server."
RECORDER_DOWN = Refusal("recorder-unavailable", "The transcript cannot be written, so nothing is released.", TELL)
INTERNAL = Refusal("internal", "The call failed inside the guardrail chain; nothing was released.", TELL)
MASKING_FAILED = Refusal("masking-failed", "The result could not be masked, so it is not released.", TELL)
CANCELLED = Refusal("cancelled", "The caller went away; the call was stopped.")


class Pending(Exception):
    """A human must approve this call first."""

    def __init__(self, approval: JsonObject) -> None:
        super().__init__("pending")
        self.approval = approval


class MaskingFailed(Exception):
    """The masker threw; what it threw is dropped, because it may hold values."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The rooms a call walks through, each replaceable by a test that breaks it on purpose."""

    identification: Identification
    sessions: Sessions
    validators: Validators
    decider: Decider
    restorer: Restorer
    masker: Masker


class Chain:
    """Holds the tools and the stages; every door ends here."""

    def __init__(self, tools: Sequence[Tool], stages: Stages, *, limits: Limits = Limits()) -> None:
        self._tools: Mapping[str, Tool] = {tool.spec.name: tool for tool in tools}
        self._stages = stages
        self._limits = limits

    async def tools(self, caller: Caller) -> Sequence[ToolSpec]:
        """What this caller may see: the tools of which the policy could allow at least one use."""
        try:
            identity = self._stages.identification.identify(caller)
            session = self._stages.sessions.of(caller, identity)
            visible = [t.spec for t in self._tools.values() if self._stages.decider.visible(t.spec, identity)]
            session.catalog_seen(visible, hidden=len(self._tools) - len(visible))
            await session.durable()
        except (IdentityError, RecorderUnavailable, RecordingError) as error:
            logger.warning("tool list withheld: {}", type(error).__name__)
            return []
        return visible

    async def call(self, request: Request, tool: Tool | None = None) -> Release:
        """Run one call and say how it ended. Raises nothing but cancellation.

        ``tool`` is for tools that a door brings along (a LangChain tool); all others are found by name.
        """
        identity, unknown = self._identify(request.caller)
        try:
            session = self._stages.sessions.of(request.caller, identity)
            record = session.begin(request, self._spec(request.tool, tool))
        except (RecorderUnavailable, RecordingError):
            return Release(Status.FAILED, "", "", {"error": RECORDER_DOWN.as_json()})
        try:
            record.identified(identity, unknown)
            if unknown is not None:
                raise ToolRefused(unknown.code, unknown.message, unknown.hint)
            with in_session(session):
                content = await self._guarded(request, tool or self._found(request.tool), identity, session, record)
            release = Release(Status.RELEASED, record.call, session.id, content)
        except ToolRefused as refused:
            record.understood(refused)
            parts = Refusal(refused.code, refused.message, refused.hint, refused.place, refused.rule)
            release = self._ended(Status.REFUSED, parts, record)
        except ToolFailed as failed:
            release = self._ended(Status.FAILED, Refusal(failed.code, failed.message, failed.hint), record)
        except Pending as pending:
            release = Release(Status.PENDING, record.call, session.id, {"approval": pending.approval})
        except (RecorderUnavailable, RecordingError):
            return self._ended(Status.FAILED, RECORDER_DOWN, record)
        except MaskingFailed:
            release = self._ended(Status.FAILED, MASKING_FAILED, record)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._released(self._ended(Status.FAILED, CANCELLED, record), record)
            raise
        except Exception as error:  # noqa: BLE001 - fail closed: whatever a stage throws, nothing is released
            logger.error("call {}: a stage threw {}", record.call, type(error).__name__)
            release = self._ended(Status.FAILED, INTERNAL, record)
        return await self._released(release, record)

    async def _guarded(
        self, request: Request, tool: Tool, identity: Identity, session: Session, record: CallRecord
    ) -> JsonObject:
        stages, scope = self._stages, session.scope(identity)
        arguments = stages.validators.checked(tool.spec, request.arguments)
        plan = await tool.plan(arguments, stages.restorer.planning(scope))
        record.planned(plan)

        verdict = await stages.decider.decide(tool.spec, plan, identity, session)
        record.decided(verdict)
        if verdict.denied is not None:
            raise ToolRefused(
                verdict.denied.code, verdict.denied.message, verdict.denied.hint, rule=verdict.denied.rule
            )
        exact = canonical(request.arguments)
        if (approval := stages.decider.missing_approval(verdict, tool.spec, plan, exact, identity, record)) is not None:
            raise Pending(approval)

        limits = plan.limits.lowered(verdict.limits).lowered(self._limits)
        restored = stages.restorer.restore(plan, verdict.clearances, scope)
        record.starting(plan, limits, restored)
        await record.durable()  # barrier 1: no execution without a record of the intent

        result = await self._executed(tool, plan, self._running(request, restored, limits), restored, record)

        masked = await self._masked(result, plan, verdict, scope, restored)
        record.masked(masked)
        return masked.content

    async def _executed(
        self, tool: Tool, plan: Plan, running: Running, restored: Restored, record: CallRecord
    ) -> Result:
        started = time.perf_counter_ns()
        try:
            result = await execute(tool, plan, running)
        except (ToolRefused, ToolFailed) as error:
            refused = isinstance(error, ToolRefused)
            record.stopped("refused" if refused else "failed", time.perf_counter_ns() - started, error.code)
            # a message must not carry a value that was just restored
            error.message, error.hint = restored.scrub(error.message), restored.scrub(error.hint)
            raise
        except anyio.get_cancelled_exc_class():
            record.stopped("cancelled", time.perf_counter_ns() - started, "cancelled")
            raise
        record.executed(result, time.perf_counter_ns() - started)
        return result

    def _running(self, request: Request, restored: Restored, limits: Limits) -> Running:
        report = request.progress
        if report is None:
            return Running(restored.values, limits)

        async def progress(done: float, total: float | None, message: str) -> None:
            await report(done, total, self._stages.masker.scrub(restored.scrub(message)))

        return Running(restored.values, limits, progress)

    async def _masked(self, result: Result, plan: Plan, verdict: Verdict, scope: Scope, restored: Restored) -> Masked:
        try:
            return await self._stages.masker.mask(result, plan, verdict.duties, scope, restored)
        except Exception as error:  # noqa: BLE001 - fail closed, and drop a text that may hold values
            logger.error("masking failed: {}", type(error).__name__)
            raise MaskingFailed from None

    async def _released(self, release: Release, record: CallRecord) -> Release:
        """Barrier 2: every token in the outcome, then the outcome itself, are on disk before anyone sees them."""
        try:
            await record.tokens_kept()
        except Exception as error:  # noqa: BLE001 - fail closed: a token that cannot be kept is not shown
            logger.error("call {}: tokens cannot be kept: {}", record.call, type(error).__name__)
            release = self._ended(Status.FAILED, INTERNAL, record)
        try:
            record.ended(release)
            await record.durable()
        except (RecorderUnavailable, RecordingError):
            return self._ended(Status.FAILED, RECORDER_DOWN, record)
        return release

    def _ended(self, status: Status, refusal: Refusal, record: CallRecord) -> Release:
        try:
            error = self._stages.masker.scrub_json(refusal.as_json())
        except Exception as failure:  # noqa: BLE001 - an error text that cannot be masked is not shown
            logger.error("masking of an error text failed: {}", type(failure).__name__)
            error = MASKING_FAILED.as_json()
        return Release(status, record.call, record.session, {"error": error})

    def _identify(self, caller: Caller) -> tuple[Identity, IdentityError | None]:
        try:
            return self._stages.identification.identify(caller), None
        except IdentityError as error:
            return NOBODY, error

    def _spec(self, name: str, tool: Tool | None) -> ToolSpec | None:
        known = tool or self._tools.get(name)
        return None if known is None else known.spec

    def _found(self, name: str) -> Tool:
        tool = self._tools.get(name)
        if tool is None:
            raise ToolRefused("unknown-tool", "There is no such tool.", "Use one from the tool list.")
        return tool
