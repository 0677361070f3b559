"""`database_search` through the whole chain, on a real SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gloveport.guardrails.call import Caller, Release, Request, Status
from gloveport.guardrails.config import ConfigError, load_config
from gloveport.guardrails.house import House, HouseError
from gloveport.guardrails.private_file import write_private
from gloveport.tests.canaries import leaks
from gloveport.tools.tool import JsonObject

MAIL = "hildegard.umbrella@acme-clinic.com"
PHONE = "+49 170 5551234"
NOTES = [
    (1, f"Dry cough at night. Results go to {MAIL}."),
    (2, "Broken wrist after a fall from the bicycle."),
    (3, f"Coughing for two weeks, call {PHONE} in the morning."),
    (4, f"Asked for a second opinion; write to {MAIL} only."),
    (5, None),
]


def build(folder: Path, search: str = "{patients.notes: id, products.blurb: sku}", extra: str = "") -> Path:
    connection = sqlite3.connect(folder / "clinic.db")
    connection.executescript(
        "CREATE TABLE patients (id INTEGER PRIMARY KEY, email TEXT, notes TEXT);"
        "CREATE TABLE products (sku TEXT PRIMARY KEY, blurb TEXT);"
        "CREATE TABLE hidden (id INTEGER PRIMARY KEY, notes TEXT);"
    )
    connection.executemany("INSERT INTO patients (id, notes) VALUES (?,?)", NOTES)
    connection.executemany("INSERT INTO products VALUES (?,?)", [("A1", "steel bolt"), ("A2", "oak table with bolts")])
    connection.commit()
    connection.close()
    (folder / ".gloveport").mkdir(mode=0o700)
    write_private(folder / ".gloveport" / "key", b"5e" * 32)  # with a random key a surrogate may look like a question
    path = folder / "gloveport.yaml"
    path.write_text(
        f"""\
