"""What a detector found, and which finding wins where two overlap."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import pairwise
from typing import Final, NamedTuple

from ..classes import CLASS_OF_TYPE, EntityType


class Span(NamedTuple):
    """A value found in a text. Offsets are code points, ``end`` is exclusive, ``score`` is in 0..1.

    A tuple and not a dataclass: a detector makes thousands of them, and a tuple costs a third.
    """

    start: int
    end: int
    type: str
    score: float
    class_name: str


# Where two findings overlap, the more specific type wins, then the surer one, then the longer one.
_RANK: Final[dict[str, int]] = {
    EntityType.SECRET: 9,
    EntityType.EMAIL: 8,
    EntityType.IBAN: 7,
    EntityType.CRYPTO: 7,
    EntityType.MAC_ADDRESS: 7,
    EntityType.URL: 6,
    EntityType.IP_ADDRESS: 6,
    EntityType.CREDIT_CARD: 6,
    EntityType.US_SSN: 6,
    EntityType.PASSPORT: 6,
    EntityType.MEDICAL_RECORD: 6,
    EntityType.NATIONAL_ID: 5,
    EntityType.DATE_OF_BIRTH: 5,
    EntityType.PHONE: 4,
    EntityType.LOCATION: 2,
    EntityType.PERSON: 1,
}
# What is left of these when a stronger finding cuts into them is still worth masking.
_DIVISIBLE: Final = frozenset({EntityType.LOCATION, EntityType.PERSON, EntityType.URL})
_WORTH: Final = 3  # code points


def span(start: int, end: int, kind: str, score: float) -> Span:
    """A span with the class its type belongs to."""
    return Span(start, end, kind, score, CLASS_OF_TYPE[kind])


def strength(found: Span) -> tuple[int, float, int]:
    """What decides between two overlapping findings."""
    return _RANK[found.type], found.score, found.end - found.start


def resolve(found: Iterable[Span]) -> list[Span]:
    """Spans in text order without any overlap: one sort, one sweep.

    The weaker of two overlapping spans goes. A weaker name, place or URL keeps what sticks out on either side.
    """
    waiting = sorted(found)  # a sorted list is a heap
    if all(a[1] <= b[0] for a, b in pairwise(waiting)):
        return waiting
    kept: list[Span] = []
    while waiting:
        candidate = heapq.heappop(waiting)
        if not kept or candidate.start >= kept[-1].end:
            kept.append(candidate)
            continue
        last = kept[-1]
        if strength(candidate) <= strength(last):
            _push_rest(waiting, candidate, last.end)
            continue
        kept.pop()
        if last.type in _DIVISIBLE and candidate.start - last.start >= _WORTH:
            kept.append(last._replace(end=candidate.start))
        _push_rest(waiting, last, candidate.end)
        kept.append(candidate)
    return kept


def _push_rest(waiting: list[Span], found: Span, start: int) -> None:
    if found.type in _DIVISIBLE and found.end - start >= _WORTH:
        heapq.heappush(waiting, found._replace(start=start))
