"""Each layer earns its place: with it off, statements that it stopped go through, or say more than they may.

A layer is switched off by putting a no-op in its place. Every test first shows that the case is held with it on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from sqlglot import exp

from gloveport.tests.tools.database.sql.clinic import Clinic
from gloveport.tools.database.catalog import Catalog
from gloveport.tools.database.sql import (
    calls,
    completeness,
    fidelity,
    gate,
    guard,
    inference,
    ordering,
    outcome,
    parsing,
    profiles,
    reconcile,
    render,
    shapes,
    sources,
    tokens,
)
from gloveport.tools.database.sql.analysis import EngineReads
from gloveport.tools.database.sql.functions import FunctionFacts, FunctionKind, Safety
from gloveport.tools.database.sql.profiles import Profile
from gloveport.tools.tool import ColumnRef, ToolRefused


def nothing(*_: object, **__: object) -> None:
    return None


class Everything(frozenset[str]):
    """A set that has everything."""

    def __contains__(self, item: object) -> bool:
        return True


def without_lexguard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(parsing, "check_text", nothing)
    patch.setattr(parsing, "check_tokens", nothing)


def without_function_list(patch: pytest.MonkeyPatch) -> None:
    known = gate.facts_of

    def facts_of(name: str, profile: Profile, catalog: Catalog) -> FunctionFacts:
        return known(name, profile, catalog) or FunctionFacts(FunctionKind.SCALAR, Safety.TOTAL)

    for module in (gate, calls, sources, outcome, ordering):
        patch.setattr(module, "facts_of", facts_of)


def without_node_list(patch: pytest.MonkeyPatch) -> None:
    known = profiles.profile_for

    def profile_for(dialect: str) -> Profile:
        return dataclasses.replace(known(dialect), nodes=Everything())

    patch.setattr(guard, "profile_for", profile_for)
    patch.setattr(shapes, "profile_for", profile_for)
    patch.setattr(gate, "ARGUMENTS", {})
    patch.setattr(gate, "_dot", nothing)


def without_completeness(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(completeness, "check", nothing)


def without_inference(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inference, "judge", nothing)


def without_ordering(patch: pytest.MonkeyPatch) -> None:
    for method in ("select", "set_operation", "aggregate_order_shows", "window_order_shows"):
        patch.setattr(ordering.Ordering, method, nothing)


def without_token_places(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tokens, "check", nothing)


# name of the layer, what switches it off, dialect, statements that only it stops
LAYERS = [
    (
        "lexguard",
        without_lexguard,
        "mysql",
        [
            "SELECT /*!50000 ssn, */ city FROM patients",
            "SELECT city FROM patients /*! UNION SELECT ssn FROM patients */",
            "SELECT city /*M!100000 , ssn */ FROM patients",
        ],
    ),
    ("lexguard", without_lexguard, "postgresql", ['SELECT city AS "({" FROM patients']),
    (
        "functions",
        without_function_list,
        "postgresql",
        [
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT * FROM pg_read_file('/etc/passwd') f",
            "SELECT * FROM ROWS FROM (pg_ls_dir('/')) f",
            "SELECT query_to_xml('SELECT ssn FROM patients', true, true, '')",
            "SELECT set_config('statement_timeout', '0', false)",
        ],
    ),
    (
        "functions",
        without_function_list,
        "duckdb",
        ["SELECT * FROM query('SELECT ssn FROM patients')", "SELECT * FROM query_table('patients')"],
    ),
    ("nodes", without_node_list, "postgresql", ["SELECT city FROM patients FOR UPDATE"]),
    ("nodes", without_node_list, "duckdb", ["SELECT p.ssn.upper() FROM patients p"]),
    (
        "inference",
        without_inference,
        "postgresql",
        [
            "SELECT id FROM patients WHERE ssn LIKE '8%'",
            "SELECT id FROM patients ORDER BY income",
            "SELECT count(*) FROM patients GROUP BY substr(name, 1, 1)",
            "SELECT ssn::int FROM patients",
            "SELECT DISTINCT email FROM patients",
        ],
    ),
    (
        "tokens",
        without_token_places,
        "postgresql",
        ["SELECT 'tok_email' FROM patients", "SELECT id FROM clinics WHERE name LIKE 'tok_email'"],
    ),
]
CASES = [(off, dialect, text) for _, off, dialect, texts in LAYERS for text in texts]
IDS = [f"{name}: {text}" for name, _, _, texts in LAYERS for text in texts]


@pytest.mark.parametrize(("off", "dialect", "text"), CASES, ids=IDS)
def test_without_the_layer_the_statement_goes_through(
    off: Callable[[pytest.MonkeyPatch], None], dialect: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = Clinic(dialect, tokens={"tok_email": "email"}, version=f"without {off.__name__}")
    assert clinic.refusal(text).code
    off(monkeypatch)
    assert clinic.but(version="now").analyse(text).sql


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("sqlite", "SELECT 'patients'.'ssn' FROM 'patients'"),
        ("postgresql", "SELECT @ income FROM patients"),
    ],
)
def test_completeness_holds_where_the_node_list_fails(dialect: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = Clinic(dialect)
    without_node_list(monkeypatch)
    assert clinic.but(version="completeness on").refusal(text).code == "sql_untraced"
    without_completeness(monkeypatch)
    analysis = clinic.but(version="completeness off").analyse(text)
    assert not any(clinic.masked(output.sources) for output in analysis.outputs)  # it would have shown open


def test_ordering_keeps_scan_order_out_of_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = Clinic()
    assert "ORDER BY" in clinic.but(version="on").analyse("SELECT id FROM indexed LIMIT 5").sql
    assert clinic.refusal("SELECT group_concat(id) FROM indexed").code == "sql_construct"
    without_ordering(monkeypatch)
    assert "ORDER BY" not in clinic.but(version="off").analyse("SELECT id FROM indexed LIMIT 5").sql
    assert clinic.but(version="off").analyse("SELECT group_concat(id) FROM indexed").sql


def test_the_engines_reading_stops_what_the_walk_got_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = Clinic()
    analysis = clinic.analyse("SELECT city FROM patients")
    wrong = EngineReads(columns=frozenset({ColumnRef("clinic", "patients", "ssn")}))
    with pytest.raises(ToolRefused, match="sql_disagreement"):
        reconcile.check(reconcile.expected_of(analysis, clinic.settings), wrong)
    monkeypatch.setattr(reconcile, "check", nothing)
    assert reconcile.check(reconcile.expected_of(analysis, clinic.settings), wrong) is None


def test_regeneration_keeps_out_what_only_the_engine_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the lexical guard off, the comment still does not reach the engine; with the agent's text it would."""
    text = "SELECT /*!50000 ssn, */ city FROM patients"
    without_lexguard(monkeypatch)
    clinic = Clinic("mysql")
    assert clinic.but(version="regenerated").analyse(text).sql == "SELECT city FROM `patients`"
    monkeypatch.setattr(render, "render", lambda *_: (text, ()))
    monkeypatch.setattr(fidelity, "check", nothing)
    assert "ssn" in clinic.but(version="not regenerated").analyse(text).sql


def test_regeneration_pins_tables_to_their_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary table, or one earlier on the search path, cannot take a table's place."""
    assert '"public"."patients"' in Clinic("postgresql", version="pinned").analyse("SELECT city FROM patients").sql
    monkeypatch.setattr(sources.Sources, "_qualify", nothing)
    assert "public" not in Clinic("postgresql", version="loose").analyse("SELECT city FROM patients").sql


def test_fidelity_stops_what_sqlglot_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "SELECT ARRAY[(SELECT 1), clinic_id] FROM patients"

    def unwrapped(node: exp.Expr) -> None:
        """The gate's own cure of this one, taken away."""

    monkeypatch.setattr(gate, "_array", unwrapped)
    assert Clinic("postgresql", version="fidelity on").refusal(text).code == "sql_construct"
    monkeypatch.setattr(fidelity, "check", nothing)
    assert "clinic_id" not in Clinic("postgresql", version="fidelity off").analyse(text).sql.split("FROM")[0]
