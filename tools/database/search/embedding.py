"""Embedders: what makes texts comparable. The default one needs no model, no download and no network.

An embedder *fits* a space to the texts of an index; a space *ranks* a question against them. Vectors never leave a
space: there is no method that gives one out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]

HASHED: Final = "hashed"
SENTENCE: Final = "sentence-transformers:"


class EmbedderUnusable(Exception):
    """An embedder cannot be had; one line: which, what, how to mend."""


class Space(Protocol):
    """The texts of an index, made comparable."""

    def rank(self, question: str) -> Scores:
        """How close each text is to a question, 0 to 1, in the order of the texts."""
        ...


class Embedder(Protocol):
    """Makes spaces. Called from worker threads; one at a time for each index."""

    def fit(self, texts: Sequence[str]) -> Space: ...


def embedder(name: str) -> Embedder:
    """The embedder a configuration names: ``hashed``, or ``sentence-transformers:MODEL``.

    Raises:
        EmbedderUnusable: nobody knows that name, or its package or model is missing.
    """
    if name == HASHED:
        from .hashed import HashedEmbedder

        return HashedEmbedder()
    if name.startswith(SENTENCE):
        from .sentences import SentenceEmbedder

        return SentenceEmbedder(name.removeprefix(SENTENCE))
    raise EmbedderUnusable(f"embedder {name!r}: must be {HASHED} or {SENTENCE}MODEL")
