"""Names of columns and tables as words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.naming.hints import hint
from gloveport.guardrails.masking.naming.lexicon import WORDS
from gloveport.guardrails.masking.naming.names import Subject, folded, read, subject


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("homePhone_No", ("homephone", "no")),
        ("KundenTelefonNr", ("kunden", "telefonnr")),
        ("IPAddress", ("ipaddress",)),
        ("eMail", ("email",)),
        ("fecha_de_nacimiento", ("fechanacimiento",)),
        ("custname", ("custname",)),
        ("pwdhash", ("pwd", "hash")),
        ("patientenname", ("patienten", "name")),
        ("Straße", ("strasse",)),
        ("prénom", ("prenom",)),
        ("address2", ("address", "2")),
        ("zzqx", ("zzqx",)),
    ],
)
def test_words(name: str, words: tuple[str, ...]) -> None:
    assert read(name).words == words


@pytest.mark.parametrize(
    ("short", "heading"),
    [("BRTHDT", "birth"), ("cstmr_nmbr", "who"), ("MRTL_STS", "quasi"), ("slry", "money"), ("gndr", "quasi")],
)
def test_words_without_vowels(short: str, heading: str) -> None:
    assert read(short).has(heading)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("patients", Subject.PEOPLE),
        ("tblKunden", Subject.PEOPLE),
        ("hr.staff", Subject.PEOPLE),
        ("customer_orders", Subject.DOING),
        ("user_roles", Subject.CATALOGUE),
        ("email_templates", Subject.CATALOGUE),
        ("produits", Subject.CATALOGUE),
        ("crm.t1", Subject.PEOPLE),
        ("xq7", Subject.UNKNOWN),
    ],
)
def test_subjects(table: str, expected: Subject) -> None:
    assert subject(table) is expected


@pytest.mark.parametrize(
    ("column", "class_name"),
    [
        ("date_of_birth", "birth_date"),
        ("place_of_birth", None),
        ("birth_name", "person"),
        ("card_holder_name", "person"),
        ("card_no", "card"),
        ("tax_number", "national_id"),
        ("social_security_no", "ssn"),
        ("user_name", "account"),
        ("email_address", "email"),
        ("ip_address", "ip"),
        ("mailing_address", "address"),
        ("api_key", "secret"),
        ("email_count", None),
        ("is_patient", None),
        ("password_changed_at", None),
    ],
)
def test_hints(column: str, class_name: str | None) -> None:
    found = hint(read(column), Subject.PEOPLE, people=True)
    assert found is not None
    assert found.class_name == class_name


def test_the_lexicon_is_written_as_names_are_read() -> None:
    for word in WORDS:
        assert word == folded(word).lower()
        assert word.isalnum()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_name_can_be_read(name: str) -> None:
    found = read(name)
    assert len(found.words) == len(found.headings)
    assert found.head <= found.all
