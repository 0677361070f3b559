"""Random views on twin databases: open cells are equal, masked ones differ. A column of a view that the guard takes for
an open one must hold the same on both, whatever the view is made of."""

from __future__ import annotations

import os
import random
import secrets
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import duckdb
import psycopg
import pymysql

from gloveport.tests.tools.database.sql.clinic import Rules, rule
from gloveport.tests.tools.database.sql.random_views import GENERATED, MAY_BE_MASKED, TABLES, RandomViews, View
from gloveport.tools.database.catalog import Catalog, Column, Relation, RelationKind
from gloveport.tools.database.engines.sqlite.ddl import view_definition
from gloveport.tools.database.sql import walk
from gloveport.tools.database.sql.analysis import GuardSettings
from gloveport.tools.tool import OutputForm

ROWS = 6
Rows = Sequence[Sequence[object]]
MACROS = (
    "CREATE MACRO own_macro(v) AS v || 'm'",
    "CREATE MACRO own_reader(v) AS (SELECT max(b) FROM t1 WHERE id = v)",
    "CREATE MACRO lower(v) AS (SELECT min(d) FROM t2)",
)
READER = "CREATE FUNCTION own_reader(v text) RETURNS text READS SQL DATA RETURN (SELECT max(b) FROM t1 WHERE id = v)"


@dataclass
class Tally:
    tried: int = 0
    invalid: int = 0  # not taken by the engine, or failing on both
    closed: int = 0  # by the guard
    compared: int = 0  # open columns


class Invalid(Exception):
    """The engine does not take it."""


class Side(Protocol):
    """One of the twins."""

    def run(self, sql: str) -> Rows: ...

    def view(self, name: str) -> tuple[str | None, list[str]]:
        """The body as the catalog gives it, and the columns."""
        ...


@dataclass(frozen=True)
class Lite:
    connection: sqlite3.Connection = field(default_factory=lambda: sqlite3.connect(":memory:"))

    def run(self, sql: str) -> Rows:
        try:
            return self.connection.execute(sql).fetchall()
        except sqlite3.Error as error:
            raise Invalid(str(error)) from None

    def view(self, name: str) -> tuple[str | None, list[str]]:
        ((sql,),) = self.run(f"SELECT sql FROM sqlite_master WHERE name = '{name}'")
        return view_definition(str(sql)), [str(row[1]) for row in self.run(f"PRAGMA table_info({name})")]


@dataclass(frozen=True)
class Duck:
    connection: duckdb.DuckDBPyConnection = field(default_factory=lambda: duckdb.connect(":memory:"))

    def run(self, sql: str) -> Rows:
        try:
            return self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise Invalid(str(error)) from None

    def view(self, name: str) -> tuple[str | None, list[str]]:
        ((sql,),) = self.run(f"SELECT sql FROM duckdb_views() WHERE view_name = '{name}'")
        named = "SELECT column_name FROM duckdb_columns() WHERE table_name"
        return str(sql), [str(row[0]) for row in self.run(f"{named} = '{name}' ORDER BY column_index")]


@dataclass(frozen=True)
class Postgres:
    connection: psycopg.Connection
    schema: str

    def run(self, sql: str) -> Rows:
        self.connection.execute(f"SAVEPOINT one; SET LOCAL search_path = {self.schema}".encode())
        try:
            cursor = self.connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else ()
        except psycopg.Error as error:
            self.connection.execute("ROLLBACK TO one")
            raise Invalid(str(error)) from None

    def view(self, name: str) -> tuple[str | None, list[str]]:
        self.connection.execute("SET LOCAL search_path = pg_catalog")
        ((sql,),) = self.connection.execute(
            f"SELECT pg_get_viewdef('{self.schema}.{name}'::regclass)".encode()
        ).fetchall()
        kept = f"attrelid = '{self.schema}.{name}'::regclass AND attnum > 0"
        return str(sql), [
            str(row[0]) for row in self.run(f"SELECT attname FROM pg_attribute WHERE {kept} ORDER BY attnum")
        ]


@dataclass(frozen=True)
class Maria:
    connection: pymysql.Connection
    database: str

    def run(self, sql: str) -> Rows:
        cursor = self.connection.cursor()
        try:
            cursor.execute(f"USE {self.database}")
            cursor.execute(sql)
            return cursor.fetchall()
        except pymysql.Error as error:
            raise Invalid(str(error)) from None

    def view(self, name: str) -> tuple[str | None, list[str]]:
        where = f"WHERE table_schema = '{self.database}' AND table_name = '{name}'"
        ((sql,),) = self.run(f"SELECT view_definition FROM information_schema.views {where}")
        columns = self.run(f"SELECT column_name FROM information_schema.columns {where} ORDER BY ordinal_position")
        return None if sql is None else str(sql), [str(row[0]) for row in columns]


