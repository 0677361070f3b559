"""From a plan to a verdict: with real policies, and with tools, sessions and approvals as small as they can be."""

# ruff: noqa: E501 - one rule a line

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gloveport.guardrails.approval import ApprovalStore
from gloveport.guardrails.config import Config
from gloveport.guardrails.decision import Decider, Verdict, site_vocabulary
from gloveport.guardrails.identity import Claim, Identity
from gloveport.guardrails.masking.classes import CLASSES
from gloveport.guardrails.masking.restore import Clearance
from gloveport.policies import request as policies_request
from gloveport.policies.request import DecisionRequest
from gloveport.policies.store import PolicyStore
from gloveport.tools.tool import (
    Access,
    Action,
    ColumnRef,
    ColumnRule,
    Effect,
    JsonObject,
    Mask,
    Place,
    Plan,
    Slot,
    ToolSpec,
)

ANN = Identity(Claim("ann", "config"), agent=Claim("desk", "config"), roles=frozenset({"doctor"}))
EMAIL = ColumnRef("clinic", "patients", "email")
NAME = ColumnRef("clinic", "patients", "name")
QUERY = ToolSpec("database_query", "", {}, actions=frozenset({Action.DB_SELECT}))
EXECUTE = ToolSpec(
    "database_execute",
    "",
    {},
    effects=frozenset({Effect.WRITE}),
    actions=frozenset({Action.DB_INSERT, Action.DB_UPDATE, Action.DB_DELETE}),
)
SEND = ToolSpec("send_mail", "", {}, effects=frozenset({Effect.SEND}))
READING = '@id("read") permit (principal, action == Action::"db.select", resource) when { resource.open };\n'
CONFIG: dict[str, Any] = {
    "databases": {"clinic": {"url": "sqlite:///clinic.db"}},
    "files": {"reports": {"path": "reports", "write": True}, "archive": {"path": "archive"}},
}


class Rules:
    version = "1"

    def get(self, column: ColumnRef) -> ColumnRule | None:
        return {EMAIL: ColumnRule("email", Mask.TOKEN, "config"), NAME: ColumnRule("person", Mask.TOKEN, "config")}.get(
            column
        )


async def rules_of(database: str) -> Rules:
    assert database == "clinic"
    return Rules()


@dataclass(eq=False)
class Session:
    calls: int = 1
    classes: set[str] = field(default_factory=set[str])
    transport: str = "stdio"


@dataclass
class Record:
    session: str = "s"
    told: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def asked(self, approval: JsonObject) -> None:
        self.told.append(("asked", str(approval["id"])))

    def approved(self, approval: str, approver: str | None) -> None:
        self.told.append(("approved", approval, approver or ""))


Build = Callable[..., Decider]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def made(rules: str | None, **config: Any) -> Decider:
        settings = Config(**{**CONFIG, **config})
        folder = None
        if rules is not None:
            folder = tmp_path / "policies"
            folder.mkdir(exist_ok=True)
            (folder / "rules.cedar").write_text(rules)
        store = PolicyStore.load(folder, site=site_vocabulary(settings, ["send_mail"]))
        return Decider(store, settings, ApprovalStore(tmp_path / "approvals.json"), rules_of)

    return made


def query(*columns: ColumnRef, **facts: Any) -> Plan:
    access = Access(Action.DB_SELECT, "table", "clinic.patients", "clinic", frozenset(columns), frozenset(columns[:1]))
    return Plan((access,), frozenset({Effect.READ}), statement="SELECT ?", facts=facts)


async def verdict(decider: Decider, plan: Plan, spec: ToolSpec = QUERY, who: Identity = ANN) -> Verdict:
    return await decider.decide(spec, plan, who, Session())


async def test_a_plan_becomes_a_question_with_the_classes_of_its_columns(build: Build) -> None:
    found = await verdict(build(READING), query(EMAIL, NAME, **{"sql.inference": "balanced", "sql.bounded": True}))
    assert found.denied is None
    assert (found.event.effect, list(found.event.rules), list(found.event.reasons)) == (
        "allow",
        ["read"],
        ["rules.cedar:1"],
    )
    asked = DecisionRequest.from_json(dict(found.event.facts))
    (access,) = asked.accesses
    assert (access.classes, access.touched) == ({"email"}, {"email", "person"})
    assert access.columns == {"patients.email", "patients.name"}
    assert (access.open, access.writable) == (True, False)
    assert (asked.sql.inference, asked.sql.bounded, asked.tool.name) == ("balanced", True, "database_query")
    assert (asked.principal.human, asked.principal.agent, asked.principal.roles) == ("ann", "desk", {"doctor"})
    assert asked.now is not None, "the record holds the moment the rules read"


