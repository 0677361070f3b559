"""What may stand in a transcript: one frozen dataclass per event kind, format v1.

Append one with ``session.append(events.CallReceived(tool="database_query", args=..., args_mac=...), cid=call_id)``. The
recorder adds the envelope (`gloveport.recordings.envelope`), brings every value into the value rules
(`gloveport.recordings.values`) and moves fields over 16 KiB to a blob. None of these bodies may ever hold a raw value:
what is data arrives here masked, as a token, as a keyed MAC, or as `Withheld`.

A call's events carry its call id and attempt. In order::

    call.received  identity.checked  policy.decided  [approval.asked  approval.given]  [tokens.restored]
    exec.started   <barrier 1>  ...  exec.finished  mask.applied  and one end event  <barrier 2>

End events are `CallReturned`, `CallDenied`, `CallFailed`, `CallPending` and, written by recovery alone,
`CallUnresolved`.

Compatibility: readers keep kinds and fields they do not know. A field never changes its meaning; new fields have
defaults. Durations are microseconds, times microseconds since the epoch, digests ``sha256:<64 hex>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, Literal

from .event_parts import Agent as Agent
from .event_parts import BlobRef as BlobRef
from .event_parts import Client as Client
from .event_parts import Column as Column
from .event_parts import Engine as Engine
from .event_parts import Found as Found
from .event_parts import Indirect as Indirect
from .event_parts import Json as Json
from .event_parts import Lineage as Lineage
from .event_parts import Model as Model
from .event_parts import Output as Output
from .event_parts import Principal as Principal
from .event_parts import Purpose as Purpose
from .event_parts import RestoredToken as RestoredToken
from .event_parts import Server as Server
from .event_parts import Withheld as Withheld
from .values import Part

FORMAT: Final = 1


class Kind(StrEnum):
    """The kinds of format v1. The text before the dot says who wrote it: the session, a stage of a call, or the log."""

    SESSION_OPENED = "session.opened"
    SESSION_CLOSED = "session.closed"
    CATALOG_SEEN = "catalog.seen"
    CALL_RECEIVED = "call.received"
    IDENTITY_CHECKED = "identity.checked"
    POLICY_DECIDED = "policy.decided"
    APPROVAL_ASKED = "approval.asked"
    APPROVAL_GIVEN = "approval.given"
    TOKENS_RESTORED = "tokens.restored"
    EXEC_STARTED = "exec.started"
    EXEC_FINISHED = "exec.finished"
    MASK_APPLIED = "mask.applied"
    CALL_RETURNED = "call.returned"
    CALL_DENIED = "call.denied"
    CALL_FAILED = "call.failed"
    CALL_PENDING = "call.pending"
    CALL_UNRESOLVED = "call.unresolved"
    LOG_OPENED = "log.opened"
    LOG_CLOSED = "log.closed"
    LOG_RECOVERED = "log.recovered"
    RECORDER_DEGRADED = "recorder.degraded"
    HEARTBEAT = "heartbeat"
    REPLAY_RUN = "replay.run"


END_KINDS: Final = frozenset(
    {Kind.CALL_RETURNED, Kind.CALL_DENIED, Kind.CALL_FAILED, Kind.CALL_PENDING, Kind.CALL_UNRESOLVED}
)


class Body(Part):
    """Base of all event bodies."""

    __slots__ = ()
    kind: ClassVar[Kind]


# ---------------------------------------------------------------------------------------------------- session


@dataclass(frozen=True, slots=True)
class SessionOpened(Body):
    """First event of a session. ``basis``: header, meta, trace, handle, derived, transport, process ..."""

    kind: ClassVar[Kind] = Kind.SESSION_OPENED
    basis: str
    principal: Principal
    agent: Agent | None = None
    model: Model | None = None
    purpose: Purpose | None = None
    client: Client | None = None
    door: str | None = None
    peer: str | None = None
    protocol: str | None = None
    server: Server | None = None  # filled by the recorder
    retention_class: str | None = None
    parent_sid: str | None = None  # the session this one continues


@dataclass(frozen=True, slots=True)
class CatalogSeen(Body):
    """The tool list shown to this principal. ``catalog``: digest of a blob, the JSON array of tools as listed."""

    kind: ClassVar[Kind] = Kind.CATALOG_SEEN
    catalog: str
    tools: int
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class SessionClosed(Body):
    """Last event of a session, with its sums; written by the recorder. ``events`` counts this one too."""

    kind: ClassVar[Kind] = Kind.SESSION_CLOSED
    reason: str  # client, idle, shutdown, recovered
    calls: int
    returned: int
    denied: int
    failed: int
    pending: int
    unresolved: int
    events: int


# ---------------------------------------------------------------------------------------------------- a call


@dataclass(frozen=True, slots=True)
class CallReceived(Body):
    """A request, before anything was checked.

    ``args`` is the recorded form: names as they are, data as `Withheld`. ``args_mac`` is
    ``session.args_mac(arguments)``: it lets a replay on this machine match raw arguments, and tells nothing without the
    session's key.
    """

    kind: ClassVar[Kind] = Kind.CALL_RECEIVED
    tool: str
    args: Mapping[str, Json]
    args_mac: str | None = None
    args_bytes: int | None = None
    rpc: Mapping[str, Json] | None = None  # {"id": ..., "protocol": ...}
    trace: str | None = None  # W3C traceparent
    from_ui: bool | None = None


@dataclass(frozen=True, slots=True)
class IdentityChecked(Body):
    """Who calls, and whether it is believed. Agent, model and purpose stand here when they may differ by call."""

    kind: ClassVar[Kind] = Kind.IDENTITY_CHECKED
    ok: bool
    method: str  # stdio, bearer, oidc, langchain, anonymous ...
    principal: Principal | None = None
    agent: Agent | None = None
    model: Model | None = None
    purpose: Purpose | None = None
    claims_used: Sequence[str] | None = None
    delegation: Sequence[str] | None = None
    reason: str | None = None
    us: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyDecided(Body):
    """The decision and its complete input, so that another policy can be asked the same question later.

    ``facts`` holds the whole decision input: classes, names, counts; never a value. ``policy_digest`` names the bundle,
    which is best kept as a blob under the same digest. A shadow verdict has ``authoritative`` False.
    """

    kind: ClassVar[Kind] = Kind.POLICY_DECIDED
    effect: Literal["allow", "deny", "ask"]
    rules: Sequence[str]
    facts: Mapping[str, Json]
    reasons: Sequence[str] = ()
    obligations: Sequence[Json] = ()
    code: str | None = None
    statement: str | None = None  # the plan's statement, literals taken out
    lineage: Lineage | None = None  # of a plan with columns; the masks that were applied stand in `MaskApplied`
    facts_digest: str | None = None
    engine: Engine | None = None
    policy_digest: str | None = None
    us: int | None = None
    authoritative: bool = True


@dataclass(frozen=True, slots=True)
class ApprovalAsked(Body):
    """A human is asked. ``shown_digest`` is the digest of what the human will see."""

    kind: ClassVar[Kind] = Kind.APPROVAL_ASKED
    approval: str
    channel: str
    approvers: Sequence[str] | None = None
    shown_digest: str | None = None
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class ApprovalGiven(Body):
    """A human's verdict on one exact call."""

    kind: ClassVar[Kind] = Kind.APPROVAL_GIVEN
    approval: str
    verdict: Literal["approved", "rejected", "expired"]
    approver: str | None = None
    channel: str | None = None
    shown_digest: str | None = None
    edits_digest: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TokensRestored(Body):
    """Real values put back behind tokens, for the tool alone."""

    kind: ClassVar[Kind] = Kind.TOKENS_RESTORED
    tokens: Sequence[RestoredToken]
    us: int | None = None


