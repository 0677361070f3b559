"""What an answer holds at most, and taking no more than that from a database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ...tool import Limits

_ROWS: Final = 1000
_SECONDS: Final = 10.0
_BYTES: Final = 1_000_000
USUAL_LIMITS: Final = Limits(_ROWS, _SECONDS, _BYTES)


@dataclass(frozen=True, slots=True)
class Caps:
    """The limits of a statement, none of them missing."""

    rows: int
    seconds: float
    bytes: int


def caps_of(limits: Limits) -> Caps:
    """The limits of a call, and the usual ones where it has none."""
    return Caps(
        rows=_ROWS if limits.rows is None else limits.rows,
        seconds=limits.seconds or _SECONDS,
        bytes=_BYTES if limits.bytes is None else limits.bytes,
    )


def within(rows: Iterable[tuple[object, ...]], most: int, size: int) -> tuple[list[tuple[object, ...]], bool]:
    """The first rows, ``most`` of them and about ``size`` bytes; and whether there were more."""
    kept: list[tuple[object, ...]] = []
    used = 0
    for row in rows:
        used += sum(len(cell) if isinstance(cell, str | bytes) else 8 for cell in row)
        if len(kept) >= most or used > size:
            return kept, True
        kept.append(row)
    return kept, False