class Twins:
    """Two databases, and what the guard knows of them."""

    def __init__(self, dialect: str, sides: tuple[Side, Side], seed: int, schema: str) -> None:
        self._dialect, self._sides, self._schema = dialect, sides, schema
        masked = some_masked(seed)
        self._rules = Rules({name: rule("person") for name in masked}, f"{sorted(masked)}")
        self._relations = {name: self._table(name) for name in TABLES}
        for number, side in enumerate(sides):
            self._build(side, number, masked, seed)

    def _table(self, name: str) -> Relation:
        columns = [Column(c, "text", primary_key=c == "id") for c in TABLES[name]]
        columns += [Column(c, "text", generated=e) for c, e in self._generated(name).items()]
        return Relation(name, None, RelationKind.TABLE, tuple(columns))

    def _generated(self, table: str) -> dict[str, str]:
        if self._dialect == "postgresql":
            return {}
        made = dict(GENERATED.get(table, {}))
        if self._dialect == "sqlite":  # concat() is of later versions
            made = {name: text.replace("concat(g, 'h')", "g || 'h'") for name, text in made.items()}
            made = {name: text.replace("json_extract(j, '$.k')", "j -> '$.k'") for name, text in made.items()}
        return made

    def _build(self, side: Side, number: int, masked: frozenset[str], seed: int) -> None:
        kind = "varchar(60)" if self._dialect == "mysql" else "text"
        for table, columns in TABLES.items():
            typed = [f"{c} {kind}{' PRIMARY KEY' if c == 'id' else ''}" for c in columns]
            typed += [f"{c} {kind} GENERATED ALWAYS AS ({e})" for c, e in self._generated(table).items()]
            side.run(f"CREATE TABLE {table} ({', '.join(typed)})")
            shared, own = random.Random(f"{seed} {table}"), random.Random(f"{seed} {table} {number}")
            for row in range(ROWS):
                cells: list[str] = []
                for column in columns:
                    source = own if f"{table}.{column}" in masked else shared
                    value = f"{source.choice('abcx')}{source.randrange(3)}"
                    value = f"'{'abcx'[row % 4]}{row // 4}'" if column == "id" else f"'{value}'"
                    if column == "j":
                        value = f"""'{{"k": "{value.strip("'")}"}}'"""
                    missing = shared.random() < 0.1  # on both: how many there are may be counted
                    cells.append("NULL" if missing and column not in ("id", "j") else value)
                side.run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(cells)})")
        for text in MACROS if self._dialect == "duckdb" else [READER] if self._dialect == "mysql" else ():
            side.run(text)

    def compare(self, view: View, tally: Tally) -> tuple[View | None, str | None]:
        """Create a view on both and look. Returns the view with the columns it has, None when it is not to be used by
        others; and how the twins differ, in words, None when they do not."""
        tally.tried += 1
        listed = f" ({', '.join(view.columns)})" if view.columns and tally.tried % 2 else ""
        try:
            for side in self._sides:
                side.run(f"CREATE VIEW {view.name}{listed} AS {view.body}")
            answers = [side.run(f"SELECT * FROM {view.name}") for side in self._sides]
            body, columns = self._sides[0].view(view.name)
        except Invalid:
            tally.invalid += 1
            return None, None
        relation = Relation(
            view.name, None, RelationKind.VIEW, tuple(Column(c, "text") for c in columns), definition=body
        )
        self._relations[view.name] = relation
        shape = walk.shapes_for(self._settings(view.name)).of(relation)
        if shape.opaque:
            tally.closed += 1
            return None, None
        hidden = [
            column.form is not OutputForm.COUNT and any(self._rules.get(source) for source in column.sources)
            for column in shape.columns
        ]
        tally.compared += hidden.count(False)
        shown = [
            sorted(([h or v for h, v in zip(hidden, row, strict=True)] for row in rows), key=str) for rows in answers
        ]
        differs = None if shown[0] == shown[1] else f"{body}\n  {hidden}\n  {shown[0]}\n  {shown[1]}"
        return (view if view.columns else None), differs

    def _settings(self, version: str) -> GuardSettings:
        catalog = Catalog(
            "twins",
            self._dialect,
            version,
            dict(self._relations),
            frozenset(self._relations),
            default_schema=self._schema,
            macros=frozenset({"own_macro", "own_reader", "lower"} if self._dialect == "duckdb" else ()),
        )
        return GuardSettings(catalog, self._rules)


def some_masked(seed: int) -> frozenset[str]:
    chosen = random.Random(seed)
    return frozenset(chosen.sample(MAY_BE_MASKED, chosen.randint(1, 3)))


@contextmanager
def twins(dialect: str, url: str, seed: int) -> Generator[Twins]:
    """On an engine in this process, or on a server where databases or schemas may be made; nothing stays behind."""
    name = f"views_{os.getpid()}_{secrets.token_hex(4)}"
    first, second = f"{name}_a", f"{name}_b"
    if dialect == "sqlite":
        yield Twins(dialect, (Lite(), Lite()), seed, "main")
    elif dialect == "duckdb":
        yield Twins(dialect, (Duck(), Duck()), seed, "main")
    elif dialect == "postgresql":
        with psycopg.connect(url) as connection:
            connection.execute(f"CREATE SCHEMA {first}; CREATE SCHEMA {second}".encode())
            yield Twins(dialect, (Postgres(connection, first), Postgres(connection, second)), seed, first)
            connection.rollback()
    else:
        with closing(administrator(url)) as server:
            try:
                for side in (first, second):
                    server.cursor().execute(f"CREATE DATABASE {side}")
                yield Twins(dialect, (Maria(server, first), Maria(server, second)), seed, first)
            finally:
                for side in (first, second):
                    server.cursor().execute(f"DROP DATABASE IF EXISTS {side}")


def administrator(url: str) -> pymysql.Connection:
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=parts.username or "root",
        password=parts.password or "",
        autocommit=True,
    )


def run(dialect: str, url: str, seed: int, views: int, tally: Tally) -> list[str]:
    """That many views on one pair of twins, those of before among their sources. Returns how the twins differ."""
    found: list[str] = []
    generator = RandomViews(dialect, seed)
    with twins(dialect, url, seed) as pair:
        for i in range(views):
            view = generator.star(f"v{i}") if i % 5 == 4 else generator.view(f"v{i}")
            usable, differs = pair.compare(view, tally)
            if usable is not None:
                generator.views.append(usable)
            if differs is not None:
                found.append(f"{view.body}\n  {differs}")
    return found
