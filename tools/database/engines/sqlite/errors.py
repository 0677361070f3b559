"""SQLite's names of errors as what a caller sees, and as what an operator sees."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ....tool import ToolFailed, ToolRefused
from ...errors import by_sqlstate, deadline, unaccepted, unprepared
from ..engine import DatabaseError

# What SQLite says at prepare in words of its own around the agent's; anything else is not shown.
_TELLING: Final = re.compile(
    r"no such (?:column|table|function): [\w$. ]+"
    r"|ambiguous column name: [\w$. ]+"
    r"|near \"[^\"]{1,40}\": syntax error"
    r"|wrong number of arguments to function [\w$]+\(\)"
    r"|misuse of (?:aggregate|window function|aliased aggregate)(?: function)?:? ?[\w$]*\(?\)?"
    r"|a GROUP BY clause is required before HAVING"
    r"|\d+\w\w (?:ORDER|GROUP) BY term (?:out of range - should be between 1 and \d+|does not match any column in the "
    r"result set)"
    r"|SELECTs to the left and right of [A-Z ]+ do not have the same number of result columns"
    r"|sub-select returns \d+ columns - expected \d+"
    r"|row value misused|IN\(\.\.\.\) element has \d+ terms - expected \d+"
    r"|too many (?:terms in compound SELECT|columns in result set|SQL variables|arguments on function [\w$]+)"
    r"|Expression tree is too large \(maximum depth \d+\)"
    r"|[\w$]+\(\) may not be used as a window function|no such window: [\w$]+"
)

_SQLSTATES: Final = {
    "SQLITE_CONSTRAINT_NOTNULL": "23502",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "23503",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "23505",
    "SQLITE_CONSTRAINT_UNIQUE": "23505",
    "SQLITE_CONSTRAINT_ROWID": "23505",
    "SQLITE_CONSTRAINT_CHECK": "23514",
    "SQLITE_CONSTRAINT": "23",
    "SQLITE_BUSY": "55P03",
    "SQLITE_LOCKED": "55P03",
    "SQLITE_NOMEM": "53",
    "SQLITE_FULL": "53",
    "SQLITE_IOERR": "58",
    "SQLITE_CORRUPT": "XX",
    "SQLITE_NOTADB": "XX",
    "SQLITE_CANTOPEN": "58",
    "SQLITE_READONLY": "25",
    "SQLITE_READONLY_ROLLBACK": "58",  # a crashed writer left a journal behind, which a reader cannot roll back
    "SQLITE_READONLY_RECOVERY": "58",
    "SQLITE_READONLY_CANTLOCK": "58",
    "SQLITE_READONLY_CANTINIT": "58",
    "SQLITE_READONLY_DIRECTORY": "58",
    "SQLITE_AUTH": "42501",
    "SQLITE_MISMATCH": "22",
    "SQLITE_ERROR": "22",
}

_WHY_NOT_OPEN: Final = {
    "gone": "no such file; correct the url, or make the database first",
    "SQLITE_NOTADB": "is no SQLite database, or is encrypted; correct the url",
    "SQLITE_CORRUPT": "is damaged; check it with: sqlite3 FILE 'PRAGMA integrity_check'",
    "SQLITE_CANTOPEN": "cannot be opened; check its permissions, and for a write-ahead log those of its folder",
    "SQLITE_READONLY": "needs a repair after a crash of its writer; open it once for writing, as: sqlite3 FILE .tables",
    "SQLITE_BUSY": "is locked by another program; try again when that is done",
    "SQLITE_PERM": "may not be read by this user; check its permissions",
    "SQLITE_IOERR": "cannot be read: the disk reports an error",
}


def failed(name: str, seconds: float) -> ToolFailed:
    """The fixed sentence for an error met while a statement ran."""
    if name == "SQLITE_INTERRUPT":
        return deadline(seconds)
    if name == "SQLITE_TOOBIG":
        return ToolFailed("value-too-long", "A value is longer than 1,000,000 bytes.", "Leave that column out.")
    return by_sqlstate(_of_family(_SQLSTATES, name))


def refused(name: str, said: str, sql: str, known: Iterable[str]) -> ToolRefused | ToolFailed:
    """What a failed prepare becomes. Errors of the file are no fault of the statement."""
    if name in ("SQLITE_ERROR", "OperationalError", "ProgrammingError") and _TELLING.fullmatch(said):
        return unprepared(said, sql, known)
    if name not in ("SQLITE_ERROR", "SQLITE_TOOBIG") and name.startswith("SQLITE_"):
        return failed(name, 0)
    return unaccepted()


def cannot_open(database: str, path: str, name: str) -> DatabaseError:
    """One line for the operator."""
    why = _of_family(_WHY_NOT_OPEN, name) or "cannot be opened as a SQLite database; check the file"
    return DatabaseError(f"databases.{database}.url: {path}: {why}")


def _of_family(table: dict[str, str], name: str) -> str | None:
    """An entry by the whole name, else by its first two words: SQLITE_IOERR_READ is a SQLITE_IOERR."""
    return table.get(name) or table.get("_".join(name.split("_")[:2]))
