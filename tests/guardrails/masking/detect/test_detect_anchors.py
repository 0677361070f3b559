"""Hyperscan and its twin on `re` give the same hits in the same order; anchors written out mean what they meant."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.detect import Detector, detector
from gloveport.guardrails.masking.detect.anchors import HyperscanScanner, RegexScanner
from gloveport.guardrails.masking.detect.literals import written_out

pytest.importorskip("hyperscan")
ANCHORS = detector.ANCHORS
FAST, PLAIN = HyperscanScanner(ANCHORS), RegexScanner(ANCHORS)
# Pieces of anchors beside each other hit what no random text would.
_TEXTS = [text for found in map(written_out, (a.pattern for a in ANCHORS)) if found for text in found.texts[:3]]
_PIECES = st.sampled_from(
    [
        *_TEXTS,
        "4539578763621486",
        "12345678Z",
        "ab",
        "_",
        "-",
        " ",
        "\n",
        "\0",
        "é",
        "9",
        "A",
        ":",
        ".",
        "0x" + "a" * 40,
    ]
)


@given(st.lists(_PIECES | st.text(alphabet=st.characters(max_codepoint=255), max_size=8), max_size=12))
@settings(max_examples=400, deadline=None)
def test_same_hits(pieces: list[str]) -> None:
    raw = "".join(pieces).encode("ascii", "replace")
    assert FAST.scan(raw) == PLAIN.scan(raw)


def test_same_findings(detector: Detector) -> None:
    twin = Detector(hyperscan=False)
    text = "Ann <ann@acme.com>, card 4539 5787 6362 1486, 12 Oak Street, token ghp_" + "a1B2c3D4e5F6" * 3
    assert twin.scan(text) == detector.scan(text) != []


@pytest.mark.parametrize("anchor", ANCHORS, ids=lambda a: a.pattern)
def test_written_out_is_the_same_language(anchor) -> None:
    plain = written_out(anchor.pattern)
    if plain is None:
        return
    pattern = re.compile(anchor.pattern.removeprefix(r"\b").removesuffix(r"\b"))
    assert all(pattern.fullmatch(text) for text in plain.texts)
    assert len(set(plain.texts)) == len(plain.texts)
    assert plain.begins == anchor.pattern.startswith(r"\b")
    assert plain.ends == anchor.pattern.endswith(r"\b")


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("ab", {"ab"}),
        (r"\bab\b", {"ab"}),
        ("a[bc]d?", {"ab", "ac", "abd", "acd"}),
        ("a(?:b|cd)?e", {"ae", "abe", "acde"}),
        (r"x\.[0-2]", {"x.0", "x.1", "x.2"}),
        (r"k[_\-. ]?y", {"ky", "k_y", "k-y", "k.y", "k y"}),
    ],
)
def test_written_out(pattern: str, texts: set[str]) -> None:
    found = written_out(pattern)
    assert found is not None
    assert set(found.texts) == texts


@pytest.mark.parametrize("pattern", ["a+", "a{3}", "a.b", "[a-z][a-z]", "a*", "a|", "(a)", "^a", r"a\d", "[^a]", "a?"])
def test_what_is_not_written_out(pattern: str) -> None:
    assert written_out(pattern) is None


def test_word_boundaries_at_the_edges_of_a_text() -> None:
    for text in ("st", " st", "12 Oak st", "a_dob", "dob", "dob_", "DOB"):
        assert FAST.scan(text.encode()) == PLAIN.scan(text.encode())


def test_an_anchor_matches_in_one_way_from_any_start() -> None:
    """What makes the two engines agree: no anchor's text is the beginning of another text of the same anchor."""
    for anchor in ANCHORS:
        plain = written_out(anchor.pattern)
        if plain is None or plain.ends:
            continue
        for one, other in itertools.permutations(plain.texts, 2):
            assert not other.startswith(one), anchor.pattern
