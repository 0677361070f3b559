"""Short texts as base 32 symbols that authenticate themselves: encode, then encipher (Bellare and Rogaway, 2000).

A text is packed into a number whose leading 20 bits or more are zero, and the number is enciphered with FF1 in
radix 32. Under any other key it deciphers to a number that starts with so many zeros, and is well packed, with a
chance below 2^-20. Lengths come in steps, so that a token tells the length of its value only roughly.
"""

from __future__ import annotations

import binascii
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from .crockford import is_symbols, number, symbol_rows, symbols
from .ff1 import FF1

SIZES: Final = (8, 12, 16, 20, 24, 28, 32, 36, 44, 52, 64, 80, 96, 128)
REDUNDANT_BITS: Final = 20

_FEW: Final = 4  # below, the vectorised form does not pay
_VECTOR_SIZE: Final = 24  # up to here, both halves fit a word
_WORD_SIZE: Final = 12  # up to here, the whole does
_SIZE_BY_BITS: Final = tuple(
    next(size for size in SIZES if 5 * size >= bits + REDUNDANT_BITS)
    for bits in range(5 * SIZES[-1] - REDUNDANT_BITS + 1)
)
_STRANGE: Final = b"!"  # what stands for characters an alphabet does not have


def _alphabet(last: bytes) -> bytes:
    """A table from letters, digits and two more characters to base 64."""
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return bytes(c if c in plain else b"+/"[last.index(c)] if c in last else _STRANGE[0] for c in range(256))


# The packings, by their two bits: decimal digits, two alphabets of 64 characters, bytes.
_DIGITS, _WORDS, _HOSTS, _BYTES = range(4)
_TO_BASE64: Final = ((_WORDS, _alphabet(b"._")), (_HOSTS, _alphabet(b".-")))
_FILL: Final = (b"", b"A", b"AA", b"AAA")
_FROM_BASE64: Final = {_WORDS: str.maketrans("+/", "._"), _HOSTS: str.maketrans("+/", ".-")}


class Sealer:
    """Seals and opens texts under one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = FF1(key, 32)

    def seal(self, texts: Sequence[str], tweaks: Sequence[int] | None = None) -> list[str | None]:
        """Each text as symbols, None where it is too long. ``tweaks`` are words; a text opens only under its own."""
        sealed: list[str | None] = [None] * len(texts)
        packed = list(map(_packed, texts))
        by_size = defaultdict[int | None, list[int]](list)
        for i, size in enumerate(map(_size, packed)):
            by_size[size].append(i)
        for size, which in by_size.items():
            if size is not None:
                own = [0] * len(which) if tweaks is None else [tweaks[i] for i in which]
                for i, token in zip(which, self._enciphered([packed[i] for i in which], size, own), strict=True):
                    sealed[i] = token
        return sealed

    def _enciphered(self, numbers: Sequence[int], size: int, tweaks: Sequence[int]) -> Sequence[str]:
        if len(numbers) < _FEW or size > _VECTOR_SIZE:
            return [symbols(cipher, size) for cipher in self._cipher.encrypt_numbers(numbers, size, tweaks)]
        import numpy as np

        left, right = size // 2, size - size // 2
        mask = (1 << 5 * right) - 1
        if size <= _WORD_SIZE:
            words = np.array(numbers, np.uint64)
            a, b = words >> np.uint64(5 * right), words & np.uint64(mask)
        else:
            a = np.array([number >> 5 * right for number in numbers], np.uint64)
            b = np.array([number & mask for number in numbers], np.uint64)
        a, b = self._cipher.encrypt_halves(a, b, size, np.array(tweaks, np.uint64))
        return symbol_rows(((a, left), (b, right)))

    def open(self, text: str, tweak: int = 0) -> str | None:
        """The text that was sealed; None when these symbols are not the seal of any."""
        if len(text) not in SIZES or not is_symbols(text):
            return None
        packed = self._cipher.decrypt_number(number(text), len(text), tweak.to_bytes(8, "big"))
        if _size(packed) != len(text):
            return None
        return _unpacked(packed)


def _size(packed: int) -> int | None:
    bits = packed.bit_length()
    return _SIZE_BY_BITS[bits] if bits < len(_SIZE_BY_BITS) else None


def _packed(text: str) -> int:
    """A leading one bit (or digit) marks where the text begins; the lowest two bits name the packing."""
    data = text.encode("utf-8", "surrogatepass")
    if data.isdigit():
        return int(b"1" + data) << 2 | _DIGITS if len(data) < 200 else 1 << 1000
    for packing, alphabet in _TO_BASE64:
        spelt = data.translate(alphabet)
        if _STRANGE not in spelt:
            fill = -len(data) & 3
            number = int.from_bytes(binascii.a2b_base64(spelt + _FILL[fill]), "big") >> 6 * fill
            return (1 << 6 * len(data) | number) << 2 | packing
    return (1 << 8 * len(data) | int.from_bytes(data, "big")) << 2 | _BYTES


def _unpacked(packed: int) -> str | None:
    text = _text_of(packed >> 2, packed & 3)
    return text if text is not None and _packed(text) == packed else None


def _text_of(marked: int, packing: int) -> str | None:
    if marked == 0:
        return None
    if packing == _DIGITS:
        spelt = str(marked)
        return spelt[1:] if spelt[0] == "1" else None
    bits = marked.bit_length() - 1
    data = marked - (1 << bits)
    if packing == _BYTES:
        if bits % 8:
            return None
        try:
            return data.to_bytes(bits // 8, "big").decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return None
    if bits % 6:
        return None
    length = bits // 6
    fill = -length % 4
    spelt = binascii.b2a_base64((data << 6 * fill).to_bytes((length + fill) * 3 // 4, "big"), newline=False).decode()
    return spelt[:length].translate(_FROM_BASE64[packing])