@dataclass(frozen=True, slots=True)
class ExecStarted(Body):
    """The tool is about to run: the intent. Durable before it does (barrier 1)."""

    kind: ClassVar[Kind] = Kind.EXEC_STARTED
    effects: Sequence[str]
    datasets: Sequence[str] = ()  # "clinic.patients", "reports/2026/q1.csv"
    statement: str | None = None  # literals taken out, tokens kept
    params_mac: str | None = None
    role: str | None = None  # the database role or OS user it runs as
    read_only: bool | None = None
    limits: Mapping[str, Json] | None = None
    schema_digest: str | None = None
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class ExecFinished(Body):
    """The tool came back, or did not. ``code`` is a class of error, never a driver's own text."""

    kind: ClassVar[Kind] = Kind.EXEC_FINISHED
    status: Literal["ok", "failed", "refused", "timeout", "cancelled"]
    us: int
    rows: int | None = None
    bytes: int | None = None
    truncated: bool | None = None
    attempts: int | None = None
    code: str | None = None
    db_cols: Sequence[Json] | None = None  # the server's own table and column ids


@dataclass(frozen=True, slots=True)
class MaskApplied(Body):
    """What the masker did to the result."""

    kind: ClassVar[Kind] = Kind.MASK_APPLIED
    columns: Sequence[Column] = ()
    found: Sequence[Found] = ()
    cells: int | None = None
    masker: str | None = None  # version or digest of classes, rules and detectors
    widened: bool | None = None  # a source could not be told, so all columns in scope were assumed
    us: int | None = None


