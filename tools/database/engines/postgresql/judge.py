"""The second judge: the server prepares a statement, and its own tree of it is held against what the guard found."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from loguru import logger

from ....tool import ToolRefused
from ...sql import reconcile, refusals
from ...sql.analysis import EngineReads
from ..engine import Statement, Write
from . import session
from .errors import unprepared_by
from .nodetext import QueryTreeError
from .querytree import Cell, Reading, read
from .reads import check_calls, check_origins, engine_reads, keeps_state
from .schema import Schema
from .wire import Failed, Lost, Wire

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

UNNAMED: Final = b""
_KNOWN: Final = 1024  # readings kept
_EXPLAIN: Final = re.compile(r"EXPLAIN (?:\(COSTS OFF\) )?")  # as the guard writes it


class NotBegun(Lost):
    """The connection was lost before anything was executed on it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement the server has prepared and whose tree was judged. ``stays``: the session may keep something of it
    beyond the end of its transaction."""

    names: tuple[str, ...]
    types: tuple[int, ...]
    stays: bool


@dataclass(slots=True)
class Read:
    """What was made of one tree, and what it was last held against without a complaint."""

    reading: Reading
    reads: EngineReads
    stays: bool
    agreed: object = None
    origins: Sequence[Cell] = ()


class Judge:
    """Remembers what it made of the trees it met: the same statement on the same schema has the same tree."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, bytes], Read] = OrderedDict()

    async def judged(
        self,
        wire: Wire,
        statement: Statement,
        seconds: float,
        schema: Schema,
        begin: bytes | None,
        *,
        write: Write | None = None,
        counts: bool = False,
    ) -> Prepared:
        """Prepare a statement, in the transaction that ``begin`` opens, or the one that is open.

        ``write``: the statement is that of this write. ``counts``: it only counts what a write would change.
        Raises `ToolRefused`, `ToolFailed`, `Lost`.
        """
        explain = _EXPLAIN.match(statement.sql)
        judged = statement.sql[explain.end() :] if explain else statement.sql
        if begin is not None:
            wire.execute(begin)
        try:
            described, trees = await self.prepare(wire, judged, seconds, schema)
        except Lost as lost:
            raise (lost if begin is None else NotBegun(lost.state)) from None
        found = self.read(trees, schema)
        if explain:
            described, _ = await self.prepare(wire, statement.sql, seconds, schema)
        self._compare(found, described, statement, schema, write, shown=not (explain or counts))
        each = range(described.nfields)
        names = tuple((described.fname(i) or b"").decode() for i in each)
        return Prepared(names, tuple(described.ftype(i) for i in each), found.stays)

    async def prepare(self, wire: Wire, sql: str, seconds: float, schema: Schema) -> tuple[PGresult, list[str]]:
        """Prepare a statement in the open transaction: its columns, and the trees that came. Raises as `judged`."""
        session.pin(wire, seconds)
        wire.prepare(UNNAMED, sql)
        wire.describe(UNNAMED)
        wire.sync()
        wire.trees()
        try:
            described = (await wire.results())[-1]
        except Failed as failed:
            raise unprepared_by(failed, sql, schema.catalog) from None
        return described, wire.trees()

    def read(self, trees: list[str], schema: Schema) -> Read:
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
        made = Read(reading, engine_reads(reading, schema), keeps_state(reading, schema))
        self._known[key] = made
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return made

    def _compare(
        self,
        found: Read,
        described: PGresult,
        statement: Statement,
        schema: Schema,
        write: Write | None,
        *,
        shown: bool,
    ) -> None:
        """Raises `ToolRefused`. Not ``shown``: what the statement returns is no column of anything."""
        origins = origins_of(described) if shown else ()
        if shown and write is None and found.agreed is statement.expected and found.origins == origins:
            return
        _check_kind(found.reading, schema, write)
        check_calls(found.reading, schema, statement.expected.functions)
        if not shown:
            reconcile.check(statement.expected, replace(found.reads, sources=None, width=None))
            return
        if len(origins) != len(found.reading.outputs):
            raise _unfollowed("another width")
        check_origins(origins, found.reading, schema)
        reconcile.check(statement.expected, found.reads)
        if write is None:
            found.agreed, found.origins = statement.expected, origins


def origins_of(described: PGresult) -> list[Cell]:
    """The relation and column each output column comes from, as far as the server tells; (0, 0) where it does not."""
    return [(described.ftable(i), described.ftablecol(i)) for i in range(described.nfields)]


def _check_kind(reading: Reading, schema: Schema, write: Write | None) -> None:
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


def _unfollowed(why: str) -> ToolRefused:
    logger.info("a query tree could not be read: {}", why)
    return refusals.engine("What the database makes of this statement cannot be followed.", "tree")
