"""Where everything lies under the recordings folder, and how files there are made: 0700 folders, 0600 files.

::

    sessions/2026-11-24/<sid>.jsonl     one line per event; written lazily, rebuilt from the journal after a crash
    blobs/sha256/ab/cdef...             exact bytes of large values, kept once
    log/<instance>/                     one per process at a time, under an exclusive lock
        lock  ballast  state.json
        journal/00000001.wal ...        the only files that are synced per batch
        log.jsonl                       the log's own events
        kept/                           torn bytes and mismatching files, set aside by recovery
    keys/mac/2026-11-24.key             per-day key; the sessions' MAC keys derive from it

Later rooms add ``log/<instance>/tile``, ``checkpoint``, ``sealed/``, ``holds/``, ``index.sqlite`` and ``facts/``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .ids import id_day

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths under one recordings folder."""

    root: Path

    @property
    def sessions(self) -> Path:
        return self.root / "sessions"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs" / "sha256"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def mac_keys(self) -> Path:
        return self.root / "keys" / "mac"

    def make_folders(self) -> None:
        """Make the root and what lies directly below it. Raises OSError."""
        if not self.root.is_dir():
            make_folder(self.root)
        for folder in (self.sessions, self.blobs.parent, self.logs, self.mac_keys.parent):
            make_folder(folder)

    def session_file(self, sid: str) -> Path:
        """The file of a session; its folder is the UTC day in the id. Raises ValueError for anything but a ULID."""
        return self.sessions / id_day(sid) / f"{sid}.jsonl"

    def blob_file(self, digest: str) -> Path:
        """The file of a blob, from its ``sha256:<64 hex>`` digest. Raises ValueError for anything else."""
        algorithm, _, hexadecimal = digest.partition(":")
        if algorithm != "sha256" or len(hexadecimal) != 64 or not set(hexadecimal) <= set("0123456789abcdef"):
            raise ValueError("not a blob digest; expected sha256:<64 hex>")
        return self.blobs / hexadecimal[:2] / hexadecimal[2:]

    def log(self, instance: str) -> LogLayout:
        return LogLayout(self.logs / instance)

    def instances(self) -> list[str]:
        """The logs under this folder, oldest first."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(entry.name for entry in self.logs.iterdir() if entry.is_dir())
        return []


@dataclass(frozen=True, slots=True)
class LogLayout:
    """Paths of one log."""

    folder: Path

    @property
    def instance(self) -> str:
        return self.folder.name

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def ballast(self) -> Path:
        return self.folder / "ballast"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def events(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def kept(self) -> Path:
        return self.folder / "kept"

    def segment(self, number: int) -> Path:
        return self.journal / f"{number:08d}.wal"

    def segments(self) -> list[int]:
        """The numbers of the journal's segments, in order."""
        with contextlib.suppress(FileNotFoundError):
            names = [entry.name for entry in self.journal.iterdir()]
            return sorted(int(name[:-4]) for name in names if name.endswith(".wal") and name[:-4].isdigit())
        return []


def make_folder(path: Path) -> None:
    """Make ``path`` and its missing parents with mode 0700, durably; tighten it if it is there and wider."""
    if path.is_dir():
        if path.stat().st_mode & 0o077:
            path.chmod(FOLDER_MODE)
        return
    if not path.parent.is_dir():
        make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=FOLDER_MODE)
    sync_folder(path.parent)


def open_file(path: Path, flags: int) -> int:
    """Open with mode 0600, never through a symbolic link, not inherited by children."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)


def sync_file(fd: int) -> None:
    """Bring a file's data to the disk itself. On macOS only F_FULLFSYNC does (fcntl(2))."""
    if sys.platform == "darwin":
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(fd)


def sync_folder(path: Path) -> None:
    """Bring a folder's entries to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes, offset: int) -> None:
    """Write the whole of ``data`` at ``offset``; a short write is continued."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view = view[written:]
        offset += written


def replace_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, all or nothing, durably: temporary file, sync, rename, folder sync."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    fd = open_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(fd, data, 0)
        sync_file(fd)
    finally:
        os.close(fd)
    temporary.replace(path)
    sync_folder(path.parent)
