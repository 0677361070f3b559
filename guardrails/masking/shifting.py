"""Dates that leave shifted: by whole weeks, the same for all dates of one person, so that distances and weekdays stay.

Whoever learns one real date of a person, or sees one date under the shifts of many, knows how far the others moved. So
a date is shifted only with the person of its own row (see `OutputColumn.subject`), the same way in every session, and
never once an agent had a hand in it (see `Plan.redated`): then it is redacted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from .keys import Scope, ScopeKind
from .tokens.codecs.dates import STAMP
from .tokens.service import Tokens

# Outside of these stand no dates of anybody, but placeholders that everybody knows: 9999-12-31, 1900-01-01.
_FIRST, _LAST = 1901, 2099


def person(value: object) -> str | None:
    """A name for the person that a key names, the same in whatever type and spelling tables keep it. None: nobody."""
    match value:
        case None:
            return None
        case float() | Decimal():
            return str(int(value)) if value == value and value % 1 == 0 else str(value)
        case bytes() | bytearray():
            text = value.decode("latin-1").rstrip("\0")
        case _:
            text = str(value)
    return text.strip().casefold() or None


def shifted(
    tokens: Tokens, class_name: str, values: Sequence[object], persons: Sequence[str | None], scope: Scope
) -> list[object]:
    """The dates of these persons, shifted. What is no date, or nobody's, is redacted."""
    whose = [who if is_date(value) else None for value, who in zip(values, persons, strict=True)]
    # with keys per session or purpose, each would show the same date under another shift
    return tokens.shift_dates(class_name, values, whose, replace(scope, kind=ScopeKind.TENANT))


def is_date(value: object) -> bool:
    """A date, a point in time, or a text that is nothing but one."""
    match value:
        case dt.date():
            return _FIRST <= value.year <= _LAST
        case str():
            return STAMP.fullmatch(value) is not None and _FIRST <= int(value[:4]) <= _LAST
        case _:
            return False
