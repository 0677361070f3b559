"""Names and places in a buffer, by the tagger; what a text shows once to be a name is one in the rest of it."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

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
    turns = _turns(text)
    signatures = list(_signatures(text, buffer.starts))
    asked = {*turns, *(place for signature in signatures for place in signature.words)}
    telling: dict[int, tuple[int, int]] = {}  # of those places: the word, in its text
    for start, end in _pieces(text, buffer.starts):
        tagged = tag(text if end - start == len(text) else text[start:end])
        for first, last, kind, margin in tagged.mentions:
            if (entity := _TYPES[kind]) is not None:
                for part in _parts(text, start + first, start + last, firm):
                    for begin, stop in _trimmed(text, *part, person=kind == 0):
                        if not _technical(text, begin, stop):
                            scan.add(begin, stop, entity, 1 / (1 + math.exp(-margin)))
        for word, first, last, held in tagged.words:
            if held == SURE:  # a name is known in its own text only
                known.add((word, buffer.index(start + first) if many else 0))
            elif held == FREE:
                free.append(((word, buffer.index(start + first) if many else 0), start + first, start + last))
            if asked and start + first in asked:
                telling[start + first] = word, buffer.index(start + first) if many else 0
    if len(turns) >= _FEWEST_TURNS:
        known |= _speakers(turns, telling)
    if known:
        for word, first, last in free:
            if word in known and not _technical(text, first, last):
                scan.add(first, last, EntityType.PERSON, _AGAIN)
    for signature in signatures:
        if all(place in telling for place in signature.words):
            scan.add(signature.start, signature.end, EntityType.PERSON, _AGAIN)
    if not text.isascii() and _eastern().search(text) is not None:
        from .. import eastern  # large expressions that few texts need

        eastern.recognise(scan)
    _join_addresses(scan, {s[:2] for s in scan.found[:formed] if s.type == EntityType.LOCATION})


@cache
def _eastern() -> re.Pattern[str]:
    """Compiled when first needed: so large a set takes milliseconds."""
    return re.compile("[\u3041-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")


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


_FEWEST_TURNS: Final = 4  # two who speak twice
_TURN: Final = re.compile(  # [12:40] Ann:
    r"[ \t]*(?:[\[(]?\d{1,2}:\d\d(?::\d\d)?[\])]?,?[ \t]+(?:- )?)?(?P<who>[^\W\d_][\w'-]+) ?:(?= )"
)


def _turns(text: str) -> list[int]:
    """Where words stand that open a line as who speaks does; none in a text too short for that."""
    if text.count("\n") < _FEWEST_TURNS - 1 or text.count(": ") < _FEWEST_TURNS:
        return []
    found: list[int] = []
    at = 0
    while at >= 0:
        if (match := _TURN.match(text, at)) is not None:
            found.append(match.start("who"))
        at = text.find("\n", at) + 1 or -1
    return found


def _speakers(turns: list[int], telling: Mapping[int, tuple[int, int]]) -> set[tuple[int, int]]:
    """Words that open lines again and again, in texts where at least two do so."""
    counts = Counter(telling[at] for at in turns if at in telling)
    often = Counter(at for (_, at), count in counts.items() if count > 1)
    return {(word, at) for (word, at), count in counts.items() if count > 1 and often[at] > 1}


class _Signature(NamedTuple):
    start: int
    end: int
    words: list[int]  # where they begin


_SHORTEST_LETTER: Final = 150
_SIGNED: Final = re.compile(
    r"(?:\n[ \t]*\r?\n|,[ \t]*\r?\n|\n[^\W\d_][^\W\d_ .!]{1,25}[.!]?[ \t]*\r?\n)[ \t]*"
    r"(?P<who>[^\W\d_][\w'’-]+(?: [^\W\d_][\w'’.-]*){0,3})\s*\Z"
)
_SIGNED_WORD: Final = re.compile(r"[^\W\d_][^\W\d_]{2,}")


def _signatures(text: str, starts: list[int]) -> Iterator[_Signature]:
    """The last line of each letter, behind a blank line or closing words: a name where no word of it means anything."""
    for start, end in zip(starts, [*(later - len(_SEPARATOR) for later in starts[1:]), len(text)], strict=True):
        if end - start < _SHORTEST_LETTER or text.find("\n", end - 60, end) < 0:
            continue
        last = text[text.rfind("\n", start, end) + 1 : end]
        if not last.rstrip().replace(" ", "").replace("-", "").isalpha() and last.strip():
            continue
        base = max(start, end - 100)
        if (signed := _SIGNED.search(text[base:end])) is not None:
            words = [base + signed.start("who") + m.start() for m in _SIGNED_WORD.finditer(signed["who"])]
            if words:
                yield _Signature(base + signed.start("who"), base + signed.end("who"), words)


# --- where a name ends ---------------------------------------------------------------------------------------------

_PARAGRAPH: Final = re.compile(r"\r?\n[ \t]*\r?\n\s*")
_LINE: Final = re.compile(r"\s*\n\s*")
_SENTENCE: Final = re.compile(r"(?<=[^\W\d_]{4})[.!?]\s+(?=[^\W\d_])|(?<=\d[A-Z]{2})\.\s+(?=[A-Z])")
_SHORTENED: Final = re.compile(
    r"(?:blvd|avda|ctra|bldg|dept|prof|dott|capt|insp|prov|psge|pass|edif|supt)\Z", re.IGNORECASE
)
_TITLES: Final = frozenset(
    (
        "Mr Mrs Ms Miss Mx Mdm Dr Dra Prof Professor Frau Herr Herrn Hr Sra Srta Señor Señora Senor Senora Sig Dott "
        "Mme Mlle Madame Monsieur Mw Dhr Lt Col Capt Rev Sayın Ehepaar Onkel Tante Tío Tía"
    ).split()
)
_FIELDS: Final = frozenset("tel tél ph phone fax mobile mob cell c.f cf p.iva".split())
_DATE_TAIL: Final = re.compile(r"[,;\s]+(?:\w{2,3} )?\d{1,2}\.? [^\W\d_]{3,9}\.? (?:1[89]|20)\d\d\Z")
_REST: Final = re.compile(r"-[^\W\d_][\w'’]*")


def _trimmed(text: str, start: int, end: int, *, person: bool) -> list[tuple[int, int]]:
    """A mention without what cannot belong to it: the next paragraph or sentence, a title, the name of a field.

    What is cut off is let go only where it is a single word: two capitals in a row may be somebody else.
    """
    if person and text.startswith("-", end) and (rest := _REST.match(text, end)) is not None:
        end = rest.end()  # a name with a hyphen is one name
    value = text[start:end]
    if value.isalpha():
        return [(start, end)]
    while person and (cut := value.find(" ") + 1) and value[: cut - 1].rstrip(".") in _TITLES and value[cut:]:
        start, value = start + cut, value[cut:]
    if not person:
        end = _without_tail(text, start, end, value)
    if "\n" not in value and not any(mark in value for mark in _MARKS):  # nearly always
        return [(start, end)]
    kept: list[tuple[int, int]] = []
    for part in _split(text, start, end, _LINE if person else _PARAGRAPH):
        for begin, stop in _split(text, *part, _SENTENCE):
            if not kept or text.find(" ", begin, stop) >= 0:
                kept.append((begin, stop))
    return kept


_MARKS: Final = (". ", "! ", "? ")


def _without_tail(text: str, start: int, end: int, value: str) -> int:
    """The end of a place before ``, tel`` or ``12 May 1907``."""
    if value[-4:].isdigit():
        date = _DATE_TAIL.search(text, start, end)
        return end if date is None else date.start()
    last = max(value.rfind(" "), value.rfind("\n")) + 1
    if last > 1 and value[last:].rstrip(".").lower() in _FIELDS:
        return start + len(value[:last].rstrip(" ,;\r\n\t"))
    return end


def _split(text: str, start: int, end: int, between: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    at = start
    for match in between.finditer(text, start, end):
        if between is _SENTENCE and _SHORTENED.search(text, max(at, match.start() - 6), match.start()):
            continue
        if at < match.start():
            yield at, match.start()
        at = match.end()
    if at < end:
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
