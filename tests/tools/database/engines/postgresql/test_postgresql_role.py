"""What a role could do beneath the guard is found, and the script that mends it makes a role nothing is found on."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest

from gloveport.tests.tools.database.engines.postgresql.conftest import TABLES, Server, open_clinic
from gloveport.tools.database.engines.engine import DatabaseError, Level, RoleFinding, Settings
from gloveport.tools.database.engines.postgresql.engine import PostgreSQLEngine
from gloveport.tools.database.source import Database


async def found(server: Server, **more: object) -> list[RoleFinding]:
    async with open_clinic(server, **more) as clinic:
        return list(await clinic.engine.examine())


def bad(findings: list[RoleFinding]) -> str:
    return "; ".join(finding.text for finding in findings if finding.level is Level.BAD)


@pytest.fixture
def other(server: Server) -> Generator[Server]:
    """A second role, for a test to give powers to."""
    role = f"{server.role}_{secrets.token_hex(2)}"
    server.run(f"CREATE ROLE {role} LOGIN NOINHERIT PASSWORD 'unused'; GRANT USAGE ON SCHEMA public TO {role}")
    parts = urlsplit(server.agent_url)
    host = parts.netloc.rpartition("@")[2]
    try:
        yield Server(server.owner_url, f"postgresql://{role}:unused@{host}{parts.path}", role)
    finally:
        server.run(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}")


async def test_a_right_role_is_right(server: Server) -> None:
    findings = await found(server)
    assert bad(findings) == ""
    assert findings[0].level is Level.OK


async def test_a_superuser_is_refused_at_the_start(server: Server) -> None:
    database = Database(Settings("clinic", server.owner_url, tables=TABLES))
    with pytest.raises(DatabaseError, match=r"databases\.clinic: the role \w+ is a superuser; use a role of its own"):
        await database.start()
    await database.close()
    allowed = Database(Settings("clinic", server.owner_url, tables=TABLES, allow_unsafe_role=True))
    await allowed.start()
    await allowed.close()


@pytest.mark.parametrize(
    ("power", "said"),
    [
        ("ALTER ROLE {role} BYPASSRLS", "bypasses row security"),
        ("ALTER ROLE {role} CREATEROLE", "may make roles"),
        ("ALTER ROLE {role} REPLICATION", "may replicate the whole server"),
        ("GRANT pg_read_server_files TO {role}", "is a member of pg_read_server_files"),
        ("GRANT pg_execute_server_program TO {role}", "is a member of pg_execute_server_program"),
        ("GRANT INSERT ON visits TO {role}", "may write public.visits"),
        ("GRANT UPDATE (kind) ON visits TO {role}", "may write public.visits"),
        ("CREATE TABLE mine (id int); ALTER TABLE mine OWNER TO {role}", "owns public.mine"),
        ("GRANT CREATE ON SCHEMA hr TO {role}", "may create objects in schema hr"),
    ],
)
async def test_each_power_is_found(other: Server, power: str, said: str) -> None:
    other.run(power.format(role=other.role))
    try:
        findings = await found(other, tables=None)
        assert said in bad(findings)
        assert "CREATE ROLE gloveport_agent" in findings[-1].mend
    finally:
        other.run("DROP TABLE IF EXISTS mine")


async def test_writing_is_no_finding_where_the_configuration_says_so(other: Server) -> None:
    other.run(f"GRANT INSERT ON visits TO {other.role}")
    assert bad(await found(other, tables=None, write=True)) == ""


@pytest.mark.parametrize("write", [False, True])
async def test_the_script_makes_a_right_role(server: Server, write: bool) -> None:
    from gloveport.tools.database.engines.postgresql.role import right_role

    role = f"{server.role}_{secrets.token_hex(2)}"
    name = urlsplit(server.owner_url).path.removeprefix("/")
    settings = Settings("clinic", server.owner_url, tables=TABLES, deny=("api_keys",), write=write)
    script = right_role(name, ["hr", "public"], settings)
    with psycopg.connect(server.owner_url) as owner:  # in one transaction, never committed but for this role
        owner.execute(script.replace("gloveport_agent", role).replace("'...'", "'unused'").encode())
        owner.commit()
    try:
        host = urlsplit(server.agent_url).netloc.rpartition("@")[2]
        engine = PostgreSQLEngine(replace(settings, url=f"postgresql://{role}:unused@{host}/{name}"))
        await engine.start()
        findings = await engine.examine()
        assert {finding.level for finding in findings} == {Level.OK}
        assert (await engine.catalog()).open_relations == set(TABLES)
        await engine.close()
    finally:
        server.run(f"DROP OWNED BY {role}; DROP ROLE {role}")
