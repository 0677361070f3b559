"""INSERT, UPDATE, DELETE: no mask into the data, no protected value out of its column."""

from __future__ import annotations

import sqlite3

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS, KEY, RELATIONS, Clinic, column, table
from gloveport.tools.database.sql.analysis import Analysis, Inference, StatementKind
from gloveport.tools.database.sql.refusals import UseRefused
from gloveport.tools.tool import Action, Place, ToolRefused

TOKENS: dict[str | int, str] = {"tok_email": "email", "tok_ssn": "ssn", "tok_name": "person", 4711: "money"}


def clinic(dialect: str = "sqlite", mode: Inference = Inference.STRICT) -> Clinic:
    return Clinic(dialect, mode, TOKENS, writes=True)


def masked_written(analysis: Analysis) -> set[str]:
    return {ref.column for ref in analysis.writes}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_token_in_a_value_becomes_a_slot_of_its_column(dialect: str) -> None:
    analysis = clinic(dialect).analyse("INSERT INTO patients (id, email, city) VALUES (1, 'tok_email', 'Rome')")
    assert (analysis.kind, analysis.action) == (StatementKind.INSERT, Action.DB_INSERT)
    (slot,) = analysis.slots
    assert (slot.token, slot.place, slot.target) == ("tok_email", Place.VALUE, "clinic.patients.email")
    assert slot.class_name == "email"
    assert "tok_email" not in analysis.sql
    assert masked_written(analysis) == {"id", "email", "city"}
    assert analysis.target == "patients"
    assert analysis.relations == {"patients"}
    assert analysis.written == ("1", "Rome")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_slots_of_the_preview_are_those_of_its_conditions(dialect: str) -> None:
    analysis = clinic(dialect).analyse(
        "UPDATE patients SET email = 'tok_email', name = 'tok_name' WHERE ssn = 'tok_ssn' AND email = 'tok_email'"
    )
    assert [slot.token for slot in analysis.slots] == ["tok_email", "tok_name", "tok_ssn", "tok_email"]
    assert [slot.place for slot in analysis.slots] == [Place.VALUE] * 2 + [Place.EQUALITY] * 2
    assert analysis.preview_slots == (2, 3)
    assert analysis.preview_sql is not None
    assert analysis.preview_sql.startswith("SELECT count(*) FROM ")
    mark = "$2" if dialect == "postgresql" else "?"
    assert analysis.preview_sql.endswith(f"email = {mark}")


