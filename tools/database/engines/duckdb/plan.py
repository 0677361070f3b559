"""What DuckDB's plan of a statement says it reads: which columns of which tables. Pure.

The plan is what ``EXPLAIN (FORMAT JSON)`` prints after binding and optimizing, so names, views and macros are resolved.
Only a column the optimizer took away entirely is missing: the connection switches off the optimizers that answer from
statistics. Columns a scan only filters by stand in the text of its filters; each column name found there counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

# Sources that are no table: rows made of the statement itself.
_MADE: Final = frozenset({"RANGE", "GENERATE_SERIES", "UNNEST", "REPEAT_ROW"})
_WORD: Final = re.compile(r"\"(?:[^\"]|\"\")+\"|[^\W\d]\w*")
_PLACEHOLDER: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\?")
# Nodes that read something that is neither a table of the catalog nor made here.
_SCANS: Final = re.compile(r"SCAN|READ|COPY|PRAGMA|ATTACH|EXPORT")
_OWN_SCANS: Final = frozenset(
    (
        "SEQ_SCAN INDEX_SCAN TABLE_SCAN CTE_SCAN REC_CTE_SCAN RECURSIVE_CTE_SCAN DELIM_SCAN COLUMN_DATA_SCAN "
        "DUMMY_SCAN EXPRESSION_SCAN REC_REC_CTE_SCAN"
    ).split()
)


class PlanError(Exception):
    """The plan is not of a form this module knows. Its text names kinds of nodes only."""


@dataclass(frozen=True, slots=True)
class PlanReads:
    """Columns by table. Tables are named as the plan does: ``schema.table``, without the database."""

    columns: frozenset[tuple[str, str]]
    tables: frozenset[str]


def read(text: str, known: Mapping[str, frozenset[str]]) -> PlanReads:
    """Read a plan. ``known`` are the columns of each table. Raises `PlanError`."""
    try:
        plan: object = json.loads(text)
    except ValueError:
        raise PlanError("no JSON") from None
    columns: set[tuple[str, str]] = set()
    tables: set[str] = set()
    for node in _nodes(plan):
        name, extra = str(node.get("name", "")).strip(), node.get("extra_info")
        if not isinstance(extra, dict):
            raise PlanError(f"{name} says nothing")
        info = cast("dict[str, object]", extra)
        table = info.get("Table")
        if isinstance(table, str):
            qualified = table.split(".", 1)[-1]
            if qualified not in known:
                raise PlanError("an unknown table")
            tables.add(qualified)
            columns.update((qualified, column) for column in _read_by(info, known[qualified]))
        elif _SCANS.search(name) and name not in _OWN_SCANS:
            raise PlanError(f"an unknown source, {name}" if name.isascii() else "an unknown source")
        elif "Function" in info and str(info["Function"]).upper() not in _MADE:
            raise PlanError("a table function")
    return PlanReads(frozenset(columns), frozenset(tables))


def without_values(sql: str) -> str:
    """A regenerated statement with NULL for each placeholder: for what DuckDB does not do with placeholders."""
    return _PLACEHOLDER.sub(lambda match: "NULL" if match.group() == "?" else match.group(), sql)


def _nodes(plan: object) -> Iterator[Mapping[str, Any]]:
    if not isinstance(plan, list):
        raise PlanError("no list")
    pending: list[object] = list(cast("list[object]", plan))
    while pending:
        node = pending.pop()
        if not isinstance(node, dict):
            raise PlanError("no node")
        mapping = cast("dict[str, Any]", node)
        children = mapping.get("children", [])
        if not isinstance(children, list):
            raise PlanError("no list of children")
        pending += cast("list[object]", children)
        yield mapping


def _read_by(info: Mapping[str, object], known: frozenset[str]) -> Iterator[str]:
    projected = info.get("Projections", [])
    texts = cast("list[object]", projected) if isinstance(projected, list) else [projected]
    for text in (str(text) for text in texts if text):
        yield from _columns_of(text, known)
    for label, value in info.items():
        if label in ("Table", "Type", "Projections", "Estimated Cardinality"):
            continue
        for text in cast("list[object]", value) if isinstance(value, list) else [value]:
            for word in _WORD.findall(str(text)):
                plain = word[1:-1].replace('""', '"') if word.startswith('"') else word
                yield from (column for column in known if column.lower() == plain.lower())


def _columns_of(text: str, known: frozenset[str]) -> Iterator[str]:
    """One projected column, perhaps with the field of a struct after it (``home.zip``)."""
    if text in known:
        yield text
        return
    owners = [column for column in known if text.startswith(f"{column}.") or text.startswith(f'"{column}".')]
    if not owners:
        raise PlanError("an unknown column")
    yield from owners