@dataclass(frozen=True, slots=True)
class CallReturned(Body):
    """End event: a result was released. ``result`` is the released content, exactly as the door got it."""

    kind: ClassVar[Kind] = Kind.CALL_RETURNED
    result: Mapping[str, Json]
    us: int | None = None
    bytes: int | None = None
    rows: int | None = None
    is_error: bool | None = None


@dataclass(frozen=True, slots=True)
class CallDenied(Body):
    """End event: refused by identity, a tool's own rules, policy or a human."""

    kind: ClassVar[Kind] = Kind.CALL_DENIED
    code: str
    result: Mapping[str, Json] | None = None
    stage: str | None = None  # identity, plan, policy, approval, execution, masking
    rule: str | None = None
    lineage: Lineage | None = None  # when a tool's own rules refused what it had analysed, before any decision
    us: int | None = None


@dataclass(frozen=True, slots=True)
class CallFailed(Body):
    """End event: a stage broke, timed out or was cancelled. Without ``result`` nothing was released."""

    kind: ClassVar[Kind] = Kind.CALL_FAILED
    code: str
    result: Mapping[str, Json] | None = None
    stage: str | None = None
    us: int | None = None


@dataclass(frozen=True, slots=True)
class CallPending(Body):
    """End event of this attempt: a human's yes is awaited. The next attempt has the same call id and ``att`` + 1."""

    kind: ClassVar[Kind] = Kind.CALL_PENDING
    approval: str
    result: Mapping[str, Json] | None = None
    us: int | None = None


@dataclass(frozen=True, slots=True)
class CallUnresolved(Body):
    """End event written by the recorder: no outcome is known.

    ``stage`` is the last kind on disk. ``executed``: "no" when it never started, "unknown" when it may have run, "yes"
    when it ran and the outcome was lost before release.
    """

    kind: ClassVar[Kind] = Kind.CALL_UNRESOLVED
    reason: Literal["crash", "shutdown"]
    stage: str
    executed: Literal["no", "unknown", "yes"]


# ---------------------------------------------------------------------------------------------------- the log itself


@dataclass(frozen=True, slots=True)
class LogOpened(Body):
    """A process opened this log. ``size`` is the number of events the log held before."""

    kind: ClassVar[Kind] = Kind.LOG_OPENED
    instance: str
    size: int
    mode: str
    server: Server
    pid: int
    segment: int
    heartbeat_us: int | None = None  # how often `Heartbeat` follows


@dataclass(frozen=True, slots=True)
class LogClosed(Body):
    """A process closed this log in good order. ``size`` counts this event."""

    kind: ClassVar[Kind] = Kind.LOG_CLOSED
    reason: str
    size: int


@dataclass(frozen=True, slots=True)
class LogRecovered(Body):
    """An earlier process ended without closing the log.

    ``segment`` and ``offset`` say where the last whole frame ended; ``torn_bytes`` what followed it and was set aside
    under the names in ``kept``, beside every session file that did not match the journal.
    """

    kind: ClassVar[Kind] = Kind.LOG_RECOVERED
    segment: int
    offset: int
    torn_bytes: int
    events: int
    sessions: int
    unresolved: int
    kept: Sequence[str] = ()
    rebuilt: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RecorderDegraded(Body):
    """Storage failed for a while: written when it is back. ``refused`` counts calls turned away meanwhile."""

    kind: ClassVar[Kind] = Kind.RECORDER_DEGRADED
    reason: str
    since: int
    until: int
    refused: int
    unsynced: int = 0  # best_effort only: calls released before their record was durable


@dataclass(frozen=True, slots=True)
class Heartbeat(Body):
    """Written every minute while a process is up, so that silence has a bound."""

    kind: ClassVar[Kind] = Kind.HEARTBEAT
    size: int
    sessions: int


@dataclass(frozen=True, slots=True)
class ReplayRun(Body):
    """Somebody replays a session: once when it begins, and with ``served`` and ``missed`` calls when it ends."""

    kind: ClassVar[Kind] = Kind.REPLAY_RUN
    session: str
    by: str  # the operating system's user
    match: str
    door: str
    served: int | None = None
    missed: int | None = None


BODIES: Final[tuple[type[Body], ...]] = (
    SessionOpened,
    SessionClosed,
    CatalogSeen,
    CallReceived,
    IdentityChecked,
    PolicyDecided,
    ApprovalAsked,
    ApprovalGiven,
    TokensRestored,
    ExecStarted,
    ExecFinished,
    MaskApplied,
    CallReturned,
    CallDenied,
    CallFailed,
    CallPending,
    CallUnresolved,
    LogOpened,
    LogClosed,
    LogRecovered,
    RecorderDegraded,
    Heartbeat,
    ReplayRun,
)
