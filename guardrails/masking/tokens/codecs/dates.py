"""Dates.

*Alone* a date goes through a keyed permutation of 200 years of days (1900 to 2099) onto the 200 years from 1678 on: no
birth date of today lies there, pandas and every database can hold it, and it comes back exactly. Order and distance are
lost. A token holds no redundancy: it counts only for those it was shown to.

*By subject* all dates of one person shift by the same number of whole weeks, up to 25 either way: distances and
weekdays stay exact. Such a date is no token; nothing but its column tells that it was shifted, and it does not come
back.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

from ..permutation import Permutation
from .codec import DeriveKey

PATTERN: Final = r"1[678][0-9]{2}-[0-9]{2}-[0-9]{2}(?:[ T]00:00(?::00(?:\.0{1,6})?)?)?"
_DATE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([ T]00:00(?::00(?:\.0{1,6})?)?)?")
# A date, with or without a time of day and a zone behind it, and nothing else: a text behind it may say who it is.
STAMP: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?: ?(?:Z|UTC|[+\-][0-9]{2}(?::?[0-9]{2})?))?)?"
)
_FIRST, _LAST = dt.date(1900, 1, 1).toordinal(), dt.date(2099, 12, 31).toordinal()
_TOKEN_FIRST: Final = dt.date(1678, 1, 1).toordinal()
_DAYS: Final = _LAST - _FIRST + 1
_WEEKS: Final = 25
Move = Callable[[int], int]


class DateCodec:
    """ISO 8601 calendar dates, also with midnight behind them."""

    def __init__(self, derive: DeriveKey) -> None:
        self._key = derive("days")

    @cached_property
    def _days(self) -> Permutation:
        return Permutation(self._key, _DAYS)

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        return [self._moved(text, _FIRST, _TOKEN_FIRST, self._days.forward) for text in texts]

    def decode(self, token: str) -> str | None:
        return self._moved(token, _TOKEN_FIRST, _FIRST, self._days.backward)

    def _moved(self, text: str, first: int, target: int, move: Move) -> str | None:
        match = _DATE.fullmatch(text)
        if match is None:
            return None
        try:
            day = dt.date.fromisoformat(match[1]).toordinal() - first
        except ValueError:
            return None
        if not 0 <= day < _DAYS:
            return None
        return dt.date.fromordinal(target + move(day)).isoformat() + (match[2] or "")


def shifted(key: bytes, value: object, subject: object) -> object | None:
    """The date of a subject, moved by its weeks; dates, timestamps and ISO texts keep their type. None: not a date."""
    shift = dt.timedelta(weeks=_weeks(key, subject))
    try:
        match value:
            case dt.datetime() | dt.date():
                return value + shift
            case str():
                match = STAMP.fullmatch(value)
                if match is None:
                    return None
                return (dt.date.fromisoformat(match[1]) + shift).isoformat() + (match[2] or "")
            case _:
                return None
    except (ValueError, OverflowError):
        return None


def _weeks(key: bytes, subject: object) -> int:
    """-25 to 25, never 0."""
    text = f"{type(subject).__name__}:{subject}".encode("utf-8", "surrogatepass")
    drawn = int.from_bytes(hashlib.blake2b(text, key=key, digest_size=8).digest(), "big") % (2 * _WEEKS)
    return drawn - _WEEKS if drawn < _WEEKS else drawn - _WEEKS + 1
