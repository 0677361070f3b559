"""The engines, by the scheme of a database's URL. Each is imported only when a configuration names it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, cast

from .engine import DatabaseError, Engine, Settings

# scheme: module, class
_ENGINES: Final = {
    "sqlite": ("sqlite", "SQLiteEngine"),
    "postgresql": ("postgresql", "PostgreSQLEngine"),
    "postgres": ("postgresql", "PostgreSQLEngine"),
    "mysql": ("mysql", "MySQLEngine"),
    "mariadb": ("mysql", "MySQLEngine"),
    "duckdb": ("duckdb", "DuckDBEngine"),
}


def build_engine(settings: Settings) -> Engine:
    """The engine for ``settings.url``; nothing is connected yet.

    Raises:
        DatabaseError: the scheme is unknown, its driver is not installed, or the URL cannot be used.
    """
    scheme = settings.url.partition("://")[0].partition("+")[0].lower()
    where = f"databases.{settings.name}.url"
    if scheme not in _ENGINES:
        raise DatabaseError(f"{where}: {scheme!r} is no kind of database known here; known are {', '.join(_ENGINES)}")
    module, name = _ENGINES[scheme]
    try:
        made = getattr(import_module(f".{module}.engine", __package__), name)
    except ModuleNotFoundError as error:
        mend = f"install it with: pip install 'gloveport[{module}]'"
        raise DatabaseError(f"{where}: the driver for {scheme} is missing ({error.name}); {mend}") from None
    return cast("Callable[[Settings], Engine]", made)(settings)
