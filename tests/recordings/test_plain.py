from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.recordings.plain import cut, plain


@given(st.text(st.characters()))
def test_nothing_that_moves_a_terminal_comes_through(text: str) -> None:
    shown = plain(text)
    shown.encode()
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u2028\u2029")
    assert plain(shown) == shown


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\x1b[31mb", "a\ufffdb"),
        ("\x1b]0;a title\x07b", "\ufffdb"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "\ufffdlink\ufffd"),
        ("\x1b]52;c;ZXZpbA==\x07", "\ufffd"),
        ("\x9b2Jx", "\ufffdx"),
        ("\x9d0;t\x9cx", "\ufffdx"),
        ("\x1bPq#0\x1b\\x", "\ufffdx"),
        ("\x1bc", "\ufffd"),
        ("a\rb\bc\x7f", "a\ufffdb\ufffdc\ufffd"),
        ("a\x1b", "a\ufffd"),
        ("\x1b]0;never ended", "\ufffd"),
        ("safe\u202eexe.txt", "safe\ufffdexe.txt"),
        ("two\nlines\tand é 漢字 😀", "two lines and é 漢字 😀"),
        ("dos\r\nends", "dos ends"),
    ],
)
def test_sequences_are_one_mark(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


def test_lines_are_kept_where_they_are_wanted() -> None:
    assert plain("a\n\tb\x1b[1m", lines=True) == "a\n\tb\ufffd"


def test_a_cut_is_marked() -> None:
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "ab…")
