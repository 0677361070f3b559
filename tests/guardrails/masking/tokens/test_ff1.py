from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.tokens.ff1 import CHUNK, FF1, SMALLEST_DOMAIN

VECTORS = Path(__file__).parents[5] / "shared" / "vectors" / "ff1"
SAMPLES = json.loads(Path(__file__).with_name("nist_ff1_samples.json").read_text())["samples"]
SYMBOLS = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY = bytes(range(32))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: f"{4 * len(s['key'])}-{s['radix']}-{s['tweak'][:4]}")
def test_the_samples_of_nist(sample: dict[str, Any]) -> None:
    cipher, tweak = FF1(bytes.fromhex(sample["key"]), sample["radix"]), bytes.fromhex(sample["tweak"])
    plain, wanted = ([SYMBOLS.index(c) for c in sample[name]] for name in ("plain", "cipher"))
    assert cipher.encrypt(plain, tweak) == wanted
    assert cipher.decrypt(wanted, tweak) == plain


def _files() -> list[Path]:
    return sorted(VECTORS.glob("*.json.gz"))


def _cases(path: Path) -> Iterator[tuple[int, dict[str, Any], list[int] | None, list[int] | None]]:
    """Radix, case, message and ciphertext as numerals (None: not spelt in the alphabet)."""
    for group in json.loads(gzip.decompress(path.read_bytes()))["testGroups"]:
        alphabet = group.get("alphabet")

        def numerals(text: str | list[int], alphabet: str | None = alphabet) -> list[int] | None:
            if isinstance(text, list):
                return text
            assert alphabet is not None
            return [alphabet.index(c) for c in text] if set(text) <= set(alphabet) else None

        for case in group["tests"]:
            yield group["radix"], case, numerals(case["msg"]), numerals(case["ct"])


@pytest.mark.skipif(not _files(), reason="../shared/vectors/ff1 is not here")
@pytest.mark.parametrize("path", _files(), ids=lambda p: p.name.removesuffix("_test.json.gz"))
def test_every_wycheproof_case(path: Path) -> None:
    """Valid cases match where the domain has a million values or more; smaller domains and invalid cases are
    refused."""
    right = refused = vectorised = 0
    ciphers: dict[tuple[bytes, int], FF1] = {}
    for radix, case, message, ciphertext in _cases(path):
        where, key, tweak = f"case {case['tcId']}", bytes.fromhex(case["key"]), bytes.fromhex(case["tweak"])
        if message is None:
            assert case["result"] == "invalid", where
            continue
        if case["result"] == "invalid" or radix ** len(message) < SMALLEST_DOMAIN:
            with pytest.raises(ValueError):  # noqa: PT011 - whatever the reason
                FF1(key, radix).encrypt(message, tweak)
            refused += 1
            continue
        assert ciphertext is not None
        cipher = ciphers.setdefault((key, radix), FF1(key, radix))
        assert cipher.encrypt(message, tweak) == ciphertext, where
        assert cipher.decrypt(ciphertext, tweak) == message, where
        right += 1
        length = len(message)
        if len(tweak) in (0, 8) and cipher.fits_vector(length):
            words = [int.from_bytes(tweak, "big")] * 4 if tweak else None
            numbers = cipher.encrypt_numbers([_number(message, radix)] * 4, length, words)
            assert numbers == [_number(ciphertext, radix)] * 4, where
            vectorised += 1
    assert right > 1000
    assert refused > 10
    assert vectorised > 500


def _number(numerals: list[int], radix: int) -> int:
    number = 0
    for numeral in numerals:
        number = number * radix + numeral
    return number


@st.composite
def _columns(draw: st.DrawFn) -> tuple[int, int, list[int], list[int] | None]:
    radix = draw(st.sampled_from([2, 3, 10, 16, 26, 32, 36, 62, 64, 255, 256, 1000, 65535, 65536]))
    shortest = next(n for n in itertools.count(2) if radix**n >= SMALLEST_DOMAIN)
    length = draw(st.integers(shortest, shortest + 24))
    numbers = draw(st.lists(st.integers(0, radix**length - 1), min_size=4, max_size=9))
    numbers += [0, radix**length - 1]
    tweaks = draw(st.none() | st.lists(st.integers(0, 2**64 - 1), min_size=len(numbers), max_size=len(numbers)))
    return radix, length, numbers, tweaks


