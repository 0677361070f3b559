"""UUIDs: the variant bits become 111, all others are enciphered.

RFC 9562 gives real UUIDs the variant 10; the fourth group of a token starts with e or f. The version (1 to 8) is
enciphered with the other 122 bits. A token holds next to no redundancy: it counts only for those it was shown to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..ff1 import FF1
from .codec import DeriveKey

_H: Final = "[0-9a-fA-F]"
PATTERN: Final = rf"{_H}{{8}}-{_H}{{4}}-{_H}{{4}}-[efEF]{_H}{{3}}-{_H}{{12}}|{_H}{{16}}[efEF]{_H}{{15}}"
LOOSE: Final = PATTERN
TAIL: Final = rf"[efEF]{_H}{{3}}-?{_H}{{12}}"
_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|[0-9a-f]{12}[1-8][0-9a-f]{3}[89ab][0-9a-f]{15}"
)
_BITS: Final = 125
_LOW: Final = (1 << 62) - 1


class UuidCodec:
    def __init__(self, derive: DeriveKey) -> None:
        self._cipher = FF1(derive("bits"), 2)

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        found = [(i, text) for i, text in enumerate(texts) if _written_alike(text) and _UUID.fullmatch(text.lower())]
        ciphers = self._cipher.encrypt_numbers([_packed(text) for _, text in found], _BITS)
        tokens: list[str | None] = [None] * len(texts)
        for (i, text), cipher in zip(found, ciphers, strict=True):
            high, low = cipher >> 61, cipher & ((1 << 61) - 1)
            tokens[i] = _spelt(high << 64 | 0b111 << 61 | low, text)
        return tokens

    def decode(self, token: str) -> str | None:
        number = int(token.replace("-", ""), 16)
        if number >> 61 & 0b111 != 0b111 or not _written_alike(token):
            return None
        value = self._cipher.decrypt_number(number >> 64 << 61 | number & ((1 << 61) - 1), _BITS)
        version, rest = (value >> 122) + 1, value & ((1 << 122) - 1)
        time, low = rest >> 62, rest & _LOW
        return _spelt((time >> 12) << 80 | version << 76 | (time & 0xFFF) << 64 | 0b10 << 62 | low, token)


def _packed(text: str) -> int:
    """The version less one, and the 122 bits that are neither version nor variant."""
    number = int(text.replace("-", ""), 16)
    version = (number >> 76) & 0xF
    time = (number >> 80) << 12 | (number >> 64) & 0xFFF
    return (version - 1) << 122 | time << 62 | number & _LOW


def _spelt(number: int, like: str) -> str:
    text = f"{number:032x}"
    if "-" in like:
        text = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return text if like == like.lower() else text.upper()


def _written_alike(text: str) -> bool:
    """All letters of one case, so that the case can come back."""
    return text in (text.lower(), text.upper())
