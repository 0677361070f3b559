"""From text to hashed features, for whole buffers at once. The trainer and the detector share every line of this.

A token is a run of letters, a run of digits, a line break, or one other character. All its hashes come from one prefix
sum over the buffer, so nothing here loops over tokens in Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

U64: TypeAlias = npt.NDArray[np.uint64]
I64: TypeAlias = npt.NDArray[np.int64]
U8: TypeAlias = npt.NDArray[np.uint8]
U16: TypeAlias = npt.NDArray[np.uint16]
Bool: TypeAlias = npt.NDArray[np.bool_]

# Classes of characters, as `Alphabet.classes` holds them.
SPACE, LOWER, UPPER, CASELESS, DIGIT, PUNCT, NEWLINE, PAD = range(8)

# Bits of a word in the gazetteer.
(
    FIRST_COMMON,
    FIRST,
    LAST_COMMON,
    LAST,
    PLACE_LARGE,
    PLACE,
    PLACE_BEGIN,
    PLACE_INSIDE,
    COMMON,
    FREQUENT,
    TITLE,
    STREET,
    ORGANISATION,
    CALENDAR,
    COUNTRY,
    DEMONYM,
) = (1 << i for i in range(16))
NAMES_A_PERSON: Final = FIRST_COMMON | FIRST | LAST_COMMON | LAST
NAMES_A_PLACE: Final = PLACE_LARGE | PLACE | PLACE_BEGIN | PLACE_INSIDE | COUNTRY

CHUNK: Final = 1 << 16  # longest text hashed at once: the powers below reach so far
_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_BASE_INVERSE: Final = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
HASH_BITS: Final = 18
SHIFT: Final = 64 - HASH_BITS
_SHIFT: Final = np.uint64(SHIFT)


@dataclass(frozen=True, slots=True)
class Alphabet:
    """What is known of each character below U+10000: its class, and its lower case without accents."""

    classes: U8
    folded: U16


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Known words by hash, sorted, with their bits."""

    hashes: npt.NDArray[np.uint32]
    bits: U16

    def look_up(self, words: U64) -> U16:
        wanted = (words >> np.uint64(32)).astype(np.uint32)
        at = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        return np.where(self.hashes[at] == wanted, self.bits[at], np.uint16(0))


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a buffer. Two pads stand before, between and after texts, so that no feature looks across."""

    starts: I64
    ends: I64
    kinds: U8  # LOWER stands for any run of letters
    words: U64
    gaz: U16
    shapes: U8
    lines: U8  # 0 mixed, 1 no capitals, 2 all capitals: the case of the line a token is in
    joined: Bool  # no space before it
    opens: Bool  # first in its line
    hashes: U64  # (4, n): word, first three, last three, last two characters


_powers: U64 | None = None
_inverses: U64 | None = None


def _tables() -> tuple[U64, U64]:
    global _powers, _inverses  # noqa: PLW0603 - two constant tables, made at first use
    if _powers is None or _inverses is None:
        _powers = np.multiply.accumulate(np.full(CHUNK + 8, _BASE, np.uint64))
        _inverses = np.multiply.accumulate(np.full(CHUNK + 8, _BASE_INVERSE, np.uint64))
    return _powers, _inverses


def word_hash(word: str, alphabet: Alphabet) -> int:
    """The hash of one folded word, as `tokenise` computes it."""
    codes = np.minimum(np.frombuffer(word.encode("utf-32-le", "surrogatepass"), np.uint32), 0xFFFF)
    powers, inverses = _tables()
    total = (alphabet.folded[codes].astype(np.uint64) * powers[: len(codes)]).sum(dtype=np.uint64)
    mixed = np.array([total], np.uint64) * inverses[0] * _BASE
    return int((mixed ^ (mixed >> np.uint64(29)))[0])


def tokenise(text: str, raw: bytes, alphabet: Alphabet, gazetteer: Gazetteer) -> Tokens:
    """Tokens of at most `CHUNK` characters with their hashes and gazetteer bits."""
    if text.isascii():
        codes = np.frombuffer(raw, np.uint8)
    else:
        codes = np.minimum(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32), 0xFFFF)
    n = len(codes)
    classes = alphabet.classes[codes]
    folded = alphabet.folded[codes]
    kinds = _KIND[classes]
    breaks = np.empty(n + 1, np.bool_)
    breaks[0] = breaks[n] = True
    np.not_equal(kinds[1:], kinds[:-1], out=breaks[1:n])
    breaks[:n] |= _SINGLE[kinds]
    edges = np.flatnonzero(breaks)
    starts, ends = edges[:-1], edges[1:]
    kept = kinds[starts] != SPACE
    joined_all = np.ones(len(starts), np.bool_)
    joined_all[1:] = kept[:-1]
    starts, ends, joined = starts[kept], ends[kept], joined_all[kept]
    token_kinds = kinds[starts]
    lengths = ends - starts

    powers, inverses = _tables()
    sums = np.zeros(n + 1, np.uint64)
    np.cumsum(folded.astype(np.uint64) * powers[:n], out=sums[1:])
    short = np.minimum(lengths, 3)
    lefts = np.concatenate((starts, starts, ends - short, ends - np.minimum(lengths, 2)))
    rights = np.concatenate((ends, starts + short, ends, ends))
    hashes = (sums[rights] - sums[lefts]) * inverses[lefts] * _BASE
    hashes ^= hashes >> np.uint64(29)
    hashes = hashes.reshape(4, -1)

    digits = token_kinds == DIGIT  # a number is its length
    if digits.any():
        hashes[:, digits] = _NUMBERS[np.minimum(lengths[digits], 9)]
    words = hashes[0]
    gaz = gazetteer.look_up(words)
    gaz[token_kinds != LOWER] = 0

    uppers = np.zeros(n + 1, np.int32)
    np.cumsum(classes == UPPER, out=uppers[1:])
    lowers = np.zeros(n + 1, np.int32)
    np.cumsum(classes == LOWER, out=lowers[1:])
    before = uppers[starts]
    capitals = uppers[ends] - before
    first = classes[starts] == UPPER
    shapes = _shapes(token_kinds, lengths, capitals, first, folded[starts])
    opens = np.ones(len(starts), np.bool_)
    opens[1:] = (token_kinds >= NEWLINE)[:-1]
    lines = _line_cases(starts, ends, opens, uppers, lowers)
    return Tokens(starts, ends, token_kinds, words, gaz, shapes, lines, joined, opens, hashes)


_KIND: Final = np.array([SPACE, LOWER, LOWER, LOWER, DIGIT, PUNCT, NEWLINE, PAD], np.uint8)
_SINGLE: Final = np.array([False, False, False, False, False, True, False, True])
_NUMBERS: Final = np.arange(1, 11, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)

# Shapes: 0 lower, 1 Capital, 2 CAPITALS, 3 mIxed, 4 one capital, 6..15 numbers by length, 16.. punctuation
_SHAPE_DIGIT: Final = 6
_SHAPE_OTHER: Final = 16
_PUNCTUATION: Final = {c: i + 1 for i, c in enumerate(".,:;!?'\"()-/@#&*_>|<=[]{}$%+~\\`")}
_SHAPE_NEWLINE: Final = 60
_SHAPE_PAD: Final = 61
_PUNCT_SHAPE: Final = np.full(256, _SHAPE_OTHER, np.uint8)
for _c, _i in _PUNCTUATION.items():
    _PUNCT_SHAPE[ord(_c)] = _SHAPE_OTHER + _i
# by: no capital, all capitals, a single letter, one capital in front
_LETTER_SHAPE: Final = np.array(
    [0 if c & 1 else (4 if c & 4 else 2) if c & 2 else 1 if c & 8 else 3 for c in range(16)], np.uint8
)


def _shapes(kinds: U8, lengths: I64, capitals: npt.NDArray[np.int32], first: Bool, codes: U16) -> U8:
    form = (capitals == 0).view(np.uint8) + (capitals == lengths) * np.uint8(2)
    form += (lengths == 1) * np.uint8(4) + (first & (capitals == 1)) * np.uint8(8)
    shapes = _LETTER_SHAPE[form]
    digits = kinds == DIGIT
    shapes[digits] = _SHAPE_DIGIT + np.minimum(lengths[digits], 9)
    other = np.flatnonzero(kinds > DIGIT)
    which = kinds[other]
    special = _PUNCT_SHAPE[np.minimum(codes[other], 255)]
    special[which == NEWLINE] = _SHAPE_NEWLINE
    special[which == PAD] = _SHAPE_PAD
    shapes[other] = special
    return shapes


def _line_cases(
    starts: I64, ends: I64, opens: Bool, uppers: npt.NDArray[np.int32], lowers: npt.NDArray[np.int32]
) -> U8:
    firsts = np.flatnonzero(opens)
    lasts = np.append(firsts[1:], len(starts)) - 1
    begin, end = starts[firsts], ends[lasts]
    case = (uppers[end] == uppers[begin]).view(np.uint8).copy()
    case[(lowers[end] == lowers[begin]) & (case == 0)] = 2
    return np.repeat(case, lasts - firsts + 1)


# --- features ------------------------------------------------------------------------------------------------------


def _coarse() -> U8:
    """The gazetteer's 16 bits as one of few kinds of word, for features that combine several tokens."""
    bits = np.arange(1 << 16, dtype=np.uint32)
    person = np.where(bits & FIRST_COMMON, 3, np.where(bits & (LAST_COMMON | FIRST), 2, np.where(bits & LAST, 1, 0)))
    place = np.where(bits & (PLACE_LARGE | COUNTRY), 2, np.where(bits & (PLACE | PLACE_BEGIN), 1, 0))
    common = np.where(bits & FREQUENT, 2, np.where(bits & COMMON, 1, 0))
    coarse = person * 9 + place * 3 + common
    for i, special in enumerate((DEMONYM, ORGANISATION, STREET, CALENDAR, TITLE)):
        coarse = np.where(bits & special, 36 + i, coarse)
    return coarse.astype(np.uint8)


