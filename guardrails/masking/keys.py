"""The root key, and every key that is derived from it.

One root key per *epoch* lies in an environment variable or in a file of mode 0600. From the root of an epoch,
HKDF-SHA256 (RFC 5869) derives one key per scope and type: a type such as ``email`` shares its key across tables and
columns, so that tokens join, and no two types and no two scopes ever share one.

The newest epoch masks; the older ones only restore. Retiring an epoch deletes its root, and with it every way back from
the tokens it made (crypto-shredding).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32
FORMAT_VERSION: Final = 1  # of the tokens; part of every derived key, so that formats can never be mixed up
MOST_EPOCHS: Final = 10  # an epoch is a digit in many token forms
_SALT: Final = b"gloveport tokens"
_CACHED_KEYS: Final = 4096


class KeyUnusable(Exception):
    """The root key cannot be used. The message is one line: where, what, how to mend; never key material."""


class ScopeKind(StrEnum):
    """How far equal values give equal tokens."""

    TENANT = "tenant"
    PURPOSE = "purpose"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Scope:
    """On whose behalf tokens are made and restored.

    ``kind`` says which of the other parts go into the keys: ``tenant`` (tokens join across all sessions of a tenant),
    ``purpose`` (support and analytics cannot be linked) or ``session`` (nothing joins beyond one session). The
    principal never goes into a key: it is who a token was *shown* to.
    """

    tenant: str
    principal: str
    purpose: str
    session: str
    kind: str = ScopeKind.TENANT

    def __post_init__(self) -> None:
        ScopeKind(self.kind)  # raises ValueError on an unknown kind

    @property
    def parts(self) -> tuple[str, ...]:
        """What distinguishes the keys of this scope from those of others."""
        match self.kind:
            case ScopeKind.TENANT:
                return ("tenant", self.tenant)
            case ScopeKind.PURPOSE:
                return ("purpose", self.tenant, self.purpose)
            case _:
                return ("session", self.tenant, self.purpose, self.session)


def hkdf_extract(salt: bytes, material: bytes) -> bytes:
    """HKDF-Extract with SHA-256 (RFC 5869, section 2.2)."""
    return hmac.digest(salt or bytes(32), material, "sha256")


def hkdf_expand(pseudorandom_key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256 (RFC 5869, section 2.3). Raises ValueError beyond 255 blocks."""
    if not 0 < length <= 255 * 32:
        raise ValueError("length out of range")
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(pseudorandom_key, block + info + bytes([counter]), "sha256")
        output += block
        counter += 1
    return output[:length]


