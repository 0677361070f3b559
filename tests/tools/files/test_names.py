"""Names: what is shown can be typed back, and nothing else is taken."""

from __future__ import annotations

import os
import unicodedata

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.tools.files.names import check_new, look_alike, parse_path, path_of, shown
from gloveport.tools.tool import ToolRefused

on_disk = (
    st.binary(min_size=1, max_size=40)
    .filter(lambda b: b"/" not in b and b"\0" not in b and b not in (b".", b".."))
    .map(os.fsdecode)
)
AWKWARD = "a.\\ux0ä\u202e\u200d\n\x1b\ue000\U000e0041é\u0301 \u00a0"
awkward = st.text(st.sampled_from(AWKWARD), min_size=1, max_size=12).filter(lambda t: t not in (".", ".."))


@given(st.one_of(on_disk, awkward))
def test_shown_and_parsed_are_inverse(name: str) -> None:
    text = shown(name)
    assert parse_path(text) == (name,)
    orjson.dumps(text)  # no half characters
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


@given(st.lists(on_disk, min_size=1, max_size=5))
def test_paths_are_inverse_too(names: list[str]) -> None:
    assert parse_path(path_of(tuple(names))) == tuple(names)


@given(st.text(max_size=60))
def test_what_is_taken_has_one_spelling_and_stays_inside(path: str) -> None:
    try:
        names = parse_path(path)
    except ToolRefused as refused:
        assert refused.code == "path-invalid"
        return
    assert path_of(names) == path
    joined = b"/".join(os.fsencode(name) for name in names)
    assert b"\0" not in joined
    assert not joined.startswith(b"/")
    assert all(part not in (b"", b".", b"..") for part in joined.split(b"/"))


@given(st.one_of(on_disk, awkward))
def test_a_new_name_shows_as_it_is(name: str) -> None:
    try:
        check_new(name)
    except ToolRefused:
        return
    assert shown(name) == name == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("name", ["visits.csv", "Grüße 2026.md", "報告.txt", "a'b", "COM.txt", "naïve.txt", "😀.txt"])
def test_ordinary_names_may_be_made(name: str) -> None:
    check_new(name)
    assert shown(name) == name


def test_look_alikes() -> None:
    assert look_alike("STRASSE") == look_alike("straße")
    assert look_alike("e\u0301") == look_alike("É")
    assert look_alike("a.txt") != look_alike("b.txt")
