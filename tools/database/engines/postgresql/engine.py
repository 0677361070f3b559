"""The PostgreSQL engine. A query is two round trips to the server:

1. begin a read-only transaction, pin every setting, prepare the statement; the server's own rewritten tree of it comes
   back, is read (`querytree`), and held against what the guard found (`reconcile.check`);
2. execute what was prepared, in chunks within the caps; roll back; reset the session.

The locks that preparing takes are held until the transaction ends, so what was judged is what runs.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

import anyio
from loguru import logger

from ....tool import Limits, ToolFailed, ToolRefused
from ...catalog import Catalog, Relation
from ...errors import deadline, schema_changed, unaccepted
from ...sql import reconcile, refusals
from ...sql.analysis import EngineReads
from ..engine import DatabaseError, RoleFinding, Rows, Settings, Statement, Write, Written
from ..opening import check_names
from . import session
from .connecting import CannotConnect, connect, conninfo_of, unusable
from .errors import failed_by, in_doubt, lost_by, too_many_rows, unprepared_by, unreachable_by
from .labels import SUPPORTED
from .nodetext import QueryTreeError
from .pool import Pool
from .querytree import Reading, read
from .reads import check_calls, check_origins, engine_reads, keeps_state
from .role import findings
from .schema import QUERIES, SYSTEM_QUERIES, Schema, System, build_schema, build_system
from .values import parameter
from .wire import Failed, Lost, Wire, milliseconds, succeeded

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

_SECONDS: Final = 10.0
_ROWS: Final = 1000
_BYTES: Final = 1_000_000
_OWN_SECONDS: Final = 30.0  # for reading the catalog
_LOCK_SECONDS: Final = 3.0
_KNOWN: Final = 1024  # readings kept
_LOOKS_AT_MOST: Final = 20  # the catalog is asked for again when twenty times what asking took has passed
_FRESH_SECONDS: Final = 0.005, 1.0  # ... but not sooner, nor later
_COMMIT_SECONDS: Final = 10.0
_UNNAMED: Final = b""
_EXPLAIN: Final = re.compile(r"EXPLAIN (?:\(COSTS OFF\) )?")  # as the guard writes it


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement the server has prepared and whose tree was judged. ``stays``: the session may keep something of it
    beyond the end of its transaction."""

    names: tuple[str, ...]
    types: tuple[int, ...]
    stays: bool


@dataclass(slots=True)
class _Read:
    """What was made of one tree, and what it was last held against without a complaint."""

    reading: Reading
    reads: EngineReads
    stays: bool
    agreed: object = None
    origins: Sequence[tuple[int, int]] = ()


