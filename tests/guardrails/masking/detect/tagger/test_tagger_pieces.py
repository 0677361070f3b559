"""The tagger's two forms give the same answers, whatever they are given; its weights are small and are data."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.detect.tagger import features, model
from gloveport.guardrails.masking.detect.tagger.pieces import Tagger, best_tagger, native_tagger, numpy_tagger

WORDS = st.sampled_from(
    "Anna Smith of Berlin 12 Oak Street , . \n met Dr O'Neil in São Paulo USA mcDonald I 4539 @ # ' \" ( ) Łódź ß "
    "中文 😀 \0 \1 \t \r\n \u2028 \ufeff Ann Ann's he she the Москва Αθήνα ١٢ ½ e\u0301".split(" ")
)
TEXTS = st.lists(WORDS | st.text(max_size=5), max_size=60).flatmap(
    lambda parts: st.sampled_from([" ".join(parts), "".join(parts)])
)
MODEL = model.load()
PLAIN = numpy_tagger(MODEL)


@pytest.fixture(scope="module")
def native() -> Tagger:
    tagger = native_tagger(MODEL)
    if tagger is None:
        pytest.skip("the C core was not built here")
    return tagger


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_c_and_numpy_agree(native: Tagger, text: str) -> None:
    assert native(text) == PLAIN(text)


def test_c_and_numpy_agree_on_a_long_text(native: Tagger) -> None:
    text = "Anna Smith of Berlin met Bob O'Neil at 12 Oak Street.\n" * 300
    assert native(text) == PLAIN(text)
    assert native(text).mentions


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_offsets_are_inside(text: str) -> None:
    tagged = best_tagger()(text)
    for start, end, kind, _ in tagged.mentions:
        assert 0 <= start < end <= len(text)
        assert 0 <= kind < len(model.KINDS)
    for _, start, _, _ in tagged.words:
        assert text[start].isalpha()


def test_c_core_refuses_tables_that_do_not_fit(native: Tagger) -> None:
    from gloveport.guardrails.masking.detect.tagger import _core  # pyright: ignore

    short = tuple(np.zeros(3, np.uint8) for _ in range(13))
    with pytest.raises(ValueError, match="wrong size"):
        _core.prepare(short, features.MULTIPLIERS, features.SHIFT, (1.0, 0.0, 1.0, 1.0), (0, 0, 0))
    with pytest.raises(ValueError, match="not the tables"):
        _core.prepare((), features.MULTIPLIERS, features.SHIFT, (1.0, 0.0, 1.0, 1.0), (0, 0, 0))
    with pytest.raises(ValueError, match="PyCapsule"):
        _core.tag(object(), "Ann")


def test_weights_are_small_and_hold_no_code() -> None:
    assert model.WEIGHTS.stat().st_size < 2_000_000
    with zipfile.ZipFile(model.WEIGHTS) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())
    with np.load(model.WEIGHTS, allow_pickle=False) as data:
        assert all(data[name].dtype.kind in "uif" for name in data.files)


def test_what_is_saved_is_what_is_loaded(tmp_path) -> None:
    weights = np.zeros((1 << features.HASH_BITS, 7), np.float32)
    weights[5, 2] = 1.27
    target = tmp_path / "small.npz"
    gazetteer = features.Gazetteer(np.array([3, 9], np.uint32), np.array([1, 2], np.uint16))
    model.save(target, MODEL.alphabet, gazetteer, weights, np.zeros((8, 7), np.float32))
    first = target.read_bytes()
    model.save(target, MODEL.alphabet, gazetteer, weights, np.zeros((8, 7), np.float32))
    assert target.read_bytes() == first
    loaded = model.load(target)
    assert loaded.weights.view(np.int8)[5 * 8 + 2] == 127
    assert loaded.gazetteer.hashes.tolist() == [3, 9]
    assert loaded.alphabet.folded.tolist() == MODEL.alphabet.folded.tolist()
