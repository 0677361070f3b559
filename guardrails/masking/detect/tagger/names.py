"""Names and places in a buffer, by the tagger; what a text shows once to be a name is one in the rest of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from ...classes import EntityType
from ..scan import Scan, run_before
from ..spans import Span, span
from .pieces import FREE, SURE, best_tagger

_PIECE: Final = 1 << 14  # characters tagged at once: what the processor's cache holds
_SEPARATOR: Final = "\x00\x00"
_TYPES: Final = (EntityType.PERSON, EntityType.LOCATION, None)  # organisations are known, to tell them from people
_AGAIN: Final = 0.7  # the score of a name that only its other mentions give away


def recognise(scan: Scan) -> None:
    """Report every name and place of the buffer. Raises what `model.load` raises."""
    tag = best_tagger()
    text, buffer = scan.text, scan.buffer
    many = len(buffer.starts) > 1
    known: set[tuple[int, int]] = set()
    free: list[tuple[tuple[int, int], int, int]] = []
    for start, end in _pieces(text, buffer.starts):
        tagged = tag(text if end - start == len(text) else text[start:end])
        for first, last, kind, margin in tagged.mentions:
            if (entity := _TYPES[kind]) is not None and not _identifier(text, start + first, start + last):
                scan.add(start + first, start + last, entity, 1 / (1 + math.exp(-margin)))
        for word, first, last, held in tagged.words:
            if held == SURE:  # a name is known in its own text only
                known.add((word, buffer.index(start + first) if many else 0))
            elif held == FREE:
                free.append(((word, buffer.index(start + first) if many else 0), start + first, start + last))
    if known:
        for word, first, last in free:
            if word in known:
                scan.add(first, last, EntityType.PERSON, _AGAIN)
    _join_addresses(scan)


def _pieces(text: str, starts: list[int]) -> Iterator[tuple[int, int]]:
    """The buffer in pieces that end between texts, in long texts at a line break, or at a space, or anywhere."""
    at, total = 0, len(text)
    while total - at > _PIECE:
        limit = at + _PIECE
        cut = text.rfind(_SEPARATOR, at, limit) if len(starts) > 1 else -1
        if cut > at:
            yield at, cut
            at = cut + len(_SEPARATOR)
            continue
        for mark in ("\n\n", "\n", " "):
            if (cut := text.rfind(mark, at + _PIECE // 2, limit)) > 0:
                break
        else:
            cut = limit
        yield at, cut
        at = cut
    if at < total:
        yield at, total


_RUN: Final = re.compile(r"[\w-]{9,}")
_LEFT: Final = re.compile(r"[\w-]*")
_MIXED: Final = re.compile(r"(?:[0-9]+[A-Za-z]+){3}|(?:[0-9]+-?[A-Za-z]+-?){4}|[A-Za-z_-]*[0-9]{7}")


def _identifier(text: str, start: int, end: int) -> bool:
    """Whether a mention is or holds part of a hash, a UUID, a serial number: digits and letters through one another."""
    if not any(c.isdigit() for c in text[start:end]):
        return False
    runs = _RUN.finditer(text, run_before(text, start, 40, _LEFT), end + 24)
    return any(run.start() < end and _MIXED.search(run[0]) for run in runs)


_BETWEEN: Final = re.compile(r"[\s,;]{0,10}(?:[>|]{1,2} {0,2})?")


def _join_addresses(scan: Scan) -> None:
    """Street, code, town and country that stand beside each other are one address; two mere places are two."""
    places = [s for s in scan.found if s.type == EntityType.LOCATION]
    if len(places) < 2:
        return
    places.sort()
    text = scan.text
    joined: list[Span] = [places[0]]
    for place in places[1:]:
        last = joined[-1]
        apart = place.start > last.end
        if apart and (
            _BETWEEN.fullmatch(text, last.end, place.start) is None
            or not (_numbered(text, last) or _numbered(text, place))
        ):
            joined.append(place)
        else:
            joined[-1] = span(last.start, max(last.end, place.end), EntityType.LOCATION, max(last.score, place.score))
    scan.found[:] = [s for s in scan.found if s.type != EntityType.LOCATION]
    scan.found += joined


def _numbered(text: str, place: Span) -> bool:
    return any(c.isdigit() for c in text[place.start : place.end])
