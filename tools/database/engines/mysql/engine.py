"""The MySQL and MariaDB engine.

These servers do not say what a statement reads. What they do say, when they prepare it, is which base column each plain
output column is; that is held against the guard's reading, as an alarm. There is no second judge worth the name, and so
the guard's profile refuses what it cannot trace exactly. What is added here: in the transaction the tables are locked
against changes of their structure, and looked at once more, before the statement is prepared and run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar, cast

import anyio
import anyio.to_thread
import pymysql
from anyio import CapacityLimiter
from loguru import logger

from ....tool import ColumnRef, Limits, ToolFailed, ToolRefused
from ...catalog import Catalog, Relation
from ...errors import by_sqlstate, deadline, in_doubt, read_only, schema_changed, too_many_rows, unaccepted
from ...sql import reconcile
from ...sql.analysis import EngineReads, Expected
from ...sql.names import ascii_lower
from .. import blocking
from ..address import address_of
from ..caps import Caps, caps_of, within
from ..engine import DatabaseError, RoleFinding, Rows, Settings, Statement, Write, Written
from ..opening import check_names
from ..own_sql import count_sql, first_sql, page_sql
from .binary import Field, Malformed
from .errors import failed_by, is_lost, unprepared_by, unusable
from .role import findings
from .schema import QUERIES, Schema, build_schema, quoted, rows_of, same_rows
from .wire import Prepared, Wire, kill

Returned = TypeVar("Returned")

_MOST: Final = 8
_OWN_SECONDS: Final = 30.0
_PAGE_SECONDS: Final = 300.0  # for a page of an export
_COMMIT_SECONDS: Final = 10.0
_LOCK_SECONDS: Final = 3
_LOOKS_AT_MOST: Final = 20  # the catalog is asked for again when twenty times what asking took has passed
_FRESH_SECONDS: Final = 0.05, 1.0  # ... but not sooner, nor later
_OPTIONS: Final = {"ssl_ca": "ssl_ca", "ssl_cert": "ssl_cert", "ssl_key": "ssl_key", "unix_socket": "unix_socket"}
_IGNORED: Final = frozenset({"charset"})
_BROKEN: Final = (pymysql.MySQLError, OSError, Malformed)


class NotBegun(Exception):
    """The connection was lost before anything ran on it."""


class MySQLEngine:
    """One database of a MySQL or MariaDB server."""

    dialect = "mysql"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._address = address_of(settings)
        where = f"databases.{settings.name}.url"
        if not self._address.database:
            raise DatabaseError(f"{where}: names no database; write mysql://USER@HOST/DATABASE")
        unknown = [o for o in self._address.options if o not in _OPTIONS and o not in _IGNORED]
        if unknown:
            known = ", ".join(_OPTIONS)
            raise DatabaseError(f"{where}: the option {unknown[0]!r} is not known; known are {known}")
        self._database = self._address.database
        self._options: dict[str, Any] = {
            _OPTIONS[name]: value for name, value in self._address.options.items() if name in _OPTIONS
        }
        self._idle: list[Wire] = []
        self._threads, self._stoppers = CapacityLimiter(_MOST), CapacityLimiter(_MOST)
        self._watching = CapacityLimiter(1)  # for the catalog: never behind the queries of agents
        self._looking = anyio.Lock()
        self._schema: Schema | None = None
        self._fresh_until = 0.0
        self._closed = False

    async def start(self) -> None:
        try:
            schema = await self._look()
        except _BROKEN as error:
            raise unusable(self._settings, error) from None
        except ToolFailed as failed:
            raise DatabaseError(f"databases.{self._settings.name}: {failed.message}") from None
        check_names(schema.catalog.relations, self._settings, self._database, ascii_lower)

    async def close(self) -> None:
        self._closed = True
        self._drop_idle()

    async def examine(self) -> Sequence[RoleFinding]:
        def look(wire: Wire) -> list[RoleFinding]:
            grants = [str(row[0]) for row in wire.selected("SHOW GRANTS FOR CURRENT_USER()")]
            return findings(grants, self._database, self._settings)

        try:
            return await self._on_wire(look, self._watching)
        except (*_BROKEN, NotBegun) as error:
            raise unusable(self._settings, error) from None

    async def catalog(self) -> Catalog:
        """Raises `ToolFailed` when the server is out of reach."""
        return (await self._present()).catalog

    async def sample(self, relation: Relation, columns: Sequence[str], n: int) -> Sequence[Sequence[object]]:
        """The first rows; none of a relation that the user may not read."""
        if not columns:
            return []
        sql = first_sql(self._table(relation), [quoted(column) for column in columns], n)
        try:
            return await self._own_rows(sql, (), n, _OWN_SECONDS)
        except ToolFailed as failed:
            if failed.code in ("database-unreachable", "database-resources"):
                raise
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
            self._table(relation),
            [quoted(column) for column in columns],
            n,
            order=[quoted(column) for column in order],
            behind="?" * len(behind),
            skip=skip,
        )
        return await self._own_rows(sql, behind, n)

    async def count(self, relation: Relation) -> int:
        """See `Paged.count`."""
        return cast("int", (await self._own_rows(count_sql(self._table(relation)), (), 1))[0][0])

    def _table(self, relation: Relation) -> str:
        return f"{quoted(self._database)}.{quoted(relation.name)}"

    async def _own_rows(
        self, sql: str, values: Sequence[object], n: int, seconds: float = _PAGE_SECONDS
    ) -> list[tuple[object, ...]]:
        """The rows of a statement of the server's own, in a transaction that only reads. Raises `ToolFailed`."""

        def look(wire: Wire) -> list[tuple[object, ...]]:
            self._begin(wire, seconds, n, write=False)
            return _gathered(wire, wire.prepare(sql), values, n, 1 << 30)[0]

        with self._sentences(seconds):
            return await self._on_wire(look, self._watching)
        raise AssertionError

    async def query(self, statement: Statement, limits: Limits) -> Rows:
        caps = caps_of(limits)
        with self._sentences(caps.seconds), anyio.fail_after(caps.seconds):
            schema = await self._schema_for(statement)
            work = partial(self._query, statement=statement, caps=caps, schema=schema)
            return await self._twice(work)
        raise AssertionError

    async def write(self, write: Write, limits: Limits) -> Written:
        if not self._settings.write:
            raise read_only()
        caps = caps_of(limits)
        with self._sentences(caps.seconds), anyio.fail_after(caps.seconds):
            schema = await self._schema_for(write.statement)
            work = partial(self._write, write=write, caps=caps, schema=schema)
            return await self._twice(work, _commit)
        raise AssertionError

    @contextmanager
    def _sentences(self, seconds: float) -> Generator[None]:
        """What can go wrong around a statement, as `ToolFailed`."""
        try:
            yield
        except TimeoutError:
            raise deadline(seconds) from None
        except NotBegun:
            raise by_sqlstate("08") from None
        except _BROKEN as error:
            raise failed_by(error, seconds) from None

    # -- threads and connections

    async def _twice(self, work: Callable[[Wire], Returned], last: Callable[[Wire], None] | None = None) -> Returned:
        """Once more, on a new connection, when an idle one turns out to have died: nothing was run on it."""
        try:
            return await self._on_wire(work, self._threads, last)
        except NotBegun:
            self._drop_idle()
            return await self._on_wire(work, self._threads, last)

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().drop()

    async def _on_wire(
        self, work: Callable[[Wire], Returned], threads: CapacityLimiter, last: Callable[[Wire], None] | None = None
    ) -> Returned:
        """Run blocking work on a connection of its own; when cancelled, kill what the server does for it.

        ``last`` is done after the work and is not cancelled: a commit.
        """
        lock, stopped = threading.Lock(), False
        held: list[Wire] = []  # the connection, while nobody else may have it

        def carry() -> Returned:
            wire = self._taken()
            held.append(wire)
            try:
                made = work(wire)
            except BaseException as error:
                with lock:
                    held.clear()
                    lost = not isinstance(error, (ToolRefused, ToolFailed, pymysql.MySQLError)) or is_lost(error)
                    self._give_back(wire, usable=not (stopped or lost))
                raise
            if last is None:
                with lock:
                    held.clear()
                    self._give_back(wire, usable=not stopped)
            return made

        def stop() -> None:
            nonlocal stopped
            with lock:
                stopped = True  # a kill that comes late would end the next statement: the connection is given up
                threads_at_work = [wire.thread for wire in held]
            for thread in threads_at_work:
                kill(self._address, self._options, thread)

        try:
            made = await blocking.run(carry, stop, threads, self._stoppers)
            if last is not None:
                try:
                    with anyio.CancelScope(shield=True), anyio.fail_after(_COMMIT_SECONDS):
                        await anyio.to_thread.run_sync(last, held[0], abandon_on_cancel=True, limiter=self._stoppers)
                except TimeoutError:
                    raise in_doubt() from None
                self._give_back(held.pop(), usable=True)
        finally:
            for wire in held:
                wire.drop()
        return made

    def _taken(self) -> Wire:
        try:
            return self._idle.pop()
        except IndexError:
            return Wire(self._address, self._options)

    def _give_back(self, wire: Wire, *, usable: bool) -> None:
        """Keep a connection for the next one, without a transaction."""
        try:
            if usable and not self._closed and wire.open and len(self._idle) < _MOST:
                wire.run("ROLLBACK")
                self._idle.append(wire)
                return
        except _BROKEN:
            pass
        wire.drop()

    def _begin(self, wire: Wire, seconds: float, most: int, *, write: bool) -> None:
        """Pin the session and open a transaction. Raises `NotBegun` when the connection had died."""
        limit = f"max_statement_time = {seconds:.3f}" if wire.mariadb else f"max_execution_time = {seconds * 1000:.0f}"
        pins = (
            f"SET SESSION {limit}, sql_select_limit = {most + 1 if most < 1 << 40 else most:d}, "
            f"lock_wait_timeout = {_LOCK_SECONDS:d}, innodb_lock_wait_timeout = {_LOCK_SECONDS:d}, "
            "group_concat_max_len = 1048576, foreign_key_checks = 1, unique_checks = 1, sql_safe_updates = 0, "
            "big_tables = 0"
        )
        try:
            wire.run(pins)
            wire.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            wire.run("START TRANSACTION READ WRITE" if write else "START TRANSACTION READ ONLY")
        except _BROKEN as error:
            if is_lost(error):
                raise NotBegun from None
            raise

    # -- one statement, in a thread

    def _query(self, wire: Wire, statement: Statement, caps: Caps, schema: Schema) -> Rows:
        self._begin(wire, caps.seconds, caps.rows, write=False)
        prepared = self._judged(wire, statement, schema)
        rows, truncated, _ = _gathered(wire, prepared, statement.values, caps.rows, caps.bytes)
        return _shown(prepared.fields, rows, truncated)

    def _write(self, wire: Wire, write: Write, caps: Caps, schema: Schema) -> Written:
        self._begin(wire, caps.seconds, 1 << 62, write=True)
        if write.preview is not None:
            preview = self._judged(wire, write.preview, schema, counts=True)
            rows, _, _ = _gathered(wire, preview, write.preview.values, 1, 1 << 20)
            count = rows[0][0] if rows else None
            if not isinstance(count, int):
                raise unaccepted()
            if count > write.most_rows:
                raise too_many_rows(write.most_rows)
        prepared = self._judged(wire, write.statement, schema)
        # RETURNING gives one row for each that was changed; one more than allowed is enough to undo it all.
        rows, truncated, changed = _gathered(wire, prepared, write.statement.values, write.most_rows, 1 << 40)
        if truncated or changed > write.most_rows:
            raise too_many_rows(write.most_rows)
        if not prepared.fields:
            return Written(changed)
        kept = rows[: caps.rows]
        return Written(len(rows), _shown(prepared.fields, kept, len(kept) < len(rows)))

    def _judged(self, wire: Wire, statement: Statement, schema: Schema, *, counts: bool = False) -> Prepared:
        """Prepare a statement over tables that are what the guard took them for. Raises `ToolRefused`, `ToolFailed`."""
        self._check_tables(wire, statement.expected, schema)
        try:
            prepared = wire.prepare(statement.sql)
        except pymysql.MySQLError as error:
            if is_lost(error):
                raise
            raise unprepared_by(error, statement.sql, schema.catalog) from None
        if prepared.parameters != len(statement.values):
            raise unaccepted()
        reads = engine_reads(prepared.fields, schema.catalog, self._database)
        if counts or statement.sql.startswith("EXPLAIN "):
            reads = EngineReads(columns=reads.columns, width=None if counts else reads.width)
        reconcile.check(statement.expected, reads)
        return prepared

    def _check_tables(self, wire: Wire, expected: Expected, schema: Schema) -> None:
        """Lock the structure of what is read until the transaction ends, then see that it is the one decided on."""
        catalog = schema.catalog
        names = sorted(name for name in expected.relations if name in catalog.relations)
        locked = [quoted(name) for name in names if catalog.is_open(name)]
        if not names:
            return
        if locked:
            wire.run(f"SELECT 1 FROM {', '.join(locked)} LIMIT 0")  # noqa: S608 - names of the catalog, quoted
        columns, views = (wire.selected(sql) for sql in same_rows(names))
        if rows_of(columns, views) != {name: schema.rows[name] for name in names if name in schema.rows}:
            self._fresh_until = 0.0
            raise schema_changed()

    # -- the catalog

    async def _schema_for(self, statement: Statement) -> Schema:
        schema = await self._present()
        if statement.version not in ("", schema.version):
            raise schema_changed()
        return schema

    async def _present(self) -> Schema:
        schema = self._schema
        if schema is not None and time.monotonic() < self._fresh_until:
            return schema
        with self._sentences(_OWN_SECONDS), anyio.fail_after(_OWN_SECONDS):
            async with self._looking:
                if self._schema is not None and time.monotonic() < self._fresh_until:
                    return self._schema
                return await self._look()
        raise AssertionError

    async def _look(self) -> Schema:
        begun = time.monotonic()
        try:
            schema = await self._on_wire(self._read_schema, self._watching)
        except _BROKEN as error:
            if not is_lost(error) or self._schema is None:
                raise
            self._drop_idle()  # it died idle: once more, on a new connection
            schema = await self._on_wire(self._read_schema, self._watching)
        took = time.monotonic() - begun
        if self._schema is None or self._schema.version != schema.version:
            self._schema = schema
        least, most = _FRESH_SECONDS
        self._fresh_until = time.monotonic() + min(max(took * _LOOKS_AT_MOST, least), most)
        return self._schema

    def _read_schema(self, wire: Wire) -> Schema:
        wire.run("SET SESSION sql_select_limit = DEFAULT")
        answers = {name: wire.selected(sql) for name, sql in QUERIES.items()}
        return build_schema(answers, self._settings, self._database, wire.server)


