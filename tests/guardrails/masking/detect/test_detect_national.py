"""National numbers that mix letters and digits, bank accounts and wallets: proven by their own check characters."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("DNI 12345678Z", "12345678Z"),
        ("dni: 12345678-Z", "12345678-Z"),
        ("NIE X1234567L", "X1234567L"),
        ("CF RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        ("PAN ABCPE1234F", "ABCPE1234F"),
        ("NI number AB 12 34 56 C", "AB 12 34 56 C"),
        ("HETU 131052-308T", "131052-308T"),
        ("NRIC S1234567D", "S1234567D"),
        ("resident id 11010519491231002X", "11010519491231002X"),
        ("NIR 1 85 05 2A 006 084 35", "1 85 05 2A 006 084 35"),
        ("Medicare 1EG4-TE5-MK73", "1EG4-TE5-MK73"),
    ],
)
def test_national_id(find, text: str, value: str) -> None:
    found = find(text)
    assert found == [("NATIONAL_ID", value)]


@pytest.mark.parametrize(
    "text",
    [
        "DNI 12345678A",
        "NIE X1234567A",
        "CF RSSMRA85T10A562T",
        "NI number QQ 12 34 56 C",
        "NRIC S1234567E",
        "HETU 131052-308U",
    ],
)
def test_wrong_check_character(find, text: str) -> None:
    assert [t for t, _ in find(text) if t == "NATIONAL_ID"] == []


@pytest.mark.parametrize(
    "value",
    [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19",
        "FR1420041010050500013M02606",
        "NO93 8601 1117 947",
        "gb29nwbk60161331926819",
    ],
)
def test_iban(find, value: str) -> None:
    assert find(f"transfer to {value}, thanks") == [("IBAN", value)]


@pytest.mark.parametrize(
    "value", ["DE89370400440532013001", "ZZ89370400440532013000", "DE8937040044053201300", "xDE89370400440532013000"]
)
def test_no_iban(find, value: str) -> None:
    assert [t for t, _ in find(f"transfer to {value}, thanks") if t == "IBAN"] == []


@pytest.mark.parametrize(
    "value",
    [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "0x52908400098527886E0F7030069857D2E4169EE7",
    ],
)
def test_crypto(find, value: str) -> None:
    assert find(f"send it to {value} please") == [("CRYPTO", value)]


@pytest.mark.parametrize("value", ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdz"])
def test_no_crypto(find, value: str) -> None:
    assert [t for t, _ in find(f"send it to {value} please") if t == "CRYPTO"] == []
