"""Root folders: the only places where the file tools can open anything.

A `Root` holds one descriptor of its folder for as long as the server runs. Everything is opened from it, per call, and
judged by what the open descriptor turns out to be, never by what a path looked like before.
"""

from __future__ import annotations

import errno
import os
import stat
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from ..tool import ToolFailed, ToolRefused
from .beneath import O_PATH, Opener, best_opener
from .names import TEMPORARY

DEFAULT_BYTES: Final = 4 << 20
DEFAULT_ENTRIES: Final = 1000
_LOOK: Final = O_PATH or os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_LISTED_TWICE: Final = 200_000  # names of a folder looked through for an exact match


class FileRootError(Exception):
    """A root folder cannot be served. The text is one line: key, what, how to mend."""


@dataclass(frozen=True, slots=True)
class FileSettings:
    """One root folder as configured.

    ``max_bytes`` caps what is read of one file and what may be written; ``max_entries`` caps a listing, the lines of
    one answer and the files of one search; ``seconds`` caps a call.
    """

    name: str
    path: Path
    write: bool = False
    cross_mounts: bool = False  # files on other file systems mounted inside, such as container volumes
    hidden: bool = False  # names that begin with a dot
    hard_links: bool = False  # files with a second name, which may be outside
    encoding: str | None = None  # of files that are not UTF-8, where the operator knows it
    max_bytes: int = DEFAULT_BYTES
    max_entries: int = DEFAULT_ENTRIES
    seconds: float | None = None


