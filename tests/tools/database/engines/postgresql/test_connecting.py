"""What cannot be connected to is one line for the operator, without a password in it."""

from __future__ import annotations

import socket
from collections.abc import Generator
from urllib.parse import urlsplit

import pytest

from gloveport.tests.tools.database.engines.engine_kit import LIMITS
from gloveport.tests.tools.database.engines.postgresql.conftest import Server, open_clinic
from gloveport.tools.database.engines import build_engine
from gloveport.tools.database.engines.engine import DatabaseError, Settings, Unreachable
from gloveport.tools.tool import ToolFailed


@pytest.fixture
def closed_port() -> Generator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def test_nobody_answers(closed_port: int) -> None:
    url = f"postgresql://me:hush@127.0.0.1:{closed_port}/x"
    with pytest.raises(Unreachable, match=r"databases\.d\.url: the server does not answer") as error:
        await build_engine(Settings("d", url)).start()
    assert "hush" not in str(error.value)


async def test_no_such_database_and_no_such_role(server: Server) -> None:
    host = urlsplit(server.agent_url).netloc.rpartition("@")[2]
    for url, said in (
        (f"postgresql://{server.role}:x@{host}/gloveport_nowhere", "no such database"),
        (f"postgresql://gloveport_nobody:x@{host}/postgres", "does not know the role|refuses the login"),
    ):
        with pytest.raises(DatabaseError, match=said):
            await build_engine(Settings("d", url)).start()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://h:notaport/db", "the port is not a number"),
        ("postgresql://h:5432", "names no database"),
        ("postgresql://h/db?nonsense=1", "the option 'nonsense' is not known"),
        ("oracle://h/db", "is no kind of database known here"),
    ],
)
def test_a_url_that_cannot_be_used(url: str, said: str) -> None:
    with pytest.raises(DatabaseError, match=said) as error:
        build_engine(Settings("d", url))
    assert "hush" not in str(error.value)


async def test_no_connection_left(server: Server) -> None:
    async with open_clinic(server) as clinic:
        statement = await clinic.statement("SELECT 1 AS n")
        server.run(f"ALTER ROLE {server.role} CONNECTION LIMIT 0")
        try:
            clinic.engine._pool.drop_idle()  # pyright: ignore[reportPrivateUsage]
            with pytest.raises(ToolFailed) as failed:
                await clinic.engine.query(statement, LIMITS)
            assert failed.value.code == "database-resources"
            assert failed.value.retryable
        finally:
            server.run(f"ALTER ROLE {server.role} CONNECTION LIMIT 30")
        assert (await clinic.engine.query(statement, LIMITS)).rows == [(1,)]


async def test_names_of_hosts_are_looked_up(server: Server) -> None:
    url = server.agent_url.replace("127.0.0.1", "localhost")
    async with open_clinic(server, url=url) as clinic:
        assert (await clinic.query("SELECT 1 AS n")).rows == [(1,)]


async def test_closing_ends_everything(server: Server) -> None:
    async with open_clinic(server) as clinic:
        await clinic.query("SELECT 1 AS n")
        pids = clinic.engine.processes
        assert pids
    assert clinic.engine.processes == []
