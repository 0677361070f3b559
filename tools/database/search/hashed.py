"""Words and pieces of words, weighed by how rare they are (TF-IDF), hashed into one number each.

Finds texts that share words with a question, in any inflection and with spelling mistakes, and tokens that it names. It
knows no synonyms. Everything is numpy over one buffer: 20,000 notes of 200 characters are ready in about two seconds
and take some 40 MB.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from .embedding import Scores

_WORD: Final = re.compile(r"\w+")
_PIECE: Final = 4  # letters of a piece of a word, its boundary counted
_CHUNK: Final = 1000  # texts taken apart at a time, so that memory stays flat
_LONGEST: Final = 4000  # characters of a text that count
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_WORDS_WEIGH: Final = 2.0  # a whole word says more than its pieces

U64 = npt.NDArray[np.uint64]


class HashedEmbedder:
    """The default: no model, nothing to download."""

    def fit(self, texts: Sequence[str]) -> HashedSpace:
        return HashedSpace(texts)


class HashedSpace:
    """Texts as lists of features, inverted: for each feature, in which texts it is and how much it weighs there."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._count = len(texts)
        features, owners, counts = _counted(texts)
        self._features, first = np.unique(features, return_index=True)
        self._starts = np.append(first, len(features)).astype(np.int64)
        in_texts = np.diff(self._starts)
        # Rare features decide; one that is in every text weighs next to nothing.
        self._rarity = np.log((1 + self._count) / (0.5 + in_texts)).astype(np.float32)
        weights = counts * np.repeat(self._rarity, in_texts)
        lengths = np.sqrt(np.bincount(owners, weights.astype(np.float64) ** 2, minlength=self._count))
        lengths[lengths == 0] = 1.0
        self._owners = owners
        self._weights = (weights / lengths[owners]).astype(np.float32)

    def rank(self, question: str) -> Scores:
        scores = np.zeros(self._count, np.float32)
        features, _, counts = _counted([question])
        if not len(features) or not len(self._features):
            return scores
        at = np.minimum(np.searchsorted(self._features, features), len(self._features) - 1)
        known = self._features[at] == features
        # What no text has still lengthens the question: half a match is half a score.
        rarity = np.where(known, self._rarity[at], np.float32(np.log((1 + self._count) / 0.5)))
        weights = counts * rarity
        length = float(np.sqrt((weights.astype(np.float64) ** 2).sum())) or 1.0
        for where, weight in zip(at[known], weights[known] / length, strict=True):
            some = slice(self._starts[where], self._starts[where + 1])
            scores[self._owners[some]] += self._weights[some] * weight
        return np.clip(scores, 0.0, 1.0)


def _counted(texts: Sequence[str]) -> tuple[U64, npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Features sorted by feature and text, the text of each, and its damped count there."""
    folded = [_folded(text) for text in texts]
    words, word_owners = _words(folded)
    pieces, piece_owners = _pieces(folded)
    features = np.concatenate((words, pieces))
    owners = np.concatenate((word_owners, piece_owners))
    order = np.lexsort((owners, features))
    features, owners = features[order], owners[order]
    if not len(features):
        return features, owners, np.zeros(0, np.float32)
    fresh = np.append(True, (features[1:] != features[:-1]) | (owners[1:] != owners[:-1]))
    starts = np.flatnonzero(fresh)
    times = np.diff(np.append(starts, len(features)))
    features, owners = features[starts], owners[starts]
    weigh = np.where(features & np.uint64(1), np.float32(_WORDS_WEIGH), np.float32(1.0))
    return features, owners, (weigh * (1 + np.log(times))).astype(np.float32)


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text[:_LONGEST].casefold())
    return " ".join(_WORD.findall("".join(c for c in decomposed if not unicodedata.combining(c))))


def _words(texts: Sequence[str]) -> tuple[U64, npt.NDArray[np.int32]]:
    known: dict[str, int] = {}
    features: list[int] = []
    lengths: list[int] = []
    for text in texts:
        words = text.split()
        lengths.append(len(words))
        for word in words:
            feature = known.get(word)
            if feature is None:
                data = word.encode("utf-8", "surrogatepass")
                # two checksums make 64 bits; the last one says: a word
                feature = known[word] = zlib.crc32(data) << 32 | zlib.adler32(data, 1 + len(data)) | 1
            features.append(feature)
    owners = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    return np.array(features, np.uint64), owners


def _pieces(texts: Sequence[str]) -> tuple[U64, npt.NDArray[np.int32]]:
    """Every run of four letters of the texts, word boundaries counted, as numbers whose last bit is 0."""
    parts = [_pieces_of(texts[at : at + _CHUNK], at) for at in range(0, len(texts), _CHUNK)]
    if not parts:
        return np.zeros(0, np.uint64), np.zeros(0, np.int32)
    return np.concatenate([features for features, _ in parts]), np.concatenate([owners for _, owners in parts])


def _pieces_of(texts: Sequence[str], first: int) -> tuple[U64, npt.NDArray[np.int32]]:
    padded = [f" {text} \0" for text in texts]
    letters = np.array([ord(c) for c in "".join(padded)], np.uint64)
    if len(letters) < _PIECE:
        return np.zeros(0, np.uint64), np.zeros(0, np.int32)
    runs = np.lib.stride_tricks.sliding_window_view(letters, _PIECE)
    numbers = np.arange(first, first + len(texts), dtype=np.int32)
    owners = np.repeat(numbers, [len(text) for text in padded])[: len(runs)]
    inside = (runs != 0).all(axis=1) & (runs[:, 1:-1] != ord(" ")).all(axis=1)
    runs, owners = runs[inside], owners[inside]
    with np.errstate(over="ignore"):
        hashed = np.zeros(len(runs), np.uint64)
        for i in range(_PIECE):
            hashed = (hashed ^ runs[:, i]) * _MIX
            hashed ^= hashed >> np.uint64(29)
    return hashed & ~np.uint64(1), owners
