"""Trees that a live server prints: what they say is read, and that damage never passes unnoticed as something else."""

from __future__ import annotations

import random
from collections.abc import Generator

import psycopg
import pytest
from psycopg import pq

from gloveport.tools.database.engines.postgresql.nodetext import QueryTreeError
from gloveport.tools.database.engines.postgresql.querytree import Reading, read

SCHEMA = """
CREATE TYPE pair AS (x int, y text);
CREATE TABLE t (a int PRIMARY KEY, b text DEFAULT 'x', c int, d date, e int[], f pair, g jsonb);
CREATE TABLE u (a int, x text);
CREATE VIEW v AS SELECT a, b FROM t WHERE c > 1;
CREATE TABLE parted (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE secured (a int, x text);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secured USING (x = current_user);
"""

# A statement, and the sources of each of its outputs: t.b, or t.* for a whole row.
SHAPES = {
    "SELECT a, lower(b), 1, count(*) FROM t GROUP BY a, b": ["t.a", "t.b", "", ""],
    "SELECT sum(c) FILTER (WHERE a > 1) OVER w FROM t WINDOW w AS (PARTITION BY b ORDER BY d)": ["t.a t.b t.c t.d"],
    "SELECT t, (t.f).x, t.*::text, ROW(a, b), t.ctid::text FROM t": ["t.*", "t.f", "t.*", "t.a t.b", "t.ctid"],
    "SELECT CASE a WHEN 1 THEN b ELSE 'x' END, coalesce(b, d::text), a IN (1, c), e[a] FROM t": [
        "t.a t.b",
        "t.b t.d",
        "t.a t.c",
        "t.a t.e",
    ],
    "SELECT EXISTS (SELECT x FROM u), (SELECT max(x) FROM u WHERE u.a = t.a), a IN (SELECT a FROM u) FROM t": [
        "",
        "u.x",
        "t.a u.a",
    ],
    "SELECT array(SELECT x FROM u WHERE u.a = t.a), (a, b) < ALL (SELECT a, x FROM u) FROM t": [
        "u.x",
        "t.a t.b u.a u.x",
    ],
    "SELECT q FROM (SELECT b AS q, a FROM t) s(q, r)": ["t.b"],
    "SELECT s FROM (SELECT b, a FROM t) s": ["t.a t.b"],
    "SELECT * FROM t JOIN u USING (a)": ["t.a", "t.b", "t.c", "t.d", "t.e", "t.f", "t.g", "u.x"],
    "SELECT a FROM t FULL JOIN u USING (a)": ["t.a u.a"],
    "SELECT j.x FROM (t JOIN u USING (a)) AS j": ["u.x"],
    "SELECT b FROM t UNION SELECT x FROM u EXCEPT SELECT 'k'": ["t.b u.x"],
    "SELECT l.m FROM t, LATERAL (SELECT t.b AS m) l": ["t.b"],
    "SELECT k, w FROM t, jsonb_each_text(g) AS j(k, w)": ["t.g", "t.g"],
    "SELECT o, p, n FROM t, ROWS FROM (unnest(e), generate_series(1, c)) WITH ORDINALITY r(o, p, n)": [
        "t.e",
        "t.c",
        "",
    ],
    "SELECT column2 FROM t, LATERAL (VALUES (a, b), (c, 'x')) q": ["t.b"],
    "SELECT handle FROM (SELECT b AS handle FROM v) q": ["t.b"],
    "SELECT v FROM v": ["t.a t.b"],
    "WITH w AS (SELECT b, a FROM t) SELECT w2.b FROM w, w AS w2": ["t.b"],
    "WITH u AS (SELECT b AS x FROM t) SELECT x FROM u": ["t.b"],
    "WITH RECURSIVE r(i, p, q) AS (SELECT 1, b, 'k' FROM t UNION ALL SELECT i + 1, q, p FROM r WHERE i < 3) "
    "SELECT p, q, i FROM r": ["t.b", "t.b", ""],
    "WITH RECURSIVE r(p, q, s) AS (SELECT b, 'k', 'k' FROM t UNION SELECT s, p, q FROM r) SELECT s FROM r": ["t.b"],
    "WITH RECURSIVE r(p) AS (SELECT 'k' UNION ALL (WITH i AS (SELECT x || p AS z FROM u, r) SELECT z FROM i)) "
    "SELECT p FROM r": ["u.x"],
    "SELECT string_agg(b, ',' ORDER BY c), percentile_cont(0.5) WITHIN GROUP (ORDER BY a), count(DISTINCT d) FROM t": [
        "t.b t.c",
        "t.a",
        "t.d",
    ],
    "SELECT a, grouping(a) FROM t GROUP BY ROLLUP (a)": ["t.a", "t.a"],
    "SELECT DISTINCT ON (b) a FROM t ORDER BY b, c LIMIT 3": ["t.a"],
    "SELECT id FROM parted": ["parted.id"],
    "SELECT a FROM secured": ["secured.a"],
    "SELECT a FROM t TABLESAMPLE bernoulli (10)": ["t.a"],
    "SELECT $1::int, a FROM t WHERE b = $2": ["", "t.a"],
    "INSERT INTO u SELECT a, b FROM t RETURNING x": ["u.x"],
    "INSERT INTO t (a, b) VALUES (1, 'x') ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING a": ["t.a"],
    "UPDATE u SET x = b FROM t WHERE t.a = u.a RETURNING u.a, t.b": ["u.a", "t.b"],
    "DELETE FROM u WHERE x = 'k'": [],
}
REFUSED = [
    "WITH d AS (DELETE FROM u RETURNING x) SELECT x FROM d",
    "SELECT a FROM t FOR UPDATE",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SEARCH DEPTH FIRST BY n SET o SELECT n FROM r",
    "CREATE TABLE more AS SELECT 1",
    "EXPLAIN SELECT 1",
    "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE",
]


