"""The files made from the journal: session files and blobs. They are written lazily and never synced per event.

Recovery rebuilds whatever a crash took from them, so a failure to write here loses nothing: the payloads are kept and
tried again at the next flush.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from .journal import Entry, Target
from .layout import make_folder, open_file, sync_file, sync_folder, write_all


class LineFile:
    """A session file (or the log's own): lines at the end of what was written before."""

    __slots__ = ("_waiting", "_written", "path")

    def __init__(self, path: Path, written: int = 0) -> None:
        self.path = path
        self._written = written
        self._waiting: list[bytes] = []

    def add(self, payload: bytes) -> None:
        self._waiting.append(payload)

    def write(self) -> None:
        if not self._waiting:
            return
        data = b"\n".join(self._waiting) + b"\n"
        flags = os.O_WRONLY
        if self._written == 0:
            make_folder(self.path.parent)
            flags |= os.O_CREAT
        # A file that somebody took away is not begun anew in its middle: the journal has its lines, `verify` names it.
        with contextlib.suppress(FileNotFoundError):
            fd = open_file(self.path, flags)
            try:
                write_all(fd, data, self._written)
            finally:
                os.close(fd)
        self._written += len(data)
        self._waiting.clear()

    def sync(self) -> None:
        _sync(self.path)


class BlobFile:
    """A blob: written whole under a temporary name, then renamed, so that a reader never sees half of one."""

    __slots__ = ("_data", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = b""

    def add(self, payload: bytes) -> None:
        self._data = payload

    def write(self) -> None:
        if not self._data:
            return
        make_folder(self.path.parent)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        fd = open_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            write_all(fd, self._data, 0)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        finally:
            os.close(fd)
        temporary.replace(self.path)
        self._data = b""

    def sync(self) -> None:
        _sync(self.path)


def _sync(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        fd = open_file(path, os.O_WRONLY)
        try:
            sync_file(fd)
        finally:
            os.close(fd)
        sync_folder(path.parent)


class Projection:
    """Queues durable payloads for their files."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._flushing = threading.Lock()
        self._queued: list[Entry] = []
        self._waiting: dict[Target, None] = {}
        self._unsynced: dict[Target, None] = {}

    def add(self, entries: list[Entry]) -> bool:
        """Queue durable entries; True when nothing was queued before."""
        with self._mutex:
            first = not self._queued
            self._queued += entries
        return first

    def flush(self) -> None:
        """Write all that is queued. Raises the first OSError; what could not be written stays queued."""
        with self._flushing:
            self._flush()

    def sync(self) -> None:
        """Flush, then bring every file written since the last sync to the disk. Raises OSError."""
        with self._flushing:
            self._flush()
            for file in list(self._unsynced):
                file.sync()
                del self._unsynced[file]

    def _flush(self) -> None:
        with self._mutex:
            entries, self._queued = self._queued, []
        for entry in entries:
            entry.target.add(entry.payload)
            self._waiting[entry.target] = None
        failure: OSError | None = None
        for file in list(self._waiting):
            try:
                file.write()
            except OSError as error:
                failure = failure or error
                continue
            del self._waiting[file]
            self._unsynced[file] = None
        if failure is not None:
            raise failure
