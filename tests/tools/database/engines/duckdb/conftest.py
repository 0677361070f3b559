"""A real DuckDB file, an engine on it, and short ways to have a text judged and run."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gloveport.tests.tools.database.engines.engine_kit import GuardedEngine, started
from gloveport.tools.database.engines.duckdb.engine import DuckDBEngine
from gloveport.tools.database.engines.engine import Settings

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


@dataclass
class Clinic(GuardedEngine[DuckDBEngine]):
    """The guarded engine, and the file it reads."""

    path: Path


@asynccontextmanager
async def open_clinic(path: Path, **more: Any) -> AsyncGenerator[Clinic]:
    settings = Settings("clinic", f"duckdb:///{path}", deny=("api_keys",), functions=("add_tax",))
    async with started(DuckDBEngine(replace(settings, **more))) as engine:
        yield Clinic(engine, path)


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
