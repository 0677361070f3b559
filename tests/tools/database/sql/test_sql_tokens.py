"""Tokens become placeholders where their values may be put back, and are refused everywhere else."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS, Clinic
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.tool import Place

TOKENS: dict[str | int, str] = {
    "tok_email": "email",
    "tok_ssn": "ssn",
    "tok_name": "person",
    "o'tok": "person",
    4711: "money",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_slots_stand_in_the_order_of_the_placeholders(dialect: str) -> None:
    analysis = Clinic(dialect, tokens=TOKENS).analyse(
        "WITH t AS (SELECT id FROM patients WHERE name = 'tok_name') "
        "SELECT p.id FROM patients p JOIN t ON t.id = p.id "
        "WHERE 'tok_email' = p.email AND p.ssn IN ('tok_ssn', 'tok_ssn')"
    )
    assert [slot.token for slot in analysis.slots] == ["tok_name", "tok_email", "tok_ssn", "tok_ssn"]
    assert [slot.target for slot in analysis.slots][:2] == ["clinic.patients.name", "clinic.patients.email"]
    assert all(slot.place is Place.EQUALITY for slot in analysis.slots)
    marks = [f"${i}" for i in range(1, 5)] if dialect == "postgresql" else ["?"] * 4
    at = 0
    for mark in marks:
        at = analysis.sql.index(mark, at) + 1
    assert "tok_" not in analysis.sql


def test_the_template_keeps_tokens_and_drops_literals() -> None:
    analysis = Clinic("postgresql", tokens=TOKENS).analyse(
        "SELECT id FROM patients WHERE name = 'o''tok' AND city = 'Rome' AND clinic_id = 12"
    )
    assert analysis.template.endswith("WHERE name = 'o''tok' AND city = ? AND clinic_id = ?")


def test_placeholders_that_the_agent_writes_are_refused() -> None:
    assert Clinic("postgresql").refusal("SELECT id FROM patients WHERE id = $1").code == "sql_construct"
    assert Clinic().refusal("SELECT id FROM patients WHERE id = ?").code == "sql_construct"
    assert Clinic().refusal("SELECT id FROM patients WHERE id = :x").code == "sql_construct"


def test_a_question_mark_in_a_string_is_data() -> None:
    analysis = Clinic(tokens=TOKENS).analyse("SELECT '?', id FROM patients WHERE email = 'tok_email' AND city = '?'")
    assert analysis.sql.count("?") == 3
    assert analysis.template.count("'tok_email'") == 1


def test_number_tokens_are_slots_too() -> None:
    clinic = Clinic(tokens=TOKENS)
    analysis = clinic.analyse("SELECT id FROM patients WHERE income = 4711")
    assert [slot.token for slot in analysis.slots] == ["4711"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_tokens_of_whole_numbers_are_below_zero(dialect: str) -> None:
    clinic = Clinic(dialect, tokens={**TOKENS, -815: "money"})
    for text in ("income = -815", "income IN (-815)", "-815 = income", "income = (- 815)"):
        analysis = clinic.analyse(f"SELECT id FROM patients WHERE {text}")
        assert [(slot.token, slot.target) for slot in analysis.slots] == [("-815", "clinic.patients.income")], text
        assert "815" not in analysis.sql
        assert "-815" in analysis.template
    assert clinic.refusal("SELECT id FROM patients WHERE income = 815").code == "masked_column"
    assert clinic.refusal("SELECT id FROM patients WHERE income = -816").code == "masked_column"
    assert clinic.refusal("SELECT id FROM patients WHERE income > -815").code == "masked_column"
    assert clinic.refusal("SELECT id - -815 FROM patients").code == "token_place"
    assert clinic.analyse("SELECT id FROM patients WHERE id = -816").slots == ()


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 'tok_email' FROM patients",
        "SELECT id FROM patients WHERE email LIKE 'tok_email'",
        "SELECT id FROM patients WHERE email > 'tok_email'",
        "SELECT id FROM patients WHERE upper(email) = 'tok_email'",
        "SELECT id FROM patients WHERE city = 'tok_email'",
        "SELECT id FROM patients WHERE ssn = 'tok_email'",
        "SELECT id FROM patients WHERE email = 'tok_email' || ''",
        "SELECT id FROM patients WHERE 'tok_email' IN ('tok_email')",
        "SELECT id FROM patients WHERE coalesce(email, 'tok_email') = 'x'",
        "SELECT id FROM patients ORDER BY 'tok_email'",
        "SELECT id FROM patients LIMIT 4711",
    ],
)
@pytest.mark.parametrize("mode", list(Inference))
def test_a_token_anywhere_else_is_refused(text: str, mode: Inference) -> None:
    refused = Clinic("postgresql", mode, TOKENS).refusal(text)
    assert refused.code in ("token_place", "masked_column")


def test_an_equality_inside_an_expression_takes_tokens() -> None:
    analysis = Clinic("postgresql", tokens=TOKENS).analyse("SELECT id, email = 'tok_email' FROM patients")
    assert len(analysis.slots) == 1
    assert analysis.outputs[1].sources


def test_columns_of_one_class_united_take_its_tokens() -> None:
    analysis = Clinic("postgresql", tokens=TOKENS).analyse(
        "SELECT e FROM (SELECT email AS e FROM patients UNION ALL SELECT email FROM staff) t WHERE e = 'tok_email'"
    )
    assert [slot.target for slot in analysis.slots] == ["clinic.patients.email"]
