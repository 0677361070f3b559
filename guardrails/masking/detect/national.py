"""National numbers that mix letters and digits: found by form, proven by their check character where they have one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..classes import EntityType
from . import checks
from .scan import Anchor, Handler, Scan, words

_SEPARATORS = re.compile(r"[ \-./]")
_WORDS: Final = words(
    "national identity identifier identification citizen tax fiscal insurance dni nif nie documento identidad "
    "codice fiscale",
    "cf pan permanent account income nino ni nir s?cu s?curit? secu insee hetu henkil?tunnus nric fin curp rfc "
    "id passport",
    "license licence driver drivers driving medicare mbi resident registration rrn steuer personal social",
)


def _no_check(value: str) -> bool:
    return len(value) > 0


_HETU: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def _hetu(value: str) -> bool:
    """FI henkilötunnus: birth date, century sign, serial; the last character by mod 31."""
    digits = value[:6] + value[7:10]
    return 1 <= int(digits[:2]) <= 31 and 1 <= int(digits[2:4]) <= 12 and _HETU[int(digits) % 31] == value[10]


def _nric(value: str) -> bool:
    """SG NRIC and FIN: weights 2 7 6 5 4 3 2, an offset by century, two alphabets."""
    total = checks.weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2)) + (
        4 if value[0] in "TG" else 3 if value[0] == "M" else 0
    )
    if value[0] == "M":
        return "KLJNPQRTUWX"[10 - total % 11] == value[8]
    return ("JZIHGFEDCBA" if value[0] in "ST" else "XWUTRQPNMLK")[total % 11] == value[8]


def _resident_cn(value: str) -> bool:
    """CN resident identity number: birth date inside, ISO 7064 mod 11-2 (GB 11643-1999)."""
    if not checks.calendar(int(value[6:10]), int(value[10:12]), int(value[12:14])):
        return False
    total = checks.weighted(value[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return "10X98765432"[total % 11] == value[17]


def _rrn(value: str) -> bool:
    """KR resident registration number: birth date, sex and century, weights 2..9 2..5, mod 11 (until 2020)."""
    if not (1 <= int(value[2:4]) <= 12 and 1 <= int(value[4:6]) <= 31):
        return False
    check = (11 - checks.weighted(value, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return check == int(value[12]) or int(value[:2]) >= 20


def _curp(value: str) -> bool:
    """MX CURP: month and day plausible, sex, state; the check digit is mod 10 over an alphabet with Ñ."""
    if not (1 <= int(value[6:8]) <= 12 and 1 <= int(value[8:10]) <= 31):
        return False
    alphabet = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(alphabet.index(c) * (18 - i) for i, c in enumerate(value[:17]))
    return (10 - total % 10) % 10 == int(value[17])


def _number(check: Callable[[str], bool], width: int, base: float) -> Handler:
    """A recogniser for a form of ``width`` significant characters that ends where its anchor ends."""
    named = min(base + 0.3, 0.95)

    def handle(scan: Scan, end: int) -> None:
        text = scan.text
        start, count = end, 0
        while start and count < width:
            start -= 1
            count += text[start] not in " -./"
        before = text[start - 1] if start else " "
        if (before.isalnum() or before in "_-/.") and not (before in "/-" and text[start - 2 : start - 1] == " "):
            return
        if end < len(text) and (text[end].isalnum() or text[end] == "_" or text[end : end + 2] in ("-a", "-b")):
            return
        value = _SEPARATORS.sub("", text[start:end])
        if not check(value.upper()):
            return
        upper = value == value.upper()
        score = base if upper else base - 0.3
        if score < named and scan.near(_WORDS, start, end):
            score = named
        scan.add(start, end, EntityType.NATIONAL_ID, score)

    return handle


# (form, check, significant characters, score without any word around it)
_FORMS: Final[tuple[tuple[str, Callable[[str], bool], int, float], ...]] = (
    ("\\b[0-9]{8}[ \\-]?[A-Za-z]\\b", checks.dni, 9, 0.6),
    ("\\b[XYZxyz][ \\-]?[0-9]{7}[ \\-]?[A-Za-z]\\b", checks.dni, 9, 0.75),
    (
        "\\b[A-Za-z]{6}[0-9LMNPQRSTUV]{2}[A-Za-z][0-9LMNPQRSTUV]{2}[A-Za-z][0-9LMNPQRSTUV]{3}[A-Za-z]\\b",
        checks.codice_fiscale,
        16,
        0.95,
    ),
    ("\\b[A-Za-z]{5}[0-9]{4}[A-Za-z]\\b", checks.pan, 10, 0.55),
    ("\\b[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d]\\b", checks.nino, 9, 0.7),
    ("\\b[1278] ?[0-9]{2} ?[0-9]{2} ?2[AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\\b", checks.nir, 15, 0.9),
    ("\\b[0-9]{6}[\\-+A-FU-Y][0-9]{3}[0-9A-Y]\\b", lambda v: len(v) == 11 and _hetu(v), 11, 0.8),
    ("\\b[STFGM][0-9]{7}[A-Z]\\b", _nric, 9, 0.75),
    ("\\b[1-9][0-9]{16}[0-9Xx]\\b", _resident_cn, 18, 0.85),
    ("\\b[0-9]{6}-[1-8][0-9]{6}\\b", _rrn, 13, 0.75),
    ("\\b[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[A-Z0-9][0-9]\\b", _curp, 18, 0.95),
    (
        "\\b[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]-?"
        "[AC-HJKMNP-RT-Y]{2}[0-9]{2}\\b",
        _no_check,
        11,
        0.6,
    ),  # US Medicare beneficiary identifier
    ("\\b[A-Z]{2}[A-Z9]{3}[0-9]{6}[A-Z][A-Z9][0-9A-Z]{3}\\b", _no_check, 16, 0.6),  # UK driving licence
)


def _hetu_signed(scan: Scan, end: int) -> None:
    """The century sign of a henkilötunnus may be a hyphen, which elsewhere is only a separator."""
    text, start = scan.text, end - 11
    value = text[start:end]
    if (start and text[start - 1].isalnum()) or not _hetu(value):
        return
    scan.add(start, end, EntityType.NATIONAL_ID, 0.8)


ANCHORS: Final = tuple(
    Anchor(form, _hetu_signed if width == 11 and "FU-Y" in form else _number(check, width, base))
    for form, check, width, base in _FORMS
)
