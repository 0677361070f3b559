"""Where a database server is: a URL as SQLAlchemy writes it, read by hand, since importing SQLAlchemy takes a fifth of
a second and would do no more here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote

from .engine import DatabaseError, Settings

_URL: Final = re.compile(
    r"[\w+]+://"
    r"(?:(?P<user>[^:/@]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:(?:\[(?P<v6>[^/?\]]+)\]|(?P<host>[^/:?]*))(?::(?P<port>[^/?]*))?)?"
    r"(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Address:
    """A server and a database on it; what the URL does not say is None. Never printed: it holds the password."""

    user: str | None
    password: str | None
    host: str | None
    port: int | None
    database: str | None
    options: Mapping[str, str]

    def __repr__(self) -> str:
        return "Address(...)"


def address_of(settings: Settings) -> Address:
    """Raises `DatabaseError`, without the URL in it."""
    where = f"databases.{settings.name}.url"
    match = _URL.fullmatch(settings.url)
    if match is None:
        raise DatabaseError(f"{where}: cannot be read; write SCHEME://USER@HOST:PORT/DATABASE")
    port = match["port"]
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise DatabaseError(
            f"{where}: the port is not a number from 1 to 65535; a '/', '@' or ':' in a password is %-coded"
        )
    return Address(
        _decoded(match["user"]),
        _decoded(match["password"]),
        match["v6"] or match["host"] or None,
        int(port) if port else None,
        _decoded(match["database"]),
        dict(parse_qsl(match["query"] or "", keep_blank_values=True)),
    )


def _decoded(text: str | None) -> str | None:
    return unquote(text) if text else None
