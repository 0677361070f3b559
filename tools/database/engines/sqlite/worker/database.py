"""The one connection of a worker, and what can be asked of it: one method a request."""

from __future__ import annotations

import contextlib
import json
import os
import re

from .channel import ENCODER, Channel, Stop, plain
from .judge import Judge
from .library import sqlite3
from .limits import BUSY_MS, HEAP_BYTES, LIMITS, OPS_BETWEEN_LOOKS, Clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Seen: TypeAlias = tuple[list[tuple[str, str]], list[str]]  # what `Judge.seen` reports

QUERIES = ("SELECT ", "WITH ", "VALUES", "EXPLAIN QUERY PLAN ")
CHANGES = ("INSERT ", "UPDATE ", "DELETE ", "WITH ")
CHUNK_ROWS = 32
OPEN_SECONDS = 10.0
TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})


class Database:
    """The one connection of this process."""

    def __init__(self, opening: dict[str, Any], channel: Channel) -> None:
        self._channel = channel
        self.path = opening["path"]
        self.write = opening["write"]
        self.file = self._place()
        self.clock, self.judge = Clock(), Judge()
        connection = sqlite3.connect(
            opening["uri"], uri=True, isolation_level=None, cached_statements=0, timeout=BUSY_MS / 1000
        )
        self.connection = connection
        self.clock.arm(OPEN_SECONDS)
        for limit, value in LIMITS.items():
            connection.setlimit(limit, value)
        connection.set_progress_handler(self.clock.look, OPS_BETWEEN_LOOKS)
        if (setconfig := getattr(connection, "setconfig", None)) is not None:  # Python 3.12
            setconfig(getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE"), True)  # noqa: B009
        for pragma in (
            f"query_only={int(not self.write)}",
            "cell_size_check=1",
            "temp_store=2",  # sorting never leaves values on a disk
            "mmap_size=0",
            "foreign_keys=1",
            f"hard_heap_limit={HEAP_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute(f"PRAGMA trusted_schema={int(self._needs_json())}").fetchall()
        connection.set_authorizer(self.judge)
        self._warm()
        self.clock.disarm()

    def _needs_json(self) -> bool:
        """Whether the schema uses JSON functions that this SQLite does not trust there: older ones (3.40) count their
        own among the unsafe, and take a file with a generated column of JSON for damaged."""
        used = "SELECT 1 FROM sqlite_master WHERE sql LIKE '%json%' OR sql LIKE '%->%' LIMIT 1"
        if self.connection.execute(used).fetchone() is None:
            return False
        with contextlib.closing(sqlite3.connect(":memory:")) as other:
            other.execute("PRAGMA trusted_schema=0")
            other.execute("CREATE VIEW v AS SELECT json('1')")
            try:
                other.execute("SELECT * FROM v").fetchall()
            except sqlite3.Error:
                return True
        return False

    def _place(self) -> list[int]:
        found = os.stat(self.path)
        return [found.st_dev, found.st_ino]

    def _warm(self) -> None:
        """Virtual tables register on first use, by an update that the authorizer would see, and then prepare statements
        of their own on the tables they keep their data in: so use each once before the authorizer watches."""
        for name in TABLE_FUNCTIONS:
            with contextlib.suppress(sqlite3.Error):  # a SQLite without JSON
                self.connection.execute(f"SELECT count(*) FROM {name}('[1]')").fetchall()  # noqa: S608
        self.warm = self._cookie()
        found = self.connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'create virtual table%'")
        for (name,) in found.fetchall():
            with contextlib.suppress(sqlite3.Error):  # of a module this SQLite lacks: its use fails later, by name
                self.connection.execute(f"SELECT * FROM {quoted(name)} LIMIT 1").fetchall()  # noqa: S608

    def opened(self) -> dict[str, Any]:
        mode = self.connection.execute("PRAGMA journal_mode").fetchone()[0]
        return {
            "sqlite": sqlite3.sqlite_version,
            "file": self.file,
            "journal": mode,
            "index_scans": _scans_indexes(),
            "size": os.stat(self.path).st_size,
        }

    # One method a request; each returns an answer, or raises `Stop` or a `sqlite3.Error`.

    def version(self, request: dict[str, Any]) -> dict[str, Any]:
        self._moved()
        return {"cookie": self._cookie()}

    def catalog(self, request: dict[str, Any]) -> dict[str, Any]:
        """Everything SQLite tells of its schema, from one transaction."""
        self._moved()
        self.connection.execute("BEGIN")
        cookie = self._cookie()
        ask = self.connection.execute
        objects = ask("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        kinds = {row[1]: row[2] for row in ask("PRAGMA main.table_list").fetchall()}
        tables: dict[str, Any] = {}
        for kind, name, _, _ in objects:
            if kind not in ("table", "view"):
                continue
            try:
                columns = ask(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
            except sqlite3.Error:  # a view over something that is gone, a module this SQLite lacks
                columns = []
            indexes: list[object] = []
            for index in ask(f"PRAGMA index_list({quoted(name)})").fetchall():
                parts = ask(f"PRAGMA index_xinfo({quoted(index[1])})").fetchall()
                keyed = [None if part[1] == -2 else part[2] for part in parts if part[5] and part[1] != -1]
                indexes.append([*keyed, None] if index[4] else keyed)  # a partial index: its condition decides too
            keys = ask(f"PRAGMA foreign_key_list({quoted(name)})").fetchall()
            tables[name] = {
                "kind": kinds.get(name, kind if kind == "view" else "unknown"),
                "columns": columns,
                "indexes": indexes,
                "keys": keys,
            }
        return {"cookie": cookie, "objects": objects, "tables": tables}

    def query(self, request: dict[str, Any]) -> dict[str, Any] | bytes:
        self._begin(request, "BEGIN")
        sql, values = request["sql"], plain(request["values"])
        seen = self._prepared(sql, values, None)
        self._confirm(seen, request)
        return self._fetched(sql, values, seen, request, None)

    def change(self, request: dict[str, Any]) -> dict[str, Any] | bytes:
        sql, values, target = request["sql"], plain(request["values"]), request["target"]
        most = request["most"]
        preview = request["preview"]
        self._begin(request, "BEGIN")
        self.connection.execute("ROLLBACK")
        self._confirm(self._read_by_change(request, sql, values, target), request)
        self._begin(request, "BEGIN IMMEDIATE")  # the schema is still the same
        if preview is not None:
            self.judge.watch(None)
            row = self.connection.execute(preview, plain(request["preview_values"])).fetchone()
            if row is None or not isinstance(row[0], int) or row[0] > most:
                raise Stop("too-many", rows=row[0] if row else 0)
        before = self.connection.total_changes
        answer = self._fetched(sql, values, None, request, target)
        self.judge.trusted = True
        changed = self.connection.total_changes - before
        if changed > most:  # with all that triggers and foreign keys added
            raise Stop("too-many", rows=changed)
        self.connection.execute("COMMIT")
        return answer

    def _read_by_change(self, request: dict[str, Any], sql: str, values: list[object], target: str) -> Seen:
        """What the statement itself would read, and its preview: neither foreign keys nor the owner's triggers."""
        self.judge.trusted = True
        triggers = self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        self.judge.triggers = frozenset(name for (name,) in triggers)
        words = set(re.findall(r"[\w$]+", sql.lower()))
        if "with" in words and any(words.issuperset(re.findall(r"[\w$]+", n.lower())) for n in self.judge.triggers):
            raise Stop("denied")  # the authorizer cannot tell a common table expression of that name from the trigger
        self.connection.execute("PRAGMA foreign_keys = 0")  # has no effect within a transaction
        try:
            seen = self._prepared(sql, values, target)
            if request["preview"] is not None:
                counted = self._prepared(request["preview"], plain(request["preview_values"]), None)
                seen = sorted({*seen[0], *counted[0]}), sorted({*seen[1], *counted[1]})
        finally:
            self.judge.trusted = True
            self.connection.execute("PRAGMA foreign_keys = 1")
        return seen

    def recover(self, request: dict[str, Any]) -> dict[str, Any]:
        """Undo what a writer left half done when it was killed: opening a transaction rolls its journal back."""
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return {}

    def clean(self) -> None:
        """Leave nothing of a request behind."""
        self.judge.trusted = True
        self.clock.until = float("inf")
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.clock.disarm()

    def _moved(self) -> None:
        try:
            moved = self._place() != self.file
        except OSError:
            raise Stop("gone") from None
        if moved:
            raise Stop("moved")

    def _cookie(self) -> int:
        return int(self.connection.execute("PRAGMA main.schema_version").fetchone()[0])

    def _begin(self, request: dict[str, Any], how: str) -> None:
        self._moved()
        self.connection.execute(how)
        # inside the transaction: from here on the schema and all rows stay as they are
        cookie = self._cookie()
        if cookie != self.warm:
            self.connection.execute("ROLLBACK")
            self._warm()
            self.connection.execute(how)
            cookie = self._cookie()
        if request["cookie"] is not None and (cookie != request["cookie"] or self.file != request["file"]):
            raise Stop("schema-changed")

    def _prepared(self, sql: str, values: list[object], target: str | None) -> Seen:
        """What the statement would read, by preparing it without running it."""
        if not sql.lstrip("( \n").upper().startswith(QUERIES if target is None else CHANGES):
            raise Stop("denied")  # of some statements (VACUUM) the authorizer hears only when they run
        self.judge.watch(target)
        inner = sql.removeprefix("EXPLAIN QUERY PLAN ")
        try:
            self.connection.execute(f"EXPLAIN {inner}", values).close()
        except sqlite3.Error as error:
            if self.judge.denied:
                raise Stop("denied") from None
            raise Stop("prepare", name=error_name(error), text=str(error)[:500]) from None
        return self.judge.seen()

    def _confirm(self, seen: Seen, request: dict[str, Any]) -> None:
        """Ask the server whether it may read this, unless it has said so before."""
        wanted = json.loads(ENCODER.encode(seen))
        if not request["ask"] or wanted == request["known"]:
            return
        self._channel.send({"reads": seen})
        if self._channel.receive() != {"go": True}:
            raise Stop("not-confirmed")

    def _fetched(
        self,
        sql: str,
        values: list[object],
        seen: Seen | None,
        request: dict[str, Any],
        target: str | None,
    ) -> bytes:
        try:
            return self._rows(sql, values, seen, request, target)
        except sqlite3.OperationalError as error:
            if target is not None or "Could not decode to UTF-8" not in str(error):
                raise
        self.connection.text_factory = lossy  # the slow way, only where needed
        try:
            return self._rows(sql, values, seen, request, target)
        finally:
            self.connection.text_factory = str

    def _rows(
        self,
        sql: str,
        values: list[object],
        seen: Seen | None,
        request: dict[str, Any],
        target: str | None,
    ) -> bytes:
        self.judge.watch(target)
        cursor = self.connection.execute(sql, values)
        if self.judge.denied or (seen is not None and self.judge.seen() != seen):
            raise Stop("denied")
        ENCODER.found_bytes = False
        names = [column[0] for column in cursor.description or ()]
        left, room = int(request["rows"]), request["bytes"]
        chunks: list[bytes] = []
        truncated = False
        while names and not truncated:
            rows = cursor.fetchmany(min(CHUNK_ROWS, left + 1))
            if not rows:
                break
            if len(rows) > left:
                truncated, rows = target is None, rows[:left]
            left -= len(rows)
            text = as_json(rows)[1:-1]
            if len(text) > room:
                truncated = True
                kept: list[bytes] = []
                for row in rows:
                    one = as_json(row)
                    if len(one) > room:
                        break
                    room -= len(one)
                    kept.append(one)
                text = b",".join(kept)
            room -= len(text)
            if text:
                chunks.append(text)
        if truncated and not chunks and target is None and left < request["rows"]:
            raise Stop("row-too-large")
        changed = cursor.rowcount
        if target is not None:
            cursor.fetchall()
            changed = cursor.rowcount
        cursor.close()
        head = as_json({"names": names, "truncated": truncated, "changed": changed, "bytes": ENCODER.found_bytes})
        return head + b"\n[" + b",".join(chunks) + b"]"


def as_json(value: object) -> bytes:
    return ENCODER.encode(value).encode("utf-8", "replace")


def lossy(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def error_name(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", None) or type(error).__name__


def _scans_indexes() -> bool:
    """Whether this SQLite still scans a covering index where a table would do."""
    trial = sqlite3.connect(":memory:")
    try:
        trial.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")
        trial.execute("CREATE INDEX i ON t (a)")
        plan = trial.execute("EXPLAIN QUERY PLAN SELECT id FROM t").fetchall()
    finally:
        trial.close()
    return any("COVERING" in row[3] for row in plan)
