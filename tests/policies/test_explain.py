from __future__ import annotations

import random
from dataclasses import replace

from gloveport.policies.decide import Decider
from gloveport.policies.explain import Explainer
from gloveport.policies.request import Access, DecisionRequest, Principal

from . import worlds
from .conftest import PERMIT, LoadText

RULES = (
    PERMIT
    + """
@id("night") @why("nobody works at night")
forbid (principal in Role::"clerk", action == Action::"db.select", resource == Table::"clinic.visits")
when { context.hour >= 22 && context.session.calls > 3 } unless { principal.agent == "watch" };
@id("mask") @require("mask") @class("email") @with("redact")
forbid (principal, action in Action::"read", resource) when { context.data.classes.contains(DataClass::"email") };
@id("write") permit (principal, action == Action::"db.update", resource) when { resource.writable };
"""
)
PATIENTS = Access("db.select", "table", "clinic.patients", "clinic", open=True, classes=frozenset({"email"}))
ASKED = DecisionRequest(Principal("ann", basis="config", roles=frozenset({"clerk"})), (PATIENTS,))


def test_what_matches_and_what_the_others_lack(bundle: LoadText) -> None:
    explained = Explainer(bundle(RULES)).explain(ASKED)
    (access,) = explained.accesses
    assert explained.decision.effect == "allow"
    assert [(reason.rule, reason.kind) for reason in access.matching] == [("p", "permit"), ("mask", "duty")]
    assert access.matching[1].duty == {"require": "mask", "class": "email", "with": "redact"}
    (night,) = access.near
    assert (night.rule, night.kind, night.why) == ("night", "forbid", "nobody works at night")
    assert 'resource == Table::"clinic.visits"' in night.missing
    assert "when { context.session.calls > 3 }" in night.missing
    assert 'principal in Role::"clerk"' not in night.missing
    assert 'unless { principal.agent == "watch" }' not in night.missing


def test_why_not_names_the_condition(bundle: LoadText) -> None:
    shut = replace(ASKED, accesses=(replace(PATIENTS, open=False),))
    explained = Explainer(bundle(RULES)).explain(shut)
    assert explained.decision.effect == "deny"
    near = {reason.rule: reason.missing for reason in explained.accesses[0].near}
    assert near["p"] == ("when { resource.open }",)
    assert "write" not in near, "rules for other actions are not near"
    assert next(iter(near)) == "p", "the nearest first"


def test_it_is_json(bundle: LoadText) -> None:
    shown = Explainer(bundle(RULES)).explain(ASKED).as_json()
    assert isinstance(shown, dict)
    assert set(shown) == {"decision", "accesses"}


def test_an_explanation_agrees_with_the_decision(bundle: LoadText) -> None:
    """Over random rules: what matches is what decided, and every rule that does not match lacks a part of it."""
    rng = random.Random(5)
    loaded = bundle(PERMIT + worlds.rules(rng, 30))
    explainer, decider = Explainer(loaded), Decider(loaded)
    for _ in range(60):
        request = worlds.request(rng)
        explained, decision = explainer.explain(request), decider.decide(request)
        assert replace(explained.decision, microseconds=0) == replace(decision, microseconds=0)
        matching = {reason.rule for access in explained.accesses for reason in access.matching}
        assert set(decision.rules) | set(decision.shadows) <= matching
        for access in explained.accesses:
            assert all(reason.missing for reason in access.near)
            assert not {r.rule for r in access.near} & {r.rule for r in access.matching}
