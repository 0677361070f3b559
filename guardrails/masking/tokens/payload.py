"""Values that are not text, as text and back, exactly: so that a token of any kind restores what it was made of."""

from __future__ import annotations

import datetime as dt
import ipaddress
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

_MARK: Final = "\x00"  # starts every text that stands for something else; a text that starts so itself is marked, too

_WRITERS: Mapping[type, tuple[str, Callable[[Any], str]]] = {
    int: ("i", str),
    float: ("f", repr),
    Decimal: ("d", str),
    dt.datetime: ("T", dt.datetime.isoformat),
    dt.date: ("D", dt.date.isoformat),
    dt.time: ("t", dt.time.isoformat),
    uuid.UUID: ("u", str),
    bytes: ("b", bytes.hex),
    ipaddress.IPv4Address: ("a", str),
    ipaddress.IPv6Address: ("a", str),
    ipaddress.IPv4Interface: ("n", str),
    ipaddress.IPv6Interface: ("n", str),
}
_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "s": str,
    "i": int,
    "f": float,
    "d": Decimal,
    "T": dt.datetime.fromisoformat,
    "D": dt.date.fromisoformat,
    "t": dt.time.fromisoformat,
    "u": uuid.UUID,
    "b": bytes.fromhex,
    "a": ipaddress.ip_address,
    "n": ipaddress.ip_interface,
}


def to_text(value: object) -> str | None:
    """The value as text; None for types that have none (a boolean, a list, an object)."""
    if isinstance(value, str):
        return f"{_MARK}s{value}" if value.startswith(_MARK) else str(value)
    writer = _WRITERS.get(type(value))
    return None if writer is None else f"{_MARK}{writer[0]}{writer[1](value)}"


def from_text(text: str) -> object:
    """The inverse of `to_text`."""
    if not text.startswith(_MARK):
        return text
    return _READERS[text[1]](text[2:])
