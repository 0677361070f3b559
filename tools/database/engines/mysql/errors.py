"""What MySQL and MariaDB say, as an agent may see it: by error number; of their text only names the agent wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import pymysql

from ....tool import ToolFailed, ToolRefused
from ...catalog import Catalog
from ...errors import by_sqlstate, deadline, unaccepted, unprepared
from ..engine import DatabaseError, Settings, Unreachable

# Error numbers by the SQLSTATE whose sentence fits; the server's own states are too coarse (HY000 for most).
_STATES: Final[dict[int, str]] = {
    1048: "23502", 1364: "23502", 1062: "23505", 1586: "23505", 1451: "23503", 1452: "23503", 1216: "23503",
    1217: "23503", 3819: "23514", 4025: "23514", 1242: "21", 1241: "21",
    1264: "22", 1292: "22", 1366: "22", 1365: "22012", 1406: "22", 1411: "22", 1690: "22", 1105: "22", 1367: "22",
    3141: "22", 3143: "22", 4036: "22", 4038: "22", 4042: "22", 1139: "22", 1210: "22",
    1205: "55P03", 1099: "55P03", 1213: "40", 1020: "40", 1180: "40", 1792: "25", 1207: "25", 1290: "25",
    1044: "42501", 1045: "42501", 1142: "42501", 1143: "42501", 1227: "42501", 1370: "42501",
    1969: "57014", 3024: "57014", 1317: "57014", 1028: "57014",
    1021: "53", 1037: "53", 1038: "53", 1041: "53", 1114: "53", 1040: "53", 1203: "53", 1226: "53", 1461: "53",
    1153: "54", 1436: "54", 3636: "54", 1104: "54",
    1053: "57", 2006: "08", 2013: "08", 0: "08", 1927: "08", 2055: "08", 1077: "57", 1079: "57", 1080: "08", 1152: "08",
}  # fmt: skip
_LOST: Final = frozenset({"08", "57"})
_UNKNOWN_COLUMN, _UNKNOWN_TABLE, _SYNTAX = 1054, 1146, 1064


def number_of(error: Exception) -> int:
    code = error.args[0] if error.args else 0
    return code if isinstance(code, int) else 0


def is_lost(error: Exception) -> bool:
    """The connection is gone with it."""
    return not isinstance(error, pymysql.MySQLError) or _STATES.get(number_of(error)) in _LOST


def failed_by(error: Exception, seconds: float) -> ToolFailed:
    """Why a statement that had begun to run did not end well: fixed sentences."""
    state = "08" if not isinstance(error, pymysql.MySQLError) else _STATES.get(number_of(error))
    return deadline(seconds) if state == "57014" else by_sqlstate(state)


def unprepared_by(error: pymysql.MySQLError, sql: str, catalog: Catalog) -> ToolRefused | ToolFailed:
    """Why the server did not prepare a statement."""
    number, text = number_of(error), str(error.args[1]) if len(error.args) > 1 else ""
    if (state := _STATES.get(number)) is not None:
        return by_sqlstate(state)
    named = re.match(r"Unknown column '([^']+)' in |Table '[^']*?([^'.]+)' doesn't exist", text)
    if number == _UNKNOWN_COLUMN and named is not None:
        return unprepared(f'there is no column "{named[1]}" here', sql, _known(catalog))
    if number == _UNKNOWN_TABLE and named is not None:
        return unprepared(f'there is no table or view "{named[2]}"', sql, _known(catalog))
    if number == _SYNTAX:
        return ToolRefused(
            "sql_prepare", "The database cannot read the statement.", "Write it more simply.", rule="prepare"
        )
    return unaccepted()


def unusable(settings: Settings, error: Exception) -> DatabaseError:
    """The line for the operator."""
    where, number = f"databases.{settings.name}.url", number_of(error)
    if number in (1045, 1044, 1698, 2059, 1251):
        return DatabaseError(f"{where}: the server refuses the login; check user, password and the database's grants")
    if number == 1049:
        return DatabaseError(f"{where}: the server has no such database; check the name after the last '/'")
    if number in (1040, 1203, 1226):
        return Unreachable(f"{where}: the server has no connection left for us; raise max_connections")
    if number == 1130:
        return DatabaseError(f"{where}: the server does not let this host in; check the user's host")
    return Unreachable(f"{where}: the server does not answer; check host and port, and that it runs")


def _known(catalog: Catalog) -> Iterable[str]:
    names = sorted(catalog.open_relations)
    columns = {column.name for name in names for column in catalog.relations[name].columns}
    return [*names, *sorted(columns)]