def framed(*parts: str) -> bytes:
    """Parts as bytes, each preceded by its length: two different tuples never give the same bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


class KeyRing:
    """The root keys by epoch, and the keys derived from them. Immutable: a rotation makes a new ring."""

    def __init__(self, roots: Mapping[int, bytes]) -> None:
        if not roots:
            raise ValueError("a key ring needs a root key")
        if any(len(root) != KEY_BYTES for root in roots.values()):
            raise ValueError(f"a root key has {KEY_BYTES} bytes")
        if any(not 0 <= epoch < MOST_EPOCHS for epoch in roots):
            raise ValueError(f"an epoch is 0 to {MOST_EPOCHS - 1}")
        self._extracted = {epoch: hkdf_extract(_SALT, root) for epoch, root in sorted(roots.items(), reverse=True)}
        self._derived: dict[tuple[int, tuple[str, ...], int], bytes] = {}

    @property
    def current(self) -> int:
        """The epoch that masks."""
        return next(iter(self._extracted))

    @property
    def epochs(self) -> tuple[int, ...]:
        """All live epochs, newest first."""
        return tuple(self._extracted)

    def derive(self, epoch: int, *parts: str, length: int = KEY_BYTES) -> bytes:
        """The key for these parts. Raises KeyError when the epoch was retired."""
        name = (epoch, parts, length)
        if (known := self._derived.get(name)) is not None:
            return known
        info = FORMAT_VERSION.to_bytes(2, "big") + epoch.to_bytes(2, "big") + framed(*parts)
        key = hkdf_expand(self._extracted[epoch], info, length)
        if len(self._derived) >= _CACHED_KEYS:
            self._derived.clear()
        self._derived[name] = key
        return key

    def check_value(self, epoch: int) -> bytes:
        """Says whether two rings have the same root for an epoch; says nothing else about it."""
        return self.derive(epoch, "check value", length=16)


def open_keys(place: str) -> KeyRing:
    """Read the key ring from ``env:NAME`` or ``file:PATH``; a missing file is made, with mode 0600.

    A place holds one key, or several as ``EPOCH:KEY`` separated by commas or white space; a key is 32 bytes as 64 hex
    digits or base64. Raises `KeyUnusable`.
    """
    kind, _, name = place.partition(":")
    if kind == "env" and name:
        text = os.environ.get(name, "")
        if not text.strip():
            raise KeyUnusable(f"{place}: the variable is not set; set it to the output of: openssl rand -hex 32")
        return _parsed(text, place)
    if kind == "file" and name:
        path = Path(name)
        with contextlib.suppress(FileExistsError):
            _make(path, place)
        return _parsed(_read(path, place), place)
    raise KeyUnusable(f"{place}: must be env:NAME or file:PATH")


def rotate_keys(place: str) -> KeyRing:
    """Add a new random root key to a key file: from now on it masks, the others only restore. Raises `KeyUnusable`."""
    ring = _file_roots(place)
    epoch = max(ring) + 1
    if epoch >= MOST_EPOCHS:
        raise KeyUnusable(f"{place}: holds {MOST_EPOCHS} epochs already; start over with a new key file")
    return _rewritten(place, {**ring, epoch: secrets.token_bytes(KEY_BYTES)})


def retire_keys(place: str, epoch: int) -> KeyRing:
    """Delete an old root key: its tokens can never be restored again. Raises `KeyUnusable`."""
    ring = _file_roots(place)
    if epoch not in ring or epoch == max(ring):
        raise KeyUnusable(f"{place}: epoch {epoch} cannot be retired; only an epoch before the newest can")
    return _rewritten(place, {e: root for e, root in ring.items() if e != epoch})


def _file_roots(place: str) -> dict[int, bytes]:
    if not place.startswith("file:"):
        raise KeyUnusable(f"{place}: only a key file can be changed here; change the variable where it is set")
    return _roots(_read(Path(place.removeprefix("file:")), place), place)


def _parsed(text: str, place: str) -> KeyRing:
    return KeyRing(_roots(text, place))


def _roots(text: str, place: str) -> dict[int, bytes]:
    entries = text.replace(",", " ").split()
    if not entries:
        raise KeyUnusable(f"{place}: is empty; it must hold a key, such as the output of: openssl rand -hex 32")
    roots: dict[int, bytes] = {}
    for entry in entries:
        label, colon, encoded = entry.rpartition(":")
        if colon and not (label.isascii() and label.isdigit() and int(label) < MOST_EPOCHS):
            raise KeyUnusable(f"{place}: an entry must read EPOCH:KEY, with an epoch of 0 to {MOST_EPOCHS - 1}")
        epoch = int(label) if colon else 0
        if epoch in roots:
            raise KeyUnusable(f"{place}: epoch {epoch} stands twice; keep one entry")
        roots[epoch] = _decoded(encoded, place)
    return roots


def _decoded(encoded: str, place: str) -> bytes:
    mend = "it must be 32 bytes as 64 hex digits or base64; make one with: openssl rand -hex 32"
    key = b""
    try:
        key = bytes.fromhex(encoded)
    except ValueError:
        with contextlib.suppress(binascii.Error, ValueError):
            padded = encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4)
            key = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
        if not key:
            raise KeyUnusable(f"{place}: the key is neither hex nor base64; {mend}") from None
    if len(key) != KEY_BYTES:
        raise KeyUnusable(f"{place}: the key has {len(key)} bytes; {mend}")
    return key


def _read(path: Path, place: str) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1 << 16).decode("ascii")
    except OSError as error:
        raise KeyUnusable(f"{place}: cannot be read: {error.strerror}; check the path and its owner") from None
    except UnicodeDecodeError:
        raise KeyUnusable(f"{place}: is not a key file; it must be text with 64 hex digits") from None
    if mode & 0o077:
        raise KeyUnusable(f"{place}: others may read it (mode {mode:04o}); run: chmod 600 {path}")
    return text


def _make(path: Path, place: str) -> None:
    """A new key file, whole or not at all. Raises FileExistsError when there is one (perhaps since a moment ago)."""
    if path.exists():
        raise FileExistsError(path)
    _write(path, {0: secrets.token_bytes(KEY_BYTES)}, place, replace=False)


def _rewritten(place: str, roots: Mapping[int, bytes]) -> KeyRing:
    _write(Path(place.removeprefix("file:")), roots, place, replace=True)
    return KeyRing(roots)


def _write(path: Path, roots: Mapping[int, bytes], place: str, *, replace: bool) -> None:
    text = "".join(f"{epoch}:{root.hex()}\n" for epoch, root in sorted(roots.items()))
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                scratch.replace(path)
            else:
                os.link(scratch, path)  # unlike a rename, it never replaces the key another process just made
            _sync_folder(path.parent)
        finally:
            scratch.unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as error:
        raise KeyUnusable(f"{place}: cannot be made: {error.strerror}; check the folder and its owner") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
