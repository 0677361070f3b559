"""A real SQLite file, an engine on it, and short ways to have a text judged and run."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gloveport.tools.database.engines.engine import Rows, Settings, Statement, Write, Written
from gloveport.tools.database.engines.sqlite.engine import SQLiteEngine
from gloveport.tools.database.sql import guard, reconcile
from gloveport.tools.database.sql.analysis import GuardSettings, Inference
from gloveport.tools.tool import ColumnRef, ColumnRule, Limits, Mask

SCHEMA = """
CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE, city TEXT, age INTEGER CHECK (age < 150),
  tail TEXT GENERATED ALWAYS AS (substr(email, 1, 3)) VIRTUAL);
CREATE TABLE visits (id INTEGER PRIMARY KEY, patient INTEGER NOT NULL REFERENCES patients(id), kind TEXT);
CREATE TABLE log (what TEXT);
CREATE TABLE api_keys (id INTEGER PRIMARY KEY, secret TEXT);
CREATE INDEX by_email ON patients (email);
CREATE VIEW contacts AS SELECT id, email AS handle FROM patients;
CREATE TRIGGER visits_log AFTER DELETE ON visits BEGIN INSERT INTO log VALUES ('gone'); END;
CREATE VIRTUAL TABLE found USING fts5 (name, content='patients', content_rowid='id');
"""
PATIENTS = 200
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

    engine: SQLiteEngine
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

    def raw(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Past the engine, as the owner of the file."""
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA synchronous = OFF")  # a test's disk need not survive a power cut
        try:
            with connection:
                return connection.execute(sql, values).fetchall()
        finally:
            connection.close()


def make(path: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA)
    people = [(f"Name {i}", f"p{i}@mail.test", f"City {i % 7}", i % 90) for i in range(PATIENTS)]
    connection.executemany("INSERT INTO patients (name, email, city, age) VALUES (?, ?, ?, ?)", people)
    connection.executemany("INSERT INTO visits (patient, kind) VALUES (?, 'check')", [(i + 1,) for i in range(50)])
    connection.execute("INSERT INTO api_keys (secret) VALUES ('hush')")
    connection.execute("INSERT INTO found (found) VALUES ('rebuild')")
    connection.commit()
    connection.close()
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("clinic") / "clinic.db")


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path))


@asynccontextmanager
async def opened(path: Path, **more: object) -> AsyncGenerator[Clinic]:
    engine = SQLiteEngine(Settings("clinic", f"sqlite:///{path}", **more))
    try:
        await engine.start()
        yield Clinic(engine, path)
    finally:
        await engine.close()


Opened = Callable[..., "AsyncGenerator[Clinic]"]


@pytest.fixture
def open_clinic() -> Opened:
    """Opens an engine on a file: ``async with open_clinic(path, write=True) as clinic``."""
    return opened


@pytest.fixture
async def clinic(database: Path) -> AsyncGenerator[Clinic]:
    async with opened(database, write=True, deny=("api_keys",)) as made:
        yield made


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        if not Path("/proc/self").exists():
            os.kill(pid, 0)
            return True
        return False
    return state != "Z"


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    return alive
