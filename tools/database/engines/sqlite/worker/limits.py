"""What bounds a statement and the whole process: limits of SQLite, limits of the system, deadlines."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time

from .library import sqlite3

LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1_000_000,  # one instruction over a longer value could not be interrupted in time
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 60_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 25_000,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 100,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 2_000,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
HEAP_BYTES = 256 << 20
ADDRESS_BYTES = 768 << 20
FILE_BYTES = 16 << 20  # a read-only process writes at most the shared-memory file of a write-ahead log
OPEN_FILES = 64
BUSY_MS = 1000
OPS_BETWEEN_LOOKS = 2000


class Clock:
    """The deadline of one request, three times: SQLite is interrupted, CPU time is bounded, a timer ends the process.

    The last two do not depend on this code being reached, nor on the server that asked being alive.
    """

    def __init__(self) -> None:
        self.until = float("inf")
        self.parent = os.getppid()
        _, self._cpu = resource.getrlimit(resource.RLIMIT_CPU)

    def arm(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime + seconds) + 2
        if self._cpu == resource.RLIM_INFINITY or limit < self._cpu:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, self._cpu))
        signal.setitimer(signal.ITIMER_REAL, seconds + 1.0)

    def disarm(self) -> None:
        self.until = float("inf")
        signal.setitimer(signal.ITIMER_REAL, 0)

    def look(self) -> int:
        """Called by SQLite every few thousand instructions; not zero interrupts the statement."""
        if os.getppid() != self.parent:
            os._exit(3)
        return int(time.monotonic() > self.until)


def _lower(kind: int, value: int) -> None:
    """Lower a limit for good; one that is lower already stays. Some systems (macOS) refuse a few kinds."""
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, value))


def restrict(write: bool) -> None:
    """Limits of the system, before anything of the file is read."""
    _lower(resource.RLIMIT_AS, ADDRESS_BYTES)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    if not write:
        _lower(resource.RLIMIT_FSIZE, FILE_BYTES)
    for end in (signal.SIGALRM, signal.SIGXCPU, signal.SIGTERM):
        signal.signal(end, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the server, which ends its workers
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            prctl = ctypes.CDLL(None).prctl
            prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: no other process of the same user reads its memory
            prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
