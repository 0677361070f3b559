"""Values that are no text but have a token form of their own: whole numbers, UUIDs, dates, network addresses.

Their tokens are of the same type, so that a column keeps the type it had.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Natural:
    """A value as the text that a form takes, and how its token becomes a value of the same type."""

    form: str
    text: str
    typed: Callable[[str], object]


def natural(value: object) -> Natural | None:
    """None for values whose type has no form."""
    match value:
        case bool():
            return None
        case int():
            return Natural("integer", str(value), int)
        case Decimal():
            whole = value.is_finite() and value.as_tuple().exponent == 0
            return Natural("integer", str(int(value)), Decimal) if whole else None
        case uuid.UUID():
            return Natural("uuid", str(value), uuid.UUID)
        case dt.datetime():
            midnight = value.tzinfo is None and value.time() == dt.time()
            return Natural("date", value.date().isoformat(), dt.datetime.fromisoformat) if midnight else None
        case dt.date():
            return Natural("date", value.isoformat(), dt.date.fromisoformat)
        case ipaddress.IPv4Interface() | ipaddress.IPv6Interface():
            return Natural(f"ipv{value.version}", str(value), ipaddress.ip_interface)
        case ipaddress.IPv4Address() | ipaddress.IPv6Address():
            return Natural(f"ipv{value.version}", str(value), ipaddress.ip_address)
        case _:
            return None
