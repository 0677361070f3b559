"""Atomic writing: whoever reads the file sees the old bytes or the new ones, after any failure too.

A temporary file in the same folder, by descriptor and with mode 0600; written, given its mode, synchronised; then
renamed by descriptor, and the folder synchronised. Names are never resolved twice: everything hangs on the folder's
descriptor, which was opened beneath the root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Literal

from ..threads import Stop
from ..tool import ToolFailed, ToolRefused
from .names import TEMPORARY, check_new, look_alike
from .reading import CHUNK
from .roots import FileIdentity, Root, disk_failed

_RENAME_NOREPLACE: Final = 1

# Which file a plan found under the name: that one, none, or it could not look (the name held a token).
Planned = FileIdentity | Literal["absent", "unknown"]


def write_file(
    root: Root, names: tuple[str, ...], data: bytes, planned: Planned, stop: Stop, new_mode: int = 0o600
) -> bool:
    """Write ``data`` under a name, whole or not at all. Returns whether the file is new.

    Missing folders are made. A file that is replaced keeps its mode and, where the system lets us, its group; it never
    gets a wider one. Raises `ToolRefused` for names and targets that may not be written, `ToolFailed` for a disk that
    gives an error and for a target that is not the planned one any more (``changed``).
    """
    if any(root.is_hidden(name) for name in names):
        raise ToolRefused("name-refused", "Hidden names may not be written.", "Choose another name.", place="path")
    *folders, name = names
    made: list[tuple[str, ...]] = []
    try:
        _make_folders(root, folders, new_mode, made)
        with root.folder(folders) as folder:
            new = _check_target(root, folder, names, planned)
            _replace(root, folder, folders, name, data, stop, new_mode if new is None else new)
            _synchronise(folder)
    except BaseException as error:
        _unmake(root, made)
        if isinstance(error, FileNotFoundError):
            raise _changed() from None
        if isinstance(error, OSError):
            raise disk_failed(error) from None
        raise
    return new is None


def _make_folders(root: Root, folders: Sequence[str], new_mode: int, made: list[tuple[str, ...]]) -> None:
    for depth in range(1, len(folders) + 1):
        below = tuple(folders[:depth])
        if root.look(below) is not None:
            continue
        with root.folder(below[:-1]) as folder:
            check_new(below[-1])
            _check_no_twin(folder, below[-1])
            try:
                # Who may read the file may enter the folder.
                os.mkdir(below[-1], new_mode | 0o300 | ((new_mode & 0o444) >> 2), dir_fd=folder)
            except FileExistsError:
                continue  # made by someone else in between; opening it will say what it is
            made.append(below)
            _synchronise(folder)


def _unmake(root: Root, made: list[tuple[str, ...]]) -> None:
    """Take back folders made for a file that was not written; those in use by now stay."""
    for names in reversed(made):
        with suppress(OSError, ToolRefused), root.folder(names[:-1]) as folder:
            os.rmdir(names[-1], dir_fd=folder)


def _check_target(root: Root, folder: int, names: tuple[str, ...], planned: Planned) -> int | None:
    """The mode of the file to be replaced, None for a new one. Raises `ToolRefused`, `ToolFailed`."""
    name = names[-1]
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        found = None
    if found is None:
        if isinstance(planned, FileIdentity):
            raise _changed()
        check_new(name)
        _check_no_twin(folder, name)
        return None
    if stat.S_ISLNK(found.st_mode):
        raise ToolRefused("link", "The path goes through a link; links are never followed.", place="path")
    root.check_regular(found)
    if not root.is_exact(names):
        raise _twin()
    if planned == "absent" or (isinstance(planned, FileIdentity) and not planned.same_file(FileIdentity.of(found))):
        raise _changed()
    return _kept_mode(found)


def _kept_mode(found: os.stat_result) -> int:
    """The permissions of a file, without set-id bits; without the group's where the group will be another."""
    mode = stat.S_IMODE(found.st_mode) & 0o777
    return mode if found.st_gid in (os.getegid(), *os.getgroups()) or os.geteuid() == 0 else mode & ~0o070


def _check_no_twin(folder: int, name: str) -> None:
    alike = look_alike(name)
    with os.scandir(folder) as entries:
        if any(entry.name != name and look_alike(entry.name) == alike for entry in entries):
            raise _twin()


def _replace(root: Root, folder: int, folders: Sequence[str], name: str, data: bytes, stop: Stop, mode: int) -> None:
    temporary = f"{TEMPORARY}{secrets.token_hex(8)}"
    old = _status(folder, name)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        try:
            _write_all(descriptor, data, stop)
            if old is not None:
                _keep_owner(descriptor, old)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        stop.check()
        _check_same_folder(root, folder, folders)
        if old is None:
            _rename_new(folder, temporary, name)
        else:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _write_all(descriptor: int, data: bytes, stop: Stop) -> None:
    rest = memoryview(data)
    while rest:
        stop.check()
        rest = rest[os.write(descriptor, rest[:CHUNK]) :]


def _keep_owner(descriptor: int, old: os.stat_result) -> None:
    """The group, and as root the owner too. `_kept_mode` has narrowed the mode where this cannot be."""
    ours = os.fstat(descriptor)
    if (ours.st_uid, ours.st_gid) == (old.st_uid, old.st_gid):
        return
    if os.geteuid() == 0:
        os.fchown(descriptor, old.st_uid, old.st_gid)
    elif old.st_gid in (os.getegid(), *os.getgroups()):
        os.fchown(descriptor, -1, old.st_gid)


def _check_same_folder(root: Root, folder: int, folders: Sequence[str]) -> None:
    """A folder that was moved away takes its descriptor along; then the file would land outside."""
    now = root.look(folders)
    if now is None or not os.path.samestat(now, os.fstat(folder)):
        raise _changed()


def _rename_new(folder: int, temporary: str, name: str) -> None:
    """Rename only if the name is still free."""
    try:
        if _renameat2 is None or not _renameat2(folder, temporary, name):
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(temporary, dir_fd=folder)
    except FileExistsError:
        raise _changed() from None


def _find_renameat2() -> Callable[[int, str, str], bool] | None:
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if function is None:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)

    def rename(folder: int, old: str, new: str) -> bool:
        """False where the file system does not know the flag."""
        if function(folder, os.fsencode(old), folder, os.fsencode(new), _RENAME_NOREPLACE) == 0:
            return True
        code = ctypes.get_errno()
        if code in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            return False
        raise OSError(code, os.strerror(code))

    return rename


_renameat2 = _find_renameat2()


def _synchronise(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems have nothing to synchronise in a folder
            raise ToolFailed(
                "not-durable", "The disk did not confirm what was written.", "Tell the operator."
            ) from None


def _changed() -> ToolFailed:
    message = "The file or its folder changed while the call was under way."
    return ToolFailed("changed", message, "Look again, then retry.")


def _twin() -> ToolRefused:
    message = "The name differs from an existing one only in case or accents."
    return ToolRefused("name-twin", message, "Use the existing name as file_list shows it, or another.", place="path")