class PostgreSQLEngine:
    """One database of a PostgreSQL server."""

    dialect = "postgresql"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._conninfo, self._host = conninfo_of(settings)
        self._prepared: dict[bytes, str] = {}
        self._pool = Pool(self._connect)
        self._watch = Pool(self._connect, most=1)  # for the catalog: never behind the queries of agents
        self._stamp = ""
        self._system: System | None = None
        self._schema: Schema | None = None
        self._fresh_until = 0.0
        self._looking = anyio.Lock()
        self._known: OrderedDict[tuple[str, bytes], _Read] = OrderedDict()

    @property
    def processes(self) -> list[int]:
        """The server's processes that work for this engine."""
        return [*self._pool.processes, *self._watch.processes]

    async def start(self) -> None:
        try:
            await self._introduce()
            schema = await self._look()
        except CannotConnect as error:
            raise unusable(self._settings, error.state) from None
        except (Failed, Lost, ToolFailed) as error:
            state = getattr(error, "state", None) or getattr(error, "code", "")
            raise DatabaseError(f"databases.{self._settings.name}: the catalog cannot be read ({state})") from None
        check_names(schema.catalog.relations, self._settings, schema.catalog.default_schema)
        for name in self._settings.functions:
            if name.rpartition(".")[2] not in schema.catalog.user_functions:
                logger.warning("databases.{}.functions: {}: no such function", self._settings.name, name)

    async def close(self) -> None:
        await self._pool.close()
        await self._watch.close()

    async def examine(self) -> Sequence[RoleFinding]:
        try:
            async with self._watch.wire() as wire:
                return await findings(wire, self._settings)
        except CannotConnect as error:
            raise unusable(self._settings, error.state) from None
        except (Failed, Lost):
            raise DatabaseError(f"databases.{self._settings.name}: the role cannot be examined") from None

    async def catalog(self) -> Catalog:
        """Raises `ToolFailed` when the server is out of reach."""
        return (await self._present()).catalog

    async def sample(self, relation: Relation, columns: Sequence[str], n: int) -> Sequence[Sequence[object]]:
        """The first rows; none of a relation that the role may not read."""
        if not columns:
            return []
        schema = relation.schema or (self._schema.catalog.default_schema if self._schema else None) or "public"
        listed = ", ".join(session.quoted(column) for column in columns)
        table = f"{session.quoted(schema)}.{session.quoted(relation.name)}"
        sql = f"SELECT {listed} FROM {table} LIMIT {n:d}"  # noqa: S608 - names of the catalog, quoted
        try:
            with self._sentences(_OWN_SECONDS):
                async with self._watch.wire() as wire:
                    wire.clean = False
                    wire.execute(session.BEGIN_READ)
                    self._pin(wire, _OWN_SECONDS)
                    wire.execute(session.QUIET)
                    wire.ask(sql)
                    wire.execute(session.ROLLBACK)
                    wire.sync()
                    wire.reset()
                    answers = await wire.results()
                    wire.clean = succeeded(answers)
                    return wire.decoded(answers[3])
        except ToolFailed as failed:
            if failed.code in ("database-unreachable", "database-resources"):
                raise
            logger.debug("database {}: {} cannot be sampled", self._settings.name, relation.qualified)
        return []

    async def reads(self, sql: str) -> EngineReads:
        """What the server itself says a statement would read; nothing is executed. For tests and for looking into a
        disagreement. Raises as `query`."""
        schema = await self._present()
        with self._sentences(_SECONDS), anyio.fail_after(_SECONDS):
            async with self._pool.wire() as wire:
                wire.clean = False
                wire.execute(session.BEGIN_READ)
                described, trees = await self._prepare(wire, sql, _SECONDS, schema)
                found = self._read(trees, schema)
                check_origins(origins_of(described), found.reading, schema)
                wire.execute(session.ROLLBACK)
                wire.sync()
                wire.clean = succeeded(await wire.results())
                return found.reads
        raise AssertionError

    async def query(self, statement: Statement, limits: Limits) -> Rows:
        seconds = limits.seconds or _SECONDS
        with self._sentences(seconds):
            with anyio.fail_after(seconds):
                schema = await self._schema_for(statement)
                try:
                    return await self._query(statement, limits, seconds, schema, fresh=False)
                except Lost:  # nothing of a query stays behind, so it may be asked again
                    return await self._query(statement, limits, seconds, schema, fresh=True)
        raise AssertionError

    async def write(self, write: Write, limits: Limits) -> Written:
        if not self._settings.write:
            raise ToolFailed("read-only", "This database is open for reading only.", "Tell the operator.")
        seconds = limits.seconds or _SECONDS
        with self._sentences(seconds):
            with anyio.fail_after(seconds):
                schema = await self._schema_for(write.statement)
                try:
                    return await self._write(write, limits, seconds, schema, fresh=False)
                except _NotBegun:
                    return await self._write(write, limits, seconds, schema, fresh=True)
        raise AssertionError

    @contextmanager
    def _sentences(self, seconds: float) -> Generator[None]:
        """What can go wrong around a statement, as `ToolFailed`."""
        try:
            yield
        except TimeoutError:
            raise deadline(seconds) from None
        except CannotConnect as error:
            logger.error("{}", unusable(self._settings, error.state))
            raise unreachable_by(error) from None
        except Lost as lost:
            raise lost_by(lost) from None
        except Failed as failed:
            raise failed_by(failed, seconds) from None

    # -- one query

    async def _query(
        self, statement: Statement, limits: Limits, seconds: float, schema: Schema, *, fresh: bool
    ) -> Rows:
        async with self._pool.wire(fresh=fresh) as wire:
            wire.clean = False
            prepared = await self._judged(wire, statement, seconds, schema, session.BEGIN_READ)
            wire.execute(session.QUIET)
            wire.execute(_UNNAMED, [parameter(value) for value in statement.values])
            wire.execute(session.ROLLBACK)
            wire.sync()
            if prepared.stays:
                wire.reset()
            rows, truncated, _ = await wire.rows(prepared.types, _most_rows(limits), _most_bytes(limits))
            wire.clean = succeeded(await wire.results())
            return self._rows(prepared, rows, truncated, schema)

    async def _write(self, write: Write, limits: Limits, seconds: float, schema: Schema, *, fresh: bool) -> Written:
        async with self._pool.wire(fresh=fresh) as wire:
            wire.clean = False
            begin: bytes | None = session.BEGIN_WRITE
            if write.preview is not None:
                await self._preview(wire, write.preview, write.most_rows, seconds, schema)
                begin = None
            try:
                prepared = await self._judged(wire, write.statement, seconds, schema, begin, write=write)
            except Lost as lost:
                raise (lost if begin is None else _NotBegun(lost.state)) from None
            wire.execute(session.QUIET)
            wire.execute(_UNNAMED, [parameter(value) for value in write.statement.values])
            wire.sync()
            most = min(_most_rows(limits), write.most_rows)
            rows, truncated, changed = await wire.rows(prepared.types, most, _most_bytes(limits), stop=False)
            await wire.results()
            if changed > write.most_rows:
                raise too_many_rows(write.most_rows)
            await self._commit(wire)
            returned = self._rows(prepared, rows, truncated, schema) if prepared.names else None
            return Written(changed, returned)

    async def _preview(self, wire: Wire, preview: Statement, most: int, seconds: float, schema: Schema) -> None:
        """Count the rows that would change, in the transaction that will change them. Raises when they are too many."""
        try:
            prepared = await self._judged(wire, preview, seconds, schema, session.BEGIN_WRITE)
        except Lost as lost:
            raise _NotBegun(lost.state) from None
        wire.execute(session.QUIET)
        wire.execute(_UNNAMED, [parameter(value) for value in preview.values])
        wire.sync()
        rows, _, _ = await wire.rows(prepared.types, 1, _BYTES)
        await wire.results()
        count = rows[0][0] if rows else None
        if not isinstance(count, int):
            raise unaccepted()
        if count > most:
            raise too_many_rows(most)

    async def _commit(self, wire: Wire) -> None:
        """Once asked, it is waited for: a caller that gives up now must not leave it open whether rows changed."""
        with anyio.CancelScope(shield=True), anyio.fail_after(_COMMIT_SECONDS):
            wire.execute(session.COMMIT)
            wire.sync()
            wire.reset()
            try:
                answers = await wire.results()
            except (Lost, TimeoutError):
                raise in_doubt() from None
            wire.clean = succeeded(answers)

    # -- the judge

    async def _judged(
        self,
        wire: Wire,
        statement: Statement,
        seconds: float,
        schema: Schema,
        begin: bytes | None,
        *,
        write: Write | None = None,
    ) -> _Prepared:
        """Prepare a statement and hold the server's reading of it against the guard's. Raises `ToolRefused`."""
        explain = _EXPLAIN.match(statement.sql)
        if begin is not None:
            wire.execute(begin)
        judged = statement.sql[explain.end() :] if explain else statement.sql
        described, trees = await self._prepare(wire, judged, seconds, schema)
        found = self._read(trees, schema)
        if explain:
            described, _ = await self._prepare(wire, statement.sql, seconds, schema)
        origins = None if explain else origins_of(described)
        if write is not None or found.agreed is not statement.expected or found.origins != origins:
            self._compare(found, statement, origins, schema, write)
        return _Prepared(*columns_of(described), found.stays)

    async def _prepare(self, wire: Wire, sql: str, seconds: float, schema: Schema) -> tuple[PGresult, list[str]]:
        """Prepare a statement in the open transaction: its columns, and the trees that came. Raises as `query`."""
        self._pin(wire, seconds)
        wire.prepare(_UNNAMED, sql)
        wire.describe(_UNNAMED)
        wire.sync()
        wire.trees()
        try:
            described = (await wire.results())[-1]
        except Failed as failed:
            raise unprepared_by(failed, sql, schema.catalog) from None
        return described, wire.trees()

    def _compare(
        self,
        found: _Read,
        statement: Statement,
        origins: Sequence[tuple[int, int]] | None,
        schema: Schema,
        write: Write | None,
    ) -> None:
        """``origins`` is None for EXPLAIN, whose own output says nothing of columns. Raises `ToolRefused`."""
        self._check_kind(found.reading, schema, write)
        check_calls(found.reading, schema, statement.expected.functions)
        if origins is None:
            reconcile.check(statement.expected, replace(found.reads, sources=None, width=None))
            return
        check_origins(origins, found.reading, schema)
        reconcile.check(statement.expected, found.reads)
        if write is None:
            found.agreed, found.origins = statement.expected, origins

    def _check_kind(self, reading: Reading, schema: Schema, write: Write | None) -> None:
        if write is None:
            right = reading.command == "select"
        else:
            target = schema.stored.get(reading.target or 0)
            right = reading.command != "select" and target is not None and target.kind in ("r", "p")
            right = right and (write.target is None or target is None or target.name == write.target)
        if not right:
            raise refusals.engine(
                "The database understands this statement differently: it is another kind of statement.", "statement"
            )

    def _read(self, trees: list[str], schema: Schema) -> _Read:
        """Raises `ToolRefused` for a tree that is not understood in full."""
        if len(trees) != 1:
            raise _unfollowed(f"{len(trees)} trees")
        tree = trees[0]
        key = (schema.version, hashlib.blake2b(tree.encode("utf-8", "surrogatepass"), digest_size=16).digest())
        known = self._known.get(key)
        if known is not None:
            return known
        try:
            reading = read(tree)
        except QueryTreeError as error:
            raise _unfollowed(str(error)) from None
        made = _Read(reading, engine_reads(reading, schema), keeps_state(reading, schema))
        self._known[key] = made
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return made

    def _rows(self, prepared: _Prepared, rows: list[tuple[object, ...]], truncated: bool, schema: Schema) -> Rows:
        types = tuple(schema.types.get(oid, "unknown") for oid in prepared.types)
        return Rows(prepared.names, types, rows, truncated)

    def _pin(self, wire: Wire, seconds: float) -> None:
        locks, idle = min(seconds, _LOCK_SECONDS), seconds + 5.0
        wire.execute(session.PIN, [milliseconds(seconds), milliseconds(locks), milliseconds(idle)])

    # -- the catalog

    async def _schema_for(self, statement: Statement) -> Schema:
        """The schema a statement was decided on. Raises `ToolFailed` when it is not the present one.

        A change after this is no harm: what the server then prepares is held against this schema, by object ids.
        """
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
                try:
                    return await self._look()
                except Lost:
                    return await self._look(fresh=True)
        raise AssertionError

    async def _look(self, *, fresh: bool = False) -> Schema:
        """Read the catalog, unless it is still the one we have. Raises `Failed`, `Lost`, `CannotConnect`."""
        async with self._watch.wire(fresh=fresh) as wire:
            begun = time.monotonic()
            if self._schema is not None:
                wire.execute(session.STAMP)
                wire.sync()
                stamp = text_of(wire, (await wire.results())[0])
                if stamp != self._stamp:
                    await self._read_schema(wire)
            else:
                await self._read_schema(wire)
            took = time.monotonic() - begun
        assert self._schema is not None
        self._fresh_until = time.monotonic() + min(max(took * _LOOKS_AT_MOST, _FRESH_SECONDS[0]), _FRESH_SECONDS[1])
        return self._schema

    async def _read_schema(self, wire: Wire) -> None:
        assert self._system is not None
        wire.clean = False
        wire.execute(session.BEGIN_READ)
        wire.ask("SELECT set_config('search_path', 'pg_catalog', true), set_config('statement_timeout', '30s', true)")
        wire.execute(session.STAMP)
        for sql in QUERIES.values():
            wire.ask(sql)
        wire.execute(session.ROLLBACK)
        wire.sync()
        wire.reset()
        answers = await wire.results()
        wire.clean = succeeded(answers)
        rows = {name: wire.decoded(answer) for name, answer in zip(QUERIES, answers[3:-1], strict=True)}
        stamp = text_of(wire, answers[2])
        self._schema, self._stamp = build_schema(rows, stamp, self._settings, self._system), stamp
        self._known.clear()

    async def _introduce(self) -> None:
        """Find out about the server what every connection needs, once."""
        wire = await connect(self._conninfo, self._host, {})
        try:
            where = f"databases.{self._settings.name}"
            if wire.version not in SUPPORTED:
                known = f"{SUPPORTED.start} to {SUPPORTED.stop - 1}"
                raise DatabaseError(f"{where}: PostgreSQL {wire.version} is not known here; use {known}")
            settable = await wire.selected("SELECT name FROM pg_catalog.pg_settings WHERE context = 'user'")
            path = (await wire.selected("SELECT pg_catalog.current_schemas(false)::text[]"))[0][0]
            schemas = [name for name in cast("list[str]", path) if name != "pg_catalog"]
            searched = ", ".join(session.quoted(name) for name in ("pg_catalog", *schemas, "pg_temp"))
            self._prepared = session.statements((str(row[0]) for row in settable), searched)
            rows = {name: await wire.selected(sql) for name, sql in SYSTEM_QUERIES.items()}
            default = schemas[0] if schemas else "public"
            self._system = build_system(rows, default, wire.status("server_version"))
        finally:
            wire.close()

    async def _connect(self) -> Wire:
        return await connect(self._conninfo, self._host, self._prepared)


class _NotBegun(Lost):
    """The connection was lost before anything was changed on it."""


def _unfollowed(why: str) -> ToolRefused:
    logger.info("a query tree could not be read: {}", why)
    return refusals.engine("What the database makes of this statement cannot be followed.", "tree")


def _most_rows(limits: Limits) -> int:
    return _ROWS if limits.rows is None else limits.rows


def _most_bytes(limits: Limits) -> int:
    return _BYTES if limits.bytes is None else limits.bytes


def text_of(wire: Wire, answer: PGresult) -> str:
    return str(wire.decoded(answer)[0][0])


def columns_of(described: PGresult) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names and types of the output columns."""
    each = range(described.nfields)
    return tuple((described.fname(i) or b"").decode() for i in each), tuple(described.ftype(i) for i in each)


def origins_of(described: PGresult) -> list[tuple[int, int]]:
    """The relation and column each output column comes from, as far as the server tells; (0, 0) where it does not."""
    return [(described.ftable(i), described.ftablecol(i)) for i in range(described.nfields)]
