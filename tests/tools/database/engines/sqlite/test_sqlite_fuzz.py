"""The walk against SQLite's authorizer, on random nested queries: the second judge never finds more than the first."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

from gloveport.tests.tools.database.engines.sqlite.conftest import open_clinic
from gloveport.tests.tools.database.sql.clinic import Rules, rule
from gloveport.tests.tools.database.sql.random_queries import SCHEMA_SQL, TABLES, Generator
from gloveport.tools.database.engines.engine import Statement
from gloveport.tools.database.sql import guard, reconcile
from gloveport.tools.database.sql.analysis import GuardSettings, Inference
from gloveport.tools.tool import Limits, ToolFailed, ToolRefused

QUERIES = 15
MASKED = {f"{table}.{column}": rule("person") for table, columns in TABLES.items() for column in columns}


async def test_sqlite_reads_no_column_that_the_walk_did_not_expect(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.db"
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA_SQL)
    connection.close()
    generator, tally = Generator(99), Counter[str]()
    async with open_clinic(path, deny=("t4",)) as fuzz:
        catalog = await fuzz.engine.catalog()
        settings = GuardSettings(catalog, Rules(MASKED, version="fuzz"), Inference.RELAXED)
        while tally["compared"] < QUERIES:
            text = generator.query()
            try:
                analysis = guard.analyse(text, settings)
            except ToolRefused:
                continue  # most are PostgreSQL's own
            expected = reconcile.expected_of(analysis, settings)
            try:
                await fuzz.engine.query(Statement(analysis.sql, (), expected, catalog.version), Limits(10, 2.0, 10_000))
            except ToolRefused as refused:
                assert refused.code == "sql_prepare", f"{refused.message} {text}"  # SQLite does not know the form
                continue
            except ToolFailed as failed:
                tally[failed.code] += 1
            tally["compared"] += 1
    assert sum(tally.values()) - tally["compared"] < QUERIES * 0.05
