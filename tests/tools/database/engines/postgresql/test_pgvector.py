"""Vectors as pgvector keeps them, on servers that have it: known by their types, never shown in any form.

The real values come from the database itself: its owner computes every expression, and nothing of what it gets may be
found in what an agent gets for the same text.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from gloveport.guardrails.doors.cli.app import app
from gloveport.policies.templates import write_default
from gloveport.tests.canaries import leaks
from gloveport.tests.e2e.conftest import Seen, Ward, connected
from gloveport.tests.tools.database.engines.engine_kit import LIMITS, GuardedEngine, started
from gloveport.tests.tools.database.sql.clinic import Rules, rule
from gloveport.tools.database.engines.engine import Settings
from gloveport.tools.database.engines.postgresql.engine import PostgreSQLEngine
from gloveport.tools.tool import Mask, ToolRefused

NAME = f"gloveport_vectors_{os.getpid()}"
SCHEMA = """
CREATE SCHEMA extensions;
CREATE EXTENSION vector SCHEMA extensions;
ALTER DATABASE {name} SET search_path = public, extensions;
SET search_path = public, extensions;
CREATE DOMAIN meaning AS vector(3);
CREATE DOMAIN short_meaning AS meaning CHECK (vector_norm(value) > 0);
CREATE TYPE chunk AS (label text, v vector(3));
CREATE TABLE notes (id int PRIMARY KEY, body text, price numeric(8,2),
  small vector(3), wide vector(384), half halfvec(8), sparse sparsevec(5), bits bit(128), many vector(3)[],
  named short_meaning, part chunk, parts chunk[], loose vector, fractions real[]);
CREATE TABLE empty (id int, a vector(3), b halfvec(3), c sparsevec(3), d vector[], e meaning, f chunk,
  g bit(384), h bit(8));
INSERT INTO notes SELECT i, 'Broken chair, call about order ' || i, i * 1.5, v, w, subvector(w, 1, 8)::halfvec(8),
  (v || '[0,0.5]'::vector)::sparsevec, binary_quantize(subvector(w, 1, 128)), ARRAY[v, v + v], v,
  ('x', v)::chunk, ARRAY[('x', v)::chunk], v, w::real[]
FROM (SELECT i, format('[%s,%s,%s]', 0.713137 + i / 1000.0, 0.250731 * i, -0.125391)::vector AS v,
    (SELECT array_agg(sin(n * 1.7 + i)) FROM generate_series(1, 384) n)::vector AS w
  FROM generate_series(1, 9) i) made;
