"""Bearer tokens for the HTTP door: minted once, shown once, stored as digests, effective and revocable at once.

A token is ``gp_ID_SECRET``: ten characters that name it and 256 random bits. The file keeps the id, the facts about its
bearer, and the SHA-256 of the secret. A plain digest is enough because the secret is random, not chosen (NIST SP
800-63B, section 5.1.2.2, asks for slow hashing of look-up secrets only below 112 bits). The file is read again whenever
it changed, so a revocation holds on the next call; a file that cannot be read lets nobody in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from loguru import logger
from pydantic import TypeAdapter, ValidationError

from .private_file import locked, write_private

DEFAULT_DAYS: Final = 90.0
TOKEN: Final = re.compile(r"gp_([a-z2-7]{10})_([A-Za-z0-9_-]{43})")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,99}")
_NOBODY: Final = "0" * 64


class CredentialError(Exception):
    """A credential cannot be added, listed or revoked; the text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Who bears a token. ``agent`` and ``model``, where given, are bound: the caller cannot name others.

    ``scopes`` are names of tools, databases and file roots; empty means all that policy allows. Times are Unix seconds.
    """

    id: str
    digest: str
    name: str
    human: str
    agent: str | None
    model: str | None
    purpose: str | None
    roles: frozenset[str]
    teams: frozenset[str]
    scopes: frozenset[str]
    created: float
    expires: float | None
    revoked: float | None = None

    def state(self, now: float) -> str:
        """``live``, ``expired`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "live"


class Credentials:
    """The credentials in one file (mode 0600). Several processes may use it at once."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._stamp: tuple[int, int, int] | None = None
        self._known: dict[str, Credential] = {}

    def add(
        self,
        name: str,
        *,
        human: str | None = None,
        agent: str | None = None,
        model: str | None = None,
        purpose: str | None = None,
        roles: frozenset[str] = frozenset(),
        teams: frozenset[str] = frozenset(),
        scopes: frozenset[str] = frozenset(),
        days: float | None = DEFAULT_DAYS,
    ) -> tuple[Credential, str]:
        """Mint a token; returns its record and, this once, the token. ``days`` None: it does not expire.

        ``human`` is who answers for the calls, by default `name`. Raises `CredentialError` when a live credential has
        that name.
        """
        for word in (name, human, agent, model, purpose, *roles, *teams, *scopes):
            if word is not None and not _NAME.fullmatch(word):
                raise CredentialError("names are letters, digits, blanks and . _ @ + -, at most 100 characters")
        if days is not None and not 0 < days <= 36_500:
            raise CredentialError("a credential lives for more than 0 and at most 36500 days")
        id = base64.b32encode(secrets.token_bytes(7)).decode().lower()[:10]
        secret = secrets.token_urlsafe(32)
        now = self._clock()
        made = Credential(
            id=id,
            digest=_digest(secret),
            name=name,
            human=human or name,
            agent=agent,
            model=model,
            purpose=purpose,
            roles=roles,
            teams=teams,
            scopes=scopes,
            created=now,
            expires=None if days is None else now + days * 86_400,
        )
        with self._changed() as credentials:
            if any(c.name == name and c.state(now) == "live" for c in credentials.values()):
                raise CredentialError(f"there is a live credential named {name}; revoke it or choose another name")
            credentials[id] = made
        return made, f"gp_{id}_{secret}"

    def revoke(self, name_or_id: str) -> Credential:
        """Revoke a live credential by its name or id. Raises `CredentialError` when there is none."""
        now = self._clock()
        with self._changed() as credentials:
            named = [c for c in credentials.values() if name_or_id in (c.id, c.name) and c.state(now) == "live"]
            if not named:
                raise CredentialError(f"there is no live credential {name_or_id}; see: gloveport identity list")
            revoked = replace(named[0], revoked=now)
            credentials[revoked.id] = revoked
        return revoked

    def all(self) -> tuple[Credential, ...]:
        """Every credential, oldest first, also the expired and revoked ones. Raises `CredentialError`."""
        return tuple(sorted(self._read().values(), key=lambda c: c.created))

    def verify(self, token: str) -> Credential | None:
        """The live credential of a token, or None. Takes the same time for a wrong id as for a wrong secret."""
        parts = TOKEN.fullmatch(token)
        if parts is None:
            return None
        known = self.live(parts[1])
        right = hmac.compare_digest(known.digest if known is not None else _NOBODY, _digest(parts[2]))
        return known if right else None

    def live(self, credential: str) -> Credential | None:
        """A credential by its id, if it is neither expired nor revoked at this moment."""
        try:
            known = self._current().get(credential)
        except CredentialError as error:
            logger.error("{}", error)  # nobody comes in until it is mended
            return None
        return known if known is not None and known.state(self._clock()) == "live" else None

    def _current(self) -> dict[str, Credential]:
        """What the file says now; read only when it is another one than before."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._known = None, {}
            return self._known
        stamp = status.st_ino, status.st_mtime_ns, status.st_size
        if stamp != self._stamp:
            self._known = self._read()
            self._stamp = stamp
        return self._known

    def _read(self) -> dict[str, Credential]:
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o022:
                    raise CredentialError(f"{self._path}: others may write to it; run: chmod 600 {self._path}")
                return {c.id: c for c in _FILE.validate_json(file.read())}
        except FileNotFoundError:
            return {}
        except ValidationError:
            raise CredentialError(f"{self._path}: is not a file of credentials; move it away") from None
        except OSError as error:
            raise CredentialError(f"{self._path}: cannot be read: {error.strerror}") from None

    @contextmanager
    def _changed(self) -> Generator[dict[str, Credential]]:
        """The credentials, locked; what the block changed is written when it ends without an error."""
        try:
            with locked(self._path):
                credentials = self._read()
                yield credentials
                write_private(self._path, _FILE.dump_json(list(credentials.values()), indent=1))
        except OSError as error:
            raise CredentialError(f"{self._path}: cannot be written: {error.strerror}") from None


_FILE = TypeAdapter(list[Credential])


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
