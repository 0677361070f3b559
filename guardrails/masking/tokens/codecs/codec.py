"""What a codec is: values of one type to tokens and back, under the keys of one scope, type and epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

DeriveKey = Callable[[str], bytes]  # a 32-byte key of this scope, type and epoch, by its label


class Codec(Protocol):
    """Texts to tokens and back, without any store. Equal texts give equal tokens; nothing is normalised away."""

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        """A token per text; None where a text is not of this type."""
        ...

    def decode(self, token: str) -> str | None:
        """The text of a token as it was written; None when it cannot be one of this key."""
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """A vault token before it is sure to be free: ``spell(0)`` is its usual text, ``spell(n)`` longer ones."""

    digest: bytes  # 16 bytes, keyed: says whether two values are equal
    spell: Callable[[int], str]


class VaultCodec(Protocol):
    """Texts to drafts of tokens; the way back is the vault alone."""

    def drafts(self, texts: Sequence[str]) -> list[Draft | None]:
        """A draft per text; None where a text is not of this type."""
        ...