CREATE TABLE written (id int PRIMARY KEY, label text, v vector(3));
CREATE VIEW near AS SELECT id, small AS place, small <-> '[1,0,0]' AS far, l2_normalize(small) AS unit FROM notes;
CREATE MATERIALIZED VIEW kept AS SELECT id, wide FROM notes;
CREATE INDEX ON notes USING hnsw (small vector_l2_ops);
CREATE INDEX ON notes USING hnsw (wide vector_cosine_ops);
GRANT USAGE ON SCHEMA public, extensions TO {agent}, {agent}_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {agent}, {agent}_writer;
GRANT INSERT, UPDATE ON written TO {agent}_writer;
ANALYZE;
"""
POLICY = """
@id("written") @why("a test of what masking holds when policy allows it")
permit (principal, action in [Action::"db.insert", Action::"db.update"], resource == Table::"notes.written");
"""
VECTORS = "small wide half sparse bits many named part parts loose fractions".split()
FUNCTIONS = (
    "l2_distance cosine_distance l1_distance inner_product hamming_distance l2_normalize vector_norm vector_dims "
    "subvector binary_quantize vector_send avg sum"
).split()
_TELLING = re.compile(r"\d*\.\d{5,}|\b[0-9a-f]{16,}|[01]{64,}")
REFUSED = {"masked_column", "sql_construct", "sql_function"}
PROBE = "'[0.5,-0.25,1]'"

# Selected from notes by the owner and by an agent. What the owner gets is what the agent must not.
EXPRESSIONS = f"""
small
wide
half
sparse
bits
many
named
part
parts
loose
fractions
small::text
CAST(wide AS text)
half::text
sparse::text
bits::text
many::text
named::text
part::text
left(small::text, 9)
concat(wide)
small::text || 'x'
format('%s', half)
small::real[]
half::real[]
wide::real[]
(small::real[])[1]
fractions[2]
many[1]
(part).v
(part).v::text
(part).label
(parts[1]).v
small + small
small - named
small * small
small || small
-1 * (small::real[])[1]
coalesce(small, named)
CASE WHEN id > 0 THEN small END
nullif(small, named)
notes
notes::text
to_jsonb(notes)
row_to_json(notes)
ROW(id, small)
to_json(small)
to_jsonb(many)
json_build_object('v', wide::text)
ARRAY[small, named]
unnest(many)
unnest(fractions)
array_agg(small)
string_agg(wide::text, ';')
json_agg(half::text)
avg(small)
sum(wide)
avg(half)
md5(wide::text)
encode(vector_send(small), 'hex')
vector_send(small)
l2_normalize(small)
l2_normalize(wide)::text
vector_norm(small)
subvector(wide, 1, 3)
subvector(wide, 5, 9)::text
binary_quantize(wide)
l2_distance(small, {PROBE})
cosine_distance(small, {PROBE})
l1_distance(small, {PROBE})
inner_product(small, {PROBE})
max(cosine_distance(small, {PROBE}))
small <-> {PROBE}
small <=> {PROBE}
small <#> {PROBE}
small <+> {PROBE}
small <-> {PROBE}::vector
small OPERATOR(extensions.<->) {PROBE}
max(small <-> {PROBE})
first_value(small) OVER (ORDER BY id)
first_value(small <-> {PROBE}) OVER (ORDER BY id)
(SELECT m.small FROM notes m WHERE m.id = notes.id)
""".strip().split("\n")
SHOWN = (
    *(f"SELECT {expression} FROM notes" for expression in EXPRESSIONS),
    "SELECT small FROM notes UNION ALL SELECT named FROM notes",
    "WITH w AS (SELECT small AS body FROM notes) SELECT body FROM w",
    "SELECT v FROM notes, unnest(wide::real[]) AS v",
    "SELECT wide FROM kept",
    "SELECT place FROM near",
    "SELECT far FROM near",
    "SELECT unit FROM near",
)
# What decides by a vector. Refused by default; in relaxed mode some may, and still show nothing of it.
DECIDES = (
    f"SELECT id FROM notes ORDER BY small <-> {PROBE} LIMIT 3",
    "SELECT id, body FROM notes ORDER BY wide <=> (SELECT wide FROM notes WHERE id = 1)",
    f"SELECT id FROM notes ORDER BY cosine_distance(small, {PROBE})",
    f"SELECT id FROM notes WHERE small <-> {PROBE} < 0.9",
    f"SELECT count(*) FROM notes WHERE l2_distance(small, {PROBE}) < 0.9",
    f"SELECT id FROM notes WHERE small = {PROBE}",
    f"SELECT id FROM notes WHERE small > {PROBE}",
    "SELECT id FROM notes WHERE small::text LIKE '[0.7%'",
    "SELECT id FROM notes WHERE (small::real[])[1] > 0.7",
    "SELECT id FROM notes ORDER BY small",
    "SELECT DISTINCT small FROM notes",
    "SELECT a.id FROM notes a JOIN notes b ON a.small = b.named",
    "SELECT id FROM near ORDER BY far",
)


@dataclass
class Vectors:
    """A database with vectors, as its owner and as the agent's role."""

    owner_url: str
    agent_url: str

    @cached_property
    def telling(self) -> list[str]:
        """What tells of a vector in what the owner gets: fractions of many digits, hex, long strings of bits."""
        found: dict[str, None] = {}
        with psycopg.connect(self.owner_url) as owner:
            for text in SHOWN:
                result = owner.pgconn.exec_(text.encode())
                assert result.ntuples, (text, result.error_message)
                cells = [result.get_value(0, column) or b"" for column in range(result.nfields)]
                found |= dict.fromkeys(_TELLING.findall(b" ".join(cells).decode())[:1])
        return list(found)

    def config(self, folder: Path, **more: object) -> Ward:
        path = folder / "gloveport.yaml"
        notes = {"url": self.agent_url, **more}
        settings: dict[str, object] = {"databases": {"notes": notes}, "recordings": "./recordings"}
        if "write" in more:
            write_default(folder / "policies")
            (folder / "policies" / "rules" / "open.cedar").write_text(POLICY)
            settings["policies"] = "./policies"
        path.write_text(json.dumps(settings))
        return Ward(folder, path)


