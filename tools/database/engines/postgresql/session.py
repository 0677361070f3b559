"""The settings under which everything of an agent runs, set anew in every transaction, and the statements around it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .wire import Wire

_LOCK_SECONDS: Final = 3.0
_IDLE_SECONDS: Final = 5.0  # what we may take between two statements of a transaction

# What a name or a literal means, what is shown, how it is planned: nothing is left to the role, the database or the
# session. Only settings that every role may set; those a server does not have are left out.
_PINNED: Final = {
    "row_security": "on",
    "standard_conforming_strings": "on",
    "escape_string_warning": "off",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    "bytea_output": "hex",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "xmloption": "content",
    "enable_indexonlyscan": "off",  # the order of rows would follow the values of a masked column
    "synchronize_seqscans": "off",  # the order of rows is that of the table
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "work_mem": "16MB",
    "exit_on_error": "off",
    "restrict_nonsystem_relation_kind": "",
    "debug_print_parse": "off",
    "debug_print_plan": "off",
    "debug_pretty_print": "off",
}

BEGIN_READ: Final = b"begin_read"
BEGIN_WRITE: Final = b"begin_write"
PIN: Final = b"pin"
QUIET: Final = b"quiet"
ROLLBACK: Final = b"rollback"
COMMIT: Final = b"commit"
STAMP: Final = b"stamp"
SEARCH: Final = b"search"
RESETS: Final = (
    b"reset_all",
    SEARCH,
    b"reset_locks",
    b"reset_cursors",
    b"reset_listen",
    b"reset_temp",
    b"reset_sequences",
)

PINNABLE: Final = tuple(_PINNED)

# Every DDL changes a row of these catalogs, and so its xmin. Temporary tables of other sessions do not count.
_STAMP: Final = """
SELECT concat_ws(' ',
 (SELECT count(*) || ':' || sum(hash_record_extended(row(oid, xmin), 0)) FROM pg_catalog.pg_class
   WHERE oid >= 16384 AND relpersistence <> 't'),
 (SELECT count(*) || ':' || sum(hash_record_extended(row(attrelid, attnum, xmin), 0)) FROM pg_catalog.pg_attribute
   WHERE attrelid >= 16384 AND attnum > 0),
 (SELECT count(*) || ':' || sum(hash_record_extended(row(oid, xmin), 0)) FROM pg_catalog.pg_attrdef WHERE oid >= 16384),
 (SELECT count(*) || ':' || sum(hash_record_extended(row(oid, xmin), 0)) FROM pg_catalog.pg_rewrite WHERE oid >= 16384),
 (SELECT count(*) || ':' || sum(hash_record_extended(row(oid, xmin), 0)) FROM pg_catalog.pg_constraint
   WHERE oid >= 16384),
 (SELECT count(*) || ':' || sum(hash_record_extended(row(inhrelid, inhparent, xmin), 0)) FROM pg_catalog.pg_inherits),
 (SELECT count(*) || ':' || sum(hash_record_extended(row(oid, xmin), 0)) FROM pg_catalog.pg_namespace
   WHERE oid >= 16384 AND nspname NOT LIKE 'pg\\_%'),
 (SELECT count(*) || ':' || sum(hash_record_extended(row(objoid, objsubid, xmin), 0)) FROM pg_catalog.pg_description
   WHERE classoid = 1259 AND objoid >= 16384),
 (SELECT count(*) || ':' || sum(hash_record_extended(row(oid, xmin), 0)) FROM pg_catalog.pg_proc WHERE oid >= 16384))
"""


def statements(settable: Iterable[str], search_path: str) -> dict[bytes, str]:
    """All our own statements by the name they are prepared under.

    ``pin`` takes the statement timeout, the lock timeout and the idle timeout, in milliseconds; after it the server
    sends the rewritten tree of what is prepared, until ``quiet``.
    """
    present = set(settable)
    pinned = [("search_path", search_path), *((n, v) for n, v in _PINNED.items() if n in present)]
    sets = [f"set_config('{name}', {_literal(value)}, true)" for name, value in pinned]
    sets += [
        "set_config('statement_timeout', $1::text, true)",
        "set_config('lock_timeout', $2::text, true)",
        "set_config('idle_in_transaction_session_timeout', $3::text, true)",
        "set_config('client_min_messages', 'log', true)",
        "set_config('debug_print_rewritten', 'on', true)",
    ]
    return {
        # First of all: a statement prepared under another search path would be analysed anew each time.
        SEARCH: f"SET search_path = {search_path}",
        BEGIN_READ: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        BEGIN_WRITE: "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE",
        PIN: "SELECT " + ", ".join(sets),
        QUIET: (
            "SELECT set_config('debug_print_rewritten', 'off', true), set_config('client_min_messages', 'error', true)"
        ),
        ROLLBACK: "ROLLBACK",
        COMMIT: "COMMIT",
        STAMP: _STAMP,
        b"reset_all": "RESET ALL",
        b"reset_locks": "SELECT pg_catalog.pg_advisory_unlock_all()",
        b"reset_cursors": "CLOSE ALL",
        b"reset_listen": "UNLISTEN *",
        b"reset_temp": "DISCARD TEMP",
        b"reset_sequences": "DISCARD SEQUENCES",
    }


def pin(wire: Wire, seconds: float) -> None:
    """Pin every setting for the transaction that is open, and let it run no longer than ``seconds``."""
    locks, idle = min(seconds, _LOCK_SECONDS), seconds + _IDLE_SECONDS
    wire.execute(PIN, [_milliseconds(seconds), _milliseconds(locks), _milliseconds(idle)])


def _milliseconds(seconds: float) -> bytes:
    return str(max(1, math.ceil(seconds * 1000))).encode()


def _literal(text: str) -> str:
    doubled = text.replace("'", "''")
    return f" E'{doubled.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{doubled}'"
