"""The twin databases of `make sql-cases`, on each kind of database. SQLite and PostgreSQL have their own scripts; the
data of the others is copied from SQLite's."""

from __future__ import annotations

import os
import re
import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import Any, Protocol

ROLE = "gloveport_cases"
Columns = dict[str, list[str]]  # by table


class Unavailable(Exception):
    """There is no such database here; the text says which."""


class Twins(Protocol):
    def build(self, side: str) -> tuple[str, Columns]:
        """Make one twin. Returns its URL for a role without rights, and the columns of its tables."""
        ...

    def rows(self, side: str, sql: str) -> tuple[list[str], list[tuple[Any, ...]]] | None:
        """What the bare database answers; None for an error."""
        ...

    def close(self) -> None: ...


def script(folder: Path, dialect: str, side: str) -> str:
    names = (f"schema.{dialect}.sql", f"data_{side}.{dialect}.sql", f"post_load.{dialect}.sql")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


class SQLiteTwins:
    def __init__(self, folder: Path, work: Path) -> None:
        self._folder, self._work = folder, work

    def path(self, side: str) -> Path:
        return self._work / f"{side}.db"

    def build(self, side: str) -> tuple[str, Columns]:
        connection = sqlite3.connect(self.path(side))
        try:
            connection.executescript(script(self._folder, "sqlite", side))
            tables = [r[0] for r in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            columns = {t: [r[1] for r in connection.execute(f'PRAGMA table_xinfo("{t}")')] for t in tables}
        finally:
            connection.close()
        return f"sqlite:///{self.path(side)}", columns

    def rows(self, side: str, sql: str) -> tuple[list[str], list[tuple[Any, ...]]] | None:
        connection = sqlite3.connect(self.path(side))
        try:
            cursor = connection.execute(sql)
            return [column[0] for column in cursor.description or ()], cursor.fetchall()
        except sqlite3.Error:
            return None
        finally:
            connection.close()

    def close(self) -> None:
        """The files go with their folder."""


class PostgreSQLTwins:
    def __init__(self, folder: Path, work: Path) -> None:
        import psycopg

        self._psycopg = psycopg
        self._folder = folder
        self._server = os.environ.get("GLOVEPORT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
        self._made: list[str] = []
        try:
            psycopg.connect(self._server, connect_timeout=3).close()
        except psycopg.OperationalError:
            raise Unavailable("no PostgreSQL at 127.0.0.1:5432; set GLOVEPORT_TEST_POSTGRES") from None

    def _at(self, name: str) -> str:
        return f"{self._server.rpartition('/')[0]}/{name}"

    def _run(self, url: str, *statements: str) -> None:
        with self._psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def build(self, side: str) -> tuple[str, Columns]:
        name = f"{ROLE}_{side}_{os.getpid()}"
        self._made.append(name)
        self._run(self._server, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
        self._run(self._at(name), script(self._folder, "postgresql", side))
        with self._psycopg.connect(self._server, autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone() is None:
                connection.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOINHERIT".encode())
        grants = [f"REVOKE TEMP ON DATABASE {name} FROM PUBLIC", f"ALTER ROLE {ROLE} SET log_min_messages = 'fatal'"]
        for schema in ("public", "hr"):
            grants.append(f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC")
            grants.append(f"GRANT USAGE ON SCHEMA {schema} TO {ROLE}")
            grants.append(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {ROLE}")
        self._run(self._at(name), *grants, f"REVOKE ALL ON api_keys FROM {ROLE}")
        with self._psycopg.connect(self._at(name)) as connection:
            columns: Columns = defaultdict(list)
            found = connection.execute(
                "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 "
                "AND n.nspname IN ('public', 'hr')"
            )
            for schema, table, column in found:
                columns[table if schema == "public" else f"{schema}.{table}"].append(column)
        at = self._server.rpartition("/")[0]
        host = at.partition("@")[2] or at.partition("://")[2]
        return f"postgresql+psycopg://{ROLE}@{host}/{name}", dict(columns)

    def rows(self, side: str, sql: str) -> tuple[list[str], list[tuple[Any, ...]]] | None:
        try:
            with self._psycopg.connect(self._at(f"{ROLE}_{side}_{os.getpid()}"), autocommit=True) as connection:
                cursor = connection.execute(sql.encode())
                return [column.name for column in cursor.description or ()], cursor.fetchall()
        except self._psycopg.Error:
            return None

    def close(self) -> None:
        for name in self._made:
            self._run(self._server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class Copied:
    """What the copies have in common: SQLite's tables in another database's types."""

    quote = '"'
    mark = "?"
    texts = "VARCHAR"
    number = "DOUBLE"

    def __init__(self, folder: Path, work: Path) -> None:
        self._source = SQLiteTwins(folder, work)
        self._connections: dict[str, Any] = {}

    def quoted(self, name: str) -> str:
        return f"{self.quote}{name}{self.quote}"

    def fill(self, cursor: Any, side: str) -> Columns:
        """Make the tables of one side, with their rows. Returns their columns."""
        made, rows, columns = self.statements(side)
        for statement in made:
            cursor.execute(statement)
        for table, values in rows.items():
            if values:
                stored = [c for c in columns[table] if c != "ssn_tail"]
                names = ", ".join(map(self.quoted, stored))
                marks = ", ".join([self.mark] * len(stored))
                cursor.executemany(f"INSERT INTO {self.quoted(table)} ({names}) VALUES ({marks})", values)
        return columns

    def statements(self, side: str) -> tuple[list[str], dict[str, list[tuple[Any, ...]]], Columns]:
        """DDL, rows by table, columns by table."""
        connection = sqlite3.connect(self._source.path(side))
        try:
            found = connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid").fetchall()
            made: list[str] = []
            rows: dict[str, list[tuple[Any, ...]]] = {}
            columns: Columns = {}
            for kind, name, sql in found:
                if kind == "view":
                    made.append(self.view(sql))
                if kind == "index" and sql:
                    made.append(sql)
                if kind != "table" or name.startswith(("notes_fts", "sqlite_")):
                    continue
                info = connection.execute(f'PRAGMA table_xinfo("{name}")').fetchall()
                columns[name] = [row[1] for row in info]
                made.append(self._table(name, info))
                stored = ", ".join(f'"{row[1]}"' for row in info if row[6] == 0)
                rows[name] = connection.execute(f'SELECT {stored} FROM "{name}"').fetchall()
        finally:
            connection.close()
        tables = [statement for statement in made if statement.startswith("CREATE TABLE")]
        return tables + [statement for statement in made if statement not in tables], rows, columns

    def _table(self, name: str, info: list[tuple[Any, ...]]) -> str:
        parts: list[str] = []
        for _, column, type_, _, _, _, hidden in info:
            made = {"INTEGER": "BIGINT", "REAL": self.number}.get(type_, self.texts)
            made = "DATE" if column.endswith("_on") or column == "dob" else made
            made += " GENERATED ALWAYS AS (substr(ssn, 8, 4))" if hidden else ""
            parts.append(f"{self.quoted(column)} {made}")
        keys = [self.quoted(row[1]) for row in sorted(info, key=lambda row: row[5]) if row[5]]
        return f"CREATE TABLE {self.quoted(name)} ({', '.join(parts)}, PRIMARY KEY ({', '.join(keys)}))"

    def view(self, sql: str) -> str:
        return sql

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


class MariaDBTwins(Copied):
    quote = "`"
    mark = "%s"
    texts = "VARCHAR(300)"

    def __init__(self, folder: Path, work: Path) -> None:
        super().__init__(folder, work)
        import pymysql

        self._driver = pymysql
        given = os.environ.get("GLOVEPORT_TEST_MARIADB", "mysql://root@127.0.0.1:3306/mysql")
        match = re.match(r"\w+(?:\+\w+)?://([^:@/]+)(?::([^@/]*))?@([^:/]+)(?::(\d+))?", given)
        if match is None:
            raise Unavailable("GLOVEPORT_TEST_MARIADB is no mysql://USER@HOST:PORT/ URL")
        user, password, self._host, port = match.groups()
        self._port = int(port or 3306)
        self._login = {"user": user, "password": password or "", "host": self._host, "port": self._port}
        try:
            pymysql.connect(**self._login, connect_timeout=3).close()
        except pymysql.MySQLError:
            raise Unavailable("no MariaDB at 127.0.0.1:3306; set GLOVEPORT_TEST_MARIADB") from None

    def view(self, sql: str) -> str:
        return sql.replace("upper(full_name) || ' <' || email || '>'", "concat(upper(full_name), ' <', email, '>')")

    def build(self, side: str) -> tuple[str, Columns]:
        self._source.build(side)
        name = f"{ROLE}_{side}_{os.getpid()}"
        connection = self._driver.connect(**self._login, autocommit=True)
        self._connections[side] = connection
        cursor = connection.cursor()
        cursor.execute(f"CREATE OR REPLACE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        cursor.execute(f"USE {name}")
        columns = self.fill(cursor, side)
        cursor.execute(f"CREATE USER IF NOT EXISTS {ROLE}@'%'")
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (name,))
        for (table,) in cursor.fetchall():
            if table != "api_keys":
                cursor.execute(f"GRANT SELECT, SHOW VIEW ON {name}.{self.quoted(table)} TO {ROLE}@'%'")
        return f"mysql+pymysql://{ROLE}@{self._host}:{self._port}/{name}", columns

    def rows(self, side: str, sql: str) -> tuple[list[str], list[tuple[Any, ...]]] | None:
        cursor = self._connections[side].cursor()
        try:
            cursor.execute(sql)
            return [column[0] for column in cursor.description or ()], list(cursor.fetchall())
        except self._driver.MySQLError:
            return None
        finally:
            cursor.close()

    def close(self) -> None:
        for side, connection in self._connections.items():
            connection.cursor().execute(f"DROP DATABASE IF EXISTS {ROLE}_{side}_{os.getpid()}")
        super().close()


class DuckDBTwins(Copied):
    def __init__(self, folder: Path, work: Path) -> None:
        super().__init__(folder, work)
        import duckdb

        self._driver = duckdb
        self._work = work

    def build(self, side: str) -> tuple[str, Columns]:
        self._source.build(side)
        path = self._work / f"{side}.duckdb"
        connection = self._driver.connect(str(path))
        columns = self.fill(connection, side)
        connection.close()
        return f"duckdb:///{path}", columns

    def rows(self, side: str, sql: str) -> tuple[list[str], list[tuple[Any, ...]]] | None:
        connection = self._driver.connect(str(self._work / f"{side}.duckdb"), read_only=True)
        try:
            cursor = connection.execute(sql)
            return [column[0] for column in cursor.description or ()], cursor.fetchall()
        except self._driver.Error:
            return None
        finally:
            connection.close()


TWINS: dict[str, type[Any]] = {
    "sqlite": SQLiteTwins,
    "postgresql": PostgreSQLTwins,
    "mysql": MariaDBTwins,
    "duckdb": DuckDBTwins,
}
