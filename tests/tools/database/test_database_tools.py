"""The three tools as the chain uses them: plan, then run, on a real SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import pytest

from gloveport.tools.database.engines.engine import Settings
from gloveport.tools.database.rate import LiteralRate
from gloveport.tools.database.source import Database
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.database.tools import build_database_tools
from gloveport.tools.tool import (
    UNKNOWN,
    Action,
    ColumnRef,
    ColumnRule,
    Entries,
    JsonObject,
    Limits,
    Mask,
    OutputForm,
    Place,
    Plan,
    Planning,
    Running,
    Table,
    Tool,
    ToolFailed,
    ToolRefused,
)

SCHEMA = """
CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, ssn TEXT, city TEXT, income INTEGER);
CREATE TABLE visits (id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id), kind TEXT);
CREATE TABLE api_keys (id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id), secret TEXT);
CREATE INDEX by_email ON patients (email);
CREATE INDEX by_city ON patients (city, ssn);
CREATE TABLE letters (kind TEXT, email TEXT);
CREATE INDEX by_kind ON letters (kind, email);
CREATE VIEW contacts AS SELECT id, email AS handle, upper(name) AS loud FROM patients;
"""
CLASSES: Mapping[str, ColumnRule] = {
    "patients.name": ColumnRule("person", Mask.TOKEN, "config"),
    "patients.email": ColumnRule("email", Mask.TOKEN, "config", match_literal=True),
    "patients.ssn": ColumnRule("ssn", Mask.REDACT, "config"),
    "letters.email": ColumnRule("email", Mask.TOKEN, "config"),
    "patients.income": ColumnRule("money", Mask.REDACT, "config"),
}


@dataclass
class Rules:
    version: str = "1"
    columns: Mapping[str, ColumnRule] = field(default_factory=lambda: CLASSES)

    def get(self, column: ColumnRef) -> ColumnRule | None:
        return self.columns.get(f"{column.table}.{column.column}")


@dataclass
class Room:
    """A database, its tools, and a caller whose tokens are ``tok:CLASS:VALUE``."""

    database: Database
    path: Path
    rules: Rules = field(default_factory=Rules)

    @property
    def tools(self) -> dict[str, Tool]:
        return {tool.spec.name: tool for tool in build_database_tools([self.database])}

    def planning(self) -> Planning:
        def token_class(value: str | int) -> str | None:
            parts = str(value).split(":")
            return parts[1] if len(parts) == 3 and parts[0] == "tok" else None

        async def rules(name: str) -> Rules:
            assert name == "clinic"
            return self.rules

        return Planning("ann", token_class, lambda text: (), rules)

    async def plan(self, tool: str, **arguments: object) -> Plan:
        return await self.tools[tool].plan({"database": "clinic", **arguments}, self.planning())

    async def run(self, tool: str, plan: Plan, limits: Limits = Limits()) -> Table | Entries:
        values = [UNKNOWN if ":?" in slot.token else slot.token.split(":")[2] for slot in plan.slots]
        result = await self.tools[tool].run(plan, Running(values, limits))
        assert isinstance(result, Table | Entries)
        return result

    async def query(self, sql: str, **more: object) -> Table:
        result = await self.run("database_query", await self.plan("database_query", sql=sql, **more))
        assert isinstance(result, Table)
        return result

    async def execute(self, sql: str) -> Table:
        result = await self.run("database_execute", await self.plan("database_execute", sql=sql))
        assert isinstance(result, Table)
        return result

    async def schema(self, **arguments: object) -> list[JsonObject]:
        result = await self.run("database_schema", await self.plan("database_schema", **arguments))
        assert isinstance(result, Entries)
        return list(result.entries)

    def raw(self, sql: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                return connection.execute(sql).fetchall()
        finally:
            connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "clinic.db"
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA)
    rows = [(f"Name {i}", f"p{99 - i:02}@mail.test", f"{i:09}", f"City {i % 3}", 100 * i) for i in range(30)]
    connection.executemany("INSERT INTO patients (name, email, ssn, city, income) VALUES (?, ?, ?, ?, ?)", rows)
    connection.executemany("INSERT INTO letters VALUES ('thanks', ?)", [(f"p{99 - i}@mail.test",) for i in range(9)])
    connection.execute("INSERT INTO api_keys (secret) VALUES ('hush')")
    connection.commit()
    connection.close()
    return path


SETTINGS = Settings("clinic", "", deny=("api_keys",), write=True, min_group_size=5)


@pytest.fixture
async def room(path: Path, request: pytest.FixtureRequest) -> AsyncGenerator[Room]:
    more: dict[str, object] = getattr(request, "param", {})
    database = Database(replace(SETTINGS, url=f"sqlite:///{path}", **more))
    try:
        await database.start()
        yield Room(database, path)
    finally:
        await database.close()


async def refusal(awaitable) -> ToolRefused:
    with pytest.raises(ToolRefused) as caught:
        await awaitable
    return caught.value


def ref(table: str, column: str) -> ColumnRef:
    return ColumnRef("clinic", table, column)


async def test_which_tools_there_are(room):
    assert list(room.tools) == ["database_schema", "database_query", "database_execute"]
    read_only = Database(Settings("clinic", "sqlite:///x.db"))
    assert [tool.spec.name for tool in build_database_tools([read_only])] == ["database_schema", "database_query"]
    assert build_database_tools([]) == []
    for tool in room.tools.values():
        assert len(tool.spec.description) < 320
        assert "sql" not in tool.spec.recorded


async def test_a_query_from_plan_to_rows(room):
    sql = "SELECT id, name, email FROM patients WHERE city = 'City 1' ORDER BY id"
    plan = await room.plan("database_query", sql=sql)
    (access,) = plan.accesses
    assert (access.action, access.kind, access.name, access.parent) == (
        Action.DB_SELECT,
        "table",
        "clinic.patients",
        "clinic",
    )
    assert access.projected == {ref("patients", c) for c in ("id", "name", "email")}
    assert access.columns == {ref("patients", c) for c in ("id", "name", "email", "city")}
    assert (plan.statement or "").startswith('SELECT id, name, email FROM "main"."patients" WHERE city = ? ORDER BY id')
    assert [use.place for use in plan.indirect if use.column == ref("patients", "city")] == ["where"]
    assert plan.facts["sql.kind"] == "select"
    table = await room.run("database_query", plan)
    assert isinstance(table, Table)
    assert [(c.name, c.type, c.form) for c in table.columns] == [
        ("id", "integer", OutputForm.IDENTITY),
        ("name", "text", OutputForm.IDENTITY),
        ("email", "text", OutputForm.IDENTITY),
    ]
    assert table.rows[0] == (2, "Name 1", "p98@mail.test")
    assert (len(table.rows), table.truncated) == (10, False)


async def test_one_access_for_each_named_relation_and_no_column_lost(room):
    sql = "SELECT c.loud, v.kind FROM contacts c JOIN visits v ON v.patient_id = c.id"
    plan = await room.plan("database_query", sql=sql)
    by_name = {access.name: access for access in plan.accesses}
    assert set(by_name) == {"clinic.contacts", "clinic.visits"}
    assert ref("patients", "name") in by_name["clinic.contacts"].columns  # beneath the view
    assert ref("patients", "name") in by_name["clinic.contacts"].projected
    assert ref("visits", "patient_id") in by_name["clinic.visits"].columns


async def test_a_query_over_nothing_is_about_the_database(room):
    plan = await room.plan("database_query", sql="SELECT 1 + 1 AS two")
    assert [(access.kind, access.name) for access in plan.accesses] == [("database", "clinic")]
    assert (await room.query("SELECT 1 + 1 AS two")).rows == [(2,)]


async def test_tokens_become_bound_values(room):
    plan = await room.plan("database_query", sql="SELECT id FROM patients WHERE email = 'tok:email:p98@mail.test'")
    assert [(s.token, s.place, s.target, s.class_name) for s in plan.slots] == [
        ("tok:email:p98@mail.test", Place.EQUALITY, "clinic.patients.email", "email")
    ]
    assert "tok:email:p98@mail.test" in (plan.statement or "")
    assert (await room.run("database_query", plan)).rows == [(2,)]
    assert (await room.query("SELECT id FROM patients WHERE email = 'tok:email:?'")).rows == []


async def test_the_cap_on_rows_is_the_least_of_all(room):
    sql = "SELECT id FROM patients ORDER BY id"
    assert len((await room.query(sql, limit=7)).rows) == 7
    plan = await room.plan("database_query", sql=sql, limit=7)
    assert plan.limits.rows == 7
    table = await room.run("database_query", plan, Limits(rows=3))
    assert isinstance(table, Table)
    assert (len(table.rows), table.truncated) == (3, True)


async def test_rows_without_an_order_are_sorted_after_masking_and_not_cut(room):
    """An index holds the addresses: in which order rows come, and which are first, could follow them."""
    sql = "SELECT email FROM letters WHERE kind = 'thanks'"
    table = await room.query(sql)
    assert table.sort_rows
    refused = await refusal(room.query(sql, limit=5))
    assert refused.code == "sql_order"
    ordered = await room.query("SELECT id FROM patients ORDER BY id", limit=5)
    assert (len(ordered.rows), ordered.truncated) == (5, True)


async def test_strict_refuses_what_masked_columns_would_decide(room):
    refused = await refusal(room.plan("database_query", sql="SELECT id FROM patients WHERE ssn LIKE '0%'"))
    assert (refused.code, refused.place, refused.rule) == ("masked_column", "where", "inference:strict")
    totals = "SELECT city, avg(income) AS mean FROM patients GROUP BY city"
    refused = await refusal(room.plan("database_query", sql=totals))
    assert refused.rule == "inference:strict"


@pytest.mark.parametrize("room", [{"inference": Inference.BALANCED}], indirect=True)
async def test_balanced_answers_totals_over_enough_rows(room):
    room.raw("INSERT INTO patients (name, city, income) VALUES ('Lone', 'Village', 5000)")
    sql = "SELECT city, avg(income) AS mean FROM patients GROUP BY city ORDER BY city"
    plan = await room.plan("database_query", sql=sql)
    assert plan.facts["sql.inference"] == "balanced"
    table = await room.run("database_query", plan)
    assert isinstance(table, Table)
    assert [c.name for c in table.columns] == ["city", "mean"]
    assert table.columns[1].form is OutputForm.TOTAL
    assert [row[0] for row in table.rows] == ["City 0", "City 1", "City 2"]  # one person's income is no total
    assert all(len(row) == 2 for row in table.rows)


@pytest.mark.parametrize("room", [{"inference": Inference.RELAXED}], indirect=True)
async def test_a_statement_is_judged_in_the_strictest_mode_it_holds_in(room):
    harmless = await room.plan("database_query", sql="SELECT id, ssn FROM patients ORDER BY id")
    assert harmless.facts["sql.inference"] == "strict"
    curious = await room.plan("database_query", sql="SELECT id FROM patients WHERE ssn LIKE '00%' ORDER BY id")
    assert curious.facts["sql.inference"] == "relaxed"


@pytest.mark.parametrize("room", [{"class_inference": {"money": Inference.RELAXED}}], indirect=True)
async def test_a_class_may_have_a_mode_of_its_own(room):
    plan = await room.plan("database_query", sql="SELECT id FROM patients WHERE income > 2500 ORDER BY id")
    assert plan.facts["sql.inference"] == "relaxed"
    assert len((await room.run("database_query", plan)).rows) == 4
    refused = await refusal(room.plan("database_query", sql="SELECT id FROM patients WHERE ssn > '1' ORDER BY id"))
    assert refused.code == "masked_column"


async def test_literals_against_masked_columns_are_counted(room, monkeypatch):
    plan = await room.plan("database_query", sql="SELECT id FROM patients WHERE email = 'p98@mail.test'")
    assert plan.facts["sql.literal_matches"] == 1
    monkeypatch.setattr(LiteralRate.__init__, "__defaults__", (3, 60.0, LiteralRate.__init__.__defaults__[2]))
    query = room.tools["database_query"]
    for i in range(3):
        arguments: JsonObject = {"database": "clinic", "sql": f"SELECT id FROM patients WHERE email = 'a{i}@mail.test'"}
        await query.plan(arguments, room.planning())
    refused = await refusal(query.plan(arguments, room.planning()))
    assert refused.code == "literal-rate"


async def test_unknown_and_closed_tables_read_the_same(room):
    closed = await refusal(room.plan("database_query", sql="SELECT secret FROM api_keys"))
    unknown = await refusal(room.plan("database_query", sql="SELECT secret FROM api_kexs"))
    assert closed.code == unknown.code
    assert closed.message.replace("api_keys", "X") == unknown.message.replace("api_kexs", "X")
    assert closed.hint == unknown.hint
    closed = await refusal(room.plan("database_schema", table="api_keys"))
    unknown = await refusal(room.plan("database_schema", table="api_kexs"))
    assert closed.message.replace("api_keys", "X") == unknown.message.replace("api_kexs", "X")


async def test_an_unknown_database_is_refused_with_the_known_ones(room):
    for tool in room.tools.values():
        refused = await refusal(tool.plan({"database": "other", "sql": "SELECT 1"}, room.planning()))
        assert (refused.code, refused.hint) == ("unknown-database", "Databases: clinic.")


async def test_the_schema_says_what_becomes_of_each_column(room):
    tables = {entry["name"]: entry for entry in await room.schema()}
    assert set(tables) == {"patients", "visits", "letters", "contacts"}
    columns = {c["name"]: c for c in tables["patients"]["columns"]}
    assert columns["id"] == {"name": "id", "type": "INTEGER", "primary_key": True}
    assert columns["name"] == {"name": "name", "type": "TEXT", "required": True, "class": "person", "mask": "token"}
    assert columns["city"] == {"name": "city", "type": "TEXT"}
    assert tables["visits"]["foreign_keys"] == [{"columns": ["patient_id"], "references": "patients(id)"}]
    view = {c["name"]: c for c in tables["contacts"]["columns"]}
    assert (view["handle"]["class"], view["handle"]["mask"]) == ("email", "token")
    assert (view["loud"]["class"], view["loud"]["mask"]) == ("person", "redact")  # computed


async def test_one_table_by_any_spelling_the_database_takes(room):
    for name in ("patients", "Patients", "main.patients", '"patients"'):
        (entry,) = await room.schema(table=name)
        assert entry["name"] == "patients"
    plan = await room.plan("database_schema", table="PATIENTS")
    assert plan.accesses[0].name == "clinic.patients"
    hint = (await refusal(room.plan("database_schema", table="patient"))).hint
    assert "patients" in hint


async def test_a_wide_schema_is_listed_without_columns(room):
    columns = ", ".join(f"c{i}" for i in range(400))
    room.raw(f"CREATE TABLE wide ({columns})")
    await anyio.sleep(0.06)
    entries = await room.schema()
    assert {entry["name"]: entry["column_count"] for entry in entries}["wide"] == 400
    (wide,) = await room.schema(table="wide")
    assert len(wide["columns"]) == 400


async def test_a_schema_that_changes_between_plan_and_run(room):
    plan = await room.plan("database_query", sql="SELECT id, name FROM patients ORDER BY id")
    room.raw("ALTER TABLE patients ADD COLUMN extra TEXT")
    with pytest.raises(ToolFailed) as caught:
        await room.run("database_query", plan)
    assert (caught.value.code, caught.value.retryable) == ("schema-changed", True)
    assert len((await room.query("SELECT id, extra FROM patients ORDER BY id")).rows) == 30


async def test_rules_that_change_between_plan_and_run(room):
    plan = await room.plan("database_query", sql="SELECT id, city FROM patients ORDER BY id")
    room.rules = Rules("2", {**CLASSES, "patients.city": ColumnRule("address", Mask.REDACT, "config")})
    with pytest.raises(ToolFailed) as caught:
        await room.run("database_query", plan)
    assert caught.value.code == "schema-changed"


async def test_types_of_masked_columns_say_nothing_of_their_values(room):
    sql = "SELECT id, coalesce(income, name) AS x, max(ssn) AS y FROM patients GROUP BY id ORDER BY id"
    table = await room.query(sql)
    assert [column.type for column in table.columns] == ["integer", "text", "text"]


async def test_an_insert_with_tokens(room):
    sql = "INSERT INTO patients (name, email) VALUES ('tok:person:Real Name', 'tok:email:r@mail.test')"
    plan = await room.plan("database_execute", sql=sql)
    (access,) = plan.accesses
    assert (access.action, access.name) == (Action.DB_INSERT, "clinic.patients")
    assert {slot.place for slot in plan.slots} == {Place.VALUE}
    assert plan.written is None  # tokens are not the agent's own words
    told = await room.plan("database_execute", sql="INSERT INTO patients (name, city) VALUES ('Ann Own', 'Oslo')")
    assert set((told.written or "").splitlines()) == {"Ann Own", "Oslo"}
    table = await room.run("database_execute", plan)
    assert isinstance(table, Table)
    assert (table.columns, table.rows, dict(table.extra)) == ((), [], {"changed": 1})
    assert room.raw("SELECT name, email FROM patients WHERE id = 31") == [("Real Name", "r@mail.test")]


async def test_an_update_reads_other_tables_by_their_own_right(room):
    sql = "UPDATE visits SET kind = 'x' WHERE patient_id IN (SELECT id FROM patients WHERE city = 'City 1')"
    plan = await room.plan("database_execute", sql=sql)
    actions = {access.name: access.action for access in plan.accesses}
    assert actions == {"clinic.visits": Action.DB_UPDATE, "clinic.patients": Action.DB_SELECT}
    assert dict((await room.execute(sql)).extra) == {"changed": 0}


async def test_returned_rows_have_their_lineage(room):
    table = await room.execute("DELETE FROM patients WHERE id <= 2 RETURNING id, email")
    assert table.extra["changed"] == 2
    assert table.columns[1].sources == {ref("patients", "email")}
    assert sorted(table.rows) == [(1, "p99@mail.test"), (2, "p98@mail.test")]
    assert table.sort_rows


async def test_too_many_rows_are_not_changed(room):
    plan = await room.plan("database_execute", sql="DELETE FROM patients WHERE id > 0")
    with pytest.raises(ToolRefused) as caught:
        await room.run("database_execute", plan, Limits(rows=10))
    assert caught.value.code == "too-many-rows"
    assert room.raw("SELECT count(*) FROM patients") == [(30,)]


async def test_a_query_is_nothing_to_execute(room):
    refused = await refusal(room.plan("database_execute", sql="SELECT 1"))
    assert (refused.code, refused.hint) == ("sql_statement", "Use database_query for it.")
    refused = await refusal(room.plan("database_query", sql="DELETE FROM patients"))
    assert "database_execute" in refused.hint
