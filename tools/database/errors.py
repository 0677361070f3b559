"""Errors of databases as an agent may see them: fixed sentences for what happens while a statement runs, the database's
own words only for what happens before it, and only where every name in them is one the agent wrote itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..tool import ToolFailed, ToolRefused
from .sql.names import ascii_lower, did_you_mean
from .sql.refusals import shown

_SCHEMA_HINT: Final = "Call database_schema to see what is open."
_WORD: Final = re.compile(r"[^\W\d][\w$]*")

# SQLSTATE class, or a whole SQLSTATE where its sentence is another: code, sentence, hint, worth another try.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_SQLSTATE: Final[dict[str, tuple[str, str, str, bool]]] = {
    "08": ("database-unreachable", "The connection to the database was lost.", "Try again.", True),
    "21": ("sql-cardinality", "A subquery gave more than one row where one is expected.", "Use IN, or LIMIT 1.", False),
    "22": ("sql-value", "A value cannot be computed or converted.", "Check casts, divisions and formats.", False),
    "22012": ("sql-value", "A number was divided by zero.", "Use nullif(divisor, 0).", False),
    "23": ("constraint", "The change breaks a constraint of the table.", "Check keys and required columns.", False),
    "23502": ("constraint", "A required column would be empty.", "Give every required column a value.", False),
    "23503": (
        "constraint",
        "A row refers to one that is not there, or is itself referred to.",
        "Check the keys.",
        False,
    ),
    "23505": ("constraint", "There is already a row with that key.", "Use another key, or UPDATE.", False),
    "23514": ("constraint", "A value breaks a check of the table.", "Use a value the table allows.", False),
    "25": (
        "read-only",
        "The database is open for reading only here.",
        "Where changes are open at all, they go through database_execute.",
        False,
    ),
    "28": ("database-unreachable", "The database does not accept the server's login.", "Tell the operator.", False),
    "3D": ("database-unreachable", "The database is not there any more.", "Tell the operator.", False),
    "40": ("conflict", "The statement met a change of somebody else.", "Try again.", True),
    "42501": ("not-permitted", "The database does not let the server do this.", "Ask for less.", False),
    "53": ("database-resources", "The database is out of memory, disk or connections.", "Ask for less, later.", True),
    "54": ("sql-limit", "The statement is too large for the database.", "Send less at a time.", False),
    "55P03": ("locked", "The data is locked by somebody else.", "Try again.", True),
    "57014": ("deadline", "The statement ran too long and was stopped.", "Ask for less at a time.", False),
    "57": ("database-unreachable", "The database is shutting down or starting.", "Try again later.", True),
    "58": ("database-broken", "The database cannot read its files.", "Tell the operator.", False),
    "XX": ("database-broken", "The database reports damage of its own.", "Tell the operator.", False),
}
_UNFORESEEN: Final = ("sql-failed", "The database could not run the statement.", "Write it another way.", False)


def by_sqlstate(state: str | None) -> ToolFailed:
    """The fixed sentence for an error met while a statement ran. The driver's text is never looked at."""
    known = state or ""
    code, message, hint, retryable = _BY_SQLSTATE.get(known) or _BY_SQLSTATE.get(known[:2]) or _UNFORESEEN
    return ToolFailed(code, message, hint, retryable=retryable)


def deadline(seconds: float) -> ToolFailed:
    return ToolFailed("deadline", f"The query was stopped after {seconds:g} seconds.", "Ask for less at a time.")


def schema_changed() -> ToolFailed:
    """The catalog a statement was decided on is not the one it would run on."""
    message = "The structure of the database changed while the call was decided on."
    return ToolFailed("schema-changed", message, "Send it again.", retryable=True)


def read_only() -> ToolFailed:
    return ToolFailed("read-only", "This database is open for reading only.", "Tell the operator.")


def too_many_rows(most: int) -> ToolRefused:
    message = f"The statement would change more than {most} rows; nothing was changed."
    return ToolRefused("too-many-rows", message, "Narrow its WHERE, or do it in parts.", rule="limits")


def in_doubt() -> ToolFailed:
    """The connection was lost between COMMIT and its answer."""
    message = "The connection was lost while the change was being committed: it was made as a whole, or not at all."
    return ToolFailed("commit-unknown", message, "Look at the rows before trying again.")


def unprepared(said: str, sql: str, known: Iterable[str]) -> ToolRefused:
    """What the database says of a statement it could not prepare, if every word of it that is a name stands in the
    statement too; else a fixed sentence. ``known`` are names the agent may know, for "did you mean".
    """
    text = " ".join(said.split())
    named = _named(text)
    written = {ascii_lower(word) for word in _WORD.findall(sql)}
    if len(text) > 300 or any(ascii_lower(word) not in written for name in named for word in _WORD.findall(name)):
        return unaccepted()
    near = next((hint for name in named if (hint := did_you_mean(name.rpartition(".")[2], known))), "")
    place = shown(named[0]) if named else ""
    message = text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
    return ToolRefused("sql_prepare", shown_sentence(message), near or _SCHEMA_HINT, place=place, rule="prepare")


def unaccepted() -> ToolRefused:
    """For a statement that the database does not prepare, when its reason is nothing to show."""
    message = "The database does not accept this statement."
    return ToolRefused("sql_prepare", message, "Write it more simply.", rule="prepare")


def shown_sentence(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _named(text: str) -> list[str]:
    """The pieces of a message that come from elsewhere: what is quoted, and what follows a colon or ``function``."""
    found = re.findall(r"\"([^\"]+)\"|'([^']+)'|:\s+([\w$.]+)|function\s+([\w$.]+)", text)
    return [name for groups in found for name in groups if name]
