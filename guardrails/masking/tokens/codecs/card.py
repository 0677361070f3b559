"""Payment cards: first digit kept, all others enciphered, and a check digit that is wrong on purpose.

A real number of 13 to 19 digits passes Luhn (ISO/IEC 7812-1, annex B); a token never does, so nothing that checks takes
it for a card. How far the check digit is off, 1 to 9, is keyed: one in nine of all tokens would pass under another key,
therefore a token counts only for those it was shown to. The real check digit is not kept, it follows from the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from ..ff1 import FF1
from .codec import DeriveKey
from .layout import Layout

PATTERN: Final = r"[0-9](?:[ \-]?[0-9]){12,18}"
LOOSE: Final = PATTERN
_CARD: Final = re.compile(PATTERN)
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")  # twice the digit, the digits of that added up


class CardCodec:
    def __init__(self, derive: DeriveKey) -> None:
        self._cipher = FF1(derive("digits"), 10)
        self._check = derive("check digit")

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        tokens: list[str | None] = [None] * len(texts)
        by_length: dict[int, list[tuple[int, Layout]]] = {}
        for i, text in enumerate(texts):
            if text.isascii() and _CARD.fullmatch(text):
                layout = Layout.of(text)
                if check_digit(layout.digits[:-1]) == int(layout.digits[-1]):
                    by_length.setdefault(len(layout.digits), []).append((i, layout))
        for length, entries in by_length.items():
            middles = [int(layout.digits[1:-1]) for _, layout in entries]
            tweaks = [int(layout.digits[0]) for _, layout in entries]
            for (i, layout), cipher in zip(
                entries, self._cipher.encrypt_numbers(middles, length - 2, tweaks), strict=True
            ):
                body = f"{layout.digits[0]}{cipher:0{length - 2}d}"
                tokens[i] = layout.filled(f"{body}{self._wrong_digit(body)}")
        return tokens

    def decode(self, token: str) -> str | None:
        layout = Layout.of(token)
        body, last = layout.digits[:-1], layout.digits[-1]
        if int(last) != self._wrong_digit(body):
            return None
        tweak = int(body[0]).to_bytes(8, "big")
        middle = self._cipher.decrypt_number(int(body[1:]), len(body) - 1, tweak)
        real = f"{body[0]}{middle:0{len(body) - 1}d}"
        return layout.filled(f"{real}{check_digit(real)}")

    def _wrong_digit(self, body: str) -> int:
        digest = hashlib.blake2b(body.encode(), key=self._check, digest_size=8).digest()
        return (check_digit(body) + 1 + int.from_bytes(digest, "big") % 9) % 10


def check_digit(digits: str) -> int:
    """The Luhn digit that belongs behind these digits."""
    doubled, single = digits[::-2].translate(_DOUBLED), digits[-2::-2]
    return -(sum(doubled.encode()) + sum(single.encode()) - 48 * len(digits)) % 10
