"""Random names. ULIDs (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits, 26 characters of base32.

They sort by time as strings, and two processes that share a folder never make the same one.
"""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = [a + b for a in _ALPHABET for b in _ALPHABET]
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_SALTS: Final = 256
_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def new_id() -> str:
    """A fresh ULID: for sessions, calls and logs."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(secrets.token_bytes(10))
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


class Salts:
    """128 random bits at a time, drawn by the page: a call of the kernel for each costs more than a line's hash.

    Not thread-safe, and not to be used on both sides of a fork.
    """

    def __init__(self) -> None:
        self._left: list[str] = []

    def take(self) -> str:
        """32 hex digits."""
        if not self._left:
            page = secrets.token_hex(16 * _SALTS)
            self._left = [page[start : start + 32] for start in range(0, 32 * _SALTS, 32)]
        return self._left.pop()


def is_id(text: str) -> bool:
    """Whether ``text`` is a ULID in its upper-case form."""
    return _ULID.fullmatch(text) is not None


def id_day(ulid: str) -> str:
    """The UTC day a ULID was made on, as ``YYYY-MM-DD``. Raises ValueError for anything but a ULID."""
    if not is_id(ulid):
        raise ValueError("not a ULID")
    millis = 0
    for letter in ulid[:10]:
        millis = millis << 5 | _VALUES[letter]
    try:
        return datetime.fromtimestamp(millis / 1000, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        raise ValueError("not a ULID of a day in the calendar") from None
