"""Decisions: order of strength, agreement with native Cedar, and that nothing broken is ever more permissive."""

from __future__ import annotations

import copy
import datetime as dt
import json
import random
from dataclasses import replace

import pytest
from cedarpy import Decision as Verdict
from cedarpy import Entities, PolicySet, is_authorized

from gloveport.policies import engine
from gloveport.policies.decide import Decider
from gloveport.policies.loader import Bundle, schema_text
from gloveport.policies.request import Access, DecisionRequest, Principal, as_json

from . import worlds
from .conftest import PERMIT, SITE, LoadText

SELECT = '(principal, action == Action::"db.select", resource)'
ANN = Principal("ann", agent="desk", roles=frozenset({"doctor"}), basis="config", transport="stdio")
PATIENTS = Access("db.select", "table", "clinic.patients", "clinic", open=True, classes=frozenset({"email"}))
ASKED = DecisionRequest(ANN, (PATIENTS,), effects=frozenset({"read"}), now=dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC))
RANK = {"deny": 0, "pending": 1, "allow": 2}


def decide(bundle: Bundle, request: DecisionRequest = ASKED) -> tuple[str, str, tuple[str, ...]]:
    decision = Decider(bundle).decide(request)
    return decision.effect, decision.code, decision.rules


def test_a_permit_allows_and_nothing_else_does(bundle: LoadText) -> None:
    loaded = bundle(PERMIT)
    assert decide(loaded) == ("allow", "allowed", ("p",))
    shut = replace(ASKED, accesses=(replace(PATIENTS, open=False),))
    assert decide(loaded, shut) == ("deny", "policy-denied", ())
    assert Decider(loaded).decide(shut).hint == "No rule permits db.select on clinic.patients."


def test_a_forbid_beats_every_permit_and_says_why(bundle: LoadText) -> None:
    loaded = bundle(PERMIT + f'@id("no") @why("not on Sundays") forbid {SELECT};')
    decision = Decider(loaded).decide(ASKED)
    assert (decision.effect, decision.rules, decision.hint) == ("deny", ("no",), "not on Sundays")
    assert decision.places == ("rules/a.cedar:2",)
    assert decision.denied == ("clinic.patients",)
    assert not decision.owed, "a denied call owes nothing"


def test_a_duty_does_not_deny_but_needs_a_permit_all_the_same(bundle: LoadText) -> None:
    duty = f'@id("m") @require("mask") @class("email") @with("redact") forbid {SELECT};'
    decision = Decider(bundle(PERMIT + duty)).decide(ASKED)
    assert (decision.effect, decision.rules, dict(decision.owed.masks)) == ("allow", ("m", "p"), {"email": "redact"})
    elsewhere = PERMIT.replace("resource.open", 'principal.agent == "other"')
    assert decide(bundle(elsewhere + duty))[0] == "deny"


def test_an_approval_makes_it_wait(bundle: LoadText) -> None:
    loaded = bundle(PERMIT + f'@id("a") @require("approval") forbid {SELECT};')
    assert decide(loaded) == ("pending", "approval-needed", ("a", "p"))


def test_every_access_must_be_allowed_and_the_duties_of_all_are_owed(bundle: LoadText) -> None:
    rules = '@id("v") @require("limit") @rows("5") forbid (principal, action, resource == Table::"clinic.visits");'
    visits = replace(PATIENTS, name="clinic.visits")
    decision = Decider(bundle(PERMIT + rules)).decide(replace(ASKED, accesses=(PATIENTS, visits)))
    assert (decision.effect, decision.owed.rows) == ("allow", 5)
    shut = replace(visits, open=False)
    decision = Decider(bundle(PERMIT + rules)).decide(replace(ASKED, accesses=(PATIENTS, shut)))
    assert (decision.effect, decision.denied) == ("deny", ("clinic.visits",))


def test_a_call_that_touches_nothing_is_denied(bundle: LoadText) -> None:
    assert decide(bundle(PERMIT), replace(ASKED, accesses=()))[:2] == ("deny", "policy-error")


def test_a_shadow_is_noted_and_changes_nothing(bundle: LoadText) -> None:
    loaded = bundle(PERMIT + f'@id("s") @mode("shadow") forbid {SELECT};')
    decision = Decider(loaded).decide(ASKED)
    assert (decision.effect, decision.rules, decision.shadows) == ("allow", ("p",), ("s",))


def test_an_expired_rule_is_none_after_its_last_day_where_the_bundle_is(bundle: LoadText) -> None:
    loaded = bundle(PERMIT.replace("permit", '@expires("2026-03-01") permit'))
    late = dt.datetime(2026, 3, 1, 23, 30, tzinfo=dt.UTC)
    assert decide(loaded, replace(ASKED, now=late))[0] == "allow"
    assert decide(loaded, replace(ASKED, now=late + dt.timedelta(hours=1)))[0] == "deny"
    east = replace(ASKED, now=late.astimezone(dt.timezone(dt.timedelta(hours=9))))
    assert decide(loaded, east)[0] == "allow", "the same moment, told otherwise"


