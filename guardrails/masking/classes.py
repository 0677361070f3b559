"""The kinds of sensitive values, and how each leaves unless somebody says otherwise.

A *class* is what policy and configuration speak of (``email``, ``health``). A *type* is what a detector finds in a text
(``EMAIL``, ``MEDICAL_RECORD``) and what ``gloveport scan`` prints. Every type belongs to exactly one class.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ...tools.tool import ColumnRule, Mask, Subject


class EntityType(StrEnum):
    """What a detector finds in a text. The values are the names that ``gloveport scan`` prints."""

    PERSON = "PERSON"
    LOCATION = "LOCATION"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CREDIT_CARD = "CREDIT_CARD"
    IBAN = "IBAN"
    US_SSN = "US_SSN"
    NATIONAL_ID = "NATIONAL_ID"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    IP_ADDRESS = "IP_ADDRESS"
    MAC_ADDRESS = "MAC_ADDRESS"
    URL = "URL"
    MEDICAL_RECORD = "MEDICAL_RECORD"
    CRYPTO = "CRYPTO"
    PASSPORT = "PASSPORT"
    SECRET = "SECRET"  # noqa: S105 - the name of a type


@dataclass(frozen=True, slots=True)
class DataClass:
    """A kind of sensitive value.

    ``mask`` is its default transform. ``match_literal`` says whether an agent may ask ``column = 'a value it knows'``:
    only where nobody can run through the possible values, else equality is a way to guess them.
    """

    name: str
    mask: Mask
    meaning: str
    match_literal: bool = False


FREE_TEXT: Final = "free_text"
UNCLASSIFIED: Final = "unclassified"

# Identifiers become tokens: an agent can still join, group and ask again. What *describes* a person (a birth date, a
# diagnosis, a salary) comes from small sets, where equal tokens would betray the value by its frequency: redacted.
_BUILTIN = (
    DataClass("person", Mask.TOKEN, "the name of a person"),
    DataClass("email", Mask.TOKEN, "an e-mail address", match_literal=True),
    DataClass("phone", Mask.TOKEN, "a telephone or fax number"),
    DataClass("address", Mask.TOKEN, "where somebody lives or is: street, place, postal code, coordinates"),
    DataClass("ssn", Mask.TOKEN, "a US social security number"),
    DataClass("national_id", Mask.TOKEN, "a number a state knows somebody by: identity, tax, health service, passport"),
    DataClass("birth_date", Mask.REDACT, "a date of birth"),
    DataClass("card", Mask.TOKEN, "a payment card number"),
    DataClass("iban", Mask.TOKEN, "an international bank account number"),
    DataClass("account", Mask.TOKEN, "a number an institution knows somebody by: account, member, medical record"),
    DataClass("ip", Mask.TOKEN, "an IP address"),
    DataClass("mac", Mask.TOKEN, "a hardware (MAC) address"),
    DataClass("url", Mask.REDACT, "a web address with personal parts"),
    DataClass("device", Mask.TOKEN, "a device, advertising or vehicle identifier"),
    DataClass("health", Mask.REDACT, "a finding about somebody's health: diagnosis, result, medicine"),
    DataClass("money", Mask.REDACT, "what somebody earns, owns or owes"),
    DataClass("special", Mask.REDACT, "origin, belief, orientation, union, criminal record (GDPR articles 9 and 10)"),
    DataClass("embedding", Mask.REDACT, "a vector made of a text or picture: it can be turned back into it"),
    DataClass("binary", Mask.REDACT, "data nobody here can look into: pictures, documents, fingerprints"),
    DataClass("secret", Mask.REDACT, "a password, key, token or other credential"),
    # TOKEN for a free text means: the text stays, and each value found in it leaves by the mask of its own class.
    DataClass(FREE_TEXT, Mask.TOKEN, "text in which people write anything; masked span by span"),
    # A column nobody has judged yet.
    DataClass(UNCLASSIFIED, Mask.REDACT, "not classified yet"),
)

CLASSES: Final[Mapping[str, DataClass]] = MappingProxyType({c.name: c for c in _BUILTIN})

CLASS_OF_TYPE: Final[Mapping[str, str]] = MappingProxyType(
    {
        EntityType.PERSON: "person",
        EntityType.LOCATION: "address",
        EntityType.EMAIL: "email",
        EntityType.PHONE: "phone",
        EntityType.CREDIT_CARD: "card",
        EntityType.IBAN: "iban",
        EntityType.US_SSN: "ssn",
        EntityType.NATIONAL_ID: "national_id",
        EntityType.DATE_OF_BIRTH: "birth_date",
        EntityType.IP_ADDRESS: "ip",
        EntityType.MAC_ADDRESS: "mac",
        EntityType.URL: "url",
        EntityType.MEDICAL_RECORD: "account",
        EntityType.CRYPTO: "account",
        EntityType.PASSPORT: "national_id",
        EntityType.SECRET: "secret",
    }
)

CLASS_NAME_RE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


def data_class(name: str) -> DataClass:
    """The class of that name: a built-in one, or your own, which is redacted unless its columns say otherwise.

    Raises:
        ValueError: ``name`` is not a class name (lower-case letters, digits and underscores, at most 40).
    """
    if (known := CLASSES.get(name)) is not None:
        return known
    if CLASS_NAME_RE.fullmatch(name) is None:
        raise ValueError("a class name is 1 to 40 of a-z, 0-9 and _, and starts with a letter")
    return DataClass(name, Mask.REDACT, "a class of your own")


def default_rule(class_name: str, basis: str, mask: Mask | None = None, subject: Subject | None = None) -> ColumnRule:
    """The rule for a column of that class; ``mask`` overrides the default of the class, ``subject`` goes with SHIFT.

    Equality with a literal is open only while the values leave as tokens: a column masked harder keeps its secret.
    """
    known = data_class(class_name)
    chosen = known.mask if mask is None else mask
    match_literal = known.match_literal and chosen is Mask.TOKEN
    return ColumnRule(class_name, chosen, basis, match_literal, subject=subject if chosen is Mask.SHIFT else None)
