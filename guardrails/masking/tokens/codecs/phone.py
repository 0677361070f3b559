"""Telephone numbers: ``+999`` in front, the country code kept, all further digits enciphered in place.

E.164 has never assigned country code 999, so no number can be mistaken for a token. A number written without a country
code gets a 0 in its place, which no country code starts with: ``(212) 555-0187`` becomes ``+9990 (847) 019-3365``.
Separators stay, and come back. The digits hold no redundancy: a token counts only for those it was shown to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..ff1 import FF1
from ..permutation import Permutation
from .codec import DeriveKey
from .layout import Layout, digits_of, filled

PATTERN: Final = r"\+999[0-9][0-9 ().\-/]{3,40}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?(?<=[0-9])"
LOOSE: Final = PATTERN
_NUMBER: Final = re.compile(r"(?:\+[1-9]|[0-9(])[0-9 ().\-/]{3,40}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?(?<=[0-9])")
_SHORTEST, _LONGEST = 4, 24  # enciphered digits
_TWO_DIGIT_CODES: Final = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 "
    "81 82 84 86 90 91 92 93 94 95 98".split()
)  # E.164; 1 and 7 have one digit, all others three


class PhoneCodec:
    def __init__(self, derive: DeriveKey) -> None:
        self._cipher = FF1(derive("digits"), 10)
        self._small = {n: Permutation(derive(f"{n} digits"), 10**n) for n in (4, 5)}

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        tokens: list[str | None] = [None] * len(texts)
        split = [(i, parts) for i, text in enumerate(texts) if (parts := _split(text)) is not None]
        by_length: dict[int, list[tuple[int, str, str, str]]] = {}
        for (i, (code, rest)), digits in zip(split, digits_of([rest for _, (_, rest) in split]), strict=False):
            by_length.setdefault(len(digits), []).append((i, code, rest, digits))
        for length, entries in by_length.items():
            if _SHORTEST <= length <= _LONGEST:
                ciphers = self._encipher([int(digits) for *_, digits in entries], length)
                spelt = filled([rest for _, _, rest, _ in entries], [f"{cipher:0{length}d}" for cipher in ciphers])
                for (i, code, _, _), rest in zip(entries, spelt, strict=True):
                    tokens[i] = f"+999{code}{rest}"
        return tokens

    def decode(self, token: str) -> str | None:
        rest = token.removeprefix("+999")
        code, plus = ("", "") if rest.startswith("0 ") else (country_code(rest), "+")
        layout = Layout.of(rest[2:] if not plus else rest[len(code) :])
        length = len(layout.digits)
        if not _SHORTEST <= length <= _LONGEST:
            return None
        cipher = int(layout.digits)
        number = self._small[length].backward(cipher) if length < 6 else self._cipher.decrypt_number(cipher, length)
        text = plus + code + layout.filled(f"{number:0{length}d}")
        return text if _split(text) is not None else None  # the digits are as many as there were

    def _encipher(self, numbers: Sequence[int], length: int) -> list[int]:
        if length < 6:
            return [self._small[length].forward(number) for number in numbers]
        return self._cipher.encrypt_numbers(numbers, length)


def country_code(digits: str) -> str:
    """The country code a number starts with (ITU-T E.164): a prefix code of one to three digits."""
    if digits[:1] in ("1", "7"):
        return digits[:1]
    return digits[:2] if digits[:2] in _TWO_DIGIT_CODES else digits[:3]


def _split(text: str) -> tuple[str, str] | None:
    """What stands after ``+999`` as it is, and the rest, whose digits are enciphered."""
    if _NUMBER.fullmatch(text) is None or text.startswith("+999"):
        return None
    if text[0] != "+":
        return "0 ", text
    code = country_code(text[1:4])
    return (code, text[1 + len(code) :]) if code.isdigit() else None  # else a separator is inside the code
