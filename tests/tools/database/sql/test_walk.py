"""Where output values come from: positions are the keys, names never are."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS, Clinic
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.tool import OutputForm

EMAIL, SSN, NAME, HIV = {"patients.email"}, {"patients.ssn"}, {"patients.name"}, {"patients.hiv"}
OPEN: set[str] = set()
EVERYTHING = {f"patients.{c}" for c in ("name", "email", "ssn", "born", "income", "hiv")}

# For every dialect.
COMMON = [
    ("SELECT email FROM patients", [EMAIL]),
    ("SELECT id, email, city FROM patients", [OPEN, EMAIL, OPEN]),
    ("SELECT p.email AS city FROM patients AS p", [EMAIL]),
    ("SELECT upper(email) FROM patients", [EMAIL]),
    ("SELECT coalesce(city, email) FROM patients", [EMAIL]),
    ("SELECT CASE WHEN id > 3 THEN ssn ELSE city END FROM patients", [SSN]),
    ("SELECT CASE WHEN email = 'a' THEN 1 ELSE 2 END FROM patients", [EMAIL]),
    ("SELECT email = 'a' FROM patients", [EMAIL]),
    ("SELECT x FROM (SELECT email AS x FROM patients) t", [EMAIL]),
    ("WITH c AS (SELECT ssn AS v FROM patients) SELECT v FROM c", [SSN]),
    ("WITH c(city) AS (SELECT ssn FROM patients) SELECT city FROM c", [SSN]),
    ("WITH a AS (SELECT email AS x FROM patients), b AS (SELECT x AS y FROM a) SELECT y FROM b", [EMAIL]),
    ("SELECT city FROM patients UNION ALL SELECT email FROM patients", [EMAIL]),
    ("SELECT city, id FROM patients UNION ALL SELECT email, id FROM staff", [{"staff.email"}, OPEN]),
    ("SELECT (SELECT email FROM patients WHERE id = v.patient_id) FROM visits v", [EMAIL]),
    ("SELECT v.id, p.email FROM visits v JOIN patients p ON p.id = v.patient_id", [OPEN, EMAIL]),
    ("SELECT a.email, b.email FROM patients a JOIN staff b ON a.id = b.id", [EMAIL, {"staff.email"}]),
    ("SELECT t.* FROM (SELECT id, ssn AS c FROM patients) AS t", [OPEN, SSN]),
    ("SELECT max(email) FROM patients", [EMAIL]),
    ("SELECT count(email), count(*) FROM patients", [OPEN, OPEN]),
    ("SELECT row_number() OVER (ORDER BY id), email FROM patients", [OPEN, EMAIL]),
    ("SELECT address, town FROM mails", [EMAIL, OPEN]),
    ("SELECT handle FROM patients", [EMAIL]),
    ("SELECT area FROM patients", [OPEN]),
    ("SELECT 'email' FROM patients", [OPEN]),
    ("SELECT v FROM hidden_kinds", [{"secrets.value"}]),
    ("SELECT kind FROM hidden_kinds", [OPEN]),
    ("SELECT id FROM patients WHERE EXISTS (SELECT 1 FROM visits WHERE patient_id = patients.id)", [OPEN]),
    (
        "WITH RECURSIVE r(a, b) AS (SELECT email, ssn FROM patients WHERE id = 1 "
        "UNION ALL SELECT b, a FROM r JOIN visits v ON v.id = 1) SELECT a, b FROM r",
        [EMAIL | SSN, EMAIL | SSN],
    ),
    (
        "WITH RECURSIVE r(a, b, c) AS (SELECT email, 'x', 'y' FROM patients UNION ALL SELECT c, a, b FROM r) "
        "SELECT a, b, c FROM r",
        [EMAIL, EMAIL, EMAIL],
    ),
    ("SELECT c.* FROM clinics c JOIN patients p ON p.clinic_id = c.id", [OPEN, OPEN, OPEN, OPEN]),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("text", "expected"), COMMON)
def test_sources_in_every_dialect(dialect: str, text: str, expected: list[set[str]]) -> None:
    assert Clinic(dialect).sources(text) == expected


# The constructs that sqlglot's own lineage loses (research, section 3).
POSTGRESQL = [
    ("SELECT p FROM patients p", [EVERYTHING]),
    ("SELECT to_jsonb(p) FROM patients p", [EVERYTHING]),
    ("SELECT row_to_json(p) FROM patients p", [EVERYTHING]),
    ("SELECT (p.*)::text FROM patients p", [EVERYTHING]),
    ("SELECT p::text FROM patients p", [EVERYTHING]),
    ("SELECT concat_ws('-', p.*) FROM patients p", [EVERYTHING]),
    ("SELECT (p).ssn, (p).city FROM patients p", [SSN, OPEN]),
    ("SELECT a, c FROM patients AS t(a, b, c)", [OPEN, EMAIL]),
    ("SELECT email FROM patients AS t(a, b, c, email)", [SSN]),
    ("SELECT v FROM (VALUES (1, 'x')) AS t(k, v)", [OPEN]),
    ("SELECT j.v FROM patients p, LATERAL (SELECT p.email AS v) j", [EMAIL]),
    ("SELECT j.w FROM patients p, LATERAL (SELECT p.email, 1) AS j(w, x)", [EMAIL]),
    ("SELECT array_agg(email ORDER BY id) FROM patients", [EMAIL]),
    ("SELECT array(SELECT ssn FROM patients ORDER BY id)", [SSN]),
    ("SELECT o.id, c.id, c.email FROM visits o JOIN patients c ON c.id = o.patient_id", [OPEN, OPEN, EMAIL]),
    ("SELECT email || ssn FROM patients", [EMAIL | SSN]),
    ("SELECT patients.email FROM public.patients", [EMAIL]),
    ("SELECT public.patients.email FROM public.patients", [EMAIL]),
    ("SELECT j FROM (patients p JOIN visits v ON v.patient_id = p.id) AS j", [EVERYTHING]),
    ("SELECT string_agg(email, ',' ORDER BY id) FROM patients", [EMAIL]),
    ("SELECT max(email) OVER (PARTITION BY city) FROM patients", [EMAIL]),
    ("SELECT first_value(email) OVER (ORDER BY id) FROM patients", [EMAIL]),
    ("SELECT coalesce(p.city, s.email) FROM patients p LEFT JOIN staff s ON s.id = p.id", [{"staff.email"}]),
    ("SELECT DISTINCT ON (city) city, email FROM patients ORDER BY city, id", [OPEN, EMAIL]),
    ("SELECT id FROM patients p WHERE EXISTS (SELECT FROM visits v WHERE v.patient_id = p.id)", [OPEN]),
    ("SELECT g FROM generate_series(1, 3) g", [OPEN]),
    # a column further out wins over a row further in, and who knows: both are taken
    ("SELECT (SELECT email FROM visits AS email LIMIT 1) FROM patients", [EMAIL]),
    ("SELECT ARRAY[(SELECT city FROM clinics WHERE id = 1), email] FROM patients", [EMAIL]),
    ("SELECT ARRAY[email, city] FROM patients", [EMAIL]),
    ("SELECT (ARRAY[city, email])[1] FROM patients", [EMAIL]),
    ("SELECT jsonb_build_array(id, hiv) FROM patients", [HIV]),
]


@pytest.mark.parametrize(("text", "expected"), POSTGRESQL)
def test_sources_on_postgresql(text: str, expected: list[set[str]]) -> None:
    assert Clinic("postgresql").sources(text) == expected


def test_the_order_of_an_aggregate_is_in_its_value() -> None:
    clinic = Clinic("postgresql", Inference.RELAXED)
    assert clinic.sources("SELECT string_agg(city, ',' ORDER BY ssn) FROM patients") == [SSN]
    assert clinic.sources("SELECT sum(cost ORDER BY id) FROM visits") == [OPEN]


def test_a_renamed_column_is_gone() -> None:
    assert Clinic("postgresql").refusal("SELECT name FROM patients p(x1, x2, x3)").code == "unknown_column"


def test_columns_beyond_an_alias_list_keep_their_names() -> None:
    assert Clinic("postgresql").sources("SELECT ssn FROM patients p(x1, x2, x3)") == [SSN]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM patients p JOIN staff s USING (id)", None),
        ("SELECT id, p.email FROM patients p JOIN staff s USING (id)", [OPEN, EMAIL]),
        ("SELECT rowid, email FROM patients", [OPEN, EMAIL]),
        ("SELECT max(id), email FROM patients GROUP BY id, email", [OPEN, EMAIL]),
        ("SELECT group_concat(email ORDER BY id) FROM patients", [EMAIL]),
        ("SELECT iif(id > 0, ssn, '') FROM patients", [SSN]),
    ],
)
def test_sources_on_sqlite(text: str, expected: list[set[str]] | None) -> None:
    clinic = Clinic()
    if expected is None:
        masked = [bool(source) for source in clinic.sources(text)]
        assert masked.count(True) == 7 + 2
        assert len(masked) == 11 + 5 - 1
    else:
        assert clinic.sources(text) == expected


def test_a_star_has_the_columns_of_the_table_in_order() -> None:
    analysis = Clinic("postgresql").analyse("SELECT * FROM patients")
    assert [output.name for output in analysis.outputs] == (
        ["id", "name", "email", "ssn", "born", "income", "hiv", "city", "clinic_id", "handle", "area"]
    )


def test_duckdb_lateral_column_aliases_are_followed() -> None:
    assert Clinic("duckdb").sources("SELECT email AS e, upper(e) AS f FROM patients") == [EMAIL, EMAIL]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql"])
def test_output_names_mean_nothing(dialect: str) -> None:
    assert Clinic(dialect).sources("SELECT email AS id, id AS email FROM patients") == [EMAIL, OPEN]


def test_an_alias_can_hide_behind_a_column_of_its_name() -> None:
    clinic = Clinic()  # in SQLite a column wins over an alias in WHERE
    assert clinic.refusal("SELECT city AS email, id FROM patients WHERE email LIKE 'a%'").code == "masked_column"
    assert clinic.refusal("SELECT email AS e FROM patients WHERE e LIKE 'a%'").code == "masked_column"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("SELECT email FROM patients", OutputForm.IDENTITY),
        ("SELECT upper(email) FROM patients", OutputForm.EXPRESSION),
        ("SELECT email FROM patients UNION ALL SELECT email FROM staff", OutputForm.IDENTITY),
        ("SELECT email FROM patients UNION ALL SELECT name FROM patients", OutputForm.EXPRESSION),
        ("SELECT email FROM patients UNION ALL SELECT 'me'", OutputForm.EXPRESSION),
        ("SELECT max(email) FROM patients", OutputForm.AGGREGATE),
        ("SELECT count(*) FROM patients", OutputForm.COUNT),
        ("SELECT 1", OutputForm.CONSTANT),
        ("SELECT address FROM mails", OutputForm.IDENTITY),
        ("SELECT sum(cost) FROM visits", OutputForm.AGGREGATE),
    ],
)
def test_how_a_value_is_made(text: str, form: OutputForm) -> None:
    assert Clinic().analyse(text).outputs[0].form is form


def test_what_decides_is_recorded_with_its_place() -> None:
    analysis = Clinic("postgresql").analyse(
        "SELECT p.city, count(*) FROM patients p JOIN visits v ON v.patient_id = p.id WHERE v.cost > 3 "
        "GROUP BY p.city HAVING count(v.day) > 1 ORDER BY p.city"
    )
    places = {(str(use.column).removeprefix("clinic."), use.place) for use in analysis.indirect}
    assert {
        ("visits.patient_id", "join"),
        ("patients.id", "join"),
        ("visits.cost", "where"),
        ("patients.city", "group"),
        ("patients.city", "order"),
    } <= places


def test_reads_and_relations_reach_beneath_views() -> None:
    analysis = Clinic().analyse("SELECT kind FROM hidden_kinds")
    assert analysis.relations == {"hidden_kinds", "secrets"}
    assert analysis.named == {"hidden_kinds"}
    assert "secrets.value" in {f"{ref.table}.{ref.column}" for ref in analysis.reads}