@pytest.fixture(scope="module", params=["16", "18"])
def vectors(request: pytest.FixtureRequest, bundled_postgres: Callable[[str], str]) -> Generator[Vectors]:
    url = bundled_postgres(request.param)
    agent = f"{NAME}_agent"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {NAME}".encode())
        for role in (agent, f"{agent}_writer"):
            server.execute(f"CREATE ROLE {role} LOGIN".encode())
            server.execute(f"ALTER ROLE {role} SET log_min_messages = fatal".encode())
        server.execute(f"REVOKE TEMP ON DATABASE {NAME} FROM PUBLIC".encode())
        own = f"{url.rpartition('/')[0]}/{NAME}"
        try:
            with psycopg.connect(own, autocommit=True) as owner:
                owner.execute(SCHEMA.format(name=NAME, agent=agent).encode())
            yield Vectors(own, own.replace("postgres@", f"{agent}@"))
        finally:
            server.execute(f"DROP DATABASE {NAME} WITH (FORCE)".encode())
            server.execute(f"DROP ROLE {agent}, {agent}_writer".encode())


@dataclass
class Asked:
    """An agent's session on the database."""

    seen: Seen

    async def query(self, text: str) -> dict[str, Any]:
        return await self.seen.call("database_query", database="notes", sql=text)

    async def refused(self, text: str) -> dict[str, Any]:
        answer = await self.query(text)
        assert answer["status"] == "refused", text
        assert answer["error"]["hint"], text
        return answer["error"]


Ask = Callable[..., AbstractAsyncContextManager[Asked]]


@pytest.fixture
def ask(vectors: Vectors, tmp_path: Path) -> Ask:
    @asynccontextmanager
    async def asking(**more: object) -> AsyncGenerator[Asked]:
        """A session of which nothing that was sent, logged or recorded tells of a vector."""
        ward = vectors.config(tmp_path, **more)
        async with connected(ward) as seen:
            yield Asked(seen)
        assert not leaks([seen.everything, seen.logs, ward.recordings], vectors.telling)

    return asking


async def test_their_types_are_enough_to_know_them(ask: Ask) -> None:
    async with ask() as agent:
        described = await agent.seen.call("database_schema", database="notes")
    classes = {
        f"{entry['name']}.{column['name']}": column.get("class")
        for entry in described["entries"]
        for column in entry["columns"]
    }
    of_vectors = {f"notes.{name}" for name in VECTORS} | {f"empty.{name}" for name in "abcdefg"}
    assert {name for name, class_name in classes.items() if class_name == "embedding"} >= of_vectors
    assert {classes[name] for name in ("notes.id", "notes.price", "empty.h", "near.id")} == {None}


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
async def test_no_expression_shows_one(ask: Ask, mode: str) -> None:
    """In relaxed mode, where most of them run, with pgvector's functions opened too."""
    released = 0
    async with ask(inference=mode, functions=FUNCTIONS if mode == "relaxed" else []) as agent:
        for text in SHOWN:
            answer = await agent.query(text)
            assert answer["status"] in ("released", "refused"), (text, answer)
            if answer["status"] == "refused":
                assert answer["error"]["code"] in REFUSED, (text, answer)
                assert answer["error"]["hint"], text
                continue
            released += 1
            assert {cell for row in answer["rows"] for cell in row} == {"[masked:embedding]"}, text
        everything = await agent.query("SELECT * FROM notes ORDER BY id LIMIT 1")
    assert released > len(SHOWN) / 3
    masked = [column["name"] for column in everything["columns"] if column["mask"] is not None]
    assert set(masked) >= set(VECTORS)


@pytest.mark.parametrize("mode", ["strict", "balanced"])
async def test_none_decides_which_rows_come_back(ask: Ask, mode: str) -> None:
    async with ask(inference=mode) as agent:
        codes = {(await agent.refused(text))["code"] for text in DECIDES}
    assert codes == {"masked_column", "sql_construct", "sql_function"}


async def test_whoever_asks_for_a_distance_hears_of_the_search(ask: Ask) -> None:
    async with ask(inference="relaxed") as agent:
        for operator in ("<->", "<=>", "<#>", "<+>"):
            refused = await agent.refused(f"SELECT id FROM notes ORDER BY small {operator} {PROBE} LIMIT 3")
            assert (refused["place"], "database_search" in refused["hint"]) == (operator, True)
        refused = await agent.refused(f"SELECT cosine_distance(small, {PROBE}) FROM notes")
        assert "database_search" in refused["hint"]
        refused = await agent.refused("SELECT avg(small) FROM notes")
        assert refused["message"] == "For values of this type avg is a function of an extension, and not allowed."
        refused = await agent.refused("SELECT id FROM notes WHERE small = 'no vector'")
        assert refused["code"] == "sql_prepare"


