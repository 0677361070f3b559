"""How a connection is made: on the event loop, with a deadline, retried only while nothing has been sent."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import anyio
import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from ..address import Address, address_of
from ..engine import DatabaseError, Settings, Unreachable
from .session import SEARCH
from .wire import Wire

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

CONNECT_SECONDS: Final = 10.0
_OWN: Final = frozenset(
    {"client_encoding", "connect_timeout", "hostaddr", "fallback_application_name", "gssdelegation"}
)

# libpq gives no SQLSTATE for a connection that fails: the server's (English) words and its own tell the kinds apart.
# What the words are is not shown to anybody.
_REASONS: Final = (
    (r"too many clients|remaining connection slots|too many connections", "53300"),
    (r"password authentication failed|no password supplied|pg_hba\.conf|authentication", "28P01"),
    (r"role .* does not exist|not permitted to log in", "28000"),
    (r"database .* does not exist|not currently accepting connections", "3D000"),
    (r"starting up|shutting down|in recovery", "57P03"),
    (r"permission denied for database", "42501"),
    (r"certificate|SSL", "08P01"),
)
_SENTENCES: Final = {
    "53300": "the server has no connection left for us; raise its CONNECTION LIMIT or max_connections",
    "28P01": "the server refuses the login; check user and password, and pg_hba.conf of the server",
    "28000": "the server does not know the role, or the role may not log in; check the user",
    "3D000": "the server has no such database; check the name after the last '/'",
    "57P03": "the server is starting or shutting down; try again",
    "42501": "the role may not connect to the database; GRANT CONNECT ON DATABASE to it",
    "08P01": "the encrypted connection cannot be made; check sslmode, sslrootcert and the server's certificate",
}
_PASSING: Final = frozenset({"", "57P03", "53300"})


class CannotConnect(Exception):
    """There is no connection. ``state`` is the SQLSTATE class of the reason, "" when nobody answered."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


def conninfo_of(settings: Settings) -> tuple[str, str | None]:
    """What libpq is given, and the host to look up. Raises `DatabaseError`."""
    where = f"databases.{settings.name}.url"
    address = address_of(settings)
    unknown = [name for name in address.options if name not in _keywords() or name in _OWN]
    if unknown:
        raise DatabaseError(f"{where}: the option {unknown[0]!r} is not known; see libpq's connection parameters")
    if not address.database and "dbname" not in address.options and "service" not in address.options:
        raise DatabaseError(f"{where}: names no database; write postgresql://USER@HOST/DATABASE")
    given = {
        "user": address.user,
        "password": address.password,
        "host": address.host,
        "port": address.port,
        "dbname": address.database,
    }
    try:
        made = make_conninfo(
            **{name: value for name, value in given.items() if value is not None},
            **address.options,
            client_encoding="UTF8",
            fallback_application_name="gloveport",
        )
    except psycopg.Error:
        raise DatabaseError(f"{where}: cannot be read as an address of a PostgreSQL server") from None
    return made, _host_to_look_up(address)


def _keywords() -> frozenset[str]:
    return frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())


def _host_to_look_up(address: Address) -> str | None:
    host = address.options.get("host", address.host)
    if host is None or host.startswith("/") or "," in host or "hostaddr" in address.options:
        return None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return None


async def connect(conninfo: str, host: str | None, prepared: Mapping[bytes, str]) -> Wire:
    """Open a connection and prepare our own statements on it. Raises `CannotConnect`."""
    try:
        with anyio.fail_after(CONNECT_SECONDS):
            if host is not None:
                addresses = await _looked_up(host)
                hosts = ",".join([host] * len(addresses))
                conninfo = make_conninfo(conninfo, host=hosts, hostaddr=",".join(addresses))
            wire = Wire(await _connected(conninfo))
            try:
                for name, sql in prepared.items():
                    wire.prepare(name, sql)
                    if name == SEARCH:
                        wire.execute(name)
                if prepared:
                    wire.sync()
                    await wire.results()
            except BaseException:
                wire.close()
                raise
            return wire
    except TimeoutError:
        raise CannotConnect("") from None


async def _looked_up(host: str) -> list[str]:
    """libpq would look up a name itself, and everything else would wait for it."""
    try:
        found = await anyio.getaddrinfo(host, None)
    except OSError:
        raise CannotConnect("") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _connected(conninfo: str) -> PGconn:
    connection = pq.PGconn.connect_start(conninfo.encode())
    try:
        while True:
            if connection.status == pq.ConnStatus.BAD:
                raise CannotConnect(_state_of(connection))
            polled = connection.connect_poll()
            if polled == pq.PollingStatus.OK:
                return connection
            if polled == pq.PollingStatus.READING:
                await anyio.wait_readable(connection.socket)
            elif polled == pq.PollingStatus.WRITING:
                await anyio.wait_writable(connection.socket)
            else:
                raise CannotConnect(_state_of(connection))
    except BaseException:
        connection.finish()
        raise


def _state_of(connection: PGconn) -> str:
    words = connection.get_error_message()
    return next((state for pattern, state in _REASONS if re.search(pattern, words)), "")


def unusable(settings: Settings, state: str) -> DatabaseError:
    """The line for the operator; `Unreachable` where it may pass by itself."""
    where = f"databases.{settings.name}.url"
    sentence = _SENTENCES.get(state, "the server does not answer; check host and port, and that it runs")
    kind = Unreachable if state in _PASSING else DatabaseError
    return kind(f"{where}: {sentence}")
