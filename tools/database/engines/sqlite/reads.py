"""The authorizer's report as `EngineReads`: SQLite's own word on what a prepared statement reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ....tool import ColumnRef
from ...sql.analysis import EngineReads
from .catalog import Schema

_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})


def engine_reads(seen: object, schema: Schema) -> EngineReads | None:
    """None when the report has not the form of one.

    Names come as the schema spells them. A read through a view is reported of the view and of what is beneath. Reads
    of a shadow table are reads of the virtual table that keeps its data there. A column named "" is a relation of
    which rows are counted only.
    """
    if not isinstance(seen, list) or len(cast("list[object]", seen)) != 2:
        return None
    reads, called = cast("list[object]", seen)
    if not isinstance(reads, list) or not isinstance(called, list):
        return None
    relations: set[str] = set()
    columns: set[ColumnRef] = set()
    functions = {str(name) for name in cast("list[object]", called)}
    for read in cast("list[object]", reads):
        match read:
            case [str(table), str(column)]:
                pass
            case _:
                return None
        if table in _TABLE_FUNCTIONS and table not in schema.catalog.relations:
            functions.add(table)
            continue
        owner = _owner(table, schema.shadows)
        relations.add(owner)
        if column and owner == table:
            columns.add(ColumnRef(schema.catalog.database, owner, column))
    return EngineReads(columns=frozenset(columns), relations=frozenset(relations), functions=frozenset(functions))


def _owner(table: str, shadows: Mapping[str, str]) -> str:
    return shadows.get(table) or table
