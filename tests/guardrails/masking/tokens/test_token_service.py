from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gloveport.guardrails.masking.keys import KeyRing, Scope, retire_keys, rotate_keys
from gloveport.guardrails.masking.tokens.codecs.card import CardCodec, check_digit, passes
from gloveport.guardrails.masking.tokens.service import Tokens
from gloveport.guardrails.masking.tokens.vault import Vault
from gloveport.tools.tool import UNKNOWN, TokenSpan

ANN = Scope("default", "ann", "support", "S1")
BOB = Scope("default", "bob", "support", "S2")

VALUES = {
    "email": "ann@acme.com",
    "phone": "+1 212 555 0187",
    "card": "4111 1111 1111 1111",
    "ssn": "219-09-9999",
    "iban": "DE89370400440532013000",
    "ip": "10.1.2.3",
    "mac": "00:1b:44:11:3a:b7",
    "url": "https://acme.com/users/ann?id=7",
    "account": "MRN-12345",
    "person": "Ann Smith",
    "address": "12 Main St, Boston",
    "secret": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "national_id": "123456782",
    "device": "9774d56d682e549c",
    "birth_date": "1980-02-03",
    "loyalty": "L-0001",
}


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tokens]:
    """One service for all tests of this file; each test looks at tokens and principals of its own."""
    folder = tmp_path_factory.mktemp("tokens")
    made = Tokens.open(f"file:{folder}/key", folder / "vault.sqlite", classes=["loyalty"])
    yield made
    made.close()


def token_of(tokens: Tokens, class_name: str, scope: Scope = ANN) -> str:
    (token,) = tokens.tokenise(class_name, [VALUES[class_name]], scope)
    return str(token)


# Who may restore what


@pytest.mark.parametrize("class_name", VALUES)
def test_forms_that_prove_nothing_count_only_for_whom_they_were_shown_to(tokens: Tokens, class_name: str) -> None:
    token, eve = token_of(tokens, class_name), Scope("default", f"eve {class_name}", "support", "S3")
    proof_by_issue = class_name in ("phone", "card", "iban", "birth_date")
    assert (tokens.restore(token, eve) is UNKNOWN) == proof_by_issue
    tokens.note_issued(class_name, [token], eve)
    assert tokens.restore(token, eve) == VALUES[class_name]


@pytest.mark.parametrize("kind", ["tenant", "purpose", "session"])
@pytest.mark.parametrize("class_name", VALUES)
def test_tokens_of_another_scope_are_none(tokens: Tokens, class_name: str, kind: str) -> None:
    here = Scope("default", "ann", "support", "S1", kind)
    there = {
        "tenant": Scope("other", "ann", "support", "S1", kind),
        "purpose": Scope("default", "ann", "analytics", "S1", kind),
        "session": Scope("default", "ann", "support", "S2", kind),
    }[kind]
    token = token_of(tokens, class_name, here)
    assert tokens.restore(token, here) == VALUES[class_name]
    assert tokens.restore(token, there) is UNKNOWN
    assert tokens.tokenise(class_name, [VALUES[class_name]], there) != [token]


def test_tenant_tokens_join_across_sessions_and_principals(tokens: Tokens) -> None:
    for class_name in VALUES:
        assert token_of(tokens, class_name, ANN) == token_of(tokens, class_name, BOB)


def test_a_class_may_be_demanded(tokens: Tokens) -> None:
    token = token_of(tokens, "email")
    assert tokens.restore(token, ANN, class_name="email") == VALUES["email"]
    assert tokens.restore(token, ANN, class_name="person") is UNKNOWN


# Rotation


def test_a_new_epoch_masks_and_the_old_one_restores_until_it_is_retired(tmp_path: Path) -> None:
    place, path = f"file:{tmp_path}/key", tmp_path / "vault.sqlite"
    tokens = Tokens.open(place, path, classes=["loyalty"])
    old = {c: token_of(tokens, c) for c in VALUES}
    tokens.close()

    rotate_keys(place)
    tokens = Tokens.open(place, path, classes=["loyalty"])
    new = {c: token_of(tokens, c) for c in VALUES}
    for class_name, value in VALUES.items():
        assert new[class_name] != old[class_name]
        assert tokens.restore(old[class_name], ANN) == value
        assert tokens.restore(new[class_name], ANN) == value
        assert tokens.tokenise(class_name, [old[class_name]], ANN) == [old[class_name]], "an old token is still a token"
    tokens.close()

    retire_keys(place, 0)
    tokens = Tokens.open(place, path, classes=["loyalty"])
    for class_name, value in VALUES.items():
        assert tokens.restore(old[class_name], ANN) is UNKNOWN
        assert tokens.restore(new[class_name], ANN) == value
    tokens.close()


# Other keys


def _ssn(r: random.Random) -> str:
    return f"{r.randint(1, 899):03d}-{r.randint(1, 99):02d}-{r.randint(1, 9999):04d}"


def _ip(r: random.Random) -> str:
    return f"10.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(0, 255)}"


