"""The DuckDB engine: a file is opened in this process, once (`instances`), and every call has a cursor of its own, in
a thread.

DuckDB has no server that could be asked to stop: a call that is cancelled, or whose time is up, interrupts its cursor.
What a statement reads is told by its plan (`plan`), which is held against the guard's reading before it runs.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import anyio
import anyio.to_thread
import duckdb
from anyio import CapacityLimiter
from loguru import logger

from ....tool import UNKNOWN, ColumnRef, Limits, ToolFailed
from ...catalog import Catalog, Relation, RelationKind
from ...errors import deadline, read_only, schema_changed, too_many_rows, unaccepted
from ...sql import reconcile, refusals
from ...sql.analysis import EngineReads
from ...sql.names import ascii_lower
from .. import blocking
from ..address import address_of
from ..caps import Caps, caps_of, within
from ..engine import DatabaseError, Level, RoleFinding, Rows, Settings, Statement, Unreachable, Write, Written
from ..opening import check_names
from ..own_sql import count_sql, first_sql, page_sql, quoted
from .errors import failed_by, unprepared_by
from .instances import Instance, OpenedOtherwise, acquire, release
from .plan import PlanError, PlanReads, read, without_values
from .schema import QUERIES, Schema, build_schema

Returned = TypeVar("Returned")

_MOST: Final = 8
_SAMPLE_SECONDS: Final = 10.0
_PAGE_SECONDS: Final = 300.0  # for a page of an export
_CHUNK: Final = 256
_COMMIT_SECONDS: Final = 10.0
_INTERRUPTED_EVERY_SECONDS: Final = 0.02
_EXPLAIN: Final = "EXPLAIN "
_ZONED: Final = "TIMESTAMP WITH TIME ZONE"
_READS: Final = frozenset({"SELECT", "EXPLAIN"})
_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE"})
_ERRORS: Final = (duckdb.Error, ValueError, OverflowError)


class DuckDBEngine:
    """One file. Read-only, unless the configuration says that it may be written."""

    dialect = "duckdb"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        where = f"databases.{settings.name}.url"
        address = address_of(settings)
        if address.host or not address.database or address.database == ":memory:" or address.options:
            raise DatabaseError(f"{where}: names no file; write duckdb:///folder/file.duckdb")
        self._path = Path(address.database).absolute()
        self._instance: Instance | None = None
        self._schema: Schema | None = None
        self._threads, self._stoppers = CapacityLimiter(_MOST), CapacityLimiter(_MOST)

    async def start(self) -> None:
        self._schema = await anyio.to_thread.run_sync(self._open)
        check_names(self._schema.catalog.relations, self._settings, "main", ascii_lower)

    async def close(self) -> None:
        instance, self._instance = self._instance, None
        if instance is not None:
            release(instance)

    async def examine(self) -> Sequence[RoleFinding]:
        how = "for writing" if self._settings.write else "read-only"
        text = "DuckDB runs inside the server's process: memory is limited, a crash of it would end the server"
        return [
            RoleFinding(Level.OK, f"{self._path}: opened {how}"),
            RoleFinding(Level.WARN, text, "See docs/engines.md."),
        ]

    async def catalog(self) -> Catalog:
        """Nobody else can change a file that is open here, and nothing here changes its structure."""
        return self._opened().catalog

    async def sample(self, relation: Relation, columns: Sequence[str], n: int) -> Sequence[Sequence[object]]:
        """The first rows; none of a relation that cannot be read."""
        if not columns:
            return []
        sql = first_sql(_table(relation), [quoted(column) for column in columns], n)
        try:
            return await self._own_rows(sql, seconds=_SAMPLE_SECONDS)
        except ToolFailed:
            logger.debug("database {}: {} cannot be sampled", self._settings.name, relation.qualified)
        return []

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
        """By key, or as the rows lie in the table; see `Paged.page`."""
        behind = after if order and after is not None else ()
        sql = page_sql(
            _table(relation),
            [quoted(column) for column in columns],
            n,
            order=[quoted(column) for column in order],
            behind="?" * len(behind),
            skip=skip,
            unordered="rowid" if relation.kind is RelationKind.TABLE else "",
        )
        return await self._own_rows(sql, behind)

    async def count(self, relation: Relation) -> int:
        """See `Paged.count`."""
        return cast("int", (await self._own_rows(count_sql(_table(relation))))[0][0])

    async def _own_rows(
        self, sql: str, values: Sequence[object] = (), seconds: float = _PAGE_SECONDS
    ) -> list[tuple[object, ...]]:
        """The rows of a statement of the server's own. Raises `ToolFailed`."""

        def look(cursor: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
            columns = _executed(cursor, sql, values)
            return _with_moments(columns, cast("list[tuple[object, ...]]", cursor.fetchall()))

        with self._sentences(seconds), anyio.fail_after(seconds):
            return await self._on_cursor(look)
        raise AssertionError

    async def query(self, statement: Statement, limits: Limits) -> Rows:
        caps = caps_of(limits)
        schema = self._schema_for(statement)
        work = partial(self._query, statement=statement, caps=caps, schema=schema)
        with self._sentences(caps.seconds), anyio.fail_after(caps.seconds):
            return await self._on_cursor(work)
        raise AssertionError

    async def write(self, write: Write, limits: Limits) -> Written:
        if not self._settings.write:
            raise read_only()
        caps = caps_of(limits)
        schema = self._schema_for(write.statement)
        work = partial(self._write, write=write, caps=caps, schema=schema)
        with self._sentences(caps.seconds), anyio.fail_after(caps.seconds):
            async with self._running().writing:
                return await self._on_cursor(work, commits=True)
        raise AssertionError

    @contextmanager
    def _sentences(self, seconds: float) -> Generator[None]:
        """What can go wrong around a statement, as `ToolFailed`."""
        try:
            yield
        except TimeoutError:
            raise deadline(seconds) from None
        except _ERRORS as error:
            raise failed_by(error, seconds) from None

    # -- threads and cursors

    def _opened(self) -> Schema:
        if self._schema is None:
            raise _not_open()
        return self._schema

    def _running(self) -> Instance:
        if self._instance is None:
            raise _not_open()
        return self._instance

    def _schema_for(self, statement: Statement) -> Schema:
        schema = self._opened()
        if statement.version not in ("", schema.version):
            raise schema_changed()
        return schema

    def _open(self) -> Schema:
        where = f"databases.{self._settings.name}.url"
        if not self._path.is_file():
            raise DatabaseError(f"{where}: {self._path}: no such file")
        try:
            self._instance = acquire(self._path, write=self._settings.write)
            with self._instance.connection.cursor() as cursor:
                answers = {name: cursor.execute(sql).fetchall() for name, sql in QUERIES.items()}
        except OpenedOtherwise:
            text = "another database of this configuration has it open, and only one of the two has write: true"
            raise DatabaseError(f"{where}: {self._path}: {text}; give both the same") from None
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise Unreachable(f"{where}: {self._path}: another process has it open for writing") from None
            raise DatabaseError(f"{where}: {self._path}: cannot be opened; is it a DuckDB file?") from None
        except duckdb.Error as error:
            raise DatabaseError(f"{where}: {self._path}: cannot be opened ({type(error).__name__})") from None
        return build_schema(answers, self._settings, f"DuckDB {duckdb.__version__}")

    async def _on_cursor(
        self, work: Callable[[duckdb.DuckDBPyConnection], Returned], *, commits: bool = False
    ) -> Returned:
        """Run blocking work on a cursor of its own; when cancelled, interrupt it. ``commits``: in one transaction,
        which is committed after the work; that is not interrupted any more."""
        cursor = self._running().connection.cursor()
        begin = "BEGIN TRANSACTION" if commits else "BEGIN TRANSACTION READ ONLY"
        ended = threading.Event()

        def carry() -> Returned:
            try:
                cursor.execute(begin)
                return work(cursor)
            finally:
                ended.set()

        def stop() -> None:
            """Again and again: DuckDB forgets an interruption that comes while no statement runs."""
            cursor.interrupt()
            while not ended.wait(_INTERRUPTED_EVERY_SECONDS):
                cursor.interrupt()

        def end() -> None:
            with suppress(duckdb.Error):  # fails when there is no transaction any more
                cursor.execute("ROLLBACK")
            with suppress(duckdb.Error):  # still at work after all this time: then the interruptions go on
                cursor.close()
                ended.set()

        try:
            made = await blocking.run(carry, stop, self._threads, self._stoppers)
            if commits:
                with anyio.CancelScope(shield=True), anyio.move_on_after(_COMMIT_SECONDS):
                    await anyio.to_thread.run_sync(cursor.execute, "COMMIT", limiter=self._stoppers)
            return made
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(blocking.GRACE_SECONDS):
                await anyio.to_thread.run_sync(end, abandon_on_cancel=True, limiter=self._stoppers)

    # -- one statement, in a thread

    def _query(self, cursor: duckdb.DuckDBPyConnection, statement: Statement, caps: Caps, schema: Schema) -> Rows:
        self._judged(cursor, statement, schema, _READS)
        columns = _executed(cursor, statement.sql, [_parameter(value) for value in statement.values])
        rows, truncated = within(_coming(cursor, caps.rows), caps.rows, caps.bytes)
        return _shown(columns, rows, truncated, len(statement.expected.outputs))

    def _write(self, cursor: duckdb.DuckDBPyConnection, write: Write, caps: Caps, schema: Schema) -> Written:
        if write.preview is not None:
            self._judged(cursor, write.preview, schema, _READS)
            cursor.execute(write.preview.sql, [_parameter(value) for value in write.preview.values])
            if _count(cursor) > write.most_rows:
                raise too_many_rows(write.most_rows)
        self._judged(cursor, write.statement, schema, _WRITES)
        cursor.execute(write.statement.sql, [_parameter(value) for value in write.statement.values])
        columns = _columns(cursor)
        width = len(write.statement.expected.outputs)
        if not width:
            changed = _count(cursor)
            if changed > write.most_rows:
                raise too_many_rows(write.most_rows)
            return Written(changed)
        rows, truncated = within(_coming(cursor, write.most_rows), write.most_rows, 1 << 40)
        if truncated:
            raise too_many_rows(write.most_rows)
        kept = rows[: caps.rows]
        return Written(len(rows), _shown(columns, kept, len(kept) < len(rows), width))

    def _judged(
        self,
        cursor: duckdb.DuckDBPyConnection,
        statement: Statement,
        schema: Schema,
        kinds: frozenset[str],
    ) -> None:
        """Hold the plan against the guard's reading. Raises `ToolRefused`."""
        sql = statement.sql
        try:
            statements = cursor.extract_statements(sql)
            if len(statements) != 1 or statements[0].type.name not in kinds:
                raise refusals.engine(
                    "The database understands this statement differently: it is another kind of statement.", "statement"
                )
            body = sql.removeprefix(_EXPLAIN)
            names = cursor.get_table_names(without_values(body)) if kinds is _READS else set[str]()
            values = [_parameter(value) for value in statement.values]
            plan = str(cursor.execute(f"EXPLAIN (FORMAT JSON) {body}", values).fetchall()[0][1])
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            raise unprepared_by(error, sql, schema.catalog) from None
        try:
            reading = read(plan, schema.columns)
        except PlanError as error:
            logger.info("a plan could not be read: {}", error)
            raise refusals.engine("What the database makes of this statement cannot be followed.", "plan") from None
        expected = {ascii_lower(name.rpartition(".")[2]) for name in statement.expected.relations}
        if not {ascii_lower(name) for name in names} <= expected:  # what a plan does not show, in query('...')
            raise refusals.engine(
                "The database understands this statement differently: it reads another table.", "relations"
            )
        reconcile.check(statement.expected, _reads(reading, schema))


def _reads(reading: PlanReads, schema: Schema) -> EngineReads:
    database = schema.catalog.database
    return EngineReads(
        columns=frozenset(ColumnRef(database, schema.names[table], column) for table, column in reading.columns),
        relations=frozenset(schema.names[table] for table in reading.tables),
    )


def _columns(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Names and types of what a cursor returns."""
    described = cast("list[tuple[Any, ...]]", cursor.description or [])
    return [(str(column[0]), str(column[1])) for column in described]


def _executed(cursor: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object]) -> list[tuple[str, str]]:
    """Run a SELECT. DuckDB needs a further package to make Python's times with zones: they are taken as text."""
    cursor.execute(sql, list(values))
    columns = _columns(cursor)
    if any(_ZONED in kind for _, kind in columns):
        names = [f"c{i}" for i in range(len(columns))]
        casts = (
            f"CAST({name} AS {kind.replace(_ZONED, 'VARCHAR')})" if _ZONED in kind else name
            for name, (_, kind) in zip(names, columns, strict=True)
        )
        cursor.execute(f"SELECT {', '.join(casts)} FROM ({sql}) AS t({', '.join(names)})", list(values))  # noqa: S608
    return columns


def _coming(cursor: duckdb.DuckDBPyConnection, most: int) -> Iterator[tuple[object, ...]]:
    while chunk := cursor.fetchmany(min(_CHUNK, most + 1)):
        yield from cast("list[tuple[object, ...]]", chunk)


def _shown(columns: Sequence[tuple[str, str]], rows: list[tuple[object, ...]], truncated: bool, width: int) -> Rows:
    if len(columns) != width:
        raise refusals.engine(
            "The database understands this statement differently: it returns another number of columns.", "width"
        )
    names, kinds = tuple(name for name, _ in columns), tuple(kind.lower() for _, kind in columns)
    return Rows(names, kinds, _with_moments(columns, rows), truncated)


def _with_moments(columns: Sequence[tuple[str, str]], rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Times with zones, taken as text by `_executed`, as Python's own."""
    zoned = [i for i, (_, kind) in enumerate(columns) if kind == _ZONED]
    if not zoned:
        return rows
    return [tuple(_moment(cell) if i in zoned else cell for i, cell in enumerate(row)) for row in rows]


def _moment(cell: object) -> object:
    """A time with its zone; what no calendar has (``infinity``) stays text."""
    try:
        return dt.datetime.fromisoformat(cell) if isinstance(cell, str) else cell
    except ValueError:
        return cell


def _count(cursor: duckdb.DuckDBPyConnection) -> int:
    row = cursor.fetchone()
    if row is None or not isinstance(row[0], int):
        raise unaccepted()
    return row[0]


def _parameter(value: object) -> object:
    """DuckDB binds Python's own values. An unknown token is NULL: equal to nothing."""
    return None if value is UNKNOWN else value


def _not_open() -> ToolFailed:
    return ToolFailed("database-unreachable", "The database is not open.", "Tell the operator.")


def _table(relation: Relation) -> str:
    return f"{quoted(relation.schema or 'main')}.{quoted(relation.name)}"
