"""The SQLite engine: asks workers, holds the authorizer's reading against the guard's, turns errors into sentences.

One query is one exchange: the worker opens a transaction, checks that the schema is the one that was decided on,
prepares, and says what the statement would read; `reconcile.check` compares; the worker executes, within rows, bytes
and time, and rolls back. A reading that was compared once for the same text and expectation goes along with the next
request, so that the worker need not ask again while it stays the same.
"""

from __future__ import annotations

import time
from base64 import b64encode
from binascii import Error as BinasciiError
from binascii import a2b_base64
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_bytes
from typing import Final, cast

import anyio
from loguru import logger

from ....tool import UNKNOWN, Limits, ToolFailed, ToolRefused
from ...catalog import Catalog, Relation
from ...errors import deadline, read_only, schema_changed, too_many_rows, unaccepted
from ...sql import reconcile
from ...sql.analysis import Expected
from ...sql.names import ascii_lower
from ..caps import caps_of
from ..engine import DatabaseError, Level, RoleFinding, Rows, Settings, Statement, Write, Written
from ..opening import check_names
from ..own_sql import count_sql, first_sql, page_sql, quoted
from .catalog import Schema, Unreadable, build_schema
from .errors import cannot_open, failed, refused
from .place import opening_of
from .pool import CannotOpen, Pool
from .process import Message, Worker, WorkerDied, rows_of
from .reads import engine_reads

