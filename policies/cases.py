"""Cases: questions to a policy with the answers they must get. They decide nothing: ``gloveport policy check`` and
``test`` run them, and so should whoever changes a rule.

::

    tests:
      - name: a doctor sees health data masked
        given: {human: ann, roles: [doctor], action: db.select, resource: clinic.visits, classes: [health]}
        expect: {effect: allow, obligations: {masks: {health: redact}}, decided_by: [read-open-tables]}

The present is fixed: ``now`` in ``given``, by default noon UTC of 2026-01-01.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal, cast

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from .obligations import Owed
from .request import (
    ACTIONS,
    Access,
    Claims,
    DecisionRequest,
    Effect,
    History,
    Principal,
    Query,
    ToolFacts,
)
from .statements import Finding

if TYPE_CHECKING:
    from .decide import Decision

NOON: Final = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
_EFFECTS: Final = {"read": frozenset({"read"}), "write": frozenset({"write"})}
_WRITING: Final = frozenset({"db.insert", "db.update", "db.delete", "file.write"})


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GivenHistory(_Strict):
    calls: int = 1
    calls_last_minute: int = 1
    classes_seen: Names = ()


class GivenQuery(_Strict):
    inference: Literal["strict", "balanced", "relaxed"] = "strict"
    bounded: bool = True


class GivenTool(_Strict):
    reads: Names = ()
    writes: Names = ()
    sends: Names = ()


class GivenClaims(_Strict):
    agent: str = ""
    model: str = ""
    purpose: str = ""


class Given(_Strict):
    """Who does what with what. ``resource``: one or more full names, as in ``clinic.patients`` or ``reports/a.csv``;
    with a slash at its end, as in ``reports/``, a file root."""

    now: dt.datetime = NOON
    human: str = "ann"
    basis: Literal["credential", "config", "os-user", "anonymous"] = "config"
    agent: str = ""
    model: str = ""
    purpose: str = ""
    claims: GivenClaims = GivenClaims()
    roles: Names = ()
    teams: Names = ()
    transport: Literal["stdio", "http", "cli", "langchain", "memory"] = "stdio"
    action: str
    resource: Names = ()
    open: bool = True
    writable: bool = False
    classes: Names = ()
    touched: Names | None = None
    columns: Names = ()
    effects: Names | None = None
    session: GivenHistory = GivenHistory()
    sql: GivenQuery = GivenQuery()
    tool: GivenTool = GivenTool()
    argument: str = ""

    @field_validator("action")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ACTIONS:
            raise ValueError(f"is one of: {', '.join(ACTIONS)}")
        return value

    @field_validator("now")
    @classmethod
    def _placed(cls, value: dt.datetime) -> dt.datetime:
        if value.tzinfo is None:
            raise ValueError("needs a time zone, as in 2026-01-01T23:30:00Z")
        return value

    def request(self) -> DecisionRequest:
        """The question this describes."""
        usual = _EFFECTS["write" if self.action in _WRITING else "read"]
        effects = usual if self.effects is None else frozenset(self.effects)
        claims = Claims(self.claims.agent, self.claims.model, self.claims.purpose)
        names = self.resource or ("session",)
        return DecisionRequest(
            principal=Principal(
                human=self.human,
                agent=self.agent,
                model=self.model,
                purpose=self.purpose,
                roles=frozenset(self.roles),
                teams=frozenset(self.teams),
                transport=self.transport,
                basis=self.basis,
                claims=claims,
            ),
            accesses=tuple(self._access(name) for name in names),
            session=History(self.session.calls, self.session.calls_last_minute, frozenset(self.session.classes_seen)),
            effects=effects,
            sql=Query(self.sql.inference, self.sql.bounded),
            tool=ToolFacts(
                names[0] if self.action == "tool.call" else "",
                frozenset(self.tool.reads),
                frozenset(self.tool.writes),
                frozenset(self.tool.sends),
            ),
            argument=self.argument,
            now=self.now,
        )

    def _access(self, name: str) -> Access:
        kind, parent = _kind(self.action, name)
        name = name.removesuffix("/")
        classes = frozenset(self.classes)
        return Access(
            action=self.action,
            kind=kind,
            name=name,
            parent=parent,
            open=self.open,
            writable=self.writable,
            classes=classes,
            touched=classes if self.touched is None else frozenset(self.touched),
            columns=frozenset(self.columns),
        )


def _kind(action: str, name: str) -> tuple[str, str | None]:
    if action.startswith("db."):
        database, dot, _ = name.partition(".")
        return ("table", database) if dot else ("database", None)
    if action.startswith("file."):
        root, _, path = name.partition("/")
        return ("file", root) if path else ("file_root", None)
    if action == "token.restore" and name.endswith("/"):
        return ("file_root", None)
    return ("session", None) if action == "session.status" else ("tool", None)


class ExpectedDuties(_Strict):
    """Every duty that is owed, united; what stands nowhere must not be owed."""

    masks: Mapping[str, str] = Field(default_factory=dict[str, str])
    rows: int | None = None
    seconds: float | None = None
    bytes: int | None = None
    approvals: Names = ()  # rules that ask for one
    rates: tuple[tuple[int, float], ...] = ()
    reason: int = 0
    inference: str | None = None


class Expect(_Strict):
    """``decided_by`` are rules that must be among those that decided; an empty list: none did (deny by default)."""

    effect: Effect
    obligations: ExpectedDuties | None = None
    decided_by: tuple[str, ...] | None = None
    shadows: tuple[str, ...] | None = None


class CaseEntry(_Strict):
    name: str = Field(min_length=1)
    given: Given
    expect: Expect


class CaseFile(_Strict):
    """``tests/*.yaml``."""

    tests: tuple[CaseEntry, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One case and the place it is written at."""

    name: str
    file: str
    line: int
    request: DecisionRequest
    expect: Expect


def cases_of(text: str, file: str) -> tuple[list[Case], list[Finding]]:
    """The cases of a file, and what is wrong with it."""
    try:
        node = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
        data: object = yaml.safe_load(text) or {}
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        return [], [Finding(file, 1 if mark is None else mark.line + 1, "not valid YAML")]
    try:
        entries = CaseFile.model_validate(data).tests
    except ValidationError as error:
        return [], [
            Finding(file, _line(node, detail["loc"]), f"{'.'.join(map(str, detail['loc']))}: {_told(detail['msg'])}")
            for detail in error.errors(include_url=False, include_input=False)
        ]
    lines = [_line(node, ("tests", i)) for i in range(len(entries))]
    cases = [
        Case(entry.name, file, line, entry.given.request(), entry.expect)
        for entry, line in zip(entries, lines, strict=True)
    ]
    return cases, [
        Finding(case.file, case.line, f"another case is named {case.name!r}")
        for i, case in enumerate(cases)
        if case.name in {earlier.name for earlier in cases[:i]}
    ]


def _told(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _line(node: yaml.Node | None, location: Sequence[object]) -> int:
    """The line of a key path, or of the deepest part of it that is there."""
    line = 1
    for part in location:
        if node is None:
            return line
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = cast("yaml.Node", node.value[part])
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
            found = next(((key, value) for key, value in pairs if key.value == part), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
    return line


def differences(case: Case, decision: Decision) -> list[str]:
    """How a decision differs from what the case expects; empty when it does not."""
    expect, found = case.expect, list[str]()
    if decision.effect != expect.effect:
        by = f" by {', '.join(decision.rules)}" if decision.rules else " because no rule permits it"
        found.append(f"expected {expect.effect}, got {decision.effect}{by}")
    if expect.decided_by is not None:
        missing = sorted(set(expect.decided_by) - set(decision.rules))
        if missing or (not expect.decided_by and decision.rules):
            wanted = ", ".join(expect.decided_by) or "no rule"
            found.append(f"expected to be decided by {wanted}, got {', '.join(decision.rules) or 'no rule'}")
    if expect.obligations is not None:
        owed = _owed(decision.owed)
        wanted = expect.obligations
        found += [
            f"expected {name} {getattr(wanted, name)!r}, got {getattr(owed, name)!r}"
            for name in ExpectedDuties.model_fields
            if getattr(wanted, name) != getattr(owed, name)
        ]
    if expect.shadows is not None and set(expect.shadows) != set(decision.shadows):
        found.append(f"expected shadow rules {list(expect.shadows)}, got {list(decision.shadows)}")
    return found


def _owed(owed: Owed) -> ExpectedDuties:
    return ExpectedDuties(
        masks=dict(owed.masks),
        rows=owed.rows,
        seconds=owed.seconds,
        bytes=owed.bytes,
        approvals=tuple(approval.rule for approval in owed.approvals),
        rates=owed.rates,
        reason=owed.reason,
        inference=owed.inference,
    )


def placed_in(case: Case, differences: Sequence[str]) -> list[Finding]:
    """The differences as findings."""
    return [Finding(case.file, case.line, f"{case.name}: {text}") for text in differences]
