"""Texts remembered by their hashes: equal for equal texts, gone after a minute or when there are too many."""

from __future__ import annotations

from gloveport.guardrails.masking import remembered
from gloveport.guardrails.masking.remembered import Remembered, keyed_hashes


def test_equal_texts_have_equal_hashes_and_others_have_not() -> None:
    texts = ["ann@acme.com", "", "ann@acme.co", "\ud800", "Łódź"]
    assert keyed_hashes(texts) == keyed_hashes([text[:1] + text[1:] for text in texts])
    assert len(set(keyed_hashes(texts))) == len(texts)


def test_under_another_name_a_text_is_another() -> None:
    names = [None, "None", "phone", "phon", ""]
    texts = ["212", "212", "212", "e212", "phone212"]
    assert keyed_hashes(texts, names) == keyed_hashes(list(texts), list(names))
    assert len(set(keyed_hashes(texts, names))) == len(texts)


def test_nothing_stays_longer_than_a_minute() -> None:
    now = 0.0
    kept = Remembered(clock=lambda: now)
    hashes = keyed_hashes(["one", "two"])
    kept.add(hashes)
    now = 59.0
    assert kept.known().issuperset(hashes)
    now = 61.0
    assert not kept.known()


def test_it_starts_anew_when_it_is_full() -> None:
    kept = Remembered(clock=lambda: 0.0)
    kept.add((n, n) for n in range(remembered.MOST + 1))
    assert not kept.known()
