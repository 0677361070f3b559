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
_SHIFT: Final = np.uint64(64 - HASH_BITS)


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
    mixed = np.array([total * inverses[0]], np.uint64) * _BASE
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

    uppers = np.zeros(n + 1, np.int64)
    np.cumsum(classes == UPPER, out=uppers[1:])
    lowers = np.zeros(n + 1, np.int64)
    np.cumsum(classes == LOWER, out=lowers[1:])
    capitals = uppers[ends] - uppers[starts]
    first = classes[starts] == UPPER
    shapes = _shapes(token_kinds, lengths, capitals, first, folded[starts])
    line_breaks = (token_kinds == NEWLINE) | (token_kinds == PAD)
    opens = np.ones(len(starts), np.bool_)
    opens[1:] = line_breaks[:-1]
    lines = _line_cases(starts, ends, line_breaks, uppers, lowers)
    return Tokens(starts, ends, token_kinds, words, gaz, shapes, lines, joined, opens, hashes)


_KIND: Final = np.array([SPACE, LOWER, LOWER, LOWER, DIGIT, PUNCT, NEWLINE, PAD], np.uint8)
_SINGLE: Final = np.array([False, False, False, False, False, True, False, True])
_NUMBERS: Final = np.arange(1, 11, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)

# Shapes: 0 lower, 1 Capital, 2 CAPITALS, 3 mIxed, 4 one capital, 5 caseless, 6..15 numbers by length, 16.. punctuation
_SHAPE_DIGIT: Final = 6
_SHAPE_OTHER: Final = 16
_PUNCTUATION: Final = {c: i + 1 for i, c in enumerate(".,:;!?'\"()-/@#&*_>|<=[]{}$%+~\\`")}
_PUNCT_SHAPE: Final = np.full(256, _SHAPE_OTHER, np.uint8)
for _c, _i in _PUNCTUATION.items():
    _PUNCT_SHAPE[ord(_c)] = _SHAPE_OTHER + _i
_SHAPE_NEWLINE: Final = 60
_SHAPE_PAD: Final = 61


def _shapes(kinds: U8, lengths: I64, capitals: I64, first: Bool, codes: U16) -> U8:
    letters = np.where(capitals == 0, 0, np.where(capitals == lengths, np.where(lengths == 1, 4, 2), np.where(first & (capitals == 1), 1, 3)))
    shapes = np.where(kinds == LOWER, letters, np.where(kinds == DIGIT, _SHAPE_DIGIT + np.minimum(lengths, 9), 0))
    shapes = np.where(kinds == PUNCT, _PUNCT_SHAPE[np.minimum(codes, 255)], shapes)
    shapes = np.where(kinds == NEWLINE, _SHAPE_NEWLINE, np.where(kinds == PAD, _SHAPE_PAD, shapes))
    return shapes.astype(np.uint8)


def _line_cases(starts: I64, ends: I64, line_breaks: Bool, uppers: I64, lowers: I64) -> U8:
    if not len(starts):
        return np.zeros(0, np.uint8)
    number = np.cumsum(line_breaks)
    first = np.flatnonzero(np.concatenate(([True], number[1:] != number[:-1])))
    last = np.concatenate((first[1:] - 1, [len(starts) - 1]))
    up = uppers[ends[last]] - uppers[starts[first]]
    low = lowers[ends[last]] - lowers[starts[first]]
    case = np.where(up == 0, 1, np.where(low == 0, 2, 0)).astype(np.uint8)
    return case[number - number[0]]


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
_COLUMN: Final = 0xBF58476D1CE4E5B9
TEMPLATES: Final = 40


def features(tokens: Tokens, wanted: I64) -> npt.NDArray[np.int64]:
    """Row numbers in the weight table, shape (TEMPLATES, len(wanted)), of the tokens with those indices.

    ``wanted`` must keep two tokens clear at both ends: the pads.
    """
    rows = np.empty((TEMPLATES, len(wanted)), np.uint64)
    word, head, tail, tail2 = (h[wanted] for h in tokens.hashes)
    left, left2, right, right2 = wanted - 1, wanted - 2, wanted + 1, wanted + 2
    w_l, w_l2, w_r, w_r2 = tokens.words[left], tokens.words[left2], tokens.words[right], tokens.words[right2]
    # A token's kind of word, shape and the case of its line in one small number.
    kind = COARSE[tokens.gaz].astype(np.uint64) * np.uint64(64) + tokens.shapes
    k, k_l, k_l2, k_r, k_r2 = kind[wanted], kind[left], kind[left2], kind[right], kind[right2]
    case = tokens.lines[wanted].astype(np.uint64)
    shape = tokens.shapes.astype(np.uint64)
    s, s_l, s_l2, s_r, s_r2 = shape[wanted], shape[left], shape[left2], shape[right], shape[right2]
    cased = k * np.uint64(4) + case
    flags = tokens.joined[wanted].astype(np.uint64) * np.uint64(2) + tokens.opens[wanted]
    glue = tokens.joined[right].astype(np.uint64)
    bits = tokens.gaz.astype(np.uint64)
    p1, p2, p3 = np.uint64(0x2545F4914F6CDD1D), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)
    rows[0] = 1
    rows[1] = word
    rows[2] = word + (s + np.uint64(1)) * p1
    rows[3] = head + s * p1
    rows[4] = tail + s * p1
    rows[5] = tail2 + s * p1
    rows[6] = bits[wanted] * p1 + case
    rows[7] = bits[wanted] * p1 + (s * np.uint64(8) + case + np.uint64(8)) * p2
    rows[8] = cased * np.uint64(4) + flags
    rows[9] = s * np.uint64(8) + flags * np.uint64(2) + glue
    rows[10] = w_l
    rows[11] = w_r
    rows[12] = w_l2
    rows[13] = w_r2
    rows[14] = w_l + cased * p2
    rows[15] = w_r + cased * p2
    rows[16] = w_l2 + w_l * p1
    rows[17] = w_r2 + w_r * p1
    rows[18] = w_l2 + w_l * p1 + k * p2
    rows[19] = w_r2 + w_r * p1 + k * p2
    rows[20] = word + w_l * p1
    rows[21] = word + w_r * p1
    rows[22] = k_l
    rows[23] = k_r
    rows[24] = k_l2
    rows[25] = k_r2
    rows[26] = k_l + cased * p1
    rows[27] = k_r + cased * p1
    rows[28] = k_l + cased * p1 + k_r * p2
    rows[29] = k_l2 + k_l * p1 + cased * p2
    rows[30] = k_r2 + k_r * p1 + cased * p2
    rows[31] = s_l2 + s_l * p1 + s * p2 + s_r * p3
    rows[32] = s_l + s * p1 + s_r * p2 + s_r2 * p3
    rows[33] = tokens.hashes[2][left] + cased * p1
    rows[34] = tokens.hashes[2][right] + cased * p1
    rows[35] = bits[left] * p1 + bits[wanted] * p2
    rows[36] = bits[right] * p1 + bits[wanted] * p2
    rows[37] = k_l2 + k_l * p1 + cased * p2 + k_r * p3
    rows[38] = k_l + cased * p1 + k_r * p2 + k_r2 * p3
    rows[39] = word + k_l * p1 + k_r * p2
    rows += _SALTS
    rows *= np.uint64(_COLUMN)
    rows ^= rows >> np.uint64(31)
    rows *= np.uint64(0x94D049BB133111EB)
    rows >>= _SHIFT
    return rows.view(np.int64)


_SALTS: Final = (np.arange(TEMPLATES, dtype=np.uint64) * np.uint64(0xA0761D6478BD642F))[:, None]
