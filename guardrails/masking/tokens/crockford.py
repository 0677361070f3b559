"""Base 32 in Douglas Crockford's alphabet: no i, l, o or u, so that what people and models mistype can be read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
SYMBOL: Final = "[0-9a-hjkmnp-tv-z]"  # one symbol as tokens are written
LOOSE_SYMBOL: Final = "[0-9a-tv-zA-TV-Z]"  # one symbol as it may come back: any case, o for 0, i and l for 1

_PAIRS: Final = tuple(a + b for a in ALPHABET for b in ALPHABET)
_TO_PYTHON: Final = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_FOLD: Final = str.maketrans("oil", "011")


def fold(text: str) -> str:
    """What was meant: lower case, with o read as 0 and i and l read as 1."""
    return text.lower().translate(_FOLD)


def symbols(number: int, count: int) -> str:
    """A number below ``32 ** count`` as that many symbols."""
    if count & 1:
        return symbols(number >> 5, count - 1) + ALPHABET[number & 31]
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(5 * count - 10, -1, -10)])


def words(numbers: Sequence[int]) -> Words:
    """Numbers below 2^64 as a column for `symbol_rows`."""
    import numpy as np

    return np.array(numbers, np.uint64)


def symbol_rows(parts: Sequence[tuple[Words, int]]) -> list[str]:
    """`symbols` for columns: each row is the concatenation of its parts, given as arrays of words and their counts."""
    import numpy as np

    width = sum(count for _, count in parts)
    rows = np.empty((len(parts[0][0]), width), np.uint8)
    at = 0
    for column, count in parts:
        shifts = np.arange(5 * count - 5, -1, -5, dtype=np.uint64)
        rows[:, at : at + count] = (column[:, None] >> shifts) & np.uint64(31)
        at += count
    text = np.frombuffer(ALPHABET.encode(), np.uint8)[rows].tobytes().decode("ascii")
    return [text[start : start + width] for start in range(0, len(text), width)]


def number(text: str) -> int:
    """The number that symbols spell. Raises ValueError for anything but symbols, as they are written."""
    if not is_symbols(text):
        raise ValueError("not base 32")
    return int(text.translate(_TO_PYTHON), 32)


def is_symbols(text: Iterable[str]) -> bool:
    return bool(text) and _SET.issuperset(text)


_SET: Final = frozenset(ALPHABET)
