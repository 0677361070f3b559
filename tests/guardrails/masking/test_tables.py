from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.classes import default_rule
from gloveport.guardrails.masking.content import ContentMasker, Found
from gloveport.guardrails.masking.detect import Detector
from gloveport.guardrails.masking.duties import Duties
from gloveport.guardrails.masking.keys import Scope
from gloveport.guardrails.masking.restore import Restored
from gloveport.guardrails.masking.tables import MaskedTable, mask_table, plain
from gloveport.guardrails.masking.tokens.service import Tokens
from gloveport.tests.canaries import CANARIES, leaks
from gloveport.tools.tool import ColumnRef, ColumnRule, JsonObject, JsonValue, Mask, OutputColumn, OutputForm, Table


class Rules:
    version = "1"

    def __init__(self, **rules: ColumnRule) -> None:
        self.rules = rules

    def get(self, column: ColumnRef) -> ColumnRule | None:
        return self.rules.get(column.column)


RULES = Rules(
    **{name: default_rule(name, "config") for name in CANARIES},
    notes=default_rule("free_text", "config"),
    shown=default_rule("email", "config", Mask.PASS),
    tail=default_rule("card", "config", Mask.LAST4),
    hidden=ColumnRule("ssn", Mask.TOKEN, "config", nulls_secret=True),
)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture
def content(tokens: Tokens, detector: Detector, scope: Scope) -> Found:
    return ContentMasker(detector, tokens).for_call(Duties(), scope, Restored())


def output(name: str, form: OutputForm = OutputForm.IDENTITY) -> OutputColumn:
    return OutputColumn(name, "TEXT", frozenset({ColumnRef("clinic", "patients", name)}), form)


def masked(content: Found, columns: Sequence[OutputColumn], *rows: Sequence[object], sort: bool = False) -> MaskedTable:
    return mask_table(Table(tuple(columns), rows, sort_rows=sort), {"clinic": RULES}, Duties(), content)


def rows_of(table: MaskedTable) -> list[list[JsonValue]]:
    return cast("list[list[JsonValue]]", table.payload["rows"])


def column_of(content: Found, name: str, *cells: object, form: OutputForm = OutputForm.IDENTITY) -> list[JsonValue]:
    return [row[0] for row in rows_of(masked(content, [output(name, form)], *([cell] for cell in cells)))]


@pytest.mark.parametrize("name", CANARIES)
def test_every_class_hides_its_values_in_every_form_of_output(content: Found, name: str) -> None:
    value = CANARIES[name]
    for form in (OutputForm.IDENTITY, OutputForm.EXPRESSION, OutputForm.AGGREGATE):
        for written in (value, value.upper(), value[::-1], value.encode().hex()):
            if form is not OutputForm.IDENTITY or written == value:
                table = masked(content, [output(name, form)], [written], [None])
                assert not leaks([table.payload, table.columns], [value])


def test_a_canary_in_every_cell_of_every_kind_of_column(content: Found) -> None:
    columns = [*map(output, CANARIES), output("notes"), output("open"), output("tail")]
    text = "; ".join(v for c, v in CANARIES.items() if c not in ("health", "person", "address", "birth_date", "device"))
    found = masked(content, columns, [*CANARIES.values(), text, text, CANARIES["card"]])
    shown = {c: v for c, v in CANARIES.items() if c in ("health", "person", "address", "birth_date", "device")}
    assert not leaks(found.payload, {c: v for c, v in CANARIES.items() if c not in shown or c in RULES.rules})
    assert [name for name, _, count in found.columns if count == 0] == []


def test_text_and_columns_give_the_same_tokens(content: Found, tokens: Tokens, scope: Scope) -> None:
    mail = CANARIES["email"]
    row = rows_of(
        masked(content, [output("email"), output("notes"), output("open")], [mail, f"to {mail}.", f"({mail})"])
    )[0]
    token = tokens.tokenise("email", [mail], scope)[0]
    assert row == [token, f"to {token}.", f"({token})"]


def test_what_is_a_token_already_stays_in_every_column(content: Found, tokens: Tokens, scope: Scope) -> None:
    token = str(tokens.tokenise("email", ["ann@acme.com"], scope)[0])
    columns = [output(name) for name in ("email", "person", "notes", "open")]
    assert rows_of(masked(content, columns, [token, token, f"see {token}", token])) == [
        [token, token, f"see {token}", token]
    ]


def test_masks_of_columns(content: Found) -> None:
    assert column_of(content, "health", "asthma", None, "") == ["[masked:health]", None, ""]
    assert column_of(content, "shown", "ann@acme.com") == ["ann@acme.com"]
    assert column_of(content, "tail", "4111111111111111") == ["****1111"]
    assert column_of(content, "hidden", None, "")[0] == "[masked:ssn]"
    assert column_of(content, "email", "a@b.com", None, form=OutputForm.EXPRESSION) == ["[masked:email]"] * 2
    assert column_of(content, "ssn", 5, form=OutputForm.COUNT) == [5]
    assert column_of(content, "money", 512.5, form=OutputForm.TOTAL) == [512.5]