class Kind(StrEnum):
    """What a name is, as a listing says it."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"  # FIFO, socket, device

    @classmethod
    def of(cls, mode: int) -> Kind:
        if stat.S_ISREG(mode):
            return cls.FILE
        if stat.S_ISDIR(mode):
            return cls.FOLDER
        return cls.LINK if stat.S_ISLNK(mode) else cls.OTHER


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Which file, in which state. Two equal identities taken some time apart mean the same bytes."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileIdentity:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def same_file(self, other: FileIdentity) -> bool:
        return (self.device, self.inode) == (other.device, other.inode)

    def __str__(self) -> str:
        return f"{self.device}:{self.inode}:{self.size}:{self.modified_ns}"


class Root:
    """One root folder, held open. Raises `FileRootError` when it cannot be."""

    def __init__(self, settings: FileSettings, opener: Opener | None = None) -> None:
        if os.open not in os.supports_dir_fd:
            raise FileRootError(f"files.{settings.name}: file roots need a POSIX system; remove the key")
        self.settings = settings
        self.name = settings.name
        self._open = opener or best_opener()
        key = f"files.{settings.name}.path"
        try:
            # The root itself may be given through links (/tmp is one on macOS): they are followed once, now.
            self.path = settings.path.resolve(strict=True)
            self.descriptor = os.open(self.path, O_PATH | os.O_DIRECTORY)
        except FileNotFoundError:
            raise FileRootError(f"{key}: no such folder: {settings.path}; make it or mend the path") from None
        except NotADirectoryError:
            raise FileRootError(f"{key}: not a folder: {settings.path}; name a folder") from None
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or "it cannot be resolved"
            raise FileRootError(f"{key}: cannot open {settings.path}: {reason}; mend its permissions") from None
        self._closer = weakref.finalize(self, os.close, self.descriptor)
        self._identity = FileIdentity.of(os.fstat(self.descriptor))
        try:
            os.close(self._open(self.descriptor, (), os.O_RDONLY | os.O_DIRECTORY, settings.cross_mounts))
        except OSError as error:
            raise FileRootError(f"{key}: cannot read {settings.path}: {error.strerror}; mend its permissions") from None

    def close(self) -> None:
        self._closer()

    def check_place(self) -> None:
        """The held folder is still what its path leads to. Raises `ToolFailed` (``root-changed``)."""
        try:
            now = FileIdentity.of(os.stat(self.path))
        except OSError:
            now = None
        if now is None or not now.same_file(self._identity):
            raise ToolFailed("root-changed", "The root folder was moved or replaced.", "Tell the operator: restart.")

    def is_hidden(self, name: str) -> bool:
        return name.startswith(TEMPORARY) or (name.startswith(".") and not self.settings.hidden)

    def look(self, names: Sequence[str]) -> os.stat_result | None:
        """What stands at a path, by a descriptor that wakes nothing; None where nothing does.

        A link, a mount that may not be crossed, and a folder that may not be entered raise `ToolRefused`.
        """
        try:
            with self._opened(names, _LOOK) as descriptor:
                return os.fstat(descriptor)
        except ToolRefused as refused:
            if refused.code == "not-found":
                return None
            raise

    def identify(self, names: Sequence[str]) -> FileIdentity | None:
        """Which file a path means now; None where it means none. Raises nothing: whoever opens it says why not."""
        found = self._stat_quietly(names)
        return None if found is None or not self.is_exact(names) else FileIdentity.of(found)

    def is_exact(self, names: Sequence[str]) -> bool:
        """Whether a path is written as the disk has it.

        A disk that folds case or accents finds a file under many names; a policy decides on names, so only the disk's
        own spelling counts. Folding shows itself when another spelling of a name finds the same file.
        """
        for depth, name in enumerate(names, 1):
            for other in _respelled(name):
                found = self._stat_quietly((*names[: depth - 1], other))
                if found is None:
                    continue
                asked = self._stat_quietly(names[:depth])
                if asked is None or not os.path.samestat(found, asked):
                    continue
                if not self._lists(names[: depth - 1], name):
                    return False
        return True

    @contextmanager
    def folder(self, names: Sequence[str]) -> Generator[int]:
        """A folder, opened for listing. Raises `ToolRefused`."""
        with self._opened(names, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
            yield descriptor

    @contextmanager
    def file(self, names: Sequence[str], *, listed: bool = False) -> Generator[tuple[int, FileIdentity]]:
        """A regular file, opened for reading. Raises `ToolRefused` for anything else, without ever waiting on it.

        ``listed``: the names come from the disk itself, so that their spelling is known to be exact.
        """
        looked = self.look(names)
        if looked is None or not (listed or self.is_exact(names)):
            raise not_found()
        self.check_regular(looked)
        with self._opened(names, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY) as descriptor:
            status = os.fstat(descriptor)
            self.check_regular(status)
            yield descriptor, FileIdentity.of(status)

    def check_regular(self, status: os.stat_result) -> None:
        """Only plain files with one name are read or replaced. Raises `ToolRefused`."""
        if stat.S_ISDIR(status.st_mode):
            raise ToolRefused("not-a-file", "This is a folder.", "Use file_list.", place="path")
        if not stat.S_ISREG(status.st_mode):
            raise ToolRefused("not-a-file", "This is not a regular file.", "Choose a file.", place="path")
        if status.st_nlink > 1 and not self.settings.hard_links:
            hint = "Ask for a copy of it."
            raise ToolRefused("hard-link", "The file has a second name, perhaps outside the root.", hint, place="path")

    @contextmanager
    def _opened(self, names: Sequence[str], flags: int) -> Generator[int]:
        if any(self.is_hidden(name) for name in names):
            raise not_found()
        try:
            descriptor = self._open(self.descriptor, names, flags, self.settings.cross_mounts)
        except OSError as error:
            raise refused_open(error) from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _stat_quietly(self, names: Sequence[str]) -> os.stat_result | None:
        if any(self.is_hidden(name) for name in names):
            return None
        try:
            descriptor = self._open(self.descriptor, names, _LOOK, self.settings.cross_mounts)
        except (OSError, ValueError):  # not there, not ours, or no name at all
            return None
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def _lists(self, folder: Sequence[str], name: str) -> bool:
        with self.folder(folder) as descriptor, os.scandir(descriptor) as entries:
            return any(entry.name == name for entry, _ in zip(entries, range(_LISTED_TWICE), strict=False))


def _respelled(name: str) -> set[str]:
    from unicodedata import normalize

    others = {name.swapcase(), name.casefold(), normalize("NFC", name), normalize("NFD", name)}
    return {other for other in others if other != name and "/" not in other and "\0" not in other}


def not_found() -> ToolRefused:
    return ToolRefused("not-found", "There is no such file or folder here.", "See file_list.", place="path")


def refused_open(error: OSError) -> ToolRefused | ToolFailed:
    """A fixed sentence for what the system said; its own text could hold names."""
    match error.errno:
        case errno.ENOENT:
            return not_found()
        case errno.ENOTDIR:
            return not_found()
        case errno.ELOOP:
            return ToolRefused("link", "The path goes through a link; links are never followed.", place="path")
        case errno.EXDEV:
            return ToolRefused("mount", "The path leads to another file system.", place="path")
        case errno.ENAMETOOLONG | errno.EINVAL | errno.EILSEQ:
            return ToolRefused("path-invalid", "The disk cannot hold such a name.", place="path")
        case errno.EACCES | errno.EPERM:
            return ToolRefused("no-permission", "This server may not open it.", "Tell the operator.", place="path")
        case errno.EISDIR:
            return ToolRefused("not-a-file", "This is a folder.", "Use file_list.", place="path")
        case errno.ENXIO | errno.ENODEV | errno.EOPNOTSUPP:
            return ToolRefused("not-a-file", "This is not a regular file.", "Choose a file.", place="path")
        case errno.EMFILE | errno.ENFILE | errno.ENOMEM | errno.EAGAIN | errno.EINTR | errno.EBUSY:
            return ToolFailed("busy", "The system is busy.", "Try again.", retryable=True)
        case _:
            return disk_failed(error)


def disk_failed(error: OSError) -> ToolFailed:
    """What went wrong while bytes moved."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return ToolFailed("disk-full", "The disk is full; nothing was changed.", "Tell the operator.")
        case errno.EROFS:
            return ToolFailed("disk-read-only", "The disk is read-only; nothing was changed.", "Tell the operator.")
        case errno.EACCES | errno.EPERM:
            return ToolFailed("no-permission", "This server may not write here.", "Tell the operator.")
        case _:
            return ToolFailed("disk-error", "The disk gave an error.", "Try again, or tell the operator.")
