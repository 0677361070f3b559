from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.tokens.sealed import SIZES, Sealer

SEALER = Sealer(b"\x07" * 32)
OTHER = Sealer(b"\x08" * 32)
TEXTS = (
    st.text(max_size=40) | st.text("0123456789", max_size=60) | st.from_regex(r"[A-Za-z0-9._-]{0,40}", fullmatch=True)
)


@given(st.lists(st.tuples(TEXTS, st.integers(0, 2**64 - 1)), max_size=9))
@settings(max_examples=200, deadline=None)
def test_a_seal_opens_under_its_own_key_and_tweak_only(rows: list[tuple[str, int]]) -> None:
    texts, tweaks = [text for text, _ in rows], [tweak for _, tweak in rows]
    for text, tweak, sealed in zip(texts, tweaks, SEALER.seal(texts, tweaks), strict=True):
        if sealed is None:
            assert len(text.encode("utf-8", "surrogatepass")) > 40
            continue
        assert len(sealed) in SIZES
        assert SEALER.open(sealed, tweak) == text
        assert SEALER.open(sealed, tweak ^ 1) is None
        assert OTHER.open(sealed, tweak) is None
        assert SEALER.seal([text], [tweak]) == [sealed], "alone as in a column"


def test_texts_of_one_number_are_told_apart() -> None:
    texts = ["", "0", "00", "000", "A", "AA", "..", "--", "\0", "\0\0", "é", "0.0", "1" * 30, "a" * 30]
    sealed = SEALER.seal(texts)
    assert len(set(sealed)) == len(texts)
    assert [SEALER.open(s) for s in sealed if s] == texts


@pytest.mark.parametrize("text", ["", "abc", "a" * 9, "A" * 8, "l" * 8, "u" * 8, "é" * 8])
def test_what_is_no_seal_does_not_open(text: str) -> None:
    assert SEALER.open(text) is None


def test_random_symbols_do_not_open() -> None:
    r = random.Random(3)
    guesses = ["".join(r.choices("0123456789abcdefghjkmnpqrstvwxyz", k=8)) for _ in range(20_000)]
    assert [g for g in guesses if SEALER.open(g) is not None] == []


def test_what_is_too_long_is_not_sealed() -> None:
    assert SEALER.seal(["x" * 500, "9" * 500, "é" * 300, "ok"])[:3] == [None] * 3
