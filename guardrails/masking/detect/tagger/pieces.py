"""Tagging one piece of text: in C where the extension was built, with numpy elsewhere, with the same answers."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, cast

import numpy as np

from . import features as f
from . import model as m

Mention: TypeAlias = tuple[int, int, int, float]  # start, end, index of `model.KINDS`, how far it leads in log odds
Word: TypeAlias = tuple[int, int, int, int]  # hash, start, end, and one of the following
FREE, TAKEN, SURE = range(3)  # in no mention, in one, in one that surely is a person

_SURE_MARGIN: Final = 2.2  # log odds of .9
_PADS: Final = "\x00\x00"
_ORDINARY: Final = f.COMMON | f.FREQUENT | f.CALENDAR | f.TITLE | f.ORGANISATION | f.STREET | f.COUNTRY | f.DEMONYM
_PERSON: Final = 0


class Tagged(NamedTuple):
    """What one piece holds; offsets are those of the piece.

    ``words`` are its capitalised words of three letters or more that mean nothing in particular.
    """

    mentions: list[Mention]
    words: list[Word]


Tagger: TypeAlias = Callable[[str], Tagged]


@lru_cache(maxsize=1)
def best_tagger() -> Tagger:
    """The C tagger if it was built, the numpy one if not. Raises what `model.load` raises."""
    model = m.load()
    return native_tagger(model) or numpy_tagger(model)


def numpy_tagger(model: m.Model) -> Tagger:
    """The tagger in numpy: about 1 ms for a first call on 1 KB, a fifth of that a KB on long texts."""

    def tag(text: str) -> Tagged:
        padded = f"{_PADS}{text}{_PADS}"
        tokens = f.tokenise(padded, padded.encode("ascii", "replace"), model.alphabet, model.gazetteer)
        wanted = m.candidates(tokens)
        mentions: list[Mention] = []
        held = np.full(len(tokens.starts), FREE, np.int8)
        if len(wanted) and (found := m.decode(model, wanted, m.emissions(model, tokens, wanted))) is not None:
            starts, ends = tokens.starts[found.first] - len(_PADS), tokens.ends[found.last - 1] - len(_PADS)
            mentions = list(
                zip(starts.tolist(), ends.tolist(), found.kinds.tolist(), found.margins.tolist(), strict=True)
            )
            sure = (found.kinds == _PERSON) & (found.margins >= np.float32(_SURE_MARGIN))
            for first, last, one in zip(found.first.tolist(), found.last.tolist(), sure.tolist(), strict=True):
                held[first:last] = SURE if one else TAKEN
        telling = np.flatnonzero(
            (tokens.shapes == 1) & ((tokens.gaz & _ORDINARY) == 0) & (tokens.ends - tokens.starts > 2)
        )
        words = zip(
            tokens.words[telling].tolist(),
            (tokens.starts[telling] - len(_PADS)).tolist(),
            (tokens.ends[telling] - len(_PADS)).tolist(),
            held[telling].tolist(),
            strict=True,
        )
        return Tagged(mentions, list(words))

    return tag


def native_tagger(model: m.Model) -> Tagger | None:
    """The tagger in C, or None where the extension was not built. Some tens of microseconds for 1 KB."""
    try:
        core = importlib.import_module("._core", __package__)
    except ImportError:
        return None
    hashes = model.gazetteer.hashes
    buckets = np.searchsorted(hashes, np.arange(1, 1 << 12, dtype=np.uint32) << np.uint32(20))
    buckets = np.concatenate(([0], buckets, [len(hashes)])).astype(np.uint32)
    tables = (
        model.alphabet.classes,
        model.alphabet.folded,
        hashes,
        model.gazetteer.bits,
        buckets,
        model.weights,
        model.transitions,
        *f.tables(),
    )
    constants = (model.scale, float(m.LEANING), m.CERTAIN, _SURE_MARGIN)
    bits = (f.COMMON | f.FREQUENT, m.TELLING, _ORDINARY)
    held = core.prepare(tuple(np.ascontiguousarray(t) for t in tables), f.MULTIPLIERS, f.SHIFT, constants, bits)
    native = cast("Callable[[object, str], tuple[list[Mention], list[Word]]]", core.tag)
    return lambda text: Tagged(*native(held, text))
