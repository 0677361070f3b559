"""Tokens of a format version never change: agents, notes and recordings hold them.

If one of these fails, the format changed. Then raise `keys.FORMAT_VERSION`, and write a golden file of the new version
beside the old one.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gloveport.guardrails.masking.keys import FORMAT_VERSION, KeyRing, Scope
from gloveport.guardrails.masking.tokens import payload
from gloveport.guardrails.masking.tokens.recognise import PATTERNS
from gloveport.guardrails.masking.tokens.service import Tokens
from gloveport.guardrails.masking.tokens.vault import Vault

GOLDEN = json.loads(Path(__file__).with_name(f"golden_v{FORMAT_VERSION}.json").read_text())
ROWS: list[list[Any]] = GOLDEN["rows"]
FORMS = sorted({row[0] for row in ROWS})


def root(epoch: int) -> bytes:
    return bytes((n + epoch) % 256 for n in range(32))


def test_every_form_of_a_token_has_twenty_rows() -> None:
    assert set(PATTERNS) <= {form.split()[0] for form in FORMS}
    assert set(Counter(row[0] for row in ROWS).values()) == {20}


@pytest.mark.parametrize("form", FORMS)
def test_tokens_are_what_they_were(form: str, tmp_path: Path) -> None:
    services = {e: Tokens(KeyRing({e: root(e)}), Vault(tmp_path / f"{e}"), classes=["loyalty"]) for e in (0, 3)}
    for _, class_name, epoch, kind, value, token in (row for row in ROWS if row[0] == form):
        scope, tokens = Scope("default", "ann", "support", "S1", kind), services[epoch]
        wanted = payload.from_text(token)
        if form in ("money", "weeks"):
            value, _, row = value.rpartition("|")
            real = payload.from_text(value)
            if form == "money":
                assert tokens.noise(class_name, [real], [int(row)], scope) == [wanted]
            else:
                assert tokens.shift_dates(class_name, [real], [row], scope) == [wanted]
            continue
        real = payload.from_text(value)
        (made,) = tokens.tokenise(class_name, [real], scope)
        assert (type(made), made) == (type(wanted), wanted)
        back = tokens.restore(wanted, scope)
        assert (type(back), back) == (type(real), real)
    for service in services.values():
        service.close()


@pytest.mark.parametrize("form", [f for f in FORMS if f not in ("money", "weeks")])
def test_a_column_gives_the_same_tokens_as_its_cells(form: str, tmp_path: Path) -> None:
    tokens = Tokens(KeyRing({0: root(0)}), Vault(tmp_path / "v"), classes=["loyalty"])
    scope = Scope("default", "ann", "support", "S1")
    rows = [row for row in ROWS if row[0] == form and row[2] == 0 and row[3] == "tenant"]
    assert len(rows) > 9
    values, wanted = ([payload.from_text(row[n]) for row in rows] for n in (4, 5))
    assert tokens.tokenise(rows[0][1], values * 3, scope) == wanted * 3
    tokens.close()