REFUSED = [
    ("INSERT INTO patients (id, city) VALUES (1, 'tok_email')", "token_place"),
    ("INSERT INTO patients (id, ssn) VALUES (1, 'tok_email')", "token_place"),
    ("INSERT INTO patients (id, email) VALUES (1, 'dear tok_email')", "token_place"),
    ("INSERT INTO patients (id, email) VALUES (1, 'tok_email' || '')", "sql_write"),
    ("INSERT INTO clinics (id, name) VALUES (1, 'tok_email' || '')", "token_place"),
    ("INSERT INTO patients (id, email) VALUES (1, '[masked:email]')", "token_place"),
    ("INSERT INTO clinics (id, phone) VALUES (1, '****1234')", "token_place"),
    ("INSERT INTO clinics (id, name) VALUES (1, 'see [masked:email]')", "token_place"),
    ("UPDATE clinics SET name = 'a' || '[masked:email]'", "token_place"),
    ("UPDATE patients SET ssn = '****6789'", "token_place"),
    ("INSERT INTO patients (id, email) VALUES (1, 'tok_unknown')", "token_place"),
    ("INSERT INTO clinics (id, name) VALUES (1, 'tok_unknown')", "token_place"),
    ("UPDATE visits SET cost = 4711", "token_place"),
    ("INSERT INTO clinics (name) SELECT email FROM patients", "masked_column"),
    ("INSERT INTO clinics (name) SELECT upper(email) FROM patients", "masked_column"),
    ("INSERT INTO clinics (id) SELECT length(email) FROM patients", "masked_column"),
    ("INSERT INTO clinics (name) SELECT address FROM mails", "masked_column"),
    ("INSERT INTO clinics (name) SELECT handle FROM patients", "masked_column"),
    ("INSERT INTO clinics (name) SELECT CASE WHEN ssn > '5' THEN 'a' END FROM patients", "masked_column"),
    ("INSERT INTO staff (email) SELECT name FROM patients", "sql_write"),
    ("INSERT INTO staff (email) SELECT city FROM patients", "sql_write"),
    ("INSERT INTO staff (email) SELECT 'a@b.c' FROM patients", "sql_write"),
    ("INSERT INTO staff (email) SELECT lower(email) FROM patients", "sql_write"),
    ("UPDATE patients SET email = city", "sql_write"),
    ("UPDATE patients SET email = 'a' || 'b'", "sql_write"),
    ("UPDATE patients SET email = ssn", "sql_write"),
    ("UPDATE patients SET city = email", "masked_column"),
    ("UPDATE patients SET email = lower(email)", "sql_write"),
    ("UPDATE patients SET email = (SELECT email FROM staff WHERE salary > 5)", "masked_column"),
    ("UPDATE visits SET cost = 1 WHERE patient_id IN (SELECT id FROM patients WHERE income > 5)", "masked_column"),
    ("DELETE FROM patients WHERE income > 5", "masked_column"),
    ("DELETE FROM patients WHERE ssn = '123'", "masked_column"),
    ("DELETE FROM visits WHERE cost > (SELECT max(income) FROM patients)", "masked_column"),
    ("INSERT INTO secrets (id) VALUES (1)", "unknown_relation"),
    ("DELETE FROM nowhere", "unknown_relation"),
    ("DELETE FROM sqlite_master", "unknown_relation"),
    ("INSERT INTO mails (id) VALUES (1)", "sql_write"),
    ("UPDATE patients SET handle = 'x'", "sql_write"),
    ("UPDATE patients SET nothing = 1", "unknown_column"),
    ("UPDATE patients SET (name, city) = ('a', 'b')", "sql_write"),
    ("INSERT INTO clinics (id, name) VALUES (1)", "sql_write"),
    ("INSERT INTO clinics (id) VALUES (1, 2)", "sql_write"),
    ("INSERT OR REPLACE INTO clinics (id) VALUES (1)", "sql_statement"),
    ("INSERT INTO clinics (id) VALUES (1) ON CONFLICT DO NOTHING", "sql_write"),
    ("INSERT INTO patients (id, email) VALUES (1, 'a') ON CONFLICT (email) DO NOTHING", "masked_column"),
    (
        "INSERT INTO patients (id, city) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET city = patients.email",
        "masked_column",
    ),
    (
        "INSERT INTO patients (id, city) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET city = 'x' WHERE ssn > '5'",
        "sql_write",
    ),
    ("DELETE FROM clinics; DELETE FROM visits", "sql_statement"),
    ("DROP TABLE clinics", "sql_statement"),
    ("ALTER TABLE clinics ADD COLUMN x TEXT", "sql_statement"),
    ("CREATE TABLE x AS SELECT * FROM patients", "sql_statement"),
    ("CREATE INDEX i ON patients (email)", "sql_statement"),
    ("WITH t AS (SELECT 1) INSERT INTO clinics (name) SELECT email FROM patients", "masked_column"),
    ("WITH clinics AS (SELECT 1) DELETE FROM clinics", "sql_construct"),
]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "duckdb"])
@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_what_must_not_be_written(dialect: str, text: str, code: str) -> None:
    assert clinic(dialect).refusal(text).code == code


@pytest.mark.parametrize("mode", list(Inference))
@pytest.mark.parametrize(
    "text",
    [
        "UPDATE patients SET city = email",
        "INSERT INTO clinics (name) SELECT email FROM patients",
        "UPDATE clinics SET name = (SELECT max(email) FROM patients)",
        "UPDATE patients SET city = CASE WHEN email LIKE 'a%' THEN 'x' ELSE city END",
    ],
)
def test_no_mode_lets_a_value_leave_its_column(mode: Inference, text: str) -> None:
    assert clinic("postgresql", mode).refusal(text).place == "value"


