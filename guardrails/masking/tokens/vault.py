"""The vault: what cannot be computed from a token, in one SQLite file of mode 0600.

It keeps three things. The values of names, addresses, secrets and long spans, each sealed with AES-SIV (RFC 5297)
under a key of its scope and type, bound to its token. Which tokens were shown to whom. And digests of what agents
wrote themselves.

Nothing is written on the way of a call. New rows wait in memory and are found there; `flush` makes them durable in one
commit, and the chain awaits it before it releases anything. Several processes may share the file.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

_VERSION: Final = 1
_BUSY_MILLISECONDS: Final = 10_000
_MOST_SEEN: Final = 500_000  # tokens remembered as written, so that they are not written again
_PER_QUERY: Final = 500
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scopes (scope BLOB PRIMARY KEY, kind TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vault (
  scope BLOB NOT NULL, class TEXT NOT NULL, token TEXT NOT NULL, epoch INTEGER NOT NULL, digest BLOB NOT NULL,
  sealed BLOB NOT NULL, made INTEGER NOT NULL, PRIMARY KEY (scope, class, token)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS issued (
  owner BLOB NOT NULL, token TEXT NOT NULL, class TEXT NOT NULL, epoch INTEGER NOT NULL, scope BLOB NOT NULL,
  PRIMARY KEY (owner, token, class, epoch)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agent_origin (
  owner BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (owner, digest)) WITHOUT ROWID;
"""

T = TypeVar("T")

_limiter = RunVar[anyio.CapacityLimiter | None]("vault_limiter")  # one thread for commits, per event loop


class VaultUnavailable(Exception):
    """The vault cannot be used. The message is one line: where, what, how to mend; never a value."""


@dataclass(frozen=True, slots=True)
class VaultRow:
    """One sealed value. ``digest`` is keyed and says whether two values are equal."""

    scope: bytes
    class_name: str
    token: str
    epoch: int
    digest: bytes
    sealed: bytes

    @property
    def key(self) -> tuple[bytes, str, str]:
        return self.scope, self.class_name, self.token


@dataclass(slots=True)
class _Pending:
    rows: dict[tuple[bytes, str, str], VaultRow] = field(default_factory=dict[tuple[bytes, str, str], VaultRow])
    issued: dict[tuple[bytes, str], dict[tuple[str, int], bytes]] = field(
        default_factory=dict[tuple[bytes, str], dict[tuple[str, int], bytes]]
    )  # (owner, token): {(class, epoch): scope}
    agent: dict[bytes, set[bytes]] = field(default_factory=dict[bytes, set[bytes]])  # place: digests
    scopes: dict[bytes, str] = field(default_factory=dict[bytes, str])

    def __bool__(self) -> bool:
        return bool(self.rows or self.issued or self.agent)


