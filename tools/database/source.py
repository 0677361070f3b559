"""One configured database: its engine, its catalog, and what the guard has to know to judge a statement on it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from ..tool import Planning
from .catalog import Catalog, Relation
from .engines import build_engine
from .engines.engine import (
    DatabaseError,
    Engine,
    Level,
    RoleFinding,
    Rows,
    Settings,
    Statement,
    Unreachable,
    Write,
    Written,
)

if TYPE_CHECKING:
    from ..tool import Limits
    from .sql.analysis import Analysis, Expected, GuardSettings

_ATTEMPTS: Final = 4  # to connect at the start: a database in the next container may need a moment
_FIRST_WAIT_SECONDS: Final = 0.2
_ROWS: Final = 1000
_EXPECTED: Final = 512  # expectations kept


class Database:
    """A database the tools work on. Made from its settings, started once, closed once; safe for concurrent calls."""

    def __init__(self, settings: Settings, engine: Engine | None = None) -> None:
        """Raises `DatabaseError` for a URL nobody can serve. ``engine`` stands in for the one the URL names."""
        self.settings = settings
        self._engine = build_engine(settings) if engine is None else engine
        self._expected: OrderedDict[int, tuple[Analysis, str, Expected]] = OrderedDict()

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def dialect(self) -> str:
        return self._engine.dialect

    @property
    def write(self) -> bool:
        return self.settings.write

    async def start(self) -> None:
        """Connect, read the catalog, look at the role. Raises `DatabaseError`, one line.

        A role that could do more than reading stops the start, unless the configuration allows it.
        """
        try:
            await self._engine.start()
        except Unreachable:
            await _again(self._engine.start)
        if self.settings.allow_unsafe_role:
            return
        bad = [finding for finding in await self.examine() if finding.level is Level.BAD]
        if bad:
            mend = f"; {bad[0].mend}" if bad[0].mend else ""
            raise DatabaseError(f"databases.{self.name}: {bad[0].text}{mend}")

    async def close(self) -> None:
        await self._engine.close()

    async def examine(self) -> Sequence[RoleFinding]:
        """What the role could do beneath the guard. Raises `DatabaseError`."""
        return await self._engine.examine()

    async def catalog(self) -> Catalog:
        """The schema as it is now; cheap when nothing changed. Raises `ToolFailed` when it is out of reach."""
        return await self._engine.catalog()

    async def sample(self, relation: Relation, columns: Sequence[str], n: int) -> Sequence[Sequence[object]]:
        """Up to ``n`` rows, raw: for the classification, on the trusted side only."""
        return await self._engine.sample(relation, columns, n)

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
        """Up to ``n`` raw rows, on the trusted side only; see `Paged.page`. Raises `ToolFailed`."""
        return await self._engine.page(relation, columns, n, order=order, after=after, skip=skip)

    async def count(self, relation: Relation) -> int:
        """How many rows there are, on the trusted side only. Raises `ToolFailed`."""
        return await self._engine.count(relation)

    async def guard(self, planning: Planning, *, writes: bool = False) -> GuardSettings:
        """Everything but the text that an analysis on this database depends on."""
        from .sql.analysis import GuardSettings

        settings = self.settings
        return GuardSettings(
            catalog=await self.catalog(),
            rules=await planning.column_rules(self.name),
            inference=settings.inference,
            min_group_size=settings.min_group_size,
            row_cap=settings.limits.rows or _ROWS,
            class_inference=settings.class_inference,
            token_class=planning.token_class,
            writes=writes,
            find_tokens=planning.find_tokens,
            unknown_tokens=planning.unknown_tokens,
        )

    def expected(self, analysis: Analysis, settings: GuardSettings) -> Expected:
        """What the engine may say of an analysed statement at most."""
        from .sql.reconcile import expected_of

        key, version = id(analysis), settings.rules.version
        kept = self._expected.get(key)
        if kept is not None and kept[0] is analysis and kept[1] == version:
            return kept[2]
        made = expected_of(analysis, settings)
        self._expected[key] = (analysis, version, made)
        if len(self._expected) > _EXPECTED:
            self._expected.popitem(last=False)
        return made

    async def query(self, statement: Statement, limits: Limits) -> Rows:
        """Run a judged SELECT or EXPLAIN. Raises `ToolRefused`, `ToolFailed`."""
        return await self._engine.query(statement, limits)

    async def change(self, write: Write, limits: Limits) -> Written:
        """Run a judged INSERT, UPDATE or DELETE, as a whole or not at all. Raises `ToolRefused`, `ToolFailed`."""
        return await self._engine.write(write, limits)


async def _again(connect: Callable[[], Awaitable[None]]) -> None:
    """Connect with growing waits between attempts; nothing else is ever tried twice. Raises `DatabaseError`."""
    from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(Unreachable),
        stop=stop_after_attempt(_ATTEMPTS - 1),
        wait=wait_exponential(multiplier=_FIRST_WAIT_SECONDS, max=2.0),
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            await connect()
