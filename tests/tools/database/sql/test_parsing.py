"""From text to tree: one statement, every call as it was written, one thread's tools apart from another's."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.tests.tools.database.sql.clinic import DIALECTS, Clinic
from gloveport.tools.database.sql.parsing import parse_definition
from gloveport.tools.database.sql.profiles import profile_for
from gloveport.tools.tool import ToolRefused

WORDS = st.sampled_from(
    """SELECT FROM WHERE patients email id ssn city ( ) , . * = < + - || ' " ` ; -- /* */ :: AS t x JOIN ON USING GROUP
    BY ORDER LIMIT 1 'a' UNION ALL WITH RECURSIVE VALUES CASE WHEN THEN ELSE END IN EXISTS NOT NULL IS OVER PARTITION
    count upper INSERT INTO UPDATE SET DELETE RETURNING EXPLAIN LATERAL [ ] ? $1 @ { } \\ E' $$ BETWEEN
    LIKE CAST""".split()
)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_any_heap_of_words_is_read_or_refused(dialect: str) -> None:
    @settings(max_examples=120, deadline=None)
    @given(st.lists(WORDS, max_size=25))
    def heap(words: list[str]) -> None:
        try:
            Clinic(dialect, writes=True).analyse(" ".join(words))
        except ToolRefused as refused:
            assert refused.code

    heap()


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for dialect in DIALECTS:
        try:
            Clinic(dialect).analyse(text)
        except ToolRefused as refused:
            assert refused.code


def test_sqlglot_does_not_log_statements(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Clinic().refusal("REPLACE INTO patients (email) VALUES ('S3CRET')")
        Clinic("postgresql").refusal("ALTER ROLE x WITH PASSWORD 'S3CRET'")
    assert "S3CRET" not in caplog.text


def test_definitions_of_the_catalog_may_be_unreadable() -> None:
    profile = profile_for("postgresql")
    assert parse_definition("SELECT lower(a) FROM b;", profile) is not None
    for text in ("", "SELECT (", "SELECT 1; SELECT 2", "SELECT 'open"):
        assert parse_definition(text, profile) is None
