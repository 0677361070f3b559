"""Asks the policy about a plan, and says what its answer obliges the chain to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Protocol, TypeAlias, cast

from ..policies.decide import Decision
from ..policies.obligations import INFERENCE, Owed
from ..policies.request import (
    QUERIES,
    Claims,
    DecisionRequest,
    History,
    Principal,
    Query,
    SiteVocabulary,
    ToolFacts,
    as_json,
)
from ..policies.request import Access as PolicyAccess
from ..policies.store import PolicyStore
from ..recordings import events
from ..tools.tool import (
    Access,
    Action,
    ColumnRef,
    ColumnRules,
    IndirectUse,
    JsonObject,
    Limits,
    Mask,
    OutputColumn,
    Place,
    Plan,
    ToolSpec,
)
from .approval import PENDING, ApprovalStore, Ask, call_digest
from .config import Config
from .history import CallHistory, Histories, SessionState
from .identity import Claim, Identity
from .masking.classes import CLASSES
from .masking.duties import Duties
from .masking.restore import NEVER_BY_DEFAULT, Clearance

RulesOf: TypeAlias = Callable[[str], Awaitable[ColumnRules]]


class ApprovalRecord(Protocol):
    """Where asking and approving is recorded."""

    session: str

    def asked(self, approval: JsonObject) -> None: ...
    def approved(self, approval: str, approver: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Denied:
    """A denial in words an agent can act on; it names no rule text and no object the caller may not know."""

    code: str
    message: str
    hint: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalDuty:
    """A human's yes is owed before the call may run."""

    rule: str
    groups: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Allowed with duties, or denied."""

    event: events.PolicyDecided
    denied: Denied | None = None
    duties: Duties = field(default_factory=Duties)
    limits: Limits = field(default_factory=Limits)
    approvals: Sequence[ApprovalDuty] = ()
    clearances: Sequence[Clearance] = ()  # sinks that may get real values
    policy: str = ""


_READING: Final = frozenset({"db.schema", "db.select"})
_CAREFUL: Final = Query()
_CEDAR: Final = events.Engine("cedar")
_MOST_ACCESSES: Final = 2048  # remembered in the policy's words


class Decider:
    """Turns a plan into a question for the policy, and the answer into a verdict."""

    def __init__(self, policy: PolicyStore, config: Config, approvals: ApprovalStore, rules: RulesOf) -> None:
        self._policy = policy
        self._config = config
        self._approvals = approvals
        self._rules = rules
        self._histories = Histories()
        self._without_columns: dict[Access, PolicyAccess] = {}
        self._classes = sorted(site_vocabulary(config, ()).classes)

    def visible(self, spec: ToolSpec, identity: Identity) -> bool:
        """Whether the policy could allow this tool at all: some action of it on something the configuration names."""
        effects = frozenset(map(str, spec.effects))
        principal = _principal(identity, "")
        return any(
            self._policy.possible(DecisionRequest(principal, (access,), effects=effects, tool=ToolFacts(spec.name)))
            for action in spec.actions
            for access in self._candidates(spec, action)
            if _reaches(identity, spec, access)
        )

    async def decide(self, spec: ToolSpec, plan: Plan, identity: Identity, session: SessionState) -> Verdict:
        """The verdict on a plan. A plan that touches nothing is denied: there is nothing to decide on."""
        if not all(_reaches(identity, spec, access) for access in plan.accesses):
            return self._scoped_out()
        history = self._histories.begun(identity.principal, session)
        request = DecisionRequest(
            principal=_principal(identity, session.transport),
            accesses=tuple([await self._access(access) for access in plan.accesses]),
            session=History(session.calls, history.calls(60.0), history.classes()),
            effects=frozenset(map(str, plan.effects)),
            sql=_query(plan),
            tool=_tool_facts(spec, plan),
            now=dt.datetime.now(dt.UTC),
        )
        decision = self._policy.decide(request)
        verdict = _verdict(decision, request, plan)
        if verdict.denied is None and (unmet := _unmet(decision.owed, request, identity, history)) is not None:
            verdict = replace(verdict, denied=unmet)
        if verdict.denied is None and (cleared := self._clearances(plan, request, identity, history)):
            verdict = replace(verdict, clearances=cleared)
        return verdict

    def missing_approval(
        self, verdict: Verdict, spec: ToolSpec, plan: Plan, arguments: bytes, identity: Identity, record: ApprovalRecord
    ) -> JsonObject | None:
        """What a human must still say yes to, or None. A yes is used up here, for exactly this call."""
        if not verdict.approvals:
            return None
        digest = call_digest(self._approvals.key, spec.name, arguments, identity.principal)
        used = self._approvals.use(digest, verdict.policy, [duty.rule for duty in verdict.approvals])
        if used is not None:
            for approval in used:
                record.approved(approval.id, approval.approver)
            return None
        asked = [
            self._approvals.ask(
                Ask(
                    tool=spec.name,
                    digest=digest,
                    principal=identity.principal,
                    human=identity.human.value,
                    session=record.session,
                    shown=plan.statement or spec.name,
                    rule=duty.rule,
                    groups=duty.groups,
                    policy=verdict.policy,
                    seconds=duty.seconds,
                )
            )
            for duty in verdict.approvals
        ]
        waiting = next((approval for approval in asked if approval.state == PENDING), asked[0])
        wanted: JsonObject = {
            "id": waiting.id,
            "expires": int(waiting.expires),
            "how": f"A human runs: gloveport approve {waiting.id}. Then make exactly the same call again.",
        }
        record.asked(wanted)
        return wanted

    def _clearances(
        self, plan: Plan, request: DecisionRequest, identity: Identity, history: CallHistory
    ) -> tuple[Clearance, ...]:
        """Sinks whose text may get real values back, class by class: only where a rule permits token.restore."""

        def cleared(kind: str, name: str, argument: str, class_name: str) -> bool:
            """A secret's rule must name the class: who permits a tool its addresses does not mean passwords."""
            classes = frozenset({class_name})
            root = self._config.files.get(name)
            sink = PolicyAccess(
                "token.restore", kind, name, open=True, writable=bool(root and root.write), classes=classes
            )
            answer = self._policy.decide(
                replace(request, accesses=(replace(sink, touched=classes),), argument=argument)
            )
            masked = {class_name, "*"} & set(answer.owed.masks)
            if answer.effect != "allow" or masked or _unmet(answer.owed, request, identity, history) is not None:
                return False
            rules = (rule.body for rule in self._policy.bundle.rules if rule.id in answer.rules)
            return class_name not in NEVER_BY_DEFAULT or any(f'DataClass::"{class_name}"' in body for body in rules)

        found: list[Clearance] = []
        for target in sorted({slot.target for slot in plan.slots if slot.place is Place.CONTENT}):
            name, dot, argument = target.partition(".")
            kind = "tool" if dot else "file_root"
            classes = {one for one in self._classes if cleared(kind, name, argument, one)}
            if classes:
                found.append(Clearance(frozenset({Place.CONTENT}), frozenset({target}), frozenset(classes)))
        return tuple(found)

    async def _access(self, access: Access) -> PolicyAccess:
        """A tool's access in the policy's words. Without columns the configuration alone says all of it: made once."""
        if access.columns:
            return await self._with_columns(access)
        known = self._without_columns.get(access)
        if known is None:
            if len(self._without_columns) >= _MOST_ACCESSES:
                self._without_columns.clear()
            known = self._without_columns[access] = await self._with_columns(access)
        return known

    async def _with_columns(self, access: Access) -> PolicyAccess:
        databases = {column.database for column in access.columns}
        rules = {name: await self._rules(name) for name in databases}

        def classes(columns: frozenset[ColumnRef]) -> frozenset[str]:
            known = (rules[c.database].get(c) if c.database in rules else None for c in columns)
            return frozenset(rule.class_name for rule in known if rule is not None)

        database = self._config.databases.get(access.parent or access.name)
        root = self._config.files.get(access.parent or access.name)
        return PolicyAccess(
            action=str(access.action),
            kind=access.kind,
            name=access.name,
            parent=access.parent,
            open=access.kind in ("tool", "session") or database is not None or root is not None,
            writable=bool((database and database.write) or (root and root.write)),
            classes=classes(access.projected),
            touched=classes(access.columns),
            columns=frozenset(f"{c.table}.{c.column}" for c in access.columns),
        )

    def _candidates(self, spec: ToolSpec, action: Action) -> Iterator[PolicyAccess]:
        """Everything the configuration or a rule names that this action could be about."""
        verb = str(action)
        if verb.startswith("db."):
            for name, database in self._config.databases.items():
                if database.write or verb in _READING:
                    listed = {f"{name}.{table}" for table in database.tables or ("*",)}
                    named = {n for kind, n in self._policy.bundle.named if kind == "Table" and n.startswith(f"{name}.")}
                    for table in sorted(listed | named):
                        yield PolicyAccess(verb, "table", table, name, open=True, writable=database.write)
        elif verb.startswith("file."):
            for name, root in self._config.files.items():
                yield PolicyAccess(verb, "file_root", name, open=True, writable=root.write)
                named = {n for kind, n in self._policy.bundle.named if kind == "File" and n.startswith(f"{name}/")}
                for file in sorted({f"{name}/*", *named}):
                    yield PolicyAccess(verb, "file", file, name, open=True, writable=root.write)
        else:
            kind = "session" if action is Action.SESSION_STATUS else "tool"
            yield PolicyAccess(verb, kind, spec.name, open=True)

    def _scoped_out(self) -> Verdict:
        event = events.PolicyDecided(
            "deny", ["credential-scope"], {}, code="out-of-scope", policy_digest=self._policy.digest
        )
        return Verdict(
            event,
            Denied("out-of-scope", "This credential does not reach that.", "Ask for a wider one.", "credential-scope"),
        )


