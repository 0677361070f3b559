"""Open a file beneath a folder, and nowhere else, also while someone swaps the folders for links.

Checking a path and then opening it loses every race (CVE-2025-53109 and its kin). Two ways hold, and both start from
the root's own descriptor:

- `open_by_kernel`: one ``openat2`` with ``RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS`` and, unless
  mounts may be crossed, ``RESOLVE_NO_XDEV`` (Linux 5.6, openat2(2)).
- `open_by_walk`: one ``openat`` with ``O_NOFOLLOW`` for each name, each from the descriptor before.

Both raise `OSError`: ``ELOOP`` at a link, ``EXDEV`` at a mount, ``ENOENT`` and ``ENOTDIR`` as usual. Names must have
gone through `names.parse_path`: neither way tolerates ``..``, empty names or NUL.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
import sys
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

# (descriptor of the root, names below it, flags of os.open, whether mounts may be crossed) -> descriptor
Opener: TypeAlias = Callable[[int, Sequence[str], int, bool], int]

O_PATH: Final[int] = getattr(os, "O_PATH", 0)  # a name and nothing else: no device wakes, no FIFO waits

_SYS_OPENAT2: Final = 437  # the same number on every architecture but alpha
_RESOLVE_NO_XDEV: Final = 0x01
_RESOLVE_NO_MAGICLINKS: Final = 0x02
_RESOLVE_NO_SYMLINKS: Final = 0x04
_RESOLVE_BENEATH: Final = 0x08
_ATTEMPTS: Final = 64


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_by_kernel(root: int, names: Sequence[str], flags: int, cross_mounts: bool) -> int:
    """See the module. Raises `OSError`."""
    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS
    if not cross_mounts:
        resolve |= _RESOLVE_NO_XDEV
    how = _OpenHow(flags | os.O_CLOEXEC, 0, resolve)
    path = os.fsencode("/".join(names)) or b"."
    if b"\0" in path:  # ctypes would cut the name there without a word
        raise OSError(errno.EINVAL, "NUL in a name")
    for attempt in range(_ATTEMPTS):
        descriptor: int = _syscall()(_SYS_OPENAT2, root, path, ctypes.byref(how), ctypes.sizeof(how))
        if descriptor >= 0:
            return descriptor
        code = ctypes.get_errno()
        # EAGAIN: the kernel met a rename and wants to be asked again; or, endlessly, a lease of another process.
        if code not in (errno.EINTR, errno.EAGAIN) or attempt == _ATTEMPTS - 1:
            raise _error(code)
    raise AssertionError("unreachable")


@functools.cache
def _syscall() -> Callable[..., int]:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    # The arguments are variadic: without types ctypes would pass ints as 32 bits.
    call.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(_OpenHow), ctypes.c_size_t)
    return call


def open_by_walk(root: int, names: Sequence[str], flags: int, cross_mounts: bool) -> int:
    """See the module. Raises `OSError`."""
    home = None if cross_mounts else _mount(root)
    *folders, last = names or (".",)
    current = os.open(".", O_PATH | os.O_DIRECTORY, dir_fd=root)
    try:
        for folder in folders:
            below = _step(current, folder, O_PATH | os.O_DIRECTORY, home)
            os.close(current)
            current = below
        return _step(current, last, flags, home)
    finally:
        os.close(current)


def _step(folder: int, name: str, flags: int, home: tuple[int, str] | None) -> int:
    """Open one name of a folder."""
    try:
        descriptor = os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder)
    except NotADirectoryError:
        # O_DIRECTORY answers so at a link too. Looked up for a true message only: nothing is opened on it.
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise _error(errno.ELOOP) from None
        raise
    try:
        # O_PATH with O_NOFOLLOW opens the link itself, where a plain open answers ELOOP.
        if stat.S_ISLNK(os.fstat(descriptor).st_mode):
            raise _error(errno.ELOOP)
        if home is not None and _mount(descriptor) != home:
            raise _error(errno.EXDEV)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _error(code: int) -> OSError:
    return OSError(code, os.strerror(code))


def _mount(descriptor: int) -> tuple[int, str]:
    """The mount a descriptor is on. A bind mount shares its device number, so ask for the mount's id where we can."""
    mount = ""
    if sys.platform == "linux":
        try:
            with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as lines:
                mount = next((line for line in lines if line.startswith("mnt_id:")), "")
        except FileNotFoundError:  # no /proc here: the device number must do
            mount = ""
    return os.fstat(descriptor).st_dev, mount


@functools.cache
def kernel_can() -> bool:
    """Whether ``openat2`` is there and a sandbox lets it through; asked once, by really opening the current folder."""
    if sys.platform != "linux":
        return False
    try:
        here = os.open("/", O_PATH | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        os.close(open_by_kernel(here, (), O_PATH | os.O_DIRECTORY, False))
    except OSError:
        return False
    finally:
        os.close(here)
    return True


def best_opener() -> Opener:
    """The kernel's way where it has one, else the walk."""
    return open_by_kernel if kernel_can() else open_by_walk
