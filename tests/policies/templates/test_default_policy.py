"""The policy folder that `gloveport init` writes: it loads, without a warning, and decides as the pages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gloveport.policies.decide import Decider
from gloveport.policies.loader import load
from gloveport.policies.request import Access, DecisionRequest, History, Principal, SiteVocabulary
from gloveport.policies.store import PolicyStore, failures
from gloveport.policies.templates import FILES, write_default

SITE = SiteVocabulary(databases=frozenset({"main"}), roots=frozenset({"reports"}), approvers=frozenset())
ANN = Principal("ann", basis="os-user", transport="stdio")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_default(tmp_path / "policies")
    return tmp_path / "policies"


def test_it_loads_without_a_warning_and_its_cases_pass(folder: Path) -> None:
    bundle = PolicyStore.load(folder, site=SITE).bundle
    assert bundle.warnings == ()
    assert failures(bundle, folder) == []
    assert len(bundle.cases) >= 8
    assert all(rule.id and rule.why for rule in bundle.rules)


def test_every_rule_is_in_a_case(folder: Path) -> None:
    """Each rule that can decide by itself does so in some case."""
    bundle = load(folder, SITE)
    decider = Decider(bundle)
    decided = {rule for case in bundle.cases for rule in decider.decide(case.request).rules}
    # A duty decides nothing where no permit does, and the folder permits no deletion; see the test below.
    assert {rule.id for rule in bundle.rules} - decided == {"deletes-need-a-second-human"}


def test_files_that_exist_are_not_touched(folder: Path) -> None:
    (folder / "guard.yaml").write_text("name: mine\n")
    write_default(folder)
    assert (folder / "guard.yaml").read_text() == "name: mine\n"
    assert all((folder / name).is_file() for name in FILES)


def test_a_permit_for_deletions_still_waits_for_another_human(folder: Path) -> None:
    (folder / "rules" / "own.cedar").write_text(
        '@id("own") permit (principal, action == Action::"db.delete", resource) when { resource.writable };'
    )
    access = Access("db.delete", "table", "main.customers", "main", open=True, writable=True)
    decision = PolicyStore.load(folder, site=SITE).decide(DecisionRequest(ANN, (access,)))
    assert decision.effect == "pending"
    assert [approval.rule for approval in decision.owed.approvals] == ["deletes-need-a-second-human"]


@pytest.mark.parametrize("builtin", [True, False])
def test_agents_read_only(folder: Path, builtin: bool) -> None:
    """The built-in policy and the default folder permit the same."""
    store = PolicyStore.load(None if builtin else folder, site=SITE)

    def effect(action: str, kind: str, name: str, **state: bool) -> str:
        parent = None if kind in ("tool", "session", "file_root") else name.partition("/")[0].partition(".")[0]
        effects = frozenset({"write"} if action in ("db.insert", "db.update", "db.delete", "file.write") else {"read"})
        access = Access(action, kind, name, parent, **state)
        return store.decide(DecisionRequest(ANN, (access,), session=History(1, 1), effects=effects)).effect

    for action in ("db.schema", "db.select"):
        assert effect(action, "table", "main.customers", open=True) == "allow"
        assert effect(action, "table", "main.customers") == "deny"
    for action in ("db.insert", "db.update", "db.delete"):
        assert effect(action, "table", "main.customers", open=True, writable=True) == "deny"
    for action in ("file.list", "file.read", "file.search"):
        assert effect(action, "file", "reports/a.csv", open=True) == "allow"
    assert effect("file.write", "file", "reports/a.csv", open=True) == "deny"
    assert effect("file.write", "file", "reports/a.csv", open=True, writable=True) == "allow"
    assert effect("session.status", "session", "session") == "allow"
    assert effect("tool.call", "tool", "weather", open=True) == "allow"
    assert effect("token.restore", "tool", "weather", open=True) == "deny"
