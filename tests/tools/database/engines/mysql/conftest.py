"""A real MariaDB database, a user with no more rights than it needs, an engine on it, and short ways to ask."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import anyio
import pymysql
import pytest

from gloveport.tests.tools.database.engines.engine_kit import GuardedEngine, started
from gloveport.tools.database.engines.engine import Settings
from gloveport.tools.database.engines.mysql.engine import MySQLEngine

SCHEMA = """
CREATE TABLE patients (id int PRIMARY KEY, name varchar(40), email varchar(60) UNIQUE, city varchar(20),
  born date, cost decimal(8,2), seen datetime(3), raw varbinary(8), big bigint unsigned, doc longtext, part float,
  tail varchar(3) GENERATED ALWAYS AS (substr(email, 1, 3)) STORED) COMMENT 'people we treat';
CREATE TABLE visits (id int PRIMARY KEY AUTO_INCREMENT, patient_id int NOT NULL, kind varchar(20) NOT NULL,
  n int CHECK (n < 1000), FOREIGN KEY (patient_id) REFERENCES patients (id));
CREATE TABLE api_keys (id int PRIMARY KEY, secret varchar(20));
CREATE INDEX by_city ON patients (city, name);
CREATE VIEW contacts AS SELECT id, email AS handle FROM patients;
CREATE FUNCTION add_tax(n decimal(8,2)) RETURNS decimal(8,2) DETERMINISTIC RETURN n * 1.2;
INSERT INTO patients (id, name, email, city, born, cost, seen, raw, big, doc, part)
  SELECT seq, concat('name ', seq), concat('p', seq, '@example.org'), if(seq % 2, 'Bergen', 'Oslo'),
  date '1950-01-01' + INTERVAL seq DAY, seq * 1.25, timestamp '2024-01-01 10:00:00.5', x'00ff', 18446744073709551615,
  'text', 0.5 FROM seq_1_to_300;
INSERT INTO visits (id, patient_id, kind, n) SELECT seq, 1 + seq % 300, 'check', seq FROM seq_1_to_600;
INSERT INTO api_keys VALUES (1, 'hidden')
"""


@dataclass(frozen=True)
class Server:
    """Where the tests' database is, as the administrator and as the agent's user."""

    admin_url: str
    name: str
    user: str
    agent_url: str

    def run(self, sql: str) -> tuple[tuple[object, ...], ...]:
        """As the administrator, committed at once."""
        parts = urlsplit(self.admin_url)
        connection = pymysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=parts.username or "root",
            password=parts.password or "",
            database=self.name or None,
            autocommit=True,
        )
        try:
            with connection.cursor() as cursor:
                for statement in sql.split(";\n"):
                    cursor.execute(statement)
                return tuple(cursor.fetchall())
        finally:
            connection.close()

    def working(self) -> list[int]:
        """The server's threads that run something for the agent's user just now."""
        rows = self.run(
            f"SELECT id FROM information_schema.processlist WHERE user = '{self.user}' AND command <> 'Sleep'"
        )
        return [int(str(row[0])) for row in rows]

    async def idle(self) -> None:
        """Wait until nothing runs any more; killing takes a moment."""
        with anyio.fail_after(1):
            while self.working():  # noqa: ASYNC110 - the state of another process
                await anyio.sleep(0.005)

    async def busy(self, threads: int) -> list[int]:
        """Wait until so many of the server's threads run something for the agent's user."""
        with anyio.fail_after(4):
            while len(found := self.working()) < threads:  # noqa: ASYNC110 - the state of another process
                await anyio.sleep(0.005)
        return found


@pytest.fixture(scope="session")
def server(mariadb_url: str) -> Generator[Server]:
    name = f"gloveport_{os.getpid()}_{secrets.token_hex(3)}"
    parts = urlsplit(mariadb_url)
    agent = f"mysql://{name}:unused@{parts.hostname}:{parts.port or 3306}/{name}"
    admin = Server(mariadb_url, "", name, agent)
    admin.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        made = replace(admin, name=name)
        made.run(SCHEMA)
        admin.run(f"CREATE USER '{name}'@'%' IDENTIFIED BY 'unused'")
        admin.run(f"GRANT SELECT, SHOW VIEW ON {name}.* TO '{name}'@'%'")
        admin.run(f"GRANT EXECUTE ON FUNCTION {name}.add_tax TO '{name}'@'%'")
        yield made
    finally:
        admin.run(f"DROP DATABASE {name}")
        admin.run(f"DROP USER IF EXISTS '{name}'@'%'")


@dataclass
class Clinic(GuardedEngine[MySQLEngine]):
    """The guarded engine, and the server behind it."""

    server: Server


@asynccontextmanager
async def open_clinic(server: Server, **more: Any) -> AsyncGenerator[Clinic]:
    settings = Settings("clinic", server.agent_url, deny=("api_keys",), functions=("add_tax",))
    async with started(MySQLEngine(replace(settings, **more))) as engine:
        yield Clinic(engine, server)


@pytest.fixture
async def clinic(server: Server) -> AsyncGenerator[Clinic]:
    async with open_clinic(server) as opened:
        yield opened
