"""Bank accounts by IBAN, and addresses of crypto currencies. Both carry their own proof."""

from __future__ import annotations

import re
from typing import Final

from ..classes import EntityType
from . import checks
from .scan import Anchor, Scan, words

_WORD_END = re.compile(r"[A-Za-z0-9]+")


def _iban(scan: Scan, end: int) -> None:
    text, raw = scan.text, scan.raw
    start = end - 8 if raw[end - 5 : end - 4].isdigit() and raw[end - 8 : end - 6].isalpha() else end - 9
    if start < 0 or (start and (text[start - 1].isalnum() or text[start - 1] == "_")):
        return
    country = text[start : start + 2].upper()
    length = checks.IBAN_LENGTHS.get(country)
    if length is None:
        return
    at, value = start + length, text[start : start + length]
    if not value.isalnum():
        at, value = _grouped(text, start, length)
    if len(value) == length and not text[at : at + 1].isalnum() and value.isascii() and checks.iban(value.upper()):
        scan.add(start, at, EntityType.IBAN, 0.95)


def _grouped(text: str, start: int, length: int) -> tuple[int, str]:
    """Exactly as many characters as the country's IBAN has, wherever single spaces or hyphens stand between them."""
    at, value = start, ""
    while at < len(text) and len(value) < length:
        c = text[at]
        if c.isalnum():
            value += c
        elif c not in " -" or not text[at + 1 : at + 2].isalnum():
            break
        at += 1
    return at, value


_ETHEREUM = re.compile(r"0x[0-9A-Fa-f]{40}")
_MONERO = re.compile(r"[48][1-9AB][1-9A-HJ-NP-Za-km-z]{93}")
_ETHEREUM_WORDS: Final = words("eth ethereum ether wallet crypto erc usdt usdc address donate send pay payout metamask")


def _word(scan: Scan, start: int) -> str:
    text = scan.text
    if start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        return ""
    match = _WORD_END.match(text, start)
    return match[0] if match else ""


def _long_word(scan: Scan, end: int) -> None:
    """A word of 25 or more: an address of Bitcoin and its kin or of Ripple, Ethereum or Monero, by length and check."""
    start = end - 25
    value = _word(scan, start)
    if 25 <= len(value) <= 35:
        if value[0] in "1379ADLMTXr" and (checks.ripple if value[0] == "r" else checks.base58check)(value):
            scan.add(start, start + len(value), EntityType.CRYPTO, 0.95)
    elif len(value) == 42:
        _ethereum(scan, start, value)
    elif len(value) in (95, 106) and _MONERO.match(value):
        scan.add(start, start + len(value), EntityType.CRYPTO, 0.85)


def _bech32(scan: Scan, end: int) -> None:
    start = end - (4 if scan.text[end - 4 : end] == "ltc1" else 3)
    value = _word(scan, start)
    if 14 <= len(value) <= 90 and checks.bech32(value):
        scan.add(start, start + len(value), EntityType.CRYPTO, 0.95)


def _ethereum(scan: Scan, start: int, value: str) -> None:
    body, end = value[2:], start + len(value)
    if not _ETHEREUM.fullmatch(value):
        return
    mixed = body != body.lower() and body != body.upper()
    if mixed or scan.near(_ETHEREUM_WORDS, start, end):
        scan.add(start, end, EntityType.CRYPTO, 0.9 if mixed else 0.8)


ANCHORS: Final = (
    Anchor("\\b[A-Za-z]{2}[0-9]{2}[ \\-]?[A-Za-z0-9]{4}", _iban),
    Anchor("\\b[0-9A-Za-z]{25}", _long_word),
    Anchor("\\b(?:bc|tb|BC|ltc)1", _bech32),
)
