"""Keys at work: the codecs of a scope, class and epoch, and the seal of what goes into the vault."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from loguru import logger

from ..keys import KeyRing, Scope, framed
from .codecs.codec import Codec, VaultCodec
from .forms import Form
from .vault import VaultRow

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_CACHED: Final = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """A scope as the vault knows it: ``scope`` names its keys, ``owner`` a principal in it, ``writer`` the
    principal."""

    scope: bytes
    owner: bytes
    writer: bytes


class Keyed:
    """Makes codecs and seals on demand and keeps them. Safe to use from several threads."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._codecs: dict[tuple[tuple[str, ...], str, int, str], Codec | VaultCodec] = {}
        self._sealers: dict[tuple[tuple[str, ...], str, int], AESSIV] = {}
        self._places: dict[Scope, Place] = {}

    def derive(self, scope: Scope, class_name: str, epoch: int, label: str, length: int = 32) -> bytes:
        return self._keys.derive(epoch, *scope.parts, class_name, label, length=length)

    def codec(self, form: Form, class_name: str, scope: Scope, epoch: int) -> Codec:
        return cast("Codec", self._bound(form, class_name, scope, epoch))

    def vault_codec(self, form: Form, class_name: str, scope: Scope, epoch: int) -> VaultCodec:
        return cast("VaultCodec", self._bound(form, class_name, scope, epoch))

    def seal(self, text: str, token: str, class_name: str, scope: Scope, epoch: int) -> bytes:
        """A value for the vault, bound to its scope, class and token."""
        bound = [self.place(scope).scope, class_name.encode(), token.encode("utf-8", "surrogatepass")]
        return self._sealer(class_name, scope, epoch).encrypt(b"v" + text.encode("utf-8", "surrogatepass"), bound)

    def unseal(self, row: VaultRow, scope: Scope) -> str | None:
        """The value of a row; None (and a complaint in the log) when it is not what was written."""
        from cryptography.exceptions import InvalidTag

        bound = [row.scope, row.class_name.encode(), row.token.encode("utf-8", "surrogatepass")]
        try:
            opened = self._sealer(row.class_name, scope, row.epoch).decrypt(row.sealed, bound)
        except InvalidTag:
            logger.error("a row of the vault is not what was written: class {}", row.class_name)
            return None
        return opened[1:].decode("utf-8", "surrogatepass")

    def _bound(self, form: Form, class_name: str, scope: Scope, epoch: int) -> Codec | VaultCodec:
        name = (scope.parts, class_name, epoch, form.name)
        if (known := self._codecs.get(name)) is not None:
            return known

        def derive(label: str) -> bytes:
            return self.derive(scope, class_name, epoch, f"{form.name} {label}")

        made = form.codec(derive, class_name, epoch) if form.codec else form.vault_codec(derive, class_name)
        if len(self._codecs) >= _CACHED:
            self._codecs.clear()
        self._codecs[name] = made
        return made

    def _sealer(self, class_name: str, scope: Scope, epoch: int) -> AESSIV:
        name = (scope.parts, class_name, epoch)
        if (known := self._sealers.get(name)) is not None:
            return known
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        made = AESSIV(self.derive(scope, class_name, epoch, "vault", 64))
        if len(self._sealers) >= _CACHED:
            self._sealers.clear()
        self._sealers[name] = made
        return made

    def place(self, scope: Scope) -> Place:
        """The names a scope has in the vault."""
        if (known := self._places.get(scope)) is not None:
            return known
        parts = scope.parts
        place = Place(
            scope=_named("scope", *parts),
            owner=_named("owner", *parts, scope.principal),
            writer=_named("writer", scope.tenant, scope.principal),
        )
        if len(self._places) >= _CACHED:
            self._places.clear()
        self._places[scope] = place
        return place


def _named(*parts: str) -> bytes:
    return hashlib.sha256(framed(*parts)).digest()[:16]
