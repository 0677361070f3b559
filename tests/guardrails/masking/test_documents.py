from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.guardrails.masking.documents import leaves, media_of, opened, replaced

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=JSON, indent=st.sampled_from([None, 0, 2]), ascii=st.booleans())
def test_json_leaves_are_the_values_and_the_rest_stays(value: object, indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    found = leaves(text, "application/json")
    assert found is not None
    assert replaced(text, found, [leaf.text for leaf in found]) == text
    masked = replaced(text, found, ["#" for _ in found])

    def expected(item: object) -> object:
        if isinstance(item, dict):
            return {"#": expected(v) for v in item.values()}  # noqa: B035 - the last of equal keys wins
        if isinstance(item, list):
            return [expected(v) for v in item]
        return item if item is None or isinstance(item, bool) else "#"

    assert json.loads(masked) == expected(value)


def test_a_json_value_stands_under_its_key() -> None:
    found = leaves('{"mail": ["a", {"x": 1}], "n": "b"}', "application/json")
    assert found is not None
    assert [(leaf.key, leaf.text) for leaf in found if leaf.key] == [("mail", "a"), ("x", "1"), ("n", "b")]


FIELD = st.text(alphabet=st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8)


@given(
    header=st.lists(st.text(alphabet="abcdef_", min_size=1), min_size=1, max_size=4),
    rows=st.lists(st.lists(FIELD, min_size=4, max_size=4), max_size=4),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_csv_fields_are_the_values_and_the_rest_stays(header: list[str], rows: list[list[str]], end: str) -> None:
    sheet = io.StringIO()
    table = [header, *(row[: len(header)] for row in rows)]
    csv.writer(sheet, lineterminator=end).writerows(table)
    text = sheet.getvalue()
    found = leaves(text, "text/csv")
    if found is None:
        return  # a separator that the header does not show
    assert replaced(text, found, [leaf.text for leaf in found]) == text
    masked = replaced(text, found, [f"<{leaf.key}>" for leaf in found])
    wanted = [[f"<{name}>" if cell else "" for name, cell in zip(header, row, strict=True)] for row in table[1:]]
    assert list(csv.reader(io.StringIO(masked, newline="")))[1:] == [row or [] for row in wanted]


@pytest.mark.parametrize(
    ("text", "media"),
    [
        ('{"a": ', "application/json"),
        ("[" * 300 + "]" * 300, "application/json"),
        ('{"a": 1}\n{oops\n', "application/x-ndjson"),
        ("a,b\n1,2,3\n", "text/csv"),
        ('a,b\nx"y,2\n', "text/csv"),
        ("hello", "text/plain"),
    ],
)
def test_what_does_not_parse_is_plain_text(text: str, media: str) -> None:
    assert leaves(text, media) is None


def test_a_masked_field_is_quoted_when_it_must_be() -> None:
    text = 'name,city\nann,"x, y"\n'
    found = leaves(text, "text/csv")
    assert found is not None
    assert replaced(text, found, ['a "b", c', "z"]) == 'name,city\n"a ""b"", c","z"\n'


def test_every_line_of_ndjson_is_a_document_of_its_own() -> None:
    text = '{"a": "x"}\n\n{"a": "y"}\n'
    found = leaves(text, "application/x-ndjson")
    assert found is not None
    assert replaced(text, found, ["a", "1", "a", "2"]) == '{"a": "1"}\n\n{"a": "2"}\n'


def parts_of(text: str, media: str) -> tuple[list[tuple[str, str | None]], str]:
    parts: list[tuple[str, str | None]] = []

    def take(part: str, key: str | None) -> int:
        parts.append((part, key))
        return len(parts) - 1

    made = opened(text, "column", media, take)
    assert made([part for part, _ in parts]) == text, "given its own parts, every byte stays"
    return parts, made([f"<{i}>" for i in range(len(parts))])


def test_json_in_texts_is_opened() -> None:
    inner = json.dumps({"mail": "x", "n": [1]})
    parts, made = parts_of(json.dumps({"body": inner, "to": "y"}), "application/json")
    assert parts == [
        ("body", "column"), ("mail", "body"), ("x", "mail"), ("n", "body"), ("1", "n"), ("to", "column"), ("y", "to"),
    ]  # fmt: skip
    assert json.loads(json.loads(made)["<0>"]) == {"<1>": "<2>", "<3>": ["<4>"]}
    parts, made = parts_of('a,b\n1,"{""mail"": ""x""}"\n', "text/csv")
    assert parts == [("1", "a"), ("mail", "b"), ("x", "mail")]
    assert list(csv.reader(io.StringIO(made))) == [["a", "b"], ["<0>", '{"<1>": "<2>"}']]


def test_json_is_opened_only_so_deep() -> None:
    text = "x"
    for _ in range(8):
        text = json.dumps([text])
    parts, _ = parts_of(text, "application/json")
    assert len(parts) == 1
    assert parts[0][0].startswith("[")


@given(st.text(max_size=20) | JSON.map(json.dumps))
def test_any_text_can_be_opened(text: str) -> None:
    parts, made = parts_of(text, media_of(text))
    assert made.count("<") >= len(parts)


@pytest.mark.parametrize(
    ("text", "json_like"), [("{}", True), (" [1]\n", True), ("[a] b", False), ("", False), ("{", False), ("x", False)]
)
def test_what_looks_like_json(text: str, json_like: bool) -> None:
    assert (media_of(text) == "application/json") is json_like
