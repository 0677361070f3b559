"""The keys of the sessions' MACs: on the trusted side only, never in a transcript.

A transcript must hold no bare digest of a value: a guesser tries a million a second. It holds HMAC-SHA-256 under a key
of the session instead, which derives from a key of the session's UTC day, kept in ``keys/mac/<day>.key`` (mode 0600).
Leave ``keys/`` out of what you hand on; delete a day's file, and nobody can ever test a guess against that day's
sessions.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from .ids import id_day
from .layout import make_folder, open_file, sync_file, sync_folder, write_all
from .values import canonical

KEY_BYTES: Final = 32
_CONTEXT: Final = b"gloveport transcript session mac v1\0"


class SessionMac:
    """The keyed MAC of one session."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mac(self, data: bytes) -> str:
        """HMAC-SHA-256 of ``data``, 64 hex digits."""
        return hmac.digest(self._key, data, "sha256").hex()

    def args_mac(self, arguments: object) -> str:
        """The MAC of a call's raw arguments, in their canonical form (`gloveport.recordings.values.canonical`)."""
        return self.mac(canonical(arguments))


class MacKeys:
    """Day keys in a folder, and the session keys that derive from them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._days: dict[str, bytes] = {}

    def session(self, sid: str, *, create: bool = False) -> SessionMac | None:
        """The MAC of a session; None when its day's key is not here and shall not be made.

        Raises:
            OSError: the key cannot be read or made.
            ValueError: the key file is damaged.
        """
        day = id_day(sid)
        key = self._days.get(day) or self._read(day) or (self._create(day) if create else None)
        if key is None:
            return None
        self._days[day] = key
        return SessionMac(hmac.digest(key, _CONTEXT + sid.encode(), "sha256"))

    def _path(self, day: str) -> Path:
        return self._folder / f"{day}.key"

    def _read(self, day: str) -> bytes | None:
        try:
            fd = open_file(self._path(day), os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            key = os.read(fd, KEY_BYTES + 1)
        finally:
            os.close(fd)
        if len(key) != KEY_BYTES:
            raise ValueError(f"{self._path(day)}: not a key of {KEY_BYTES} bytes; move it away")
        return key

    def _create(self, day: str) -> bytes | None:
        make_folder(self._folder)
        temporary = self._folder / f".{day}.{secrets.token_hex(4)}.tmp"
        fd = open_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            write_all(fd, secrets.token_bytes(KEY_BYTES), 0)
            sync_file(fd)
        finally:
            os.close(fd)
        with contextlib.suppress(FileExistsError):  # another process was first: its key holds
            os.link(temporary, self._path(day))
        temporary.unlink()
        sync_folder(self._folder)
        return self._read(day)
