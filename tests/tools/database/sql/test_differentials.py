"""Texts that sqlglot and an engine read differently (research, section 3). None of them may slip past the guard."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import Clinic

# dialect, text, code of the refusal
REFUSED = [
    ("mysql", "SELECT /*!50000 ssn, */ city FROM patients", "sql_text"),
    ("mysql", "SELECT city FROM patients /*! UNION SELECT ssn FROM patients */", "sql_text"),
    ("mysql", "SELECT city /*M!100000 , ssn */ FROM patients", "sql_text"),
    ("mysql", "SELECT /*+ MAX_EXECUTION_TIME(1) */ city FROM patients", "sql_text"),
    ("mysql", "SELECT city FROM patients /* open", "sql_text"),
    ("mysql", "SELECT @x := ssn FROM patients", "sql_construct"),
    ("mysql", "SELECT ssn INTO @x FROM patients", "sql_construct"),
    ("mysql", "SELECT ssn FROM patients INTO OUTFILE '/tmp/x'", "sql_syntax"),
    ("mysql", "DO SLEEP(5)", "sql_syntax"),
    ("mysql", "HANDLER patients OPEN", "sql_syntax"),
    ("sqlite", "SELECT 'patients'.'ssn' FROM 'patients'", "sql_construct"),
    ("sqlite", "SELECT \"patients\".'ssn' FROM patients", "sql_untraced"),
    ("sqlite", "SELECT 1 WHERE 1 IN secrets", "sql_construct"),
    ("sqlite", 'SELECT "nosuch" FROM patients', "unknown_column"),
    ("sqlite", "SELECT id FROM patients INDEXED BY i", "sql_construct"),
    ("sqlite", "SELECT a.* FROM clinics a, patients a", "sql_construct"),
    ("sqlite", "SELECT a.phone FROM clinics a JOIN patients a ON a.id = 1", "sql_construct"),
    ("sqlite", "SELECT upper(p.*) FROM patients p", "sql_construct"),
    ("duckdb", "SELECT * LIKE '%mail' FROM patients", "sql_construct"),
    ("duckdb", "SELECT upper(p.*) FROM patients p", "sql_construct"),
    ("duckdb", 'SELECT email, id AS "all" FROM patients ORDER BY ALL', "sql_construct"),
    ("duckdb", "SELECT email, id FROM patients ORDER BY ALL DESC", "sql_construct"),
    ("duckdb", "SELECT email, count(*) FROM patients GROUP BY ALL", "sql_construct"),
    ("duckdb", "SELECT #1 FROM patients", "sql_construct"),
    ("mysql", "SELECT id FROM patients WHERE email = 0", "masked_column"),
    ("mysql", "SELECT id FROM patients WHERE email IN ('x', 1)", "masked_column"),
    (
        "postgresql",  # cut to 63 bytes both names are one, and the inner one wins
        f'SELECT (SELECT "{"x" * 63}2" FROM (SELECT email AS "{"x" * 63}1" FROM patients LIMIT 1) t) '
        f'FROM (SELECT city AS "{"x" * 63}2" FROM clinics) u',
        "sql_text",
    ),
    ("postgresql", f"SELECT {'é' * 32} FROM patients", "sql_text"),
    ("sqlite", "PRAGMA table_info(patients)", "sql_statement"),
    ("sqlite", "VACUUM INTO '/tmp/x'", "sql_statement"),
    ("sqlite", "ATTACH DATABASE '/tmp/x' AS y", "sql_statement"),
    ("duckdb", "SELECT p.ssn.upper() FROM patients p", "sql_construct"),
    ("duckdb", "SELECT COLUMNS('s.*') FROM patients", "sql_function"),
    ("duckdb", "SELECT * FROM query('SELECT ssn FROM patients')", "sql_function"),
    ("duckdb", "SELECT * FROM query_table('patients')", "sql_function"),
    ("duckdb", "SELECT * FROM '/etc/passwd'", "unknown_relation"),
    ("duckdb", "FROM '/etc/passwd'", "unknown_relation"),
    ("duckdb", "SUMMARIZE patients", "sql_statement"),
    ("duckdb", "DESCRIBE patients", "sql_statement"),
    ("duckdb", "PIVOT patients ON city USING sum(income)", "sql_statement"),
    ("duckdb", "SELECT * EXCLUDE (id) FROM patients", "sql_construct"),
    ("postgresql", "SELECT @ income FROM patients", "sql_construct"),
    ("postgresql", 'SELECT U&"\\0065mail" FROM patients', "sql_text"),
    ("postgresql", "SELECT U&'x' FROM patients", "sql_text"),
    ("postgresql", "LISTEN x", "sql_statement"),
    ("postgresql", "NOTIFY x", "sql_statement"),
    ("postgresql", "REINDEX patients", "sql_statement"),
    ("postgresql", "EXECUTE q", "sql_statement"),
    ("postgresql", "PREPARE q AS SELECT ssn FROM patients", "sql_statement"),
    ("postgresql", "DO $$ BEGIN END $$", "sql_statement"),
    ("postgresql", "DECLARE c CURSOR FOR SELECT ssn FROM patients", "sql_statement"),
    ("postgresql", "FETCH ALL FROM c", "sql_statement"),
    ("postgresql", "CALL p()", "sql_statement"),
    ("postgresql", "COPY patients TO STDOUT", "sql_statement"),
    ("postgresql", "WITH x AS (DELETE FROM patients RETURNING *) SELECT 1", "sql_statement"),
    ("postgresql", "SELECT 1; DROP TABLE patients", "sql_statement"),
    ("postgresql", "SELECT pg_read_file('/etc/passwd')", "sql_function"),
    ("postgresql", "SELECT * FROM pg_read_file('/etc/passwd') f", "sql_function"),
    ("postgresql", "SELECT * FROM ROWS FROM (pg_ls_dir('/')) f", "sql_function"),
    ("postgresql", "SELECT query_to_xml('SELECT ssn FROM patients', true, true, '')", "sql_function"),
    ("postgresql", "SELECT pg_catalog.lower(city) FROM patients", "sql_construct"),
    ("postgresql", "SELECT city FROM patients FOR UPDATE", "sql_construct"),
    ("postgresql", "SELECT city INTO copy FROM patients", "sql_construct"),
    ("postgresql", "SELECT * FROM patients TABLESAMPLE SYSTEM (10)", "sql_construct"),
    ("postgresql", 'SELECT city AS "({" FROM patients', "sql_text"),
    ("postgresql", "SELECT E'\\x41' FROM patients", "sql_text"),
    ("postgresql", "SELECT 'a'\n'b' FROM patients", "sql_text"),
    ("postgresql", "SELECT city === email FROM patients", "sql_syntax"),
    ("postgresql", "SELECT ssn(p) FROM patients p", "sql_function"),
    ("postgresql", "SELECT * FROM pg_stats", "unknown_relation"),
    ("postgresql", "SELECT * FROM information_schema.columns", "unknown_relation"),
    ("sqlite", "SELECT * FROM sqlite_master", "unknown_relation"),
]


@pytest.mark.parametrize(("dialect", "text", "code"), REFUSED)
def test_what_parsers_read_differently_is_refused(dialect: str, text: str, code: str) -> None:
    assert Clinic(dialect).refusal(text).code == code


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "duckdb"])
@pytest.mark.parametrize(
    "character",
    ["\0", "\x01", "\x7f", "\x85", "\ufeff", "\u00a0", "\u200b", "\u202e", "\u3000", "\ud800", "\uffff", "\U000e0041"],
)
def test_characters_that_lexers_disagree_about_are_refused(dialect: str, character: str) -> None:
    assert Clinic(dialect).refusal(f"SELECT{character} city FROM patients").code in ("sql_text", "sql_syntax")


def test_spaces_that_are_none_may_stand_in_strings() -> None:
    assert Clinic().analyse("SELECT id FROM patients WHERE city = 'S\u00e3o\u00a0Paulo'").outputs


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("postgresql", "\u212add"),  # the Kelvin sign
        ("sqlite", "\uff45mail"),  # full width e
        ("mysql", "\u017fsn"),  # long s
        ("duckdb", "\u00e9mail"),
    ],
)
def test_unicode_letters_are_never_folded_to_ascii(dialect: str, name: str) -> None:
    assert Clinic(dialect).refusal(f"SELECT {name} FROM patients").code in ("unknown_column", "sql_syntax", "sql_text")


# dialect, text, masked sources of each output
TRACED = [
    ("postgresql", 'SELECT \'x\' AS "email", ssn AS "Email" FROM patients', [set(), {"patients.ssn"}]),
    ("postgresql", "SELECT (p).email FROM patients p", [{"patients.email"}]),
    ("postgresql", "SELECT array(SELECT p.email FROM patients p)", [{"patients.email"}]),
    ("postgresql", 'SELECT "email" FROM "patients"', [{"patients.email"}]),
    ("duckdb", "FROM patients SELECT email", [{"patients.email"}]),
    ("duckdb", "SELECT p.email[1:4] FROM patients p", [{"patients.email"}]),
    ("mysql", "SELECT `email` FROM `patients`", [{"patients.email"}]),
    ("sqlite", "SELECT [email] FROM [patients]", [{"patients.email"}]),
    ("sqlite", "SELECT `email` FROM `patients`", [{"patients.email"}]),
    ("sqlite", "SELECT EMAIL FROM PATIENTS", [{"patients.email"}]),
    ("postgresql", "SELECT $$email$$, E'a\\tb' FROM patients", [set(), set()]),
]


@pytest.mark.parametrize(("dialect", "text", "expected"), TRACED)
def test_what_must_be_read_as_the_engine_does(dialect: str, text: str, expected: list[set[str]]) -> None:
    assert Clinic(dialect).sources(text) == expected


def test_mysql_comment_that_is_none_is_regenerated_harmlessly() -> None:
    assert "ssn" not in Clinic("mysql").analyse("SELECT city /* ! , ssn */ FROM patients").sql


def test_mysql_double_quotes_are_strings() -> None:
    analysis = Clinic("mysql").analyse('SELECT "email" FROM patients')
    assert analysis.outputs[0].sources == frozenset()
    assert "'email'" in analysis.sql
