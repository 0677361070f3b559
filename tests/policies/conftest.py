from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gloveport.policies.loader import Bundle, load
from gloveport.policies.request import SiteVocabulary

SITE = SiteVocabulary(
    databases=frozenset({"clinic"}),
    roots=frozenset({"reports"}),
    tools=frozenset({"send_mail"}),
    classes=frozenset({"badge"}),
    tables=frozenset({"clinic.patients", "clinic.visits"}),
    approvers=frozenset({"data-steward"}),
)

PERMIT = '@id("p") permit (principal, action == Action::"db.select", resource) when { resource.open };\n'

WriteFolder = Callable[..., Path]
LoadText = Callable[[str], Bundle]


@pytest.fixture
def site() -> SiteVocabulary:
    return SITE


@pytest.fixture
def folder(tmp_path: Path) -> WriteFolder:
    """Writes a policy folder: rules, and files by their names."""

    def write(rules: str | None = None, **files: str) -> Path:
        names = {name.replace("__", "/").replace("_yaml", ".yaml"): text for name, text in files.items()}
        if rules is not None:
            names["rules/a.cedar"] = rules
        for name, text in names.items():
            path = tmp_path / "policies" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "policies"

    return write


@pytest.fixture
def bundle(folder: WriteFolder, site: SiteVocabulary) -> LoadText:
    """Loads rules written as one text."""
    return lambda rules: load(folder(rules), site)
