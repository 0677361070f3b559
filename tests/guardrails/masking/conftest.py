from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gloveport.guardrails.masking.tokens.service import Scope, Tokens

ANN = Scope("default", "ann", "support", "S1")


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    made = Tokens.open(f"file:{tmp_path}/key", tmp_path / "vault.sqlite", classes=["loyalty"])
    yield made
    made.close()


@pytest.fixture
def scope() -> Scope:
    return ANN