def test_the_hour_is_the_bundle_s(folder: object, bundle: LoadText) -> None:
    loaded = bundle(PERMIT + f'@id("night") forbid {SELECT} when {{ context.hour >= 22 }};')
    late = dt.datetime(2026, 1, 1, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))  # 22:30 UTC
    decider = Decider(loaded)
    assert decider.decide(ASKED).effect == "allow"
    assert decider.decide(replace(ASKED, now=late)).effect == "deny", "the answer kept for noon is not taken"
    assert decider.decide(ASKED).effect == "allow"


def test_a_kept_answer_is_of_the_same_question(bundle: LoadText) -> None:
    """Whatever a rule can read makes another question of it."""
    rng = random.Random(7)
    loaded = bundle(PERMIT + worlds.rules(rng, 40))
    kept = Decider(loaded)
    for _ in range(400):
        request = replace(worlds.request(rng), now=dt.datetime(2026, 1, 1, rng.randrange(24), tzinfo=dt.UTC))
        fresh = Decider(loaded).decide(request)
        assert replace(kept.decide(request), microseconds=0) == replace(fresh, microseconds=0)


def test_the_match_set_decides_as_cedar_itself_does(bundle: LoadText) -> None:
    """Native Cedar is asked twice: the rules without duties say allow or deny; those with, as plain forbids, whether
    any duty is owed. Over random policies and requests the answers are those of the match set."""
    rng = random.Random(2026)
    seen = {"allow": 0, "deny": 0, "pending": 0}
    for _ in range(12):
        loaded = bundle(PERMIT + worlds.rules(rng, 25))
        active = [rule for rule in loaded.rules if not rule.shadow]
        core = "\n".join(f"{rule.effect} {rule.body}" for rule in active if rule.obligation is None)
        duties = "\n".join(f"forbid {rule.body}" for rule in active if rule.obligation is not None)
        plain, strict = PolicySet.from_str(core), PolicySet.from_str(f"{core}\n{duties}")
        for _ in range(100):
            request = worlds.request(rng)
            decision = Decider(loaded).decide(request)
            allowed = all(native(plain, request, access) for access in request.accesses)
            assert (decision.effect != "deny") is allowed
            if allowed:
                owes = not all(native(strict, request, access) for access in request.accesses)
                assert bool(decision.owed) is owes
            seen[decision.effect] += 1
    assert all(count > 50 for count in seen.values()), seen


SCHEMA = engine.parsed_schema(schema_text(SITE))


def native(rules: PolicySet, request: DecisionRequest, access: Access) -> bool:
    known = Entities.from_json_str(json.dumps(engine.entities(request, access)), SCHEMA)
    hour = dt.datetime.now(dt.UTC).hour
    answer = is_authorized(engine.question(request, access, hour), rules, known, SCHEMA)
    assert not answer.diagnostics.errors
    return answer.decision is Verdict.Allow


def test_a_thousand_rules_keep_their_numbers(bundle: LoadText) -> None:
    """The engine numbers rules by their place; a rule must never answer in the name of another."""
    many = "".join(
        f'@id("n{n}") permit (principal, {worlds.ACTIONS[0]}, resource) when {{ principal.human == "h{n}" }};\n'
        for n in range(1000)
    )
    decider = Decider(bundle(many))
    for n in (0, 9, 10, 99, 101, 500, 999):
        assert decider.decide(replace(ASKED, principal=Principal(f"h{n}", basis="config"))).rules == (f"n{n}",)


@pytest.mark.parametrize("seed", range(4))
def test_a_corrupted_fact_never_permits_more(bundle: LoadText, seed: int) -> None:
    rng = random.Random(seed)
    loaded = bundle(PERMIT + worlds.rules(rng, 20))
    decider = Decider(loaded)
    errors = 0
    for _ in range(150):
        good = worlds.request(rng)
        before, after = decider.decide(good), decider.decide(worlds.corrupted(rng, good))
        assert RANK[after.effect] <= RANK[before.effect] or after.effect == "deny"
        errors += after.code == "policy-error"
    assert errors > 75, "a fact of a wrong type is an error, not an answer"


