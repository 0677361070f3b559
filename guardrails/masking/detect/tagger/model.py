"""The trained tagger: its weights, and the best sequence of labels for the tokens of a text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from . import features as f

WEIGHTS: Final = Path(__file__).with_name("weights.npz")
LABELS: Final = ("O", "B-PERSON", "I-PERSON", "B-LOCATION", "I-LOCATION", "B-ORG", "I-ORG")
KINDS: Final = ("PERSON", "LOCATION", "ORG")
_K: Final = len(LABELS)
_OUTSIDE: Final = 0
LEANING: Final = np.float32(0.45)  # a name that is missed costs more than a word that is masked
CERTAIN: Final = 3.5  # how far the best label must lead for its token not to be looked at again


class Mentions(NamedTuple):
    """Names as the tagger sees them: token numbers (end exclusive), kinds (index of `KINDS`), lead over "outside"."""

    first: f.I64
    last: f.I64
    kinds: f.I64
    margins: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that is shipped. ``weights`` holds eight int8 per row, seen as one uint64."""

    alphabet: f.Alphabet
    gazetteer: f.Gazetteer
    weights: f.U64
    scale: float
    transitions: npt.NDArray[np.float32]  # from label (last: from the start) to label


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
            data["transitions"],
        )


def emissions(model: Model, tokens: f.Tokens, wanted: f.I64) -> npt.NDArray[np.float32]:
    """Scores of the labels of the tokens ``wanted``, shape (len(wanted), labels)."""
    rows = model.weights[f.features(tokens, wanted)]
    sums = rows.view(np.int8).reshape(f.TEMPLATES, len(wanted), 8).sum(0, dtype=np.int32)
    scores = sums[:, :_K].astype(np.float32) * np.float32(model.scale)
    scores[:, _OUTSIDE] -= LEANING
    return scores


def candidates(tokens: f.Tokens) -> f.I64:
    """Tokens worth scoring: all but the pads, common lower-case words, and punctuation far from any other candidate."""
    plain = (tokens.shapes == 0) & ((tokens.gaz & (f.COMMON | f.FREQUENT)) != 0) & ((tokens.gaz & TELLING) == 0)
    word = (tokens.kinds == f.LOWER) & ~plain
    open_ = word | (tokens.kinds == f.DIGIT)
    near = open_.copy()
    near[1:] |= open_[:-1]
    near[:-1] |= open_[1:]
    near[2:] |= open_[:-2]
    near &= tokens.kinds != f.PAD
    return np.flatnonzero(near)


TELLING: Final = f.PLACE_LARGE | f.COUNTRY | f.FIRST_COMMON | f.STREET


def decode(model: Model, wanted: f.I64, scores: npt.NDArray[np.float32]) -> Mentions | None:
    """The best labels by Viterbi. Most tokens speak for themselves; what lies between those is solved all at once."""
    if not len(wanted):
        return None
    labels = scores.argmax(1)
    ranked = np.sort(scores, axis=1)
    doubtful = np.flatnonzero(ranked[:, -1] - ranked[:, -2] < CERTAIN)
    if len(doubtful):
        _settle(labels, doubtful, wanted, scores, model.transitions)
    inside = np.flatnonzero(labels)
    if not len(inside):
        return None
    chosen, numbers = labels[inside], wanted[inside]
    margins = scores[inside, chosen] - scores[inside, _OUTSIDE]
    kinds = (chosen + 1) // 2 - 1
    # A label inside a name that has no beginning begins one.
    begins = np.ones(len(inside), np.bool_)
    begins[1:] = (chosen[1:] != 2 * kinds[:-1] + 2) | (numbers[1:] != numbers[:-1] + 1)
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(inside)) - 1
    return Mentions(numbers[first], numbers[last] + 1, kinds[first], np.maximum.reduceat(margins, first))


def _settle(
    labels: f.I64,
    doubtful: f.I64,
    wanted: f.I64,
    scores: npt.NDArray[np.float32],
    transitions: npt.NDArray[np.float32],
) -> None:
    """Choose the labels of the doubtful tokens by the best path between their certain neighbours, in place.

    All stretches of doubtful tokens advance together, the longest first, so that those still running are a prefix.
    """
    numbers = wanted[doubtful]
    new = np.ones(len(doubtful), np.bool_)
    new[1:] = (doubtful[1:] != doubtful[:-1] + 1) | (numbers[1:] != numbers[:-1] + 1)
    begins = np.flatnonzero(new)
    lengths = np.append(begins[1:], len(doubtful)) - begins
    order = np.argsort(-lengths, kind="stable")
    begins, lengths = begins[order], lengths[order]
    first = doubtful[begins]
    after = first + lengths
    left = np.where((first > 0) & (wanted[first - 1] == wanted[first] - 1), labels[first - 1], _OUTSIDE)
    within = np.minimum(after, len(wanted) - 1)
    right = np.where((after == within) & (wanted[within] == wanted[after - 1] + 1), labels[within], _OUTSIDE)
    longest = int(lengths[0])
    running = np.searchsorted(-lengths, -np.arange(1, longest + 1), "right").tolist()  # how many are t + 1 long
    inner = transitions[:_K]
    emitted = scores[doubtful].T  # by label, token
    best = emitted[:, begins] + inner[left].T
    origins: list[npt.NDArray[np.intp]] = []
    for t in range(1, longest):
        count = running[t]
        paths = best[:, None, :count] + inner[:, :, None]  # by label before, label, stretch
        origins.append(paths.argmax(0))
        np.maximum.reduce(paths, 0, out=best[:, :count])
        best[:, :count] += emitted[:, begins[:count] + t]
    label = (best + inner[:, right]).argmax(0)
    every = np.arange(len(begins))
    chosen = np.empty(len(doubtful), np.int64)
    for t in range(longest - 1, 0, -1):
        count = running[t]
        chosen[begins[:count] + t] = label[:count]
        label[:count] = origins[t - 1][label[:count], every[:count]]
    chosen[begins] = label
    labels[doubtful] = chosen
