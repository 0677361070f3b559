from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.guardrails.masking.classes import default_rule
from gloveport.guardrails.masking.duties import LADDER, Duties, column_mask, strictest
from gloveport.tools.tool import ColumnRef, ColumnRule, Mask, OutputColumn, OutputForm

EMAIL, BACKUP, CITY, SSN, NOTES, SHOWN = (
    ColumnRef("clinic", "patients", name) for name in ("email", "backup_email", "city", "ssn", "notes", "shown")
)


class Rules:
    version = "1"

    def __init__(self) -> None:
        self.all = {
            EMAIL: default_rule("email", "config"),
            BACKUP: default_rule("email", "name"),
            SSN: default_rule("ssn", "config", Mask.REDACT),
            NOTES: default_rule("free_text", "config"),
            SHOWN: default_rule("email", "config", Mask.PASS),
        }

    def get(self, column: ColumnRef) -> ColumnRule | None:
        return self.all.get(column)


RULES = {"clinic": Rules()}


def planned(
    *sources: ColumnRef, form: OutputForm = OutputForm.IDENTITY, duties: Duties = Duties()
) -> tuple[str | None, Mask, bool]:
    mask = column_mask(OutputColumn("x", "TEXT", frozenset(sources), form), RULES, duties)
    return mask.class_name, mask.mask, mask.scan


def test_a_plain_column_gets_the_mask_of_its_class() -> None:
    assert planned(EMAIL) == ("email", Mask.TOKEN, False)
    assert planned(EMAIL, BACKUP) == ("email", Mask.TOKEN, False), "a union of one class keeps its tokens"


def test_an_open_column_is_still_looked_through() -> None:
    assert planned(CITY) == (None, Mask.PASS, True)
    assert planned(CITY, form=OutputForm.EXPRESSION) == (None, Mask.PASS, True)


def test_what_is_computed_from_a_masked_column_is_redacted_whole() -> None:
    for form in (OutputForm.EXPRESSION, OutputForm.AGGREGATE):
        assert planned(EMAIL, form=form) == ("email", Mask.REDACT, False)
        assert planned(EMAIL, CITY, form=form) == ("email", Mask.REDACT, False)


def test_a_class_survives_a_union_with_an_open_column() -> None:
    assert planned(EMAIL, CITY) == ("email", Mask.REDACT, False)
    assert planned(EMAIL, SSN) == ("ssn", Mask.REDACT, False), "named after the graver one"


def test_free_text_is_masked_span_by_span_unless_something_is_stricter() -> None:
    assert planned(NOTES) == ("free_text", Mask.TOKEN, True)
    assert planned(NOTES, duties=Duties({"free_text": Mask.REDACT})) == ("free_text", Mask.REDACT, False)


def test_counts_totals_and_constants_say_nothing_of_the_values() -> None:
    for form in (OutputForm.COUNT, OutputForm.TOTAL, OutputForm.CONSTANT):
        assert planned(SSN, form=form)[:2] == (None, Mask.PASS)


def test_configuration_may_show_a_column_and_policy_may_still_mask_it() -> None:
    assert planned(SHOWN) == (None, Mask.PASS, False)
    assert planned(SHOWN, duties=Duties({"email": Mask.REDACT})) == ("email", Mask.REDACT, False)


@given(
    usual=st.sampled_from(LADDER),
    asked=st.dictionaries(st.sampled_from(("email", "*", "ssn")), st.sampled_from(LADDER)),
)
def test_a_policy_never_weakens_a_mask(usual: Mask, asked: dict[str, Mask]) -> None:
    mask = Duties(asked).mask("email", usual)
    assert LADDER.index(mask) <= LADDER.index(usual)
    for name in ("email", "*"):
        if name in asked:
            assert LADDER.index(mask) <= LADDER.index(asked[name])


@pytest.mark.parametrize("pair", list(itertools.combinations(LADDER, 2)))
def test_the_ladder_decides(pair: tuple[Mask, Mask]) -> None:
    assert strictest(pair) == strictest(reversed(pair)) == pair[0]


def test_an_unknown_database_is_an_error_not_an_open_column() -> None:
    with pytest.raises(KeyError):
        column_mask(OutputColumn("x", "TEXT", frozenset({ColumnRef("other", "t", "c")})), RULES, Duties())
