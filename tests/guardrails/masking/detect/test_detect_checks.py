"""Check digits: one right number of each kind, and no single changed digit that passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.detect import checks

NUMBERS: list[tuple[Callable[[str], bool], str]] = [
    (checks.luhn, "4539578763621486"),
    (checks.nhs, "9434765919"),
    (checks.cpf, "52998224725"),
    (checks.steuer_id, "86095742719"),
    (checks.aadhaar, "234123412346"),
    (checks.sin, "130692544"),
    (checks.tfn, "123456782"),
    (checks.bsn, "111222333"),
    (checks.pesel, "44051401359"),
    (checks.nir, "185057800608491"),
    (checks.npi, "1234567893"),
]


@pytest.mark.parametrize(("check", "number"), NUMBERS)
def test_right(check: Callable[[str], bool], number: str) -> None:
    assert check(number)


@pytest.mark.parametrize(("check", "number"), NUMBERS)
def test_last_digit_wrong(check: Callable[[str], bool], number: str) -> None:
    assert [d for d in "0123456789" if d != number[-1] and check(number[:-1] + d)] == []


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (checks.dni, "12345678Z", "12345678A"),
        (checks.dni, "X1234567L", "X1234567M"),
        (checks.codice_fiscale, "RSSMRA85T10A562S", "RSSMRA85T10A562R"),
        (checks.iban, "GB29NWBK60161331926819", "GB30NWBK60161331926819"),
        (checks.bech32, "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdz"),
        (checks.base58check, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
        (checks.ssn, "536228726", "666228726"),
        (checks.nino, "AB123456C", "QQ123456C"),
        (checks.pan, "ABCPE1234F", "ABCQE1234F"),
    ],
)
def test_right_and_wrong(check: Callable[[str], bool], right: str, wrong: str) -> None:
    assert check(right)
    assert not check(wrong)


@given(st.text(alphabet="0123456789", min_size=8, max_size=18))
@settings(max_examples=200, deadline=None)
def test_luhn_finds_every_single_wrong_digit(head: str) -> None:
    (last,) = [d for d in "0123456789" if checks.luhn(head + d)]
    number = head + last
    for at in (0, len(number) // 2):
        other = str((int(number[at]) + 1) % 10)
        assert not checks.luhn(number[:at] + other + number[at + 1 :])


@given(st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_size=40))
@settings(max_examples=200, deadline=None)
def test_bank_and_wallet_checks_take_anything(value: str) -> None:
    for check in (checks.iban, checks.bech32, checks.base58check, checks.ripple):
        assert check(value) in (True, False)
