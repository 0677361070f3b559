"""The exclusive lock of one log: one process writes a journal, and whoever gets a free lock may take the log over."""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path

from .layout import open_file


class LogLock:
    """A held flock(2) on a file. The kernel releases it when the process ends, however it ends."""

    __slots__ = ("__weakref__", "_fd")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        _held.add(self)

    @classmethod
    def try_take(cls, path: Path) -> LogLock | None:
        """The lock, or None while someone else has it. Raises OSError when the file cannot be opened."""
        fd = open_file(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError:
            os.close(fd)
            raise
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)  # for humans; the lock itself is the kernel's
        return cls(fd)

    @staticmethod
    def is_held(path: Path) -> bool:
        """Whether a process has the lock right now; False when there is none or it cannot be looked at."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(fd)
        return False

    def release(self) -> None:
        """Give the lock back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        _held.discard(self)


_held: weakref.WeakSet[LogLock] = weakref.WeakSet()


def _forget_after_fork() -> None:
    """A forked child shares the lock; closing its copy leaves the parent's in place and ends with the parent."""
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_forget_after_fork)
