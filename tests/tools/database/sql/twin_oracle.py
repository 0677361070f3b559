"""Twin databases for random queries: every open cell is equal, every masked cell differs. What strict lets through must
give the same answer on both once the masks are on, row for row and error for error: it cannot depend on a masked cell.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from gloveport.tests.tools.database.sql.clinic import Rules, rule
from gloveport.tests.tools.database.sql.random_queries import TABLES, VIEWS
from gloveport.tools.database.catalog import Catalog, Column, Relation, RelationKind
from gloveport.tools.database.sql.analysis import Analysis, GuardSettings, Inference
from gloveport.tools.database.sql.guard import analyse
from gloveport.tools.tool import OutputForm, ToolRefused

KEYS = {"t1": "id", "t2": "id", "t3": "k"}
ROWS = 12
_TIMEOUT = "error 57014"
Answer = tuple[str, tuple[tuple[object, ...], ...]]


@dataclass
class Tally:
    tried: int = 0
    refused: int = 0
    failed: int = 0  # not valid for PostgreSQL, or an error on both sides
    compared: int = 0


class Twins:
    """Two schemas with the tables of `random_queries`; ``masked`` columns (never a key) hold other values in each."""

    def __init__(self, connection: psycopg.Connection, masked: frozenset[str], seed: int) -> None:
        self._connection = connection
        self._masked = masked
        name = f"twin_{os.getpid()}_{secrets.token_hex(4)}"
        self._schemas = (f"{name}_a", f"{name}_b")
        self.settings = twin_settings(masked)
        for side, schema in enumerate(self._schemas):
            connection.execute(f"CREATE SCHEMA {schema}; SET LOCAL search_path = {schema}")
            for table, columns in TABLES.items():
                typed = ", ".join(f"{c} text{' PRIMARY KEY' if c == KEYS[table] else ''}" for c in columns)
                connection.execute(f"CREATE TABLE {table} ({typed})")
                for column in columns:
                    if f"{table}.{column}" in masked:
                        connection.execute(f"CREATE INDEX ON {table} ({column})")
                self._fill(table, columns, side, seed)
            connection.execute("CREATE TABLE t4 (id text, a text)")
            for view, (body, _) in VIEWS.items():
                connection.execute(f"CREATE VIEW {view} AS {body}")
        connection.execute("SET LOCAL enable_indexonlyscan = off; SET LOCAL statement_timeout = '300ms'")

    def _fill(self, table: str, columns: tuple[str, ...], side: int, seed: int) -> None:
        values = random.Random(f"{seed} {table}")
        other = random.Random(f"{seed} {table} {side}")
        for i in range(ROWS):
            row: list[str | None] = []
            for column in columns:
                source = other if f"{table}.{column}" in self._masked else values
                value = f"{source.choice('abcxyz')}{source.randrange(4)}"
                row.append(f"{'abcxyz'[i % 6]}{i // 6}" if column == KEYS[table] else value)
            marks = ", ".join(["%s"] * len(row))
            self._connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # type: ignore[arg-type]

    def compare(self, text: str, tally: Tally) -> str | None:
        """Returns how the twins differ, in words; None when they do not, or when the statement does not run."""
        tally.tried += 1
        try:
            analysis = analyse(text, self.settings)
        except ToolRefused:
            tally.refused += 1
            return None
        answers = [self._answer(analysis, schema) for schema in self._schemas]
        if _TIMEOUT in (answers[0][0], answers[1][0]):  # how long it takes is not compared
            tally.failed += 1
            return None
        if answers[0][0] != answers[1][0]:
            return f"one side fails: {answers[0][0]} and {answers[1][0]}"
        if answers[0][0] != "ok":
            tally.failed += 1
            return None
        tally.compared += 1
        return None if answers[0] == answers[1] else f"the answers differ: {analysis.sql}"

    def _answer(self, analysis: Analysis, schema: str) -> Answer:
        connection = self._connection
        connection.execute(f"SAVEPOINT one; SET LOCAL search_path = {schema}")
        try:
            rows = connection.execute(analysis.sql.replace('"public".', f'"{schema}".')).fetchall()  # type: ignore[arg-type]
        except psycopg.Error as error:
            connection.execute("ROLLBACK TO one")
            return f"error {error.sqlstate}", ()
        connection.execute("ROLLBACK TO one")
        hidden = [self._hides(analysis, i) for i in range(len(analysis.outputs))]
        made = [tuple("<M>" if hide else v for v, hide in zip(row, hidden, strict=True)) for row in rows]
        return "ok", tuple(sorted(made, key=str) if analysis.sort_rows else made)

    def _hides(self, analysis: Analysis, position: int) -> bool:
        output = analysis.outputs[position]
        if output.form is OutputForm.COUNT:
            return False
        return any(f"{ref.table}.{ref.column}" in self._masked for ref in output.sources)


def twin_settings(masked: frozenset[str], inference: Inference = Inference.STRICT) -> GuardSettings:
    relations = {
        name: Relation(
            name,
            None,
            RelationKind.TABLE,
            tuple(Column(c, "text", primary_key=c == KEYS.get(name)) for c in columns),
            indexes=tuple((c,) for c in columns if f"{name}.{c}" in masked),
        )
        for name, columns in {**TABLES, "t4": ("id", "a")}.items()
    }
    for name, (body, columns) in VIEWS.items():
        typed = tuple(Column(c, "text") for c in columns)
        relations[name] = Relation(name, None, RelationKind.VIEW, typed, definition=body)
    catalog = Catalog("twins", "postgresql", f"{sorted(masked)}", relations, frozenset(relations) - {"t4"})
    return GuardSettings(catalog, Rules({name: rule("person") for name in masked}, f"{sorted(masked)}"), inference)


def some_masked(seed: int) -> frozenset[str]:
    """One to three columns that are no keys."""
    chosen = random.Random(seed)
    columns = [f"{t}.{c}" for t, names in TABLES.items() for c in names if c != KEYS[t]]
    return frozenset(chosen.sample(columns, chosen.randint(1, 3)))


@contextmanager
def twins(url: str, masked: frozenset[str], seed: int) -> Iterator[Twins]:
    """On a server where schemas may be made; nothing stays behind."""
    with psycopg.connect(url) as connection:
        yield Twins(connection, masked, seed)
        connection.rollback()
