"""Payment cards: first digit kept, all others enciphered, and a check digit that is wrong on purpose.

A real number of 13 to 19 digits passes Luhn (ISO/IEC 7812-1, annex B); a token never does, so nothing that checks takes
it for a card. How far the check digit is off, 1 to 9, is keyed: one in nine of all tokens would pass under another key,
therefore a token counts only for those it was shown to. The real check digit is not kept, it follows from the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..ff1 import FF1
from .codec import DeriveKey
from .layout import Layout

PATTERN: Final = r"[0-9](?:[ \-]?[0-9]){12,18}"
LOOSE: Final = PATTERN
SIEVE: Final = r"[0-9][0-9 \-]{12,}"
_CARD: Final = re.compile(PATTERN)
# A digit's character to twice the digit, the digits of that added up.
_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


class CardCodec:
    def __init__(self, derive: DeriveKey) -> None:
        self._cipher = FF1(derive("digits"), 10)
        self._offsets = FF1(derive("check digit"), 10)  # only its block cipher is used

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        tokens: list[str | None] = [None] * len(texts)
        by_length: dict[int, list[tuple[int, Layout]]] = {}
        for i, text in enumerate(texts):
            if (layout := _layout(text)) is not None:
                by_length.setdefault(len(layout.digits), []).append((i, layout))
        for entries in by_length.values():
            made = self._made([layout.digits for _, layout in entries])
            for (i, layout), digits in zip(entries, made, strict=True):
                tokens[i] = layout.filled(digits)
        return tokens

    def decode(self, token: str) -> str | None:
        layout = Layout.of(token)
        body, last = layout.digits[:-1], layout.digits[-1]
        if int(last) != (check_digit(body) + self._offsets_of([int(body)], len(body))[0]) % 10:
            return None
        tweak = int(body[0]).to_bytes(8, "big")
        middle = self._cipher.decrypt_number(int(body[1:]), len(body) - 1, tweak)
        real = f"{body[0]}{middle:0{len(body) - 1}d}"
        return layout.filled(f"{real}{check_digit(real)}")

    def _made(self, numbers: Sequence[str]) -> list[str]:
        """The tokens of plain numbers of one length, all at once: no number of 19 digits is too large for a word."""
        import numpy as np

        length = len(numbers[0])
        first = [int(digits[0]) for digits in numbers]
        middles = [int(digits[1:-1]) for digits in numbers]
        ciphers = self._cipher.encrypt_numbers(middles, length - 2, first)
        bodies = np.array(first, np.uint64) * np.uint64(10 ** (length - 2)) + np.array(ciphers, np.uint64)
        powers = np.array([10**n for n in range(length - 1)], np.uint64)
        digits = bodies[:, None] // powers % np.uint64(10)  # from the last to the first
        doubled = digits[:, ::2] * np.uint64(2)
        sums = digits[:, 1::2].sum(1) + (doubled - np.uint64(9) * (doubled > np.uint64(9))).sum(1)
        wrong = (np.array(self._offsets_of(bodies.tolist(), length - 1), np.uint64) + np.uint64(9) * sums) % np.uint64(
            10
        )
        return [f"{number:0{length}d}" for number in (bodies * np.uint64(10) + wrong).tolist()]

    def _offsets_of(self, bodies: Sequence[int], length: int) -> list[int]:
        """How far off the check digits behind these digits are, 1 to 9: one AES block each."""
        done = self._offsets.ecb(b"".join([(length << 64 | body).to_bytes(16, "big") for body in bodies]))
        return [int.from_bytes(done[at : at + 8], "big") % 9 + 1 for at in range(0, len(done), 16)]


def _layout(text: str) -> Layout | None:
    """The digits of a card number that passes Luhn, and what is around them."""
    if not text.isascii() or not (_CARD.fullmatch(text) if not text.isdigit() else 13 <= len(text) <= 19):
        return None
    layout = Layout.of(text)
    return layout if passes(layout.digits) else None


def check_digit(digits: str) -> int:
    """The Luhn digit that belongs behind these digits."""
    raw = digits.encode()
    single = raw[-2::-2]
    return (48 * len(single) - sum(raw[::-2].translate(_DOUBLED)) - sum(single)) % 10


def passes(digits: str) -> bool:
    """Whether the last digit is the Luhn digit of the others."""
    raw = digits.encode()
    single = raw[-1::-2]
    return (sum(raw[-2::-2].translate(_DOUBLED)) + sum(single) - 48 * len(single)) % 10 == 0
