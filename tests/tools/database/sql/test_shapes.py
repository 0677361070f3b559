"""Views, generated columns, copies: what holds masked values is masked, whatever it is called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gloveport.tests.tools.database.sql.clinic import KEY, RELATIONS, RULES, Clinic, column, rule, table, view
from gloveport.tools.database.catalog import RelationKind
from gloveport.tools.tool import Mask, OutputForm


def test_views_upon_views() -> None:
    more = (
        view("v2", "SELECT address AS a, town FROM mails WHERE town = 'X'", "a", "town"),
        view("v3", "SELECT upper(a) AS b, town AS t FROM v2", "b", "t"),
    )
    clinic = Clinic("postgresql", relations=(*RELATIONS, *more))
    analysis = clinic.analyse("SELECT b, t FROM v3")
    assert clinic.sources("SELECT b, t FROM v3") == [{"patients.email"}, set()]
    assert analysis.relations == {"v3", "v2", "mails", "patients"}


def test_what_a_view_filters_by_is_the_owners_decision() -> None:
    clinic = Clinic(relations=(*RELATIONS, view("rich", "SELECT id FROM patients WHERE income > 100", "id")))
    assert clinic.sources("SELECT id FROM rich") == [set()]


def test_a_view_may_mask_an_open_column() -> None:
    clinic = Clinic(rules={**RULES, "mails.town": rule("city", Mask.REDACT)})
    assert clinic.sources("SELECT town FROM mails") == [{"mails.town"}]


@pytest.mark.parametrize("body", ["SELECT nope FROM patients", "not sql at all", "SELECT * FROM gone", None])
def test_a_view_that_cannot_be_traced_is_refused(body: str | None) -> None:
    broken = replace(view("broken", "", "x"), definition=body)
    assert Clinic(relations=(*RELATIONS, broken)).refusal("SELECT x FROM broken").code == "sql_untraced"


def test_views_that_read_each_other_are_refused() -> None:
    loop = (view("v1", "SELECT a FROM v2", "a"), view("v2", "SELECT a FROM v1", "a"))
    assert Clinic(relations=(*RELATIONS, *loop)).refusal("SELECT a FROM v1").code == "sql_untraced"


def test_a_view_with_a_function_nobody_knows_is_traced_through_its_arguments() -> None:
    clinic = Clinic(
        "postgresql", relations=(*RELATIONS, view("f", "SELECT my_own(email, city) AS x FROM patients", "x"))
    )
    assert clinic.sources("SELECT x FROM f") == [{"patients.email"}]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "duckdb"])
@pytest.mark.parametrize("call", ["crm.my_own(email, city)", "a.crm.my_own(email)", "upper(crm.my_own(email)) || 'x'"])
def test_a_function_named_with_its_schema_is_traced_through_its_arguments(dialect: str, call: str) -> None:
    """So PostgreSQL prints the functions of users in the body of a view."""
    clinic = Clinic(dialect, relations=(*RELATIONS, view("f", f"SELECT {call} AS x FROM patients", "x")))
    (shown,) = clinic.analyse("SELECT x FROM f").outputs
    assert {ref.column for ref in shown.sources} - {"city"} == {"email"}
    assert shown.form is OutputForm.EXPRESSION


def test_materialised_views_are_traced_as_views() -> None:
    kept = view("kept", "SELECT id, email AS reach FROM patients", "id", "reach", kind=RelationKind.MATERIALISED)
    clinic = Clinic("postgresql", relations=(*RELATIONS, kept))
    assert clinic.sources("SELECT id, reach FROM kept") == [set(), {"patients.email"}]


def test_generated_columns_of_generated_columns_inherit() -> None:
    more = table(
        "chain", KEY, column("email"), column("a", generated="lower(email)"), column("b", generated="a || 'x'")
    )
    rules = {**RULES, "chain.email": rule("email")}
    assert Clinic(relations=(*RELATIONS, more), rules=rules).sources("SELECT a, b FROM chain") == [{"chain.email"}] * 2


def test_generated_columns_of_a_partition_inherit() -> None:
    part = table("p1", KEY, column("email"), column("low", generated="lower(email)"), copies_from=("patients",))
    clinic = Clinic("postgresql", relations=(*RELATIONS, part))
    assert clinic.sources("SELECT email, low FROM p1") == [{"patients.email"}] * 2


def test_generated_columns_that_are_made_of_each_other_make_their_table_opaque() -> None:
    loop = table("loop", KEY, column("a", generated="b"), column("b", generated="a"))
    assert Clinic(relations=(*RELATIONS, loop)).refusal("SELECT id FROM loop").code == "sql_untraced"


@pytest.mark.parametrize("dialect", ["sqlite", "mysql", "duckdb"])
@pytest.mark.parametrize("made", ["upper(email -> '$.a')", "upper((email) -> '$.a')", "coalesce('', email ->> '$.a')"])
def test_a_json_arrow_in_a_generated_column_is_no_lambda(dialect: str, made: str) -> None:
    more = table("arrows", KEY, column("email"), column("a", generated=made))
    clinic = Clinic(dialect, relations=(*RELATIONS, more), rules={**RULES, "arrows.email": rule("email")})
    assert clinic.sources("SELECT a FROM arrows") == [{"arrows.email"}]


def test_generated_columns_inherit_and_are_never_shown_as_tokens() -> None:
    output = Clinic().analyse("SELECT handle FROM patients").outputs[0]
    assert output.form is OutputForm.EXPRESSION


def test_a_generated_column_that_cannot_be_read_makes_its_table_opaque() -> None:
    odd = table("odd", KEY, column("x", generated="unknown_column + 1"))
    assert Clinic(relations=(*RELATIONS, odd)).refusal("SELECT id FROM odd").code == "sql_untraced"


def test_partitions_hold_the_cells_of_their_parent() -> None:
    part = table("patients_2024", KEY, column("email"), column("city"), copies_from=("patients",))
    clinic = Clinic("postgresql", relations=(*RELATIONS, part))
    assert clinic.sources("SELECT email, city FROM patients_2024") == [{"patients.email"}, set()]
    assert clinic.refusal("SELECT id FROM patients_2024 ORDER BY email").code == "masked_column"


def test_full_text_tables_hold_the_cells_of_their_content() -> None:
    index = replace(table("notes_fts", column("body"), copies_from=("notes",)), kind=RelationKind.VIRTUAL)
    clinic = Clinic(relations=(*RELATIONS, index))
    assert clinic.sources("SELECT body FROM notes_fts") == [{"notes.body"}]
    assert clinic.refusal("SELECT rowid FROM notes_fts WHERE notes_fts MATCH 'x'").code == "sql_construct"
    assert clinic.refusal("SELECT rowid FROM notes_fts WHERE notes_fts = 'x'").code == "unknown_column"


def test_full_text_tables_over_a_view_hold_what_the_view_shows() -> None:
    shown = view("shown", "SELECT id, body, title FROM notes", "id", "body", "title")
    index = replace(table("fts", column("body"), column("title"), copies_from=("shown",)), kind=RelationKind.VIRTUAL)
    assert Clinic(relations=(*RELATIONS, shown, index)).sources("SELECT body, title FROM fts") == [
        {"notes.body"},
        set(),
    ]
    broken = replace(shown, definition="SELECT nope FROM notes")
    assert Clinic(relations=(*RELATIONS, broken, index)).refusal("SELECT title FROM fts").code == "sql_untraced"


def test_partitions_of_partitions_hold_the_cells_of_the_first() -> None:
    kin = (
        table("y24", KEY, column("email"), copies_from=("patients", "m1")),
        table("m1", KEY, column("email"), copies_from=("y24",)),
    )
    assert Clinic("postgresql", relations=(*RELATIONS, *kin)).sources("SELECT email FROM m1") == [{"patients.email"}]


def test_closed_tables_may_lie_beneath_open_views() -> None:
    clinic = Clinic()
    assert clinic.sources("SELECT id, kind, v FROM hidden_kinds") == [set(), set(), {"secrets.value"}]
    assert clinic.refusal("SELECT kind FROM secrets").code == "unknown_relation"


def test_shapes_are_made_anew_when_rules_change() -> None:
    assert Clinic().sources("SELECT town FROM mails") == [set()]
    changed = Clinic(rules={**RULES, "patients.city": rule("city")})
    assert changed.sources("SELECT town FROM mails") == [{"patients.city"}]
