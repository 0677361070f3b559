"""Asks the policy about a plan, and says what its answer obliges the chain to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Protocol, TypeAlias, cast

from ..policies.decide import Decision
from ..policies.request import Access as PolicyAccess
from ..policies.request import Claims, DecisionRequest, Principal, SessionFacts, SiteVocabulary
from ..policies.store import PolicyStore
from ..recordings import events
from ..tools.tool import Access, Action, ColumnRef, ColumnRules, JsonObject, Limits, Mask, Place, Plan, ToolSpec
from .approval import ApprovalStore, Ask, call_digest
from .config import Config
from .identity import Claim, Identity
from .masking.duties import Duties
from .masking.restore import Clearance

RulesOf: TypeAlias = Callable[[str], Awaitable[ColumnRules]]


class SessionState(Protocol):
    """What a decision reads of a session."""

    calls: int
    classes: set[str]
    transport: str

    def recent_calls(self, seconds: float = 60.0) -> int: ...


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


class Decider:
    """Turns a plan into a question for the policy, and the answer into a verdict."""

    def __init__(self, policy: PolicyStore, config: Config, approvals: ApprovalStore, rules: RulesOf) -> None:
        self._policy = policy
        self._config = config
        self._approvals = approvals
        self._rules = rules

    def visible(self, spec: ToolSpec, identity: Identity) -> bool:
        """Whether the policy could allow this tool at all: some action of it on something the configuration names."""
        if identity.scopes and not self._within(spec, identity):
            return False
        effects = frozenset(map(str, spec.effects))
        principal = _principal(identity, "")
        return any(
            self._policy.decide(DecisionRequest(principal, (access,), effects=effects, tool=spec.name)).effect != "deny"
            for action in spec.actions
            for access in self._candidates(spec, action)
        )

    async def decide(self, spec: ToolSpec, plan: Plan, identity: Identity, session: SessionState) -> Verdict:
        """The verdict on a plan. A plan that touches nothing is denied: there is nothing to decide on."""
        if identity.scopes and (outside := self._outside(spec, plan, identity)) is not None:
            return self._scoped_out(outside)
        accesses = [await self._access(access) for access in plan.accesses]
        request = DecisionRequest(
            principal=_principal(identity, session.transport),
            accesses=tuple(accesses),
            session=SessionFacts(session.calls, session.recent_calls(), frozenset(session.classes)),
            effects=frozenset(map(str, plan.effects)),
            facts={k: v for k, v in plan.facts.items() if isinstance(v, bool | int | str)},
            tool=spec.name,
        )
        decision = self._policy.decide(request)
        verdict = _verdict(decision, request, plan)
        if verdict.denied is None:
            verdict = self._owed(verdict, decision, identity, session)
        if verdict.denied is None:
            verdict = replace(verdict, clearances=self._clearances(plan, request))
        return verdict

    def missing_approval(
        self, verdict: Verdict, spec: ToolSpec, plan: Plan, arguments: bytes, identity: Identity, record: ApprovalRecord
    ) -> JsonObject | None:
        """What a human must still say yes to, or None. A yes is used up here, for exactly this call."""
        for duty in verdict.approvals:
            digest = call_digest(self._approvals.key, spec.name, arguments, identity.principal)
            used = self._approvals.use(digest, verdict.policy, duty.rule)
            if used is not None:
                record.approved(used.id, used.approver)
                continue
            asked = self._approvals.ask(
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
            wanted: JsonObject = {
                "id": asked.id,
                "expires": int(asked.expires),
                "how": f"A human runs: gloveport approve {asked.id}. Then make exactly the same call again.",
            }
            record.asked(wanted)
            return wanted
        return None

    def _owed(self, verdict: Verdict, decision: Decision, identity: Identity, session: SessionState) -> Verdict:
        """Duties that can be settled on the spot: a rate, a stated purpose."""
        for calls, seconds in decision.owed.rates:
            if session.recent_calls(seconds) > calls:
                message = f"More than {calls} calls within {seconds:g} seconds."
                return replace(verdict, denied=Denied("rate-limited", message, "Wait, then ask for more at a time."))
        purpose = identity.purpose.value if identity.purpose else ""
        if len(purpose) < decision.owed.reason:
            message = "This needs a stated purpose."
            hint = "Set identity.purpose, or send dev.gloveport/purpose in _meta."
            return replace(verdict, denied=Denied("purpose-needed", message, hint))
        return verdict

    def _clearances(self, plan: Plan, request: DecisionRequest) -> tuple[Clearance, ...]:
        """Sinks whose text may get real values back: only where a rule permits token.restore for it."""
        cleared: list[Clearance] = []
        for target in sorted({slot.target for slot in plan.slots if slot.place is Place.CONTENT}):
            name = target.partition(".")[0] if target.partition(".")[0] in self._config.files else target
            kind = "file_root" if name in self._config.files else "tool"
            sink = PolicyAccess("token.restore", kind, name.partition(".")[0])
            answer = self._policy.decide(replace(request, accesses=(sink,)))
            if answer.effect == "allow":
                cleared.append(Clearance(frozenset({Place.CONTENT}), frozenset({target})))
        return tuple(cleared)

    async def _access(self, access: Access) -> PolicyAccess:
        """A tool's access in the policy's words, with the classes of its columns."""
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
        """Everything the configuration names that this action could be about."""
        verb = str(action)
        if verb.startswith("db."):
            for name, database in self._config.databases.items():
                table = PolicyAccess(verb, "table", f"{name}.*", name, writable=database.write)
                yield table if database.write or verb in ("db.schema", "db.select") else replace(table, open=False)
        elif verb.startswith("file."):
            for name, root in self._config.files.items():
                yield PolicyAccess(verb, "file_root", name, writable=root.write)
        else:
            yield PolicyAccess(verb, "session" if action is Action.SESSION_STATUS else "tool", spec.name)

    def _within(self, spec: ToolSpec, identity: Identity) -> bool:
        named = {spec.name, *self._config.databases, *self._config.files}
        return bool(identity.scopes & named) or spec.actions == frozenset({Action.SESSION_STATUS})

    def _outside(self, spec: ToolSpec, plan: Plan, identity: Identity) -> str | None:
        """The first thing a scoped credential does not reach."""
        if spec.name in identity.scopes or spec.actions == frozenset({Action.SESSION_STATUS}):
            return None
        reached = [a.name for a in plan.accesses if not {a.name, a.parent} & identity.scopes]
        return reached[0] if reached else None

    def _scoped_out(self, name: str) -> Verdict:
        event = events.PolicyDecided(
            "deny", ["credential-scope"], {}, code="out-of-scope", policy_digest=self._policy.digest
        )
        return Verdict(
            event,
            Denied("out-of-scope", "This credential does not reach that.", "Ask for a wider one.", "credential-scope"),
        )


def site_vocabulary(config: Config, tools: Iterable[str]) -> SiteVocabulary:
    """The names that exist in this installation; a rule that names another one is probably misspelt."""
    listed = {f"{name}.{table}" for name, one in config.databases.items() for table in one.tables or ()}
    own_classes = {entry.class_name for one in config.databases.values() for entry in one.classes.values()}
    return SiteVocabulary(
        databases=frozenset(config.databases),
        roots=frozenset(config.files),
        tools=frozenset(tools),
        classes=frozenset(own_classes),
        tables=frozenset(listed),
        writable_roots=frozenset(name for name, root in config.files.items() if root.write),
    )


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
    facts = cast("dict[str, events.Json]", _plain(request))
    owed = cast("dict[str, events.Json]", _plain(decision.owed))
    return events.PolicyDecided(
        effect="ask" if decision.effect == "pending" else decision.effect,
        rules=list(decision.rules),
        facts=facts,
        reasons=list(decision.places),
        obligations=[owed] if any(owed.values()) else [],
        code=decision.code,
        statement=plan.statement,
        engine=events.Engine("cedar"),
        policy_digest=decision.digest,
        us=decision.microseconds,
    )


def _plain(value: object) -> object:
    """A dataclass as JSON: sets sorted, so that equal inputs give equal bytes."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in cast("Mapping[object, object]", value).items()}
    if isinstance(value, frozenset | set):
        return sorted(str(item) for item in cast("frozenset[object]", value))
    if isinstance(value, tuple | list):
        return [_plain(item) for item in cast("list[object]", value)]
    return value
