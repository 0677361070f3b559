"""What an engine does for the database tools: read its own schema, give a second opinion, run one statement.

Everything above this line is the same for all engines (`source.Database`, the tools, the guard); everything an engine
does differently is behind `Engine`. An engine never sees the agent's text: only what the guard regenerated.

One query, seen from here. `Engine.query` opens a read-only transaction, *prepares* the statement, asks the engine what
that would read (`EngineReads`), lets `reconcile.check` compare it with what the guard found (`Expected`), and only then
executes, within the limits. Whatever happens, the transaction is rolled back and the connection is clean afterwards.
Cancellation and the deadline end the work in the database too, not only the waiting for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from ...tool import Limits
from ..catalog import Catalog, Relation
from ..sql.analysis import Expected, Inference
from .caps import USUAL_LIMITS


class DatabaseError(Exception):
    """A database cannot be used. The text is one line for the operator: which database, what, how to mend; never a
    password, never a driver's text that may hold values."""


class Unreachable(DatabaseError):
    """It cannot be reached now; the start tries a few times more."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One database, as configured.

    What concerns the guard alone (``inference``, ``class_inference``, ``min_group_size``) stands here too, so that one
    object says everything of a database; engines do not look at it.
    """

    name: str
    url: str
    tables: tuple[str, ...] | None = None  # None: every table and view is open
    deny: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    write: bool = False
    allow_unsafe_role: bool = False
    limits: Limits = USUAL_LIMITS
    inference: Inference = Inference.STRICT
    class_inference: Mapping[str, Inference] = field(default_factory=lambda: MappingProxyType({}))
    min_group_size: int = 5


@dataclass(frozen=True, slots=True)
class Statement:
    """What is executed: regenerated text, values for its placeholders in order, and what it may read at most.

    A value is `UNKNOWN` when its token names nothing: it must behave as a value that no row has. ``version`` is that of
    the catalog the statement was decided on ("": any); an engine whose catalog is another by the time it runs raises
    `ToolFailed` (``schema-changed``, retryable).
    """

    sql: str
    values: Sequence[object]
    expected: Expected
    version: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """A statement that changes rows. ``preview`` counts the rows that would change, in the same transaction; more than
    ``most_rows`` are refused before anything is written. ``statement`` may return rows (RETURNING). ``target`` is the
    table it changes (qualified name)."""

    statement: Statement
    preview: Statement | None
    most_rows: int
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Raw rows. ``types`` are the engine's names of the column types, as they are shown to the agent."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[object, ...]]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did."""

    changed: int
    returned: Rows | None = None


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"  # the server does not start, unless the configuration says ``allow_unsafe_role``


@dataclass(frozen=True, slots=True)
class RoleFinding:
    """One thing that was looked at on the role, the file or the server, for the start and for ``gloveport doctor``.
    ``mend`` is what to do: a sentence, or the SQL that makes a right role."""

    level: Level
    text: str
    mend: str = ""


class Paged(Protocol):
    """What exports and search indexes read by, on the trusted side only: raw rows."""

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
        """Up to ``n`` rows.

        ``order`` are the columns of a unique key; of these rows only those behind ``after`` (values of ``order``) are
        given. Without ``order`` they come as the engine keeps them, and ``skip`` rows are passed over. Fewer than
        ``n`` may come before the end; none means the end. Raises `ToolFailed`.
        """
        ...

    async def count(self, relation: Relation) -> int:
        """How many rows there are. Raises `ToolFailed`."""
        ...


class Engine(Paged, Protocol):
    """One database behind one driver. All methods are safe to call concurrently."""

    @property
    def dialect(self) -> str:
        """sqlite | postgresql | mysql | duckdb: the guard's profile."""
        ...

    async def start(self) -> None:
        """Connect and read the catalog once. Raises `DatabaseError`."""
        ...

    async def close(self) -> None:
        """End everything that runs and let go of every connection and process."""
        ...

    async def examine(self) -> Sequence[RoleFinding]:
        """Look at what the role could do beneath the guard. Raises `DatabaseError` when it cannot connect."""
        ...

    async def catalog(self) -> Catalog:
        """The schema as it is now. Cheap when nothing changed: it is asked on every call."""
        ...

    async def sample(self, relation: Relation, columns: Sequence[str], n: int) -> Sequence[Sequence[object]]:
        """Up to ``n`` rows for the classification; trusted side only."""
        ...

    async def query(self, statement: Statement, limits: Limits) -> Rows:
        """Run a SELECT or EXPLAIN. Raises `ToolRefused` (the engine's reading differs, or its prepare complains in
        words the agent may see) or `ToolFailed` (fixed sentences)."""
        ...

    async def write(self, write: Write, limits: Limits) -> Written:
        """Run an INSERT, UPDATE or DELETE in one transaction; committed as a whole or not at all. Raises as `query`."""
        ...
