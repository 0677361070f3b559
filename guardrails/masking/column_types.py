"""Declared column types, as far as a classification cares: what may stand in such a column at all."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from .column_values import Kind
from .vectors import is_vector_type, without_schema


class Declared(StrEnum):
    """The family of a declared type."""

    UNKNOWN = "unknown"
    TEXT = "text"
    NUMBER = "number"
    FRACTION = "fraction"
    FLAG = "flag"
    WHEN = "date"
    BINARY = "binary"
    UUID = "uuid"
    JSON = "json"
    VECTOR = "vector"
    ADDRESS = "network address"
    MAC = "hardware address"
    PLACE = "place"

    @property
    def kind(self) -> Kind:
        """The kind its values will be of, as long as there are none."""
        return _KINDS.get(self, Kind.NONE)


_KINDS: Final = {
    Declared.TEXT: Kind.TEXT,
    Declared.NUMBER: Kind.NUMBER,
    Declared.FRACTION: Kind.FRACTION,
    Declared.FLAG: Kind.FLAG,
    Declared.WHEN: Kind.WHEN,
    Declared.BINARY: Kind.BINARY,
    Declared.UUID: Kind.UUID,
    Declared.JSON: Kind.JSON,
    Declared.VECTOR: Kind.VECTOR,
}

_FAMILIES: Final = (
    (re.compile(r"tinyint\(1\)|bool(?:ean)?|bit(?:\(1\))?", re.I), Declared.FLAG),
    (re.compile(r"(?:cidr|inet).*", re.I), Declared.ADDRESS),
    (re.compile(r"macaddr8?", re.I), Declared.MAC),
    (re.compile(r"(?:point|geometry|geography|polygon|linestring|path|box|circle)\b.*", re.I), Declared.PLACE),
    (re.compile(r"uuid|uniqueidentifier|guid", re.I), Declared.UUID),
    (re.compile(r"(?:jsonb?|hstore|variant|struct|map|object|xml)\b.*", re.I), Declared.JSON),
    (
        re.compile(r"(?:(?:tiny|medium|long)?blob|bytea|binary|varbinary|raw|image|rowversion)\b.*", re.I),
        Declared.BINARY,
    ),
    (re.compile(r"(?:date|time|timestamp|datetime|interval|year)\w*\b.*", re.I), Declared.WHEN),
    (
        re.compile(r"(?:(?:tiny|small|medium|big|huge|u|unsigned )*int\w*|(?:small|big)?serial\d?)\b.*", re.I),
        Declared.NUMBER,
    ),
    (re.compile(r"(?:real|float|double|decimal|numeric|money|number|smallmoney)\b.*", re.I), Declared.FRACTION),
    (re.compile(r".*(?:char|text|clob|string|name|enum|set)\b.*", re.I), Declared.TEXT),
)


def declared_kind(type_: str) -> Declared:
    """The family of a type as a database writes it; SQLite knows columns without any."""
    written = without_schema(type_)
    if is_vector_type(written):
        return Declared.VECTOR
    return next((family for pattern, family in _FAMILIES if pattern.match(written)), Declared.UNKNOWN)
