"""Columns in which every cell is one value of one kind, written in the usual way: told at a glance.

This is what the detector finds in each of these cells, without asking cell by cell: the forms are narrow enough for
nothing else to be in them, whatever the column is called. A column with a single cell of another form is left to the
detector; the tests hold both to the same answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from ..classes import CLASS_OF_TYPE, EntityType
from . import checks, phones
from .network import NOT_TOP

_FEWEST: Final = 8  # below, there is nothing to gain

_DIGITS: Final = str.maketrans("", "", "+- ")
# No key and no account number is so short and so plain; and none of our tokens ends so.
_EMAIL: Final = (
    r"[a-z]{1,12}(?:[._+-][a-z]{1,12}){0,2}(?:[._]?[0-9]{1,8})?@[a-z]{2,12}(?:[.-][a-z]{2,12}){0,2}\.[a-z]{2,6}"
)
_NOT_PERSONAL: Final = re.compile(rf"\.(?:{'|'.join(sorted({*NOT_TOP, 'example'}))})$", re.MULTILINE)
_PHONE: Final = r"\+[1-9][0-9]{0,2}[ -][0-9]{2,3}[ -][0-9]{3,4}[ -][0-9]{3,4}"
_SSN: Final = r"[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}"


def _lines(form: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{form}\n)+")


def _addresses(lines: str) -> bool:
    return _NOT_PERSONAL.search(lines) is None


def _numbers(check: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda lines: all(map(check, lines.translate(_DIGITS).split()))


_KINDS: Final = (
    (EntityType.EMAIL, _lines(_EMAIL), _addresses),
    (EntityType.PHONE, _lines(_PHONE), _numbers(phones.international)),
    (EntityType.US_SSN, _lines(_SSN), _numbers(checks.ssn)),
)


def uniform(cells: Sequence[str]) -> str | None:
    """The class of all the cells, each of them one value of it as a whole; None where that cannot be told at a
    glance."""
    if len(cells) < _FEWEST:
        return None
    lines = "\n".join((*cells, ""))
    for kind, form, right in _KINDS:
        if form.fullmatch(lines) and right(lines):
            return CLASS_OF_TYPE[kind]
    return None