def _mac(r: random.Random) -> str:
    return ":".join(f"{r.randint(0, 255):02x}" for _ in range(6))


ACCEPTED: dict[
    str, tuple[str, Callable[[random.Random], str], float]
] = {  # form: how to make a value of it, the largest share of tokens that another key may take for its own
    "email": ("email", lambda r: f"u{r.random()}@acme.com", 0.0),
    "ssn": ("ssn", _ssn, 0.002),
    "ipv4": ("ip", _ip, 0.0),
    "mac": ("mac", _mac, 0.002),
    "url": ("url", lambda r: f"https://acme.com/{r.random()}", 0.0),
    "sealed": ("account", lambda r: f"A-{r.random()}", 0.0),
}


@pytest.mark.parametrize("form", ACCEPTED)
def test_tokens_of_another_key_are_hardly_ever_accepted(form: str, tmp_path: Path) -> None:
    class_name, made, share = ACCEPTED[form]
    mine = Tokens(KeyRing({0: b"\x01" * 32}), Vault(tmp_path / "a"))
    other = Tokens(KeyRing({0: b"\x02" * 32}), Vault(tmp_path / "b"))
    r = random.Random(7)
    foreign = other.tokenise(class_name, [made(r) for _ in range(4000)], ANN)
    accepted = sum(mine.restore(token, ANN) is not UNKNOWN for token in foreign)
    assert accepted <= 4000 * share
    mine.close()
    other.close()


def test_a_card_token_of_another_key_has_the_right_digit_one_time_in_nine() -> None:
    """Alone, it would be taken for one; that is why cards count only for those they were shown to."""
    mine, other = CardCodec(lambda label: (b"1" + label.encode() * 32)[:32]), CardCodec(lambda label: b"2" * 32)
    values = [body + str(check_digit(body)) for body in (f"4{n:014d}" for n in range(4000))]
    tokens = [token for token in other.encode(values) if token is not None]
    assert len(tokens) == len(values)
    assert not any(passes(token) for token in tokens), "no token passes Luhn"
    assert sum(mine.decode(token) is not None for token in tokens) / len(tokens) < 0.13


# Finding tokens, also mangled ones

MANGLED: dict[str, Callable[[str], str]] = {
    "as it is": lambda t: t,
    "upper case": str.upper,
    "quoted": lambda t: f'"{t}"',
    "in French quotes": lambda t: f"«{t}»",
    "in back quotes": lambda t: f"`{t}`",
    "with a full stop": lambda t: f"{t}.",
    "with a comma": lambda t: f"'{t}',",
}
FOLDED: dict[str, Callable[[str], str]] = {
    "o for 0": lambda t: t.replace("0", "o"),
    "l for 1": lambda t: t.replace("1", "l"),
    "I for 1": lambda t: t.replace("1", "I"),
}
CASELESS = sorted(set(VALUES) - {"url"})  # the names of query parameters keep their case


@pytest.mark.parametrize("way", MANGLED)
@pytest.mark.parametrize("class_name", CASELESS)
def test_a_mangled_token_is_read_as_what_it_was(tokens: Tokens, class_name: str, way: str) -> None:
    token = token_of(tokens, class_name)
    assert tokens.restore(MANGLED[way](token), ANN) == VALUES[class_name]


@pytest.mark.parametrize("way", FOLDED)
@pytest.mark.parametrize(
    "class_name", ["email", "ssn", "account", "national_id", "device", "loyalty", "person", "address"]
)
def test_symbols_that_look_alike_are_read_as_what_was_meant(tokens: Tokens, class_name: str, way: str) -> None:
    token = token_of(tokens, class_name)
    if class_name in ("person", "address"):
        head, _, ident = token.rpartition(" ")
        mangled = f"{head} {FOLDED[way](ident)}"
    elif class_name == "email":
        mangled = FOLDED[way](token.removesuffix(".example")) + ".example"
    else:
        head, dash, ident = token.rpartition("_")
        mangled = f"{head}{dash}{FOLDED[way](ident)}"
    assert tokens.restore(mangled, ANN) == VALUES[class_name]


@pytest.mark.parametrize("class_name", VALUES)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "Ask {} today.",
        "({})",
        "<{}>",
        '{{"a": "{}"}}',
        "x={};y",
        "\u201c{}\u201d",
        "{}\n{}",
        "a,{},b",
        "\0{}\0",
        "to:{}",
    ],
)
def test_tokens_are_found_in_texts(tokens: Tokens, class_name: str, around: str) -> None:
    token = token_of(tokens, class_name)
    text = around.format(token, token)
    found = tokens.find(text, ANN)
    assert [(text[s.start : s.end], s.class_name) for s in found] == [(token, class_name)] * text.count(token)
    assert tokens.find_many(["", text, "nothing", text], ANN) == [[], found, [], found]
    assert tokens.find_many([text], ANN) == [found], "asked again"
    assert tokens.unknown(text, ANN) == []


