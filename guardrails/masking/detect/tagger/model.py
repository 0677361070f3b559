"""The trained tagger: its weights, and the best sequence of labels for the tokens of a text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from . import features as f

WEIGHTS: Final = Path(__file__).with_name("weights.npz")
LABELS: Final = ("O", "B-PERSON", "I-PERSON", "B-LOCATION", "I-LOCATION", "B-ORG", "I-ORG")
_K: Final = len(LABELS)
_OUTSIDE: Final = 0
_SURELY_OUTSIDE: Final = 7.0  # how far "O" must lead for a token not to be looked at again
_HOPELESS: Final = 9.0  # labels that far behind the best one of their token are not tried


class Mention(NamedTuple):
    """A name as the tagger sees it: token numbers, end exclusive, and how sure it is in 0..1."""

    first: int
    last: int
    kind: str
    score: float


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that is shipped. ``weights`` holds eight int8 per row, seen as one uint64."""

    alphabet: f.Alphabet
    gazetteer: f.Gazetteer
    weights: f.U64
    scale: float
    transitions: list[list[float]]  # from label (last: from the start) to label


def save(
    path: Path,
    alphabet: f.Alphabet,
    gazetteer: f.Gazetteer,
    weights: npt.NDArray[np.float32],
    transitions: npt.NDArray[np.float32],
) -> None:
    """Write the weights as int8 with one scale, hashes as differences in byte planes: what zlib likes."""
    scale = float(np.abs(weights).max()) / 127
    rows = np.zeros((len(weights), 8), np.int8)
    rows[:, :_K] = np.rint(weights / scale)
    codes = np.arange(1 << 16, dtype=np.uint16)
    steps = np.diff(gazetteer.hashes, prepend=np.uint32(0))
    np.savez_compressed(
        path,
        classes=alphabet.classes,
        folded=alphabet.folded - codes,
        hashes=steps.view(np.uint8).reshape(-1, 4).T.copy(),
        bits=gazetteer.bits,
        weights=rows.T.copy(),
        scale=np.float32(scale),
        transitions=transitions.astype(np.float32),
    )


@lru_cache(maxsize=2)
def load(path: Path = WEIGHTS) -> Model:
    """The shipped weights; read once.

    Raises:
        OSError: the file is not there. ValueError: it is not what `save` writes.
    """
    with np.load(path, allow_pickle=False) as data:
        codes = np.arange(1 << 16, dtype=np.uint16)
        hashes = np.cumsum(data["hashes"].T.copy().view(np.uint32).ravel(), dtype=np.uint32)
        return Model(
            f.Alphabet(data["classes"], data["folded"] + codes),
            f.Gazetteer(hashes, data["bits"]),
            np.ascontiguousarray(data["weights"].T).view(np.uint64).ravel(),
            float(data["scale"]),
            [[float(x) for x in row] for row in data["transitions"]],
        )


def emissions(model: Model, tokens: f.Tokens, wanted: f.I64) -> npt.NDArray[np.float32]:
    """Scores of the labels of the tokens ``wanted``, shape (len(wanted), labels)."""
    rows = model.weights[f.features(tokens, wanted)]
    sums = rows.view(np.int8).reshape(f.TEMPLATES, len(wanted), 8).sum(0, dtype=np.int32)
    return sums[:, :_K].astype(np.float32) * np.float32(model.scale)


def candidates(tokens: f.Tokens) -> f.I64:
    """Tokens worth scoring: all but the pads, common lower-case words, and punctuation far from any other candidate."""
    plain = (tokens.shapes == 0) & ((tokens.gaz & (f.COMMON | f.FREQUENT)) != 0) & ((tokens.gaz & _TELLING) == 0)
    word = (tokens.kinds == f.LOWER) & ~plain
    open_ = word | (tokens.kinds == f.DIGIT)
    near = open_.copy()
    near[1:] |= open_[:-1]
    near[:-1] |= open_[1:]
    near[2:] |= open_[:-2]
    near &= tokens.kinds != f.PAD
    return np.flatnonzero(near)


_TELLING: Final = f.PLACE_LARGE | f.COUNTRY | f.FIRST_COMMON | f.STREET


def decode(model: Model, wanted: f.I64, scores: npt.NDArray[np.float32]) -> list[Mention]:
    """The best labels by Viterbi, stretch by stretch: most tokens are surely outside any name."""
    if not len(wanted):
        return []
    best_name = scores[:, 1:].max(1)
    alive = np.flatnonzero(scores[:, 0] - best_name < _SURELY_OUTSIDE)
    if not len(alive):
        return []
    numbers = wanted[alive]
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    rows: list[list[float]] = scores[alive].tolist()
    firsts: list[int] = [0, *cuts.tolist(), len(alive)]
    token_numbers: list[int] = numbers.tolist()
    mentions: list[Mention] = []
    for begin, end in pairwise(firsts):
        labels = _viterbi(rows[begin:end], model.transitions)
        if labels is not None:
            _collect(mentions, labels, rows[begin:end], token_numbers[begin])
    return mentions


def _viterbi(rows: list[list[float]], transitions: list[list[float]]) -> list[int] | None:
    """The best path that comes from and goes to "outside"; None when all of it is outside."""
    states: list[tuple[int, float]] = [(_OUTSIDE, 0.0)]
    back: list[dict[int, int]] = []
    for row in rows:
        floor = max(row) - _HOPELESS
        new: list[tuple[int, float]] = []
        pointers: dict[int, int] = {}
        for label, score in enumerate(row):
            if score < floor and label:
                continue
            best, origin = -1e30, 0
            for previous, total in states:
                value = total + transitions[previous][label]
                if value > best:
                    best, origin = value, previous
            new.append((label, best + score))
            pointers[label] = origin
        states = new
        back.append(pointers)
    label, top = 0, -1e30
    for last, total in states:
        value = total + transitions[last][_OUTSIDE]
        if value > top:
            label, top = last, value
    path = [label]
    for pointers in reversed(back[1:]):
        label = pointers[label]
        path.append(label)
    path.reverse()
    return path if any(path) else None


def _collect(mentions: list[Mention], labels: list[int], rows: list[list[float]], offset: int) -> None:
    """Names in a labelled stretch. A label inside a name that has no beginning begins one."""
    at = 0
    while at < len(labels):
        label = labels[at]
        if label == _OUTSIDE:
            at += 1
            continue
        kind = LABELS[label][2:]
        inside = LABELS.index(f"I-{kind}")
        end = at + 1
        while end < len(labels) and labels[end] == inside:
            end += 1
        margin = max(rows[i][labels[i]] - rows[i][_OUTSIDE] for i in range(at, end))
        mentions.append(Mention(offset + at, offset + end, kind, 1 / (1 + math.exp(-max(-30.0, min(30.0, margin))))))
        at = end
