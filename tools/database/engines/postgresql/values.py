"""Values on their way to and from the server: text in both directions, plain Python values in between."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

import orjson
import psycopg
from psycopg import pq
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.types.string import TextLoader

from ....tool import UNKNOWN

if TYPE_CHECKING:
    from psycopg.abc import AdaptContext
    from psycopg.pq.abc import PGresult

# Python's own types for these say less than the server does (months of an interval) or are nothing to mask by.
_AS_TEXT: Final = (
    "interval inet cidr int4range int8range numrange daterange tsrange tstzrange int4multirange int8multirange "
    "nummultirange datemultirange tsmultirange tstzmultirange"
).split()


def _adapters() -> AdaptersMap:
    made = AdaptersMap(psycopg.adapters)
    for name in _AS_TEXT:
        made.register_loader(name, TextLoader)
    return made


class _Context:
    """psycopg's converters without a psycopg connection."""

    adapters = _adapters()
    connection = None


class Decoder:
    """Reads rows of one connection. Not for two tasks at once."""

    __slots__ = ("_reader",)

    def __init__(self) -> None:
        self._reader = Transformer(cast("AdaptContext", _Context()))

    def rows(self, result: PGresult) -> list[tuple[object, ...]]:
        """All rows of a result. What Python cannot hold (a date ``infinity``, the year 20000) stays text."""
        self._reader.set_pgresult(result, set_loaders=True)
        try:
            return cast("list[tuple[object, ...]]", self._reader.load_rows(0, result.ntuples, tuple))
        except (psycopg.Error, ValueError, ArithmeticError):
            return [tuple(self._cell(result, r, c) for c in range(result.nfields)) for r in range(result.ntuples)]

    def _cell(self, result: PGresult, row: int, column: int) -> object:
        raw = result.get_value(row, column)
        if raw is None:
            return None
        loader = self._reader.get_loader(result.ftype(column), pq.Format.TEXT)
        try:
            return loader.load(raw)
        except (psycopg.Error, ValueError, ArithmeticError):
            return raw.decode("utf-8", "replace")


class Meter:
    """Counts the bytes of rows, text and documents by their length, everything else as a number."""

    _FIXED: Final = 8

    def __init__(self, types: Sequence[int]) -> None:
        self._long = [i for i, oid in enumerate(types) if oid not in _SHORT]
        self._short = self._FIXED * (len(types) - len(self._long))

    def size(self, row: Sequence[object]) -> int:
        total = self._short
        for i in self._long:
            value = row[i]
            if isinstance(value, str | bytes):
                total += len(value)
            elif value is not None:
                total += len(str(value))
        return total


_SHORT: Final = frozenset({16, 20, 21, 23, 26, 700, 701, 1082, 1083, 1114, 1184, 1266, 2950})


def parameter(value: object) -> bytes | None:
    """A value as the server reads it. An unknown token is NULL: equal to nothing, whatever the column holds."""
    if value is None or value is UNKNOWN:
        return None
    return _written(value).encode("utf-8")


def _written(value: object) -> str:
    match value:
        case bool():
            return "t" if value else "f"
        case bytes() | bytearray():
            return "\\x" + value.hex()
        case dict() | list():
            return orjson.dumps(value, default=str).decode()
        case dt.datetime():
            return value.isoformat(sep=" ")
        case _:
            return str(value)
