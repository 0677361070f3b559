"""The authorizer's report as `EngineReads`: SQLite's own word on what a prepared statement reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from ....tool import ColumnRef
from ...catalog import RelationKind
from ...sql.analysis import EngineReads
from ...sql.names import ascii_lower
from .catalog import Schema

_REPORT = TypeAdapter(tuple[list[tuple[str, str]], list[str]])
_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})


def engine_reads(seen: object, schema: Schema, sql: str) -> EngineReads | None:
    """None when the report has not the form of one.

    Names of columns come with the name of their table as the schema spells it; a read through a view is reported of
    the view and of what is beneath. Reads of a shadow table are reads of the virtual table that keeps its data there.
    A relation of which no column is read is reported with the column "", and under the name the statement uses: that
    may be another spelling, or a common table expression.
    """
    try:
        reads, called = _REPORT.validate_python(seen)
    except ValidationError:
        return None
    relations: set[str] = set()
    columns: set[ColumnRef] = set()
    functions = set(called)
    for table, column in reads:
        name = schema.spelled.get(ascii_lower(table), table)
        if name in schema.catalog.relations:
            relations.add(name)
            if column:
                columns.add(ColumnRef(schema.catalog.database, name, column))
        elif name in schema.shadows:
            relations.add(schema.shadows[name])
        elif ascii_lower(table) in _TABLE_FUNCTIONS:
            functions.add(ascii_lower(table))
        elif column or not _is_defined(table, sql, schema):
            relations.add(table)
    return EngineReads(columns=frozenset(columns), relations=frozenset(relations), functions=frozenset(functions))


def _is_defined(name: str, sql: str, schema: Schema) -> bool:
    """Whether the statement, or a view, has a common table expression of that name."""
    written = re.escape(name)
    definition = re.compile(
        rf"(?<![\w$])(?:{written}|\"{written}\"|\[{written}\]|`{written}`)\s*(?:\([^()]*\)\s*)?"
        r"AS\s*(?:(?:NOT\s+)?MATERIALIZED\s*)?\(",
        re.IGNORECASE,
    )
    return any(definition.search(text) for text in _texts(sql, schema))


def _texts(sql: str, schema: Schema) -> Iterator[str]:
    yield sql
    for relation in schema.catalog.relations.values():
        if relation.kind is RelationKind.VIEW and relation.definition is not None:
            yield relation.definition
