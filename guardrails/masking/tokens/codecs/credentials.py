"""Secrets: ``sk_live_GLOVE7k3fq2m4hd0z9xxxxx``. The published prefix and the length of the key stay, the rest is a
marker and an id; the way back is the vault. Secrets without a known prefix take the general form ``secret_…``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..crockford import LOOSE_SYMBOL, SYMBOL, fold
from .codec import DeriveKey, Draft
from .people import keyed_draft, short_id

PREFIXES: Final = (
    "github_pat_",
    "sk_live_",
    "sk_test_",
    "pk_live_",
    "pk_test_",
    "rk_live_",
    "rk_test_",
    "whsec_",
    "sk-proj-",
    "sk-ant-",
    "sk-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "dop_v1_",
    "shpat_",
    "npm_",
    "pypi-",
    "hf_",
    "SG.",
    "AKIA",
    "ASIA",
    "AIza",
)
_MARK: Final = "GLOVE"
_PREFIX: Final = "|".join(map(re.escape, PREFIXES))
PATTERN: Final = rf"(?:{_PREFIX}){_MARK}[0-9]{SYMBOL}{{12}}x*"
LOOSE: Final = rf"(?:{_PREFIX}){_MARK}[0-9oil]{LOOSE_SYMBOL}{{12}}x*"
_SECRET: Final = re.compile(rf"(?:{_PREFIX})\S{{1,200}}")
_KNOWN: Final = re.compile(_PREFIX, re.IGNORECASE)


class CredentialDrafts:
    def __init__(self, derive: DeriveKey) -> None:
        self._key = derive("secret")

    def drafts(self, texts: Sequence[str]) -> list[Draft | None]:
        return [self._draft(text) if _SECRET.fullmatch(text) else None for text in texts]

    def _draft(self, text: str) -> Draft:
        found = _KNOWN.match(text)
        assert found is not None

        def spell(number: int, more: int) -> str:
            ident = short_id(number >> (70 * more), 12)
            return f"{found[0]}{_MARK}{ident}".ljust(len(text), "x")

        return keyed_draft(self._key, text, spell)


def canonical(text: str) -> str | None:
    """A secret token as it was written: prefix and marker in their own case, the rest folded."""
    found = _KNOWN.match(text)
    if found is None:
        return None
    prefix = next(p for p in PREFIXES if p.lower() == found[0].lower())
    return prefix + _MARK + fold(text[len(prefix) + len(_MARK) :])