async def test_what_is_open_beside_them_can_be_asked(ask: Ask) -> None:
    search = {"notes.body": "id"}
    async with ask(search=search) as agent:
        counted = await agent.query("SELECT count(small), sum(price) FROM notes WHERE small IS NOT NULL")
        found = await agent.seen.call("database_search", database="notes", text="broken chair order 3", limit=1)
        viewed = await agent.query("SELECT id FROM near WHERE id < 3 ORDER BY id")
    assert counted["rows"] == [[9, "67.50"]]
    assert found["rows"][0][0] == 3
    assert viewed["rows"] == [[1], [2]]


async def test_one_can_be_written_but_not_read_back(ask: Ask, vectors: Vectors) -> None:
    async with ask(url=vectors.agent_url.replace("_agent@", "_agent_writer@"), write=True) as agent:

        async def execute(text: str) -> dict[str, Any]:
            return await agent.seen.call("database_execute", database="notes", sql=text)

        made = await execute("INSERT INTO written (id, v) VALUES (1, '[0.25,0.5,1]'), (2, '[1,0,0]') RETURNING id, v")
        assert made["status"] == "released", made
        changed = await execute("UPDATE written SET v = '[0,0,1]' WHERE id = 2 RETURNING v")
        short = await execute("UPDATE written SET v = '[0,1]' WHERE id = 2")
        copied = await execute("UPDATE written SET label = v::text WHERE id = 2")
    assert made["rows"] == [[1, "[masked:embedding]"], [2, "[masked:embedding]"]]
    assert changed["rows"] == [["[masked:embedding]"]]
    assert (short["status"], copied["status"]) == ("failed", "refused")
    with psycopg.connect(vectors.owner_url) as owner:
        kept = owner.execute("SELECT v::text, label FROM written ORDER BY id").fetchall()
    assert kept == [("[0.25,0.5,1]", None), ("[0,0,1]", None)]


def test_none_is_exported(vectors: Vectors, tmp_path: Path) -> None:
    config = vectors.config(tmp_path).config
    arguments = ["export", "notes", "notes", "--to", str(tmp_path / "out"), "--config", str(config)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    with (tmp_path / "out" / "notes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert {row[name] for row in rows for name in VECTORS} == {"[masked:embedding]"}
    assert not leaks([result.output, tmp_path / "out"], vectors.telling)


# --- the second judge -------------------------------------------------------------------------------------------------


@pytest.fixture
async def judged(vectors: Vectors) -> AsyncGenerator[GuardedEngine[PostgreSQLEngine]]:
    async with started(PostgreSQLEngine(Settings("notes", vectors.agent_url))) as engine:
        yield GuardedEngine(engine)


async def test_the_server_tells_which_vectors_a_statement_reads(judged: GuardedEngine[PostgreSQLEngine]) -> None:
    sources: dict[str, list[set[str]]] = {
        f"SELECT small <-> {PROBE}, half <=> half, 1 FROM notes": [{"small"}, {"half"}, set()],
        "SELECT l2_normalize(wide)::text, vector_dims(half) FROM notes": [{"wide"}, {"half"}],
        "SELECT avg(small), sum(half) FROM notes": [{"small"}, {"half"}],
        "SELECT small::real[], (part).v, parts[1], named::vector FROM notes": [
            {"small"},
            {"part"},
            {"parts"},
            {"named"},
        ],
        "SELECT far, unit FROM near": [{"small"}, {"small"}],
    }
    for text, expected in sources.items():
        reads = await judged.engine.reads(text)
        assert [{ref.column for ref in output} for output in reads.sources or ()] == expected, text
    decides = await judged.engine.reads(f"SELECT id FROM notes WHERE small <-> {PROBE} < 1 ORDER BY wide <=> wide")
    assert {ref.column for ref in decides.columns} == {"id", "small", "wide"}


async def test_the_server_alone_stops_them_all(judged: GuardedEngine[PostgreSQLEngine]) -> None:
    """Were the guard to take any of these for a plain list of keys."""
    rules = Rules({f"notes.{name}": rule("embedding", Mask.REDACT) for name in VECTORS})
    statement = await judged.statement("SELECT id FROM notes", rules=rules)
    for text in (*SHOWN, *DECIDES):
        with pytest.raises(ToolRefused) as refused:
            await judged.engine.query(replace(statement, sql=text), LIMITS)
        assert refused.value.code in ("sql_disagreement", "sql_function"), text
