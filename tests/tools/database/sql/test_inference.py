"""What masked columns may decide, mode by mode: the table of docs/sql-guard.md, row by row."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS, Clinic
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.tool import ToolRefused

STRICT, BALANCED, RELAXED = Inference

TOKENS = {"tok_email": "email", "tok_ssn": "ssn"}

# statement, allowed in (strict, balanced, relaxed)
TABLE = [
    ("SELECT id FROM patients WHERE email = 'tok_email'", True, True, True),
    ("SELECT id FROM patients WHERE email IN ('tok_email', 'tok_email')", True, True, True),
    ("SELECT id FROM patients WHERE NOT email = 'tok_email'", True, True, True),
    ("SELECT id FROM patients WHERE email <> 'tok_email'", True, True, True),
    ("SELECT id FROM patients WHERE email = 'a@b.c'", True, True, True),  # match: literal
    ("SELECT id FROM patients WHERE ssn = '123-45-6789'", False, False, True),
    ("SELECT id FROM patients WHERE ssn IN ('tok_ssn', '123')", False, False, True),
    ("SELECT id FROM patients WHERE email LIKE 'a%'", False, False, True),
    ("SELECT id FROM patients WHERE email > 'k'", False, False, True),
    ("SELECT id FROM patients WHERE upper(email) = 'A'", False, False, True),
    ("SELECT id FROM patients WHERE email = city", False, False, True),
    ("SELECT id FROM patients WHERE city = 'Rome' OR income > 5", False, False, True),
    ("SELECT id FROM patients WHERE born BETWEEN '1980-01-01' AND '1990-01-01'", False, False, True),
    ("SELECT id FROM patients WHERE email IS NULL", True, True, True),
    ("SELECT id FROM patients WHERE hiv IS NOT NULL", False, False, True),
    ("SELECT count(hiv) FROM patients", False, False, True),
    ("SELECT count(email) FROM patients", True, True, True),
    ("SELECT p.id FROM patients p JOIN staff s ON s.email = p.email", False, False, True),
    ("SELECT p.id FROM patients p JOIN staff s ON s.email LIKE p.email", False, False, True),
    ("SELECT id FROM patients ORDER BY email", False, False, True),
    ("SELECT id FROM patients ORDER BY upper(email), id", False, False, True),
    ("SELECT email FROM patients ORDER BY 1", False, False, True),
    ("SELECT DISTINCT email FROM patients", False, False, True),
    ("SELECT email FROM patients UNION SELECT email FROM staff", False, False, True),
    ("SELECT id FROM patients GROUP BY id, email", True, True, True),  # the key is grouped by as well
    ("SELECT email, count(*) FROM patients GROUP BY email", False, True, True),
    ("SELECT count(*) FROM patients GROUP BY substr(email, 1, 1)", False, False, True),
    ("SELECT city FROM patients GROUP BY city HAVING max(income) > 5", False, False, True),
    ("SELECT sum(income) FROM patients", False, True, True),
    ("SELECT city, avg(income) FROM patients GROUP BY city", False, True, True),
    ("SELECT sum(income + 1) FROM patients", False, False, True),
    ("SELECT x FROM (SELECT sum(income) AS x FROM patients) t", False, False, True),
    ("SELECT count(DISTINCT email) FROM patients", False, True, True),
    ("SELECT max(email) FROM patients", True, True, True),
    ("SELECT rank() OVER (ORDER BY ssn) FROM patients", False, False, True),
    ("SELECT sum(1) OVER (PARTITION BY email) FROM patients", False, False, True),
    ("SELECT id FROM patients WHERE EXISTS (SELECT 1 FROM staff WHERE salary > patients.income)", False, False, True),
    ("SELECT id FROM visits WHERE patient_id IN (SELECT id FROM patients WHERE income > 3)", False, False, True),
    ("SELECT id FROM visits WHERE cost > (SELECT min(income) FROM patients)", False, False, True),
    ("SELECT upper(email), email || '!' FROM patients", True, True, True),
    (
        "SELECT CASE WHEN email LIKE 'a%' THEN 1 ELSE 2 END FROM patients",
        True,
        True,
        True,
    ),  # the whole output is masked
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("text", "strict", "balanced", "relaxed"), TABLE)
def test_the_table(dialect: str, text: str, strict: bool, balanced: bool, relaxed: bool) -> None:
    for mode, allowed in ((STRICT, strict), (BALANCED, balanced), (RELAXED, relaxed)):
        clinic = Clinic(dialect, mode, TOKENS)
        if allowed:
            assert clinic.analyse(text).sql
        else:
            assert clinic.refusal(text).code == "masked_column", (mode, text)


# What can fail, or change the number of rows, by the value of a masked cell.
POSTGRESQL = [
    "SELECT ssn::int FROM patients",
    "SELECT 1 / income FROM patients",
    "SELECT income + 1 FROM patients",
    "SELECT abs(income) FROM patients",
    "SELECT to_date(ssn, 'YYYY') FROM patients",
    "SELECT regexp_split_to_table(email, '@') FROM patients",
    "SELECT v FROM patients, unnest(string_to_array(email, '@')) v",
    "SELECT g FROM patients, generate_series(1, length(email)) g",
    "SELECT CASE WHEN email = 'a' THEN 1 / 0 ELSE 1 END FROM patients",
    "SELECT id FROM visits LIMIT (SELECT length(email) FROM patients WHERE id = 1)",
    "SELECT id FROM visits OFFSET (SELECT length(email) FROM patients WHERE id = 1)",
    "SELECT sum(cost) FILTER (WHERE income > 3) FROM visits JOIN patients ON patients.id = patient_id",
    "SELECT repeat(email, 3) || repeat(email, 9000) FROM patients",
    "SELECT DISTINCT ON (email) id FROM patients",
    "SELECT id FROM patients WHERE (email, id) = ('a', 1)",
    "SELECT split_part(city, email, 1) FROM patients",
    "SELECT city LIKE email FROM patients",
    "SELECT id FROM patients p NATURAL JOIN (SELECT email FROM staff) s",
    "SELECT id FROM patients WHERE email = ANY (ARRAY['a'])",
    "SELECT count(*) FROM patients GROUP BY GROUPING SETS ((email), ())",
]


@pytest.mark.parametrize("text", POSTGRESQL)
def test_strict_refuses_what_tells_of_a_value_without_showing_it(text: str) -> None:
    assert Clinic("postgresql").refusal(text).code in ("masked_column", "sql_limit")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id, max(income) FROM patients",
        "SELECT city, min(ssn) FROM patients",
        "SELECT clinic_id, id, max(income) FROM patients GROUP BY clinic_id",
    ],
)
def test_sqlite_bare_columns_beside_an_extreme(text: str) -> None:
    refused = Clinic().refusal(text)
    assert (refused.code, refused.place) == ("masked_column", "choice")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT lower(kind), count(*) FROM indexed GROUP BY lower(kind)",
        "SELECT substr(kind, 1, 2) AS k, count(*) FROM indexed GROUP BY k",
        "SELECT substr(kind, 1, 2), count(*) FROM indexed GROUP BY 1",
        "SELECT upper(lower(kind)) || '!', count(*) FROM indexed GROUP BY lower(kind)",
        "SELECT count(*) FILTER (WHERE kind = 'a') FROM indexed",
    ],
)
def test_sqlite_columns_that_are_grouped_by_are_not_bare(text: str) -> None:
    assert Clinic().analyse(text).outputs
    assert Clinic("mysql").analyse(text.split(" FILTER")[0] + (" FROM indexed" if "FILTER" in text else "")).outputs


def test_sqlite_columns_beside_a_group_of_something_else_are_bare() -> None:
    assert Clinic().refusal("SELECT upper(kind), count(*) FROM indexed GROUP BY lower(kind)").place == "group"


def test_a_class_may_have_a_mode_of_its_own() -> None:
    clinic = Clinic("postgresql", class_inference={"money": Inference.BALANCED})
    assert clinic.analyse("SELECT sum(income) FROM patients").drop_groups_below == 5
    assert clinic.refusal("SELECT count(DISTINCT email) FROM patients").code == "masked_column"


def test_joins_of_tokens_may_be_opened_outside_strict() -> None:
    text = "SELECT p.id FROM patients p JOIN staff s ON s.email = p.email"
    assert Clinic("postgresql", BALANCED, token_joins=True).analyse(text)
    assert Clinic("postgresql", STRICT, token_joins=True).refusal(text).place == "join"
    other = "SELECT p.id FROM patients p JOIN staff s ON s.salary = p.income"  # redacted, not tokens
    assert Clinic("postgresql", BALANCED, token_joins=True).refusal(other).place == "join"


def test_literal_matches_are_reported_for_the_audit() -> None:
    analysis = Clinic().analyse("SELECT id FROM patients WHERE email = 'a@b.c'")
    assert {ref.column for ref in analysis.literal_matches} == {"email"}
    assert not Clinic(tokens=TOKENS).analyse("SELECT id FROM patients WHERE email = 'tok_email'").literal_matches


def test_a_refusal_names_place_rule_and_what_would_be_allowed() -> None:
    with pytest.raises(ToolRefused) as info:
        Clinic().analyse("SELECT p.id FROM patients p WHERE p.ssn = '123-45-6789'")
    refused = info.value
    assert refused.message == "p.ssn is masked and cannot be compared with a literal value."
    assert refused.hint.startswith("Compare it with a token of class ssn")
    assert (refused.place, refused.rule) == ("where", "inference:strict")
    assert "123" not in refused.message + refused.hint