async def test_an_asserted_claim_is_no_attribute(build: Build) -> None:
    rules = READING.replace("resource.open", 'principal.agent == "desk"')
    assert (await verdict(build(rules), query(EMAIL))).denied is None
    asserted = replace(ANN, agent=Claim("desk", "asserted"))
    denied = (await verdict(build(rules), query(EMAIL), who=asserted)).denied
    assert denied is not None
    assert denied.hint == "No rule permits db.select on clinic.patients."
    forbids = READING + '@id("f") forbid (principal, action, resource) when { context.claims.agent == "desk" };'
    assert (await verdict(build(forbids), query(EMAIL), who=asserted)).denied is not None


async def test_a_plan_that_touches_nothing_is_denied(build: Build) -> None:
    assert (await verdict(build(READING), Plan((), frozenset()))).denied is not None


async def test_masks_and_limits_are_owed(build: Build) -> None:
    rules = READING + '@id("m") @require("mask") @class("email") @with("drop") forbid (principal, action, resource);'
    rules += '@id("l") @require("limit") @rows("7") @seconds("2") forbid (principal, action, resource);'
    found = await verdict(build(rules), query(EMAIL))
    assert found.duties.mask("email", Mask.TOKEN) is Mask.DROP
    assert (found.limits.rows, found.limits.seconds) == (7, 2.0)
    assert found.event.obligations


async def test_a_rate_counts_the_principal_not_the_session(build: Build) -> None:
    rate = '@id("r") @require("rate") @calls("3") @per("60") forbid (principal, action, resource);'
    decider = build(READING + rate)
    codes = [found.denied and found.denied.code for found in [await verdict(decider, query(EMAIL)) for _ in range(5)]]
    assert codes == [None, None, None, "rate-limited", "rate-limited"], "each call had a session of its own"
    other = replace(ANN, human=Claim("bob", "config"))
    assert (await verdict(decider, query(EMAIL), who=other)).denied is None


async def test_a_reason_may_be_the_caller_s_word(build: Build) -> None:
    decider = build(READING + '@id("r") @require("reason") @min_length("5") forbid (principal, action, resource);')
    assert (denied := (await verdict(decider, query(EMAIL))).denied) is not None
    assert denied.code == "purpose-needed"
    assert (await verdict(decider, query(EMAIL), who=replace(ANN, purpose=Claim("audit 7", "asserted")))).denied is None


@pytest.mark.parametrize(
    ("used", "level", "code"),
    [
        ("strict", "strict", None),
        ("balanced", "strict", "inference-mode"),
        ("relaxed", "strict", "inference-mode"),
        ("balanced", "balanced", None),
        ("relaxed", "balanced", "inference-mode"),
        (None, "balanced", "inference-mode"),
        ("odd", "strict", "inference-mode"),
    ],
)
async def test_a_mode_can_only_be_made_stricter(build: Build, used: str | None, level: str, code: str | None) -> None:
    rule = f'@id("i") @require("inference") @level("{level}") forbid (principal, action, resource);'
    denied = (await verdict(build(READING + rule), query(EMAIL, **{"sql.inference": used}))).denied
    assert (denied and denied.code) == code


async def test_a_mode_does_not_concern_what_is_no_query(build: Build) -> None:
    rules = '@id("s") permit (principal, action == Action::"file.read", resource) when { resource.open };'
    rules += '@id("i") @require("inference") @level("strict") forbid (principal, action, resource);'
    plan = Plan((Access(Action.FILE_READ, "file", "reports/a", "reports"),), frozenset({Effect.READ}))
    assert (await verdict(build(rules), plan)).denied is None


async def test_what_a_custom_tool_touches_can_be_read_by_rules(build: Build) -> None:
    rules = (
        '@id("t") permit (principal, action == Action::"tool.call", resource) when { resource == Tool::"send_mail" };'
    )
    rules += '@id("f") forbid (principal, action == Action::"tool.call", resource) when { context.tool.sends.contains("fax") };'
    decider = build(rules)
    access = (Access(Action.TOOL_CALL, "tool", "send_mail"),)
    assert (await verdict(decider, Plan(access, SEND.effects, facts={"sends": ["mail"]}), SEND)).denied is None
    assert (await verdict(decider, Plan(access, SEND.effects, facts={"sends": ["fax"]}), SEND)).denied is not None


def test_policies_know_every_class_the_masker_knows() -> None:
    """A class the schema lacks would be an error of the engine, and deny every table that has it."""
    assert set(policies_request.CLASSES) == set(CLASSES)


