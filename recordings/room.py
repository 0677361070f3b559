"""Room on the disk: a reserve for the last events, the line below which new calls are refused, and a time of need."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from .events import RecorderDegraded
from .journal import DISK_FULL, RecorderUnavailable
from .layout import LogLayout, open_file, write_all

BALLAST_BYTES: Final = 1024 * 1024

Mode = Literal["strict", "best_effort"]


@dataclass(slots=True)
class Need:
    """A time in which storage does not take what it should."""

    reason: str
    message: str
    since: int  # microseconds since the epoch
    refused: int = 0
    unsynced: int = 0

    def told(self) -> RecorderDegraded:
        """The event that tells of it, now that it is over."""
        now = time.time_ns() // 1000
        return RecorderDegraded(self.reason, self.since, now, self.refused, self.unsynced)


class Room:
    """Watches the disk under one log. ``noticed`` is called when a time of need begins."""

    def __init__(
        self, log: LogLayout, root: Path, *, mode: Mode, min_free_bytes: int, noticed: Callable[[], None]
    ) -> None:
        self._log, self._root = log, root
        self.mode: Mode = mode
        self._min_free_bytes = min_free_bytes
        self._noticed = noticed
        self.need: Need | None = None
        self._has_ballast = self._make_ballast()

    def admit_call(self) -> None:
        """Refuse a new call in a time of need, unless best effort is enough. Raises `RecorderUnavailable`."""
        if self.need is not None and self.mode == "strict":
            self.need.refused += 1
            raise RecorderUnavailable(self.need.reason, self.need.message)

    def may_pass(self, error: RecorderUnavailable) -> bool:
        """Whether a read may go on although its record is not durable yet."""
        if self.mode != "best_effort" or error.reason != "disk_full":
            return False
        if self.need is not None:
            self.need.unsynced += 1
        return True

    def degrade(self, error: RecorderUnavailable) -> None:
        """A time of need begins, if it has not begun."""
        if self.need is None and error.reason != "closed":
            self.need = Need(error.reason, str(error), time.time_ns() // 1000)
            self._noticed()

    def give_ballast(self) -> bool:
        """The disk is full: free the reserve. False when it was freed before."""
        if not self._has_ballast:
            return False
        self._has_ballast = False
        self._log.ballast.unlink(missing_ok=True)
        self.degrade(RecorderUnavailable("disk_full", "the recordings folder is on a full disk"))
        return True

    def low(self) -> bool:
        """Whether too little is free; then a time of need begins. Raises OSError."""
        stat = os.statvfs(self._root)
        if stat.f_bavail * stat.f_frsize >= self._min_free_bytes:
            return False
        self.degrade(RecorderUnavailable("disk_low", "the recordings folder has too little free space"))
        return True

    def over(self) -> RecorderDegraded | None:
        """The time of need is over, if the reserve fits again: the event that tells of it, else None."""
        if self.need is None:
            return None
        self._has_ballast = self._make_ballast()
        if not self._has_ballast:
            return None
        past, self.need = self.need, None
        return past.told()

    def _make_ballast(self) -> bool:
        """Reserve room for the last events before the disk is full; True if it is there."""
        try:
            fd = open_file(self._log.ballast, os.O_WRONLY | os.O_CREAT)
            try:
                if os.fstat(fd).st_size < BALLAST_BYTES:
                    write_all(fd, bytes(BALLAST_BYTES), 0)
                    os.fsync(fd)
            finally:
                os.close(fd)
        except OSError:
            return False
        return True


def unavailable(error: OSError) -> RecorderUnavailable:
    """What an error of the file system means for the recorder."""
    if error.errno in DISK_FULL:
        return RecorderUnavailable("disk_full", "the recordings folder is on a full disk")
    text = error.strerror or type(error).__name__
    return RecorderUnavailable("io_error", f"the recordings folder cannot be written: {text}")