ALLOWED = [
    ("INSERT INTO visits (id, patient_id, day) VALUES (11, 2, '2024-01-01'), (13, 4, NULL)", "SELECT 2"),
    ("INSERT INTO visits VALUES (1, 2, '2024-01-01', 3.5)", "SELECT 1"),
    ("INSERT INTO clinics DEFAULT VALUES", "SELECT 1"),
    ("INSERT INTO patients (id, email, ssn) VALUES (9, 'new@example.org', NULL)", "SELECT 1"),
    ("INSERT INTO clinics (city) SELECT city FROM patients WHERE email = 'tok_email'", None),
    ("INSERT INTO staff (id, email) SELECT id + 10, email FROM patients WHERE city = 'Rome'", None),
    ("INSERT INTO visits (id, cost) VALUES (1, 2) ON CONFLICT (id) DO NOTHING", "SELECT 1"),
    ("INSERT INTO visits (id, cost) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET cost = excluded.cost", "SELECT 1"),
    (
        "INSERT INTO patients (id, email) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET email = excluded.email",
        "SELECT 1",
    ),
    ("UPDATE visits SET cost = cost * 2, day = NULL WHERE id IN (1, 2)", None),
    ("UPDATE visits SET cost = -5", None),
    ("UPDATE staff SET email = (SELECT email FROM patients WHERE patients.id = staff.id)", None),
    ("UPDATE patients SET city = c.city FROM clinics AS c WHERE c.id = patients.clinic_id", None),
    ("DELETE FROM visits WHERE id = 3", None),
    ("DELETE FROM visits", None),
    (
        "WITH t AS (SELECT id FROM patients WHERE email = 'tok_email') DELETE FROM visits WHERE patient_id IN "
        "(SELECT id FROM t)",
        None,
    ),
]


@pytest.fixture
def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript("""
        CREATE TABLE patients (id INTEGER PRIMARY KEY, name, email, ssn, born, income, hiv, city, clinic_id);
        CREATE TABLE clinics (id INTEGER PRIMARY KEY, name, city, phone);
        CREATE TABLE visits (id INTEGER PRIMARY KEY, patient_id, day, cost);
        CREATE TABLE staff (id INTEGER PRIMARY KEY, name, email, salary, boss_id);
        INSERT INTO patients (id, email, city, clinic_id) VALUES (1, 'a@x', 'Rome', 7), (2, 'b@x', 'Oslo', 7);
        INSERT INTO clinics VALUES (7, 'North', 'Bern', '1');
        INSERT INTO visits VALUES (2, 1, '2024-01-01', 10), (3, 1, '2024-01-02', 20), (4, 2, '2024-01-03', 30);
        INSERT INTO staff VALUES (1, 'Ann', 'ann@x', 5, NULL);
    """)
    return connection


@pytest.mark.parametrize(("text", "preview"), ALLOWED)
def test_what_may_be_written_runs_and_is_counted_first(
    text: str, preview: str | None, database: sqlite3.Connection
) -> None:
    analysis = clinic().analyse(text)
    if preview is not None:
        assert analysis.preview_sql == preview
    values = ["a@x" for _ in analysis.slots]
    assert analysis.preview_sql is not None
    ((expected,),) = database.execute(analysis.preview_sql, [values[i] for i in analysis.preview_slots]).fetchall()
    before = database.total_changes
    database.execute(analysis.sql, values)
    assert database.total_changes - before == expected


def test_update_from_counts_each_row_once(database: sqlite3.Connection) -> None:
    analysis = clinic().analyse("UPDATE patients SET city = 'X' FROM visits WHERE visits.patient_id = patients.id")
    assert analysis.preview_sql is not None
    assert database.execute(analysis.preview_sql).fetchall() == [(2,)]
    assert database.execute(analysis.sql).rowcount == 2


