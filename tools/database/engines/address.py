"""Where a database server is: the parts of its URL, which SQLAlchemy reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .engine import DatabaseError, Settings


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
    from sqlalchemy.engine import make_url  # a fifth of a second to import: only for whoever has a server
    from sqlalchemy.exc import ArgumentError

    where = f"databases.{settings.name}.url"
    try:
        url = make_url(settings.url)
    except ArgumentError:
        raise DatabaseError(f"{where}: cannot be read; write SCHEME://USER@HOST:PORT/DATABASE") from None
    except ValueError:
        url = None
    if url is None or not (url.port is None or 0 < url.port < 65536):
        raise DatabaseError(
            f"{where}: the port is not a number from 1 to 65535; a '/', '@' or ':' in a password is %-coded"
        ) from None
    return Address(
        url.username or None,
        str(url.password) if url.password else None,
        url.host or None,
        url.port,
        url.database or None,
        {key: value if isinstance(value, str) else value[-1] for key, value in url.query.items()},
    )
