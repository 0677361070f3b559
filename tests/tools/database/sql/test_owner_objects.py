"""What owners write, through the whole house: views, generated columns, indexes of words and macros over a table with a
canary in every protected cell. Nothing of it comes out: in no answer, error, log or recording."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest
from loguru import logger

from gloveport.guardrails.call import Caller, Request
from gloveport.guardrails.config import load_config
from gloveport.guardrails.house import House
from gloveport.tests.canaries import CANARIES, leaks

CELLS = {"person": CANARIES["person"], "mail": CANARIES["email"], "ill": CANARIES["health"], "doc": CANARIES["secret"]}
TABLES = """
CREATE TABLE people (ward text, id integer PRIMARY KEY, person text, mail text, ill text, doc text, {generated});
CREATE TABLE visits (visit integer PRIMARY KEY, id integer, kind text);
INSERT INTO visits VALUES (7, 1, 'check');
"""
SQLITE = {
    "generated": "low text AS (lower(mail)), lower2 text AS (low || '!')",
    "more": """
CREATE VIRTUAL TABLE texts USING fts5(ill, mail);
INSERT INTO texts SELECT ill, mail FROM people;
CREATE VIRTUAL TABLE words USING fts5vocab('texts', 'row');
CREATE VIEW shown AS SELECT id AS nr, ill AS w FROM people;
CREATE VIRTUAL TABLE shown_texts USING fts5(w, content='shown', content_rowid='nr');
INSERT INTO shown_texts(shown_texts) VALUES ('rebuild');
""",
}
SQLITE_VIEWS = (
    "SELECT id, mail, 'people'.'mail' AS x FROM people",
    "SELECT id, low, lower2 FROM people",
    "SELECT * FROM visits JOIN people USING (id)",
    "SELECT rowid AS r, * FROM people",
    "SELECT id, EXISTS (SELECT 1 FROM people q WHERE q.id = p.id AND q.ill LIKE 'Vander%') AS x FROM people p",
    "WITH a AS (SELECT * FROM visits), visits AS (SELECT id, id AS kind, mail FROM people) SELECT mail AS x FROM a",
    "SELECT id, hex(mail) AS x, quote(mail) AS y, (SELECT group_concat(doc) FROM people) AS z FROM people",
    "SELECT mail AS 'x', person AS [c d] FROM people",
    "SELECT snippet(texts, 0, '', '', '', 9) AS x FROM texts WHERE texts MATCH 'stage'",
    "SELECT term AS x FROM words",
    "SELECT c0 AS x FROM texts_content",
    "SELECT 1 AS x UNION ALL SELECT mail FROM people",
)
DUCKDB = {
    "generated": "low text AS (lower(mail))",
    "more": """
CREATE MACRO mail_of(i) AS (SELECT mail FROM people WHERE id = i);
CREATE MACRO upper(t) AS (SELECT max(person) FROM people);
CREATE MACRO range(t) AS TABLE SELECT mail FROM people;
""",
}
DUCKDB_VIEWS = (
    "SELECT mail, mail.trim() AS x, people.mail.trim() AS y FROM people",
    "SELECT mail, mail_of(id) AS x FROM people",
    "SELECT mail, person, upper(ward) AS x FROM people",
    "SELECT mail, COLUMNS('^mai') AS x FROM people",
    "SELECT mail, #4 AS x FROM people",
    "SELECT * FROM people JOIN visits USING (id)",
    "SELECT * FROM visits NATURAL JOIN people",
    "SELECT * EXCLUDE (id) FROM visits JOIN people USING (id)",
    "SELECT * REPLACE (mail AS ward) FROM people",
    "SELECT a AS x, b, mail FROM (SELECT id::text AS a, ward AS b, mail FROM people UNION ALL BY NAME "
    "SELECT ward AS b, mail AS a, mail FROM people)",
    "SELECT * FROM (SELECT ward, id, mail FROM people) PIVOT (max(mail) FOR id IN (1, 2))",
    "SELECT mail, people AS x, {'a': mail} AS y, list_transform([1], lambda q: mail) AS z FROM people",
    "SELECT people.mail, r.x FROM people, range(1) AS r(x)",
    "SELECT x FROM query('SELECT mail AS x FROM people')",
)
DUCKDB_ASKED = (
    "SELECT mail, person, upper(ward) AS x FROM people",
    "SELECT people.mail, r.x FROM people, range(1) AS r(x)",
    "SELECT j.* FROM (people AS p JOIN visits AS v USING (id)) AS j",
    "SELECT j.a, j.b, j.c FROM (people AS p JOIN visits AS v USING (id)) AS j (a, b, c)",
)
CONFIG = """
databases:
  w: {{url: "{engine}:///w.db", classes: {{{classes}}}}}
recordings: ./recordings
"""
PEOPLE = "people.person: person, people.mail: email, people.ill: health, people.doc: secret"


def build(folder: Path, engine: str, parts: Mapping[str, str], views: tuple[str, ...]) -> None:
    connection = sqlite3.connect(folder / "w.db") if engine == "sqlite" else duckdb.connect(str(folder / "w.db"))
    run: Callable[..., object] = connection.execute
    for statement in filter(str.strip, TABLES.format(**parts).split(";")):
        run(statement)
    for number, row in enumerate([list(CELLS.values()), [value[::2] for value in CELLS.values()]], start=1):
        run(f"INSERT INTO people (ward, id, person, mail, ill, doc) VALUES ('north', {number}, ?, ?, ?, ?)", row)
    for statement in filter(str.strip, parts["more"].split(";")):
        run(statement)
    for number, body in enumerate(views):
        run(f"CREATE VIEW v{number} AS {body}")
    connection.commit()
    connection.close()
    texts = ", texts.ill: health, texts.mail: email" if engine == "sqlite" else ""
    (folder / "gloveport.yaml").write_text(CONFIG.format(engine=engine, classes=PEOPLE + texts))


@pytest.mark.parametrize(
    ("engine", "parts", "views", "asked"),
    [
        ("sqlite", SQLITE, SQLITE_VIEWS, ("SELECT * FROM words", "SELECT w AS x FROM shown_texts")),
        ("duckdb", DUCKDB, DUCKDB_VIEWS, DUCKDB_ASKED),
    ],
)
async def test_no_canary_comes_out_of_what_owners_write(
    tmp_path: Path, engine: str, parts: Mapping[str, str], views: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    build(tmp_path, engine, parts, views)
    names = ["people", *(f"v{number}" for number in range(len(views)))]
    forms = ("SELECT * FROM {}", "SELECT max(x) FROM {}", "SELECT CAST(x AS integer) FROM {}", "SELECT {0} FROM {0}")
    sent: list[str] = []
    logs: list[str] = []
    sink = logger.add(lambda message: logs.append(str(message)), level="TRACE")
    try:
        async with House.open(load_config(tmp_path / "gloveport.yaml")) as house:
            for sql in (*(form.format(name) for name in names for form in forms), *asked):
                call = Request("database_query", {"database": "w", "sql": sql}, Caller(transport="memory"))
                release = await house.chain.call(call)
                sent.append(json.dumps(release.content, default=str))
                assert not leaks(sent[-1], CELLS), sql
            call = Request("database_schema", {"database": "w"}, Caller(transport="memory"))
            sent.append(json.dumps((await house.chain.call(call)).content, default=str))
    finally:
        logger.remove(sink)
    assert any('"rows"' in text for text in sent)
    assert not leaks(sent, CELLS)
    assert not leaks(logs, CELLS)
    assert not leaks(tmp_path / "recordings", CELLS)
