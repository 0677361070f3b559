"""Runs of digits: cards, national numbers, telephone numbers, and the places where a number is none of them."""

from __future__ import annotations

import pytest

CARD = "4539578763621486"


@pytest.mark.parametrize(
    "value",
    [
        CARD,
        "4539 5787 6362 1486",
        "4539-5787-6362-1486",
        "378282246310005",
        "3782 822463 10005",
        "6011000990139424",
        "3530111333300000",
    ],
)
def test_card(find, value: str) -> None:
    assert find(f"paid with {value} today") == [("CREDIT_CARD", value)]


@pytest.mark.parametrize(
    "text",
    [
        "paid with 4539578763621487 today",  # the check digit is wrong
        "0000000000000000",
        "id 45395787636214861234567",  # a longer number
        "trace 4539578763621486",  # named as something else
        "tar-4539578763621486.gz",
        "0.4539578763621486",
    ],
)
def test_no_card(find, text: str) -> None:
    assert [t for t, _ in find(text) if t == "CREDIT_CARD"] == []


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("her SSN is 536-22-8726", "US_SSN", "536-22-8726"),
        ("ssn: 536228726", "US_SSN", "536228726"),
        ("social security 536 22 8726", "US_SSN", "536 22 8726"),
        ("NHS number 943 476 5919", "NATIONAL_ID", "943 476 5919"),
        ("CPF 529.982.247-25", "NATIONAL_ID", "529.982.247-25"),
        ("cpf do cliente: 52998224725", "NATIONAL_ID", "52998224725"),
        ("Steuer-ID 86095742719", "NATIONAL_ID", "86095742719"),
        ("Aadhaar 2341 2341 2346", "NATIONAL_ID", "2341 2341 2346"),
        ("SIN 130 692 544", "NATIONAL_ID", "130 692 544"),
        ("social insurance number 193 456 787", "NATIONAL_ID", "193 456 787"),
        ("tax file number 123 456 782", "NATIONAL_ID", "123 456 782"),
        ("numéro de sécu 1 85 05 78 006 084 91", "NATIONAL_ID", "1 85 05 78 006 084 91"),
        ("BSN 111222333", "NATIONAL_ID", "111222333"),
        ("PESEL 44051401359", "NATIONAL_ID", "44051401359"),
        ("personnummer 811218-9876", "NATIONAL_ID", "811218-9876"),
        ("contribuinte 218441789", "NATIONAL_ID", "218441789"),
        ("T.C. kimlik no 44178820442", "NATIONAL_ID", "44178820442"),
        ("AHV 756.9217.0769.85", "NATIONAL_ID", "756.9217.0769.85"),
        ("SA ID no. 8503120185082", "NATIONAL_ID", "8503120185082"),
    ],
)
def test_national_numbers(find, text: str, kind: str, value: str) -> None:
    assert find(text) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "000-12-3456",  # never issued
        "666-12-3456",
        "SKU 536-22-8726-A",
        "NHS number 943 476 5918",  # check digit
        "CPF 529.982.247-26",
        "Aadhaar 2341 2341 2347",
        "tax file number 123 456 783",
        "order 046454286",  # a right check digit alone is no name
        "batch 9434765919",
    ],
)
def test_no_national_numbers(find, text: str) -> None:
    assert [t for t, _ in find(text) if t in ("NATIONAL_ID", "US_SSN")] == []


@pytest.mark.parametrize(
    "value",
    [
        "+1 212 555 0187",
        "+44 (0)20 7946 0958",
        "+49 30 9018 2012",
        "+33 1 42 68 53 00",
        "+91 98765 43210",
        "(212) 555-0187",
        "212-555-0187",
        "212.555.0187",
        "1-800-555-0187",
        "+55 11 3028-4455",
        "0044 20 7946 0958",
        "0341 5550178",
        "0711/5550147",
        "06-55501234",
    ],
)
def test_phone(find, value: str) -> None:
    assert find(f"call me on {value} please") == [("PHONE", value)]


def test_phone_with_extension(find) -> None:
    assert find("call (212) 555-0187 ext. 44 now") == [("PHONE", "(212) 555-0187 ext. 44")]


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-12T13:55:36.123Z started",
        "between 1998 and 2004",
        "12/10/2026",
        "ip-10-105-160-226.ec2.internal",
        "release 2.14.0.1234",
        "/var/log/2026/10/12/5550187",
        "invoice 2125550187",
        "ISBN 978-3-16-148410-0",
        "1234567890",
        "3.14159265358",
        "1.234.567,89 EUR",
        "id=5550187",
        "size 2048 2048 4096",
        "commit 4f5e6d7 2125550187abc",
        "port 55501 to 55587",
        "Auftrag 0044-118820",
        "article 0341 5550178",
    ],
)
def test_no_phone(find, text: str) -> None:
    assert [v for t, v in find(text) if t == "PHONE"] == []


def test_a_key_is_context(find) -> None:
    assert find("2125550187") == []
    assert find("2125550187", "phone") == [("PHONE", "2125550187")]
    assert find("9434765919", "nhs_number") == [("NATIONAL_ID", "9434765919")]
    assert find("536228726", "customerSSN") == [("US_SSN", "536228726")]


def test_digits_of_other_scripts_and_spaces(find) -> None:
    assert find("card ４５３９ ５７８７ ６３６２ １４８６") == [("CREDIT_CARD", "４５３９ ５７８７ ６３６２ １４８６")]
    assert find("call +44 20 7946 0958") == [("PHONE", "+44 20 7946 0958")]  # no-break spaces
