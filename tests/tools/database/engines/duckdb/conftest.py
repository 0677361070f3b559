"""A real DuckDB file, an engine on it, and short ways to have a text judged and run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pytest

from gloveport.tools.database.engines.duckdb.engine import DuckDBEngine
from gloveport.tools.database.engines.engine import Rows, Settings, Statement, Write, Written
from gloveport.tools.database.sql import guard, reconcile
from gloveport.tools.database.sql.analysis import GuardSettings, Inference
from gloveport.tools.tool import ColumnRef, ColumnRule, Limits, Mask

SCHEMA = """
CREATE SCHEMA hr;
CREATE TABLE patients (id INTEGER PRIMARY KEY, name VARCHAR, email VARCHAR UNIQUE, city VARCHAR, born DATE,
  cost DECIMAL(8,2), seen TIMESTAMPTZ, tags VARCHAR[], home STRUCT(street VARCHAR, code VARCHAR), big HUGEINT,
  tail VARCHAR GENERATED ALWAYS AS (substr(email, 1, 3)));
CREATE TABLE visits (id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id), kind VARCHAR NOT NULL,
  n INTEGER CHECK (n < 1000));
CREATE TABLE hr.staff (id INTEGER, email VARCHAR);
CREATE TABLE api_keys (id INTEGER, secret VARCHAR);
CREATE VIEW contacts AS SELECT id, email AS handle FROM patients WHERE city IS NOT NULL;
CREATE MACRO add_tax(x) AS x * 1.2;
CREATE MACRO all_secrets() AS TABLE SELECT secret FROM api_keys;
COMMENT ON TABLE patients IS 'people we treat';
INSERT INTO patients (id, name, email, city, born, cost, seen, tags, home, big)
  SELECT i, 'name ' || i, 'p' || i || '@example.org', CASE WHEN i % 2 = 0 THEN 'Oslo' ELSE 'Bergen' END,
  DATE '1950-01-01' + i::INTEGER, i * 1.25, TIMESTAMPTZ '2024-01-01 10:00:00+00', ['a', 'b'],
  {'street': 's' || i, 'code': '0'}, 170141183460469231731687303715884105727 FROM range(1, 301) t(i);
INSERT INTO visits SELECT i, 1 + i % 300, 'check', i FROM range(1, 601) t(i);
INSERT INTO api_keys VALUES (1, 'hidden');
CREATE INDEX by_city ON patients (city);
"""
LIMITS = Limits(rows=1000, seconds=5.0, bytes=1_000_000)


@dataclass(frozen=True)
class Rules:
    """Column rules from a dictionary by ``table.column``."""

    columns: Mapping[str, ColumnRule] = field(
        default_factory=lambda: {"patients.email": ColumnRule("email", Mask.TOKEN, "config", match_literal=True)}
    )
    version: str = "1"

    def get(self, column: ColumnRef) -> ColumnRule | None:
        return self.columns.get(f"{column.table}.{column.column}")


@dataclass
class Clinic:
    """An engine, and the guard's judgement in front of it."""

    engine: DuckDBEngine
    path: Path
    limits: Limits = LIMITS

    async def settings(self, **more: object) -> GuardSettings:
        settings = GuardSettings(catalog=await self.engine.catalog(), rules=Rules(), inference=Inference.RELAXED)
        return replace(settings, **more)

    async def statement(self, sql: str, *values: object, **more: object) -> Statement:
        settings = await self.settings(**more)
        analysis = guard.analyse(sql, settings)
        return Statement(analysis.sql, values, reconcile.expected_of(analysis, settings), settings.catalog.version)

    async def query(self, sql: str, *values: object, **limits: object) -> Rows:
        return await self.engine.query(await self.statement(sql, *values), replace(self.limits, **limits))

    async def unjudged(self, sql: str, like: str, *values: object, **limits: object) -> Rows:
        """Run a text that the guard never saw, under the expectation of another."""
        statement = replace(await self.statement(like), sql=sql, values=values)
        return await self.engine.query(statement, replace(self.limits, **limits))

    async def change(self, sql: str, *values: object, most: int = 100, **limits: object) -> Written:
        settings = await self.settings(writes=True)
        analysis = guard.analyse(sql, settings)
        expected = reconcile.expected_of(analysis, settings)
        statement = Statement(analysis.sql, values, expected, settings.catalog.version)
        preview = None
        if analysis.preview_sql is not None:
            chosen = [values[i] for i in analysis.preview_slots]
            preview = Statement(analysis.preview_sql, chosen, expected, settings.catalog.version)
        write = Write(statement, preview, most, analysis.target)
        return await self.engine.write(write, replace(self.limits, **limits))


@asynccontextmanager
async def open_clinic(path: Path, **more: object) -> AsyncGenerator[Clinic]:
    settings = Settings("clinic", f"duckdb:///{path}", deny=("api_keys",), functions=("add_tax",))
    engine = DuckDBEngine(replace(settings, **more))
    await engine.start()
    try:
        yield Clinic(engine, path)
    finally:
        await engine.close()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("duckdb") / "clinic.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(SCHEMA)
    return path


@pytest.fixture
async def clinic(made: Path) -> AsyncGenerator[Clinic]:
    async with open_clinic(made) as opened:
        yield opened
