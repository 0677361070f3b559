"""How many rows share a combination of values: counted on disk, so that memory stays flat whatever the table's size."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from .options import ExportError


class Groups:
    """Counts rows by keyed digest of their combination. One file on the trusted side; values are not in it."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._key = key
        try:
            self._file = sqlite3.connect(path, check_same_thread=False)  # one thread at a time, not always the same
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute("PRAGMA synchronous = OFF")
            self._file.execute("CREATE TABLE IF NOT EXISTS groups (id BLOB PRIMARY KEY, n INTEGER) WITHOUT ROWID")
        except sqlite3.Error:
            raise ExportError(f"{path}: cannot be written; check the state folder and the room on its disk") from None

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        counted = Counter(self.digest(row) for row in rows)
        self._file.executemany(
            "INSERT INTO groups VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET n = n + excluded.n", counted.items()
        )

    def size(self, digest: bytes) -> int:
        found = self._file.execute("SELECT n FROM groups WHERE id = ?", (digest,)).fetchone()
        return 0 if found is None else int(found[0])

    def sizes(self, digests: Sequence[bytes]) -> list[int]:
        known: dict[bytes, int] = {}
        return [known[d] if d in known else known.setdefault(d, self.size(d)) for d in digests]

    def digest(self, row: Sequence[object]) -> bytes:
        parts = b"".join(
            b"\0" if value is None else b"\1%d:%s" % (len(text := str(value).encode("utf-8", "surrogatepass")), text)
            for value in row
        )
        return hashlib.blake2b(parts, key=self._key, digest_size=16).digest()

    def distribution(self) -> dict[int, int]:
        """How many groups there are of each size."""
        return dict(self._file.execute("SELECT n, count(*) FROM groups GROUP BY n ORDER BY n"))

    def rows_below(self, k: int) -> int:
        """How many rows are in groups smaller than ``k``."""
        return int(self._file.execute("SELECT coalesce(sum(n), 0) FROM groups WHERE n < ?", (k,)).fetchone()[0])

    def commit(self) -> None:
        self._file.commit()

    def close(self) -> None:
        self._file.close()
