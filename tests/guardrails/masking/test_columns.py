"""Column rules by database: configuration, the kept classification, and what neither has seen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gloveport.guardrails.masking.columns import (
    ClassificationError,
    ColumnClasses,
    Declared,
    Kept,
    build_rules,
    findings,
    unknown_columns,
)
from gloveport.tools.database.catalog import Catalog, Column, Relation, RelationKind
from gloveport.tools.tool import ColumnRef, Mask

ROWS = {
    "patients": [[i, f"ann{i}@acme.com", "red"] for i in range(20)],
    "v_patients": [],
}


class Fake:
    """A source in memory; `add` is an ALTER TABLE."""

    def __init__(self) -> None:
        self.name = "clinic"
        self.columns = ["id", "email", "colour"]
        self.sampled: list[str] = []

    def add(self, column: str) -> None:
        self.columns.append(column)

    async def catalog(self) -> Catalog:
        columns = tuple(Column(name, "INTEGER" if name == "id" else "TEXT") for name in self.columns)
        relations = {
            "patients": Relation("patients", None, RelationKind.TABLE, columns),
            "v_patients": Relation(
                "v_patients", None, RelationKind.VIEW, columns[:2], "SELECT id, email FROM patients"
            ),
        }
        return Catalog("clinic", "sqlite", f"v{len(columns)}", relations, frozenset(relations))

    async def sample(self, relation: Relation, columns: Sequence[str], n: int) -> Sequence[Sequence[object]]:
        self.sampled.append(relation.qualified)
        width = len(columns)
        return [[*row, *["note"] * width][:width] for row in ROWS[relation.qualified]]


@pytest.fixture
def source() -> Fake:
    return Fake()


def classes(source: Fake, state: Path, declared: Declared | None = None) -> ColumnClasses:
    return ColumnClasses({"clinic": source}, {"clinic": declared or Declared({})}, state)


def ref(column: str, table: str = "patients") -> ColumnRef:
    return ColumnRef("clinic", table, column)


async def test_the_first_look_classifies_and_is_kept(source: Fake, tmp_path: Path) -> None:
    rules = await classes(source, tmp_path).rules("clinic")
    email = rules.get(ref("email"))
    assert email is not None
    assert (email.class_name, email.mask) == ("email", Mask.TOKEN)
    assert rules.get(ref("id")) is None
    again = classes(source, tmp_path)
    assert (await again.rules("clinic")).version == rules.version
    assert source.sampled == ["patients"]  # not again, and never a view with a definition


async def test_a_new_column_is_masked_until_it_is_accepted(source: Fake, tmp_path: Path) -> None:
    columns = classes(source, tmp_path)
    before = await columns.rules("clinic")
    source.add("shoe_size")
    rules = await columns.rules("clinic")
    fresh = rules.get(ref("shoe_size"))
    assert fresh is not None
    assert (fresh.class_name, fresh.mask) == ("unclassified", Mask.REDACT)
    assert rules.version != before.version
    await columns.accept("clinic")
    assert (await columns.rules("clinic")).get(ref("shoe_size")) is None


async def test_what_another_process_accepts_counts_at_the_next_call(source: Fake, tmp_path: Path) -> None:
    server = classes(source, tmp_path)
    await server.rules("clinic")
    source.add("shoe_size")
    assert (await server.rules("clinic")).get(ref("shoe_size")) is not None
    await classes(source, tmp_path).accept("clinic")
    os.utime(tmp_path / "columns" / "clinic.json", ns=(1, 10**18))  # whatever the clock's steps
    assert (await server.rules("clinic")).get(ref("shoe_size")) is None


async def test_the_configuration_wins(source: Fake, tmp_path: Path) -> None:
    declared = Declared({"patients.colour": ("health", Mask.DROP)}, frozenset({"patients.email"}))
    rules = await classes(source, tmp_path, declared).rules("clinic")
    colour = rules.get(ref("colour"))
    assert colour is not None
    assert (colour.class_name, colour.mask, colour.basis) == ("health", Mask.DROP, "config")
    assert rules.get(ref("email")) is None


def test_a_column_that_no_class_fits_can_stay_closed() -> None:
    kept = {
        "people.a": Kept(None, None, "text of 5 different values in 51; no class fits", 0.5),
        "people.b": Kept(None, None, "numbers the rows", 0.9),
        "people.c": Kept(None, None, "the name says so (city)", 0.5, quasi=True),
        "people.d": Kept(None, None, "text; no class fits", 0.5),
    }
    columns = tuple(Column(name, "text") for name in "abcd")
    relation = Relation("people", None, RelationKind.TABLE, columns)
    catalog = Catalog("d", "sqlite", "1", {"people": relation}, frozenset({"people"}))
    named = frozenset({"people.d"})

    def closed(declared: Declared) -> list[str]:
        rules = build_rules(catalog, declared, kept)
        found = {name: rules.get(ColumnRef("d", "people", name)) for name in "abcd"}
        assert all(rule is None or (rule.class_name, rule.masked) == ("unclassified", True) for rule in found.values())
        return [name for name, rule in found.items() if rule is not None]

    assert closed(Declared({}, named)) == []
    assert closed(Declared({}, named, unsure_closed=True)) == ["a"]


async def test_an_unknown_table_is_unclassified_and_a_view_goes_through(source: Fake, tmp_path: Path) -> None:
    rules = await classes(source, tmp_path).rules("clinic")
    unknown = rules.get(ref("anything", "no_such_table"))
    assert unknown is not None
    assert unknown.class_name == "unclassified"
    assert rules.get(ref("email", "v_patients")) is None  # judged by the column beneath


async def test_a_damaged_file_stops_and_says_what_to_do(source: Fake, tmp_path: Path) -> None:
    await classes(source, tmp_path).rules("clinic")
    (tmp_path / "columns" / "clinic.json").write_text("{")
    with pytest.raises(ClassificationError, match="cannot be used; mend it, or move it away"):
        await classes(source, tmp_path).rules("clinic")


async def test_the_kept_file_is_private_and_holds_no_value(source: Fake, tmp_path: Path) -> None:
    await classes(source, tmp_path).rules("clinic")
    path = tmp_path / "columns" / "clinic.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "acme" not in path.read_text()


async def test_progress_names_tables(source: Fake) -> None:
    seen: list[str] = []

    async def show(table: str) -> None:
        seen.append(table)

    found = await findings(source, await source.catalog(), show)
    assert seen == ["patients"]
    assert [f.name for f in found] == ["patients.id", "patients.email", "patients.colour"]


async def test_misspelt_columns_are_named(source: Fake) -> None:
    declared = Declared({"patients.emial": ("email", None)}, frozenset({"patients.id"}))
    assert unknown_columns(await source.catalog(), declared) == ["patients.emial"]


def test_an_agent_is_told_the_kind_of_evidence_and_no_counts() -> None:
    kept = {
        "people.a": Kept("email", None, "98% of the sampled values have the form of an e-mail address"),
        "people.b": Kept("person", Mask.REDACT, "the name says so (fullname); 57 different values in 64"),
    }
    relation = Relation("people", None, RelationKind.TABLE, (Column("a", "text"), Column("b", "text")))
    rules = build_rules(Catalog("d", "sqlite", "1", {"people": relation}, frozenset({"people"})), Declared({}), kept)
    for column, basis in (("a", "classified by its values"), ("b", "classified by its name")):
        rule = rules.get(ColumnRef("d", "people", column))
        assert rule is not None
        assert rule.basis == basis