@given(column=_columns(), key=st.binary(min_size=16, max_size=16) | st.binary(min_size=32, max_size=32))
@settings(max_examples=300, deadline=None)
def test_the_vectorised_form_gives_the_numbers_of_the_scalar_form(
    column: tuple[int, int, list[int], list[int] | None], key: bytes
) -> None:
    radix, length, numbers, tweaks = column
    cipher = FF1(key, radix)
    spelt = [b""] * len(numbers) if tweaks is None else [t.to_bytes(8, "big") for t in tweaks]
    wanted = [cipher.encrypt_number(n, length, t) for n, t in zip(numbers, spelt, strict=True)]
    assert cipher.encrypt_numbers(numbers, length, tweaks) == wanted
    assert [cipher.decrypt_number(n, length, t) for n, t in zip(wanted, spelt, strict=True)] == numbers


@pytest.mark.parametrize(("radix", "length"), [(10, 16), (10, 6), (10, 19), (36, 8), (2, 64), (2, 20), (32, 12)])
def test_arrays_come_back_across_chunks(radix: int, length: int) -> None:
    rng = np.random.default_rng(7)
    numbers = rng.integers(0, radix**length, CHUNK + 77, dtype=np.uint64, endpoint=radix**length == 2**64 - 1)
    numbers %= np.uint64(min(radix**length, 2**64 - 1))
    cipher = FF1(KEY, radix)
    encrypted = cipher.encrypt_array(numbers, length)
    assert np.array_equal(cipher.decrypt_array(encrypted, length), numbers)
    for i in (0, 1, CHUNK - 1, CHUNK, CHUNK + 76):
        assert int(encrypted[i]) == cipher.encrypt_number(int(numbers[i]), length)


def test_halves_decrypt_too() -> None:
    cipher = FF1(KEY, 10)
    a, b = np.arange(9, dtype=np.uint64), np.arange(90, 99, dtype=np.uint64)
    tweaks = np.arange(9, dtype=np.uint64)
    there = cipher.encrypt_halves(a, b, 8, tweaks)
    back = cipher.encrypt_halves(*there, 8, tweaks, decrypt=True)
    assert np.array_equal(back[0], a)
    assert np.array_equal(back[1], b)


def test_an_empty_column_is_no_problem() -> None:
    cipher = FF1(KEY, 10)
    assert cipher.encrypt_numbers([], 16) == []
    assert len(cipher.encrypt_array(np.empty(0, np.uint64), 16)) == 0


def test_a_cipher_may_be_shared_by_threads() -> None:
    cipher = FF1(KEY, 10)
    wanted = [cipher.encrypt_number(n, 12) for n in range(200)]
    with ThreadPoolExecutor(4) as pool:
        assert all(got == wanted for got in pool.map(lambda _: cipher.encrypt_numbers(range(200), 12), range(20)))


@pytest.mark.parametrize(
    ("radix", "shortest"), [(2, 20), (10, 6), (16, 5), (26, 5), (36, 4), (62, 4), (64, 4), (1000, 2), (65536, 2)]
)
def test_domains_below_a_million_are_refused(radix: int, shortest: int) -> None:
    cipher = FF1(KEY, radix)
    cipher.encrypt_number(0, shortest)
    for length in range(shortest):
        with pytest.raises(ValueError, match=r"numerals|10\^6"):
            cipher.encrypt_number(0, length)


def test_what_cannot_be_enciphered_is_refused() -> None:
    cipher = FF1(KEY, 10)
    for wrong in ([0] * 5 + [10], [-1] + [0] * 5):
        with pytest.raises(ValueError, match="radix"):
            cipher.encrypt(wrong)
    for number in (-1, 10**6):
        with pytest.raises(ValueError, match="length"):
            cipher.encrypt_number(number, 6)
        with pytest.raises(ValueError, match="length"):
            cipher.encrypt_numbers([number] * 4, 6)
    with pytest.raises(ValueError, match="length"):
        cipher.encrypt_array(np.full(4, 10**6, np.uint64), 6)
    with pytest.raises(ValueError, match="word"):
        cipher.encrypt_array(np.zeros(4, np.uint64), 20)
    with pytest.raises(ValueError, match="word"):
        cipher.encrypt_halves(np.zeros(1, np.uint64), np.zeros(1, np.uint64), 60)
    with pytest.raises(ValueError, match="two words"):
        cipher.encrypt_wide_halves((np.zeros(1, np.uint64),) * 2, (np.zeros(1, np.uint64),) * 2, 16)
    for key, radix in ((b"short", 10), (KEY, 1), (KEY, 65537)):
        with pytest.raises(ValueError, match=r"key|radix"):
            FF1(key, radix)
