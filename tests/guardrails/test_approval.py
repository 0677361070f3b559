from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gloveport.guardrails.approval import ApprovalError, ApprovalStore, Ask, call_digest

KEY = b"k" * 32
ASK = Ask(
    tool="database_execute",
    digest=call_digest(KEY, "database_execute", b'{"sql":"x"}', "ann/desk"),
    principal="ann/desk",
    human="ann",
    session="s",
    shown="DELETE FROM t WHERE id = ?",
    rule="deletes-need-second-human",
    groups=(),
    policy="p1",
    seconds=60,
)


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def store(tmp_path: Path, clock: list[float]) -> ApprovalStore:
    return ApprovalStore(tmp_path / "state" / "approvals.json", clock=lambda: clock[0])


def test_a_yes_is_used_once(store: ApprovalStore) -> None:
    asked = store.ask(ASK)
    assert store.ask(ASK) == asked, "the same call asks once"
    assert store.use(ASK.digest, "p1", [ASK.rule]) is None
    store.settle(asked.id, "bob", yes=True, roles=frozenset())
    used = store.use(ASK.digest, "p1", [ASK.rule])
    assert used is not None
    assert [approval.approver for approval in used] == ["bob"]
    assert store.use(ASK.digest, "p1", [ASK.rule]) is None


@pytest.mark.parametrize("change", [{"policy": "p2"}, {"rule": "other"}, {"digest": "00"}])
def test_a_yes_counts_for_exactly_one_call_under_one_policy(store: ApprovalStore, change: dict[str, str]) -> None:
    store.settle(store.ask(ASK).id, "bob", yes=True, roles=frozenset())
    other = replace(ASK, **change)  # type: ignore[arg-type]
    assert store.use(other.digest, other.policy, [other.rule]) is None


def test_two_rules_want_two_answers_and_none_is_used_up_before_both_are_there(store: ApprovalStore) -> None:
    second = replace(ASK, rule="money-needs-the-controller", groups=("controller",))
    rules = [ASK.rule, second.rule]
    store.settle(store.ask(ASK).id, "bob", yes=True, roles=frozenset())
    assert store.use(ASK.digest, "p1", rules) is None
    store.settle(store.ask(second).id, "eve", yes=True, roles=frozenset({"controller"}))
    used = store.use(ASK.digest, "p1", rules)
    assert used is not None
    assert [approval.approver for approval in used] == ["bob", "eve"]
    assert store.use(ASK.digest, "p1", rules) is None


def test_arguments_and_principal_are_bound() -> None:
    base = call_digest(KEY, "t", b"{}", "ann")
    assert (
        len(
            {
                base,
                call_digest(KEY, "t", b"{ }", "ann"),
                call_digest(KEY, "t", b"{}", "bob"),
                call_digest(b"x", "t", b"{}", "ann"),
            }
        )
        == 4
    )


def test_nobody_approves_their_own_call(store: ApprovalStore) -> None:
    with pytest.raises(ApprovalError, match="another human"):
        store.settle(store.ask(ASK).id, "ann", yes=True, roles=frozenset())
    store.settle(store.ask(ASK).id, "ann", yes=False, roles=frozenset())  # taking it back is fine


def test_only_the_named_roles_approve(store: ApprovalStore) -> None:
    asked = store.ask(replace(ASK, groups=("steward",)))
    with pytest.raises(ApprovalError, match="steward"):
        store.settle(asked.id, "bob", yes=True, roles=frozenset({"analyst"}))
    assert store.settle(asked.id, "bob", yes=True, roles=frozenset({"steward"})).state == "approved"


def test_time_ends_it(store: ApprovalStore, clock: list[float]) -> None:
    asked = store.ask(ASK)
    clock[0] += 61
    with pytest.raises(ApprovalError, match="expired"):
        store.settle(asked.id, "bob", yes=True, roles=frozenset())
    assert store.ask(ASK).id != asked.id


def test_a_no_stays_a_no(store: ApprovalStore) -> None:
    asked = store.ask(ASK)
    store.settle(asked.id, "bob", yes=False, roles=frozenset(), note="not today")
    assert store.use(ASK.digest, "p1", [ASK.rule]) is None
    with pytest.raises(ApprovalError, match="rejected"):
        store.settle(asked.id, "bob", yes=True, roles=frozenset())


def test_the_file_is_private_and_survives_a_restart(store: ApprovalStore, tmp_path: Path, clock: list[float]) -> None:
    asked = store.ask(ASK)
    path = tmp_path / "state" / "approvals.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert ApprovalStore(path, clock=lambda: clock[0]).all() == (asked,)


def test_a_spoilt_file_refuses(store: ApprovalStore, tmp_path: Path) -> None:
    store.ask(ASK)
    (tmp_path / "state" / "approvals.json").write_text('[{"id": 1}]')
    with pytest.raises(ApprovalError, match="move it away"):
        store.use(ASK.digest, "p1", [ASK.rule])
