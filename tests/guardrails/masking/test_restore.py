from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.keys import Scope
from gloveport.guardrails.masking.restore import (
    USUAL_CLEARANCES,
    Clearance,
    RestoreCount,
    Restored,
    RestoreRate,
    restore,
)
from gloveport.guardrails.masking.tokens.service import Tokens
from gloveport.tests.canaries import CANARIES, leaks
from gloveport.tools.tool import UNKNOWN, Place, Slot, ToolRefused

TARGET = "clinic.patients.email"
BOB = Scope("default", "bob", "support", "S9")


@pytest.fixture
def token(tokens: Tokens, scope: Scope) -> str:
    (made,) = tokens.tokenise("email", ["ann@acme.com"], scope)
    return str(made)


@pytest.mark.parametrize("place", [Place.EQUALITY, Place.VALUE, Place.NAME])
def test_tokens_come_back_where_the_plan_bound_them(tokens: Tokens, scope: Scope, token: str, place: Place) -> None:
    done = restore(tokens, [Slot(token, place, TARGET), Slot(token, place, TARGET)], scope)
    assert done.values == ("ann@acme.com",) * 2
    assert done.counts == (RestoreCount("email", TARGET, place, 2),)
    assert done.unknown == ()


def test_a_text_keeps_its_tokens_unless_policy_clears_its_sink(tokens: Tokens, scope: Scope, token: str) -> None:
    slot = Slot(token, Place.CONTENT, "reports")
    assert restore(tokens, [slot], scope).values == (token,)
    assert restore(tokens, [slot], scope).counts == ()
    cleared = [*USUAL_CLEARANCES, Clearance(frozenset({Place.CONTENT}), frozenset({"reports"}))]
    done = restore(tokens, [slot, Slot(token, Place.CONTENT, "mail.body")], scope, cleared)
    assert done.values == ("ann@acme.com", token), "one sink is cleared, the other is not"
    assert done.counts == (RestoreCount("email", "reports", Place.CONTENT, 1),)


@pytest.mark.parametrize(
    ("clearance", "covers"),
    [
        (Clearance(frozenset({Place.EQUALITY})), True),
        (Clearance(frozenset({Place.VALUE})), False),
        (Clearance(frozenset({Place.EQUALITY}), frozenset({"clinic.*"})), True),
        (Clearance(frozenset({Place.EQUALITY}), frozenset({"clinic.visits.*"})), False),
        (Clearance(frozenset({Place.EQUALITY}), frozenset({TARGET}), frozenset({"email"})), True),
        (Clearance(frozenset({Place.EQUALITY}), frozenset({TARGET}), frozenset({"phone"})), False),
        (Clearance(frozenset()), False),
    ],
)
def test_a_clearance_is_a_place_a_target_and_a_class(
    tokens: Tokens, scope: Scope, token: str, clearance: Clearance, covers: bool
) -> None:
    slot = Slot(token, Place.EQUALITY, TARGET)
    if covers:
        assert restore(tokens, [slot], scope, [clearance]).values == ("ann@acme.com",)
        return
    with pytest.raises(ToolRefused) as refused:
        restore(tokens, [slot], scope, [clearance])
    assert refused.value.code == "restore-not-cleared"
    assert refused.value.place == TARGET
    assert not leaks([refused.value.message, refused.value.hint], ["ann@acme.com"])


def test_secrets_need_a_clearance_that_names_them(tokens: Tokens, scope: Scope) -> None:
    (token,) = tokens.tokenise("secret", ["sk_live_4eC39HqLyjWDarjtT1zdp7dc"], scope)
    slot = Slot(str(token), Place.VALUE, "clinic.keys.value")
    with pytest.raises(ToolRefused, match="restore-not-cleared"):
        restore(tokens, [slot], scope)
    named = Clearance(frozenset({Place.VALUE}), classes=frozenset({"secret"}))
    assert restore(tokens, [slot], scope, [named]).values == ("sk_live_4eC39HqLyjWDarjtT1zdp7dc",)


def test_a_place_may_demand_a_class(tokens: Tokens, scope: Scope, token: str) -> None:
    assert restore(tokens, [Slot(token, Place.EQUALITY, TARGET, "email")], scope).values == ("ann@acme.com",)
    done = restore(tokens, [Slot(token, Place.EQUALITY, "clinic.patients.phone", "phone")], scope)
    assert done.values == (UNKNOWN,)
    assert done.unknown == (token,)


