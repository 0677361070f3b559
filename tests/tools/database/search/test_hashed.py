"""The default embedder: words and pieces of words, weighed by rarity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.tools.database.search.embedding import EmbedderUnusable, embedder
from gloveport.tools.database.search.hashed import HashedEmbedder

NOTES = [
    "Patient has a dry cough at night and slight fever.",
    "Broken wrist after a fall from the bicycle.",
    "Coughing since two weeks, worse at night; sleeps badly.",
    "Invoice was sent twice, refund requested.",
    "Refund for invoice 4711 approved by the back office.",
    "Étude: migraine avec aura depuis hier.",
]


def best(question: str) -> list[int]:
    scores = HashedEmbedder().fit(NOTES).rank(question)
    return [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] > 0]


def test_inflections_and_misspellings_find_their_text() -> None:
    assert set(best("coughs nightly")[:2]) == {0, 2}
    assert best("bycicle")[0] == 1
    assert set(best("refunds of invoices")[:2]) == {3, 4}


def test_accents_and_case_do_not_matter() -> None:
    assert best("etude MIGRAINE")[0] == 5


def test_a_text_is_closest_to_itself_and_strangers_to_nothing() -> None:
    space = HashedEmbedder().fit(NOTES)
    for i, note in enumerate(NOTES):
        scores = space.rank(note)
        assert int(scores.argmax()) == i
        assert scores[i] == pytest.approx(1.0, abs=1e-5)
    assert not space.rank("zzzz qqqq").any()
    assert not space.rank("").any()


def test_an_empty_index_answers() -> None:
    assert len(HashedEmbedder().fit([]).rank("anything")) == 0
    assert not HashedEmbedder().fit(["", " "]).rank("anything").any()


def test_the_same_texts_give_the_same_scores() -> None:
    first, second = HashedEmbedder().fit(NOTES), HashedEmbedder().fit(list(NOTES))
    np.testing.assert_array_equal(first.rank("cough"), second.rank("cough"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8), st.text(max_size=40))
def test_scores_stay_between_nought_and_one(texts: list[str], question: str) -> None:
    scores = HashedEmbedder().fit(texts).rank(question)
    assert scores.shape == (len(texts),)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_unknown_embedders_are_one_line() -> None:
    with pytest.raises(EmbedderUnusable, match=r"must be hashed or sentence-transformers:MODEL"):
        embedder("word2vec")
