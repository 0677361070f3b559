"""Names and places in a buffer, by the tagger; what a text shows once to be a name is one in the rest of it."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from ...classes import EntityType
from ..buffer import HIDDEN
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
    formed = len(scan.found)  # what was found by form needs no second look
    firm = sorted(s[:2] for s in scan.found if s.type != EntityType.LOCATION)
    known: set[tuple[int, int]] = set()
    free: list[tuple[tuple[int, int], int, int]] = []
    for start, end in _pieces(text, buffer.starts):
        tagged = tag(text if end - start == len(text) else text[start:end])
        for first, last, kind, margin in tagged.mentions:
            if (entity := _TYPES[kind]) is not None:
                for begin, stop in _parts(text, start + first, start + last, firm):
                    if not _technical(text, begin, stop):
                        scan.add(begin, stop, entity, 1 / (1 + math.exp(-margin)))
        for word, first, last, held in tagged.words:
            if held == SURE:  # a name is known in its own text only
                known.add((word, buffer.index(start + first) if many else 0))
            elif held == FREE:
                free.append(((word, buffer.index(start + first) if many else 0), start + first, start + last))
    if known:
        for word, first, last in free:
            if word in known and not _technical(text, first, last):
                scan.add(first, last, EntityType.PERSON, _AGAIN)
    _join_addresses(scan, {s[:2] for s in scan.found[:formed] if s.type == EntityType.LOCATION})


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


def _parts(text: str, start: int, end: int, firm: list[tuple[int, ...]]) -> Iterator[tuple[int, int]]:
    """A mention around the numbers and keys found in it, without what introduces those: ``Graz, card 4539 …``."""
    at = bisect_left(firm, (start + 1,))
    while at < len(firm) and firm[at][0] < end:
        introduced = _INTRODUCTION.search(text, start, firm[at][0])
        yield from _visible(text, start, introduced.start() if introduced else firm[at][0])
        start = _AFTER.match(text, firm[at][1]).end()  # pyright: ignore[reportOptionalMemberAccess] - may be empty
        at += 1
    if start < end:
        yield from _visible(text, start, end)


_AFTER: Final = re.compile(r"[\s,;:)]*")
_INTRODUCTION: Final = re.compile(r"[\s,;:(]+(?:[a-z]{2,12}[\s:#.]*){0,2}\Z")


# --- what is no name -----------------------------------------------------------------------------------------------


def _visible(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A mention without the tokens of our own inside it: those stay as they are."""
    if HIDDEN not in text[start:end]:
        if start < end:
            yield start, end
        return
    for part in _SHOWN.finditer(text, start, end):
        yield part.span()


_SHOWN: Final = re.compile(rf"[^\W_][^{HIDDEN}]*[^\W_]")
_RUN: Final = re.compile(r"[\w-]{9,}")
_LEFT: Final = re.compile(r"[\w-]*")
_MIXED: Final = re.compile(r"(?:[0-9]+[A-Za-z]+){3}|(?:[0-9]+-?[A-Za-z]+-?){4}|[A-Za-z_-]*[0-9]{7}")
_CODE: Final = re.compile(r"[=\[\]{}<>\\%*_`|$~^+\"]|\w\(|::")
_LINE_END: Final = re.compile(r"[\n\x00]")
_CODE_LINE: Final = re.compile(r"[{}\[\];=<>_`\\|$]")


def _technical(text: str, start: int, end: int) -> bool:
    """Whether a mention is a piece of code, a path, a package, a hash, a serial number."""
    value = text[start:end]
    if _CODE.search(value):
        return True
    before, after = text[start - 1 : start], text[end : end + 2]
    if (after and after[0] in "(=[_\\`") or (before and before in "_\\`$"):
        return True
    if value.islower() and (_in_a_longer_name(before, after) or _in_code(text, start, end, before)):
        return True
    return any(c.isdigit() for c in value) and _identifier(text, start, end)


def _in_a_longer_name(before: str, after: str) -> bool:
    """``lib-ann``, ``ann.sort``, ``/ann``: part of something that is written as one."""
    if before and before in "./-#%&*<":
        return True
    return after[:1] in ("<", ">", "*", "%", "{") or (after[:1] in (".", "-", "/") and after[1:].isalnum())


def _in_code(text: str, start: int, end: int, before: str) -> bool:
    """Whether a line reads like code; what stands right behind a sign or in quotes is a value and may be a name."""
    if before and before in "=:'\"":
        return False
    left = text[max(0, start - 200) : start]
    right = text[end : end + 200]
    line = left[max(left.rfind("\n"), left.rfind("\x00")) + 1 :] + _LINE_END.split(right, 1)[0]
    return len(_CODE_LINE.findall(line)) >= 2


def _identifier(text: str, start: int, end: int) -> bool:
    """Whether digits and letters go through one another."""
    runs = _RUN.finditer(text, run_before(text, start, 40, _LEFT), end + 24)
    return any(run.start() < end and _MIXED.search(run[0]) for run in runs)


# --- addresses -----------------------------------------------------------------------------------------------------

_BETWEEN: Final = re.compile(r"[\s,;]{0,10}(?:[>|]{1,2} {0,2})?")


def _join_addresses(scan: Scan, formed: set[tuple[int, ...]]) -> None:
    """Street, code, town and country that stand beside each other are one address; two mere places are two.

    A place without a word in it ("12, 4") is none, unless it was ``formed``: found by the form of a street or code.
    """
    places = sorted(s for s in scan.found if s.type == EntityType.LOCATION)
    if not places:
        return
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
    scan.found += [s for s in joined if s[:2] in formed or _WORD.search(text, s.start, s.end)]


_WORD: Final = re.compile(r"[^\W\d_]{3}|[A-Z]{2}|[^\W\d_][^\W\d_]?\d")


def _numbered(text: str, place: Span) -> bool:
    return any(c.isdigit() for c in text[place.start : place.end])