def test_an_unknown_token_equals_nothing_and_is_never_written(tokens: Tokens, scope: Scope, token: str) -> None:
    wrong = ("4" if token[0] == "3" else "3") + token[1:]
    assert restore(tokens, [Slot(wrong, Place.EQUALITY, TARGET)], scope).values == (UNKNOWN,)
    for place in (Place.VALUE, Place.CONTENT, Place.NAME):
        with pytest.raises(ToolRefused) as refused:
            restore(tokens, [Slot(wrong, place, TARGET)], scope)
        assert refused.value.code == "unknown-token"
        assert wrong in refused.value.message
        assert refused.value.hint == f"Did you mean {token}?"
    with pytest.raises(ToolRefused) as refused:
        restore(tokens, [Slot(wrong, Place.VALUE, TARGET)], BOB)
    assert token not in refused.value.hint, "only what this session was shown"


def test_a_token_shown_to_somebody_else_is_unknown_where_its_form_proves_nothing(tokens: Tokens, scope: Scope) -> None:
    (token,) = tokens.tokenise("phone", ["+1 212 555 0187"], scope)
    slot = Slot(str(token), Place.EQUALITY, "clinic.patients.phone")
    assert restore(tokens, [slot], scope).values == ("+1 212 555 0187",)
    assert restore(tokens, [slot], BOB).values == (UNKNOWN,)


def test_there_are_only_so_many_in_a_time(tokens: Tokens, scope: Scope, token: str) -> None:
    now = [0.0]
    rate = RestoreRate(limit=3, seconds=60, clock=lambda: now[0])
    slot = Slot(token, Place.EQUALITY, TARGET)
    restore(tokens, [slot, slot], scope, rate=rate)
    with pytest.raises(ToolRefused) as refused:
        restore(tokens, [slot, slot], scope, rate=rate)
    assert refused.value.code == "restore-rate"
    restore(tokens, [slot], scope, rate=rate)  # what was refused did not count
    restore(tokens, [Slot(token, Place.CONTENT, "reports")] * 9, scope, rate=rate)  # nor does what stays a token
    restore(tokens, [Slot(str(tokens.tokenise("email", ["b@x.com"], BOB)[0]), Place.EQUALITY, TARGET)], BOB, rate=rate)
    now[0] = 61.0
    restore(tokens, [slot] * 3, scope, rate=rate)


def test_nothing_of_a_restore_shows_by_accident(tokens: Tokens, scope: Scope) -> None:
    slots = [
        Slot(str(tokens.tokenise(c, [v], scope)[0]), Place.EQUALITY, TARGET)
        for c, v in CANARIES.items()
        if c not in ("money", "secret")
    ]
    done = restore(tokens, slots, scope)
    assert not leaks(repr(done))
    assert not leaks([repr(done.counts), repr(done.unknown), f"{done}"])


WAYS = {
    "as it is": lambda v: f"duplicate key: ({v}) exists",
    "upper": lambda v: v.upper(),
    "SQL": lambda v: "'" + v.replace("'", "''") + "'",
    "repr": repr,
    "JSON": json.dumps,
    "percent": lambda v: quote(v, safe=""),
    "hex": lambda v: v.encode().hex(),
    "base64": lambda v: base64.b64encode(v.encode()).decode(),
    "glued": lambda v: f"x{v}x",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("class_name", [c for c in CANARIES if c not in ("health",)])
def test_a_message_is_freed_of_every_value_of_the_call(tokens: Tokens, scope: Scope, class_name: str, way: str) -> None:
    value = CANARIES[class_name]
    (token,) = tokens.tokenise(class_name, [value], scope)
    slot = Slot(str(token), Place.VALUE, TARGET)
    done = restore(tokens, [slot], scope, [Clearance(frozenset({Place.VALUE}), classes=frozenset({"*", "secret"}))])
    scrubbed = done.scrub(WAYS[way](value))
    assert not leaks(scrubbed, [value])
    assert str(token) in scrubbed


@given(value=st.text(min_size=1, max_size=20), before=st.text(max_size=5), after=st.text(max_size=5))
@settings(max_examples=200, deadline=None)
def test_scrubbing_never_fails_and_never_leaves_a_long_value(value: str, before: str, after: str) -> None:
    scrubbed = Restored(tokens={value: "TOKEN"}).scrub(f"{before}{value}{after}")
    if len(value) >= 4:
        assert value not in scrubbed.replace("TOKEN", "\0")


def test_a_short_value_is_taken_out_as_a_word_only() -> None:
    done = Restored(tokens={"7": "account_0abc"})
    assert done.scrub("row 7 of 77, id=7.") == "row account_0abc of 77, id=account_0abc."
    assert Restored().scrub("row 7") == "row 7"
