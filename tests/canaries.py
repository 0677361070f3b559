"""Canaries: values that must never leave. Plant them, then look for them in whatever came out, in any encoding.

    from gloveport.tests.canaries import CANARIES, leaks
    assert not leaks(answer, CANARIES.values())

`leaks` takes texts, bytes, JSON values, paths of files or of whole folders, and names what leaked by its key or its
place in the list, never by value: an assertion that fails must not print a value either.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import gzip
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote_to_bytes

# One per class, none of them anybody's: documentation ranges, test numbers, check digits right.
CANARIES: Mapping[str, str] = {
    "person": "Zebulon Quartermaine",
    "email": "zq.canary77@quartermaine-mail.com",
    "phone": "+1 415-555-0163",
    "address": "7719 Larkspur Hollow, Unit 4",
    "ssn": "219-09-9941",
    "national_id": "73829164S",
    "birth_date": "1971-11-23",
    "card": "4539578763621486",
    "iban": "GB29NWBK60161331926819",
    "account": "MRN-90817263",
    "ip": "203.0.113.77",
    "mac": "3c:5a:b4:9f:1e:77",
    "url": "https://intranet.quartermaine-mail.com/u/zebulon?ticket=55120934",
    "device": "356938035643809",
    "health": "Vandermeer syndrome, stage 3",
    "secret": "sk_live_9fK2canaryQ7wXz81LmNbV4c",
}

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_SHORTEST_ENCODED = 6  # shorter texts occur by chance in hex and base64


def leaks(haystack: object, canaries: Iterable[str] | Mapping[str, str] = CANARIES) -> list[str]:
    """The names of the canaries that stand in the haystack, with the encoding each was found in."""
    named = canaries.items() if isinstance(canaries, Mapping) else ((f"#{i}", c) for i, c in enumerate(canaries))
    hay = b"\n".join(_bytes(haystack))
    views = _views(hay)
    found: list[str] = []
    for name, canary in named:
        kinds = (kind for kind, spelling in spellings(canary) if any(spelling in view for view in views))
        if kind := next(kinds, None):
            found.append(f"{name} ({kind})")
    return found


def spellings(canary: str) -> list[tuple[str, bytes]]:
    """How a value may be written: each a kind and the bytes to look for, all in lower case but base64."""
    raw = canary.encode()
    found = [
        ("as it is", raw.lower()),
        ("reversed", canary[::-1].encode().lower()),
        ("rot13", codecs.encode(canary, "rot13").encode().lower()),
        ("hex", raw.hex().encode()),
        ("upper case in hex", canary.upper().encode().hex().encode()),
        ("lower case in hex", canary.lower().encode().hex().encode()),
        ("UTF-16 in hex", canary.encode("utf-16-le").hex().encode()),
        ("percent-encoded", quote(canary, safe="").encode().lower()),
        ("percent-encoded form", quote_plus(canary).encode().lower()),
        ("HTML", html.escape(canary).encode().lower()),
        ("JSON", json.dumps(canary)[1:-1].encode().lower()),
        ("spaced", " ".join(canary).encode().lower()),
        ("UTF-16", canary.encode("utf-16-le").lower()),
    ]
    for offset in range(3):  # base64 looks different at each of three offsets; the ends depend on the neighbours
        if len(raw) >= _SHORTEST_ENCODED:
            body = base64.b64encode(b"\0" * offset + raw)[(offset * 8 + 5) // 6 : -4]
            found.append(("base64", body))
            found.append(("base64url", body.replace(b"+", b"-").replace(b"/", b"_")))
    digits = "".join(c for c in canary if c.isdigit())
    if len(digits) >= 8:
        found.append(("digits alone", digits.encode()))
    return [(kind, spelling) for kind, spelling in found if spelling]


def _views(hay: bytes) -> list[bytes]:
    """The haystack as it is, in lower case, and with one layer of the usual escapes taken off."""
    lowered = hay.lower()
    text = hay.decode("utf-8", "replace")
    unescaped = [unquote_to_bytes(hay), html.unescape(text).encode("utf-8", "replace")]
    unescaped.append(_ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)), text).encode("utf-8", "surrogatepass"))
    return [hay, lowered, *(view.lower() for view in unescaped)]


def _bytes(value: object) -> Iterator[bytes]:
    match value:
        case None:
            return
        case bytes() | bytearray():
            yield bytes(value)
            yield from _unzipped(bytes(value))
        case str():
            yield value.encode("utf-8", "surrogatepass")
        case Path():
            for path in sorted(p for p in (value.rglob("*") if value.is_dir() else [value]) if p.is_file()):
                yield str(path).encode("utf-8", "surrogateescape")
                yield from _bytes(path.read_bytes())
        case Mapping():
            for key, item in value.items():
                yield from _bytes(key)
                yield from _bytes(item)
        case list() | tuple() | set() | frozenset():
            for item in value:
                yield from _bytes(item)
        case _:
            yield repr(value).encode("utf-8", "backslashreplace")


def _unzipped(data: bytes) -> Iterator[bytes]:
    if data[:2] == b"\x1f\x8b":
        try:
            yield gzip.decompress(data)
        except (OSError, EOFError, binascii.Error):
            return
