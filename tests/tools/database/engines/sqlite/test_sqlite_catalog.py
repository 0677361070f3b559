"""The catalog built from what a worker read, also from older versions of SQLite and from workers that send nonsense."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gloveport.tools.database.catalog import Catalog, RelationKind
from gloveport.tools.database.engines.engine import Settings
from gloveport.tools.database.engines.sqlite.catalog import Unreadable, build_schema
from gloveport.tools.database.engines.sqlite.reads import engine_reads
from gloveport.tools.tool import ColumnRef

COLUMN = (0, "a", "TEXT", 0, None, 0, 0)


def reading(kinds: Mapping[str, str], **texts: str) -> dict[str, object]:
    objects = [("view" if kinds[name] == "view" else "table", name, name, sql) for name, sql in texts.items()]
    tables = {name: {"kind": kind, "columns": [COLUMN], "indexes": [], "keys": []} for name, kind in kinds.items()}
    return {"cookie": 7, "objects": objects, "tables": tables}


def built(message: Mapping[str, object]) -> Catalog:
    return build_schema(message, Settings("clinic", "sqlite:///x.db"), sqlite="3.40.1", index_scans=False).catalog


TEXTS = {
    "people": "CREATE TABLE people (a)",
    "notes": "CREATE VIRTUAL TABLE notes USING fts5(a, content=people)",
    "notes_data": "CREATE TABLE notes_data (a)",
    "notable": "CREATE TABLE notable (a)",
}


@pytest.mark.parametrize("shadow", ["shadow", "unknown"])
def test_shadow_tables_are_no_relations_with_any_version(shadow: str) -> None:
    other = "unknown" if shadow == "unknown" else "table"
    kinds = {"people": other, "notes": other, "notes_data": shadow, "notable": other}
    catalog = built(reading(kinds, **TEXTS))
    assert {name: relation.kind for name, relation in catalog.relations.items()} == {
        "people": RelationKind.TABLE,
        "notes": RelationKind.VIRTUAL,
        "notable": RelationKind.TABLE,
    }
    assert catalog.relations["notes"].copies_from == ("people",)


def test_a_table_of_the_words_of_another_is_made_of_what_nobody_can_trace() -> None:
    catalog = built(reading({"words": "virtual"}, words="CREATE VIRTUAL TABLE words USING fts5vocab('notes', 'row')"))
    assert all(column.generated == "?(" for column in catalog.relations["words"].columns)


def test_the_version_follows_the_texts_not_only_the_cookie() -> None:
    one = built(reading({"people": "table"}, people="CREATE TABLE people (a)"))
    same = built(reading({"people": "table"}, people="CREATE TABLE people (a)"))
    other = built(reading({"people": "table"}, people="CREATE TABLE people (a TEXT)"))
    assert one.version == same.version != other.version


@pytest.mark.parametrize(
    "message", [{}, {"cookie": "x", "objects": [], "tables": {}}, {"cookie": 1, "objects": [1], "tables": {}}]
)
def test_nonsense_is_no_schema(message: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        built(message)


SCHEMA = build_schema(
    reading(
        {"people": "table", "v": "view", "notes": "virtual", "notes_data": "shadow"},
        people="CREATE TABLE people (a)",
        v="CREATE VIEW v AS WITH inner_one AS (SELECT 1) SELECT a FROM people, inner_one",
        notes="CREATE VIRTUAL TABLE notes USING fts5(a)",
        notes_data="CREATE TABLE notes_data (a)",
    ),
    Settings("clinic", "sqlite:///x.db"),
    sqlite="3.40.1",
    index_scans=False,
)


NOTHING = set[str]()


@pytest.mark.parametrize(
    ("read", "relations", "columns"),
    [
        (["people", "a"], {"people"}, {"a"}),
        (["PEOPLE", ""], {"people"}, NOTHING),
        (["notes_data", "a"], {"notes"}, NOTHING),
        (["c", ""], NOTHING, NOTHING),  # a common table expression of the statement
        (["inner_one", ""], NOTHING, NOTHING),  # of a view
        (["elsewhere", ""], {"elsewhere"}, NOTHING),
        (["c", "a"], {"c"}, NOTHING),
        (["people", "rowid"], {"people"}, {"rowid"}),
    ],
)
def test_what_the_authorizer_says_in_the_words_of_the_catalog(
    read: list[str], relations: set[str], columns: set[str]
) -> None:
    reads = engine_reads([[read], []], SCHEMA, "WITH c AS (SELECT 1) SELECT count(*) FROM c")
    assert reads is not None
    assert reads.relations == relations
    assert reads.columns == {ColumnRef("clinic", "people", name) for name in columns}


def test_table_functions_are_functions() -> None:
    reads = engine_reads([[["json_each", "value"]], ["count"]], SCHEMA, "SELECT 1")
    assert reads is not None
    assert (reads.relations, reads.functions) == (frozenset(), {"json_each", "count"})


@pytest.mark.parametrize("seen", [None, [], [[], [], []], [[["a"]], []], [[["a", 1]], []], [[], [None]], "xy"])
def test_a_report_without_the_form_of_one_is_none(seen: object) -> None:
    assert engine_reads(seen, SCHEMA, "SELECT 1") is None
