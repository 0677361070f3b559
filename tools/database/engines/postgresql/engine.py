"""The PostgreSQL engine. A query is two round trips to the server:

1. begin a read-only transaction, pin every setting, prepare the statement; the server's own rewritten tree of it comes
   back, is read (`querytree`), and held against what the guard found (`reconcile.check`);
2. execute what was prepared, in chunks within the caps; roll back; reset the session.

The locks that preparing takes are held until the transaction ends, so what was judged is what runs.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

import anyio
from loguru import logger

from ....tool import Limits, ToolFailed
from ...catalog import Catalog, Relation, RelationKind
from ...errors import deadline, in_doubt, read_only, schema_changed, too_many_rows, unaccepted
from ...sql.analysis import EngineReads
from ..caps import Caps, caps_of
from ..engine import DatabaseError, RoleFinding, Rows, Settings, Statement, Write, Written
from ..opening import check_names
from ..own_sql import count_sql, first_sql, page_sql, quoted
from . import session
from .connecting import CannotConnect, connect, conninfo_of, unusable
from .errors import failed_by, lost_by, unreachable_by
from .judge import UNNAMED, Judge, NotBegun, Prepared, origins_of
from .labels import SUPPORTED
from .pool import Pool
from .reads import check_origins
from .role import findings
from .schema import QUERIES, SYSTEM_QUERIES, Schema, System, build_schema, build_system
from .values import parameter
from .wire import Failed, Lost, Wire, succeeded

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

_SECONDS: Final = 10.0
_PAGE_SECONDS: Final = 300.0  # for a page of an export
_OWN_SECONDS: Final = 30.0  # for reading the catalog
_LOOKS_AT_MOST: Final = 20  # the catalog is asked for again when twenty times what asking took has passed
_FRESH_SECONDS: Final = 0.005, 1.0  # ... but not sooner, nor later
# In these a character may be longer than in UTF-8, so that how the server broke a line of a tree cannot be told.
_UNREADABLE_ENCODINGS: Final = frozenset({"EUC_TW", "MULE_INTERNAL"})
_COMMIT_SECONDS: Final = 10.0


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
        self._judge = Judge()

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
        sql = first_sql(self._table(relation), [quoted(column) for column in columns], n)
        try:
            return await self._own_rows(sql, seconds=_OWN_SECONDS)
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
        """By key, or as the rows lie in their files; see `Paged.page`."""
        behind = after if order and after is not None else ()
        kept = relation.kind in (RelationKind.TABLE, RelationKind.MATERIALISED)
        sql = page_sql(
            self._table(relation),
            [quoted(column) for column in columns],
            n,
            order=[quoted(column) for column in order],
            behind=[f"${i + 1}" for i in range(len(behind))],
            skip=skip,
            unordered="tableoid, ctid" if kept else "",
        )
        return await self._own_rows(sql, [parameter(value) for value in behind])

    async def count(self, relation: Relation) -> int:
        """See `Paged.count`."""
        return cast("int", (await self._own_rows(count_sql(self._table(relation))))[0][0])

    def _table(self, relation: Relation) -> str:
        schema = relation.schema or (self._schema.catalog.default_schema if self._schema else None) or "public"
        return f"{quoted(schema)}.{quoted(relation.name)}"

    async def _own_rows(
        self, sql: str, values: Sequence[bytes | None] = (), seconds: float = _PAGE_SECONDS
    ) -> list[tuple[object, ...]]:
        """The rows of a statement of the server's own, in a transaction that only reads. Raises `ToolFailed`."""
        with self._sentences(seconds):
            async with self._watch.wire() as wire:
                wire.clean = False
                wire.execute(session.BEGIN_READ)
                session.pin(wire, seconds)
                wire.execute(session.QUIET)
                wire.ask(sql, values)
                wire.execute(session.ROLLBACK)
                wire.sync()
                wire.reset()
                answers = await wire.results()
                wire.clean = succeeded(answers)
                return wire.decoded(answers[3])
        raise AssertionError

    async def reads(self, sql: str) -> EngineReads:
        """What the server itself says a statement would read; nothing is executed. For tests and for looking into a
        disagreement. Raises as `query`."""
        schema = await self._present()
        with self._sentences(_SECONDS), anyio.fail_after(_SECONDS):
            async with self._pool.wire() as wire:
                wire.clean = False
                wire.execute(session.BEGIN_READ)
                described, trees = await self._judge.prepare(wire, sql, _SECONDS, schema)
                found = self._judge.read(trees, schema)
                check_origins(origins_of(described), found.reading, schema)
                wire.execute(session.ROLLBACK)
                wire.sync()
                wire.clean = succeeded(await wire.results())
                return found.reads
        raise AssertionError

    async def query(self, statement: Statement, limits: Limits) -> Rows:
        caps = caps_of(limits)
        with self._sentences(caps.seconds):
            with anyio.fail_after(caps.seconds):
                schema = await self._schema_for(statement)
                try:
                    return await self._query(statement, caps, schema, fresh=False)
                except NotBegun:
                    return await self._query(statement, caps, schema, fresh=True)
        raise AssertionError

    async def write(self, write: Write, limits: Limits) -> Written:
        if not self._settings.write:
            raise read_only()
        caps = caps_of(limits)
        with self._sentences(caps.seconds):
            with anyio.fail_after(caps.seconds):
                schema = await self._schema_for(write.statement)
                try:
                    return await self._write(write, caps, schema, fresh=False)
                except NotBegun:
                    return await self._write(write, caps, schema, fresh=True)
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

    async def _query(self, statement: Statement, caps: Caps, schema: Schema, *, fresh: bool) -> Rows:
        async with self._pool.wire(fresh=fresh) as wire:
            wire.clean = False
            prepared = await self._judge.judged(wire, statement, caps.seconds, schema, session.BEGIN_READ)
            wire.execute(session.QUIET)
            wire.execute(UNNAMED, [parameter(value) for value in statement.values])
            wire.execute(session.ROLLBACK)
            wire.sync()
            if prepared.stays:
                wire.reset()
            rows, truncated, _ = await wire.rows(prepared.types, caps.rows, caps.bytes)
            wire.clean = succeeded(await wire.results())
            return self._rows(prepared, rows, truncated, schema)

    async def _write(self, write: Write, caps: Caps, schema: Schema, *, fresh: bool) -> Written:
        async with self._pool.wire(fresh=fresh) as wire:
            wire.clean = False
            begin: bytes | None = session.BEGIN_WRITE
            if write.preview is not None:
                await self._preview(wire, write.preview, write.most_rows, caps.seconds, schema)
                begin = None
            prepared = await self._judge.judged(wire, write.statement, caps.seconds, schema, begin, write=write)
            wire.execute(session.QUIET)
            wire.execute(UNNAMED, [parameter(value) for value in write.statement.values])
            wire.sync()
            most = min(caps.rows, write.most_rows)
            rows, truncated, changed = await wire.rows(prepared.types, most, caps.bytes, stop=False)
            await wire.results()
            if changed > write.most_rows:
                raise too_many_rows(write.most_rows)
            await self._commit(wire)
            returned = self._rows(prepared, rows, truncated, schema) if prepared.names else None
            return Written(changed, returned)

    async def _preview(self, wire: Wire, preview: Statement, most: int, seconds: float, schema: Schema) -> None:
        """Count the rows that would change, in the transaction that will change them. Raises when they are too many."""
        prepared = await self._judge.judged(wire, preview, seconds, schema, session.BEGIN_WRITE, counts=True)
        wire.execute(session.QUIET)
        wire.execute(UNNAMED, [parameter(value) for value in preview.values])
        wire.sync()
        rows, _, _ = await wire.rows(prepared.types, 1, 1 << 20)
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

    def _rows(self, prepared: Prepared, rows: list[tuple[object, ...]], truncated: bool, schema: Schema) -> Rows:
        types = tuple(schema.types.get(oid, "unknown") for oid in prepared.types)
        return Rows(prepared.names, types, rows, truncated)

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
        schema = build_schema(rows, self._settings, self._system)
        if self._schema is None or self._schema.version != schema.version:  # not only somebody's temporary tables
            self._schema = schema
        self._stamp = stamp

    async def _introduce(self) -> None:
        """Find out about the server what every connection needs, once."""
        wire = await connect(self._conninfo, self._host, {})
        try:
            where = f"databases.{self._settings.name}"
            if wire.version not in SUPPORTED:
                known = f"{SUPPORTED.start} to {SUPPORTED.stop - 1}"
                raise DatabaseError(f"{where}: PostgreSQL {wire.version} is not known here; use {known}")
            encoding = wire.status("server_encoding")
            if encoding in _UNREADABLE_ENCODINGS:
                raise DatabaseError(f"{where}: the encoding {encoding} of the database is not known here; use UTF8")
            settable = await wire.selected("SELECT name FROM pg_catalog.pg_settings WHERE context = 'user'")
            path = (await wire.selected("SELECT pg_catalog.current_schemas(false)::text[]"))[0][0]
            schemas = [name for name in cast("list[str]", path) if name != "pg_catalog"]
            searched = ", ".join(quoted(name) for name in ("pg_catalog", *schemas, "pg_temp"))
            self._prepared = session.statements((str(row[0]) for row in settable), searched)
            rows = {name: await wire.selected(sql) for name, sql in SYSTEM_QUERIES.items()}
            default = schemas[0] if schemas else "public"
            self._system = build_system(rows, default, wire.status("server_version"))
        finally:
            wire.close()

    async def _connect(self) -> Wire:
        return await connect(self._conninfo, self._host, self._prepared)


def text_of(wire: Wire, answer: PGresult) -> str:
    return str(wire.decoded(answer)[0][0])