def engine_reads(fields: Sequence[Field], catalog: Catalog, database: str) -> EngineReads:
    """What the server tells of plain output columns; of all others it tells nothing."""
    by_name = {ascii_lower(name): relation for name, relation in catalog.relations.items()}
    sources: list[frozenset[ColumnRef]] = []
    for field in fields:
        relation = by_name.get(ascii_lower(field.table)) if field.database == database else None
        columns = () if relation is None else relation.columns
        origin = next((c.name for c in columns if ascii_lower(c.name) == ascii_lower(field.origin)), None)
        found = frozenset[ColumnRef]()
        if relation is not None and origin is not None:
            found = frozenset({ColumnRef(catalog.database, relation.qualified, origin)})
        sources.append(found)
    columns = frozenset(ref for found in sources for ref in found)
    return EngineReads(columns=columns, sources=tuple(sources), width=len(fields))


def _gathered(
    wire: Wire, prepared: Prepared, values: Sequence[object], most: int, size: int
) -> tuple[list[tuple[object, ...]], bool, int]:
    """Rows within the caps, whether there were more, and how many the statement changed. Cut off, the connection is
    given up with what still comes on it."""
    changed, fields = wire.execute(prepared, values)
    if not fields:
        wire.release(prepared)
        return [], False, changed
    if [f.name for f in fields] != [f.name for f in prepared.fields]:
        raise unaccepted()
    coming = wire.rows(fields)
    kept, truncated = within(coming, most, size)
    if truncated and next(coming, None) is not None:
        wire.drop()
    else:
        wire.release(prepared)
    return kept, truncated, changed


def _shown(fields: Sequence[Field], rows: list[tuple[object, ...]], truncated: bool) -> Rows:
    return Rows(tuple(f.name for f in fields), tuple(f.type for f in fields), rows, truncated)


def _commit(wire: Wire) -> None:
    try:
        wire.run("COMMIT")
    except _BROKEN as error:
        if is_lost(error):
            raise in_doubt() from None
        raise
