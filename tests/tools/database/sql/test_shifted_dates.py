"""Whose dates a result holds: the guard says it only where the very same row of the very same table does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS, KEY, RELATIONS, RULES, Clinic, column, table, view
from gloveport.tools.database.catalog import ForeignKey
from gloveport.tools.database.sql.analysis import Analysis, Inference
from gloveport.tools.database.sql.guard import analyse
from gloveport.tools.tool import ColumnRule, Mask, Subject

DATED: Mapping[str, ColumnRule] = {
    **RULES,
    "indexed.email": RULES["patients.email"],
    "patients.born": ColumnRule("birth_date", Mask.SHIFT, "config", subject=Subject("id")),
    "visits.day": ColumnRule("date", Mask.SHIFT, "config", subject=Subject("patient_id")),
    "visits.due": ColumnRule("date", Mask.SHIFT, "config", subject=Subject("patient_id")),
    "stays.since": ColumnRule("date", Mask.SHIFT, "config", subject=Subject("mrn")),
    "stays.mrn": ColumnRule("account", Mask.TOKEN, "config"),
}
TABLES = (
    *(relation for relation in RELATIONS if relation.name != "visits"),
    table(
        "visits",
        KEY,
        column("patient_id", "integer"),
        column("day", "date"),
        column("due", "date"),
        column("cost", "numeric"),
    ),
    table("stays", KEY, column("mrn"), column("since", "date"), column("note")),
    view("births", "SELECT id AS nr, born AS day, city FROM patients", "nr", "day", "city"),
    view("paired", "SELECT a.id AS nr, b.born AS day FROM patients a, patients b", "nr", "day"),
    view("all_days", "SELECT id AS nr, born AS day FROM patients UNION ALL SELECT id, day FROM visits", "nr", "day"),
)


def clinic(dialect: str = "sqlite", *, writes: bool = False) -> Clinic:
    return Clinic(dialect, relations=TABLES, rules=DATED, writes=writes, tokens={"tok": "account"})


def subjects(sql: str, dialect: str = "sqlite") -> list[int | None]:
    """In the mode that lets most through."""
    made = clinic(dialect).but(inference=Inference.RELAXED).analyse(sql)
    return [output.subject for output in made.outputs]


NOBODY = None
PAIRED: dict[str, list[int | None]] = {
    "SELECT id, born FROM patients": [NOBODY, 0],
    "SELECT born, city, id FROM patients": [2, NOBODY, NOBODY],
    "SELECT p.born AS b, p.id AS i FROM patients AS p": [1, NOBODY],
    "SELECT (p.born), (p.id) FROM patients AS p": [1, NOBODY],
    "SELECT DISTINCT id, born FROM patients": [NOBODY, 0],
    "SELECT id, born FROM patients WHERE city = 'Rome' ORDER BY id LIMIT 3": [NOBODY, 0],
    "SELECT patient_id, day, due, cost FROM visits": [NOBODY, 0, 0, NOBODY],
    "SELECT * FROM visits": [NOBODY, NOBODY, 1, 1, NOBODY],
    "SELECT v.* FROM visits AS v": [NOBODY, NOBODY, 1, 1, NOBODY],
    "SELECT p.id, p.born, v.patient_id, v.day FROM patients p JOIN visits v ON v.patient_id = p.id": [
        NOBODY,
        0,
        NOBODY,
        2,
    ],
    "SELECT a.id, a.born, b.id, b.born FROM patients a JOIN patients b ON b.clinic_id = a.clinic_id": [
        NOBODY,
        0,
        NOBODY,
        2,
    ],
    "SELECT p.id, p.born FROM clinics c LEFT JOIN patients p ON p.clinic_id = c.id": [NOBODY, 0],
    "SELECT mrn, since FROM stays": [NOBODY, 0],
    "SELECT i, b FROM (SELECT id AS i, born AS b FROM patients) AS t": [NOBODY, 0],
    "WITH t AS (SELECT id, born FROM patients) SELECT born, id FROM t": [1, NOBODY],
    "WITH t (i, b) AS (SELECT id, born FROM patients) SELECT b, i FROM t": [1, NOBODY],
    "WITH t AS (SELECT id, born FROM patients) SELECT a.id, a.born, b.born FROM t a, t b": [NOBODY, 0, NOBODY],
    "SELECT nr, day FROM births": [NOBODY, 0],
    "SELECT day, nr FROM (SELECT * FROM births) AS t": [1, NOBODY],
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sql", PAIRED)
def test_a_date_with_the_person_of_its_row(sql: str, dialect: str) -> None:
    assert subjects(sql, dialect) == PAIRED[sql]


UNPAIRED = {
    "no person": "SELECT born FROM patients",
    "another row's person": "SELECT a.born, b.id FROM patients a, patients b",
    "another table's person": "SELECT p.born, v.patient_id FROM patients p JOIN visits v ON v.patient_id = p.id",
    "another table's rows": "SELECT v.day, p.id FROM patients p, visits v",
    "not the person but the visit": "SELECT id, day FROM visits",
    "of a table derived twice": "SELECT a.b, c.i FROM (SELECT id AS i, born AS b FROM patients) AS a, "
    "(SELECT id AS i, born AS b FROM patients) AS c",
    "of a common table used twice": "WITH t AS (SELECT id, born FROM patients) SELECT a.born, b.id FROM t a, t b",
    "crossed beneath": "SELECT b, i FROM (SELECT a.born AS b, c.id AS i FROM patients a, patients c) AS t",
    "crossed in a view": "SELECT day, nr FROM paired",
    "a computed person": "SELECT born, id + 0 AS id FROM patients",
    "a computed date": "SELECT max(born), id FROM patients GROUP BY id",
    "a chosen date": "SELECT coalesce(born, born), id FROM patients",
    "a subquery for the person": "SELECT born, (SELECT p.id FROM patients p WHERE p.id = 5) AS id FROM patients",
    "a subquery for the date": "SELECT (SELECT p.born FROM patients p WHERE p.id = 5) AS born, id FROM patients",
    "united": "SELECT id, born FROM patients UNION SELECT id, born FROM patients",
    "united all": "SELECT id, born FROM patients UNION ALL SELECT patient_id, day FROM visits",
    "united in a view": "SELECT nr, day FROM all_days",
    "united beneath": "SELECT i, b FROM (SELECT id AS i, born AS b FROM patients UNION SELECT 5, born FROM patients) t",
    "a constant": "SELECT born, 5 AS id FROM patients",
    "merged": "SELECT id, born FROM patients JOIN clinics USING (id)",
    "recursive": "WITH RECURSIVE t AS (SELECT id, born FROM patients UNION ALL SELECT t.id + 1, t.born FROM t "
    "WHERE t.id < 9) SELECT id, born FROM t",
    "looked up sideways": "SELECT (SELECT max(x.born) FROM patients x WHERE x.id = p.id) AS b, p.id FROM patients p",
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sql", UNPAIRED.values(), ids=UNPAIRED)
def test_a_date_with_anybody_else(sql: str, dialect: str) -> None:
    assert set(subjects(sql, dialect)) == {NOBODY}


@pytest.mark.parametrize("dialect", ["postgresql", "duckdb"])
def test_rows_beside_each_other(dialect: str) -> None:
    sideways = "SELECT l.b, l.i FROM patients a, LATERAL (SELECT a.born AS b, p.id AS i FROM patients p) AS l"
    assert subjects(sideways, dialect) == [NOBODY, NOBODY]
    own = "SELECT l.b, l.i FROM clinics c, LATERAL (SELECT p.born AS b, p.id AS i FROM patients p) AS l"
    assert subjects(own, dialect) == [1, NOBODY]


@pytest.mark.parametrize("dialect", ["sqlite", "mysql"])
def test_groups(dialect: str) -> None:
    for sql in ("SELECT id, born FROM patients GROUP BY id", "SELECT id, born, count(*) FROM patients GROUP BY id"):
        assert set(subjects(sql, dialect)) == {NOBODY}


def test_a_name_that_means_two_things() -> None:
    assert subjects("SELECT city AS id, born, id FROM patients", "duckdb") == [NOBODY] * 3


def test_a_plan_of_a_query_holds_nobodys_dates() -> None:
    assert set(subjects("EXPLAIN QUERY PLAN SELECT id, born FROM patients")) == {NOBODY}


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "duckdb"])
def test_returned_rows(dialect: str) -> None:
    made = clinic(dialect, writes=True).analyse("UPDATE visits SET cost = 1 WHERE id = 3 RETURNING day, patient_id, id")
    assert [output.subject for output in made.outputs] == [1, NOBODY, NOBODY]


# What a write does to dates that were shifted before it


def redated(sql: str, dialect: str = "sqlite", keys: tuple[ForeignKey, ...] = ()) -> set[str]:
    settings = clinic(dialect, writes=True).settings
    catalog = replace(settings.catalog, foreign_keys=keys, version=f"{settings.catalog.version} {keys}")
    made: Analysis = analyse(sql, replace(settings, catalog=catalog))
    return {f"{ref.table}.{ref.column}" for ref in made.redated}


DAYS = {"visits.day", "visits.due"}
REDATED: dict[str, set[str]] = {
    "UPDATE visits SET cost = 5 WHERE id = 3": set(),
    "UPDATE visits SET day = '2020-01-01' WHERE id = 3": {"visits.day"},
    "UPDATE visits SET day = NULL WHERE id = 3": {"visits.day"},
    "UPDATE visits SET day = due WHERE id = 3": {"visits.day"},
    "UPDATE visits SET patient_id = 5 WHERE id = 3": set(),
    "UPDATE visits SET patient_id = '5' WHERE id = 3": set(),
    "UPDATE visits SET patient_id = NULL WHERE id = 3": set(),
    "UPDATE visits SET patient_id = ' 5' WHERE id = 3": DAYS,
    "UPDATE visits SET patient_id = 5.0 WHERE id = 3": DAYS,
    "UPDATE visits SET patient_id = '05' WHERE id = 3": DAYS,
    "UPDATE visits SET patient_id = -5 WHERE id = 3": DAYS,
    "UPDATE visits SET patient_id = id WHERE id = 3": DAYS,
    "UPDATE visits SET patient_id = patient_id + 1 WHERE id = 3": DAYS,
    "UPDATE visits SET patient_id = (SELECT p.id FROM patients p WHERE p.city = 'x' LIMIT 1) WHERE id = 3": DAYS,
    "DELETE FROM visits WHERE id = 3": set(),
    "INSERT INTO visits (id, patient_id, day) VALUES (1, 5, '2020-01-01')": set(),
    "INSERT INTO visits VALUES (1, 5, '2020-01-01', NULL, 3), (2, (6), NULL, NULL, 3)": set(),
    "INSERT INTO visits (id, patient_id, day) VALUES (1, 5, '2020-01-01'), (2, 5 + 1, '2020-01-01')": DAYS,
    "INSERT INTO visits (id, day) VALUES (1, '2020-01-01')": DAYS,
    "INSERT INTO visits (id, patient_id, day) SELECT v.id + 100, p.id, v.day FROM visits v, patients p": DAYS,
    "INSERT INTO stays (id, mrn, since) VALUES (1, 'tok', '2020-01-01')": set(),
    "INSERT INTO stays (id, mrn, since) VALUES (1, 'P0007', '2020-01-01')": set(),
    "UPDATE stays SET mrn = 'tok' WHERE id = 3": set(),
    "INSERT INTO clinics (id, name) VALUES (1, 'x')": set(),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sql", REDATED)
def test_what_a_write_does_to_dates(sql: str, dialect: str) -> None:
    assert redated(sql, dialect) == REDATED[sql]


def test_values_by_default() -> None:
    assert redated("UPDATE visits SET day = DEFAULT WHERE id = 3", "postgresql") == {"visits.day"}
    assert redated("UPDATE visits SET patient_id = DEFAULT WHERE id = 3", "postgresql") == DAYS
    assert redated("INSERT INTO visits DEFAULT VALUES", "postgresql") == DAYS
    assert redated("INSERT INTO visits (id, patient_id) VALUES (1, DEFAULT)", "postgresql") == DAYS


def test_a_row_that_was_there() -> None:
    insert = "INSERT INTO visits (id, patient_id, day) VALUES (1, 5, '2020-01-01') ON CONFLICT (id) DO UPDATE SET"
    assert redated(f"{insert} day = excluded.day") == {"visits.day"}
    assert redated(f"{insert} patient_id = excluded.patient_id") == DAYS
    assert redated(f"{insert} cost = 3") == set()


def test_a_change_that_foreign_keys_pass_on() -> None:
    keys = (ForeignKey("visits", ("patient_id",), "patients", ("id",)),)
    assert redated("UPDATE patients SET id = id + 1 WHERE id = 3", keys=keys) == {"patients.born", *DAYS}
    assert redated("UPDATE patients SET id = 8 WHERE id = 3", keys=keys) == DAYS
    assert redated("INSERT INTO patients (id, city) VALUES (8, 'x')", keys=keys) == set()


def test_a_token_says_whose_a_row_is() -> None:
    made = clinic(writes=True).analyse("INSERT INTO stays (id, mrn) VALUES (1, 'tok')")
    assert [(slot.target, slot.whose) for slot in made.slots] == [("clinic.stays.mrn", True)]
    read = clinic().analyse("SELECT id FROM stays WHERE mrn = 'tok'")
    assert [slot.whose for slot in read.slots] == [False]