class Vault:
    """One open vault file. All methods may be called from any thread.

    Raises:
        VaultUnavailable: the file cannot be opened, is open to others, is no vault, or a write failed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = threading.Lock()  # guards the memory
        self._reading = threading.Lock()  # guards the reading connection
        self._writing = threading.Lock()  # guards the writing connection: one commit at a time
        self._waiting = _Pending()
        self._in_flight = _Pending()
        self._seen: dict[tuple[bytes, str, int], set[str]] = {}
        self._seen_count = 0
        self._no_agent: set[bytes] = set()  # places without a digest, as of `_data_version`
        self._data_version = -1
        try:
            _private_file(path)
            self._writer = _connect(path)
            self._writer.executescript(_SCHEMA)
            self._check_version()
            self._reader = _connect(path)
            self._reader.execute("PRAGMA query_only = ON")
        except (OSError, sqlite3.Error) as error:
            raise VaultUnavailable(f"{path}: {_reason(error)}; check the path, or move the file away") from None

    @property
    def path(self) -> Path:
        return self._path

    # Values

    def digests(self, scope: bytes, class_name: str, tokens: Sequence[str]) -> dict[str, bytes]:
        """The digests of those tokens that are in the vault, or on their way into it."""
        found: dict[str, bytes] = {}
        missing: list[str] = []
        with self._state:
            for token in tokens:
                row = self._waiting.rows.get((scope, class_name, token))
                row = row or self._in_flight.rows.get((scope, class_name, token))
                if row is None:
                    missing.append(token)
                else:
                    found[token] = row.digest
        for start in range(0, len(missing), _PER_QUERY):
            part = missing[start : start + _PER_QUERY]
            marks = ",".join("?" * len(part))
            query = f"SELECT token, digest FROM vault WHERE scope = ? AND class = ? AND token IN ({marks})"  # noqa: S608
            found.update(self._read(query, (scope, class_name, *part)))
        return found

    def put(self, row: VaultRow, kind: str) -> None:
        """Take a row in; ``kind`` is that of its scope. It is found at once and durable after the next `flush`."""
        with self._state:
            self._waiting.rows[row.key] = row
            self._waiting.scopes[row.scope] = kind

    def get(self, scope: bytes, class_name: str, token: str) -> VaultRow | None:
        """The row of a token."""
        key = (scope, class_name, token)
        with self._state:
            row = self._waiting.rows.get(key) or self._in_flight.rows.get(key)
        if row is not None:
            return row
        query = "SELECT epoch, digest, sealed FROM vault WHERE scope = ? AND class = ? AND token = ?"
        rows = self._read(query, key)
        return VaultRow(scope, class_name, token, *rows[0]) if rows else None

    def erase(self, scope: bytes, tokens: Iterable[str]) -> int:
        """Delete the values of these tokens for good; returns how many there were."""
        self.flush_now()
        self._forget_seen()
        with self._writing:
            gone = self._write(
                lambda db: (
                    db.executemany(
                        "DELETE FROM vault WHERE scope = ? AND token = ?", [(scope, token) for token in tokens]
                    ).rowcount
                )
            )
            self._write(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)"), transaction=False)
        return gone

    def expire_sessions(self, idle_seconds: float) -> int:
        """Forget the session scopes that nobody used for so long; returns how many."""
        self.flush_now()
        self._forget_seen()
        horizon = int(time.time() - idle_seconds)

        def work(db: sqlite3.Connection) -> int:
            query = "SELECT scope FROM scopes WHERE kind = 'session' AND used <= ?"
            old = db.execute(query, (horizon,)).fetchall()
            for table in ("vault", "issued", "scopes"):
                db.executemany(f"DELETE FROM {table} WHERE scope = ?", old)  # noqa: S608 - our own table names
            return len(old)

        with self._writing:
            return self._write(work)

    # What was shown to whom

    def note_issued(self, owner: bytes, scope: bytes, kind: str, class_name: str, epoch: int, tokens: set[str]) -> None:
        """These tokens were shown to this owner."""
        with self._state:
            if self._seen_count > _MOST_SEEN:
                self._clear_seen()
            seen = self._seen.setdefault((owner, class_name, epoch), set())
            fresh = tokens - seen
            if not fresh:
                return
            seen |= fresh
            self._seen_count += len(fresh)
            for token in fresh:
                self._waiting.issued.setdefault((owner, token), {})[class_name, epoch] = scope
            self._waiting.scopes[scope] = kind

    def _forget_seen(self) -> None:
        with self._state:
            self._clear_seen()

    def _clear_seen(self) -> None:
        self._seen.clear()
        self._seen_count = 0

    def issued(self, owner: bytes, token: str) -> set[tuple[str, int]]:
        """Class and epoch of every such token this owner was shown: usually one, or none."""
        with self._state:
            key = (owner, token)
            known = {*self._waiting.issued.get(key, ()), *self._in_flight.issued.get(key, ())}
        rows = self._read("SELECT class, epoch FROM issued WHERE owner = ? AND token = ?", (owner, token))
        return known | {(class_name, epoch) for class_name, epoch in rows}

    # What agents wrote

    def note_agent_origin(self, owner: bytes, digests: Iterable[bytes]) -> None:
        with self._state:
            self._waiting.agent.setdefault(owner, set()).update(digests)
            self._no_agent.discard(owner)

    def agent_places(self, owners: Sequence[bytes]) -> list[bytes]:
        """Those of the places (as owners of digests) that an agent ever wrote to; cheap where there is none."""
        with self._state:
            ((version,),) = self._read("PRAGMA data_version", ())  # changes when anyone else commits
            if version != self._data_version:
                self._data_version = version
                self._no_agent.clear()
            asked = [owner for owner in owners if owner not in self._no_agent]
            if not asked:
                return []
            known = self._waiting.agent.keys() | self._in_flight.agent.keys()
            query = "SELECT 1 FROM agent_origin WHERE owner = ? LIMIT 1"
            known.update(owner for owner in asked if owner not in known and self._read(query, (owner,)))
            self._no_agent.update(owner for owner in asked if owner not in known)
        return [owner for owner in asked if owner in known]

    def agent_origin(self, owner: bytes, digests: Sequence[bytes]) -> set[bytes]:
        """Those of the digests that this owner wrote."""
        with self._state:
            fresh = self._waiting.agent.get(owner, set[bytes]()) | self._in_flight.agent.get(owner, set[bytes]())
        found = fresh.intersection(digests)
        missing = [digest for digest in digests if digest not in found]
        for start in range(0, len(missing), _PER_QUERY):
            part = missing[start : start + _PER_QUERY]
            marks = ",".join("?" * len(part))
            query = f"SELECT digest FROM agent_origin WHERE owner = ? AND digest IN ({marks})"  # noqa: S608
            found.update(digest for (digest,) in self._read(query, (owner, *part)))
        return found

    def agent_digests(self, owner: bytes) -> set[bytes]:
        """All digests of this place."""
        with self._state:
            fresh = self._waiting.agent.get(owner, set[bytes]()) | self._in_flight.agent.get(owner, set[bytes]())
        return fresh.union(d for (d,) in self._read("SELECT digest FROM agent_origin WHERE owner = ?", (owner,)))

    # Facts about the keys

    def meta(self, name: str) -> bytes | None:
        rows = self._read("SELECT value FROM meta WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def set_meta(self, name: str, value: bytes, *, instead_of: bytes | None = None) -> None:
        """Keep a fact, unless it is there already; or put it in the place of what was there, if that still is."""
        insert, update = (
            "INSERT OR IGNORE INTO meta VALUES (?, ?)",
            "UPDATE meta SET value = ? WHERE (name, value) = (?, ?)",
        )
        with self._writing:
            if instead_of is None:
                self._write(lambda db: db.execute(insert, (name, value)))
            else:
                self._write(lambda db: db.execute(update, (value, name, instead_of)))

    # Durability

    @property
    def dirty(self) -> bool:
        """Whether anything waits to be written."""
        with self._state:
            return bool(self._waiting or self._in_flight)

    async def flush(self) -> None:
        """Returns when everything taken in before is on disk. Raises `VaultUnavailable`; then it is kept for the
        next."""
        if not self.dirty:
            return
        limiter = _limiter.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(1)
            _limiter.set(limiter)
        await anyio.to_thread.run_sync(self.flush_now, limiter=limiter)

    def flush_now(self) -> None:
        """`flush` for threads: blocks for one commit, which takes along whatever is waiting by then."""
        with self._writing:
            with self._state:
                batch, self._waiting = self._waiting, _Pending()
                self._in_flight = batch
            try:
                if batch:
                    self._write(lambda db: _store(db, batch))
            except VaultUnavailable:
                with self._state:
                    self._waiting = _merged(batch, self._waiting)
                raise
            finally:
                with self._state:
                    self._in_flight = _Pending()

    def close(self) -> None:
        """Write what is waiting and close the file."""
        try:
            self.flush_now()
        finally:
            with self._writing, self._reading:
                self._writer.close()
                self._reader.close()

    def _read(self, query: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            with self._reading:
                return self._reader.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise VaultUnavailable(f"{self._path}: {_reason(error)}") from None

    def _write(self, work: Callable[[sqlite3.Connection], T], *, transaction: bool = True) -> T:
        try:
            if not transaction:
                return work(self._writer)
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                done = work(self._writer)
                self._writer.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                raise
            return done
        except sqlite3.Error as error:
            raise VaultUnavailable(f"{self._path}: {_reason(error)}; tokens cannot be kept, so none leave") from None

    def _check_version(self) -> None:
        self._writer.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (bytes((_VERSION,)),))
        (version,) = self._writer.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
        if version != bytes((_VERSION,)):
            raise VaultUnavailable(
                f"{self._path}: was made by another version of Gloveport; move it away to start anew"
            )


def _store(db: sqlite3.Connection, batch: _Pending) -> None:
    now = int(time.time())
    rows = [(r.scope, r.class_name, r.token, r.epoch, r.digest, r.sealed, now) for r in batch.rows.values()]
    stored = db.executemany("INSERT OR IGNORE INTO vault VALUES (?, ?, ?, ?, ?, ?, ?)", rows).rowcount
    if stored < len(rows):
        _check_taken(db, batch)
    issued = [(*key, *form, scope) for key, forms in batch.issued.items() for form, scope in forms.items()]
    db.executemany("INSERT OR IGNORE INTO issued VALUES (?, ?, ?, ?, ?)", issued)
    db.executemany(
        "INSERT OR IGNORE INTO agent_origin VALUES (?, ?)",
        [(place, d) for place, digests in batch.agent.items() for d in digests],
    )
    used = "INSERT INTO scopes VALUES (?, ?, ?) ON CONFLICT (scope) DO UPDATE SET used = excluded.used"
    db.executemany(used, [(scope, kind, now) for scope, kind in batch.scopes.items()])


def _check_taken(db: sqlite3.Connection, batch: _Pending) -> None:
    """Another process was first with some tokens: fine for the same value, else this batch must not stand.

    The rows that lost are given up, so that the next call for their values meets the other row and takes a longer
    token.
    """
    query = "SELECT digest FROM vault WHERE scope = ? AND class = ? AND token = ?"
    lost = [row for row in batch.rows.values() if db.execute(query, row.key).fetchone() != (row.digest,)]
    for row in lost:
        del batch.rows[row.key]
    if lost:
        raise sqlite3.IntegrityError("another process gave a token of this batch to another value")


def _merged(old: _Pending, new: _Pending) -> _Pending:
    for key, forms in new.issued.items():
        old.issued.setdefault(key, {}).update(forms)
    for place, digests in new.agent.items():
        old.agent.setdefault(place, set()).update(digests)
    return _Pending(old.rows | new.rows, old.issued, old.agent, old.scopes | new.scopes)


def _private_file(path: Path) -> None:
    """The file, empty if there was none, readable by its owner alone; SQLite gives its side files the same mode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)
    if mode & 0o077:
        raise VaultUnavailable(f"{path}: others may read it (mode {mode:04o}); run: chmod 600 {path}")


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # a commit is on disk when it returns
    db.execute("PRAGMA secure_delete = ON")
    db.execute("PRAGMA trusted_schema = OFF")
    return db


def _reason(error: Exception) -> str:
    """What SQLite or the system says, without values: their texts name files, tables and conditions alone."""
    if isinstance(error, OSError):
        return error.strerror or "cannot be opened"
    return (
        "is not a vault" if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error) else str(error)
    )
