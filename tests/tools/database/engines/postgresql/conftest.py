"""A real database, a role with no more rights than it needs, an engine on it, and short ways to ask."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import anyio
import psycopg
import pytest

from gloveport.tests.conftest import BUNDLED
from gloveport.tests.tools.database.engines.engine_kit import GuardedEngine, started
from gloveport.tools.database.engines.engine import Settings
from gloveport.tools.database.engines.postgresql.engine import PostgreSQLEngine

SCHEMA = """
CREATE SCHEMA hr;
CREATE TYPE place AS (street text, code text);
CREATE DOMAIN years AS int CHECK (value >= 0);
CREATE TABLE patients (id int PRIMARY KEY, name text, email text UNIQUE, city text, age years, born date,
  cost numeric(8,2), seen timestamptz, tags text[], profile jsonb, home place,
  tail text GENERATED ALWAYS AS (substr(email, 1, 3)) STORED);
CREATE TABLE visits (id int PRIMARY KEY, patient_id int NOT NULL REFERENCES patients(id) DEFERRABLE, kind text);
CREATE TABLE hr.staff (id int PRIMARY KEY, email text, role text);
CREATE TABLE "Loyalty Cards" ("Card No" text PRIMARY KEY, "Points" int);
CREATE TABLE api_keys (id int PRIMARY KEY, secret text);
CREATE INDEX by_lower ON patients (lower(email), city);
CREATE VIEW contacts AS SELECT id, email AS handle FROM patients WHERE city IS NOT NULL;
CREATE MATERIALIZED VIEW reach AS SELECT id, email AS reach FROM patients WITH NO DATA;
CREATE TABLE events (id int, at date, actor text) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE FUNCTION add_tax(n numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT round(n * 1.2, 2)';
CREATE FUNCTION email_of(i int) RETURNS text LANGUAGE sql STABLE AS 'SELECT email FROM patients WHERE id = i';
CREATE FUNCTION leaky(text, text) RETURNS boolean LANGUAGE plpgsql STABLE AS
  $$ BEGIN RAISE NOTICE 'saw % %', $1, $2; RETURN $1 = $2; END $$;
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = leaky);
CREATE FUNCTION hold(n int) RETURNS int LANGUAGE sql VOLATILE AS
  'SELECT pg_advisory_lock(n); SELECT n';
COMMENT ON TABLE patients IS 'people we treat';
INSERT INTO patients (id, name, email, city, age, born, cost, seen, tags, profile, home)
  SELECT i, 'name ' || i, 'p' || i || '@example.org', CASE WHEN i % 2 = 0 THEN 'Oslo' ELSE 'Bergen' END, i % 90,
    date '1950-01-01' + i, i * 1.25, timestamptz '2024-01-01 10:00+00' + i * interval '1 hour', ARRAY['a', 'b'],
    jsonb_build_object('n', i), ROW('street ' || i, '0' || i)::place
  FROM generate_series(1, 300) i;
INSERT INTO visits SELECT i, 1 + i % 300, 'check' FROM generate_series(1, 600) i;
INSERT INTO hr.staff VALUES (1, 'team one', 'nurse');
INSERT INTO api_keys VALUES (1, 'hidden');
ANALYZE;
"""
TABLES = (
    "patients",
    "visits",
    "hr.staff",
    "Loyalty Cards",
    "contacts",
    "reach",
    "events",
    "events_2024",
)


@dataclass(frozen=True)
class Server:
    """Where the tests' database is, as its owner and as the agent's role."""

    owner_url: str
    agent_url: str
    role: str

    def run(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """As the owner, committed at once."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    async def busy(self, processes: int) -> list[int]:
        """Wait until so many of the server's processes run something for the agent's role."""
        with anyio.fail_after(4):
            while len(found := self.working()) < processes:  # noqa: ASYNC110 - the state of another process
                await anyio.sleep(0.005)
        return found

    def working(self, role: str | None = None) -> list[int]:
        """The server's processes that run something for a role just now."""
        sql = "SELECT pid FROM pg_stat_activity WHERE usename = %s AND state = 'active' AND pid <> pg_backend_pid()"
        return [int(str(row[0])) for row in self.run(sql, role or self.role)]


@pytest.fixture(scope="session", params=["of this machine", *BUNDLED])
def server_url(request: pytest.FixtureRequest) -> str:
    """Every version at hand: trees are printed in other words by each."""
    if request.param in BUNDLED:
        return request.getfixturevalue("bundled_postgres")(request.param)
    return request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def server(server_url: str) -> Generator[Server]:
    name = f"gloveport_engine_{os.getpid()}_{secrets.token_hex(3)}"
    role = f"{name}_agent"
    parts = urlsplit(server_url)
    host = parts.netloc.rpartition("@")[2]
    owner = f"{server_url.rpartition('/')[0]}/{name}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        admin.execute(f"CREATE ROLE {role} LOGIN NOINHERIT CONNECTION LIMIT 30 PASSWORD 'unused'".encode())
        admin.execute(f"ALTER ROLE {role} SET log_min_messages = fatal".encode())
        admin.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on".encode())
        admin.execute(f"REVOKE TEMP ON DATABASE {name} FROM PUBLIC".encode())
        try:
            with psycopg.connect(owner, autocommit=True) as connection:
                connection.execute(SCHEMA.encode())
                connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
                connection.execute(f"GRANT USAGE ON SCHEMA public, hr TO {role}".encode())
                connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public, hr TO {role}".encode())
            yield Server(owner, f"postgresql://{role}:unused@{host}/{name}", role)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            admin.execute(f"DROP ROLE {role}".encode())


@dataclass
class Clinic(GuardedEngine[PostgreSQLEngine]):
    """The guarded engine, and the server behind it."""

    server: Server


@asynccontextmanager
async def open_clinic(server: Server, **more: Any) -> AsyncGenerator[Clinic]:
    settings = Settings("clinic", server.agent_url, tables=TABLES, functions=("add_tax",))
    async with started(PostgreSQLEngine(replace(settings, **more))) as engine:
        yield Clinic(engine, server)


@pytest.fixture
async def clinic(server: Server) -> AsyncGenerator[Clinic]:
    async with open_clinic(server) as opened:
        yield opened
