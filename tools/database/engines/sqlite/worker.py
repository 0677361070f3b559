"""The process that opens a SQLite file. Started as a script by `process.Worker`, with an empty environment.

It imports nothing of the package and as little else as it can: it starts in about 30 ms, and whatever a statement or a
malformed file does to it, nothing else is hurt. It answers one request at a time over one socket; frames are a length
of four bytes and JSON. It never answers with the text of an execution error, only with SQLite's name of its kind.

What holds here, beneath the guard: the file is opened read-only (but for writes, in a process of their own), an
authorizer allows reading and nothing else, limits of SQLite and of the system bound size and memory, and a timer of
the kernel ends the process at the deadline even if nobody is left to kill it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import resource
import signal
import sys
import time
from binascii import a2b_base64, b2a_base64

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
BUSY_MS = 1000
OPS_BETWEEN_LOOKS = 2000
CHUNK_ROWS = 32
OWN = ("sqlite_", "pragma_", "dbstat")  # SQLite's own tables
QUERIES = ("SELECT ", "WITH ", "VALUES", "EXPLAIN QUERY PLAN ")
CHANGES = ("INSERT ", "UPDATE ", "DELETE ", "WITH ")
TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})

SELECT, READ, FUNCTION, RECURSIVE = 21, 20, 31, 33  # actions of the authorizer
INSERT, UPDATE, DELETE = 18, 23, 9


class Stop(Exception):
    """The request ends with this answer."""

    def __init__(self, kind: str, **more: object) -> None:
        super().__init__(kind)
        self.answer = {"error": kind, **more}


class Judge:
    """The authorizer: what a statement may do, and what it would read."""

    def __init__(self) -> None:
        self.trusted = True  # the worker's own statements
        self.target: str | None = None  # the table a write may change
        self.triggers: frozenset[str] = frozenset()  # what they read is their owner's decision
        self.reads: set[tuple[str, str]] = set()
        self.functions: set[str] = set()
        self.denied = False

    def watch(self, target: str | None) -> None:
        self.trusted, self.target, self.denied = False, target, False
        self.reads, self.functions = set(), set()

    def seen(self) -> list[list[object]]:
        return [sorted(self.reads), sorted(self.functions)]  # type: ignore[list-item]

    def __call__(self, action: int, first: str | None, second: str | None, base: str | None, inner: str | None) -> int:
        if self.trusted or action in (SELECT, RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == READ and base in ("main", None) and first and not first.lower().startswith(OWN):
            if self.target is None or inner not in self.triggers:
                self.reads.add((first, second or ""))
            return sqlite3.SQLITE_OK
        if action == FUNCTION and second:
            self.functions.add(second.lower())
            return sqlite3.SQLITE_OK
        # ``inner`` names the trigger that writes: the owner's rules may change other tables, the agent's statement not
        if self.target and action in (INSERT, UPDATE, DELETE) and (inner or first == self.target) and base == "main":
            return sqlite3.SQLITE_OK
        self.denied = True
        return sqlite3.SQLITE_DENY


class Clock:
    """The deadline of one request, three times: SQLite is interrupted, CPU time is bounded, a timer ends the process.

    The last two do not depend on this code being reached, nor on the server that asked being alive.
    """

    def __init__(self) -> None:
        self.until = float("inf")
        self.parent = os.getppid()

    def arm(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime + seconds) + 2
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        signal.setitimer(signal.ITIMER_REAL, seconds + 1.0)

    def disarm(self) -> None:
        self.until = float("inf")
        signal.setitimer(signal.ITIMER_REAL, 0)

    def look(self) -> int:
        """Called by SQLite every few thousand instructions; not zero interrupts the statement."""
        if os.getppid() != self.parent:
            os._exit(3)
        return int(time.monotonic() > self.until)


class Encoder(json.JSONEncoder):
    def default(self, o: object) -> object:
        if isinstance(o, bytes):
            return {"b": b2a_base64(o, newline=False).decode()}
        return super().default(o)


ENCODER = Encoder(ensure_ascii=False, separators=(",", ":"))


def restrict(write: bool) -> None:
    """Limits of the system, before anything of the file is read."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    if not write:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    for end in (signal.SIGALRM, signal.SIGXCPU, signal.SIGTERM):
        signal.signal(end, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the server, which ends its workers
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            prctl = ctypes.CDLL(None).prctl
            prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: no other process of the same user reads its memory
            prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


class Database:
    """The one connection of this process."""

    def __init__(self, opening: dict[str, object]) -> None:
        self.path = str(opening["path"])
        self.write = bool(opening["write"])
        self.file = self._place()
        self.clock, self.judge = Clock(), Judge()
        connection = sqlite3.connect(
            str(opening["uri"]), uri=True, isolation_level=None, cached_statements=0, timeout=BUSY_MS / 1000
        )
        self.connection = connection
        for limit, value in LIMITS.items():
            connection.setlimit(limit, value)
        connection.set_progress_handler(self.clock.look, OPS_BETWEEN_LOOKS)
        if (setconfig := getattr(connection, "setconfig", None)) is not None:  # Python 3.12
            setconfig(getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE"), True)  # noqa: B009
        for pragma in (
            f"query_only={int(not self.write)}",
            "trusted_schema=0",
            "cell_size_check=1",
            "temp_store=2",  # sorting never leaves values on a disk
            "mmap_size=0",
            "foreign_keys=1",
            f"hard_heap_limit={HEAP_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        self._warm()
        connection.set_authorizer(self.judge)

    def _place(self) -> list[int]:
        found = os.stat(self.path)
        return [found.st_dev, found.st_ino]

    def _warm(self) -> None:
        """Virtual tables register on first use, by an update that the authorizer would see: so use them before."""
        for name in TABLE_FUNCTIONS:
            with contextlib.suppress(sqlite3.Error):  # a SQLite without JSON
                self.connection.execute(f"SELECT count(*) FROM {name}('[1]')").fetchall()  # noqa: S608
        found = self.connection.execute("SELECT name FROM sqlite_schema WHERE sql LIKE 'create virtual table%'")
        for (name,) in found.fetchall():
            with contextlib.suppress(sqlite3.Error):  # of a module this SQLite lacks: its use fails later, by name
                self.connection.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()

    def opened(self) -> dict[str, object]:
        mode = self.connection.execute("PRAGMA journal_mode").fetchone()[0]
        return {
            "sqlite": sqlite3.sqlite_version,
            "file": self.file,
            "journal": mode,
            "index_scans": _scans_indexes(),
            "size": os.stat(self.path).st_size,
        }

    # One method a request; each returns an answer, or raises `Stop` or a `sqlite3.Error`.

    def version(self, request: dict[str, object]) -> dict[str, object]:
        self._moved()
        return {"cookie": self._cookie()}

    def catalog(self, request: dict[str, object]) -> dict[str, object]:
        """Everything SQLite tells of its schema, from one transaction."""
        self._moved()
        self.connection.execute("BEGIN")
        cookie = self._cookie()
        ask = self.connection.execute
        objects = ask("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
        kinds = {row[1]: row[2] for row in ask("PRAGMA main.table_list").fetchall()}
        tables: dict[str, object] = {}
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
            tables[name] = {"kind": kinds.get(name, kind), "columns": columns, "indexes": indexes, "keys": keys}
        return {"cookie": cookie, "objects": objects, "tables": tables}

    def query(self, request: dict[str, object]) -> dict[str, object] | bytes:
        self._begin(request, "BEGIN")
        sql, values = str(request["sql"]), plain(request["values"])
        seen = self._prepared(sql, values, None)
        self._confirm(seen, request)
        return self._fetched(sql, values, seen, request, None)

    def change(self, request: dict[str, object]) -> dict[str, object] | bytes:
        sql, values, target = str(request["sql"]), plain(request["values"]), str(request["target"])
        most = int(request["most"])  # type: ignore[call-overload]
        preview = request["preview"]
        self._begin(request, "BEGIN")
        self.connection.execute("ROLLBACK")
        self._confirm(self._read_by_change(request, sql, values, target), request)
        self._begin(request, "BEGIN IMMEDIATE")  # the schema is still the same
        if preview is not None:
            self.judge.watch(None)
            row = self.connection.execute(str(preview), plain(request["preview_values"])).fetchone()
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

    def _read_by_change(
        self, request: dict[str, object], sql: str, values: list[object], target: str
    ) -> list[list[object]]:
        """What the statement itself would read, and its preview: neither foreign keys nor the owner's triggers."""
        self.judge.trusted = True
        triggers = self.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        self.judge.triggers = frozenset(name for (name,) in triggers)
        words = set(re.findall(r"[\w$]+", sql.lower()))
        if "with" in words and any(words.issuperset(re.findall(r"[\w$]+", n.lower())) for n in self.judge.triggers):
            raise Stop("denied")  # the authorizer cannot tell a common table expression of that name from the trigger
        self.connection.execute("PRAGMA foreign_keys = 0")  # has no effect within a transaction
        try:
            seen = self._prepared(sql, values, target)
            if request["preview"] is not None:
                counted = self._prepared(str(request["preview"]), plain(request["preview_values"]), None)
                seen = [merged(a, b) for a, b in zip(seen, counted, strict=True)]
        finally:
            self.judge.trusted = True
            self.connection.execute("PRAGMA foreign_keys = 1")
        return seen

    def recover(self, request: dict[str, object]) -> dict[str, object]:
        """Undo what a writer left half done when it was killed: opening a transaction rolls its journal back."""
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        return {}

    def _moved(self) -> None:
        try:
            moved = self._place() != self.file
        except OSError:
            raise Stop("gone") from None
        if moved:
            raise Stop("moved")

    def _cookie(self) -> int:
        return int(self.connection.execute("PRAGMA main.schema_version").fetchone()[0])

    def _begin(self, request: dict[str, object], how: str) -> None:
        self._moved()
        self.connection.execute(how)
        # inside the transaction: from here on the schema and all rows stay as they are
        if request["cookie"] is not None and (self._cookie() != request["cookie"] or self.file != request["file"]):
            raise Stop("schema-changed")

    def _prepared(self, sql: str, values: list[object], target: str | None) -> list[list[object]]:
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

    def _confirm(self, seen: list[list[object]], request: dict[str, object]) -> None:
        """Ask the server whether it may read this, unless it has said so before."""
        wanted = json.loads(ENCODER.encode(seen))
        if not request["ask"] or wanted == request["known"]:
            return
        send(ENCODER.encode({"reads": seen}).encode())
        if receive() != {"go": True}:
            raise Stop("not-confirmed")

    def _fetched(
        self,
        sql: str,
        values: list[object],
        seen: list[list[object]] | None,
        request: dict[str, object],
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
        seen: list[list[object]] | None,
        request: dict[str, object],
        target: str | None,
    ) -> bytes:
        self.judge.watch(target)
        cursor = self.connection.execute(sql, values)
        if self.judge.denied or (seen is not None and self.judge.seen() != seen):
            raise Stop("denied")
        names = [column[0] for column in cursor.description or ()]
        left, room = int(request["rows"]), int(request["bytes"])  # type: ignore[call-overload]
        chunks: list[str] = []
        truncated = False
        while names and not truncated:
            rows = cursor.fetchmany(min(CHUNK_ROWS, left + 1))
            if not rows:
                break
            if len(rows) > left:
                truncated, rows = target is None, rows[:left]
            left -= len(rows)
            text = ENCODER.encode(rows)[1:-1]
            if len(text) > room:
                truncated = True
                kept: list[str] = []
                for row in rows:
                    one = ENCODER.encode(row)
                    if len(one) > room:
                        break
                    room -= len(one)
                    kept.append(one)
                text = ",".join(kept)
            room -= len(text)
            if text:
                chunks.append(text)
        changed = cursor.rowcount
        if target is not None:
            cursor.fetchall()
            changed = cursor.rowcount
        cursor.close()
        head = ENCODER.encode({"names": names, "truncated": truncated, "changed": changed})
        return f"{head}\n[{','.join(chunks)}]".encode("utf-8", "replace")


def merged(one: list[object], other: list[object]) -> list[object]:
    return sorted({*one, *other})  # type: ignore[type-var]


def lossy(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def plain(values: object) -> list[object]:
    """Parameters as they came in JSON: a dictionary stands for bytes."""
    return [a2b_base64(value["b"]) if type(value) is dict else value for value in values]  # type: ignore[attr-defined]


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


def receive() -> dict[str, object]:
    size = int.from_bytes(read_exactly(4), "big")
    return json.loads(read_exactly(size))


def read_exactly(size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(CHANNEL, size - len(parts))
        if not part:
            os._exit(0)  # the server is gone
        parts += part
    return bytes(parts)


def send(body: bytes) -> None:
    view = memoryview(len(body).to_bytes(4, "big") + body)
    while view:
        view = view[os.write(CHANNEL, view) :]


def answered(database: Database, request: dict[str, object]) -> bytes:
    """One request, one answer; the connection is clean afterwards, whatever happened."""
    try:
        database.clock.arm(float(request["seconds"]))  # type: ignore[arg-type]
        answer = getattr(database, str(request["op"]))(request)
    except Stop as stop:
        answer = stop.answer
    except sqlite3.Error as error:
        answer = {"error": "run", "name": error_name(error)}
    except MemoryError:
        answer = {"error": "run", "name": "SQLITE_NOMEM"}
    except (OverflowError, ValueError):  # a parameter or a cell that does not convert
        answer = {"error": "run", "name": "SQLITE_MISMATCH"}
    finally:
        database.judge.trusted = True
        database.clock.until = float("inf")
        if database.connection.in_transaction:
            database.connection.execute("ROLLBACK")
        database.clock.disarm()
    return answer if isinstance(answer, bytes) else ENCODER.encode(answer).encode()


def main() -> None:
    opening = receive()
    restrict(bool(opening["write"]))
    try:
        database = Database(opening)
        opened = database.opened()
    except OSError:
        send(ENCODER.encode({"error": "gone"}).encode())
        return
    except sqlite3.Error as error:
        send(ENCODER.encode({"error": "open", "name": error_name(error)}).encode())
        return
    send(ENCODER.encode(opened).encode())
    while True:
        send(answered(database, receive()))


CHANNEL = int(sys.argv[1]) if len(sys.argv) > 1 else -1
if __name__ == "__main__":
    main()
