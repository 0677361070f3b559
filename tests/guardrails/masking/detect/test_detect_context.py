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
        ("Geb=1981-04-12;", "1981-04-12"),
        ("*12.04.1981 in Bonn", "12.04.1981"),
        ("né(e) le 12/04/1981", "12/04/1981"),
        ("fecha nac.: 12/04/1981", "12/04/1981"),
        ("nasc. 12/04/1981", "12/04/1981"),
        ("ur. 12.04.1981 r.", "12.04.1981"),
        ("doğum tarihi 12.04.1981", "12.04.1981"),
        ("geboren op 12-04-1981", "12-04-1981"),
    ],
)
def test_birth_date(find, text: str, value: str) -> None:
    assert ("DATE_OF_BIRTH", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "shipped on 04/12/2026",
        "Date: 12 April 1981",
        "born 3 weeks early",
        "birth weight 3200 g",
        "2026-04-12",
        "2*10.04.2026",
    ],
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
        ("patient no. 7781234", "MEDICAL_RECORD", "7781234"),
        ("hospital number C7781234", "MEDICAL_RECORD", "C7781234"),
        ("Patienten-ID 0007781234", "MEDICAL_RECORD", "0007781234"),
        ("NHC: 7781234", "MEDICAL_RECORD", "7781234"),
        ("prontuário 778123-4", "MEDICAL_RECORD", "778123-4"),
        ("account number 7781234", "IBAN", "7781234"),
        ("cédula 1.077.812.340", "NATIONAL_ID", "1.077.812.340"),
        ("KVNR A123456780", "NATIONAL_ID", "A123456780"),
        ("passport of the guest at reception C01X00T47", "PASSPORT", "C01X00T47"),
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
