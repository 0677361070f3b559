"""The catalog as it is read, and how soon it follows a change."""

from __future__ import annotations

import anyio
import pytest

from gloveport.tests.tools.database.engines.postgresql.conftest import Clinic, Server, open_clinic
from gloveport.tools.database.catalog import RelationKind
from gloveport.tools.database.engines.engine import DatabaseError


async def test_relations_columns_and_keys(clinic: Clinic) -> None:
    catalog = await clinic.engine.catalog()
    patients = catalog.relations["patients"]
    assert (patients.kind, patients.schema, patients.comment) == (RelationKind.TABLE, None, "people we treat")
    assert catalog.default_schema == "public"
    assert [c.name for c in patients.columns if c.primary_key] == ["id"]
    assert patients.column("cost") is not None
    types = {c.name: c.type for c in patients.columns}
    assert (types["cost"], types["age"], types["home"]) == ("numeric(8,2)", "integer", "public.place")  # age: a domain
    tail = patients.column("tail")
    assert tail is not None
    assert tail.generated is not None
    assert tail.generated.startswith("substr(email")
    assert set(patients.indexes) == {("id",), ("email",), (None, "city")}
    assert catalog.relations["hr.staff"].schema == "hr"
    key = next(key for key in catalog.foreign_keys if key.table == "visits")
    assert (key.columns, key.referred_table, key.referred_columns) == (("patient_id",), "patients", ("id",))
    assert catalog.user_functions == {"add_tax"}


async def test_views_partitions_and_what_is_open(clinic: Clinic) -> None:
    catalog = await clinic.engine.catalog()
    contacts, reach = catalog.relations["contacts"], catalog.relations["reach"]
    assert (contacts.kind, reach.kind) == (RelationKind.VIEW, RelationKind.MATERIALISED)
    assert contacts.definition is not None
    assert "public.patients" in contacts.definition
    assert reach.definition is not None
    assert catalog.relations["events_2024"].copies_from == ("events",)
    assert catalog.relations["events"].copies_from == ("events_2024",)
    assert "api_keys" in catalog.relations
    assert not catalog.is_open("api_keys")
    assert catalog.is_open("hr.staff")


async def test_a_table_the_role_may_not_read_is_not_open(server: Server) -> None:
    server.run("CREATE TABLE private (id int)")
    try:
        async with open_clinic(server, tables=None, deny=("api_keys",)) as clinic:
            catalog = await clinic.engine.catalog()
            assert "private" in catalog.relations
            assert not catalog.is_open("private")
            assert catalog.is_open("visits")
    finally:
        server.run("DROP TABLE private")


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("CREATE TABLE fresh (id int)", "DROP TABLE fresh"),
        ("ALTER TABLE visits ADD COLUMN note text", "ALTER TABLE visits DROP COLUMN note"),
        ("ALTER TABLE visits RENAME COLUMN kind TO sort", "ALTER TABLE visits RENAME COLUMN sort TO kind"),
        (
            "CREATE OR REPLACE VIEW contacts AS SELECT id, city AS handle FROM patients",
            "CREATE OR REPLACE VIEW contacts AS SELECT id, email AS handle FROM patients WHERE city IS NOT NULL",
        ),
        ("CREATE INDEX soon ON visits (kind)", "DROP INDEX soon"),
        ("COMMENT ON TABLE visits IS 'x'", "COMMENT ON TABLE visits IS NULL"),
        ("CREATE FUNCTION soon() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION soon()"),
    ],
)
async def test_every_change_of_the_schema_changes_the_version(clinic: Clinic, change: str, back: str) -> None:
    before = await clinic.engine.catalog()
    clinic.server.run(change)
    try:
        after = before
        with anyio.fail_after(3):
            while after.version == before.version:
                await anyio.sleep(0.005)
                after = await clinic.engine.catalog()
        assert after is await clinic.engine.catalog()
    finally:
        clinic.server.run(back)


async def test_changes_of_data_do_not(clinic: Clinic) -> None:
    before = await clinic.engine.catalog()
    clinic.server.run("UPDATE visits SET kind = kind WHERE id = 1; ANALYZE visits; CREATE TEMP TABLE own (id int)")
    clinic.engine._fresh_until = 0.0  # pyright: ignore[reportPrivateUsage]
    assert await clinic.engine.catalog() is before


async def test_sampling(clinic: Clinic) -> None:
    relations = (await clinic.engine.catalog()).relations
    assert len(await clinic.engine.sample(relations["patients"], ["email", "age"], 5)) == 5
    assert await clinic.engine.sample(relations["Loyalty Cards"], ["Card No"], 5) == []
    assert await clinic.engine.sample(relations["reach"], ["reach"], 5) == []  # never filled
    assert await clinic.engine.sample(relations["patients"], [], 5) == []


async def test_a_denied_name_that_is_misspelt_stops_the_start(server: Server) -> None:
    with pytest.raises(DatabaseError, match=r"databases\.clinic\.deny: api_kees: no such table or view"):
        async with open_clinic(server, tables=None, deny=("api_kees",)):
            pass
