"""Names and addresses: readable surrogates with an id, ``Elena Frost 7k3fq2`` and ``418 Juniper Way 4mz0hd``.

A readable surrogate costs a model about half of what an opaque id costs it, and reads as what it stands for. The words
and the id come from a keyed digest of the value; the way back is the vault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from ..crockford import LOOSE_SYMBOL, SYMBOL, fold, symbols
from . import words
from .codec import DeriveKey, Draft

ID: Final = rf"[0-9]{SYMBOL}{{5,8}}"
LOOSE_ID: Final = rf"[0-9oilOIL]{LOOSE_SYMBOL}{{5,8}}"
PERSON: Final = rf"[A-Z][a-z]+ [A-Z][a-z]+ {ID}"
LOOSE_PERSON: Final = rf"[A-Za-z]{{2,12}} [A-Za-z]{{3,12}} {LOOSE_ID}"
ADDRESS: Final = rf"[1-9][0-9]{{2}} [A-Z][a-z]+ (?:{'|'.join(words.WAYS)}) {ID}"
LOOSE_ADDRESS: Final = rf"[1-9][0-9]{{2}} [A-Za-z]{{2,12}} (?i:{'|'.join(words.WAYS)}) {LOOSE_ID}"

_ID_SYMBOLS: Final = 16  # of the longest id
_GIVEN, _FAMILY, _STREETS = frozenset(words.GIVEN), frozenset(words.FAMILY), frozenset(words.STREETS)


class PersonDrafts:
    def __init__(self, derive: DeriveKey) -> None:
        self._key = derive("name")

    def drafts(self, texts: Sequence[str]) -> list[Draft | None]:
        return [keyed_draft(self._key, text, _person) for text in texts]


class AddressDrafts:
    def __init__(self, derive: DeriveKey) -> None:
        self._key = derive("address")

    def drafts(self, texts: Sequence[str]) -> list[Draft | None]:
        return [keyed_draft(self._key, text, _address) for text in texts]


def canonical_person(text: str) -> str | None:
    """A name token as it was written, None when its words are none of ours."""
    given, family, ident = text.split(" ")
    given, family = given.capitalize(), family.capitalize()
    return f"{given} {family} {fold(ident)}" if given in _GIVEN and family in _FAMILY else None


def canonical_address(text: str) -> str | None:
    """An address token as it was written, None when its words are none of ours."""
    number, street, way, ident = text.split(" ")
    street = street.capitalize()
    return f"{number} {street} {way.capitalize()} {fold(ident)}" if street in _STREETS else None


def keyed_draft(key: bytes, text: str, spell: Callable[[int, int], str]) -> Draft:
    """A draft whose text and digest come from one keyed hash of the value."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=48).digest()
    number = int.from_bytes(digest[16:], "big")
    return Draft(digest[:16], lambda more: spell(number, more))


def short_id(number: int, count: int) -> str:
    """A digit and ``count`` symbols out of a large number; a longer one starts as a shorter one does."""
    number, digit = divmod(number, 10)
    return f"{digit}{symbols(number >> 5 * (_ID_SYMBOLS - count) & (1 << 5 * count) - 1, count)}"


def _person(number: int, more: int) -> str:
    number, given = divmod(number, len(words.GIVEN))
    number, family = divmod(number, len(words.FAMILY))
    return f"{words.GIVEN[given]} {words.FAMILY[family]} {short_id(number, 5 + more)}"


def _address(number: int, more: int) -> str:
    number, house = divmod(number, 900)
    number, street = divmod(number, len(words.STREETS))
    number, way = divmod(number, len(words.WAYS))
    return f"{100 + house} {words.STREETS[street]} {words.WAYS[way]} {short_id(number, 5 + more)}"