class Trees:
    """A connection that prints trees, in a schema that is never committed."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)
        self._found: list[str] = []
        self._connection.add_notice_handler(self._note)
        self._connection.execute("CREATE SCHEMA trees_of_the_test; SET LOCAL search_path = trees_of_the_test")
        self._connection.execute(SCHEMA.encode())
        rows = self._connection.execute(
            "SELECT c.oid, a.attnum, c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a "
            "ON a.attrelid = c.oid WHERE c.relnamespace = 'trees_of_the_test'::regnamespace"
        ).fetchall()
        self.names = {(int(oid), int(number)): str(name) for oid, number, name in rows}
        self.names |= {(oid, 0): name.partition(".")[0] + ".*" for (oid, _), name in self.names.items()}
        self._connection.execute("SET LOCAL log_min_messages = fatal; SET LOCAL client_min_messages = log")

    def _note(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.message_primary == "rewritten parse tree:":
            self._found.append(diagnostic.message_detail or "")

    def of(self, sql: str) -> str:
        self._connection.execute(
            "SAVEPOINT one; SET LOCAL debug_pretty_print = off; SET LOCAL debug_print_rewritten = on"
        )
        self._found.clear()
        result = self._connection.pgconn.prepare(b"", sql.encode())
        found = list(self._found)
        self._connection.execute("ROLLBACK TO one")
        assert result.status == pq.ExecStatus.COMMAND_OK, result.error_message
        return found[0] if found else ""

    def named(self, reading: Reading) -> list[str]:
        return [" ".join(sorted(self.names[cell] for cell in output)) for output in reading.outputs]

    def close(self) -> None:
        self._connection.rollback()
        self._connection.close()


@pytest.fixture(scope="module")
def trees(server_url: str) -> Generator[Trees]:
    opened = Trees(server_url)
    yield opened
    opened.close()


@pytest.mark.parametrize("sql", SHAPES)
def test_sources_of_every_output(trees: Trees, sql: str) -> None:
    reading = read(trees.of(sql))
    assert trees.named(reading) == SHAPES[sql]
    assert reading.command == sql.split()[0].lower().replace("with", "select")
    shown = {cell for output in reading.outputs for cell in output}
    assert shown <= reading.columns | {cell for cell in shown if cell[1] == 0}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_not_known_is_refused(trees: Trees, sql: str) -> None:
    with pytest.raises(QueryTreeError):
        read(trees.of(sql))


def test_what_only_decides_is_read_but_no_source(trees: Trees) -> None:
    reading = read(trees.of("SELECT a FROM t WHERE b > 'm' AND EXISTS (SELECT 1 FROM u WHERE u.x = t.b) ORDER BY c"))
    assert trees.named(reading) == ["t.a"]
    assert {trees.names[cell] for cell in reading.columns} == {"t.a", "t.b", "t.c", "u.x"}


def test_row_security_is_the_owners_business(trees: Trees) -> None:
    reading = read(trees.of("SELECT a FROM secured"))
    assert {trees.names[cell] for cell in reading.columns} == {"secured.a"}


def test_functions_of_every_kind_are_named(trees: Trees) -> None:
    sql = (
        "SELECT lower(b), a + 1, a::text, b::varchar(3), sum(a) OVER (ORDER BY d), (a, c) < (1, 2), e::text "
        "FROM t TABLESAMPLE system (1) ORDER BY b"
    )
    kinds = {(call.what, call.form) for call in read(trees.of(sql)).calls}
    assert {("function", 0), ("function", -1), ("function", 1), ("aggregate", -1), ("operator", -1)} <= kinds
    assert {("type", -1), ("sampler", -1)} <= kinds
    constants = read(trees.of("SELECT 'pg_class'::regclass::text, to_tsvector('simple', b) FROM t")).calls
    assert [call.oid for call in constants if call.what == "constant"] == [2205]


def test_damaged_trees_never_crash(trees: Trees) -> None:
    """Whatever is cut out of, put into or turned around in a real tree: an error, or a reading."""
    chance = random.Random(7)
    texts = [trees.of(sql) for sql in SHAPES]
    failed = 0
    for _ in range(1500):
        text = chance.choice(texts)
        at = chance.randrange(len(text))
        match chance.randrange(4):
            case 0:
                damaged = text[:at]
            case 1:
                damaged = text[:at] + text[at + chance.randrange(1, 40) :]
            case 2:
                damaged = text[:at] + chance.choice("(){}:\\ <9") + text[at:]
            case _:
                other = chance.choice(texts)
                damaged = text[:at] + other[chance.randrange(len(other)) :]
        try:
            read(damaged)
        except QueryTreeError:
            failed += 1
    assert failed > 1000