databases:
  clinic:
    url: sqlite:///clinic.db
    deny: [hidden]
    classes: {{patients.notes: free_text, patients.email: email}}
    open: [patients.id, products.sku, products.blurb]
    search: {search}
{extra}"""
    )
    return path


class Caller_:
    def __init__(self, house: House) -> None:
        self.house = house

    async def search(self, text: str, **arguments: object) -> Release:
        sent: JsonObject = {"database": "clinic", "text": text, **arguments}  # type: ignore[dict-item]
        return await self.house.chain.call(Request("database_search", sent, Caller(transport="cli")))

    async def query(self, sql: str) -> Release:
        sent: JsonObject = {"database": "clinic", "sql": sql}
        return await self.house.chain.call(Request("database_query", sent, Caller(transport="cli")))


@asynccontextmanager
async def opened(path: Path) -> AsyncGenerator[Caller_]:
    async with House.open(load_config(path)) as house:
        yield Caller_(house)


def rows(release: Release) -> list[list[object]]:
    assert release.status is Status.RELEASED, release.content
    found = release.content["rows"]
    assert isinstance(found, list)
    return found  # type: ignore[return-value]


async def test_keys_masked_texts_and_coarse_scores(tmp_path: Path) -> None:
    async with opened(build(tmp_path)) as caller:
        release = await caller.search("coughs at night", table="patients")
    found = rows(release)
    assert [row[0] for row in found[:2]] == [1, 3]
    assert all(isinstance(row[2], float) and row[2] == round(row[2], 2) for row in found)
    assert not leaks(release.content, [MAIL, PHONE])
    columns = release.content["columns"]
    assert isinstance(columns, list)
    assert [c["name"] for c in columns] == ["id", "notes", "score"]  # type: ignore[index]
    assert release.content["searched"] == 4
    assert release.content["partial"] is False


async def test_a_token_finds_the_rows_of_the_same_person(tmp_path: Path) -> None:
    async with opened(build(tmp_path)) as caller:
        first = rows(await caller.search("second opinion", table="patients", limit=1))
        token = str(first[0][1]).partition("write to ")[2].partition(" only")[0]
        assert token
        assert not leaks(token, [MAIL])
        found = rows(await caller.search(token, table="patients", limit=2))
    assert sorted(int(str(row[0])) for row in found) == [1, 4]


async def test_a_real_value_finds_nothing_and_is_not_confirmed(tmp_path: Path) -> None:
    async with opened(build(tmp_path)) as caller:
        right = rows(await caller.search("hildegard.umbrella", table="patients"))
        wrong = rows(await caller.search("waldemar.umbrosia", table="patients"))
        with_value = rows(await caller.search(f"cough {MAIL}", table="patients", limit=2))
        without = rows(await caller.search("cough nobody.here@elsewhere-clinic.org", table="patients", limit=2))
    assert right == wrong == []
    assert [row[:2] for row in with_value] == [row[:2] for row in without]


async def test_nothing_raw_is_recorded(tmp_path: Path) -> None:
    async with opened(build(tmp_path)) as caller:
        await caller.search(f"does {MAIL} cough", table="patients")
    assert not leaks(tmp_path / "recordings", [MAIL, PHONE])


async def test_which_column(tmp_path: Path) -> None:
    async with opened(build(tmp_path)) as caller:
        unclear = await caller.search("bolt")
        unknown = await caller.search("bolt", table="hidden")
        found = rows(await caller.search("bolt", table="products.blurb"))
    assert unclear.status is Status.REFUSED
    assert unclear.content["error"]["code"] == "which-column"  # type: ignore[index, call-overload]
    assert "patients.notes, products.blurb" in str(unclear.content)
    assert unknown.status is Status.REFUSED
    assert [row[0] for row in found] == ["A1", "A2"]


async def test_new_rows_are_found_and_rows_are_capped(tmp_path: Path) -> None:
    search = "{products.blurb: {key: sku, rows: 3}}"
    async with opened(build(tmp_path, search)) as caller:
        assert rows(await caller.search("granite")) == []
        connection = sqlite3.connect(tmp_path / "clinic.db")
        connection.executemany("INSERT INTO products VALUES (?,?)", [("A3", "granite slab"), ("A4", "granite sink")])
        connection.commit()
        connection.close()
        release = await caller.search("granite")
    assert [row[0] for row in rows(release)] == ["A3"]
    assert release.content["partial"] is True


async def test_columns_that_leave_masked_as_a_whole_are_not_searched(tmp_path: Path) -> None:
    async with opened(build(tmp_path, "{patients.email: id}")) as caller:
        release = await caller.search("umbrella")
    assert release.status is Status.REFUSED
    assert release.content["error"]["code"] == "not-searchable"  # type: ignore[index, call-overload]


async def test_a_policy_decides_on_both_columns(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    from gloveport.policies.templates import write_default

    write_default(policies)
    rule = (
        '@id("no-notes")\n@why("notes are for doctors")\n'
        'forbid (principal, action == Action::"db.select", resource)\n'
        'when { context.data.columns.contains("patients.notes") };\n'
    )
    (policies / "rules" / "notes.cedar").write_text(rule)
    async with opened(build(tmp_path, extra="policies: ./policies\n")) as caller:
        refused = await caller.search("cough", table="patients")
        allowed = await caller.search("bolt", table="products")
    assert refused.status is Status.REFUSED
    assert allowed.status is Status.RELEASED


async def test_the_tool_is_listed_only_where_columns_are_configured(tmp_path: Path) -> None:
    async with opened(build(tmp_path, "{}")) as caller:
        names = {spec.name for spec in await caller.house.chain.tools(Caller(transport="cli"))}
    assert "database_query" in names
    assert "database_search" not in names


@pytest.mark.parametrize(
    ("search", "complaint"),
    [
        ("{patients.nots: id}", "there is no column nots"),
        ("{patients.notes: idd}", "there is no column idd"),
        ("{patient.notes: id}", "there is no table patient"),
        ("{hidden.notes: id}", "the table is not open"),
        ("{patients.notes: {key: id, embedder: glove}}", "must be hashed or"),
    ],
)
async def test_what_does_not_exist_stops_the_start(tmp_path: Path, search: str, complaint: str) -> None:
    with pytest.raises(HouseError, match=complaint):
        async with opened(build(tmp_path, search)):
            pytest.fail("it started")


def test_search_names_a_column(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must be TABLE\.COLUMN"):
        load_config(build(tmp_path, "{notes: id}"))


@pytest.mark.parametrize("kept", ["list", "blob"])
async def test_vectors_never_leave(tmp_path: Path, kept: str) -> None:
    import json
    import random
    import struct

    path = build(tmp_path)
    numbers = [random.Random(3).gauss(0, 1) for _ in range(16)]
    value = json.dumps(numbers) if kept == "list" else struct.pack("<16f", *numbers)
    connection = sqlite3.connect(tmp_path / "clinic.db")
    connection.execute(f"CREATE TABLE chunks (id INTEGER PRIMARY KEY, v {'TEXT' if kept == 'list' else 'BLOB'})")
    connection.executemany("INSERT INTO chunks VALUES (?,?)", [(i, value) for i in range(5)])
    connection.commit()
    connection.close()
    async with opened(path) as caller:
        release = await caller.query("SELECT id, v FROM chunks ORDER BY id")
        computed = await caller.query("SELECT id, substr(v, 1, 4) AS v FROM chunks ORDER BY id")
    assert [row[1] for row in rows(release)] == ["[masked:embedding]"] * 5
    assert {row[1] for row in rows(computed)} == {"[masked:embedding]"}


async def test_names_are_tokens_before_texts_are_compared(tmp_path: Path) -> None:
    path = build(tmp_path)
    connection = sqlite3.connect(tmp_path / "clinic.db")
    connection.execute("UPDATE patients SET notes = 'Patient John Whitfield has a rash on the arm.' WHERE id = 2")
    connection.execute("UPDATE patients SET notes = 'Mrs. Sarah Whitfield has a rash on the leg.' WHERE id = 4")
    connection.commit()
    connection.close()
    async with opened(path) as caller:
        guessed = rows(await caller.search("Whitfield", table="patients"))
        named = rows(await caller.search("rash, John Whitfield", table="patients"))
        unnamed = rows(await caller.search("rash, Kurt Oppelmayer", table="patients"))
    assert guessed == []
    assert [row[0] for row in named] == [row[0] for row in unnamed]
    assert not leaks(named, ["Whitfield"])


async def test_a_view_shows_what_the_table_beneath_shows(tmp_path: Path) -> None:
    path = build(tmp_path, "{v_notes.words: id, v_shout.words: id}")
    connection = sqlite3.connect(tmp_path / "clinic.db")
    connection.execute("CREATE VIEW v_notes AS SELECT id, notes AS words FROM patients")
    connection.execute("CREATE VIEW v_shout AS SELECT id, upper(notes) AS words FROM patients")
    connection.execute("UPDATE patients SET notes = 'Patient John Whitfield has a rash on the arm.' WHERE id = 2")
    connection.commit()
    connection.close()
    async with opened(path) as caller:
        seen = await caller.search("rash on an arm", table="v_notes", limit=1)
        computed = await caller.search("rash", table="v_shout")
    assert rows(seen)[0][0] == 2
    assert not leaks(seen.content, ["Whitfield"])
    assert computed.status is Status.REFUSED
    assert computed.content["error"]["code"] == "not-searchable"  # type: ignore[index, call-overload]
