"""Sessions and the record of a call: what the chain says to the transcript, in one place.

`CallRecord` is written along the chain, stage by stage. It keeps names and counts; data-bearing arguments are
recorded by type and size with their tokens (`ToolSpec.recorded` names the arguments that are names). A released
result is recorded as
released.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Literal

import orjson
from loguru import logger

from ..recordings import events
from ..recordings.ids import new_id
from ..recordings.recorder import Recorder, RecorderUnavailable, SessionRecord
from ..recordings.session_record import Prepared, prepared
from ..tools.tool import JsonObject, JsonValue, Limits, Plan, Result, Table, ToolRefused, ToolSpec
from .call import Caller, Release, Request, Status
from .decision import Verdict, lineage
from .identity import Claim, Identity, IdentityError, SessionResolver
from .masking.masker import Masked
from .masking.restore import Restored
from .masking.tokens.service import Scope, Tokens

MOST_SESSIONS = 10_000

_current: ContextVar[Session | None] = ContextVar("gloveport_session", default=None)


@contextmanager
def in_session(session: Session) -> Generator[None]:
    """Makes the session known to tools of ours that show it (`session_status`)."""
    token = _current.set(session)
    try:
        yield
    finally:
        _current.reset(token)


def current_status() -> JsonObject:
    session = _current.get()
    return {} if session is None else session.status()


def current_scope() -> Scope:
    """On whose behalf tokens are made in the call that is running. Raises LookupError outside of one."""
    session = _current.get()
    if session is None:
        raise LookupError("no call is running")
    return session.shown_to


class Session:
    """One session: its transcript, its counters and the classes of data it has seen."""

    def __init__(
        self,
        recorder: Recorder,
        record: SessionRecord,
        identity: Identity,
        basis: str,
        tokens: Tokens,
        scope: Scope,
        scrub: Callable[[str], str],
        transport: str,
    ) -> None:
        self.id = record.sid
        self.record = record
        self._recorder = recorder
        self.opened = time.time()
        self.calls = 0
        self.released = 0
        self.refused = 0
        self.classes: set[str] = set()
        self.touched = time.monotonic()
        self.transport = transport
        self._identity = identity
        self._basis = basis
        self._tokens = tokens
        self._scope = scope
        self._scrub = scrub
        self._catalog: bytes | None = None
        self._checked: tuple[tuple[Identity, str, str | None], Prepared] | None = None

    def scope(self, identity: Identity) -> Scope:
        return self._scope

    @property
    def shown_to(self) -> Scope:
        return self._scope

    def begin(self, request: Request, spec: ToolSpec | None) -> CallRecord:
        self.calls += 1
        self.touched = time.monotonic()
        return CallRecord(self, self.record, request, spec, self._tokens, self._scope, self._scrub)

    def checked(self, identity: Identity, method: str, reason: str | None) -> Prepared:
        """The event that says who calls: it is the same for most calls of a session, so the last one is kept."""
        if self._checked is not None and self._checked[0] == (identity, method, reason):
            return self._checked[1]
        event = prepared(
            events.IdentityChecked(
                ok=reason is None,
                method=method,
                principal=_principal(identity),
                agent=_agent(identity.agent),
                model=_model(identity.model),
                purpose=_purpose(identity.purpose),
                reason=reason,
            )
        )
        self._checked = (identity, method, reason), event
        return event

    def catalog_seen(self, specs: Sequence[ToolSpec], *, hidden: int) -> None:
        """Record the tool list this caller was shown, once per different list."""
        shown = orjson.dumps(
            [
                {
                    "name": s.name,
                    "title": s.title,
                    "description": s.description,
                    "input_schema": s.input_schema,
                    "output_schema": s.output_schema,
                    "effects": sorted(s.effects),
                }
                for s in specs
            ]
        )
        if shown == self._catalog:
            return
        self._catalog = shown
        self.record.append(events.CatalogSeen(self._recorder.blob(shown), tools=len(specs), hidden=hidden))

    async def durable(self) -> None:
        await self.record.commit()

    def status(self) -> JsonObject:
        identity = self._identity
        claims = {c: getattr(identity, c) for c in ("human", "agent", "model", "purpose")}
        said: JsonObject = {}
        for name, claim in claims.items():
            if claim is not None:
                said |= {name: claim.value, f"{name}_basis": claim.basis}
        groups = {"roles": identity.roles, "teams": identity.teams, "scopes": identity.scopes}
        return {
            "session": self.id,
            "session_basis": self._basis,
            **said,
            "principal": identity.principal,
            **{name: list[JsonValue](sorted(members)) for name, members in groups.items() if members},
            "calls": self.calls,
            "released": self.released,
            "refused": self.refused,
            "classes_seen": list[JsonValue](sorted(self.classes)),
        }


class Sessions:
    """Finds the session of a call, or opens it. One principal's sessions are out of every other's reach."""

    def __init__(
        self,
        recorder: Recorder,
        resolver: SessionResolver,
        tokens: Tokens,
        *,
        tenant: str,
        scope_kind: str,
        idle: float,
        server: Callable[[], events.Server],
        scrub: Callable[[str], str],
    ) -> None:
        self._recorder = recorder
        self._resolver = resolver
        self._tokens = tokens
        self._tenant = tenant
        self._scope_kind = scope_kind
        self._idle = idle
        self._server = server
        self._scrub = scrub
        self._open: OrderedDict[str, Session] = OrderedDict()

    def of(self, caller: Caller, identity: Identity) -> Session:
        key = self._resolver.resolve(caller, identity)
        self._retire()
        session = self._open.pop(key.id, None)
        if session is None or session.record.closed:  # the recorder closes what has been idle
            session = self._opened(caller, identity, key.basis)
        self._open[key.id] = session
        return session

    def close(self, reason: str) -> None:
        """End every session. Where the transcript cannot be written any more, the next start's recovery ends them."""
        for session in self._open.values():
            try:
                session.record.close(reason)
            except RecorderUnavailable as error:
                logger.error("session {} could not be ended: {}", session.id, error)
        self._open.clear()

    def _opened(self, caller: Caller, identity: Identity, basis: str) -> Session:
        opened = events.SessionOpened(
            basis=basis,
            principal=_principal(identity),
            agent=_agent(identity.agent),
            model=_model(identity.model),
            purpose=_purpose(identity.purpose),
            client=_client(caller.client),
            door=caller.transport,
            protocol=caller.protocol,
            server=self._server(),
        )
        record = self._recorder.session(None, opened)
        scope = Scope(
            tenant=self._tenant,
            principal=identity.principal,
            purpose=identity.purpose.value if identity.purpose else "",
            session=record.sid,
            kind=self._scope_kind,
        )
        return Session(self._recorder, record, identity, basis, self._tokens, scope, self._scrub, caller.transport)

    def _retire(self) -> None:
        """Close what has been idle: the least recently used stand first."""
        horizon = time.monotonic() - self._idle
        while self._open:
            key, session = next(iter(self._open.items()))
            if session.touched >= horizon and len(self._open) < MOST_SESSIONS:
                return
            session.record.close("idle")
            del self._open[key]


