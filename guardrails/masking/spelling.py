"""How one value may be written: folded to compare, or in all the spellings it may take in a message."""

from __future__ import annotations

import base64
import html
import json
from typing import Final
from urllib.parse import quote, quote_plus

_FEWEST_DIGITS: Final = 7  # of a number whose separators may be missing


def folded(value: object) -> str:
    """A value without case, separators and signs: in whatever spelling it comes back, it is the same."""
    text = str(value).casefold()
    return "".join(c for c in text if c.isalnum()) or text


def spellings(value: str) -> set[str]:
    """The ways a value may stand in a message: as it is, quoted, escaped, percent-encoded, as hex or base64, as
    digits."""
    raw = value.encode("utf-8", "surrogatepass")
    found = {
        value,
        repr(value)[1:-1],
        value.replace("'", "''"),
        value.replace('"', '""'),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        html.escape(value, quote=False),
        raw.hex(),
        base64.b64encode(raw).decode(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    }
    if not _lone_surrogates(value):
        found |= {quote(value), quote(value, safe=""), quote_plus(value)}
    digits = "".join(c for c in value if c.isdigit())
    if len(digits) >= _FEWEST_DIGITS and not any(
        c.isalpha() for c in value
    ):  # a number with separators, written without
        found.add(digits)
    return {spelling for spelling in found if spelling}


def _lone_surrogates(value: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in value)
