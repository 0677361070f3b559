"""Finding tokens fast finds what finding them slowly does."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.keys import Scope
from gloveport.guardrails.masking.tokens.forms import FORMS
from gloveport.guardrails.masking.tokens.recognise import candidates, may_be_token, may_hold_tokens
from gloveport.guardrails.masking.tokens.service import Tokens

ANN = Scope("default", "ann", "support", "S1")
VALUES = {
    "email": "ann@acme.com",
    "phone": "+1 212-555-0187",
    "card": "4539 5787 6362 1486",
    "ssn": "219-09-9999",
    "iban": "DE89 3704 0044 0532 0130 00",
    "person": "Ann Smith",
    "address": "12 Oak Street, Springfield",
    "ip": "10.1.2.3",
    "mac": "00:1b:44:11:3a:b7",
    "url": "https://acme.com/u/ann?id=7",
    "national_id": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "secret": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "account": "MRN-0012345",
    "birth_date": "1980-04-12",
}
GLUED = r"[0-9A-Za-z_.%@+\-]"
END = r"(?![0-9A-Za-z_@]|-[0-9A-Za-z])"
SLOW = {
    form.name: re.compile(f"(?<!{GLUED})(?:{form.loose}){END}", re.IGNORECASE | re.ASCII)
    for form in FORMS.values()
    if form.in_text and form.name != "span"
}
BETWEEN = st.text(st.sampled_from(" \t\n.,;:!?\"'()/-_+@=0aTtéß€中😀\0\u212a\u0130"), max_size=4)
FILLING = st.sampled_from(
    "the invoice|Ticket 1000301:|2026-01-02 10:00|o1l 0O|+49 170|12 oak|1234567890123|T 12 3456|x_0abc|0x3:aa:bb|"
    "deadbeefdeadbeef|550e8400-e29b|ab00 cd|Hugo Hewitt|Road 5|.example|db8:|+999".split("|")
)


@pytest.fixture(scope="module")
def made() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        tokens = Tokens.open(f"file:{folder}/key", Path(folder) / "vault.sqlite")
        yield {name: str(tokens.tokenise(name, [value], ANN)[0]) for name, value in VALUES.items()}
        tokens.close()


def mistyped(token: str, how: int) -> str:
    match how:
        case 1:
            return token.upper()
        case 2:
            return token.lower()
        case 3:
            return token.replace("@", "%40")
        case 4:
            return token[:-1]
        case _:
            return token


@given(st.lists(st.tuples(BETWEEN, st.sampled_from(sorted(VALUES)) | FILLING, st.integers(0, 5)), max_size=6), BETWEEN)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_form_is_found_wherever_it_stands(
    made: dict[str, str], parts: list[tuple[str, str, int]], last: str
) -> None:
    text = "".join(between + mistyped(made.get(what, what), how) for between, what, how in parts) + last
    found = {(candidate.form.name, candidate.start, candidate.end) for candidate in candidates(text)}
    for name, pattern in SLOW.items():
        for match in pattern.finditer(text):
            if FORMS[name].canonical(match[0]) is not None:
                assert (name, match.start(), match.end()) in found, name


@given(st.sampled_from(sorted(VALUES)), st.integers(0, 5), st.sampled_from(["", " ", '"', "'", "\t“"]), FILLING)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_column_with_a_token_is_looked_at(made: dict[str, str], name: str, how: int, quote: str, other: str) -> None:
    value = f"{quote}{mistyped(made[name], how)}{quote}."
    if may_be_token(value):
        assert may_hold_tokens([other, value, other])


@pytest.mark.parametrize("value", ["-17", "'-17'", "[masked:email]", "x [masked:person] y"])
def test_numbers_below_zero_and_masks_are_looked_at(value: str) -> None:
    assert may_hold_tokens(["Ann", value])


def test_most_columns_are_not() -> None:
    for name in VALUES.keys() - {
        "card",
        "iban",
        "secret",
    }:  # which look like tokens until more than their form is looked at
        assert not may_hold_tokens([VALUES[name]] * 3), name
    assert not may_hold_tokens(["Boston", "open", "asked for a copy of the invoice", "2026-01-02"])
