"""The detector as a whole: many texts at once, context by key, threads, hostile and huge inputs, no network."""

# ruff: noqa: E501 - lists of hostile texts

from __future__ import annotations

import random
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.detect import Detector
from gloveport.tools.tool import TokenSpan

PIECES = [
    "Ann Smith", "ann@acme.com", "4539 5787 6362 1486", "+44 20 7946 0958", "DE89370400440532013000", "12 Oak Street, Springfield, IL 62704",
    "DOB 12/04/1981", "😀", "𝔘𝔫𝔦", "Łódź", "password = hunter2zz!Q", "10.1.2.3", "\u202e", "İ", "ß", "\ud800", "\0", "\1", "\n", " ", ", ",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnop", "https://x.org/u/ann", "passport X1234567", "SSN 536-22-8726",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=10).map("".join)


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_spans_are_in_order_and_inside(detector: Detector, text: str) -> None:
    at = 0
    for span in detector.scan(text):
        assert at <= span.start < span.end <= len(text)
        assert 0.5 <= span.score <= 1
        at = span.end


@given(st.lists(TEXTS, max_size=8))
@settings(max_examples=150, deadline=None)
def test_together_as_alone(detector: Detector, texts: list[str]) -> None:
    assert detector.scan_many(texts) == [detector.scan(text) for text in texts]


@given(TEXTS, st.text(alphabet="😀𝔘é中\u0301", max_size=5))
@settings(max_examples=150, deadline=None)
def test_offsets_move_with_what_stands_before(detector: Detector, text: str, before: str) -> None:
    shift = len(before) + 2
    alone = [(s.start + shift, s.end + shift, s.type) for s in detector.scan(f"\n\n{text}", structured_only=True)]
    moved = [(s.start + 2, s.end + 2, s.type) for s in detector.scan(f"{before}\n\n{text}", structured_only=True)]
    assert [(a - 2 + 2, b, t) for a, b, t in alone] == [(a + 0, b, t) for a, b, t in moved] or before[-1:].isalnum()


def test_keys_are_context(detector: Detector) -> None:
    plain, named = detector.scan_many(["2125550187", "2125550187"], [None, "home_phone"])
    assert plain == []
    assert [s.type for s in named] == ["PHONE"]


def test_open_columns_keep_names(detector: Detector) -> None:
    text = "Ann Smith of Berlin, ann@acme.com"
    assert [s.type for s in detector.scan(text, structured_only=True)] == ["EMAIL"]
    assert [s.type for s in detector.scan(text)] == ["PERSON", "LOCATION", "EMAIL"]


def test_what_is_skipped_is_not_found(detector: Detector) -> None:
    assert detector.scan("to k3v9@8zt1.example now", skip=lambda text: [TokenSpan(3, 20, "email")]) == []


def test_threshold() -> None:
    text = "Ann Smith wrote to ann@acme.com"
    assert [s.type for s in Detector(threshold=0.95).scan(text) if s.type == "EMAIL"] == ["EMAIL"]
    assert Detector(threshold=1.0).scan("SSN 666-12-3456") == []


def test_from_many_threads(detector: Detector) -> None:
    rng = random.Random(5)
    texts = [" ".join(rng.choices(PIECES, k=12)) for _ in range(60)]
    expected = [detector.scan(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(detector.scan, texts)) == expected


HOSTILE = [
    "a", "@", "a@", "a.", "1 ", "1-", "+1 ", "(1) ", "::", "a:", "://", "www.", "eyJ", "-----BEGIN ", "password=", "password is ", '"', "key: ",
    "Aa ", "A.", "é", "0x", "=", "%41", "12 Oak ", "via A", "/", "\\", "x" * 31 + "@", "1.", "DE12 ", "Bearer ", "&sig=", " -u a:b",
    "passw ord ", "token token ", "secret:\n", "\0", "born ", "MRN ", "zip ", "(", "+", "1234567890 ", "+1 212 555 0100 ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_length_and_not_faster(detector: Detector, piece: str) -> None:
    def took(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        began = time.process_time()
        detector.scan(text)
        return time.process_time() - began

    took(2_000)
    short = max(*(took(8_000) for _ in range(3)), 2e-4)
    # Ten times as long; quadratic would be a hundred. One quiet moment in five is enough to tell.
    assert any(took(80_000) < 40 * short for _ in range(5))


def test_nothing_opens_a_socket(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a detector has no network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert Detector().scan("Ann Smith, https://example.org/u?mail=ann@acme.com, 4539 5787 6362 1486")


def test_numpy_and_weights_are_loaded_only_for_names() -> None:
    program = (
        "import sys; from gloveport.guardrails.masking.detect import Detector; d = Detector(); "
        "d.scan('ann@acme.com', structured_only=True); print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@given(st.lists(st.tuples(TEXTS, st.sampled_from([None, "phone", "account", "notes"])), max_size=8))
@settings(max_examples=100, deadline=None)
def test_cells_seen_before_are_judged_as_new_ones_are(detector: Detector, cells: list[tuple[str, str | None]]) -> None:
    texts, keys = [text for text, _ in cells], [key for _, key in cells]
    new = [detector.scan(text, key=key, structured_only=True) for text, key in cells]
    for _ in range(2):
        assert detector.scan_many(texts, keys, structured_only=True) == new
        assert detector.scan_many(texts[::-1], keys[::-1], structured_only=True) == new[::-1]


def test_a_cell_that_held_nothing_is_looked_at_again_under_another_name_and_with_tokens(detector: Detector) -> None:
    def tokens(text: str) -> list[TokenSpan]:
        return [TokenSpan(0, 4, "person")] if text.startswith("tok_") else []

    text = "tok_536-22-8726"
    assert detector.scan_many([text], ["ssn"], structured_only=True) == [[]], "part of a longer word"
    (found,) = detector.scan_many([text], ["ssn"], structured_only=True, skip=tokens)
    assert [text[span.start : span.end] for span in found] == ["536-22-8726"]
    assert detector.scan_many(["4024 0071"], ["shelf"], structured_only=True) == [[]]
    assert detector.scan_many(["4024 0071"], ["phone"], structured_only=True) != [[]]
