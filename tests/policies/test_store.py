# ruff: noqa: E501 - texts of other files, one a line
from __future__ import annotations

import threading

import pytest

from gloveport.policies.decide import Decider
from gloveport.policies.loader import PolicyError
from gloveport.policies.request import Access, DecisionRequest, Principal, SiteVocabulary
from gloveport.policies.store import CANARY, PolicyStore, failures

from .conftest import PERMIT, WriteFolder

FORBID = '@id("f") forbid (principal, action, resource);'
ASKED = DecisionRequest(
    Principal("ann", basis="config"), (Access("db.select", "table", "clinic.patients", "clinic", open=True),)
)


def test_a_reload_swaps_the_rules(folder: WriteFolder, site: SiteVocabulary) -> None:
    path = folder(PERMIT)
    store = PolicyStore.load(path, site=site)
    before = store.digest
    assert store.decide(ASKED).effect == "allow"
    folder(PERMIT + FORBID)
    assert store.decide(ASKED).effect == "allow", "nothing is read behind one's back"
    assert store.reload()
    assert store.decide(ASKED).effect == "deny"
    assert store.digest != before
    assert store.decide(ASKED).digest == store.digest


def test_a_reload_that_fails_keeps_the_old_rules_and_says_so(folder: WriteFolder, site: SiteVocabulary) -> None:
    store = PolicyStore.load(folder(PERMIT), site=site)
    before = store.digest
    folder(PERMIT + "forbid all;")
    assert not store.reload()
    assert store.degraded is not None
    assert "a.cedar:2" in store.degraded
    assert (store.digest, store.decide(ASKED).effect) == (before, "allow")
    folder(PERMIT)
    assert store.reload()
    assert store.degraded is None


def test_a_reload_under_load_never_gives_a_wrong_answer(folder: WriteFolder, site: SiteVocabulary) -> None:
    """Each decision is of one bundle as a whole: its digest and its answer belong together."""
    path = folder(PERMIT)
    store = PolicyStore.load(path, site=site)
    allowing = store.digest
    folder(PERMIT + FORBID)
    store.reload()
    denying, answers, stop = store.digest, set[tuple[str, str]](), threading.Event()

    def ask() -> None:
        while not stop.is_set():
            decision = store.decide(ASKED)
            answers.add((decision.digest, decision.effect))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(20):
        folder(PERMIT + (FORBID if n % 2 else ""))
        assert store.reload()
    stop.set()
    for thread in threads:
        thread.join()
    assert answers <= {(allowing, "allow"), (denying, "deny")}


def test_a_policy_that_allows_the_canary_does_not_start(folder: WriteFolder, site: SiteVocabulary) -> None:
    path = folder('@id("w") permit (principal, action in Action::"write", resource);')
    with pytest.raises(PolicyError, match="must deny: a deletion in a closed table"):
        PolicyStore.load(path, site=site)


def test_an_engine_that_is_not_consulted_does_not_start(
    folder: WriteFolder, site: SiteVocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = PolicyStore.load(folder(PERMIT), site=site).decide(ASKED)
    monkeypatch.setattr(Decider, "decide", lambda *_: allowed)
    with pytest.raises(PolicyError, match="must deny"):
        PolicyStore.load(folder(PERMIT), site=site)


def test_the_canary_is_denied_by_the_built_in_rules(site: SiteVocabulary) -> None:
    store = PolicyStore.load(None, site=site)
    assert store.decide(CANARY).effect == "deny"
    assert store.decide(ASKED).effect == "allow"


def test_cases_that_come_out_otherwise_are_told(folder: WriteFolder, site: SiteVocabulary) -> None:
    case = "tests:\n  - name: shut\n    given: {action: db.select, resource: clinic.patients}\n    expect: {effect: deny}\n"
    path = folder(PERMIT, tests__a_yaml=case)
    bundle = PolicyStore.load(path, site=site).bundle
    assert list(map(str, failures(bundle, path))) == [f"{path}/tests/a.yaml:2: shut: expected deny, got allow by p"]
    shut = PolicyStore.load(folder(PERMIT + FORBID), site=site).bundle
    assert failures(shut, path) == []