def _reaches(identity: Identity, spec: ToolSpec, access: Access | PolicyAccess) -> bool:
    """Whether a scoped credential goes so far: its scopes name the tool, or the database or root that is touched."""
    if not identity.scopes or spec.name in identity.scopes or spec.actions == frozenset({Action.SESSION_STATUS}):
        return True
    return not identity.scopes.isdisjoint({access.name, access.parent or ""})


def site_vocabulary(config: Config, tools: Iterable[str]) -> SiteVocabulary:
    """The names that exist in this installation; a rule that names another one is probably misspelt."""
    listed = {f"{name}.{table}" for name, one in config.databases.items() for table in one.tables or ()}
    own = {entry.class_name for one in config.databases.values() for entry in one.classes.values()}
    return SiteVocabulary(
        databases=frozenset(config.databases),
        roots=frozenset(config.files),
        tools=frozenset(tools),
        classes=frozenset({*CLASSES, *own}),
        tables=frozenset(listed),
        approvers=frozenset[str]().union(*config.identity.approvers.values()) if config.identity.approvers else None,
    )


@lru_cache(1024)
def _principal(identity: Identity, transport: str) -> Principal:
    def proven(claim: Claim | None) -> str:
        return claim.value if claim is not None and claim.basis != "asserted" else ""

    def said(claim: Claim | None) -> str:
        return claim.value if claim is not None and claim.basis == "asserted" else ""

    return Principal(
        human=identity.human.value,
        agent=proven(identity.agent),
        model=proven(identity.model),
        purpose=proven(identity.purpose),
        roles=identity.roles,
        teams=identity.teams,
        transport=transport,
        basis=identity.human.basis,
        claims=Claims(said(identity.agent), said(identity.model), said(identity.purpose)),
    )


