"""What the pages say is true: links lead somewhere, configuration examples load, Python examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gloveport.guardrails.config import Config, load_config

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")


def blocks(language: str) -> list[tuple[str, str]]:
    return [(page.name, code) for page in PAGES for kind, code in BLOCK.findall(page.read_text()) if kind == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, _ in LINK.findall(page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def _config_blocks() -> list[tuple[str, str]]:
    return [
        (page, code)
        for page, code in blocks("yaml")
        if isinstance(data := yaml.safe_load(code), dict) and set(data) <= set(Config.model_fields)
    ]


@pytest.mark.parametrize(("page", "code"), _config_blocks())
def test_configuration_examples_load(page: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "gloveport.yaml"
    path.write_text(code)
    assert load_config(path)


def test_every_configuration_key_is_documented() -> None:
    page = (ROOT / "docs" / "config.md").read_text()
    (example,) = [code for name, code in _config_blocks() if name == "config.md"]
    shown = yaml.safe_load(example)
    missing = [name for name in Config.model_fields if name not in shown and name not in ("upstreams", "packs")]
    assert not missing
    for name, field in Config.model_fields.items():
        model = field.annotation
        if hasattr(model, "model_fields"):
            assert set(shown[name]) <= {f.alias or n for n, f in model.model_fields.items()}, name
            for key, inner in model.model_fields.items():
                assert (inner.alias or key) in page, f"{name}.{key}"
