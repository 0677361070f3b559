"""One connection to a MySQL or MariaDB server: PyMySQL's packets, with prepared statements of the binary protocol.

PyMySQL itself writes values into the text of a statement. Here the server gets the text and the values apart: it parses
the one before it ever sees the others. Preparing also says which columns a statement returns, and what is wrong with
it, before anything runs. Everything here blocks: it is called in threads.
"""
# pyright: reportPrivateUsage=false
# PyMySQL has no public door to the packets; these three methods have been as they are since its first versions.

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import pymysql

from ..address import Address
from .binary import Field, Malformed, changed_rows, column_count, described, is_eof, parameters, row

_PREPARE, _EXECUTE, _CLOSE = 0x16, 0x17, 0x19
CONNECT_SECONDS: Final = 10

# Quotes, backslashes and bars mean what the guard's parser takes them for; values that do not fit are errors.
_SQL_MODE: Final = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO"


class _Packet(Protocol):
    def get_all_data(self) -> bytes: ...


class _Cursor(Protocol):
    def execute(self, query: str) -> int: ...
    def fetchall(self) -> Sequence[tuple[object, ...]]: ...
    def close(self) -> None: ...


class _Driver(Protocol):
    """What of PyMySQL's connection is used here."""

    @property
    def open(self) -> bool: ...
    def _execute_command(self, command: int, sql: str | bytes) -> None: ...
    def _read_packet(self) -> _Packet: ...
    def _force_close(self) -> None: ...
    def cursor(self) -> _Cursor: ...
    def query(self, sql: str) -> int: ...
    def thread_id(self) -> int: ...
    def get_server_info(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement on the server. ``parameters``: how many values it takes."""

    number: int
    fields: tuple[Field, ...]
    parameters: int


class Wire:
    """A connection that is used by one thread at a time."""

    def __init__(self, address: Address, options: Mapping[str, Any]) -> None:
        """Raises `pymysql.MySQLError`."""
        connection = pymysql.connect(
            host=address.host or "127.0.0.1",
            port=address.port or 3306,
            user=address.user,
            password=address.password or "",
            database=address.database,
            charset="utf8mb4",
            sql_mode=_SQL_MODE,
            connect_timeout=CONNECT_SECONDS,
            local_infile=False,
            program_name="gloveport",
            **options,
        )
        self._driver = cast("_Driver", connection)
        self.server = self._driver.get_server_info()

    @property
    def mariadb(self) -> bool:
        return "mariadb" in self.server.lower()

    @property
    def open(self) -> bool:
        return self._driver.open

    @property
    def thread(self) -> int:
        """The number of the server's thread."""
        return self._driver.thread_id()

    def run(self, sql: str) -> None:
        """One of our own statements. Raises `pymysql.MySQLError`."""
        self._driver.query(sql)

    def selected(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of one of our own statements. Raises `pymysql.MySQLError`."""
        cursor = self._driver.cursor()
        try:
            cursor.execute(sql)
            return list(cursor.fetchall())
        finally:
            cursor.close()

    def prepare(self, sql: str) -> Prepared:
        """Raises `pymysql.MySQLError`."""
        self._driver._execute_command(_PREPARE, sql)
        number, columns, values = struct.unpack_from("<IHH", self._packet(), 1)
        if values:
            self._fields(values)
        return Prepared(number, self._fields(columns) if columns else (), values)

    def execute(self, prepared: Prepared, values: Sequence[object]) -> tuple[int, tuple[Field, ...]]:
        """Start a statement: how many rows it changed, and the columns of the rows that follow (see `rows`).

        Raises `pymysql.MySQLError`, `Malformed`.
        """
        head = struct.pack("<IBI", prepared.number, 0, 1)
        self._driver._execute_command(_EXECUTE, head + parameters(values))
        first = self._packet()
        changed = changed_rows(first)
        if changed is not None:
            return changed, ()
        return 0, self._fields(column_count(first))

    def rows(self, fields: Sequence[Field]) -> Iterator[tuple[object, ...]]:
        """The rows that follow an execution, as they come. Raises `pymysql.MySQLError`, `Malformed`."""
        while not is_eof(data := self._packet()):
            yield row(data, fields)

    def release(self, prepared: Prepared) -> None:
        """The server forgets the statement; it does not answer."""
        self._driver._execute_command(_CLOSE, struct.pack("<I", prepared.number))

    def drop(self) -> None:
        """Cut the connection; a statement that still runs on it must be killed from another."""
        with suppress(OSError):
            self._driver._force_close()

    def _packet(self) -> bytes:
        return self._driver._read_packet().get_all_data()

    def _fields(self, count: int) -> tuple[Field, ...]:
        found = tuple(described(self._packet()) for _ in range(count))
        if not is_eof(self._packet()):
            raise Malformed
        return found


def kill(address: Address, options: Mapping[str, Any], thread: int) -> None:
    """End the statement that another connection runs. Raises nothing: what is gone needs no killing."""
    with suppress(pymysql.MySQLError, OSError):
        connection = Wire(address, options)
        try:
            connection.run(f"KILL QUERY {thread:d}")
        finally:
            connection.drop()
