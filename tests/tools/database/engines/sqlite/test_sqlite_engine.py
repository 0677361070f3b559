"""The SQLite engine on real files: rows, types, caps, errors, changes of schema and file."""

# ruff: noqa: ASYNC240 - tests look at files between calls

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from gloveport.tests.tools.database.engines.engine_kit import LIMITS
from gloveport.tests.tools.database.engines.sqlite.conftest import Clinic, failure, open_clinic, refusal
from gloveport.tools.database.catalog import RelationKind
from gloveport.tools.database.engines.engine import DatabaseError, Level
from gloveport.tools.database.engines.sqlite.engine import Settings, SQLiteEngine
from gloveport.tools.tool import UNKNOWN


async def test_rows_come_back_with_names_and_types(clinic: Clinic) -> None:
    rows = await clinic.query("SELECT id, name, age * 1.5 AS more, NULL AS none FROM patients ORDER BY id LIMIT 2")
    assert rows.names == ("id", "name", "more", "none")
    assert rows.types == ("integer", "text", "real", "")
    assert rows.rows == [(1, "Name 0", 0.0, None), (2, "Name 1", 1.5, None)]
    assert not rows.truncated


async def test_every_kind_of_value_arrives_as_it_is(clinic: Clinic) -> None:
    clinic.raw("CREATE TABLE kinds (i, r, t, b)")
    values = (-(2**63), 9e999, "Zoë 漢字 \U0001f600 \x01 \"'", b"\x00\xff")
    clinic.raw("INSERT INTO kinds VALUES (?, ?, ?, ?)", *values)
    await anyio.sleep(0.06)  # the catalog is looked at anew
    assert (await clinic.query("SELECT i, r, t, b FROM kinds")).rows == [values]


async def test_text_that_is_no_utf8_arrives_with_marks(clinic: Clinic) -> None:
    clinic.raw("INSERT INTO patients (id, name) VALUES (900, CAST(x'41ff42' AS TEXT))")
    assert (await clinic.query("SELECT name FROM patients WHERE id = 900")).rows == [("A�B",)]
    assert (await clinic.query("SELECT name FROM patients WHERE id = 1")).rows == [("Name 0",)]


async def test_more_rows_than_the_cap_are_cut_and_said_so(clinic: Clinic) -> None:
    cut = await clinic.query("SELECT id FROM patients ORDER BY id", rows=10)
    assert (len(cut.rows), cut.truncated) == (10, True)
    whole = await clinic.query("SELECT id FROM patients ORDER BY id LIMIT 10", rows=10)
    assert (len(whole.rows), whole.truncated) == (10, False)


async def test_more_bytes_than_the_cap_are_cut_at_a_whole_row(clinic: Clinic) -> None:
    cut = await clinic.query("SELECT id, name FROM patients ORDER BY id", bytes=500)
    assert cut.truncated
    assert 10 < len(cut.rows) < 100
    assert cut.rows == [(i + 1, f"Name {i}") for i in range(len(cut.rows))]


async def test_a_row_beyond_the_cap_on_bytes_is_an_error(clinic: Clinic) -> None:
    error = await failure(clinic.query("SELECT id, name, email, city FROM patients ORDER BY id", bytes=20))
    assert error.code == "row-too-large"
    assert (await clinic.query("SELECT id FROM patients ORDER BY id LIMIT 0", bytes=1)).rows == []


async def test_values_are_bound_and_an_unknown_token_equals_nothing(clinic: Clinic) -> None:
    sql = "SELECT id FROM patients WHERE email = 'tok1'"
    judged = await clinic.statement(sql, "p7@mail.test", token_class={"tok1": "email"}.get)
    assert "?" in judged.sql
    assert (await clinic.engine.query(judged, LIMITS)).rows == [(8,)]
    assert (await clinic.engine.query(replace(judged, values=(UNKNOWN,)), LIMITS)).rows == []
    assert (await clinic.engine.query(replace(judged, values=(2**70,)), LIMITS)).rows == []


