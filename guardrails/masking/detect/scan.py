"""The state of one scan, as the recognisers see it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..classes import CLASS_OF_TYPE
from .buffer import Buffer
from .spans import Span

_WORDS_OF_KEY: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_WORDS: Final = re.compile(rb"[a-z]+(?:\?[a-z]+)*")  # a ? inside is a letter beyond ASCII: m?vil
_BEFORE: Final = 40  # characters of context ahead of a value
_AFTER: Final = 16  # and behind it
_GAP: Final = 5  # characters between a name and the value it introduces

Words: TypeAlias = frozenset[bytes]


def words(*lists: str) -> Words:
    """A set of context words; letters beyond ASCII are written ``?``."""
    return frozenset(word.encode("ascii") for line in lists for word in line.split())


def key_words(key: str) -> list[bytes]:
    """The lower-case words of a column or key name: ``homePhone_No`` is home, phone, no."""
    return [w.lower().encode("ascii", "replace") for w in _WORDS_OF_KEY.findall(key)]


def run_before(text: str, end: int, most: int, allowed: re.Pattern[str]) -> int:
    """Where the run of ``allowed`` characters begins that ends at ``end``; at most so many.

    Read backwards: a search that ends in an anchor would try every start.
    """
    match = allowed.match(text[max(0, end - most) : end][::-1])
    return end - match.end() if match else end


def _words(letters: bytes) -> list[bytes]:
    """The words of a piece of `Buffer.letters`."""
    return _WORDS.findall(letters) if b"?" in letters else letters.split()


# Words that stand between a name and its value and say nothing by themselves.
_LINKS: Final = words(
    "no nr num number numbers id ids code is was are at on to me us him her them the my our nummer numero"
)


def _no_spans() -> list[Span]:
    return []


def _no_notes() -> dict[str, int]:
    return {}


@dataclass(slots=True)
class Scan:
    """One pass: the buffer, the words of each text's key, and what was found so far."""

    buffer: Buffer
    text: str
    raw: bytes
    keys: Sequence[list[bytes] | None] | None = None
    strict: bool = False  # open columns: only what has a form of its own, nothing on context alone
    places: bool = True  # whether streets and codes are looked for
    found: list[Span] = field(default_factory=_no_spans)
    notes: dict[str, int] = field(default_factory=_no_notes)  # what recognisers remember, to do nothing twice
    many: bool = field(init=False)  # whether the buffer holds more than one text
    _ahead_at: int = -1  # where the words of `_ahead` and `_gap` end
    _ahead: Sequence[bytes] = ()
    _gap: int = 0
    _behind_at: int = -1
    _behind: Sequence[bytes] = ()

    def __post_init__(self) -> None:
        self.many = len(self.buffer.starts) > 1

    def add(self, start: int, end: int, kind: str, score: float) -> None:
        """Report a finding."""
        self.found.append(Span(start, end, kind, score, CLASS_OF_TYPE[kind]))

    def key(self, offset: int) -> list[bytes] | None:
        """The words of the key under which the text at this offset stands."""
        return None if self.keys is None else self.keys[self.buffer.index(offset)]

    def ahead(self, start: int) -> tuple[Sequence[bytes], int]:
        """The words in the 40 characters ahead of a value, its key's words first; and how far off the last one ends."""
        if self._ahead_at == start:
            return self._ahead, self._gap
        if self.many and (start == 0 or self.raw[start - 1] == 0):  # a cell that is nothing but the value
            found, gap = self.key(start) or (), 0
        else:
            floor = start - _BEFORE if start > _BEFORE else 0
            if self.many and (cut := self.raw.rfind(b"\0", floor, start)) >= 0:
                floor = cut + 1
            letters = self.buffer.letters[floor:start]
            found = _words(letters)
            gap = len(letters) - len(letters.rstrip(b" ?")) if found else 0
            if self.keys is not None and (key := self.key(start)) is not None:
                gap = gap if found else start - floor
                found = [*key, *found]
        self._ahead_at, self._ahead, self._gap = start, found, gap
        return found, gap

    def behind(self, end: int) -> Sequence[bytes]:
        """The words in the 16 characters behind a value."""
        if self._behind_at != end:
            ceiling = end + _AFTER
            if self.many and (cut := self.raw.find(b"\0", end, ceiling)) >= 0:
                ceiling = cut
            self._behind_at, self._behind = end, _words(self.buffer.letters[end:ceiling])
        return self._behind

    def near(self, wanted: Words, start: int, end: int) -> bool:
        """Whether one of the words stands in the key, ahead of the value or behind it."""
        return not (wanted.isdisjoint(self.ahead(start)[0]) and wanted.isdisjoint(self.behind(end)))

    def introduced(self, wanted: Words, start: int) -> bool:
        """Whether one of the words comes right before the value, at most a link word ("number", "is") between."""
        before, gap = self.ahead(start)
        if not before or gap > _GAP:
            return False
        for word in before[:-5:-1]:
            if word in wanted:
                return True
            if word not in _LINKS:
                return False
        return False


Handler: TypeAlias = Callable[[Scan, int], None]
"""A recogniser: looks at the text around the end offset of an anchor and reports what it finds there."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A short sign that something may be near.

    ``pattern`` is a regular expression over bytes in the common subset of Hyperscan and ``re``, and from any one start
    it must match in at most one way: then both engines report the same ends, which the tests hold them to.
    """

    pattern: str
    handler: Handler
    caseless: bool = False
