"""Whole numbers: ids stay whole numbers, and become negative ones.

0 to 2^31 - 1 goes one to one onto -2^31 to -1, so that a token fits the int4 column its value came from. Larger ids
up to 2^53 go one to one onto what lies below that down to -2^53, so that no JSON client loses a digit. A token
holds no redundancy: it counts only for those it was shown to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..ff1 import FF1
from .codec import DeriveKey

PATTERN: Final = r"-[1-9][0-9]{0,15}"
Step = Callable[[int, int], int]
_SMALL_BITS, _LARGE_BITS = 31, 53
_SMALL, _LARGE = 1 << _SMALL_BITS, 1 << _LARGE_BITS


class IntegerCodec:
    """Works on decimal texts, as all codecs do; `encode_numbers` and `decode_number` on the numbers themselves."""

    def __init__(self, derive: DeriveKey) -> None:
        self._small = FF1(derive("31 bits"), 2)
        self._large = FF1(derive("53 bits"), 2)

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        return [None if n is None else str(n) for n in self.encode_numbers([int(text) for text in texts])]

    def decode(self, token: str) -> str | None:
        number = self.decode_number(int(token))
        return None if number is None else str(number)

    def encode_numbers(self, numbers: Sequence[int]) -> list[int | None]:
        """A token per number; None for numbers below 0 and from 2^53 on."""
        small = [n for n in numbers if 0 <= n < _SMALL]
        ciphers = iter(self._small.encrypt_numbers(small, _SMALL_BITS))
        tokens: list[int | None] = []
        for n in numbers:
            if 0 <= n < _SMALL:
                tokens.append(-1 - next(ciphers))
            elif _SMALL <= n < _LARGE:
                tokens.append(-1 - self._walk(self._large.encrypt_number, n))
            else:
                tokens.append(None)
        return tokens

    def decode_number(self, token: int) -> int | None:
        cipher = -1 - token
        if 0 <= cipher < _SMALL:
            return self._small.decrypt_number(cipher, _SMALL_BITS)
        if _SMALL <= cipher < _LARGE:
            return self._walk(self._large.decrypt_number, cipher)
        return None

    def _walk(self, step: Step, number: int) -> int:
        """Cycle walking: the numbers below 2^31 are not in this domain. One step in four million needs another."""
        number = step(number, _LARGE_BITS)
        while number < _SMALL:
            number = step(number, _LARGE_BITS)
        return number
