"""The example of a policy folder, on the demo clinic with the example of own tools."""

from __future__ import annotations

from pathlib import Path

from gloveport.examples.demo import clinic
from gloveport.guardrails.config import load_config
from gloveport.guardrails.decision import site_vocabulary
from gloveport.policies.decide import Decider
from gloveport.policies.store import PolicyStore, failures
from gloveport.tools.load import load_tools

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_it_loads_for_the_demo_clinic_and_its_cases_pass(tmp_path: Path) -> None:
    config = load_config(clinic.build(tmp_path))
    tools = [tool.spec.name for tool in load_tools([str(EXAMPLES / "my_tools.py")])]
    bundle = PolicyStore.load(EXAMPLES / "policies", site=site_vocabulary(config, tools)).bundle
    assert not bundle.warnings
    assert failures(bundle, None) == []
    decider = Decider(bundle)
    shown = {rule for case in bundle.cases for rule in _named(decider, case.request)}
    assert {rule.id for rule in bundle.rules} - shown == {"status", "schema", "reports", "reading-tools"}


def _named(decider: Decider, request: object) -> set[str]:
    decision = decider.decide(request)  # type: ignore[arg-type]
    return {*decision.rules, *decision.shadows}