class TestScopes:
    async def test_a_scoped_credential_reaches_only_what_it_names(self, build: Build) -> None:
        decider = build(READING)
        inside = replace(ANN, scopes=frozenset({"clinic"}))
        outside = replace(ANN, scopes=frozenset({"archive"}))
        assert (await verdict(decider, query(EMAIL), who=inside)).denied is None
        assert (denied := (await verdict(decider, query(EMAIL), who=outside)).denied) is not None
        assert denied.code == "out-of-scope"
        by_tool = replace(ANN, scopes=frozenset({"database_query"}))
        assert (await verdict(decider, query(EMAIL), who=by_tool)).denied is None

    def test_and_sees_only_such_tools(self, build: Build) -> None:
        assert build(READING).visible(QUERY, replace(ANN, scopes=frozenset({"clinic"})))
        assert not build(None).visible(SEND, replace(ANN, scopes=frozenset({"other_tool"})))
        read = ToolSpec("file_read", "", {}, actions=frozenset({Action.FILE_READ}))
        assert build(None).visible(read, replace(ANN, scopes=frozenset({"archive"})))
        assert not build(None).visible(read, replace(ANN, scopes=frozenset({"clinic"})))
        status = ToolSpec("session_status", "", {}, actions=frozenset({Action.SESSION_STATUS}))
        assert build(None).visible(status, replace(ANN, scopes=frozenset({"clinic"})))


class TestVisible:
    """The tool list is filtered by the policy that decides calls."""

    def test_the_built_in_policy_shows_what_reads(self, build: Build) -> None:
        decider = build(None)
        assert decider.visible(QUERY, ANN)
        assert not decider.visible(EXECUTE, ANN)
        assert not decider.visible(SEND, ANN)
        assert decider.visible(ToolSpec("weather", "", {}), ANN)

    def test_a_write_shows_where_a_rule_permits_it_and_the_database_takes_it(self, build: Build) -> None:
        rules = (
            READING + '@id("w") permit (principal, action == Action::"db.update", resource == Table::"clinic.visits");'
        )
        assert not build(rules).visible(EXECUTE, ANN)
        writable = {"clinic": {"url": "sqlite:///clinic.db", "write": True}}
        assert build(rules, databases=writable).visible(EXECUTE, ANN)

    def test_one_table_s_permit_shows_the_tool(self, build: Build) -> None:
        rules = '@id("r") permit (principal, action == Action::"db.select", resource == Table::"clinic.visits");'
        assert build(rules).visible(QUERY, ANN)

    def test_a_rule_about_what_a_call_touches_hides_nothing(self, build: Build) -> None:
        rules = (
            READING
            + '@id("f") forbid (principal, action == Action::"db.select", resource) unless { context.sql.bounded };'
        )
        assert build(rules).visible(QUERY, ANN)

    def test_a_rule_about_people_hides(self, build: Build) -> None:
        rules = READING + '@id("f") forbid (principal, action, resource) unless { principal in Role::"doctor" };'
        assert build(rules).visible(QUERY, ANN)
        assert not build(rules).visible(QUERY, replace(ANN, roles=frozenset()))

    def test_file_tools_follow_the_roots(self, build: Build) -> None:
        write = ToolSpec(
            "file_write", "", {}, actions=frozenset({Action.FILE_WRITE}), effects=frozenset({Effect.WRITE})
        )
        assert build(None).visible(write, ANN)
        assert not build(None, files={"archive": {"path": "archive"}}).visible(write, ANN)
        one = '@id("w") permit (principal, action == Action::"file.write", resource == File::"archive/log.txt");'
        assert build(READING + one, files={"archive": {"path": "archive"}}).visible(write, ANN)


