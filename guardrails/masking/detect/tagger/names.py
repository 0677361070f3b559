"""Names and places in a buffer, by the tagger; what a text shows once to be a name is one in the rest of it."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from ...classes import EntityType
from .. import eastern
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
    telling: dict[int, tuple[int, int]] = {}  # by place: the word, in its text
    for start, end in _pieces(text, buffer.starts):
        tagged = tag(text if end - start == len(text) else text[start:end])
        for first, last, kind, margin in tagged.mentions:
            if (entity := _TYPES[kind]) is not None:
                for part in _parts(text, start + first, start + last, firm):
                    for begin, stop in _trimmed(text, *part, entity):
                        if not _technical(text, begin, stop):
                            scan.add(begin, stop, entity, 1 / (1 + math.exp(-margin)))
        for hashed, first, last, held in tagged.words:
            word = hashed, buffer.index(start + first) if many else 0  # a name is known in its own text only
            telling[start + first] = word
            if held == SURE:
                known.add(word)
            elif held == FREE:
                free.append((word, start + first, start + last))
    if free and text.count(":") >= _FEWEST_TURNS:
        known |= _speakers(text, telling)
    if known:
        for word, first, last in free:
            if word in known and not _technical(text, first, last):
                scan.add(first, last, EntityType.PERSON, _AGAIN)
    for begin, stop in _signatures(text, buffer.starts, telling):
        scan.add(begin, stop, EntityType.PERSON, _AGAIN)
    eastern.recognise(scan)
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


_FEWEST_TURNS: Final = 3
_TURN: Final = re.compile(
    r"(?:^|[\n\x00])[ \t]*(?:[\[(]?\d{1,2}:\d\d(?::\d\d)?[\])]?,?[ \t]+(?:- )?)?(?P<who>[^\W\d_][\w'-]+) ?:(?= )"
)


def _speakers(text: str, telling: Mapping[int, tuple[int, int]]) -> set[tuple[int, int]]:
    """Words that open lines again and again as who speaks does, in texts where at least two do so."""
    turns = Counter(telling[at] for match in _TURN.finditer(text) if (at := match.start("who")) in telling)
    often = Counter(at for (_, at), count in turns.items() if count > 1)
    return {(word, at) for (word, at), count in turns.items() if count > 1 and often[at] > 1}


_SHORTEST_LETTER: Final = 150
_SIGNED: Final = re.compile(
    r"(?:\n[ \t]*\r?\n|,[ \t]*\r?\n|\n[^\W\d_][^\W\d_ .!]{1,25}[.!]?[ \t]*\r?\n)[ \t]*"
    r"(?P<who>[^\W\d_][\w'’-]+(?: [^\W\d_][\w'’.-]*){0,3})\s*\Z"
)


def _signatures(text: str, starts: list[int], telling: Mapping[int, object]) -> Iterator[tuple[int, int]]:
    """The last line of a letter, behind a blank line or its closing words, where no word of it means anything."""
    ends = [*(start - len(_SEPARATOR) for start in starts[1:]), len(text)]
    for start, end in zip(starts, ends, strict=True):
        if end - start < _SHORTEST_LETTER or text.find("\n", max(start, end - 60), end) < 0:
            continue
        signed = _SIGNED.search(text[max(start, end - 100) : end])
        if signed is None:
            continue
        base = max(start, end - 100)
        words = [base + signed.start("who") + m.start() for m in _SIGNED_WORD.finditer(signed["who"])]
        if words and all(at in telling for at in words):
            yield base + signed.start("who"), base + signed.end("who")


_SIGNED_WORD: Final = re.compile(r"[^\W\d_][^\W\d_]{2,}")


# --- where a name ends ---------------------------------------------------------------------------------------------

_PARAGRAPH: Final = re.compile(r"\r?\n[ \t]*\r?\n\s*")
_LINE: Final = re.compile(r"\s*\n\s*")
_SENTENCE: Final = re.compile(r"(?<=[^\W\d_]{4})[.!?]\s+(?=[^\W\d_])|(?<=\d[A-Z]{2})\.\s+(?=[A-Z])")
_SHORTENED: Final = re.compile(
    r"(?:blvd|avda|ctra|bldg|dept|prof|dott|capt|insp|prov|psge|pass|edif|supt)\Z", re.IGNORECASE
)
_TITLE: Final = re.compile(
    r"(?:(?:Mrs?|Ms|Miss|Mx|Mdm|Dr|Dra|Prof|Professor|Frau|Herrn?|Hr|Sra|Srta|Se[nñ]ora?|Sig|Dott|Mme|Mlle|Madame|Monsieur|Mw|Dhr|Lt|Col"
    r"|Capt|Rev|Say[ıi]n|Ehepaar|Onkel|Tante|T[ií]o|T[ií]a)\.? )+(?=[^\W\d_])"
)
_TAIL: Final = re.compile(
    r"[,;\s]+(?:(?:tel|t[eé]l|ph|phone|fax|mobile|mob|cell|c\.f|cf|p\.iva)\.?"
    r"|(?:\w{2,3} )?\d{1,2}\.? [^\W\d_]{3,9}\.? (?:1[89]|20)\d\d)\Z",
    re.IGNORECASE,
)
_REST: Final = re.compile(r"-[^\W\d_][\w'’]*")


def _trimmed(text: str, start: int, end: int, entity: EntityType) -> Iterator[tuple[int, int]]:
    """A mention without what cannot belong to it: the next paragraph or sentence, a title, the name of a field.

    What is cut off is let go only where it is a single word: two capitals in a row may be somebody else.
    """
    person = entity == EntityType.PERSON
    if person and (rest := _REST.match(text, end)) is not None:
        end = rest.end()  # a name with a hyphen is one name
    first = True
    for begin, stop in _split(text, start, end, _LINE if person else _PARAGRAPH):
        for begin_, stop_ in _split(text, begin, stop, _SENTENCE):
            if not first and text.find(" ", begin_, stop_) < 0:
                continue
            first = False
            if person:
                title = _TITLE.match(text, begin_, stop_)
                begin_ = title.end() if title is not None and title.end() < stop_ else begin_
            elif (tail := _TAIL.search(text, begin_, stop_)) is not None:
                stop_ = tail.start()
            if begin_ < stop_:
                yield begin_, stop_


def _split(text: str, start: int, end: int, between: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    at = start
    for match in between.finditer(text, start, end):
        if between is _SENTENCE and _SHORTENED.search(text, max(at, match.start() - 6), match.start()):
            continue
        yield at, match.start()
        at = match.end()
    yield at, end


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
_IMPORT: Final = re.compile(r"[ \t]*(?:import [\w., ]+|from [\w.]+ import\b.*)\Z")
_CODE_LINE: Final = re.compile(r"[{}\[\];=<>_`\\|$]")


def _technical(text: str, start: int, end: int) -> bool:
    """Whether a mention is a piece of code, a path, a package, a hash, a serial number."""
    value = text[start:end]
    if _CODE.search(value):
        return True
    before, after = text[start - 1 : start], text[end : end + 2]
    if (after and after[0] in "(=[_\\`" and after not in _ESCAPES) or (before and before in "_\\`$"):
        return True
    if value.islower() and (_in_a_longer_name(before, after) or _in_code(text, start, end, before)):
        return True
    digits = sum(map(str.isdigit, value))
    if digits >= _MOST_DIGITS and digits > sum(map(str.isalpha, value)):
        return True  # ABN 51 824 753 556
    return digits > 0 and _identifier(text, start, end)


_MOST_DIGITS: Final = 10
_ESCAPES: Final = ('\\"', "\\n", "\\r", "\\t")  # JSON within JSON


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
    return len(_CODE_LINE.findall(line)) >= 2 or _IMPORT.match(line) is not None


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