FRESH_SECONDS: Final = 0.05  # a catalog looked at this lately is not asked for again; running checks it anyway
_MOST_BYTES: Final = 48 << 20  # less than what a frame may hold, whatever a configuration says
_KNOWN: Final = 1024  # readings kept
_OWN_SECONDS: Final = 20.0  # for reading the schema
_OUTER: Final = 0.5  # how much later than the worker itself the server ends it
_MOST_SAMPLE: Final = 10_000  # bytes of a sampled row, on average
_PAGE_SECONDS: Final = 300.0
_PAGE_BYTES: Final = 32 << 20
_TYPES: Final[Mapping[type, str]] = {int: "integer", float: "real", str: "text", bytes: "blob"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What came of one exchange: an answer, or why there was none."""

    head: Message
    body: bytes = b""
    seen: object = None  # the reading that was compared
    refusal: ToolRefused | None = None


class SQLiteEngine:
    """One file behind a pool of read-only workers and, when it may be written, one more for writes."""

    dialect = "sqlite"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = opening_of(settings)
        self._readers = Pool(self._opening)
        self._writers = Pool(opening_of(settings, write=True), most=1) if settings.write else None
        self._schema: Schema | None = None
        self._file: object = None
        self._checked = 0.0
        self._reading = anyio.Lock()
        self._known: OrderedDict[tuple[str, Expected], object] = OrderedDict()

    @property
    def pids(self) -> list[int]:
        """The processes that hold the file open."""
        return sorted((*self._readers.pids, *(self._writers.pids if self._writers else ())))

    async def start(self) -> None:
        try:
            opened = await self._opened()
            schema = await self._read_schema()
        except CannotOpen as error:
            raise cannot_open(self._settings.name, self._opening.path, error.name) from None
        except ToolFailed as error:
            raise DatabaseError(f"databases.{self._settings.name}: {error.message}") from None
        where = f"databases.{self._settings.name}"
        if opened.get("size") == 0:
            raise DatabaseError(f"{where}.url: {self._opening.path}: is empty; it has no tables")
        check_names(schema.catalog.relations, self._settings, "main", fold=ascii_lower)

    async def close(self) -> None:
        await self._readers.close()
        if self._writers is not None:
            await self._writers.close()

    async def examine(self) -> Sequence[RoleFinding]:
        try:
            opened = await self._opened()
        except CannotOpen as error:
            raise cannot_open(self._settings.name, self._opening.path, error.name) from None
        except ToolFailed as error:
            raise DatabaseError(f"databases.{self._settings.name}: {error.message}") from None
        found = [RoleFinding(Level.OK, f"{self._opening.path}: opened read-only, in a process of its own")]
        if opened.get("index_scans"):
            found.append(
                RoleFinding(
                    Level.WARN,
                    f"SQLite {opened.get('sqlite')} cannot be told to leave covering indexes alone",
                    "Rows without ORDER BY are sorted after masking; queries whose order would show are refused.",
                )
            )
        if self._settings.functions:
            text = "functions are listed, and SQLite keeps none in its files"
            found.append(RoleFinding(Level.WARN, text, "Remove the key functions."))
        return found

    async def catalog(self) -> Catalog:
        """Raises `ToolFailed` when the file cannot be read any more."""
        schema = self._schema
        if schema is not None and time.monotonic() - self._checked < FRESH_SECONDS:
            return schema.catalog
        try:
            if schema is not None:
                asked = await self._trusted({"op": "version", "seconds": _OWN_SECONDS})
                if asked.head.get("cookie") == schema.cookie:
                    self._checked = time.monotonic()
                    return schema.catalog
            return (await self._read_schema()).catalog
        except CannotOpen as error:
            raise self._lost(error.name) from None

    async def sample(self, relation: Relation, columns: Sequence[str], n: int) -> Sequence[Sequence[object]]:
        """The first rows; none of a relation that cannot be read (a virtual table whose module is missing)."""
        if not columns:
            return []
        sql = first_sql(quoted(relation.name), [quoted(column) for column in columns], n)
        try:
            asked = await self._own_query(sql, (), Limits(n, _OWN_SECONDS, _MOST_SAMPLE * n))
        except ToolFailed as error:
            logger.debug("database {}: {} not sampled: {}", self._settings.name, relation.qualified, error.code)
            return []
        return _cells(rows_of(asked.body), asked.head)

    async def page(
        self,
        relation: Relation,
        columns: Sequence[str],
        n: int,
        *,
        order: Sequence[str] = (),
        after: Sequence[object] | None = None,
        skip: int = 0,
    ) -> Sequence[Sequence[object]]:
        behind = after if order and after is not None else ()
        sql = page_sql(
            quoted(relation.name),
            [quoted(column) for column in columns],
            n,
            order=[quoted(column) for column in order],
            behind="?" * len(behind),
            skip=skip,
        )
        asked = await self._own_query(sql, behind, Limits(n, _PAGE_SECONDS, _PAGE_BYTES))
        rows = _cells(rows_of(asked.body), asked.head)
        if not rows and asked.head.get("truncated"):
            raise ToolFailed(
                "row-too-large", f"A row of {relation.qualified} is too large to be read.", "Leave it out."
            )
        return rows

    async def count(self, relation: Relation) -> int:
        asked = await self._own_query(count_sql(quoted(relation.name)), (), Limits(1, _PAGE_SECONDS, _PAGE_BYTES))
        return cast("int", rows_of(asked.body)[0][0])

    async def _own_query(self, sql: str, values: Sequence[object], limits: Limits) -> _Asked:
        """A SELECT of the server's own. Raises `ToolFailed`."""
        request = self._request("query", sql, values, limits)
        try:
            asked = await self._trusted({**request, "ask": False}, _PAGE_SECONDS)
        except CannotOpen as error:
            raise self._lost(error.name) from None
        if "error" in asked.head:
            raise failed(str(asked.head.get("name")), _PAGE_SECONDS)
        return asked

    async def query(self, statement: Statement, limits: Limits) -> Rows:
        schema = await self._schema_for(statement)
        request = self._request("query", statement.sql, statement.values, limits, schema)
        key = (statement.sql, statement.expected)
        known = self._known.get(key)
        request |= {"ask": True, "known": known}
        asked = await self._asked(self._readers, request, statement.expected, schema)
        self._check(asked, statement.sql, schema, request)
        if asked.seen is not None:
            self._known[key] = asked.seen
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        return self._rows(asked, len(statement.expected.outputs))

    async def write(self, write: Write, limits: Limits) -> Written:
        if self._writers is None:
            raise read_only()
        statement, preview = write.statement, write.preview
        schema = await self._schema_for(statement)
        request = self._request("change", statement.sql, statement.values, limits, schema)
        request |= {
            "ask": True,
            "known": None,
            "target": write.target or "",
            "most": write.most_rows,
            "preview": None if preview is None else preview.sql,
            "preview_values": [] if preview is None else [_parameter(value) for value in preview.values],
            "rows": write.most_rows,
        }
        expected, dropped = statement.expected, self._writers.dropped
        try:
            asked = await self._asked(self._writers, request, expected, schema)
        except BaseException:
            if self._writers.dropped != dropped:
                await self._recover()
            raise
        self._check(asked, statement.sql, schema, request)
        changed = asked.head.get("changed")
        if not isinstance(changed, int):
            raise self._died()
        returned = self._rows(asked, len(expected.outputs)) if asked.head.get("names") else None
        return Written(changed, returned)

    # The exchange with a worker.

    async def _asked(self, pool: Pool, request: Message, expected: Expected, schema: Schema) -> _Asked:
        """Send a request; when the worker asks whether it may read what it found, compare and say so."""
        seconds = cast("float", request["seconds"])
        try:
            with anyio.fail_after(seconds + _OUTER):
                async with pool.worker(seconds) as worker:
                    head, body = await worker.ask(request)
                    if "reads" not in head:
                        _let_go(worker, head)
                        return _Asked(head, body)
                    seen = head["reads"]
                    refusal = _compared(seen, expected, schema, str(request["sql"]))
                    head, body = await worker.ask({"go": refusal is None})
                    return _Asked(head, body, seen, refusal)
        except TimeoutError:
            raise deadline(seconds) from None
        except WorkerDied:
            raise self._died() from None
        except CannotOpen as error:
            raise self._lost(error.name) from None

    async def _trusted(self, request: Message, seconds: float = _OWN_SECONDS) -> _Asked:
        """A request of the server's own. Raises `CannotOpen`, `ToolFailed`."""
        try:
            with anyio.fail_after(seconds + _OUTER):
                return await self._twice(request)
        except TimeoutError:
            raise deadline(seconds) from None
        except WorkerDied:
            raise self._died() from None

    async def _twice(self, request: Message) -> _Asked:
        try:
            asked = await self._trusted_once(request)
        except WorkerDied:  # nothing was changed and nothing shown: ask another one
            asked = await self._trusted_once(request)
        if asked.head.get("error") == "moved":  # another file has that name now: open that one
            self._schema = None
            await self._readers.drop_idle()
            asked = await self._trusted_once(request)
        if asked.head.get("error") == "gone":
            raise CannotOpen("gone")
        return asked

    async def _trusted_once(self, request: Message) -> _Asked:
        async with self._readers.worker(_OWN_SECONDS) as worker:
            head, body = await worker.ask(request)
            _let_go(worker, head)
            return _Asked(head, body)

    def _check(self, asked: _Asked, sql: str, schema: Schema, request: Message) -> None:
        """Raises what the answer's error says."""
        if asked.refusal is not None:
            raise asked.refusal
        head = asked.head
        match head.get("error"):
            case None:
                return
            case "prepare":
                open_names = self._known_names(schema.catalog)
                raise refused(str(head.get("name")), str(head.get("text")), sql, open_names)
            case "denied":
                raise unaccepted()
            case "schema-changed" | "moved":
                self._checked = 0.0
                raise schema_changed()
            case "gone":
                raise self._lost("gone")
            case "row-too-large":
                message = f"One row is larger than {request['bytes']} bytes."
                raise ToolFailed("row-too-large", message, "Select fewer columns.")
            case "too-many":
                raise too_many_rows(cast("int", request["most"]))
            case _:
                raise failed(str(head.get("name")), cast("float", request["seconds"]))

    def _rows(self, asked: _Asked, width: int) -> Rows:
        try:
            rows = rows_of(asked.body)
        except WorkerDied:
            raise self._died() from None
        names = asked.head.get("names")
        if not isinstance(names, list) or len(cast("list[object]", names)) != width:
            raise unaccepted()
        cells = _cells(rows, asked.head)
        if not {width}.issuperset(map(len, cells)):
            raise self._died()
        labels = tuple(str(name) for name in cast("list[object]", names))
        return Rows(labels, _types(cells, width), cells, bool(asked.head.get("truncated")))

    async def _recover(self) -> None:
        """A writer was ended at work: what it left half done is undone now, so that readers meet a clean file."""
        assert self._writers is not None
        with anyio.CancelScope(shield=True), anyio.move_on_after(_OUTER * 4):
            try:
                async with self._writers.worker(_OUTER) as worker:
                    await worker.ask({"op": "recover", "seconds": 1.0})
            except (WorkerDied, CannotOpen, ToolFailed):
                logger.error("database {}: a write was cut off and could not be undone yet", self._settings.name)

    # The schema.

    async def _opened(self) -> Message:
        """What a worker said of its file. Raises `CannotOpen`, `ToolFailed`."""
        try:
            with anyio.fail_after(_OWN_SECONDS):
                async with self._readers.worker(_OWN_SECONDS) as worker:
                    return await worker.ready()
        except TimeoutError:
            raise deadline(_OWN_SECONDS) from None

    async def _read_schema(self) -> Schema:
        """Raises `CannotOpen`, `ToolFailed`."""
        async with self._reading:
            asked = await self._trusted({"op": "catalog", "seconds": _OWN_SECONDS})
            if "error" in asked.head:
                raise CannotOpen(str(asked.head.get("name", asked.head["error"])))
            opened = await self._opened()
            try:
                schema = build_schema(
                    asked.head,
                    self._settings,
                    sqlite=str(opened.get("sqlite")),
                    index_scans=bool(opened.get("index_scans")),
                )
            except Unreadable:
                raise self._died() from None
            if self._schema is None or self._schema.catalog.version != schema.catalog.version:
                self._schema = schema
            self._file, self._checked = opened.get("file"), time.monotonic()
            return self._schema

    async def _schema_for(self, statement: Statement) -> Schema:
        """The schema a statement was decided on. Raises `ToolFailed` when it is not the present one."""
        await self.catalog()
        schema = self._schema
        if schema is None or statement.version not in ("", schema.catalog.version):
            raise schema_changed()
        return schema

    def _request(
        self, op: str, sql: str, values: Sequence[object], limits: Limits, schema: Schema | None = None
    ) -> Message:
        caps = caps_of(limits)
        return {
            "op": op,
            "sql": sql,
            "values": [_parameter(value) for value in values],
            "cookie": None if schema is None else schema.cookie,
            "file": self._file,
            # a little less than the caller waits: then the statement is interrupted, and no process ended for it
            "seconds": max(caps.seconds * 0.9, caps.seconds - 0.5),
            "rows": caps.rows,
            "bytes": min(caps.bytes, _MOST_BYTES),
        }

    def _known_names(self, catalog: Catalog) -> list[str]:
        open_relations = [catalog.relations[name] for name in sorted(catalog.open_relations)]
        columns = {column.name for relation in open_relations for column in relation.columns}
        return [*(relation.qualified for relation in open_relations), *sorted(columns)]

    def _died(self) -> ToolFailed:
        message = "The process that ran the statement ended before it answered."
        return ToolFailed("worker-died", message, "Ask for less, or write it more simply.", retryable=True)

    def _lost(self, name: str) -> ToolFailed:
        logger.error("{}", cannot_open(self._settings.name, self._opening.path, name))
        return ToolFailed("database-unreachable", "The database file cannot be read now.", "Tell the operator.")


def _let_go(worker: Worker, head: Message) -> None:
    """A worker whose file is not the one of that name any more has no use."""
    if head.get("error") in ("moved", "gone"):
        worker.kill()


def _compared(seen: object, expected: Expected, schema: Schema, sql: str) -> ToolRefused | None:
    reads = engine_reads(seen, schema, sql)
    if reads is None:
        return unaccepted()
    try:
        reconcile.check(expected, reads)
    except ToolRefused as refusal:
        return refusal
    return None


def _parameter(value: object) -> object:
    """A value as the worker takes it. An unknown token is bytes nobody has, equal to nothing in any column."""
    match value:
        case _ if value is UNKNOWN:
            return {"b": b64encode(token_bytes(32)).decode()}
        case None | bool() | str() | float():
            return value
        case int():
            return value if -(2**63) <= value < 2**63 else str(value)
        case bytes() | bytearray():
            return {"b": b64encode(value).decode()}
        case _:
            return str(value)


def _cells(rows: list[list[object]], head: Message) -> list[tuple[object, ...]]:
    if not head.get("bytes"):
        return [tuple(row) for row in rows]
    return [tuple(_bytes(cast("Message", cell)) if isinstance(cell, dict) else cell for cell in row) for row in rows]


def _bytes(cell: Message) -> bytes:
    try:
        return a2b_base64(str(cell.get("b", "")))
    except BinasciiError:
        return b""


def _types(rows: Sequence[Sequence[object]], width: int) -> tuple[str, ...]:
    """SQLite types values, not columns: what the first value of each column is."""
    first = (next((row[i] for row in rows if row[i] is not None), None) for i in range(width))
    return tuple(_TYPES.get(type(value), "") for value in first)
