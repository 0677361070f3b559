"""Two opinions: whatever the engine reads beyond the walk stops the statement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gloveport.tests.tools.database.sql.clinic import KEY, RELATIONS, Clinic, column, table, view
from gloveport.tools.database.catalog import RelationKind
from gloveport.tools.database.sql.analysis import EngineReads, Inference
from gloveport.tools.database.sql.reconcile import check, expected_of
from gloveport.tools.tool import ColumnRef, ToolRefused

TEXT = "SELECT city, email FROM patients"


def ref(name: str) -> ColumnRef:
    return ColumnRef("clinic", *name.split("."))


def refs(*names: str) -> frozenset[ColumnRef]:
    return frozenset(map(ref, names))


AGREES = EngineReads(
    columns=refs("patients.city", "patients.email"),
    relations=frozenset({"patients"}),
    functions=frozenset({"upper"}),
    sources=(refs("patients.city"), refs("patients.email")),
    width=2,
)


def expected(text: str = TEXT, clinic: Clinic | None = None):
    clinic = clinic or Clinic("postgresql")
    return expected_of(clinic.analyse(text), clinic.settings)


def test_agreement_and_silence_pass() -> None:
    check(expected(), AGREES)
    check(expected(), EngineReads())
    check(expected(), replace(AGREES, sources=(frozenset(), frozenset())))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"columns": refs("patients.ssn")}, "columns"),
        ({"columns": refs("patients.handle")}, "columns"),  # generated from a masked column
        ({"columns": refs("secrets.kind")}, "columns"),
        ({"relations": frozenset({"patients", "visits"})}, "relations"),
        ({"relations": frozenset({"pg_catalog.pg_stats"})}, "relations"),
        ({"functions": frozenset({"pg_read_file"})}, "functions"),
        ({"width": 3}, "width"),
        ({"sources": (frozenset(),)}, "width"),
        ({"sources": (refs("patients.email"), refs("patients.email"))}, "outputs"),
        ({"sources": (refs("patients.city"), refs("patients.ssn"))}, "outputs"),
    ],
)
def test_disagreement_refuses(changes: dict[str, object], place: str) -> None:
    with pytest.raises(ToolRefused) as info:
        check(expected(), replace(AGREES, **changes))  # type: ignore[arg-type]
    refused = info.value
    assert (refused.code, refused.place) == ("sql_disagreement", place)
    assert not any(word in refused.message + refused.hint for word in ("ssn", "handle", "pg_", "secrets"))


def test_an_open_column_more_is_no_matter() -> None:
    check(expected(), replace(AGREES, columns=refs("patients.city", "patients.id")))


def test_views_are_seen_through() -> None:
    reads = EngineReads(
        columns=refs("patients.id", "patients.email", "patients.city"),
        relations=frozenset({"mails", "patients"}),
        sources=(refs("patients.email"),),
        functions=frozenset({"upper"}),
    )
    check(expected("SELECT address FROM mails"), reads)
    check(expected("SELECT address FROM mails"), replace(reads, sources=(refs("mails.address"),)))


def test_functions_of_a_view_are_its_owners_decision() -> None:
    relations = (*RELATIONS, view("odd", 'SELECT my_own (email) AS x, "Its Own"(city) AS y FROM patients', "x", "y"))
    clinic = Clinic("postgresql", relations=relations)
    reads = EngineReads(functions=frozenset({"my_own", "Its Own"}))
    check(expected("SELECT x FROM odd", clinic), reads)
    with pytest.raises(ToolRefused):
        check(expected("SELECT city FROM patients", clinic), reads)


def test_generated_columns_and_copies_may_be_named_by_the_engine() -> None:
    part = table("patients_2024", KEY, column("email"), copies_from=("patients",))
    kept = view("kept", "SELECT email AS reach FROM patients", "reach", kind=RelationKind.MATERIALISED)
    clinic = Clinic("postgresql", relations=(*RELATIONS, part, kept))
    for text, own in [
        ("SELECT handle FROM patients", "patients.handle"),
        ("SELECT email FROM patients_2024", "patients_2024.email"),
        ("SELECT reach FROM kept", "kept.reach"),
    ]:
        reads = EngineReads(columns=refs(own), sources=(refs(own),), relations=frozenset({own.split(".")[0]}))
        check(expected(text, clinic), reads)
    with pytest.raises(ToolRefused):
        check(expected("SELECT city FROM patients", clinic), EngineReads(sources=(refs("patients.handle"),)))


def test_the_hidden_group_size_counts_as_an_output() -> None:
    clinic = Clinic("postgresql", Inference.BALANCED)
    made = expected("SELECT city, sum(income) FROM patients GROUP BY city", clinic)
    check(made, EngineReads(width=3, sources=(refs("patients.city"), refs("patients.income"), frozenset())))


def test_writes_are_held_against_their_targets() -> None:
    clinic = Clinic("postgresql", writes=True)
    made = expected("UPDATE visits SET cost = 1 WHERE id = 3 RETURNING id", clinic)
    check(made, EngineReads(columns=refs("visits.id", "visits.cost"), relations=frozenset({"visits"}), width=1))
    with pytest.raises(ToolRefused):
        check(made, EngineReads(relations=frozenset({"visits", "patients"})))