def test_a_dropped_fact_never_permits(bundle: LoadText, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fact and each attribute is taken out of the question in turn: what is missing is an error, not an answer."""
    loaded = bundle(PERMIT + '@id("f") forbid (principal, action, resource) when { context.session.calls > 9 };')
    question, entities = engine.question, engine.entities
    assert decide(loaded)[0] == "allow"
    paths = _paths(question(ASKED, PATIENTS, 12)["context"])
    assert ("session", "calls") in paths
    for path in paths:
        with monkeypatch.context() as dropped:
            dropped.setattr(engine, "question", lambda *a, p=path: _without(question(*a), ("context", *p)))
            assert decide(loaded)[:2] == ("deny", "policy-error"), path
    known = entities(ASKED, PATIENTS)
    for index, entity in enumerate(known):
        for attribute in entity["attrs"]:  # type: ignore[attr-defined]
            with monkeypatch.context() as dropped:
                way = (index, "attrs", attribute)
                dropped.setattr(engine, "entities", lambda *a, p=way: _without(entities(*a), p))
                assert decide(loaded)[:2] == ("deny", "policy-error"), attribute
    with monkeypatch.context() as dropped:
        dropped.setattr(engine, "entities", lambda *_: [])
        assert decide(loaded)[:2] == ("deny", "policy-error"), "a resource without its attributes"


def _paths(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [path]
    return [found for key, inner in value.items() for found in _paths(inner, (*path, key))]


def _without(value: object, path: tuple[object, ...]) -> object:
    copied = copy.deepcopy(value)
    inner: object = copied
    for key in path[:-1]:
        inner = inner[key]  # type: ignore[index]
    del inner[path[-1]]  # type: ignore[attr-defined]
    return copied


def test_an_engine_that_errs_denies(bundle: LoadText, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = bundle(PERMIT)

    class Diagnostics:
        errors = ("overflow",)
        reasons = ("policy0",)

    class Answer:
        decision = Verdict.Allow
        diagnostics = Diagnostics()

    monkeypatch.setattr(engine, "is_authorized", lambda *_: Answer())
    assert decide(loaded)[:2] == ("deny", "policy-error")
    Diagnostics.errors = ()  # type: ignore[assignment]
    Answer.decision = Verdict.NoDecision
    assert decide(loaded)[:2] == ("deny", "policy-error")
    monkeypatch.setattr(engine, "is_authorized", lambda *_: (_ for _ in ()).throw(RuntimeError("gone")))
    assert decide(loaded)[:2] == ("deny", "policy-error")


def test_an_error_is_not_kept(bundle: LoadText, monkeypatch: pytest.MonkeyPatch) -> None:
    decider = Decider(bundle(PERMIT))
    with monkeypatch.context() as broken:
        broken.setattr(engine, "is_authorized", lambda *_: (_ for _ in ()).throw(ValueError("gone")))
        assert decider.decide(ASKED).code == "policy-error"
    assert decider.decide(ASKED).effect == "allow"


def test_a_question_comes_back_from_its_record(bundle: LoadText) -> None:
    rng = random.Random(3)
    decider = Decider(bundle(PERMIT + worlds.rules(rng, 20)))
    for _ in range(50):
        request = replace(worlds.request(rng), now=dt.datetime(2026, 1, 1, 3, tzinfo=dt.UTC))
        again = DecisionRequest.from_json(json.loads(json.dumps(request.as_json())))
        assert again == request
        assert replace(decider.decide(again), microseconds=0) == replace(decider.decide(request), microseconds=0)
    with pytest.raises(ValueError, match="not a recorded question"):
        DecisionRequest.from_json({"principal": {"human": 3}})


class TestPossible:
    """Which tools to show: a call of theirs could be allowed."""

    def test_what_depends_on_the_call_is_given_the_benefit_of_the_doubt(self, bundle: LoadText) -> None:
        varying = f'@id("v") permit {SELECT} when {{ context.data.classes.contains(DataClass::"health") }};'
        assert Decider(bundle(varying)).possible(replace(ASKED, accesses=(replace(PATIENTS, open=False),)))
        barred = PERMIT + f'@id("f") forbid {SELECT} when {{ context.data.classes.isEmpty() }};'
        assert Decider(bundle(barred)).possible(replace(ASKED, accesses=(replace(PATIENTS, classes=frozenset()),)))

    def test_what_does_not_is_decided(self, bundle: LoadText) -> None:
        assert not Decider(bundle(PERMIT)).possible(replace(ASKED, accesses=(replace(PATIENTS, open=False),)))
        assert not Decider(bundle(PERMIT + f'@id("f") forbid {SELECT};')).possible(ASKED)
        assert Decider(bundle(PERMIT + f'@id("f") @require("approval") forbid {SELECT};')).possible(ASKED)
        assert Decider(bundle(PERMIT + f'@id("f") @mode("shadow") forbid {SELECT};')).possible(ASKED)

    def test_an_allowed_call_is_always_possible(self, bundle: LoadText) -> None:
        rng = random.Random(11)
        decider = Decider(bundle(PERMIT + worlds.rules(rng, 15)))
        allowed = 0
        for _ in range(300):
            request = worlds.request(rng)
            if decider.decide(request).effect != "deny":
                allowed += 1
                assert decider.possible(request)
        assert allowed > 30


def test_the_question_as_json_has_every_field() -> None:
    request = DecisionRequest(Principal("ann"), (Access("db.select", "table", "a.b", "a"),))
    assert request.as_json() == as_json(request)