def _query(plan: Plan) -> Query:
    """What the database tools' plan says of its statement. A missing or odd fact is the most careful one."""
    inference, bounded = plan.facts.get("sql.inference"), plan.facts.get("sql.bounded")
    if inference not in INFERENCE and bounded is not True:
        return _CAREFUL
    return Query(str(inference) if inference in INFERENCE else _CAREFUL.inference, bounded is True)


def _tool_facts(spec: ToolSpec, plan: Plan) -> ToolFacts:
    def names(kind: str) -> frozenset[str]:
        found = plan.facts.get(kind)
        return frozenset(map(str, found)) if isinstance(found, list) else frozenset()

    return ToolFacts(spec.name, names("reads"), names("writes"), names("sends"))


def _unmet(owed: Owed, request: DecisionRequest, identity: Identity, history: CallHistory) -> Denied | None:
    """Duties that can be settled on the spot: a rate, a stated purpose, the mode of the SQL guard."""
    for calls, seconds in owed.rates:
        if history.calls(seconds) > calls:
            message = f"More than {calls} calls within {seconds:g} seconds."
            return Denied("rate-limited", message, "Wait, then ask for more at a time.")
    purpose = identity.purpose.value if identity.purpose else ""
    if len(purpose) < owed.reason:
        hint = "Set identity.purpose, or send dev.gloveport/purpose in _meta."
        return Denied("purpose-needed", "This needs a stated purpose.", hint)
    queried = any(access.action in QUERIES for access in request.accesses)
    if owed.inference and queried and INFERENCE.index(request.sql.inference) > INFERENCE.index(owed.inference):
        message = f"The policy answers this only in {owed.inference} mode; the statement needs {request.sql.inference}."
        hint = "Do not filter, join, sort, group or compute by masked columns; compare them with tokens, or show them."
        return Denied("inference-mode", message, hint)
    return None


