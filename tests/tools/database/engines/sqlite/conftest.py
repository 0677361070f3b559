"""A real SQLite file, an engine on it, and short ways to have a text judged and run."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gloveport.tests.tools.database.engines.engine_kit import GuardedEngine, started
from gloveport.tools.database.engines.engine import Settings
from gloveport.tools.database.engines.sqlite.engine import SQLiteEngine
from gloveport.tools.tool import ToolFailed, ToolRefused

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


@dataclass
class Clinic(GuardedEngine[SQLiteEngine]):
    """The guarded engine, and the file it reads."""

    path: Path

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
async def open_clinic(path: Path | str, **more: Any) -> AsyncGenerator[Clinic]:
    async with started(SQLiteEngine(Settings("clinic", f"sqlite:///{path}", **more))) as engine:
        yield Clinic(engine, Path(path))


@pytest.fixture
async def clinic(database: Path) -> AsyncGenerator[Clinic]:
    async with open_clinic(database, write=True, deny=("api_keys",)) as opened:
        yield opened


async def failure(answer: Awaitable[object]) -> ToolFailed:
    with pytest.raises(ToolFailed) as caught:
        await answer
    return caught.value


async def refusal(answer: Awaitable[object]) -> ToolRefused:
    with pytest.raises(ToolRefused) as caught:
        await answer
    return caught.value
