"""From what a worker read of the schema to a `Catalog`. Nothing of it is trusted beyond its form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from ...catalog import Catalog, Column, ForeignKey, Relation, RelationKind
from ...sql.names import ascii_lower
from ..engine import Settings
from ..opening import open_relations
from .ddl import content_table, generated_expressions, module_arguments, view_definition

_VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\s+TABLE\b", re.IGNORECASE)
_UNREADABLE = "?("  # no expression, and so traced to nothing that could be shown
_OF_OTHERS = frozenset({"fts5vocab", "fts4aux"})  # modules that show the words of another table's texts
_Cell: TypeAlias = str | int | None


@dataclass(frozen=True, slots=True)
class _Table:
    kind: str
    columns: list[tuple[_Cell, ...]]  # cid, name, type, notnull, default, pk, hidden
    indexes: list[list[str | None]]
    keys: list[tuple[_Cell, ...]]  # id, seq, table, from, to, ...


@dataclass(frozen=True, slots=True)
class _Reading:
    cookie: int
    objects: list[tuple[str, str, str, str | None]]  # type, name, table, sql
    tables: Mapping[str, _Table]


_READING = TypeAdapter(_Reading)


@dataclass(frozen=True, slots=True)
class Schema:
    """A catalog and what only this engine needs: the schema cookie it was read at, which virtual table a shadow table
    belongs to, and the spelling of every table by its name in lower case."""

    catalog: Catalog
    cookie: int
    shadows: Mapping[str, str]
    spelled: Mapping[str, str]


class Unreadable(Exception):
    """The worker's reading has not the form of one."""


def build_schema(message: Mapping[str, object], settings: Settings, *, sqlite: str, index_scans: bool) -> Schema:
    """Raises `Unreadable`."""
    try:
        reading = _READING.validate_python(message)
    except ValidationError:
        raise Unreadable from None
    texts = {name: sql for kind, name, _, sql in reading.objects if kind in ("table", "view")}
    virtual = [name for name, sql in texts.items() if sql is not None and _VIRTUAL.match(sql)]
    shadows = {n: _owner(n, virtual) for n, table in reading.tables.items() if _is_shadow(n, table, virtual)}
    relations = {
        name: _relation(name, table, texts.get(name) or "", reading.tables)
        for name, table in sorted(reading.tables.items())
        if name not in shadows and not name.startswith("sqlite_")
    }
    digest = hashlib.sha256(orjson.dumps((reading.objects, sorted(relations)))).hexdigest()[:16]
    catalog = Catalog(
        database=settings.name,
        dialect="sqlite",
        version=f"{reading.cookie}-{digest}",
        relations=relations,
        open_relations=open_relations(relations, settings, "main", fold=ascii_lower),
        foreign_keys=tuple(key for name in relations for key in _foreign_keys(name, reading.tables, relations)),
        default_schema="main",
        server_version=sqlite,
        extra={"index_scans": "on" if index_scans else "off"},
    )
    return Schema(catalog, reading.cookie, shadows, {ascii_lower(name): name for name in reading.tables})


def _is_shadow(name: str, table: _Table, virtual: Sequence[str]) -> bool:
    """SQLite before 3.37 does not tell: there a table with the name of a virtual one and more is taken for its own."""
    return table.kind == "shadow" or (table.kind == "unknown" and bool(_owner(name, virtual)))


def _owner(shadow: str, virtual: Sequence[str]) -> str:
    """``notes_fts_data`` belongs to ``notes_fts``: the longest name that fits."""
    fitting = [name for name in virtual if ascii_lower(shadow).startswith(ascii_lower(name) + "_")]
    return max(fitting, key=len, default="")


def _relation(name: str, table: _Table, sql: str, tables: Mapping[str, _Table]) -> Relation:
    kind = RelationKind.VIEW if table.kind == "view" else RelationKind.TABLE
    if _VIRTUAL.match(sql):
        kind = RelationKind.VIRTUAL
    foreign = kind is RelationKind.VIRTUAL and module_arguments(sql)[0] in _OF_OTHERS
    generated = generated_expressions(sql) if any(c[6] in (2, 3) for c in table.columns) else {}
    columns = tuple(
        Column(
            name=str(c[1]),
            type=str(c[2] or ""),
            nullable=not c[3],
            primary_key=bool(c[5]),
            generated=generated.get(str(c[1]).lower(), _UNREADABLE) if c[6] in (2, 3) or foreign else None,
        )
        for c in table.columns
        if c[6] != 1 or kind is RelationKind.VIRTUAL
    )
    content = content_table(sql) if kind is RelationKind.VIRTUAL else None
    copied = next((n for n in tables if content is not None and ascii_lower(n) == ascii_lower(content)), None)
    return Relation(
        name=name,
        schema=None,
        kind=kind,
        columns=columns,
        definition=view_definition(sql) if kind is RelationKind.VIEW else None,
        copies_from=() if copied is None else (copied,),
        indexes=tuple(tuple(index) for index in table.indexes if index),
    )


def _foreign_keys(name: str, tables: Mapping[str, _Table], relations: Mapping[str, Relation]) -> list[ForeignKey]:
    by_id: dict[_Cell, list[tuple[_Cell, ...]]] = {}
    for row in tables[name].keys:
        by_id.setdefault(row[0], []).append(row)
    spelled = {ascii_lower(known): known for known in relations}
    keys: list[ForeignKey] = []
    for rows in by_id.values():
        rows.sort(key=lambda row: cast("int", row[1]))
        referred = spelled.get(ascii_lower(str(rows[0][2])))
        if referred is None:
            continue
        primary = [column.name for column in relations[referred].columns if column.primary_key]
        to = [str(row[4]) for row in rows] if all(row[4] is not None for row in rows) else primary
        keys.append(ForeignKey(name, tuple(str(row[3]) for row in rows), referred, tuple(to)))
    return keys
