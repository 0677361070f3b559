"""SQLite's library, configured before Python's module starts it. Whoever needs ``sqlite3`` imports it from here."""

from __future__ import annotations

import contextlib
import ctypes

COVERING_INDEX_SCAN = 20  # SQLITE_CONFIG_...: off, so that no index on a masked column decides the order of a scan
SQLITE = ("libsqlite3.so.0", "libsqlite3.dylib", "libsqlite3.0.dylib")


def _configure() -> None:
    """Before the library starts: no scans of covering indexes. Where it cannot be set, `_scans_indexes` finds out."""
    for name in SQLITE:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(name).sqlite3_config(COVERING_INDEX_SCAN, 0)
            return


_configure()
import sqlite3  # noqa: E402 - after `_configure`

__all__ = ["sqlite3"]
