"""Addresses of machines.

An IPv4 address becomes an IPv6 address under 2001:db8::/32, which RFC 3849 keeps for documentation: 32 bits of
value and 64 bits of redundancy, enciphered together. An IPv6 address takes an address under 3fff::/20 (RFC 9637), a
keyed digest; the way back is the vault. A prefix length behind either stays.

A MAC address becomes an EUI-64 whose first octet ends in 3: a group address, which no interface has. 48 bits of
value, one for the case of its letters, and 11 bits of redundancy.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from typing import Final

from ..ff1 import FF1
from .codec import DeriveKey, Draft
from .people import keyed_draft

IPV4: Final = r"2001:0?db8:[0-9a-f:]{2,32}(?:/[0-9]{1,2})?"
IPV6: Final = r"3fff:[0-9a-f:]{2,34}(?:/[0-9]{1,3})?"
_O: Final = "[0-9a-f]{2}"
_X: Final = "[0-9a-fA-F]{2}"
LOOSE_MAC: Final = rf"[0-9a-fA-F]3(?::(?:{_X}:){{6}}{_X}|-(?:{_X}-){{6}}{_X}|{_X}(?:\.{_X}{_X}){{3}})"
MAC: Final = rf"[0-9a-f]3:(?:{_O}:){{6}}{_O}|[0-9a-f]3-(?:{_O}-){{6}}{_O}|[0-9a-f]3{_O}(?:\.{_O}{_O}){{3}}"
_MAC: Final = re.compile(rf"{_O}:(?:{_O}:){{4}}{_O}|{_O}-(?:{_O}-){{4}}{_O}|{_O}{_O}(?:\.{_O}{_O}){{2}}", re.IGNORECASE)
_IPV4_PREFIX: Final = 0x20010DB8 << 96
_IPV6_PREFIX: Final = 0x3FFF << 112
_IPV4_BITS: Final = 96
_MAC_BITS: Final = 60


class Ipv4Codec:
    def __init__(self, derive: DeriveKey) -> None:
        self._cipher = FF1(derive("address"), 2)

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        found: list[tuple[int, int, str]] = []
        for i, text in enumerate(texts):
            address, slash, length = text.partition("/")
            number = _ipv4_number(address)
            if number is not None and (not slash or _prefix_length(length, 32)):
                found.append((i, number, slash + length))
        ciphers = self._cipher.encrypt_numbers([number for _, number, _ in found], _IPV4_BITS)
        tokens: list[str | None] = [None] * len(texts)
        for (i, _, suffix), cipher in zip(found, ciphers, strict=True):
            tokens[i] = _ipv6_text(_IPV4_PREFIX | cipher) + suffix
        return tokens

    def decode(self, token: str) -> str | None:
        address, slash, length = token.partition("/")
        try:
            number = int(ipaddress.IPv6Address(address)) ^ _IPV4_PREFIX
        except ValueError:
            return None
        if number >> _IPV4_BITS:
            return None
        value = self._cipher.decrypt_number(number, _IPV4_BITS)
        return f"{ipaddress.IPv4Address(value)}{slash}{length}" if value < 1 << 32 else None


class Ipv6Drafts:
    def __init__(self, derive: DeriveKey) -> None:
        self._key = derive("address")

    def drafts(self, texts: Sequence[str]) -> list[Draft | None]:
        return [self._draft(text) for text in texts]

    def _draft(self, text: str) -> Draft | None:
        address, slash, length = text.partition("/")
        try:
            ipaddress.IPv6Address(address)
        except ValueError:
            return None
        if slash and not _prefix_length(length, 128):
            return None

        def spell(number: int, more: int) -> str:
            bits = number >> (108 * more) & ((1 << 108) - 1)
            return _ipv6_text(_IPV6_PREFIX | bits) + slash + length

        return keyed_draft(self._key, text, spell)


class MacCodec:
    def __init__(self, derive: DeriveKey) -> None:
        self._cipher = FF1(derive("address"), 2)

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        found = [
            (i, text) for i, text in enumerate(texts) if _MAC.fullmatch(text) and text in (text.lower(), text.upper())
        ]
        plain = [int(_hex(text), 16) << 1 | (text != text.lower()) for _, text in found]
        tokens: list[str | None] = [None] * len(texts)
        for (i, text), cipher in zip(found, self._cipher.encrypt_numbers(plain, _MAC_BITS), strict=True):
            spelt = f"{cipher:015x}"
            tokens[i] = _grouped(f"{spelt[0]}3{spelt[1:]}", text)
        return tokens

    def decode(self, token: str) -> str | None:
        spelt = _hex(token)
        plain = self._cipher.decrypt_number(int(spelt[0] + spelt[2:], 16), _MAC_BITS)
        if plain >> 49:
            return None
        text = _grouped(f"{plain >> 1:012x}", token)
        return text.upper() if plain & 1 else text


def canonical_address(text: str) -> str | None:
    """An IPv6 text as it was written: lower case, shortest form."""
    address, slash, length = text.partition("/")
    try:
        return f"{ipaddress.IPv6Address(address)}{slash}{length}"
    except ValueError:
        return None


def _ipv4_number(text: str) -> int | None:
    """The number of an address in its usual spelling; None for any other."""
    try:
        packed = socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return None
    return int.from_bytes(packed, "big") if socket.inet_ntop(socket.AF_INET, packed) == text else None


def _ipv6_text(number: int) -> str:
    return socket.inet_ntop(socket.AF_INET6, number.to_bytes(16, "big"))


def _prefix_length(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and str(int(text)) == text and int(text) <= most


def _hex(text: str) -> str:
    return text.replace(":", "").replace("-", "").replace(".", "")


def _grouped(digits: str, like: str) -> str:
    """Hex digits in groups as the other text has them."""
    separator, width = (".", 4) if "." in like else (like[2], 2)
    return separator.join(digits[at : at + width] for at in range(0, len(digits), width))
