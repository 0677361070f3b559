"""What DuckDB says, as an agent may see it: its own words only for what it finds wrong before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import duckdb

from ....tool import ToolFailed, ToolRefused
from ...catalog import Catalog
from ...errors import by_sqlstate, deadline, unaccepted, unprepared

_STATES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (duckdb.ConstraintException, "23"),
    (duckdb.OutOfMemoryException, "53"),
    (duckdb.ConversionException, "22"),
    (duckdb.OutOfRangeException, "22"),
    (duckdb.InvalidInputException, "22"),
    (duckdb.TransactionException, "40"),
    (duckdb.PermissionException, "42501"),
    (duckdb.IOException, "58"),
    (duckdb.FatalException, "XX"),
    (duckdb.InternalException, "XX"),
    (ValueError, "22"),
    (OverflowError, "22"),
)
_ABOUT_THE_TEXT: Final = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
_TYPE_WORDS: Final = "integer bigint varchar double decimal date timestamp boolean interval blob json"


def failed_by(error: Exception, seconds: float) -> ToolFailed:
    """Why a statement that had begun to run did not end well: fixed sentences."""
    if isinstance(error, duckdb.InterruptException):
        return deadline(seconds)
    if "more than one row returned by a subquery" in str(error).lower():
        return by_sqlstate("21")
    return by_sqlstate(next((state for kind, state in _STATES if isinstance(error, kind)), None))


def unprepared_by(error: Exception, sql: str, catalog: Catalog) -> ToolRefused | ToolFailed:
    """Why a statement was not planned: the first line says what is wrong, those after it guess at other names."""
    if not isinstance(error, _ABOUT_THE_TEXT):
        return unaccepted() if isinstance(error, duckdb.Error) else by_sqlstate(None)
    said = str(error).split("\n", 1)[0]
    said = re.sub(r"^\w+ Error:\s*", "", said)
    return unprepared(said, f"{sql} {_TYPE_WORDS}", _known(catalog))


def _known(catalog: Catalog) -> Iterable[str]:
    names = sorted(catalog.open_relations)
    columns = {column.name for name in names for column in catalog.relations[name].columns}
    return [*names, *sorted(columns)]
