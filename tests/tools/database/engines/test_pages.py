"""Pages and counts, the same on every engine: what exports and search indexes are read by."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import psycopg
import pymysql
import pytest

from gloveport.tools.database.engines.engine import Settings
from gloveport.tools.database.source import Database
from gloveport.tools.tool import ToolFailed

NAME = f"gloveport_pages_{os.getpid()}"
TABLES = (
    "CREATE TABLE t (a INTEGER NOT NULL, b VARCHAR(20) NOT NULL, d DATE, PRIMARY KEY (a, b))",
    "CREATE TABLE k (x INTEGER)",
    *(f"INSERT INTO t VALUES ({i // 3}, 'x{i}', '2020-01-{i + 1:02d}')" for i in range(10)),
    *(f"INSERT INTO k VALUES ({i})" for i in range(7)),
)


@contextmanager
def sqlite_(folder: Path) -> Generator[str]:
    connection = sqlite3.connect(folder / "pages.db")
    for statement in TABLES:
        connection.execute(statement)
    connection.commit()
    connection.close()
    yield f"sqlite:///{folder / 'pages.db'}"


@contextmanager
def duckdb_(folder: Path) -> Generator[str]:
    connection = duckdb.connect(str(folder / "pages.duckdb"))
    for statement in TABLES:
        connection.execute(statement)
    connection.close()
    yield f"duckdb:///{folder / 'pages.duckdb'}"


@contextmanager
def postgresql(url: str) -> Generator[str]:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {NAME}".encode())
        made = f"{url.rpartition('/')[0]}/{NAME}"
        try:
            with psycopg.connect(made, autocommit=True) as connection:
                for statement in TABLES:
                    connection.execute(statement.encode())
            yield made
        finally:
            server.execute(f"DROP DATABASE {NAME} WITH (FORCE)".encode())


@contextmanager
def mariadb(url: str) -> Generator[str]:
    place, _, _ = url.partition("://")[2].rpartition("/")
    login, _, address = place.rpartition("@")
    user, _, password = login.partition(":")
    host, _, port = address.partition(":")
    server = pymysql.connect(host=host, port=int(port or 3306), user=user, password=password, autocommit=True)
    try:
        with server.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {NAME}")
            try:
                cursor.execute(f"USE {NAME}")
                for statement in TABLES:
                    cursor.execute(statement)
                yield f"mysql://{place}/{NAME}"
            finally:
                cursor.execute(f"DROP DATABASE {NAME}")
    finally:
        server.close()


@pytest.fixture(params=["sqlite", "duckdb", "postgresql", "mysql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Database]:
    match request.param:
        case "sqlite":
            made = sqlite_(tmp_path)
        case "duckdb":
            made = duckdb_(tmp_path)
        case "postgresql":
            made = postgresql(request.getfixturevalue("postgres_url"))
        case _:
            made = mariadb(request.getfixturevalue("mariadb_url"))
    with made as url:
        opened = Database(Settings("pages", url, allow_unsafe_role=True))
        await opened.start()
        try:
            yield opened
        finally:
            await opened.close()


async def test_by_key(database: Database) -> None:
    relation = (await database.catalog()).relations["t"]
    found: list[tuple[object, ...]] = []
    after: tuple[object, ...] | None = None
    while rows := await database.page(relation, ["a", "b"], 4, order=("a", "b"), after=after):
        assert len(rows) <= 4
        found += map(tuple, rows)
        after = found[-1]
    assert found == sorted((i // 3, f"x{i}") for i in range(10))
    assert await database.count(relation) == 10


async def test_without_a_key(database: Database) -> None:
    relation = (await database.catalog()).relations["k"]
    found: list[object] = []
    while rows := await database.page(relation, ["x"], 3, skip=len(found)):
        found += [row[0] for row in rows]
    assert sorted(map(int, map(str, found))) == list(range(7))
    assert await database.count(relation) == 7


async def test_values_keep_their_types(database: Database) -> None:
    relation = (await database.catalog()).relations["t"]
    ((first,),) = await database.page(relation, ["d"], 1, order=("a", "b"))
    assert first == ("2020-01-01" if database.dialect == "sqlite" else dt.date(2020, 1, 1))


async def test_what_cannot_be_read_raises(database: Database) -> None:
    gone = replace((await database.catalog()).relations["k"], name="gone")
    with pytest.raises(ToolFailed):
        await database.page(gone, ["x"], 3)
    with pytest.raises(ToolFailed):
        await database.count(gone)
