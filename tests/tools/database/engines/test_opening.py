"""Which relations a configuration opens, and misspelt names."""

from __future__ import annotations

import pytest

from gloveport.tools.database.catalog import Relation, RelationKind
from gloveport.tools.database.engines.engine import DatabaseError, Settings
from gloveport.tools.database.engines.opening import check_names, open_relations
from gloveport.tools.database.sql.names import ascii_lower

RELATIONS = {
    name: Relation(name.rpartition(".")[2], None, RelationKind.TABLE, ()) for name in ("patients", "hr.staff", "Staff")
}


def test_everything_less_what_is_denied() -> None:
    settings = Settings("d", "x://", deny=("hr.staff",))
    assert open_relations(RELATIONS, settings, "public") == {"patients", "Staff"}


def test_only_what_is_listed_and_readable() -> None:
    settings = Settings("d", "x://", tables=("public.patients", "Staff", "hr.staff"), deny=("public.Staff",))
    assert open_relations(RELATIONS, settings, "public") == {"patients", "hr.staff"}
    assert open_relations(RELATIONS, settings, "public", {"patients"}.__contains__) == {"patients"}


def test_names_are_compared_as_the_engine_does() -> None:
    settings = Settings("d", "x://", tables=("PATIENTS", "staff"))
    assert open_relations(RELATIONS, settings, "public") == frozenset()
    assert open_relations(RELATIONS, settings, "main", fold=ascii_lower) == {"patients", "Staff"}


def test_a_misspelt_denial_stops_the_start_only_where_it_would_open_a_table() -> None:
    with pytest.raises(DatabaseError, match=r"databases\.d\.deny: staf: no such table or view"):
        check_names(RELATIONS, Settings("d", "x://", deny=("staf",)), "public")
    check_names(RELATIONS, Settings("d", "x://", tables=("patients", "nowhere"), deny=("staf",)), "public")
    check_names(RELATIONS, Settings("d", "x://", deny=("public.patients",)), "public")
