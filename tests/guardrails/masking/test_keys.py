from __future__ import annotations

import base64
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.guardrails.masking.keys import (
    KeyRing,
    KeyUnusable,
    Scope,
    framed,
    hkdf_expand,
    hkdf_extract,
    open_keys,
    retire_keys,
    rotate_keys,
)

ROOT = bytes(range(32))


def test_hkdf_gives_the_answers_of_rfc_5869() -> None:
    # Appendix A.1 and A.3
    one = hkdf_extract(bytes.fromhex("000102030405060708090a0b0c"), b"\x0b" * 22)
    assert one.hex() == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    okm = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    assert hkdf_expand(one, bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), 42).hex() == okm
    okm = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    assert hkdf_expand(hkdf_extract(b"", b"\x0b" * 22), b"", 42).hex() == okm
    for length in (0, 255 * 32 + 1):
        with pytest.raises(ValueError, match="length"):
            hkdf_expand(one, b"", length)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_no_two_names_of_keys_are_the_same_bytes(one: list[str], other: list[str]) -> None:
    assert (framed(*one) == framed(*other)) == (one == other)


def test_every_scope_type_and_epoch_has_its_own_key() -> None:
    ring = KeyRing({0: ROOT, 1: ROOT})
    scopes = [
        Scope("t", "ann", "support", "S1"),
        Scope("u", "ann", "support", "S1"),
        Scope("t", "ann", "support", "S1", "purpose"),
        Scope("t", "ann", "analytics", "S1", "purpose"),
        Scope("t", "ann", "support", "S1", "session"),
        Scope("t", "ann", "support", "S2", "session"),
    ]
    keys = [ring.derive(epoch, *s.parts, c, "x") for s in scopes for c in ("email", "phone") for epoch in (0, 1)]
    assert len(set(keys)) == len(keys)


def test_who_asks_is_not_part_of_a_key_and_neither_is_what_the_kind_leaves_out() -> None:
    for kind, same in (
        ("tenant", Scope("t", "bob", "x", "S9")),
        ("purpose", Scope("t", "bob", "support", "S9", "purpose")),
    ):
        assert Scope("t", "ann", "support", "S1", kind).parts == same.parts
    with pytest.raises(ValueError, match="planet"):
        Scope("t", "ann", "support", "S1", "planet")


def test_a_missing_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"
    ring = open_keys(f"file:{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert open_keys(f"file:{path}").check_value(0) == ring.check_value(0)
    assert [p.name for p in path.parent.iterdir()] == ["key"], "no scratch file stays"


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    barrier, values = threading.Barrier(8), set[bytes]()

    def start() -> None:
        barrier.wait()
        values.add(open_keys(f"file:{tmp_path}/key").check_value(0))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(values) == 1


@pytest.mark.parametrize(
    "text",
    [
        ROOT.hex(),
        f" {ROOT.hex().upper()}\n",
        base64.b64encode(ROOT).decode(),
        base64.urlsafe_b64encode(ROOT).decode().rstrip("="),
    ],
    ids=["hex", "upper", "base64", "url"],
)
def test_a_key_may_be_hex_or_base64(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENS_TEST_KEY", text)
    assert open_keys("env:TOKENS_TEST_KEY").check_value(0) == KeyRing({0: ROOT}).check_value(0)


def test_several_epochs_stand_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENS_TEST_KEY", f"2:{ROOT.hex()}, 0:{ROOT[::-1].hex()}")
    ring = open_keys("env:TOKENS_TEST_KEY")
    assert ring.current == 2
    assert ring.epochs == (2, 0)
    with pytest.raises(KeyError):
        ring.derive(1, "x")


SECRET = "f00dfeed" * 8


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not set"),
        (SECRET[:-2], "31 bytes"),
        (SECRET + "00", "33 bytes"),
        ("hunter2!", "neither hex nor base64"),
        (f"x:{SECRET}", "EPOCH:KEY"),
        (f"10:{SECRET}", "EPOCH:KEY"),
        (f"-1:{SECRET}", "EPOCH:KEY"),
        (f"1:{SECRET} 1:{SECRET}", "stands twice"),
    ],
)
def test_a_bad_key_is_one_line_that_does_not_show_it(text: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENS_TEST_KEY", text)
    with pytest.raises(KeyUnusable, match=says) as caught:
        open_keys("env:TOKENS_TEST_KEY")
    _one_line(caught.value, "env:TOKENS_TEST_KEY")
    assert not text or text not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("place", ["", "key", "env:", "file:", "vault:x"])
def test_a_place_must_say_what_it_is(place: str) -> None:
    with pytest.raises(KeyUnusable, match="env:NAME or file:PATH"):
        open_keys(place)


def test_a_key_file_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(ROOT * 3 + b"\xff")
    path.chmod(0o600)
    _refused(path, "not a key file")
    path.write_text("\n")
    _refused(path, "is empty")
    path.write_text(ROOT.hex())
    path.chmod(0o640)
    _refused(path, "chmod 600")
    folder = tmp_path / "folder"
    folder.mkdir()
    _refused(folder, "cannot be read")
    (tmp_path / "blocked").write_text("a file where a folder must be")
    _refused(tmp_path / "blocked" / "key", "cannot be (made|read)")


def _refused(path: Path, says: str) -> None:
    with pytest.raises(KeyUnusable, match=says) as caught:
        open_keys(f"file:{path}")
    _one_line(caught.value, str(path))


def _one_line(error: KeyUnusable, place: str) -> None:
    assert "\n" not in str(error)
    assert place in str(error)
    assert error.__cause__ is None


def test_rotation_adds_an_epoch_and_retiring_takes_one_away(tmp_path: Path) -> None:
    place = f"file:{tmp_path}/key"
    first = open_keys(place)
    second = rotate_keys(place)
    assert second.epochs == (1, 0)
    assert second.check_value(0) == first.check_value(0)
    assert open_keys(place).check_value(1) == second.check_value(1)
    assert stat.S_IMODE(os.stat(tmp_path / "key").st_mode) == 0o600
    with pytest.raises(KeyUnusable, match="cannot be retired"):
        retire_keys(place, 1)
    assert retire_keys(place, 0).epochs == (1,)
    assert open_keys(place).epochs == (1,)
    with pytest.raises(KeyUnusable, match="cannot be retired"):
        retire_keys(place, 0)


def test_epochs_are_digits_and_run_out(tmp_path: Path) -> None:
    place = f"file:{tmp_path}/key"
    open_keys(place)
    for _ in range(9):
        rotate_keys(place)
    with pytest.raises(KeyUnusable, match="10 epochs"):
        rotate_keys(place)


def test_a_variable_is_not_ours_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENS_TEST_KEY", ROOT.hex())
    with pytest.raises(KeyUnusable, match="where it is set"):
        rotate_keys("env:TOKENS_TEST_KEY")


@pytest.mark.parametrize("roots", [{}, {0: b"short"}, {10: ROOT}, {-1: ROOT}])
def test_a_ring_must_be_whole(roots: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match=r"key ring|32 bytes|epoch"):
        KeyRing(roots)
