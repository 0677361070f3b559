"""MySQL's binary protocol for prepared statements: parameters in, rows out. Pure.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from ....tool import UNKNOWN

_TINY, _LONGLONG, _NEWDECIMAL, _BLOB, _STRING, _NULL = 1, 8, 246, 252, 253, 6
_INTEGERS: Final = {
    1: ("<b", "<B"),
    2: ("<h", "<H"),
    13: ("<h", "<H"),
    3: ("<i", "<I"),
    9: ("<i", "<I"),
    8: ("<q", "<Q"),
}
_FLOATS: Final = {4: "<f", 5: "<d"}
_DECIMALS: Final = frozenset({0, 246})
_DATES: Final = frozenset({10, 7, 12, 14})
_TIME, _BIT, _JSON = 11, 16, 245
_BINARY_CHARSET: Final = 63
_UNSIGNED_FLAG: Final = 32
_NAMES: Final = {
    0: "decimal", 1: "tinyint", 2: "smallint", 3: "int", 4: "float", 5: "double", 6: "null", 7: "timestamp",
    8: "bigint", 9: "mediumint", 10: "date", 11: "time", 12: "datetime", 13: "year", 15: "varchar", 16: "bit",
    245: "json", 246: "decimal", 247: "enum", 248: "set", 249: "blob", 250: "blob", 251: "blob", 252: "blob",
    253: "varchar", 254: "char", 255: "geometry",
}  # fmt: skip


class Malformed(Exception):
    """A row that is not as the protocol says."""


@dataclass(frozen=True, slots=True)
class Field:
    """An output column as the server describes it. ``database``, ``table`` and ``origin`` (the column there) are empty
    where it is computed."""

    name: str
    database: str
    table: str
    origin: str
    code: int
    charset: int
    flags: int

    @property
    def type(self) -> str:
        name = _NAMES.get(self.code, "unknown")
        if name == "blob" and self.charset != _BINARY_CHARSET:
            return "text"
        return name


def is_eof(data: bytes) -> bool:
    return data[:1] == b"\xfe" and len(data) < 9


def changed_rows(data: bytes) -> int | None:
    """How many rows a statement changed, when it returns none: the packet is an OK."""
    return _Reader(data, 1).length() if data[:1] == b"\0" and len(data) >= 7 else None


def column_count(data: bytes) -> int:
    return _Reader(data, 0).length()


def described(data: bytes) -> Field:
    """The description of an output column or of a parameter. Raises `Malformed`."""
    reader = _Reader(data, 0)
    _, database, _, table, name, origin = (reader.counted().decode("utf-8", "replace") for _ in range(6))
    charset, _, code, flags = struct.unpack("<xHIBH", reader.take(10))
    return Field(name, database, table, origin, code, charset, flags)


def parameters(values: Sequence[object]) -> bytes:
    """The part of an execution that carries values: nulls, types, values. An unknown token is NULL."""
    if not values:
        return b""
    nulls = bytearray((len(values) + 7) // 8)
    types, body = bytearray(), bytearray()
    for i, value in enumerate(values):
        if value is None or value is UNKNOWN:
            nulls[i // 8] |= 1 << (i % 8)
            types += bytes((_NULL, 0))
            continue
        code, written = _written(value)
        types += bytes((code, 0))
        body += written
    return bytes(nulls) + b"\x01" + bytes(types) + bytes(body)


def _written(value: object) -> tuple[int, bytes]:
    match value:
        case bool():
            return _TINY, bytes((value,))
        case int() if -(2**63) <= value < 2**63:
            return _LONGLONG, struct.pack("<q", value)
        case int() | Decimal():
            return _NEWDECIMAL, _counted(str(value).encode())
        case bytes() | bytearray():
            return _BLOB, _counted(bytes(value))
        case dt.datetime():
            return _STRING, _counted(value.isoformat(sep=" ").encode())
        case _:
            return _STRING, _counted(str(value).encode("utf-8"))


def _counted(data: bytes) -> bytes:
    size = len(data)
    if size < 251:
        return bytes((size,)) + data
    if size < 1 << 16:
        return b"\xfc" + size.to_bytes(2, "little") + data
    if size < 1 << 24:
        return b"\xfd" + size.to_bytes(3, "little") + data
    return b"\xfe" + size.to_bytes(8, "little") + data


def _decimal(raw: bytes) -> Decimal:
    try:
        return Decimal(raw.decode("ascii"))
    except (UnicodeDecodeError, InvalidOperation):
        raise Malformed from None


def row(data: bytes, fields: Sequence[Field]) -> tuple[object, ...]:
    """One row of a result. Raises `Malformed`."""
    count = len(fields)
    start = 1 + (count + 9) // 8
    if len(data) < start or data[0] != 0:
        raise Malformed
    nulls, reader, found = data[1:start], _Reader(data, start), list[object]()
    for i, field in enumerate(fields, 2):  # the first two bits are not used
        found.append(None if nulls[i // 8] & (1 << (i % 8)) else reader.value(field))
    if reader.at != len(data):
        raise Malformed
    return tuple(found)


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data, self.at = data, at

    def take(self, size: int) -> bytes:
        end = self.at + size
        if size < 0 or end > len(self._data):
            raise Malformed
        taken, self.at = self._data[self.at : end], end
        return taken

    def length(self) -> int:
        first = self.take(1)[0]
        if first < 251:
            return first
        size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first)
        if size is None:
            raise Malformed
        return int.from_bytes(self.take(size), "little")

    def counted(self) -> bytes:
        return self.take(self.length())

    def value(self, field: Field) -> object:
        code = field.code
        if code in _INTEGERS:
            form = _INTEGERS[code][1 if field.flags & _UNSIGNED_FLAG else 0]
            return struct.unpack(form, self.take(struct.calcsize(form)))[0]
        if code in _FLOATS:
            form = _FLOATS[code]
            return struct.unpack(form, self.take(struct.calcsize(form)))[0]
        if code in _DATES:
            return self._date(code == 10)
        if code == _TIME:
            return self._time()
        raw = self.counted()
        if code in _DECIMALS:
            return _decimal(raw)
        if code == _BIT:
            return int.from_bytes(raw, "big")
        if field.charset == _BINARY_CHARSET and code != _JSON:
            return raw
        return raw.decode("utf-8", "replace")

    def _date(self, day_only: bool) -> object:
        """Dates that no calendar has (the zero date) stay text."""
        raw = self.take(self.take(1)[0])
        padded = raw + bytes(11 - len(raw)) if len(raw) in (0, 4, 7, 11) else b""
        if not padded:
            raise Malformed
        year, month, day, hour, minute, second, micro = struct.unpack("<HBBBBBI", padded)
        try:
            if day_only:
                return dt.date(year, month, day)
            return dt.datetime(year, month, day, hour, minute, second, micro)
        except ValueError:
            text = f"{year:04}-{month:02}-{day:02}"
            return text if day_only else f"{text} {hour:02}:{minute:02}:{second:02}"

    def _time(self) -> dt.timedelta:
        raw = self.take(self.take(1)[0])
        padded = raw + bytes(12 - len(raw)) if len(raw) in (0, 8, 12) else b""
        if not padded:
            raise Malformed
        negative, days, hours, minutes, seconds, micro = struct.unpack("<BIBBBI", padded)
        try:
            span = dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=micro)
        except OverflowError:
            raise Malformed from None
        return -span if negative else span
