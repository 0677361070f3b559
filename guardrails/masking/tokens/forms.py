"""The forms of tokens: how each is written, found again, and made. The one table that everything else reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .codecs import (
    card,
    credentials,
    dates,
    email,
    iban,
    identifiers,
    integers,
    network,
    people,
    phone,
    ssn,
    url,
    uuids,
    words,
)
from .codecs.codec import Codec, DeriveKey, VaultCodec
from .codecs.layout import Layout
from .crockford import fold


class Proof(StrEnum):
    """What makes a text of this form a token."""

    SEAL = "seal"  # it deciphers to something well formed: it authenticates itself
    ISSUED = "issued"  # it was shown to this principal; the form alone proves little or nothing
    VAULT = "vault"  # the vault has it


class Spelling(StrEnum):
    """How a text is written before it is searched for traces of tokens; ASCII letters always in lower case."""

    LOWER = "lower"  # and no more
    HEX = "hex"  # every hexadecimal digit as h
    JOINED_HEX = "joined hex"  # ... and no hyphens
    JOINED_DIGITS = "joined digits"  # every digit as 0, and neither hyphens nor spaces


@dataclass(frozen=True, slots=True)
class Form:
    """A way tokens look.

    ``pattern`` is the regular expression of a token as it is written; ``loose`` also matches what models and people
    make of one (another case, o for 0, i and l for 1, %40), and ``canonical`` turns that back, or says None.
    ``class_name`` is None where the token or the record of what was issued names the class.

    Looking for tokens must cost next to nothing where there are none. Every token of the form contains one of its
    ``traces``, in that spelling. ``tail`` matches the end of each, and what precedes it has at most ``reach``
    characters; ``sieve`` matches more than the form, and fails faster: both are read in lower case, and are fastest
    where they begin with one certain character. A form without any of them is looked for everywhere.
    """

    name: str
    pattern: str
    loose: str
    canonical: Callable[[str], str | None]
    proof: Proof
    class_name: str | None = None
    traces: tuple[tuple[Spelling, bytes], ...] = ()
    tail: str = ""
    reach: int = 0
    sieve: str = ""
    in_text: bool = True  # looked for inside texts; else only where it is the whole of a value
    strong: bool = True  # nothing but a token, or somebody's idea of one, looks like this
    apart: bool = False  # what its codec takes is never a token of any form, so nobody needs to ask
    separators: str = ""  # where a match may be too long: at which characters to cut it shorter
    codec: Callable[[DeriveKey, str, int], Codec] | None = None  # given keys, class and epoch
    drafts: Callable[[DeriveKey, str], VaultCodec] | None = None  # given keys and class

    def vault_codec(self, derive: DeriveKey, class_name: str) -> VaultCodec:
        """The codec of a form that lives in the vault."""
        if self.drafts is None:
            raise TypeError(f"form {self.name} has no vault codec")
        return self.drafts(derive, class_name)


def _upper(text: str) -> str:
    return text.upper()


def _same(text: str) -> str:
    return text


def _email(text: str) -> str:
    local, _, host = text.lower().replace("%40", "@").removesuffix(".example").partition("@")
    return f"{fold(local)}@{fold(host)}.example"


def _card(text: str) -> str | None:
    """A number that passes Luhn is no token."""
    return None if card.passes(Layout.of(text).digits) else text


def _url(text: str) -> str:
    """Scheme and host in lower case; the names of query parameters keep theirs, and the codec folds the rest."""
    scheme, _, rest = text.partition("://")
    host, dot, tail = rest.partition(".")
    return f"{scheme.lower()}://{host.lower()}{dot}{tail[:7].lower()}{tail[7:]}"


def _ssn(text: str) -> str:
    return "T" + fold(text[1:]).upper()


_FORMS: Final = (
    Form(
        "email",
        email.PATTERN,
        email.LOOSE,
        _email,
        Proof.SEAL,
        "email",
        traces=((Spelling.LOWER, b".example"),),
        codec=lambda keys, _class, _epoch: email.EmailCodec(keys),
    ),
    Form(
        "phone",
        phone.PATTERN,
        phone.LOOSE,
        str.lower,
        Proof.ISSUED,
        "phone",
        traces=((Spelling.LOWER, b"+999"),),
        separators=" .-/()",
        codec=lambda keys, _class, _epoch: phone.PhoneCodec(keys),
    ),
    Form(
        "card",
        card.PATTERN,
        card.LOOSE,
        _card,
        Proof.ISSUED,
        "card",
        strong=False,
        traces=((Spelling.JOINED_DIGITS, b"0" * 13),),
        sieve=card.SIEVE,
        separators=" -",
        apart=True,
        codec=lambda keys, _class, _epoch: card.CardCodec(keys),
    ),
    Form(
        "ssn",
        ssn.PATTERN,
        ssn.LOOSE,
        _ssn,
        Proof.SEAL,
        "ssn",
        apart=True,
        sieve=ssn.SIEVE,
        codec=lambda keys, _class, _epoch: ssn.SsnCodec(keys),
    ),
    Form(
        "iban",
        iban.PATTERN,
        iban.LOOSE,
        _upper,
        Proof.ISSUED,
        "iban",
        tail=iban.TAIL,
        reach=2,
        separators=" ",
        codec=lambda keys, _class, _epoch: iban.IbanCodec(keys),
    ),
    Form(
        "person",
        people.PERSON,
        people.LOOSE_PERSON,
        people.canonical_person,
        Proof.VAULT,
        "person",
        tail=rf" (?=[0-9oil])(?=[a-z]{{0,8}}[0-9]){people.LOOSE_ID}",  # words are no ids: one digit must be left
        reach=25,
        drafts=lambda keys, _class: people.PersonDrafts(keys),
    ),
    Form(
        "address",
        people.ADDRESS,
        people.LOOSE_ADDRESS,
        people.canonical_address,
        Proof.VAULT,
        "address",
        traces=tuple((Spelling.LOWER, f" {way} ".lower().encode("ascii")) for way in words.WAYS),
        tail=rf" (?:{'|'.join(words.WAYS).lower()}) {people.LOOSE_ID}",
        reach=17,
        drafts=lambda keys, _class: people.AddressDrafts(keys),
    ),
    Form(
        "uuid",
        uuids.PATTERN,
        uuids.LOOSE,
        _same,
        Proof.ISSUED,
        traces=((Spelling.JOINED_HEX, b"h" * 32),),
        tail=uuids.TAIL,
        reach=19,
        strong=False,
        codec=lambda keys, _class, _epoch: uuids.UuidCodec(keys),
    ),
    Form(
        "ipv4",
        network.IPV4,
        network.IPV4,
        network.canonical_address,
        Proof.SEAL,
        "ip",
        traces=((Spelling.LOWER, b"db8:"),),
        apart=True,
        codec=lambda keys, _class, _epoch: network.Ipv4Codec(keys),
    ),
    Form(
        "ipv6",
        network.IPV6,
        network.IPV6,
        network.canonical_address,
        Proof.VAULT,
        "ip",
        traces=((Spelling.LOWER, b"3fff:"),),
        drafts=lambda keys, _class: network.Ipv6Drafts(keys),
    ),
    Form(
        "mac",
        network.MAC,
        network.LOOSE_MAC,
        str.lower,
        Proof.SEAL,
        "mac",
        apart=True,
        traces=(
            (Spelling.HEX, b"hh:hh:hh:hh:hh:hh:hh:hh"),
            (Spelling.HEX, b"hh-hh-hh-hh-hh-hh-hh-hh"),
            (Spelling.HEX, b"hhhh.hhhh.hhhh.hhhh"),
        ),
        codec=lambda keys, _class, _epoch: network.MacCodec(keys),
    ),
    Form(
        "url",
        url.PATTERN,
        url.LOOSE,
        _url,
        Proof.SEAL,
        "url",
        traces=((Spelling.LOWER, b".example"),),
        codec=lambda keys, _class, _epoch: url.UrlCodec(keys),
    ),
    Form(
        "date",
        dates.PATTERN,
        dates.PATTERN,
        _same,
        Proof.ISSUED,
        strong=False,
        codec=lambda keys, _class, _epoch: dates.DateCodec(keys),
    ),
    Form(
        "integer",
        integers.PATTERN,
        integers.PATTERN,
        _same,
        Proof.ISSUED,
        strong=False,
        in_text=False,
        codec=lambda keys, _class, _epoch: integers.IntegerCodec(keys),
    ),
    Form(
        "secret",
        credentials.PATTERN,
        credentials.LOOSE,
        credentials.canonical,
        Proof.VAULT,
        "secret",
        traces=((Spelling.LOWER, b"glove"),),
        drafts=lambda keys, _class: credentials.CredentialDrafts(keys),
    ),
    Form(
        "sealed",
        identifiers.PATTERN,
        identifiers.LOOSE,
        identifiers.canonical,
        Proof.SEAL,
        tail=identifiers.LOOSE_ID,
        reach=40,
        codec=identifiers.SealedCodec,
    ),
    Form(
        "span",
        identifiers.PATTERN,
        identifiers.LOOSE,
        identifiers.canonical,
        Proof.VAULT,
        drafts=identifiers.SpanDrafts,
    ),
)

FORMS: Final[Mapping[str, Form]] = MappingProxyType({form.name: form for form in _FORMS})

# The forms that texts of a class may take, in this order; a text that fits none becomes a "sealed" or a "span" token.
CLASS_FORMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "email": ("email",),
        "phone": ("phone",),
        "card": ("card",),
        "ssn": ("ssn",),
        "iban": ("iban",),
        "person": ("person",),
        "address": ("address",),
        "ip": ("ipv4", "ipv6"),
        "mac": ("mac",),
        "url": ("url",),
        "birth_date": ("date",),
        "date": ("date",),
        "secret": ("secret",),
    }
)

OTHER_FORMS: Final[tuple[str, ...]] = ("uuid",)  # of a class that is not named above
VAULT_ONLY: Final = frozenset({"secret"})  # never sealed into the token itself
