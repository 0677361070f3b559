"""What the tests of every engine share: an engine behind the guard's judgement, and short ways to have a text run."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from gloveport.tests.tools.database.sql.clinic import Rules, rule
from gloveport.tools.database.engines.engine import Engine, Rows, Statement, Write, Written
from gloveport.tools.database.sql import guard, reconcile
from gloveport.tools.database.sql.analysis import GuardSettings, Inference
from gloveport.tools.tool import Limits

LIMITS = Limits(rows=1000, seconds=5.0, bytes=1_000_000)
RULES = Rules({"patients.email": rule("email", match_literal=True)})

EngineT = TypeVar("EngineT", bound=Engine)


@dataclass
class GuardedEngine(Generic[EngineT]):
    """An engine, and the guard's judgement in front of it."""

    engine: EngineT

    async def settings(self, **changes: Any) -> GuardSettings:
        return replace(GuardSettings(await self.engine.catalog(), RULES, Inference.RELAXED), **changes)

    async def statement(self, sql: str, *values: object, **changes: Any) -> Statement:
        settings = await self.settings(**changes)
        analysis = guard.analyse(sql, settings)
        return Statement(analysis.sql, values, reconcile.expected_of(analysis, settings), settings.catalog.version)

    async def query(self, sql: str, *values: object, **limits: Any) -> Rows:
        return await self.engine.query(await self.statement(sql, *values), replace(LIMITS, **limits))

    async def unjudged(self, sql: str, like: str, *values: object, **limits: Any) -> Rows:
        """Run a text that the guard never saw, under the expectation of another: what the engine alone must stop."""
        statement = replace(await self.statement(like), sql=sql, values=values)
        return await self.engine.query(statement, replace(LIMITS, **limits))

    async def change(self, sql: str, *values: object, most: int = 100, **limits: Any) -> Written:
        settings = await self.settings(writes=True)
        analysis = guard.analyse(sql, settings)
        expected = reconcile.expected_of(analysis, settings)
        statement = Statement(analysis.sql, values, expected, settings.catalog.version)
        preview = None
        if analysis.preview_sql is not None:
            chosen = [values[i] for i in analysis.preview_slots]
            preview = replace(statement, sql=analysis.preview_sql, values=chosen)
        return await self.engine.write(Write(statement, preview, most, analysis.target), replace(LIMITS, **limits))


@asynccontextmanager
async def started(engine: EngineT) -> AsyncGenerator[EngineT]:
    """An engine in use; what it holds is let go of whatever happens, a start that fails included."""
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()
