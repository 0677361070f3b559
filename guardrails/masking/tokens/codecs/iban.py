"""IBANs: country kept, check digits 00, and the account part enciphered digit for digit and letter for letter.

ISO 13616 check digits are 02 to 98, so none of the tokens is an IBAN. The real check digits are not kept, they follow
from the rest (ISO 7064, mod 97-10). A token holds no redundancy: it counts only for those it was shown to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..ff1 import FF1
from .codec import DeriveKey

PATTERN: Final = r"[A-Z]{2}00(?: ?[A-Z0-9]){11,30}"
TAIL: Final = r"00(?<=[a-z]{2}00)(?: ?[a-z0-9]){11,30}"
LOOSE: Final = r"[A-Za-z]{2}00(?: ?[A-Za-z0-9]){11,30}"
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}")
_SMALLEST: Final = 1_000_000


class IbanCodec:
    def __init__(self, derive: DeriveKey) -> None:
        self._digits = FF1(derive("digits"), 10)
        self._mixed = FF1(derive("mixed"), 2)

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        tokens: list[str | None] = [None] * len(texts)
        digits_only: dict[int, list[tuple[int, str]]] = {}
        for i, text in enumerate(texts):
            plain = text.replace(" ", "")
            if not _IBAN.fullmatch(text) or plain[2:4] != check_digits(plain[:2], plain[4:]):
                continue
            if plain[4:].isdigit():
                digits_only.setdefault(len(plain) - 4, []).append((i, text))
            else:
                tokens[i] = self._shuffled(text, decrypt=False, check="00")
        for length, entries in digits_only.items():
            numbers = [int(text.replace(" ", "")[4:]) for _, text in entries]
            for (i, text), cipher in zip(entries, self._digits.encrypt_numbers(numbers, length), strict=True):
                tokens[i] = _laid_out(text, f"{text[:2]}00{cipher:0{length}d}")
        return tokens

    def decode(self, token: str) -> str | None:
        account = token.replace(" ", "")[4:]
        if not account.isdigit():
            return self._shuffled(token, decrypt=True, check=None)
        number = self._digits.decrypt_number(int(account), len(account))
        real = f"{number:0{len(account)}d}"
        return _laid_out(token, token[:2] + check_digits(token[:2], real) + real)

    def _shuffled(self, text: str, *, decrypt: bool, check: str | None) -> str | None:
        """An account of letters and digits as one number in mixed radix; walks until it is in the domain again."""
        plain = text.replace(" ", "")
        account = plain[4:]
        size, rank = 1, 0
        for c in account:
            base, value = (10, ord(c) - 48) if c.isdigit() else (26, ord(c) - 65)
            size, rank = size * base, rank * base + value
        if size < _SMALLEST:
            return None
        bits = (size - 1).bit_length()
        step = self._mixed.decrypt_number if decrypt else self._mixed.encrypt_number
        rank = step(rank, bits)
        while rank >= size:
            rank = step(rank, bits)
        spelt: list[str] = []
        for c in reversed(account):
            rank, value = divmod(rank, 10 if c.isdigit() else 26)
            spelt.append(chr(48 + value) if c.isdigit() else chr(65 + value))
        fresh = "".join(reversed(spelt))
        return _laid_out(text, plain[:2] + (check or check_digits(plain[:2], fresh)) + fresh)


def check_digits(country: str, account: str) -> str:
    """The two check digits that belong to an account (ISO 7064, mod 97-10)."""
    spelt = "".join(c if c.isdigit() else str(ord(c) - 55) for c in f"{account}{country}00")
    return f"{98 - int(spelt) % 97:02d}"


def _laid_out(pattern: str, plain: str) -> str:
    """``plain`` with the spaces of ``pattern``."""
    if " " not in pattern:
        return plain
    fresh = iter(plain)
    return "".join(" " if c == " " else next(fresh) for c in pattern)