async def test_the_file_cannot_be_written_by_a_query_whatever_the_text(clinic: Clinic) -> None:
    for sql in (
        "DELETE FROM patients",
        "DROP TABLE log",
        "ATTACH 'x.db' AS x",
        "PRAGMA query_only = 0",
        "VACUUM INTO '/tmp/copy.db'",
        "SELECT load_extension('x')",
        "CREATE TEMP TABLE t (a)",
        "SELECT id FROM patients; DELETE FROM patients",
    ):
        error = await refusal(clinic.unjudged(sql, "SELECT id FROM patients"))
        assert error.code in ("sql_prepare", "sql_disagreement"), sql
    assert clinic.raw("SELECT count(*) FROM patients") == [(200,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT email FROM patients",
        "SELECT 'patients'.'email' FROM 'patients'",
        "SELECT secret FROM api_keys",
        "SELECT sql FROM sqlite_schema",
        "SELECT count(*) FROM SQLITE_MASTER",
        "SELECT handle FROM contacts",
        "SELECT tail FROM patients",
        "SELECT id FROM patients WHERE id IN api_keys",
        "SELECT hex(randomblob(4)), zeroblob(9), printf('%s', id) FROM patients ORDER BY lower(email)",
    ],
)
async def test_what_sqlite_reads_beyond_the_expectation_does_not_run(clinic: Clinic, sql: str) -> None:
    """The authorizer is the second judge: here the first one is left out."""
    error = await refusal(clinic.unjudged(sql, "SELECT id FROM patients"))
    assert error.code in ("sql_disagreement", "sql_prepare")
    again = await refusal(clinic.unjudged(sql, "SELECT id FROM patients"))
    assert again.code == error.code


async def test_another_number_of_columns_than_expected_is_not_released(clinic: Clinic) -> None:
    error = await refusal(clinic.unjudged("SELECT id, id FROM patients", "SELECT id FROM patients"))
    assert error.code == "sql_prepare"


async def test_common_table_expressions_counted_only_are_no_tables(clinic: Clinic) -> None:
    rows = await clinic.query("WITH c AS (SELECT id FROM patients), d(x) AS (SELECT 1) SELECT count(*) AS n FROM c, d")
    assert rows.rows == [(200,)]
    small = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5) SELECT count(*) AS n FROM c"
    assert (await clinic.query(small)).rows == [(5,)]
    assert (await clinic.query("SELECT count(*) AS n FROM PATIENTS")).rows == [(200,)]


async def test_explain_says_the_plan_and_runs_nothing(clinic: Clinic) -> None:
    rows = await clinic.query("EXPLAIN QUERY PLAN SELECT id FROM patients WHERE id = 1")
    assert "SEARCH" in str(rows.rows)


async def test_no_scan_of_an_index_decides_the_order(clinic: Clinic) -> None:
    """Left alone, SQLite would scan the index on email, which is smaller than the table, and give ids by address."""
    clinic.raw("UPDATE patients SET email = 'z' || (1000 - id)")
    assert (await clinic.query("SELECT id FROM patients")).rows == [(i + 1,) for i in range(200)]


async def test_errors_met_while_running_are_fixed_sentences(clinic: Clinic) -> None:
    clinic.raw("UPDATE patients SET name = 'Hush Hush'")
    error = await failure(clinic.query("SELECT json_extract('{}', name) FROM patients"))
    assert "Hush" not in error.message + error.hint
    assert error.code == "sql-value"


async def test_errors_of_prepare_name_what_the_agent_wrote(clinic: Clinic) -> None:
    error = await refusal(clinic.query("SELECT sum(max(age)) FROM patients"))
    assert error.code.startswith("sql_")
    assert "max" in error.message.lower() or "aggregate" in error.message.lower()


async def test_values_beyond_the_limit_are_one_sentence(clinic: Clinic) -> None:
    clinic.raw("UPDATE patients SET name = ? WHERE id = 3", "x" * 1_500_000)
    assert (await failure(clinic.query("SELECT name FROM patients"))).code == "value-too-long"
    assert (await clinic.query("SELECT id FROM patients WHERE id = 3")).rows == [(3,)]


async def test_a_change_of_schema_is_seen_and_never_run_into(clinic: Clinic) -> None:
    old = await clinic.statement("SELECT id, name FROM patients")
    before = await clinic.engine.catalog()
    clinic.raw("ALTER TABLE patients RENAME COLUMN name TO moniker")
    error = await failure(clinic.engine.query(old, LIMITS))
    assert (error.code, error.retryable) == ("schema-changed", True)
    after = await clinic.engine.catalog()
    assert after.version != before.version
    assert after.relations["patients"].column("moniker") is not None
    assert (await clinic.query("SELECT moniker FROM patients WHERE id = 1")).rows == [("Name 0",)]


