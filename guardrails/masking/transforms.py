"""Masks that nobody can undo: redact, keep the last four, generalise, drop. Whole columns at a time.

| mask | gives |
|---|---|
| ``redact`` | ``[masked:CLASS]`` |
| ``last4`` | ``****1234``; values with fewer than eight letters and digits are redacted |
| ``generalise`` | a coarser value of the same type: a year, a ZIP area, an age up to 90, a network, an amount's
bracket |
| ``drop`` | NULL |

NULL stays NULL and the empty text stays empty, unless whether a value is there is itself a secret (``nulls_secret``).
Every mask of a mask is that mask again.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ...tools.tool import Mask

if TYPE_CHECKING:
    from .keys import Scope
    from .tokens.service import Tokens

REDACTED: Final = r"\[masked:[a-z][a-z0-9_]{0,39}\]"
LAST4: Final = r"\*{4}[0-9A-Za-z]{4}"

_REDACTED_RE: Final = re.compile(REDACTED)
_LAST4_RE: Final = re.compile(LAST4)
_SHORTEST_FOR_LAST4: Final = 8
_OLDEST_AGE: Final = 90  # 45 CFR 164.514(b)(2)(i)(C): ages over 89 become one group

# Three-digit ZIP areas of 20,000 people or fewer by the 2000 census (HHS, guidance on 45 CFR 164.514(b)). Dated data.
RESTRICTED_ZIP3: Final = frozenset("036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893".split())


def transform(
    mask: Mask,
    class_name: str,
    values: Sequence[object],
    *,
    tokens: Tokens | None = None,
    scope: Scope | None = None,
    nulls_secret: bool = False,
    today: dt.date | None = None,
) -> list[object]:
    """Mask a column. ``Mask.TOKEN`` needs ``tokens`` and ``scope``; ``today`` caps ages in dates of birth.

    Raises:
        ValueError: tokens are asked for, but there is nothing to make them with.
    """
    match mask:
        case Mask.PASS:
            return list(values)
        case Mask.DROP:
            return [None] * len(values)
        case Mask.TOKEN:
            if tokens is None or scope is None:
                raise ValueError("tokens need a token service and a scope")
            masked = tokens.tokenise(class_name, values, scope)
        case Mask.REDACT | Mask.SHIFT:  # whose dates these are, only a table's row says (see `Found.dates`)
            redacted = f"[masked:{class_name}]"
            masked: list[object] = [
                (value and (_kept(value) or redacted)) if type(value) is str else None if value is None else redacted
                for value in values
            ]
        case Mask.LAST4:
            masked = [_last4(class_name, value) for value in values]
        case Mask.GENERALISE:
            masked = _generalised(class_name, values, today or dt.datetime.now(dt.UTC).date())
    if nulls_secret:
        redacted = f"[masked:{class_name}]"
        return [redacted if value is None or value == "" else value for value in masked]
    return masked


def generalisable(class_name: str) -> bool:
    """Whether values of a class have a coarser form; the others are redacted instead."""
    return class_name in _GENERALISERS


def _kept(value: object) -> str | None:
    """What is a mask already."""
    if isinstance(value, str) and value[0] in "[*" and (_REDACTED_RE.fullmatch(value) or _LAST4_RE.fullmatch(value)):
        return value
    return None


def _last4(class_name: str, value: object) -> object:
    if value is None or value == "":
        return value
    if (kept := _kept(value)) is not None:
        return kept
    characters = [c for c in str(value) if c.isascii() and c.isalnum()]
    if len(characters) < _SHORTEST_FOR_LAST4 or isinstance(value, bool | bytes):
        return f"[masked:{class_name}]"
    return "****" + "".join(characters[-4:])


def _generalised(class_name: str, values: Sequence[object], today: dt.date) -> list[object]:
    redacted = f"[masked:{class_name}]"
    generaliser = _GENERALISERS.get(class_name)
    masked: list[object] = []
    for value in values:
        if value is None or value == "":
            masked.append(value)
        elif (kept := _kept(value)) is not None:
            masked.append(kept)
        else:
            coarse = None if generaliser is None else generaliser(value, today)
            masked.append(redacted if coarse is None else coarse)
    return masked


# Generalisers: a coarser value of the same type, or None for what they do not understand.

_YEAR: Final = re.compile(r"([0-9]{4})(?:-[0-9]{2}(?:-[0-9]{2}(?:[T ].*)?)?)?", re.DOTALL)
_DAY_FIRST_YEAR_LAST: Final = re.compile(r"[0-9]{1,2}[./\-][0-9]{1,2}[./\-]([0-9]{4})")


def _year(value: object, today: dt.date) -> object | None:
    """The year; years that would tell an age over 89 become the last one that does not."""
    earliest = today.year - _OLDEST_AGE
    match value:
        case bool():
            return None
        case dt.datetime():
            return value.replace(max(value.year, earliest), 1, 1, hour=0, minute=0, second=0, microsecond=0)
        case dt.date():
            return dt.date(max(value.year, earliest), 1, 1)
        case int():
            return max(value, earliest) if 1000 <= value <= 9999 else None
        case str():
            text = value.strip()
            found = _YEAR.fullmatch(text) or _DAY_FIRST_YEAR_LAST.fullmatch(text)
            return str(max(int(found[1]), earliest)) if found else None
        case _:
            return None


def _age(value: object, _today: dt.date) -> object | None:
    number = _number(value)
    if number is None or number < 0:
        return None
    capped = min(int(number), _OLDEST_AGE)
    return str(capped) if isinstance(value, str) else type(value)(capped)  # pyright: ignore[reportCallIssue]


_ZIP: Final = re.compile(r"([0-9]{5})(-?[0-9]{4})?")


def _zip3(value: object, _today: dt.date) -> object | None:
    """The three-digit area with zeros behind it: ``02139`` to ``02100``; areas with few people to ``00000``."""
    text = f"{value:05d}" if type(value) is int and 0 <= value <= 99999 else value
    found = _ZIP.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        return None
    area = "000" if found[1][:3] in RESTRICTED_ZIP3 else found[1][:3]
    return int(area + "00") if type(value) is int else area + "00"


def _network(value: object, _today: dt.date) -> object | None:
    """The network an address is in: /16 of IPv4, /32 of IPv6."""
    try:
        address = ipaddress.ip_interface(str(value).strip())
    except ValueError:
        return None
    prefix = min(16 if address.version == 4 else 32, address.network.prefixlen)
    network = ipaddress.ip_network((address.ip, prefix), strict=False)
    return str(network) if isinstance(value, str) else ipaddress.ip_interface(str(network))


def _bracket(value: object, _today: dt.date) -> object | None:
    """The lower bound of the bracket an amount is in: 0, 1, 2, 5, 10, 20, 50, 100 … and the same below zero."""
    number = _number(value)
    if number is None:
        return None
    if number == 0:
        coarse = Decimal(0)
    else:
        size = abs(number)
        power = Decimal(10) ** size.adjusted()
        coarse = max(step for step in (power, 2 * power, 5 * power) if step <= size).copy_sign(number)
        if size < 1:
            coarse = Decimal(0)
    match value:
        case int():
            return int(coarse)
        case float():
            return float(coarse)
        case Decimal():
            return coarse.quantize(Decimal(1)) if coarse == coarse.to_integral_value() else coarse
        case _:
            return f"{coarse:f}"


def _number(value: object) -> Decimal | None:
    """A finite number that a value is, or spells."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 300 else None


_GENERALISERS: Final[Mapping[str, Callable[[object, dt.date], object | None]]] = MappingProxyType(
    {
        "birth_date": _year,
        "date": _year,
        "age": _age,
        "zip": _zip3,
        "postal_code": _zip3,
        "ip": _network,
        "money": _bracket,
    }
)


def too_few(distinct: int, total: int, top_share: float) -> bool:
    """Whether a column has too few different values to be tokenised without a policy that says so.

    Equal tokens for equal values leak how often each value occurs; where few values share many rows, that gives the
    values away (three quarters of the rows of a skewed column of 500 cities, measured). ``total`` counts the values
    that are there, ``distinct`` the different ones, ``top_share`` is the share of the most frequent, 0 to 1.

    A column is high in cardinality when no value takes more than a twentieth of the rows (or is there more than twice)
    and there are a thousand different ones, or so many that most of a sample of them differ. A column too small to tell
    counts as high only if hardly anything repeats.
    """
    if total <= 0:
        return False
    if top_share * total > max(2.0, 0.05 * total):
        return True
    enough = 0.9 if total < 50 else 0.6
    return distinct < 1000 and distinct < enough * total
