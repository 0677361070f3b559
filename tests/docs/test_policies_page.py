"""docs/policies.md: its rules load, its cases pass, and it names everything a rule can speak of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gloveport.policies import cases, obligations
from gloveport.policies.lints import _WORDS  # pyright: ignore[reportPrivateUsage]
from gloveport.policies.loader import load
from gloveport.policies.request import ACTIONS, SiteVocabulary
from gloveport.policies.store import PolicyStore, failures

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "policies.md").read_text()
SITE = SiteVocabulary(
    databases=frozenset({"clinic"}), tools=frozenset({"send_reminder"}), approvers=frozenset({"data-steward"})
)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules.cedar").write_text("\n".join(blocks("cedar")))
    (case,) = blocks("yaml")
    (tmp_path / "tests" / "page.yaml").write_text(case)
    return tmp_path


def test_its_rules_load_without_a_warning_and_its_cases_pass(folder: Path) -> None:
    bundle = PolicyStore.load(folder, site=SITE).bundle
    assert len(bundle.rules) == 6
    assert len(bundle.cases) == 3
    assert not bundle.warnings
    assert failures(bundle, None) == []


def test_each_block_stands_alone_but_for_a_permit(tmp_path: Path) -> None:
    permit = '@id("own") permit (principal, action == Action::"session.status", resource);\n'
    for n, block in enumerate(blocks("cedar")):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "rules.cedar").write_text(permit + block)
        assert load(folder, SITE)


def test_it_names_every_duty_and_no_other() -> None:
    duties = {
        model.model_fields["require"].annotation.__args__[0]: {  # type: ignore[union-attr]
            field.alias or name for name, field in model.model_fields.items() if name != "require"
        }
        for model in obligations.Obligation.__args__  # type: ignore[attr-defined]
    }
    rows = dict(re.findall(r"^\| `(\w+)` \| (`@.*?) \| ", PAGE, re.MULTILINE))
    assert {name: set(re.findall(r"@(\w+)", text)) for name, text in rows.items()} == duties
    assert set(re.findall(r"^\| `@(\w+)\(", PAGE, re.MULTILINE)) == obligations.PLAIN
    assert f"`{' '.join(obligations.MASKS[:-1])}`" in PAGE


def test_it_names_every_action_and_fact() -> None:
    for action in ACTIONS:
        assert f"`{action}`" in PAGE, action
    schema = (ROOT / "policies" / "schema" / "gloveport.cedarschema").read_text()
    facts = re.findall(r"^  (\w+): (?:String|Bool|Long|Set)", schema, re.MULTILINE)
    assert len(facts) > 15
    for fact in facts:
        assert re.search(rf"[`.]{fact}`", PAGE), fact
    for fact, words in _WORDS.items():
        for word in words:
            assert re.search(rf'`"?{word}"?`', PAGE), f"{fact}: {word}"


def test_it_names_every_key_of_a_case() -> None:
    text = PAGE.partition("`given` takes")[2]
    for model in (cases.Given, cases.GivenHistory, cases.GivenQuery, cases.GivenTool, cases.Expect):
        for name in model.model_fields:
            assert f"`{name}`" in text, name
    for name in cases.ExpectedDuties.model_fields:
        assert f"{name}:" in text, name
