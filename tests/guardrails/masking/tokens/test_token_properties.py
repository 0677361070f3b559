"""What holds for the tokens of every class: they come back exactly, never collide, and are never made of a token."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
import tempfile
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.classes import CLASSES, FREE_TEXT, UNCLASSIFIED
from gloveport.guardrails.masking.keys import Scope
from gloveport.guardrails.masking.tokens.recognise import PATTERNS, REDACTED, may_be_token
from gloveport.guardrails.masking.tokens.service import Tokens
from gloveport.tests.guardrails.masking.tokens.samples import cards, emails, ibans, macs, phones, ssns, urls
from gloveport.tools.tool import UNKNOWN

ANN = Scope("default", "ann", "support", "S1")
REVERSIBLE = sorted(set(CLASSES) - {"money", FREE_TEXT, UNCLASSIFIED})
TOKEN = re.compile("|".join(f"(?:{pattern})" for pattern in PATTERNS.values()))

TEXTS = (
    st.text(max_size=60)
    | st.text(st.characters(), max_size=12)
    | st.sampled_from(["\x00s", "\x00i12", "\ud800", "a\udfffb"])
)
STRUCTURED = st.one_of(
    emails(), phones(), cards(), ssns(), ibans(), macs(), urls(),
    st.ip_addresses().map(str), st.uuids(version=4).map(str), st.dates().map(dt.date.isoformat), st.integers().map(str),
)  # fmt: skip
OTHERS = st.one_of(
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=45))])),
    st.times(),
    st.uuids(version=4),
    st.binary(max_size=30),
    st.ip_addresses(),
)


@pytest.fixture(scope="module")
def service() -> Iterator[Tokens]:
    with tempfile.TemporaryDirectory() as folder:
        tokens = Tokens.open(f"file:{folder}/key", Path(folder) / "vault.sqlite")
        yield tokens
        tokens.close()


_SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


@given(class_name=st.sampled_from(REVERSIBLE), values=st.lists(STRUCTURED | TEXTS, max_size=12))
@example(class_name="address", values=["\x00", "\x000", "\x00i7"])  # look like what stands for no text
@_SETTINGS
def test_texts_come_back_exactly(service: Tokens, class_name: str, values: list[str]) -> None:
    tokens = service.tokenise(class_name, values, ANN)
    for value, token in zip(values, tokens, strict=True):
        if value == "":
            assert token == ""
            continue
        assert isinstance(token, str)
        if token != value:  # else it is a mask or a token by its form, and stays
            assert same(service.restore(token, ANN, class_name=class_name), value)
            assert service.token_class(token, ANN) == class_name
    assert service.tokenise(class_name, tokens, ANN) == tokens, "a token of a token is itself"
    assert len(set(tokens)) == len(set(values)), "equal tokens for equal values, and for no others"
    assert service.tokenise(class_name, values, ANN) == tokens


@given(class_name=st.sampled_from(REVERSIBLE), values=st.lists(OTHERS, max_size=8))
@_SETTINGS
def test_other_types_come_back_exactly(service: Tokens, class_name: str, values: list[object]) -> None:
    tokens = service.tokenise(class_name, values, ANN)
    for value, token in zip(values, tokens, strict=True):
        back = service.restore(token, ANN, class_name=class_name)
        assert same(back, value) or (isinstance(value, Decimal) and isinstance(back, Decimal) and back == value)
        if isinstance(value, float | Decimal) and value == 0:
            assert str(back) == str(value), "the sign of a zero, too"
        assert type(token) in (type(value), str) or isinstance(token, ipaddress.IPv6Address | ipaddress.IPv6Interface)
    assert service.tokenise(class_name, tokens, ANN) == tokens


@given(st.sampled_from(sorted(CLASSES)), st.lists(STRUCTURED | TEXTS | OTHERS, min_size=1, max_size=6))
@_SETTINGS
def test_no_value_shows_in_its_token(service: Tokens, class_name: str, values: list[object]) -> None:
    for value, token in zip(values, service.tokenise(class_name, values, ANN), strict=True):
        if isinstance(value, str) and len(value) > 7 and token != value:
            assert value.casefold() not in str(token).casefold()


@given(st.lists(STRUCTURED | TEXTS, max_size=10))
@_SETTINGS
def test_a_token_has_the_form_the_documentation_gives(service: Tokens, values: list[str]) -> None:
    for class_name in REVERSIBLE:
        for value, token in zip(values, service.tokenise(class_name, values, ANN), strict=True):
            core = str(token).strip(" \t\r\n")
            if token != value:
                assert TOKEN.fullmatch(core), class_name
                assert may_be_token(core)


@given(st.lists(STRUCTURED, max_size=20))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_real_value_is_taken_for_a_token(service: Tokens, values: list[str]) -> None:
    for value in values:
        assert service.restore(value, ANN) is UNKNOWN
        assert service.find(f"({value})", ANN) == []
        assert service.find(value) == [], "nor for an unknown one"


@pytest.mark.parametrize("class_name", REVERSIBLE)
def test_what_is_nothing_stays_nothing(service: Tokens, class_name: str) -> None:
    nothing = [None, "", math.nan, math.inf, -math.inf]
    tokens = service.tokenise(class_name, nothing, ANN)
    assert all(token is value for token, value in zip(tokens, nothing, strict=True))
    assert service.tokenise(class_name, [], ANN) == []
    assert service.tokenise(class_name, [True, [1], {"a": 1}, object()], ANN) == [f"[masked:{class_name}]"] * 4
    assert re.fullmatch(REDACTED, f"[masked:{class_name}]")
    assert service.tokenise(class_name, ["[masked:email]"], ANN) == ["[masked:email]"]


@pytest.mark.parametrize("class_name", ["email", "person", "account", "secret", "url", "phone"])
def test_a_long_value_gets_a_short_token(service: Tokens, class_name: str) -> None:
    megabyte = "x@" + "ä" * 500_000
    (token,) = service.tokenise(class_name, [megabyte], ANN)
    assert len(str(token)) < 80
    assert service.restore(token, ANN) == megabyte


@pytest.mark.parametrize(
    "value",
    [
        2**31 - 1, 2**31, 2**53 - 1, 2**53, 10**40, -1, -(2**63), 0, Decimal(10) ** 40, Decimal("1E+400"),
        Decimal("-0.000"), Decimal("1.10"), 1e308, 5e-324, dt.date.min, dt.date.max, dt.datetime.max,
        dt.datetime(2026, 11, 25, 3, tzinfo=dt.timezone(dt.timedelta(hours=-3))), dt.time(23, 59, 59, 999999),
        uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), b"", b"\xff" * 200, ipaddress.ip_interface("10.1.2.3/8"),
        ipaddress.ip_interface("2001:db8::1/64"), ipaddress.ip_address("::"),
    ],
    ids=str,
)  # fmt: skip
def test_exotic_values_come_back(service: Tokens, value: object) -> None:
    for class_name in ("account", "ip", "birth_date"):
        (token,) = service.tokenise(class_name, [value], ANN)
        back = service.restore(token, ANN)
        assert same(back, value)
        assert str(back) == str(value)


def test_whole_numbers_stay_whole_numbers_that_every_client_can_hold(service: Tokens) -> None:
    small, large = [0, 1, 77, 2**31 - 1], [2**31, 2**40, 2**53 - 1]
    tokens = service.tokenise("account", small, ANN)
    assert all(isinstance(t, int) and -(2**31) <= t < 0 for t in tokens)
    tokens = service.tokenise("account", small + large, ANN)
    assert all(isinstance(t, int) and -(2**53) <= t < 0 for t in tokens)
    assert tokens[:4] == service.tokenise("account", small, ANN), "whatever else is in the column"
    (decimal,) = service.tokenise("account", [Decimal(77)], ANN)
    assert decimal == Decimal(str(tokens[2])), "an id joins with itself, whatever its type"


def test_a_column_of_one_type_keeps_it(service: Tokens) -> None:
    columns: dict[str, list[object]] = {
        "account": [uuid.uuid4(), None, uuid.uuid4()],
        "birth_date": [dt.date(1980, 2, 3), None, dt.date(1999, 12, 31)],
        "device": [Decimal(5), None, Decimal(7)],
    }
    for class_name, values in columns.items():
        kept = {type(token) for token in service.tokenise(class_name, values, ANN)}
        assert kept == {type(value) for value in values}


@pytest.mark.parametrize(
    ("class_name", "samples"),
    [
        ("phone", phones()),
        ("card", cards()),
        ("ssn", ssns()),
        ("iban", ibans()),
        ("account", st.uuids(version=4).map(str)),
    ],
)
def test_these_tokens_are_as_long_as_their_values(
    service: Tokens, class_name: str, samples: st.SearchStrategy[str]
) -> None:
    @given(st.lists(samples, max_size=10))
    @settings(max_examples=60, deadline=None)
    def check(values: list[str]) -> None:
        extra = {"phone": (3, 6)}.get(class_name, (0, 0))
        for value, token in zip(values, service.tokenise(class_name, values, ANN), strict=True):
            assert extra[0] <= len(str(token)) - len(value) <= extra[1]

    check()


def test_ids_collide_with_nobody() -> None:
    """By construction: a bijection has no two equal values. Here 40,000 of them, and both ends of the domain."""
    with tempfile.TemporaryDirectory() as folder:
        tokens = Tokens.open(f"file:{folder}/key", Path(folder) / "vault.sqlite")
        ids = [*range(40_000), 2**31 - 1, 2**31]
        assert len(set(tokens.tokenise("account", ids, ANN))) == len(ids)
        tokens.close()


def test_equal_values_of_different_classes_do_not_join(service: Tokens) -> None:
    tokens = [service.tokenise(c, ["4711-ABC"], ANN)[0] for c in ("account", "device", "national_id")]
    assert len({str(t).partition("_")[2] for t in tokens}) == 3


def test_a_token_is_not_masked_again_in_a_column_of_another_class(service: Tokens) -> None:
    values = {"email": "ann@acme.com", "person": "Ann Smith", "ssn": "219-09-9999", "card": "4111111111111111"}
    values |= {
        "iban": "DE89370400440532013000",
        "phone": "+1 212 555 0187",
        "account": "MRN-1",
        "url": "https://a.org/x",
    }
    tokens = {c: service.tokenise(c, [v], ANN)[0] for c, v in values.items()}
    for class_name in (*tokens, "secret", "device", "birth_date"):
        for token in tokens.values():
            assert service.tokenise(class_name, [token], ANN) == [token]
