"""Values that only the words before them give away."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("DOB: 04/12/1981", "04/12/1981"),
        ("Date of Birth - 12 April 1981", "12 April 1981"),
        ("born on April 12, 1981 in", "April 12, 1981"),
        ("geb. 12.4.1981", "12.4.1981"),
        ("née le 12 avril 1981", "12 avril 1981"),
        ("fecha de nacimiento: 12/04/1981", "12/04/1981"),
        ("data di nascita 12/04/1981", "12/04/1981"),
        ('{"birthDate": "1981-04-12"}', "1981-04-12"),
    ],
)
def test_birth_date(find, text: str, value: str) -> None:
    assert ("DATE_OF_BIRTH", value) in find(text)


@pytest.mark.parametrize(
    "text", ["shipped on 04/12/2026", "Date: 12 April 1981", "born 3 weeks early", "birth weight 3200 g", "2026-04-12"]
)
def test_no_birth_date(find, text: str) -> None:
    assert [t for t, _ in find(text) if t == "DATE_OF_BIRTH"] == []


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("MRN 00482913", "MEDICAL_RECORD", "00482913"),
        ("MRN: E12345678", "MEDICAL_RECORD", "E12345678"),
        ("medical record number is 482913", "MEDICAL_RECORD", "482913"),
        ("patient id: 7781234", "MEDICAL_RECORD", "7781234"),
        ("passport no. 533380006", "PASSPORT", "533380006"),
        ("Reisepass C01X00T47", "PASSPORT", "C01X00T47"),
        ("passport number: X1234567", "PASSPORT", "X1234567"),
        ("driver's license D1234567", "NATIONAL_ID", "D1234567"),
        ("Personalausweis L01X00T47", "NATIONAL_ID", "L01X00T47"),
    ],
)
def test_named_numbers(find, text: str, kind: str, value: str) -> None:
    assert (kind, value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "MRN missing",
        "passport office opens at 9",
        "passport renewed 2024-05-01",
        "license key expired",
        "chart of 2026",
        "patient in room 12",
    ],
)
def test_no_named_numbers(find, text: str) -> None:
    assert [t for t, _ in find(text) if t in ("MEDICAL_RECORD", "PASSPORT", "NATIONAL_ID")] == []
