"""The joined buffer: one byte a code point, every offset kept; and overlaps resolved by one sweep."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.classes import EntityType
from gloveport.guardrails.masking.detect.buffer import join, plain
from gloveport.guardrails.masking.detect.spans import Span, resolve, span, strength
from gloveport.tools.tool import TokenSpan

TEXT = st.text(alphabet=st.characters(), max_size=40)


@given(st.lists(TEXT, min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_offsets_are_code_points(texts: list[str]) -> None:
    buffer = join(texts)
    assert len(buffer.raw) == len(buffer.text)
    for index, (start, text) in enumerate(zip(buffer.starts, texts, strict=True)):
        part = buffer.text[start : start + len(text)]
        assert len(part) == len(text)
        for offset in range(start, start + len(text)):
            assert buffer.index(offset) == index
        for was, now in zip(text, part, strict=True):
            assert was == now or not was.isascii() or was in "\0\1"


def test_lookalikes() -> None:
    assert plain("１２\u00a0３–４‘＠") == "12 3-4'@"


@given(
    st.text(
        alphabet=st.characters() | st.sampled_from("\2?aé€\u00a0\u02bc\u2013\u2019\u0663\uff10\U0001f600\ud800"),
        max_size=30,
    )
)
@settings(max_examples=200, deadline=None)
def test_one_byte_a_character(text: str) -> None:
    buffer = join([text])
    assert buffer.text == plain(text.replace("\0", " ").replace("\1", " "))
    assert buffer.raw == buffer.text.encode("ascii", "replace")
    assert buffer.letters == re.sub(rb"[^a-z?]", b" ", buffer.lower)


def test_tokens_of_our_own_are_hidden() -> None:
    buffer = join(["mail a@b.co now"], lambda text: [TokenSpan(5, 11, "email")])
    assert buffer.text == "mail " + "\1" * 6 + " now"


def _spans(data: list[tuple[int, int, EntityType, float]]) -> list[Span]:
    return [span(start, start + width, kind, score) for start, width, kind, score in data]


SPANS = st.lists(
    st.tuples(
        st.integers(0, 40), st.integers(1, 15), st.sampled_from(list(EntityType)), st.sampled_from([0.5, 0.7, 0.9])
    ),
    max_size=12,
).map(_spans)


@given(SPANS)
@settings(max_examples=300, deadline=None)
def test_resolve(found: list[Span]) -> None:
    kept = resolve(found)
    assert all(a.end <= b.start for a, b in pairwise(kept))
    if found:  # the strongest of all is kept as it is
        top = max(map(strength, found))
        assert any(one in kept for one in found if strength(one) == top)
    for one in kept:
        assert any(f.start <= one.start and one.end <= f.end and f.type == one.type for f in found)


def test_the_rest_of_a_weaker_name_stays() -> None:
    weak, strong = span(0, 20, EntityType.LOCATION, 0.9), span(8, 14, EntityType.EMAIL, 0.6)
    assert [(s.start, s.end, s.type) for s in resolve([weak, strong])] == [
        (0, 8, "LOCATION"),
        (8, 14, "EMAIL"),
        (14, 20, "LOCATION"),
    ]
