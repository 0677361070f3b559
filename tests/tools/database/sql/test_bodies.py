"""What owners write: no gate has seen the body of a view. What the walk cannot follow in it closes the view."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS, RELATIONS, RULES, Clinic, rule, view
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.tool import Mask, OutputForm

SQLITE, POSTGRESQL, MYSQL, DUCKDB = DIALECTS
LITE, OTHERS = (SQLITE,), (POSTGRESQL, MYSQL, DUCKDB)


def clinic_with(dialect: str, body: str, *columns: str) -> Clinic:
    return Clinic(dialect, relations=(*RELATIONS, view("v", body, *(columns or ("x",)))))


def sources(dialect: str, body: str) -> set[str]:
    (found,) = clinic_with(dialect, body).sources("SELECT x FROM v")
    return found


# dialects, the expression of a view's column over patients p, a masked column it is made of
SHOWN = [
    (DIALECTS, "upper(p.email)", "email"),
    (DIALECTS, "upper(email -> 'a')", "email"),
    (DIALECTS, "upper((email) -> 'a')", "email"),
    (DIALECTS, "coalesce(city, email -> 'a')", "email"),
    (DIALECTS, "count(CASE WHEN hiv = 'pos' THEN 1 END)", "hiv"),
    (DIALECTS, "count(hiv)", "hiv"),  # whether it is missing is protected
    (DIALECTS, "count(DISTINCT email)", "email"),
    (DIALECTS, "count(*) FILTER (WHERE hiv = 'pos')", "hiv"),
    (DIALECTS, "count(*) FILTER (WHERE hiv = 'pos') OVER (PARTITION BY id)", "hiv"),
    (DIALECTS, "my_own(city) FILTER (WHERE hiv = 'pos')", "hiv"),
    (DIALECTS, "EXISTS (SELECT 1 FROM patients q WHERE q.id = p.id AND q.hiv = 'pos')", "hiv"),
    (DIALECTS, "(SELECT count(*) FROM patients q WHERE q.id = p.id AND q.hiv = 'pos')", "hiv"),
    (DIALECTS, "(SELECT q.city FROM patients q ORDER BY q.income LIMIT 1)", "income"),
    (DIALECTS, "id IN (SELECT q.id FROM patients q WHERE q.hiv = 'pos')", "hiv"),
    (DIALECTS, "id = (SELECT max(v.id) FROM visits v JOIN patients q ON v.cost = q.income)", "income"),
    (DIALECTS, "CASE WHEN EXISTS (SELECT 1 FROM visits v WHERE v.day = p.born) THEN 1 END", "born"),
    (OTHERS, "1 = ANY (SELECT q.clinic_id FROM patients q WHERE q.hiv = 'pos')", "hiv"),
    ((DUCKDB,), "email.upper()", "email"),
    ((DUCKDB,), "p.email.upper()", "email"),
    ((DUCKDB,), "p.email.upper().lower()", "email"),
    ((DUCKDB,), "(SELECT p.email.upper() FROM (SELECT 1 AS p) AS q)", "email"),  # a column may have the name of p
    ((POSTGRESQL,), "email OPERATOR(pg_catalog.||) 'x'", "email"),
]


@pytest.mark.parametrize(("dialect", "text", "column"), [(d, text, c) for dialects, text, c in SHOWN for d in dialects])
def test_a_column_of_a_view_is_made_of_all_that_shows_in_it(dialect: str, text: str, column: str) -> None:
    assert f"patients.{column}" in sources(dialect, f"SELECT {text} AS x FROM patients p")


@pytest.mark.parametrize("name", ["email", "patients.email", "main.patients.email", "clinic.main.patients.email"])
def test_the_first_argument_of_a_function_may_stand_in_front_of_it(name: str) -> None:
    assert sources(DUCKDB, f"SELECT {name}.upper() AS x FROM main.patients") >= {"patients.email"}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "body",
    [
        "SELECT id AS x FROM patients WHERE hiv = 'pos'",
        "SELECT count(*) AS x FROM patients WHERE hiv = 'pos' GROUP BY city",
        "SELECT n AS x FROM (SELECT count(*) AS n FROM patients WHERE hiv = 'pos') t",
        "SELECT EXISTS (SELECT 1 FROM visits v WHERE v.patient_id = p.id) AS x FROM patients p",
        "SELECT sum(v.cost) FILTER (WHERE v.day > '2020') AS x FROM visits v",
        "SELECT (SELECT count(*) FROM visits v WHERE v.patient_id = p.id) AS x FROM patients p",
    ],
)
def test_which_rows_a_view_has_is_its_owners_choice(dialect: str, body: str) -> None:
    assert sources(dialect, body) == set()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_count_in_a_view_is_a_count(dialect: str) -> None:
    clinic = clinic_with(dialect, "SELECT city, count(email) AS x FROM patients GROUP BY city", "city", "x")
    _, output = clinic.analyse("SELECT city, x FROM v").outputs
    assert output.form is OutputForm.COUNT
    assert {ref.column for ref in output.sources} == {"email"}
    ruled = clinic.but(rules={**RULES, "v.x": rule("figure", Mask.REDACT)})
    assert ruled.analyse("SELECT x FROM v").outputs[0].form is not OutputForm.COUNT


@pytest.mark.parametrize("dialect", [POSTGRESQL, MYSQL, DUCKDB])
def test_a_subquery_that_chooses_by_open_columns_is_the_column_it_finds(dialect: str) -> None:
    body = "SELECT (SELECT p.email FROM patients p WHERE p.id = v.patient_id) AS x FROM visits v"
    assert clinic_with(dialect, body).analyse("SELECT x FROM v").outputs[0].form is OutputForm.IDENTITY


# What the walk does not follow, or what names no column where it reads one.
CLOSED = [
    (DUCKDB, "SELECT COLUMNS('em.*') AS x FROM patients"),
    (DUCKDB, "SELECT #3 AS x FROM patients"),
    (
        DUCKDB,
        "SELECT a AS x FROM (SELECT city AS a, id AS b FROM patients UNION ALL BY NAME SELECT id, email FROM t) t",
    ),
    (
        DUCKDB,
        "SELECT a AS x FROM (SELECT city AS a, id AS b FROM patients UNION ALL BY NAME "
        "SELECT city AS b, email AS a FROM patients) t",
    ),
    (DUCKDB, "SELECT city AS x FROM (SELECT * REPLACE (email AS city) FROM patients) t"),
    (DUCKDB, "SELECT city AS x FROM (SELECT * RENAME (email AS town) FROM patients) t"),
    (DUCKDB, "SELECT 'a' IN email AS x FROM patients"),
    (
        DUCKDB,
        "SELECT id AS x FROM (SELECT id, city, email FROM patients) t PIVOT (max(email) FOR (city) IN ('Oslo'))",
    ),
    (DUCKDB, "SELECT q.email AS x FROM query('SELECT email FROM patients') q"),
    (POSTGRESQL, "SELECT @ income AS x FROM patients"),
    (POSTGRESQL, "SELECT $1 AS x FROM patients"),
    (SQLITE, "SELECT 'patients'.'ssn' AS x FROM patients"),
    (SQLITE, "SELECT 'patients'.ssn AS x FROM patients"),
    (SQLITE, "SELECT 'a' IN email AS x FROM patients"),
    (MYSQL, "SELECT `mail_of`(`patients`.`id`) AS x FROM patients"),
    (MYSQL, "SELECT `crm`.`mail_of`(`patients`.`id`) AS x FROM patients"),
]


@pytest.mark.parametrize(("dialect", "body"), CLOSED)
def test_what_cannot_be_followed_closes_the_view(dialect: str, body: str) -> None:
    assert clinic_with(dialect, body).refusal("SELECT x FROM v").code == "sql_untraced"


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL])
def test_a_query_of_with_that_is_named_before_it_is_written_is_not_the_table_of_its_name(dialect: str) -> None:
    late = "a AS (SELECT * FROM clinics), clinics AS (SELECT id, email AS name, city, city AS phone FROM patients)"
    recursive = "" if dialect == SQLITE else "RECURSIVE "
    body = f"WITH {recursive}{late} SELECT name AS x FROM a"
    assert clinic_with(dialect, body).refusal("SELECT x FROM v").code == "sql_untraced"


def test_a_stored_function_the_configuration_names_is_traced_through_its_arguments() -> None:
    clinic = clinic_with(MYSQL, "SELECT `mail_of`(`p`.`city`, `p`.`email`) AS x FROM patients p")
    assert clinic.but(functions=frozenset({"mail_of"})).sources("SELECT x FROM v") == [{"patients.email"}]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "joined",
    [
        "((patients p JOIN visits v ON p.id = v.patient_id) JOIN clinics c ON c.id = p.clinic_id)",
        "(((patients p JOIN visits v ON p.id = v.patient_id) JOIN clinics c ON c.id = p.id) JOIN notes USING (id))",
        "((SELECT id, city, email FROM patients) p JOIN visits v ON p.id = v.patient_id)",
        "((SELECT 1 AS one) o CROSS JOIN (patients p JOIN visits v ON p.id = v.patient_id))",
    ],
)
def test_joins_in_brackets_are_followed(dialect: str, joined: str) -> None:
    """So PostgreSQL, MySQL and DuckDB print every view over more than two tables; some agents write so, too."""
    body = f"SELECT p.city AS town, upper(p.email) AS mail FROM {joined}"
    clinic = clinic_with(dialect, body, "town", "mail")
    assert clinic.sources("SELECT town, mail FROM v") == [set(), {"patients.email"}]
    assert clinic.sources(body) == [set(), {"patients.email"}]


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL, DUCKDB])
def test_values_in_the_brackets_of_a_join_are_followed(dialect: str) -> None:
    text = "SELECT p.email AS x FROM ((VALUES (1, 2), (3, 4)) o CROSS JOIN patients p)"
    assert clinic_with(dialect, "SELECT 1 AS x").sources(text) == [{"patients.email"}]
    assert sources(dialect, text) == {"patients.email"}


@pytest.mark.parametrize("dialect", [POSTGRESQL, DUCKDB])
def test_common_columns_are_those_of_the_join_in_their_brackets(dialect: str) -> None:
    joined = "FROM patients p JOIN (clinics c NATURAL JOIN staff s) ON p.id = s.id"  # by id and name, not by email
    assert clinic_with(dialect, "SELECT 1 AS x").sources(f"SELECT s.email {joined}") == [{"staff.email"}]
    assert len(clinic_with(dialect, f"SELECT * {joined}").analyse(f"SELECT c.*, s.* {joined}").outputs) == 9


@pytest.mark.parametrize("joined", ["JOIN staff s USING (email)", "NATURAL JOIN (SELECT email, salary FROM staff) s"])
@pytest.mark.parametrize("dialect", [SQLITE, DUCKDB])
def test_common_columns_stand_in_a_star_where_the_engine_puts_them(dialect: str, joined: str) -> None:
    """In SQLite and DuckDB, which keep the star of a view, where the first table has them."""
    body = f"SELECT * FROM (SELECT id, city, email FROM patients) p {joined}"
    rest = ("s_id", "name", "salary", "boss") if "USING" in joined else ("salary",)
    clinic = clinic_with(dialect, body, "a", "b", "c", *rest)
    assert clinic.sources("SELECT a, b, c FROM v") == [set(), set(), {"patients.email", "staff.email"}]


def test_common_columns_of_a_natural_join_come_in_the_order_of_the_first_table() -> None:
    text = "SELECT a, b FROM (patients p NATURAL JOIN (SELECT city, hiv FROM patients) q) AS j (a, b)"
    clinic = clinic_with(POSTGRESQL, "SELECT 1 AS x")
    assert clinic.but(inference=Inference.RELAXED).sources(text) == [{"patients.hiv"}, set()]


def test_a_view_whose_columns_come_in_another_order_is_closed() -> None:
    assert clinic_with(SQLITE, "SELECT email AS a, city AS b FROM patients", "b", "a").refusal("SELECT a FROM v").code
    assert clinic_with(SQLITE, "SELECT email AS a, city AS b FROM patients", "b", "c").sources("SELECT c FROM v")


@pytest.mark.parametrize("dialect", [POSTGRESQL, DUCKDB])
def test_a_window_made_from_another_has_its_inputs(dialect: str) -> None:
    text = "SELECT rank() OVER w2 AS x FROM patients WINDOW w1 AS (PARTITION BY hiv), w2 AS (w1 ORDER BY id)"
    assert sources(dialect, text) == {"patients.hiv"}
