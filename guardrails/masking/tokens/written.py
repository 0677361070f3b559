"""What agents wrote themselves, as digests in the vault, by the place they wrote it to (see `masking.origins`).

The digests must outlive every epoch: a guess that was noted must stay noted when the keys of its time are gone. So they
have a key of their own, random, which lies in the vault sealed under the newest epoch.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from ..keys import KeyRing, KeyUnusable, Scope, framed
from ..spelling import folded
from .vault import Vault

_META: Final = "written"
_KEY_BYTES: Final = 32
_DIGEST_BYTES: Final = 16
_ANYTHING: Final = b"anything"  # in the place of a digest; shorter than one, so no value has it


class Written:
    """Notes and finds what agents wrote. Raises `KeyUnusable` when the vault's own key opens under no epoch."""

    def __init__(self, keys: KeyRing, vault: Vault) -> None:
        self._vault = vault
        self._key = _opened(keys, vault)

    def note(self, values: Iterable[object], scope: Scope, places: Iterable[str]) -> None:
        digests = [self._digest(value) for value in values]
        for place in places if digests else ():
            self._vault.note_agent_origin(_owner(place, scope), digests)

    def note_composed(self, place: str, scope: Scope) -> None:
        """Note that any value in this place may be an agent's."""
        self._vault.note_agent_origin(_owner(place, scope), (_ANYTHING,))

    def carry(self, source: str, place: str, scope: Scope) -> None:
        """Note for the place what is noted for the source."""
        if place != source and self.places([source], scope):
            self._vault.note_agent_origin(_owner(place, scope), self._vault.agent_digests(_owner(source, scope)))

    def places(self, places: Iterable[str], scope: Scope) -> list[str]:
        """Those of the places that an agent ever wrote anything to."""
        owners = {_owner(place, scope): place for place in places}
        return [owners[owner] for owner in self._vault.agent_places(list(owners))]

    def which(self, values: Sequence[object], scope: Scope, places: Iterable[str]) -> list[bool]:
        """For each value, whether an agent wrote it to one of the places."""
        known = [_owner(place, scope) for place in self.places(places, scope)]
        if not known:
            return [False] * len(values)
        digests = [self._digest(value) for value in values]
        asked = [_ANYTHING, *digests]
        found = set[bytes]().union(*(self._vault.agent_origin(owner, asked) for owner in known))
        return [_ANYTHING in found or digest in found for digest in digests]

    def _digest(self, value: object) -> bytes:
        text = folded(value).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=self._key, digest_size=_DIGEST_BYTES).digest()


def _owner(place: str, scope: Scope) -> bytes:
    return _named(scope.tenant, place)


@lru_cache(maxsize=4096)
def _named(tenant: str, place: str) -> bytes:
    """Places are names of tables, columns and files: the same few in every call."""
    return hashlib.sha256(framed("written", tenant, place)).digest()[:16]


def _opened(keys: KeyRing, vault: Vault) -> bytes:
    """The key of the digests; made if absent, and sealed anew after a rotation, so that an old epoch can be retired."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    def sealer(epoch: int) -> AESSIV:
        return AESSIV(keys.derive(epoch, "written", length=64))

    if vault.meta(_META) is None:
        vault.set_meta(_META, sealer(keys.current).encrypt(secrets.token_bytes(_KEY_BYTES), None))
    sealed = vault.meta(_META) or b""
    for epoch in keys.epochs:
        try:
            key = sealer(epoch).decrypt(sealed, None)
        except InvalidTag:
            continue
        if epoch != keys.current:
            vault.set_meta(_META, sealer(keys.current).encrypt(key, None), instead_of=sealed)
        return key
    raise KeyUnusable(
        f"{vault.path}: was made under another key; bring that key back, or move the vault away to start anew"
    )