COARSE: Final = _coarse()
# What a feature can be made of: a property of the token so far away.
_PROPERTIES: Final = ("one", "word", "head", "tail3", "tail2", "kind", "shape", "bits", "case", "flags", "joined")
_P1, _P2, _P3, _P4 = 1, 0x2545F4914F6CDD1D, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
# The kind of word and its shape, together with the case of the line it is in.
_CASED: Final = (("kind", 0), ("case", 0))

# Every feature is the combination of properties it names.
_FEATURES: Final[tuple[tuple[tuple[str, int], ...], ...]] = (
    (("one", 0),),
    (("word", 0),),
    (("word", -1),),
    (("word", 1),),
    (("word", -2),),
    (("word", 2),),
    (("kind", -1),),
    (("kind", 1),),
    (("kind", -2),),
    (("kind", 2),),
    (("word", 0), ("shape", 0)),
    (("head", 0), ("shape", 0)),
    (("tail3", 0), ("shape", 0)),
    (("tail2", 0), ("shape", 0)),
    (("bits", 0), ("case", 0)),
    (("word", -2), ("word", -1)),
    (("word", 1), ("word", 2)),
    (("word", 0), ("word", -1)),
    (("word", 0), ("word", 1)),
    (("bits", -1), ("bits", 0)),
    (("bits", 1), ("bits", 0)),
    (("bits", 0), ("shape", 0), ("case", 0)),
    (("shape", 0), ("flags", 0), ("joined", 1)),
    (*_CASED, ("flags", 0)),
    (("word", -1), *_CASED),
    (("word", 1), *_CASED),
    (("word", -2), ("word", -1), ("kind", 0)),
    (("word", 1), ("word", 2), ("kind", 0)),
    (("kind", -1), *_CASED),
    (("kind", 1), *_CASED),
    (("tail3", -1), *_CASED),
    (("tail3", 1), *_CASED),
    (("word", 0), ("kind", -1), ("kind", 1)),
    (("kind", -1), ("kind", 1), *_CASED),
    (("kind", -2), ("kind", -1), *_CASED),
    (("kind", 1), ("kind", 2), *_CASED),
    (("shape", -2), ("shape", -1), ("shape", 0), ("shape", 1)),
    (("shape", -1), ("shape", 0), ("shape", 1), ("shape", 2)),
    (("kind", -2), ("kind", -1), ("kind", 0), ("kind", 1)),
    (("kind", -1), ("kind", 0), ("kind", 1), ("kind", 2)),
)
TEMPLATES: Final = len(_FEATURES)


