"""Random rules and requests, with words from one small world, so that they meet often."""

from __future__ import annotations

import random
from dataclasses import replace

from gloveport.policies.request import Access, Claims, DecisionRequest, History, Principal, Query, ToolFacts

TABLES = ("clinic.patients", "clinic.visits")
CLASSES = ("email", "ssn", "health", "money")
DUTIES = (
    '@require("mask") @class("email") @with("redact")',
    '@require("mask") @class("*") @with("drop")',
    '@require("limit") @rows("10")',
    '@require("approval") @ttl("60")',
    '@require("rate") @calls("5") @per("60")',
    '@require("reason") @min_length("3")',
    '@require("inference") @level("strict")',
)
PRINCIPALS = (
    "principal",
    'principal in Role::"doctor"',
    'principal in Team::"x"',
    'principal == Principal::"ann/desk"',
)
ACTIONS = (
    'action == Action::"db.select"',
    'action in [Action::"db.select", Action::"db.schema"]',
    'action == Action::"db.update"',
)
RESOURCES = ("resource", 'resource == Table::"clinic.patients"', 'resource in Database::"clinic"', "resource is Table")
CONDITIONS = (
    "resource.open",
    "!resource.writable",
    'context.data.classes.contains(DataClass::"email")',
    'context.data.touched.containsAny([DataClass::"ssn", DataClass::"health"])',
    "context.session.calls > 3",
    "context.session.classes_seen.isEmpty()",
    "context.hour >= 22",
    'principal.agent == "desk"',
    'principal.purpose like "care*"',
    'context.effects.contains("write")',
    'context.claims.model == "m"',
    'context.data.columns.contains("patients.email")',
)


def rules(rng: random.Random, count: int) -> str:
    """Valid rules, some with duties, some as shadows."""
    made: list[str] = []
    for number in range(count):
        effect = rng.choice(("permit", "forbid", "forbid"))
        notes = [f'@id("r{number}")']
        if effect == "forbid" and rng.random() < 0.6:
            notes.append(rng.choice(DUTIES))
        if rng.random() < 0.1:
            notes.append('@mode("shadow")')
        action = rng.choice(ACTIONS)
        body = f"({rng.choice(PRINCIPALS)}, {action}, {rng.choice(RESOURCES)})"
        for _ in range(rng.choice((0, 1, 1, 2))):
            usable = [c for c in CONDITIONS if effect == "forbid" or "claims" not in c]
            operands = rng.sample(usable, rng.choice((1, 2)))
            body += f" {rng.choice(('when', 'unless'))} {{ {rng.choice((' && ', ' || ')).join(operands)} }}"
        if effect == "permit" and body == f"(principal, {action}, resource)":
            body += " when { resource.open }"
        made.append(" ".join((*notes, effect, body)) + ";")
    return "\n".join(made)


def request(rng: random.Random) -> DecisionRequest:
    some = frozenset(rng.sample(CLASSES, rng.randint(0, 3)))
    principal = Principal(
        human=rng.choice(("ann", "bob")),
        agent=rng.choice(("", "desk")),
        purpose=rng.choice(("", "care of patients")),
        roles=frozenset(rng.sample(("doctor", "clerk"), rng.randint(0, 2))),
        teams=frozenset(rng.sample(("x", "y"), rng.randint(0, 2))),
        transport="stdio",
        basis="config",
        claims=Claims(model=rng.choice(("", "m"))),
    )
    action = rng.choice(("db.select", "db.select", "db.schema", "db.update"))
    accesses = tuple(
        Access(
            action,
            "table",
            name,
            "clinic",
            open=rng.random() < 0.8,
            writable=rng.random() < 0.5,
            classes=some,
            touched=some | frozenset(rng.sample(CLASSES, 1)),
            columns=frozenset({"patients.email"} if rng.random() < 0.5 else ()),
        )
        for name in rng.sample(TABLES, rng.choice((1, 1, 2)))
    )
    return DecisionRequest(
        principal,
        accesses,
        session=History(rng.randint(0, 6), rng.randint(0, 6), frozenset(rng.sample(CLASSES, rng.randint(0, 1)))),
        effects=frozenset({"write" if action == "db.update" else "read"}),
        sql=Query(rng.choice(("strict", "relaxed")), rng.random() < 0.5),
        tool=ToolFacts("database_query"),
    )


def corrupted(rng: random.Random, good: DecisionRequest) -> DecisionRequest:
    """The request with one fact of a type, or of a name, that it cannot be."""
    wrong: object = rng.choice((None, 1.5, "x", [], {}, 2**70, b"x"))
    access, who = good.accesses[0], good.principal
    target = rng.choice(("access", "principal", "session", "request", "sql"))
    if target == "access":
        field = rng.choice(("action", "kind", "open", "writable", "parent", "classes", "touched", "columns"))
        if field == "parent" and wrong in (None, "x"):
            wrong = 7
        if field in ("classes", "touched", "columns") and wrong in ("x", [], {}, b"x"):
            wrong = frozenset({"no-such-class"}) if field != "columns" else frozenset({1})
        return replace(good, accesses=(replace(access, **{field: wrong}), *good.accesses[1:]))  # type: ignore[arg-type]
    if target == "principal":
        field = rng.choice(("agent", "model", "purpose", "transport", "basis"))
        wrong = 3 if isinstance(wrong, str) else wrong
        return replace(good, principal=replace(who, **{field: wrong}))  # type: ignore[arg-type]
    if target == "session":
        field = rng.choice(("calls", "calls_last_minute"))
        return replace(good, session=replace(good.session, **{field: wrong}))  # type: ignore[arg-type]
    if target == "sql":
        wrong = 3 if isinstance(wrong, str) else wrong
        return replace(good, sql=replace(good.sql, inference=wrong))  # type: ignore[arg-type]
    return replace(good, effects=frozenset({1}) if wrong else 5)  # type: ignore[arg-type]
