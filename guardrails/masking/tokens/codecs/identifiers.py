"""Identifiers without a form of their own, and whatever does not fit the form of its class: ``account_07k3f9q2m``.

The class, an underscore, a digit and base 32 symbols. A short value is sealed into the symbols (see `sealed`; the
digit is the epoch) and needs no store. A long one lies in the vault under an id of a digit and 13 symbols. The
numbers of symbols tell the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..crockford import LOOSE_SYMBOL, SYMBOL, fold
from ..sealed import Sealer
from .codec import DeriveKey, Draft
from .people import keyed_draft, short_id

CLASS: Final = r"[a-z][a-z0-9_]{0,39}"
PATTERN: Final = rf"{CLASS}_[0-9]{SYMBOL}{{8,128}}"
LOOSE_ID: Final = rf"_[0-9oilOIL]{LOOSE_SYMBOL}{{8,128}}"
LOOSE: Final = rf"{CLASS}{LOOSE_ID}"
VAULT_SYMBOLS: Final = (13, 14, 15)  # the usual number, and two more for collisions
_LONGEST_SEALED: Final = 52  # symbols; beyond, a vault id is shorter


class SealedCodec:
    def __init__(self, derive: DeriveKey, class_name: str, epoch: int) -> None:
        self._sealer = Sealer(derive("sealed"))
        self._prefix = f"{class_name}_{epoch}"

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        sealed = self._sealer.seal(texts)
        return [None if s is None or len(s) > _LONGEST_SEALED else self._prefix + s for s in sealed]

    def decode(self, token: str) -> str | None:
        return self._sealer.open(token.removeprefix(self._prefix)) if token.startswith(self._prefix) else None


class SpanDrafts:
    def __init__(self, derive: DeriveKey, class_name: str) -> None:
        self._key = derive("span")
        self._class_name = class_name

    def drafts(self, texts: Sequence[str]) -> list[Draft | None]:
        return [keyed_draft(self._key, text, self._spell) for text in texts]

    def _spell(self, number: int, more: int) -> str:
        return f"{self._class_name}_{short_id(number, VAULT_SYMBOLS[more])}"


def canonical(text: str) -> str:
    """An identifier token as it was written: the class in lower case, the symbols folded."""
    class_name, _, ident = text.rpartition("_")
    return f"{class_name.lower()}_{fold(ident)}"


def class_of(token: str) -> str:
    return token.rpartition("_")[0]


def symbols_of(token: str) -> str:
    return token.rpartition("_")[2]


def is_vault_id(token: str) -> bool:
    return len(symbols_of(token)) - 1 in VAULT_SYMBOLS