class CallRecord:
    """The transcript of one call, stage by stage."""

    def __init__(
        self,
        session: Session,
        record: SessionRecord,
        request: Request,
        spec: ToolSpec | None,
        tokens: Tokens,
        scope: Scope,
        scrub: Callable[[str], str],
    ) -> None:
        self.call = new_id()
        self.session = session.id
        self._session = session
        self._record = record
        self._tokens = tokens
        self._scope = scope
        self._scrub = scrub
        self._began = time.perf_counter_ns()
        self._stage = "received"
        self._ended = False
        self._lineage: events.Lineage | None = None
        self._paths = False  # the plan names files, in the agent's words
        rpc: dict[str, events.Json] = {"id": request.caller.request_id, "protocol": request.caller.protocol}
        trace = request.caller.meta.get("traceparent")
        self._append(
            events.CallReceived(
                tool=request.tool if spec is not None else "(unknown)",
                args={self._name(spec, n): self._argument(spec, n, v) for n, v in request.arguments.items()},
                args_mac=record.args_mac(request.arguments),
                rpc=rpc,
                trace=trace if isinstance(trace, str) and len(trace) < 64 else None,
            )
        )
        self._method = request.caller.transport

    def identified(self, identity: Identity, unknown: IdentityError | None) -> None:
        self._stage = "identity"
        self._append(self._session.checked(identity, self._method, None if unknown is None else unknown.code))
        self._stage = "plan"

    def understood(self, refused: ToolRefused) -> None:
        """What a tool had understood of a call that its own rules refuse; it stands in the end event."""
        self._lineage = lineage(refused.outputs, refused.indirect)

    def planned(self, plan: Plan) -> None:
        self._paths = any(access.kind == "file" for access in plan.accesses)
        self._stage = "policy"

    def decided(self, verdict: Verdict) -> None:
        event = verdict.event
        if self._paths:
            event = replace(event, facts=self._scrubbed(event.facts), statement=self._path(event.statement or ""))
        self._append(event)
        self._stage = "approval" if verdict.denied is None else "policy"

    def asked(self, approval: JsonObject) -> None:
        expires = approval.get("expires")
        self._append(
            events.ApprovalAsked(
                approval=str(approval["id"]), channel="cli", expires=expires if isinstance(expires, int) else None
            )
        )

    def approved(self, approval: str, approver: str | None) -> None:
        self._append(events.ApprovalGiven(approval=approval, verdict="approved", approver=approver, channel="cli"))

    def starting(self, plan: Plan, limits: Limits, restored: Restored) -> None:
        if restored.counts:
            counts = [events.RestoredToken(c.class_name, c.target, c.count, place=c.place) for c in restored.counts]
            self._append(events.TokensRestored(counts))
        self._append(
            events.ExecStarted(
                effects=sorted(plan.effects),
                datasets=[self._path(a.name) if a.kind == "file" else a.name for a in plan.accesses],
                statement=self._path(plan.statement or "") if self._paths else plan.statement,
                read_only=plan.effects == frozenset({"read"}),
                limits={
                    "rows": limits.rows,
                    "seconds": str(limits.seconds) if isinstance(limits.seconds, float) else limits.seconds,
                    "bytes": limits.bytes,
                },
            )
        )
        self._stage = "execution"

    def executed(self, result: Result, nanoseconds: int) -> None:
        rows = len(result.rows) if isinstance(result, Table) else None
        truncated = getattr(result, "truncated", None)
        self._append(events.ExecFinished(status="ok", us=nanoseconds // 1000, rows=rows, truncated=truncated))
        self._stage = "masking"

    def stopped(self, status: Literal["failed", "refused", "cancelled"], nanoseconds: int, code: str) -> None:
        """The tool did not come back with a result."""
        self._append(events.ExecFinished(status=status, us=nanoseconds // 1000, code=code))

    def masked(self, masked: Masked) -> None:
        self._append(masked.event())
        self._session.classes |= masked.classes
        self._stage = "release"

    async def durable(self) -> None:
        await self._record.commit()

    async def tokens_kept(self) -> None:
        """Every token made so far is on disk."""
        await self._tokens.flush()

    def ended(self, release: Release) -> None:
        """Write the end event, once."""
        if self._ended:
            return
        self._ended = True
        us = (time.perf_counter_ns() - self._began) // 1000
        error = release.content.get("error")
        code = str(error.get("code")) if isinstance(error, dict) else ""
        rule = str(error["rule"]) if isinstance(error, dict) and error.get("rule") else None
        if release.status is Status.RELEASED:
            self._session.released += 1
            rows = release.content.get("row_count")
            self._append(
                events.CallReturned(
                    release.content, us=us, rows=rows if isinstance(rows, int) else None, is_error=False
                )
            )
        elif release.status is Status.PENDING:
            approval = release.content.get("approval")
            id = str(approval.get("id")) if isinstance(approval, dict) else ""
            self._append(events.CallPending(approval=id, result=release.content, us=us))
        elif release.status is Status.REFUSED:
            self._session.refused += 1
            self._append(
                events.CallDenied(
                    code=code, result=release.content, stage=self._stage, rule=rule, lineage=self._lineage, us=us
                )
            )
        else:
            self._append(events.CallFailed(code=code, result=release.content, stage=self._stage, us=us))

    def _append(self, event: events.Body | Prepared) -> None:
        self._record.append(event, cid=self.call)

    def _name(self, spec: ToolSpec | None, name: str) -> str:
        """The name of an argument; what the tool does not know is the caller's own word."""
        return name if spec is not None and name in _properties(spec) else self._scrub(name)

    def _argument(self, spec: ToolSpec | None, name: str, value: JsonValue) -> events.Json:
        """A name as it is; data, and what only claims to be a name, by type and size, with its proven tokens."""
        recorded = spec is not None and name in spec.recorded and _possible(spec, name, value)
        if value is None or isinstance(value, bool) or (recorded and isinstance(value, int)):
            return value
        if recorded and isinstance(value, str):
            return self._scrub(value)
        if isinstance(value, str):
            spans = self._tokens.find_many([value], self._scope)[0]  # remembers texts that hold none
            return events.Withheld("string", len(value), [value[span.start : span.end] for span in spans])
        if isinstance(value, dict | list):
            return events.Withheld("object" if isinstance(value, dict) else "array", len(value))
        return events.Withheld("number")

    def _path(self, text: str) -> str:
        """Name by name: a number in the middle of a path is not taken for anybody's."""
        return "/".join(map(self._scrub, text.split("/")))

    def _scrubbed(self, facts: Mapping[str, events.Json]) -> dict[str, events.Json]:
        """The facts of a decision on files, whose paths may hold values."""
        return {name: self._deep(value) for name, value in facts.items()}

    def _deep(self, value: events.Json) -> events.Json:
        if isinstance(value, str):
            return self._path(value)
        if isinstance(value, Mapping):
            return {name: self._deep(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._deep(item) for item in value]
        return value


def _properties(spec: ToolSpec) -> JsonObject:
    properties = spec.input_schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _possible(spec: ToolSpec, name: str, value: JsonValue) -> bool:
    """Whether a value is one of those its schema lists, where it lists them."""
    schema = _properties(spec).get(name)
    listed = schema.get("enum") if isinstance(schema, dict) else None
    return not isinstance(listed, list) or value in listed


def _principal(identity: Identity) -> events.Principal:
    groups = sorted(identity.roles | identity.teams)
    return events.Principal(sub=identity.human.value, basis=identity.human.basis, groups=groups or None)


def _agent(claim: Claim | None) -> events.Agent | None:
    return None if claim is None else events.Agent(name=claim.value, basis=claim.basis)


def _model(claim: Claim | None) -> events.Model | None:
    return None if claim is None else events.Model(name=claim.value, asserted_by=claim.basis)


def _purpose(claim: Claim | None) -> events.Purpose | None:
    return None if claim is None else events.Purpose(text=claim.value, basis=claim.basis)


def _client(client: str | None) -> events.Client | None:
    if not client:
        return None
    name, _, version = client.partition("/")
    return events.Client(name=name, version=version or None)
