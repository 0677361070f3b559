"""Names of columns and tables, cut into words, and what the words say together.

``KundenTelefonNr``, ``customer_phone_no`` and ``TELEFONE_CLIENTE`` say the same. Words are split at separators, at
changes of case and of digits, lose their accents, and are looked up singly, joined with their neighbours
(``first_name``, ``fecha_de_nacimiento``) and, when unknown, taken apart (``custname``, ``Kundenrufnummer``).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from .lexicon import SIGNS, WORDS

_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|[0-9]+")
_UNFOLDED: Final = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "ł": "l", "Ł": "L", "ı": "i", "đ": "d"}
)
_SHORTEST_COMPOUND: Final = 6
_SHORT_PIECES: Final = frozenset({"nr", "no", "id", "ip", "dt", "nm", "tel"})
_VOWELS: Final = frozenset("aeiou")
_VOWELLESS: Final = re.compile(r"[a-z][b-df-hj-np-tv-z]{3,}")
_DOUBLED: Final = re.compile(r"(.)\1")
_SHORTEST_SKELETON: Final = 4
_KEYS: Final = frozenset({"id", "ids", "uid", "uuid", "guid", "key", "keys", "pk", "fk"})
_LINKS: Final = ("s", "n", "en", "es", "e")  # what German and Dutch put between the parts of a word

Headings = frozenset[str]
_NOTHING: Final[Headings] = frozenset()
_NOISE: Final[Headings] = frozenset({"noise"})


class Subject(StrEnum):
    """What the rows of a table are."""

    PEOPLE = "people"
    DOING = "what people do"
    CATALOGUE = "things"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Name:
    """A name as words, and under which headings of the lexicon each stands."""

    words: tuple[str, ...]
    headings: tuple[Headings, ...]
    all: Headings

    def has(self, *headings: str) -> bool:
        """Whether any word stands under one of the headings."""
        return not self.all.isdisjoint(headings)

    @property
    def head(self) -> Headings:
        """The headings of the last word that means something: what the name is a name of."""
        for word, headings in zip(reversed(self.words), reversed(self.headings), strict=True):
            if headings and not headings <= {"noise", "number"} and not word.isdigit():
                return headings
        return _NOTHING

    @property
    def key(self) -> bool:
        """Whether it is the name of a key: ``customer_id``, ``rowguid``."""
        return bool(self.words) and self.words[-1] in _KEYS

    @property
    def first(self) -> Headings:
        return next((h for h in self.headings if h != _NOISE), _NOTHING)


@lru_cache(maxsize=4096)
def read(name: str) -> Name:
    """A name, understood."""
    signs = {heading for sign, heading in SIGNS.items() if sign in name.casefold()}
    words = _joined([piece for word in _split(name) for piece in _pieces(word)])
    headings = tuple(_look_up(word) for word in words)
    if signs:
        words, headings = (*words, name.casefold()), (*headings, frozenset(signs))
    return Name(tuple(words), headings, _NOTHING.union(*headings))


@lru_cache(maxsize=1024)
def subject(table: str) -> Subject:
    """What the rows of a table are, as far as its name says. The schema counts only when the name says nothing."""
    *schema, name = table.rsplit(".", 1)
    found = _subject(name)
    if found is Subject.UNKNOWN and schema and _subject(schema[0]) is Subject.PEOPLE:
        return Subject.PEOPLE
    return found


def _subject(name: str) -> Subject:
    for headings in reversed(read(name).headings):
        if "who" in headings:
            return Subject.PEOPLE
        if "doing" in headings:
            return Subject.DOING
        if "catalogue" in headings:
            return Subject.CATALOGUE
    return Subject.UNKNOWN


def folded(text: str) -> str:
    """Without accents, as the lexicon writes its words; the case stays."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_UNFOLDED))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _split(name: str) -> list[str]:
    return [word.lower() for word in _PARTS.findall(folded(name))]


def _look_up(word: str) -> Headings:
    found = WORDS.get(word)
    if found is None and len(word) > 4 and word[-1] == "s":
        found = WORDS.get(word[:-1]) or (WORDS.get(word[:-2]) if word.endswith("es") else None)
    return found or (_skeletons().get(word) if _VOWELLESS.fullmatch(word) else None) or _NOTHING


@lru_cache(maxsize=1)
def _skeletons() -> dict[str, Headings]:
    """Words without vowels behind their first letter and without doubled letters: ``cstmr``, ``brthdt``, ``mngr``."""
    found: dict[str, Headings] = {}
    for word, headings in WORDS.items():
        bones = word[0] + "".join(c for c in word[1:] if c not in _VOWELS)
        for short in {bones, _DOUBLED.sub(r"\1", bones)}:
            if len(short) >= _SHORTEST_SKELETON and short not in WORDS:
                found[short] = found.get(short, _NOTHING) | headings
    return found


def _joined(words: list[str]) -> list[str]:
    """Neighbours that the lexicon knows as one word become that word, small words between them left out."""
    joined: list[str] = []
    at = 0
    while at < len(words):
        for length in (4, 3, 2):
            some = words[at : at + length]
            if len(some) < length:
                continue
            candidates = ("".join(some), "".join(w for w in some if WORDS.get(w, _NOTHING) != _NOISE))
            known = next((c for c in candidates if c in WORDS and c not in some), None)
            if known is not None:
                joined.append(known)
                at += length
                break
        else:
            joined.append(words[at])
            at += 1
    return joined


@lru_cache(maxsize=4096)
def _pieces(word: str) -> tuple[str, ...]:
    """An unknown word taken apart into known ones, in as few pieces as possible; the word itself if it cannot be."""
    if _look_up(word) or len(word) < _SHORTEST_COMPOUND or not word.isascii():
        return (word,)
    best: list[tuple[str, ...] | None] = [(), *[None] * len(word)]
    for end in range(1, len(word) + 1):
        for start in range(end):
            before = best[start]
            piece = word[start:end]
            if before is None or not (len(piece) >= 3 or piece in _SHORT_PIECES):
                continue
            known = _known_piece(piece, whole=piece == word)
            if known is not None:
                candidate = (*before, known)
                current = best[end]
                if current is None or len(candidate) < len(current):
                    best[end] = candidate
    return best[len(word)] or (word,)


def _known_piece(piece: str, *, whole: bool) -> str | None:
    """The word a piece is, if need be without the letters that link it to the next one."""
    if piece in WORDS or whole:
        return piece if piece in WORDS else None
    for link in _LINKS:
        if piece.endswith(link) and len(piece) - len(link) >= 4 and (bare := piece[: -len(link)]) in WORDS:
            return bare
    return None
