"""US social security numbers: ``T7K-3Q-9XM2``. The letter T marks the token, eight base 32 symbols hold 30 bits of
value and 10 bits of redundancy; separators and length stay as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..crockford import LOOSE_SYMBOL, SYMBOL, number, symbol_rows, words
from ..ff1 import FF1
from .codec import DeriveKey

_UPPER: Final = SYMBOL.replace("a-hjkmnp-tv-z", "A-HJKMNP-TV-Z")
PATTERN: Final = rf"T{_UPPER}{{2}}([\- ]?){_UPPER}{{2}}\1{_UPPER}{{4}}"
LOOSE: Final = rf"[Tt]{LOOSE_SYMBOL}{{2}}[\- ]?{LOOSE_SYMBOL}{{2}}[\- ]?{LOOSE_SYMBOL}{{4}}"
SIEVE: Final = r"t(?<![0-9a-z_]t)[0-9a-tv-z]{2}[\- ]?[0-9a-tv-z]{2}[\- ]?[0-9a-tv-z]{4}(?![0-9a-z_@])"
_SSN: Final = re.compile(r"([0-9]{3})([\- ]?)([0-9]{2})\2([0-9]{4})")
_TOKEN: Final = re.compile(PATTERN)
_SYMBOLS: Final = 8


class SsnCodec:
    def __init__(self, derive: DeriveKey) -> None:
        self._cipher = FF1(derive("number"), 32)

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        found = [(i, match) for i, text in enumerate(texts) if (match := _SSN.fullmatch(text)) and text.isascii()]
        tokens: list[str | None] = [None] * len(texts)
        if not found:
            return tokens
        ciphers = self._cipher.encrypt_numbers([int(m[1] + m[3] + m[4]) for _, m in found], _SYMBOLS)
        for (i, match), row in zip(found, symbol_rows(((words(ciphers), _SYMBOLS),)), strict=True):
            spelt, separator = row.upper(), match[2]
            tokens[i] = f"T{spelt[:2]}{separator}{spelt[2:4]}{separator}{spelt[4:]}"
        return tokens

    def decode(self, token: str) -> str | None:
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        separator = match[1]
        spelt = token[1:].replace(separator, "").lower() if separator else token[1:].lower()
        value = self._cipher.decrypt_number(number(spelt), _SYMBOLS)
        if value >= 10**9:
            return None
        digits = f"{value:09d}"
        return f"{digits[:3]}{separator}{digits[3:5]}{separator}{digits[5:]}"