async def test_an_unchanged_catalog_is_the_same_object(clinic: Clinic) -> None:
    first = await clinic.engine.catalog()
    await anyio.sleep(0.06)
    assert await clinic.engine.catalog() is first


async def test_the_file_replaced_by_another_is_the_new_one(clinic: Clinic, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.executescript("CREATE TABLE fresh (a); INSERT INTO fresh VALUES (1)")
    connection.close()
    old = await clinic.statement("SELECT id FROM patients")
    other.replace(clinic.path)
    assert (await failure(clinic.engine.query(old, LIMITS))).code == "schema-changed"
    assert set((await clinic.engine.catalog()).relations) == {"fresh"}
    assert (await clinic.query("SELECT a FROM fresh")).rows == [(1,)]


async def test_the_file_deleted_while_serving(clinic: Clinic) -> None:
    old = await clinic.statement("SELECT id FROM patients")
    clinic.path.unlink()
    assert (await failure(clinic.engine.query(old, LIMITS))).code == "database-unreachable"
    await anyio.sleep(0.06)
    assert (await failure(clinic.engine.catalog())).code == "database-unreachable"


async def test_a_locked_file_says_so_and_may_be_tried_again(clinic: Clinic) -> None:
    other = sqlite3.connect(clinic.path, isolation_level=None)
    try:
        old = await clinic.statement("SELECT id FROM patients")
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        error = await failure(clinic.engine.query(old, LIMITS))
        assert (error.code, error.retryable) == ("locked", True)
    finally:
        other.close()
    assert len((await clinic.query("SELECT id FROM patients")).rows) == 200


async def test_a_write_ahead_log_is_read_too(clinic: Clinic) -> None:
    writer = sqlite3.connect(clinic.path, isolation_level=None)
    try:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO patients (id, name) VALUES (901, 'Late')")
        assert (await clinic.query("SELECT name FROM patients WHERE id = 901")).rows == [("Late",)]
    finally:
        writer.close()


async def test_what_the_catalog_says(clinic: Clinic) -> None:
    catalog = await clinic.engine.catalog()
    patients = catalog.relations["patients"]
    assert [c.name for c in patients.columns if c.primary_key] == ["id"]
    assert {c.name: c.generated for c in patients.columns}["tail"] == "substr(email, 1, 3)"
    assert ("email",) in patients.indexes
    assert catalog.relations["contacts"].definition == "SELECT id, email AS handle FROM patients"
    assert catalog.relations["found"].kind is RelationKind.VIRTUAL
    assert catalog.relations["found"].copies_from == ("patients",)
    assert "found_data" not in catalog.relations
    assert catalog.open_relations == frozenset({"patients", "visits", "log", "contacts", "found"})
    assert [(k.table, k.columns, k.referred_table, k.referred_columns) for k in catalog.foreign_keys] == [
        ("visits", ("patient",), "patients", ("id",))
    ]


async def test_virtual_tables_are_read_like_others(clinic: Clinic) -> None:
    """They run statements of their own on the tables they keep their data in."""
    clinic.raw("CREATE VIRTUAL TABLE letters USING fts5 (subject, body)")
    clinic.raw("INSERT INTO letters VALUES ('One', 'hello'), ('Two', 'world')")
    clinic.raw("CREATE VIRTUAL TABLE boxes USING rtree (id, low, high)")
    clinic.raw("INSERT INTO boxes VALUES (1, 0, 5)")
    await anyio.sleep(0.06)
    relation = (await clinic.engine.catalog()).relations["letters"]
    assert await clinic.engine.sample(relation, ["subject"], 5) == [("One",), ("Two",)]
    async with open_clinic(clinic.path) as fresh:  # its workers have never seen the file before
        assert (await fresh.query("SELECT subject FROM letters ORDER BY subject")).rows == [("One",), ("Two",)]
        assert (await fresh.query("SELECT count(*) AS n FROM letters")).rows == [(2,)]
        assert (await fresh.query("SELECT id, high FROM boxes")).rows == [(1, 5.0)]


async def test_samples_are_rows_and_an_unreadable_relation_has_none(clinic: Clinic) -> None:
    catalog = await clinic.engine.catalog()
    sample = await clinic.engine.sample(catalog.relations["patients"], ["id", "city"], 3)
    assert sample == [(1, "City 0"), (2, "City 1"), (3, "City 2")]
    gone = replace(catalog.relations["patients"], name="nowhere")
    assert await clinic.engine.sample(gone, ["id"], 3) == []


async def test_pages_go_through_a_whole_table(clinic: Clinic) -> None:
    patients = (await clinic.engine.catalog()).relations["patients"]
    page = clinic.engine.page
    assert await clinic.engine.count(patients) == 200
    by_key: list[object] = []
    after = None
    while rows := await page(patients, ["id", "name"], 60, order=["id"], after=after):
        by_key += [row[0] for row in rows]
        after = [rows[-1][0]]
    assert by_key == list(range(1, 201))
    two = await page(patients, ["city", "id"], 2, order=["city", "id"], after=["City 0", 190])
    assert two == [("City 0", 197), ("City 1", 2)]
    assert await page(patients, ["id"], 2, skip=198) == [(199,), (200,)]
    assert await page(patients, ["id"], 2, skip=200) == []
    error = await failure(page(replace(patients, name="nowhere"), ["id"], 3))
    assert error.code


async def test_what_is_listed_is_open_and_case_does_not_matter(database: Path) -> None:
    async with open_clinic(database, tables=("Patients", "contacts", "api_keys", "typo"), deny=("API_KEYS",)) as clinic:
        assert (await clinic.engine.catalog()).open_relations == frozenset({"patients", "contacts"})


async def test_the_examination_finds_nothing_wrong_with_a_plain_file(database: Path) -> None:
    async with open_clinic(database, functions=("add_tax",)) as clinic:
        levels = [finding.level for finding in await clinic.engine.examine()]
    assert levels[0] is Level.OK
    assert Level.BAD not in levels
    assert Level.WARN in levels  # functions are listed, and SQLite has none


BAD_FILES = {
    "missing.db": (None, "no such file"),
    "text.db": (b"this is no database, only text, and long enough to be looked at" * 20, "is no SQLite database"),
    "empty.db": (b"", "is empty"),
}


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_bad_file_stops_the_start_with_one_line(tmp_path: Path, name: str) -> None:
    content, words = BAD_FILES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DatabaseError, match=words) as caught:
        async with open_clinic(tmp_path / name):
            pass
    line = str(caught.value)
    assert line.startswith("databases.clinic.url: ")
    assert str(tmp_path / name) in line
    assert "\n" not in line