def _compiled() -> tuple[I64, I64, list[tuple[int, I64]]]:
    """The bases (property and distance), and for the first, second ... part of each feature which base it is.

    Features are listed from few parts to many, so that the n-th parts belong to the last features.
    """
    bases = sorted({part for feature in _FEATURES for part in feature})
    number = {base: i for i, base in enumerate(bases)}
    parts: list[tuple[int, I64]] = []
    for n in range(max(map(len, _FEATURES))):
        having = [i for i, feature in enumerate(_FEATURES) if len(feature) > n]
        if having != list(range(having[0], TEMPLATES)):
            raise AssertionError("features are listed from few parts to many")
        parts.append((having[0], np.array([number[_FEATURES[i][n]] for i in having], np.int64)))
    rows = np.array([_PROPERTIES.index(name) for name, _ in bases], np.int64)[:, None]
    return rows, np.array([distance for _, distance in bases], np.int64)[:, None], parts


_BASE_ROWS, _BASE_DISTANCES, _PARTS = _compiled()
_PRIMES: Final = tuple(map(np.uint64, (_P1, _P2, _P3, _P4)))
MULTIPLIERS: Final = (_P1, _P2, _P3, _P4, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_COLUMN, _LAST_MIX = map(np.uint64, MULTIPLIERS[4:])
_HALF: Final = np.uint64(31)
_SALTS: Final = (np.arange(1, TEMPLATES + 1, dtype=np.uint64) * np.uint64(0xA0761D6478BD642F))[:, None]


def features(tokens: Tokens, wanted: I64) -> npt.NDArray[np.int64]:
    """Row numbers in the weight table, shape (TEMPLATES, len(wanted)), of the tokens with those indices.

    ``wanted`` must keep two tokens clear at both ends: the pads.
    """
    count = len(tokens.starts)
    properties = np.empty((len(_PROPERTIES), count), np.uint64)
    properties[0] = 1
    properties[1:5] = tokens.hashes
    properties[5] = _KIND_OF[tokens.gaz]
    properties[5] += tokens.shapes
    properties[6] = tokens.shapes
    properties[7] = tokens.gaz
    properties[8] = tokens.lines
    properties[9] = tokens.joined
    properties[10] = tokens.joined
    properties[9] *= np.uint64(2)
    properties[9] += tokens.opens
    # Small numbers are spread over all bits, so that sums of them do not meet.
    properties[5:] *= _SPREAD
    bases = properties.ravel().take(_BASE_ROWS * count + (_BASE_DISTANCES + wanted))
    first, which = _PARTS[0]
    rows = bases[which]
    for (first, which), prime in zip(_PARTS[1:], _PRIMES[1:], strict=True):
        part = bases[which]
        part *= prime
        rows[first:] += part
    rows += _SALTS
    rows *= _COLUMN
    rows ^= rows >> _HALF
    rows *= _LAST_MIX
    rows >>= _SHIFT
    return rows.view(np.int64)


_KIND_OF: Final = COARSE.astype(np.uint64) * np.uint64(64)
_SPREAD: Final = (np.arange(1, len(_PROPERTIES) - 4, dtype=np.uint64) * np.uint64(0xD1342543DE82EF95) | np.uint64(1))[
    :, None
]


def tables() -> tuple[npt.NDArray[np.generic], ...]:
    """What the tagger in C needs to compute the same: kinds of words, shapes, numbers, and the parts of each feature.

    A part is a property and a distance, two bytes; -1 stands for none.
    """
    parts = np.full((TEMPLATES, len(_PRIMES), 2), -1, np.int8)
    for row, feature in enumerate(_FEATURES):
        for at, (name, distance) in enumerate(feature):
            parts[row, at] = _PROPERTIES.index(name), distance
    return COARSE, _PUNCT_SHAPE, _NUMBERS, _SPREAD, parts, _SALTS
