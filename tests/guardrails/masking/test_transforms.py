from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.guardrails.masking.classes import CLASSES
from gloveport.guardrails.masking.keys import Scope
from gloveport.guardrails.masking.tokens.service import Tokens
from gloveport.guardrails.masking.transforms import (
    LAST4,
    REDACTED,
    RESTRICTED_ZIP3,
    generalisable,
    too_few,
    transform,
)
from gloveport.tools.tool import Mask

TODAY = dt.date(2026, 11, 25)
VALUES = st.one_of(
    st.none(), st.text(max_size=20), st.integers(), st.floats(), st.decimals(), st.dates(), st.datetimes(),
    st.booleans(), st.uuids(), st.binary(max_size=4), st.ip_addresses(),
    st.ip_addresses().map(str), st.dates().map(str), st.integers().map(str),
)  # fmt: skip


def one(mask: Mask, class_name: str, value: object) -> object:
    (masked,) = transform(mask, class_name, [value], today=TODAY)
    return masked


@given(
    st.sampled_from([Mask.REDACT, Mask.LAST4, Mask.GENERALISE, Mask.DROP]),
    st.sampled_from([*CLASSES, "zip", "age"]),
    st.lists(VALUES),
)
def test_a_mask_of_a_mask_is_itself(mask: Mask, class_name: str, values: list[object]) -> None:
    masked = transform(mask, class_name, values, today=TODAY)
    assert len(masked) == len(values)
    assert transform(mask, class_name, masked, today=TODAY) == masked
    if mask is not Mask.DROP:
        for value, new in zip(values, masked, strict=True):
            assert (new is None) == (value is None)
            assert (new == "") == (value == "")


@given(st.sampled_from([Mask.REDACT, Mask.LAST4]), st.lists(VALUES, min_size=1))
def test_masks_look_the_same_everywhere(mask: Mask, values: list[object]) -> None:
    for value in transform(mask, "ssn", values):
        assert value is None or value == "" or re.fullmatch(f"{REDACTED}|{LAST4}", str(value))


def test_redact() -> None:
    values = ["a", None, "", 5, 0, False, math.nan, b"", dt.date(2000, 1, 1), "[masked:email]", "****1234"]
    r = "[masked:health]"
    assert transform(Mask.REDACT, "health", values) == [r, None, "", r, r, r, r, r, r, "[masked:email]", "****1234"]


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("4111 1111 1111 1234", "****1234"),
        ("DE89370400440532013000", "****3000"),
        (123456789, "****6789"),
        (uuid.UUID(int=0xABCD), "****abcd"),
        ("1234567", "[masked:card]"),
        ("----1234567----", "[masked:card]"),
        ("ÄÖÜäöüßÄÖÜ", "[masked:card]"),
        (True, "[masked:card]"),
        (b"12345678", "[masked:card]"),
        ("", ""),
        (None, None),
        ("****1234", "****1234"),
    ],
)
def test_last4(value: object, masked: object) -> None:
    assert one(Mask.LAST4, "card", value) == masked


@pytest.mark.parametrize(
    ("class_name", "value", "masked"),
    [
        ("birth_date", "1980-02-03", "1980"),
        ("birth_date", "1980-02-03 10:00:00", "1980"),
        ("birth_date", "03.02.1980", "1980"),
        ("birth_date", "1931-05-06", "1936"),
        ("birth_date", dt.date(1980, 2, 3), dt.date(1980, 1, 1)),
        ("birth_date", dt.datetime(1980, 2, 3, 4, 5), dt.datetime(1980, 1, 1)),
        ("birth_date", dt.date(1901, 2, 3), dt.date(1936, 1, 1)),
        ("birth_date", 1920, 1936),
        ("birth_date", "around 1980", "[masked:birth_date]"),
        ("birth_date", True, "[masked:birth_date]"),
        ("age", 42, 42),
        ("age", 97, 90),
        ("age", "103", "90"),
        ("age", Decimal(91), Decimal(90)),
        ("age", -1, "[masked:age]"),
        ("zip", "02139", "02100"),
        ("zip", "02139-4307", "02100"),
        ("zip", 2139, 2100),
        ("zip", "82101", "00000"),
        ("zip", "SW1A 1AA", "[masked:zip]"),
        ("ip", "10.1.2.3", "10.1.0.0/16"),
        ("ip", "2a01:4f8:c0c:1::1", "2a01:4f8::/32"),
        ("ip", "10.0.0.0/8", "10.0.0.0/8"),
        ("ip", ipaddress.ip_address("10.1.2.3"), ipaddress.ip_interface("10.1.0.0/16")),
        ("ip", "localhost", "[masked:ip]"),
        ("money", 0, 0),
        ("money", 0.5, 0.0),
        ("money", 1, 1),
        ("money", 4999, 2000),
        ("money", -12345, -10000),
        ("money", 99.99, 50.0),
        ("money", Decimal("1234.56"), Decimal(1000)),
        ("money", "75000", "50000"),
        ("money", "75 k", "[masked:money]"),
        ("money", math.inf, "[masked:money]"),
        ("email", "ann@acme.com", "[masked:email]"),
    ],
)
def test_generalise(class_name: str, value: object, masked: object) -> None:
    made = one(Mask.GENERALISE, class_name, value)
    assert made == masked
    assert type(made) is type(masked)
    assert generalisable(class_name) == (class_name != "email")


@pytest.mark.parametrize("area", sorted(RESTRICTED_ZIP3))
def test_small_zip_areas_are_one(area: str) -> None:
    assert one(Mask.GENERALISE, "zip", f"{area}42") == "00000"


def test_drop_and_pass() -> None:
    values = ["a", None, 5]
    assert transform(Mask.DROP, "email", values) == [None] * 3
    assert transform(Mask.PASS, "email", values) == values


@pytest.mark.parametrize("mask", [m for m in Mask if m not in (Mask.PASS, Mask.DROP)])
def test_whether_a_value_is_there_may_be_a_secret(tokens: Tokens, scope: Scope, mask: Mask) -> None:
    masked = transform(mask, "ssn", [None, "", "219-09-9999"], tokens=tokens, scope=scope, nulls_secret=True)
    assert masked[:2] == ["[masked:ssn]"] * 2


def test_tokens_need_something_to_make_them_with(tokens: Tokens, scope: Scope) -> None:
    with pytest.raises(ValueError, match="token service"):
        transform(Mask.TOKEN, "email", ["ann@acme.com"])
    made = transform(Mask.TOKEN, "email", ["ann@acme.com", None], tokens=tokens, scope=scope)
    assert made == tokens.tokenise("email", ["ann@acme.com", None], scope)


@pytest.mark.parametrize(
    ("distinct", "total", "top_share", "few"),
    [
        (0, 0, 0.0, False),
        (1, 1, 1.0, False),
        (10, 10, 0.1, False),  # nothing repeats
        (9, 10, 0.2, False),  # one pair among ten
        (2, 2, 0.5, False),
        (2, 10, 0.5, True),  # a flag
        (50, 1000, 0.02, True),  # states of a country
        (500, 20_000, 0.1, True),  # cities, skewed
        (999, 100_000, 0.001, True),
        (1000, 100_000, 0.001, False),
        (5000, 100_000, 0.3, True),  # one value takes a third
        (95_000, 100_000, 0.0001, False),  # e-mails
        (178, 200, 0.01, False),  # a sample of full names: some people share one
    ],
)
def test_few_values_in_many_rows_are_not_tokenised(distinct: int, total: int, top_share: float, few: bool) -> None:
    assert too_few(distinct, total, top_share) is few
