"""Texts that were looked at lately, so that columns which repeat their values cost little.

No text is kept: what stands for it are 128 bits, SipHash under a key of this process, twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

_SALT: Final = secrets.token_hex(8)
MOST: Final = 50_000
_SECONDS: Final = 60.0

KeyedHash: TypeAlias = int


def keyed_hashes(texts: Sequence[str], names: Sequence[str | None] | None = None) -> list[KeyedHash]:
    """128 bits that stand for each text within this process; with ``names``, for the text under its name."""
    first = map(hash, texts if names is None else zip(names, texts, strict=True))
    second = map(hash, map(_SALT.__add__, texts))
    return [a << 64 ^ b for a, b in zip(first, second, strict=True)]  # not pairs: those the collector would walk


class Remembered:
    """A set of hashes that starts anew when it is full, or a minute old. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._clear()

    def known(self) -> set[KeyedHash]:
        """The hashes kept now, to be asked."""
        if self._clock() >= self._until or len(self._hashes) > MOST:
            self._clear()
        return self._hashes

    def add(self, hashes: Iterable[KeyedHash]) -> None:
        self._hashes.update(hashes)

    def _clear(self) -> None:
        self._hashes: set[KeyedHash] = set()
        self._until = self._clock() + _SECONDS