def test_update_from_must_name_one_row_where_the_order_could_tell() -> None:
    several = "UPDATE visits SET day = i.kind FROM indexed AS i WHERE i.kind = 'a'"
    assert clinic("postgresql").refusal(several).place == "from"
    one = "UPDATE visits SET day = i.kind FROM indexed AS i WHERE i.id = visits.patient_id AND i.kind = 'a'"
    assert clinic("postgresql").analyse(one).relations == {"visits", "indexed"}


def test_inserted_rows_come_in_an_open_order() -> None:
    sql = clinic().analyse("INSERT INTO clinics (name) SELECT kind FROM indexed").sql
    assert sql.endswith('ORDER BY "indexed"."id"')
    union = "INSERT INTO clinics (name) SELECT kind FROM indexed UNION ALL SELECT kind FROM indexed"
    assert clinic().refusal(union).code == "sql_write"


def test_returning_is_masked_like_any_output() -> None:
    clinic_ = clinic("postgresql")
    analysis = clinic_.analyse("DELETE FROM patients WHERE id = 3 RETURNING id, email, upper(ssn) AS s")
    assert [output.name for output in analysis.outputs] == ["id", "email", "s"]
    assert [clinic_.masked(output.sources) for output in analysis.outputs] == (
        [set(), {"patients.email"}, {"patients.ssn"}]
    )
    star = clinic_.analyse("UPDATE patients SET city = 'x' RETURNING *")
    assert len(star.outputs) == 11
    assert clinic_.refusal("UPDATE patients SET city = 'x' RETURNING ssn::int").place == "cast"
    text = "UPDATE patients SET city = 'x' FROM clinics c WHERE c.id = clinic_id RETURNING *"
    assert clinic_.refusal(text).place == "returning"


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE patients p JOIN clinics c ON c.id = p.clinic_id SET p.city = c.city",
        "DELETE p FROM patients p JOIN clinics c ON c.id = p.clinic_id",
        "DELETE FROM visits LIMIT 1",
        "INSERT IGNORE INTO clinics (id) VALUES (1)",
        "INSERT INTO clinics (id) VALUES (1) ON DUPLICATE KEY UPDATE name = 'x'",
        "REPLACE INTO clinics (id) VALUES (1)",
        "LOAD DATA INFILE 'x' INTO TABLE clinics",
        "TRUNCATE TABLE clinics",
    ],
)
def test_forms_of_mysql_that_are_not_traced(text: str) -> None:
    assert clinic("mysql").refusal(text).code in ("sql_statement", "sql_write", "sql_construct", "sql_syntax")


def test_default_is_a_word_not_a_column() -> None:
    for dialect in ("postgresql", "mysql", "duckdb"):
        assert "day = DEFAULT" in clinic(dialect).analyse("UPDATE visits SET day = DEFAULT").sql


def test_partitions_take_tokens_of_their_parents_class() -> None:
    part = table("patients_2024", KEY, column("email"), copies_from=("patients",))
    database = Clinic("postgresql", tokens=TOKENS, writes=True, relations=(*RELATIONS, part))
    assert len(database.analyse("INSERT INTO patients_2024 (id, email) VALUES (1, 'tok_email')").slots) == 1
    assert database.refusal("INSERT INTO patients_2024 (id, email) SELECT id, city FROM clinics").code == "sql_write"


def test_without_leave_to_write_nothing_is_written() -> None:
    with pytest.raises(ToolRefused, match="sql_statement") as info:
        Clinic().analyse("DELETE FROM visits")
    assert "database_execute" in info.value.hint


def test_a_query_is_still_a_query() -> None:
    assert clinic().analyse("SELECT city FROM clinics").kind is StatementKind.SELECT


def test_a_refused_write_tells_what_it_would_have_read_and_shown() -> None:
    with pytest.raises(UseRefused) as info:
        clinic().analyse("UPDATE patients SET city = 'Oslo' WHERE income > 5 RETURNING email")
    assert [output.name for output in info.value.outputs] == ["email"]
    assert ("income", "where") in {(use.column.column, use.place) for use in info.value.indirect}
