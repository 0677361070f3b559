"""PostgreSQL as the judge of the walk: which base columns its own rewritten query tree gives for a query's outputs."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import pq

from gloveport.tests.tools.database.sql.random_queries import SCHEMA_SQL, guard_settings
from gloveport.tools.database.engines.postgresql.querytree import Reading, read
from gloveport.tools.database.sql.guard import analyse
from gloveport.tools.tool import ColumnRef, ToolRefused


@dataclass
class Tally:
    """``compared`` queries ran through both; in ``over`` of them the walk named more than the server did."""

    tried: int = 0
    invalid: int = 0  # not valid for PostgreSQL
    refused: int = 0  # by the guard
    compared: int = 0
    over: int = 0


class Oracle:
    """The schema of `random_queries` in a schema of its own, never committed; and the server's reading of a text."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._trees: list[str] = []
        connection.add_notice_handler(self._notice)
        self._schema = f"fuzz_{os.getpid()}_{secrets.token_hex(4)}"
        connection.execute(f"SET LOCAL lock_timeout = '5s'; CREATE SCHEMA {self._schema}")
        connection.execute(f"SET LOCAL search_path = {self._schema}")
        connection.execute(SCHEMA_SQL)
        rows = connection.execute(
            f"SELECT c.oid, c.relname, a.attnum, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            f"WHERE c.relnamespace = '{self._schema}'::regnamespace AND a.attnum > 0"
        ).fetchall()
        self._names = {(int(oid), int(number)): ColumnRef("fuzz", table, name) for oid, table, number, name in rows}
        for setting in ("client_min_messages = log", "log_min_messages = fatal", "debug_pretty_print = off"):
            connection.execute(f"SET LOCAL {setting}")

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.message_primary == "rewritten parse tree:" and diagnostic.message_detail:
            self._trees.append(diagnostic.message_detail)

    def reading(self, sql: str) -> Reading | None:
        """What the server says; None when it does not take the statement."""
        connection = self._connection
        self._trees.clear()
        connection.execute("SAVEPOINT one; SET LOCAL debug_print_rewritten = on")
        self._trees.clear()
        result = connection.pgconn.prepare(b"", sql.encode())
        connection.pgconn.exec_(b"ROLLBACK TO one")
        if result.status != pq.ExecStatus.COMMAND_OK:
            return None
        return read(self._trees[0])

    def columns(self, cells: frozenset[tuple[int, int]]) -> frozenset[ColumnRef]:
        """By name; a whole row is all of its columns."""
        found: set[ColumnRef] = set()
        for oid, number in cells:
            if number == 0:
                found.update(ref for (table, _), ref in self._names.items() if table == oid)
            elif number > 0:
                found.add(self._names[oid, number])
        return frozenset(found)

    def compare(self, text: str, tally: Tally) -> str | None:
        """Run one text through both. Returns what the walk missed, in words; None when it missed nothing."""
        tally.tried += 1
        server = self.reading(text)
        if server is None:
            tally.invalid += 1
            return None
        try:
            analysis = analyse(text, guard_settings())
        except ToolRefused:
            tally.refused += 1
            return None
        tally.compared += 1
        if len(server.outputs) != len(analysis.outputs):
            return f"{len(analysis.outputs)} outputs, the server has {len(server.outputs)}"
        over = False
        for position, (cells, output) in enumerate(zip(server.outputs, analysis.outputs, strict=True), start=1):
            truth = self.columns(cells)
            if not truth <= output.sources:
                return f"output {position} lacks {sorted(str(ref) for ref in truth - output.sources)}"
            over = over or truth != output.sources
        tally.over += over
        read_ = frozenset().union(*(self.columns(cells) for cells in server.outputs))
        if not read_ <= analysis.reads:
            return "an output is made of what is not read"
        executed = self.reading(analysis.sql.replace('"public".', f'"{self._schema}".'))
        if executed is None:
            return "the regenerated text is not valid"
        if [self.columns(cells) for cells in executed.outputs] != [self.columns(cells) for cells in server.outputs]:
            return "the regenerated text means something else"
        return None


@contextmanager
def oracle(url: str) -> Iterator[Oracle]:
    """On a server where schemas may be made; nothing stays behind."""
    with psycopg.connect(url) as connection:
        yield Oracle(connection)
        connection.rollback()
