"""E-mail addresses: ``k3v9q2m4@8zt1h6wd.example``.

Both parts are sealed (see `sealed`), so that a token authenticates itself with 40 bits, and addresses of one domain
share their domain's token. Nobody has an address under ``.example`` (RFC 2606), and it is the one reserved top
level domain that the usual validators accept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from ..crockford import LOOSE_SYMBOL, SYMBOL
from ..sealed import Sealer
from .codec import DeriveKey

PATTERN: Final = rf"{SYMBOL}{{8,52}}@{SYMBOL}{{8,52}}\.example"
LOOSE: Final = rf"{LOOSE_SYMBOL}{{8,52}}(?:@|%40){LOOSE_SYMBOL}{{8,52}}\.example"
_ADDRESS: Final = re.compile(r"([^\s@]+)@([^\s@]+)")
_LONGEST_LABEL: Final = 63  # of a domain name (RFC 1035, section 2.3.4)
_CACHED_DOMAINS: Final = 10_000


class EmailCodec:
    def __init__(self, derive: DeriveKey) -> None:
        self._local = Sealer(derive("local"))
        self._domain = Sealer(derive("domain"))
        self._domains: dict[str, tuple[str | None, int]] = {}

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        found: list[tuple[int, str, str]] = []
        for i, text in enumerate(texts):
            if match := _ADDRESS.fullmatch(text):
                found.append((i, match[1], match[2]))
        hosts = self._sealed_domains({domain for _, _, domain in found})
        tweaks = [hosts[domain][1] for _, _, domain in found]
        sealed = self._local.seal([local for _, local, _ in found], tweaks)
        tokens: list[str | None] = [None] * len(texts)
        for (i, _, domain), local in zip(found, sealed, strict=True):
            host = hosts[domain][0]
            if local is not None and host is not None and len(local) <= _LONGEST_LABEL:
                tokens[i] = f"{local}@{host}.example"
        return tokens

    def decode(self, token: str) -> str | None:
        local, _, host = token.removesuffix(".example").partition("@")
        domain = self._domain.open(host)
        if domain is None:
            return None
        name = self._local.open(local, _tweak(domain))
        return None if name is None else f"{name}@{domain}"

    def _sealed_domains(self, domains: set[str]) -> dict[str, tuple[str | None, int]]:
        """Per domain its label in tokens (None: too long for one), and the tweak of its local parts."""
        known = {domain: self._domains[domain] for domain in domains if domain in self._domains}
        fresh = sorted(domains - known.keys())
        labels = [label if label and len(label) <= _LONGEST_LABEL else None for label in self._domain.seal(fresh)]
        made = {domain: (label, _tweak(domain)) for domain, label in zip(fresh, labels, strict=True)}
        if len(self._domains) + len(made) > _CACHED_DOMAINS:
            self._domains.clear()
        self._domains.update(made)
        return known | made


def _tweak(domain: str) -> int:
    """Binds a local part to its domain: john@ has another token at every domain."""
    return int.from_bytes(hashlib.blake2b(domain.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