def test_reasons_name_columns_and_never_values(content: Found) -> None:
    table = masked(content, [output("email"), output("open"), output("city")], ["a@b.com", "c@d.com", "Graz"])
    masks = [column["mask"] for column in cast("list[JsonObject]", table.payload["columns"])]
    assert masks == [
        {"class": "email", "transform": "token", "reason": "clinic.patients.email is email (config)"},
        {"class": "mixed", "transform": "content", "reason": "found in the text of 1 cells"},
        None,
    ]


JSON_CELLS: list[tuple[object, JsonValue]] = [
    ({"mail": "ann@acme.com", "n": [1, None, True]}, {"mail": "EMAIL", "n": [1, None, True]}),
    ('{"mail": "ann@acme.com"}', {"mail": "EMAIL"}),
    ('["ann@acme.com", {"x": "y"}]', ["EMAIL", {"x": "y"}]),
    (json.dumps({"inner": json.dumps({"deep": json.dumps(["ann@acme.com"])})}), {"inner": {"deep": ["EMAIL"]}}),
    ('{"ann@acme.com": 1}', {"EMAIL": 1}),
]


@pytest.mark.parametrize(("cell", "shape"), JSON_CELLS, ids=range(len(JSON_CELLS)))
@pytest.mark.parametrize("name", ["open", "notes"])
def test_json_is_looked_through_leaf_by_leaf(
    content: Found, tokens: Tokens, scope: Scope, name: str, cell: object, shape: JsonValue
) -> None:
    token = str(tokens.tokenise("email", ["ann@acme.com"], scope)[0])

    def opened(value: JsonValue) -> JsonValue:
        if isinstance(value, dict):
            return {opened_key(k): opened(v) for k, v in value.items()}
        if isinstance(value, list):
            return [opened(v) for v in value]
        if isinstance(value, str) and value[:1] in ("{", "["):
            return opened(json.loads(value))
        return "EMAIL" if value == token else value

    def opened_key(key: str) -> str:
        return "EMAIL" if key == token else key

    (masked_cell,) = column_of(content, name, cell)
    assert isinstance(masked_cell, str)
    assert opened(masked_cell) == shape


def test_the_name_of_a_key_is_context(content: Found) -> None:
    (cell,) = column_of(content, "notes", '{"ssn": "219-09-9999", "password": "tr0ub4dor&3x"}')
    assert not leaks(cell, ["219-09-9999", "tr0ub4dor&3x"])


@pytest.mark.parametrize(
    "vector", [[0.5] * 32, json.dumps([0.25] * 32), "{" + ",".join(["0.125"] * 32) + "}"], ids=["list", "JSON", "array"]
)
def test_an_embedding_never_leaves(content: Found, vector: object) -> None:
    assert column_of(content, "open", vector, None) == ["[masked:embedding]", None]


def test_typed_values_are_not_mistaken_for_text(content: Found) -> None:
    when, key = dt.datetime(2026, 4, 15, 10, 30), uuid.UUID(int=4111111111111111)
    assert column_of(content, "open", when, None) == ["2026-04-15T10:30:00", None]
    assert column_of(content, "open", key) == [str(key)]


def test_a_column_with_few_values_is_looked_through_once_for_each(
    content: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = content.detector.scan_many

    def counted(texts: Sequence[str], *args: object, **options: object) -> object:
        seen.append(len(texts))
        return real(texts, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(content.detector, "scan_many", counted)
    assert column_of(content, "open", *["Graz", "Lyon", None] * 30) == ["Graz", "Lyon", None] * 30
    assert seen == [2]


def test_unordered_rows_leave_in_an_order_that_tells_nothing(content: Found) -> None:
    rows = [["z"], ["a"], ["m"]]
    assert rows_of(masked(content, [output("open")], *rows, sort=True)) == [["a"], ["m"], ["z"]]
    assert rows_of(masked(content, [output("open")], *rows)) == rows


def test_an_empty_result_has_its_columns(content: Found) -> None:
    table = masked(content, [output("email"), output("open")])
    assert table.payload["rows"] == []
    assert len(cast("list[object]", table.payload["columns"])) == 2


def test_a_row_of_another_width_is_an_error(content: Found) -> None:
    with pytest.raises(ValueError, match="wide"):
        masked(content, [output("email")], ["a", "b"])


CELLS = st.one_of(
    st.none(), st.booleans(), st.text(max_size=10), st.integers(), st.floats(), st.decimals(), st.dates(),
    st.datetimes(), st.times(), st.timedeltas(), st.uuids(), st.binary(max_size=5),
    st.lists(st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.dates() | st.decimals(), max_size=2),
)  # fmt: skip


@given(CELLS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_cell_becomes_json_that_every_client_reads_alike(cell: object) -> None:
    value = plain(cell)
    assert json.loads(orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)) == value
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) > 2**53 - 1:
        assert value == str(cell)
    if isinstance(cell, Decimal):
        assert value == str(cell)


@pytest.mark.parametrize("name", ["open", "password", "api_key"])
def test_a_column_of_one_kind_is_masked_as_each_of_its_cells(content: Found, name: str) -> None:
    cells = [f"ann.{i}@mail.org" for i in range(20)]
    assert column_of(content, name, *cells) == [column_of(content, name, cell)[0] for cell in cells]