@pytest.mark.parametrize("class_name", ["email", "phone", "account"])
def test_percent_encoding_and_text_around_a_token(tokens: Tokens, class_name: str) -> None:
    token = token_of(tokens, class_name)
    encoded = token.replace("@", "%40")
    assert [s.class_name for s in tokens.find(f"/search?q={encoded}&x=1", ANN)] == [class_name]
    for glued in (f"x{token}", f"{token}x", f"_{token}", f"%{token}%"):
        assert tokens.find(glued, ANN) == [], "a part of something longer is no token"


@pytest.mark.parametrize("class_name", VALUES)
def test_a_token_may_be_the_name_of_a_file(tokens: Tokens, class_name: str) -> None:
    token = token_of(tokens, class_name)
    if class_name != "url":
        assert [s.class_name for s in tokens.find(f"reports {token}.csv", ANN)] == [class_name]
    assert tokens.unknown("user1234@mail1234.example.com", ANN) == [], "documents are full of such addresses"


@pytest.mark.parametrize("class_name", sorted(set(VALUES) - {"card"}))
@pytest.mark.parametrize(
    "before", ["Ask ", "Ask Loader ", "100 to ", "00 aaaa bbbb cccc dddd eeee ff ", "7 ", "a_b ", "$5: "]
)
def test_what_stands_before_a_token_does_not_hide_it(tokens: Tokens, class_name: str, before: str) -> None:
    token = token_of(tokens, class_name)
    assert tokens.find(before + token, ANN) == [TokenSpan(len(before), len(before) + len(token), class_name)]


def test_white_space_around_a_value_comes_back_with_it(tokens: Tokens) -> None:
    (padded,) = tokens.tokenise("email", ["  ann@acme.com \n"], ANN)
    assert padded == f"  {token_of(tokens, 'email')} \n", "padding does not make another person"
    assert tokens.restore(padded, ANN) == "  ann@acme.com \n"


@pytest.mark.parametrize("class_name", VALUES)
def test_a_token_with_one_wrong_symbol_is_none(tokens: Tokens, class_name: str) -> None:
    token = token_of(tokens, class_name)
    at = next(
        i
        for i in range(len(token) - 1, -1, -1)
        if token[i].isalnum() and token[i] not in "x" and not token.endswith(".example", 0, i + 8)
    )
    wrong = token[:at] + ("3" if token[at] != "3" else "4") + token[at + 1 :]
    assert tokens.restore(wrong, ANN) is UNKNOWN


def test_unknown_tokens_are_told_from_known_ones(tokens: Tokens) -> None:
    token = token_of(tokens, "email")
    foreign = token.replace(token[0], "3" if token[0] != "3" else "4", 1)
    text = f"{token} and {foreign} and account_0zzzzzzzzzzzz"
    assert [text[s.start : s.end] for s in tokens.unknown(text, ANN)] == [foreign, "account_0zzzzzzzzzzzz"]
    assert tokens.find(text, ANN) == [TokenSpan(0, len(token), "email")]
    assert tokens.unknown("user_12345678 snake_case_9abcdefgh t1 ABC00", ANN) == [], "names of programs are no tokens"


def test_near_candidates_are_what_this_session_was_shown(tokens: Tokens) -> None:
    mia = Scope("default", "mia", "support", "S5")
    mine = token_of(tokens, "email", mia)
    wrong = ("4" if mine[0] == "3" else "3") + mine[1:]
    assert tokens.near(wrong, mia) == [mine]
    assert tokens.near(wrong, Scope("default", "mia", "support", "S6")) == [], "another session's tokens"
    assert tokens.near("quite another thing", mia) == []


def test_looking_for_tokens_takes_linear_time(tokens: Tokens) -> None:
    for unit in (
        "a",
        "1",
        "0 ",
        "T-",
        "a_",
        "x:3",
        "@",
        "2001:db8:",
        ".example",
        "+999",
        "3fff:",
        "DE00",
        "a@a.example ",
        "9" * 14 + "a",
    ):
        text = unit * (100_000 // len(unit))
        began = time.process_time()
        tokens.find(text, ANN)
        assert time.process_time() - began < 2, unit


def test_a_text_without_tokens_is_not_looked_through_twice(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Nothing here but plain words, 12 of them, and no token at all."
    assert tokens.find_many([text] * 3, ANN) == [[], [], []]
    monkeypatch.setattr("gloveport.guardrails.masking.tokens.reading.candidates", _never)
    assert tokens.find_many([text] * 3, ANN) == [[], [], []]


def _never(text: str) -> None:
    raise AssertionError("looked through again")


def test_what_was_issued_later_is_found_in_a_text_seen_before(tokens: Tokens) -> None:
    token, zoe = token_of(tokens, "phone", BOB), Scope("default", "zoe", "support", "S4")
    assert tokens.find_many([token], zoe) == [[]]
    tokens.note_issued("phone", [token], zoe)
    assert tokens.find_many([token], zoe) == [[TokenSpan(0, len(token), "phone")]]