class TestApprovals:
    RULES = (
        '@id("del") permit (principal, action == Action::"db.delete", resource) when { resource.writable };'
        '@id("a1") @require("approval") @by("steward") @ttl("60") forbid (principal, action, resource);'
        '@id("a2") @require("approval") @ttl("90") forbid (principal, action, resource);'
    )
    PLAN = Plan(
        (Access(Action.DB_DELETE, "table", "clinic.patients", "clinic"),),
        frozenset({Effect.WRITE}),
        statement="DELETE FROM patients WHERE id = ?",
    )
    WRITABLE = {"clinic": {"url": "sqlite:///clinic.db", "write": True}}  # noqa: RUF012

    async def test_each_rule_wants_its_answer_and_one_call_uses_them_up(self, build: Build, tmp_path: Path) -> None:
        decider = build(self.RULES, databases=self.WRITABLE)
        store, record = ApprovalStore(tmp_path / "approvals.json"), Record()
        found = await verdict(decider, self.PLAN, EXECUTE)
        assert found.event.effect == "ask"
        assert found.denied is None

        def missing(arguments: bytes = b"{}", who: Identity = ANN) -> JsonObject | None:
            return decider.missing_approval(found, EXECUTE, self.PLAN, arguments, who, record)

        first = missing()
        assert first is not None
        assert {a.rule: (a.groups, a.shown) for a in store.all()} == {
            "a1": (("steward",), "DELETE FROM patients WHERE id = ?"),
            "a2": ((), "DELETE FROM patients WHERE id = ?"),
        }
        store.settle(str(first["id"]), "bob", yes=True, roles=frozenset({"steward"}))
        second = missing()
        assert second is not None
        assert second["id"] != first["id"]
        store.settle(str(second["id"]), "eve", yes=True, roles=frozenset())
        assert missing(b'{"other": 1}') is not None, "other arguments are another call"
        assert missing(who=replace(ANN, agent=Claim("other", "config"))) is not None, "and another agent another caller"
        assert missing() is None
        assert missing() is not None, "used once"
        assert [entry for entry in record.told if entry[0] == "approved"] == [
            ("approved", first["id"], "bob"),
            ("approved", second["id"], "eve"),
        ]


class TestRestoring:
    """Real values go into a sink only where a rule permits it, class by class."""

    PLAN = Plan(
        (Access(Action.TOOL_CALL, "tool", "send_mail"),),
        frozenset({Effect.SEND}),
        slots=(Slot("tok", Place.CONTENT, "send_mail.to"), Slot("tok", Place.CONTENT, "send_mail.text")),
    )
    CALL = '@id("c") permit (principal, action == Action::"tool.call", resource == Tool::"send_mail");\n'
    RESTORE = (
        '@id("t") permit (principal, action == Action::"token.restore", resource == Tool::"send_mail")\n'
        'when { context.argument == "to" && context.data.classes.contains(DataClass::"email") };\n'
    )

    async def cleared(self, decider: Decider, plan: Plan | None = None) -> list[Clearance]:
        found = await verdict(decider, plan or self.PLAN, SEND)
        assert found.denied is None
        return list(found.clearances)

    async def test_by_argument_and_class(self, build: Build) -> None:
        (clearance,) = await self.cleared(build(self.CALL + self.RESTORE))
        assert clearance == Clearance(frozenset({Place.CONTENT}), frozenset({"send_mail.to"}), frozenset({"email"}))

    async def test_not_without_a_rule(self, build: Build) -> None:
        assert await self.cleared(build(self.CALL)) == []

    async def test_never_secrets_unless_they_are_named(self, build: Build) -> None:
        every = '@id("t") permit (principal, action == Action::"token.restore", resource == Tool::"send_mail");'
        clearances = await self.cleared(build(self.CALL + every))
        assert {clearance.covers(Place.CONTENT, "send_mail.to", "email") for clearance in clearances} == {True, False}
        assert not any("secret" in clearance.classes for clearance in clearances)
        named = self.RESTORE.replace('"email"', '"secret"')
        assert [c.classes for c in await self.cleared(build(self.CALL + named))] == [{"secret"}]

    async def test_not_what_a_duty_masks_or_somebody_must_approve(self, build: Build) -> None:
        mask = '@id("m") @require("mask") @class("email") @with("redact") forbid (principal, action == Action::"token.restore", resource);'
        assert await self.cleared(build(self.CALL + self.RESTORE + mask)) == []
        approval = '@id("a") @require("approval") forbid (principal, action == Action::"token.restore", resource);'
        assert await self.cleared(build(self.CALL + self.RESTORE + approval)) == []

    async def test_a_file_root_is_a_sink_and_a_tool_of_its_name_is_not(self, build: Build) -> None:
        rules = '@id("w") permit (principal, action == Action::"file.write", resource) when { resource.writable };'
        rules += '@id("t") permit (principal, action == Action::"token.restore", resource == FileRoot::"reports");'
        plan = Plan(
            (Access(Action.FILE_WRITE, "file", "reports/a", "reports"),),
            frozenset({Effect.WRITE}),
            slots=(Slot("tok", Place.CONTENT, "reports"), Slot("tok", Place.CONTENT, "reports.text")),
        )
        (clearance,) = await self.cleared(build(rules), plan)
        assert clearance.targets == {"reports"}
        assert "email" in clearance.classes