async def test_a_damaged_file_is_one_line(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[100:4000] = b"\xa5" * 3900  # the root page of the schema
    database.write_bytes(content)
    with pytest.raises(DatabaseError, match="is damaged"):
        async with open_clinic(database):
            pass


async def test_a_misspelt_denial_stops_the_start(database: Path) -> None:
    with pytest.raises(DatabaseError, match=r"databases\.clinic\.deny: api_kyes: no such table or view"):
        async with open_clinic(database, deny=("api_kyes",)):
            pass


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////tmp", "is a folder"),
        ("sqlite:///x.db?mode=rwc", "only immutable=1 is known"),
    ],
)
def test_a_url_that_cannot_be_served(url: str, words: str) -> None:
    with pytest.raises(DatabaseError, match=words):
        SQLiteEngine(Settings("clinic", url))


async def test_an_immutable_file_with_a_hard_name(tmp_path: Path) -> None:
    path = tmp_path / "é f%41#c.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    async with open_clinic(f"{path}?immutable=1") as clinic:
        assert set((await clinic.engine.catalog()).relations) == {"t"}


async def test_json_in_a_schema_is_no_damage(tmp_path: Path) -> None:
    """SQLite 3.40 takes its own JSON functions for unsafe there."""
    owner = sqlite3.connect(tmp_path / "json.db")
    owner.executescript(
        """CREATE TABLE docs (id INTEGER PRIMARY KEY, doc TEXT,
             kind TEXT GENERATED ALWAYS AS (json_extract(doc, '$.kind')) VIRTUAL);
           CREATE VIEW kinds AS SELECT id, json_extract(doc, '$.kind') AS kind FROM docs;"""
    )
    owner.execute("INSERT INTO docs (id, doc) VALUES (1, ?)", ('{"kind": "note"}',))
    owner.commit()
    owner.close()
    async with open_clinic(tmp_path / "json.db") as clinic:
        assert (await clinic.query("SELECT kind FROM docs")).rows == [("note",)]
        assert (await clinic.query("SELECT kind FROM kinds")).rows == [("note",)]