def _verdict(decision: Decision, request: DecisionRequest, plan: Plan) -> Verdict:
    denied = None
    if decision.effect == "deny":
        message = "The policy does not allow this." if decision.code == "policy-denied" else decision.hint
        hint = decision.hint if decision.code == "policy-denied" else "Tell the operator of this server."
        denied = Denied(decision.code, message, hint, decision.rules[0] if decision.rules else "")
    owed = decision.owed
    return Verdict(
        event=_event(decision, request, plan),
        denied=denied,
        duties=Duties({name: Mask(mask) for name, mask in owed.masks.items()}),
        limits=Limits(owed.rows, owed.seconds, owed.bytes),
        approvals=[ApprovalDuty(a.rule, (a.role,) if a.role else (), a.seconds) for a in owed.approvals],
        policy=decision.digest,
    )


def _event(decision: Decision, request: DecisionRequest, plan: Plan) -> events.PolicyDecided:
    """The decision and its complete input, so that another policy can be asked the same question later."""
    facts = cast("dict[str, events.Json]", request.as_json())
    owed = [cast("dict[str, events.Json]", as_json(decision.owed))] if decision.owed else []
    return events.PolicyDecided(
        effect="ask" if decision.effect == "pending" else decision.effect,
        rules=list(decision.rules),
        facts=facts,
        reasons=list(decision.places),
        obligations=owed,
        code=decision.code,
        statement=plan.statement,
        lineage=lineage(plan.outputs, plan.indirect),
        engine=_CEDAR,
        policy_digest=decision.digest,
        us=decision.microseconds,
    )


def lineage(outputs: Sequence[OutputColumn], indirect: Sequence[IndirectUse]) -> events.Lineage | None:
    """For the record: what a call would show and by what it decides; None when that is no column at all."""
    if not outputs and not indirect:
        return None
    shown = [events.Output(o.name, str(o.form), sorted(map(str, o.sources))) for o in outputs]
    return events.Lineage(shown, [events.Indirect(str(use.column), use.place) for use in sorted(indirect)])
