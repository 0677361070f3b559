"""The catalog of a PostgreSQL database, read in one transaction, with the object ids behind its names."""

# ruff: noqa: S608 - only names and conditions of our own are put into these texts
from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from ...catalog import Catalog, Column, ForeignKey, Relation, RelationKind
from ..engine import Settings
from ..opening import open_relations

Row: TypeAlias = Sequence[object]

FIRST_USER_OID: Final = 16384  # FirstNormalObjectId: below are the objects the server itself came with

_OURS: Final = """n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
 AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast\\_temp\\_%'"""

# With nothing but pg_catalog on the search path every other name is printed with its schema.
QUERIES: Final = {
    "relations": f"""
SELECT c.oid, n.nspname, c.relname, c.relkind::text, pg_catalog.obj_description(c.oid, 'pg_class'),
 CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END,
 pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND {_OURS} ORDER BY n.nspname, c.relname""",
    "columns": f"""
SELECT a.attrelid, a.attnum::int, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atttypid,
 CASE WHEN a.attgenerated <> '' THEN coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '?(') END
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND {_OURS}
ORDER BY a.attrelid, a.attnum""",
    "indexes": f"""
SELECT i.indrelid, i.indisprimary, i.indkey::text
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {_OURS} ORDER BY i.indexrelid""",
    "keys": f"""
SELECT k.conrelid, k.conkey::int[], k.confrelid, k.confkey::int[]
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f' AND {_OURS} ORDER BY k.oid""",
    "parents": "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhseqno",
    "functions": f"""
SELECT p.oid, n.nspname, p.proname, p.provolatile::text || ':' || p.xmin::text,
 (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
   WHERE d.classid = 1255 AND d.objid = p.oid AND d.refclassid = 3079 AND d.deptype = 'e' LIMIT 1)
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid >= {FIRST_USER_OID} OR n.nspname <> 'pg_catalog'""",
    "operators": f"SELECT oid, oprcode::oid FROM pg_catalog.pg_operator WHERE oid >= {FIRST_USER_OID}",
    "defaults": """
SELECT DISTINCT refobjid FROM pg_catalog.pg_depend WHERE classid = 2604 AND refclassid = 1255""",
    # What domains are made of, and row types that hold a vector of pgvector's: their own names say nothing of values.
    "made_of": """
WITH RECURSIVE domains (oid, base, modifier) AS (
  SELECT oid, typbasetype, typtypmod FROM pg_catalog.pg_type WHERE typtype = 'd'
  UNION ALL SELECT d.oid, t.typbasetype, t.typtypmod
  FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.base WHERE t.typtype = 'd'
), bases AS (
  SELECT d.oid, t.typname, pg_catalog.format_type(d.base, d.modifier) AS written
  FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.base WHERE t.typtype <> 'd'
), rows AS (
  SELECT c.reltype AS oid, pg_catalog.format_type(c.reltype, NULL) || '(' || pg_catalog.string_agg(
    pg_catalog.quote_ident(a.attname) || ' ' || coalesce(b.written, pg_catalog.format_type(a.atttypid, a.atttypmod)),
    ', ' ORDER BY a.attnum) || ')' AS written
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN bases b ON b.oid = a.atttypid
  WHERE c.relkind = 'c' AND NOT a.attisdropped GROUP BY c.reltype
  HAVING pg_catalog.bool_or(coalesce(b.typname, t.typname) ~ '^_?(vector|halfvec|sparsevec)$')
), made AS (SELECT oid, written FROM bases UNION ALL SELECT oid, written FROM rows)
SELECT oid, written FROM made
UNION ALL SELECT t.typarray, m.written || '[]' FROM made m JOIN pg_catalog.pg_type t ON t.oid = m.oid
ORDER BY oid""",
    "types": f"""
SELECT t.oid, pg_catalog.format_type(t.oid, NULL) FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE {_OURS} ORDER BY t.oid""",
}

# What the server itself came with; read once.
SYSTEM_QUERIES: Final = {
    "functions": f"""
SELECT p.oid, n.nspname, p.proname, p.provolatile::text, NULL
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid < {FIRST_USER_OID} AND n.nspname = 'pg_catalog'""",
    "operators": f"SELECT oid, oprcode::oid FROM pg_catalog.pg_operator WHERE oid < {FIRST_USER_OID}",
    "types": f"SELECT oid, pg_catalog.format_type(oid, NULL) FROM pg_catalog.pg_type WHERE oid < {FIRST_USER_OID}",
}

_KINDS: Final = {"v": RelationKind.VIEW, "m": RelationKind.MATERIALISED}


@dataclass(frozen=True, slots=True)
class Function:
    """``extension`` is the one it belongs to, if any."""

    schema: str
    name: str
    volatile: bool
    extension: str | None = None

    @property
    def system(self) -> bool:
        return self.schema == "pg_catalog"


@dataclass(frozen=True, slots=True)
class Stored:
    """A relation behind an object id; ``columns`` by attribute number."""

    name: str
    kind: str  # pg_class.relkind
    columns: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Schema:
    """A catalog and what only this engine needs: object ids. ``defaults`` are functions some column's default calls."""

    catalog: Catalog
    stored: Mapping[int, Stored]
    functions: Mapping[int, Function]
    operators: Mapping[int, int]  # to the function behind each
    types: Mapping[int, str]
    defaults: frozenset[int]

    @property
    def version(self) -> str:
        return self.catalog.version


@dataclass(frozen=True, slots=True)
class System:
    """What does not change while a server runs."""

    functions: Mapping[int, Function]
    operators: Mapping[int, int]
    types: Mapping[int, str]
    default_schema: str
    server_version: str


def build_schema(answers: Mapping[str, Sequence[Row]], settings: Settings, system: System) -> Schema:
    """From the rows of `QUERIES` to a catalog."""
    columns = _by_first(answers["columns"])
    indexes = _by_first(answers["indexes"])
    default = system.default_schema
    stored: dict[int, Stored] = {}
    for oid, schema, name, kind, *_ in answers["relations"]:
        named = {cast("int", c[1]): str(c[2]) for c in columns.get(cast("int", oid), ())}
        qualified = str(name) if schema == default else f"{schema}.{name}"
        stored[cast("int", oid)] = Stored(qualified, str(kind), named)
    families = _families(answers["parents"], stored)
    made_of = types_of(answers["made_of"])
    relations: dict[str, Relation] = {}
    readable: set[str] = set()
    for row in answers["relations"]:
        oid = cast("int", row[0])
        relation = _relation(row, columns.get(oid, ()), indexes.get(oid, ()), families.get(oid, ()), default, made_of)
        relations[relation.qualified] = relation
        if row[6]:
            readable.add(relation.qualified)
    functions = _functions(answers["functions"])
    catalog = Catalog(
        database=settings.name,
        dialect="postgresql",
        version=_version(answers),
        relations=relations,
        open_relations=open_relations(relations, settings, default, readable.__contains__),
        foreign_keys=tuple(_keys(answers["keys"], stored)),
        user_functions=_user_functions(settings, functions.values()),
        default_schema=default,
        server_version=system.server_version,
    )
    return Schema(
        catalog,
        stored,
        {**system.functions, **functions},
        {**system.operators, **operators_of(answers["operators"])},
        {**system.types, **types_of(answers["types"])},
        frozenset(cast("int", row[0]) for row in answers["defaults"]),
    )


def _version(answers: Mapping[str, Sequence[Row]]) -> str:
    return hashlib.blake2b(repr(sorted(answers.items())).encode("utf-8", "replace"), digest_size=12).hexdigest()


def build_system(answers: Mapping[str, Sequence[Row]], default_schema: str, server_version: str) -> System:
    return System(
        _functions(answers["functions"]),
        operators_of(answers["operators"]),
        types_of(answers["types"]),
        default_schema,
        server_version,
    )


def operators_of(rows: Sequence[Row]) -> dict[int, int]:
    return {cast("int", oid): cast("int", function) for oid, function in rows}


def types_of(rows: Sequence[Row]) -> dict[int, str]:
    return {cast("int", oid): str(name) for oid, name in rows}


def _functions(rows: Sequence[Row]) -> dict[int, Function]:
    return {
        cast("int", oid): Function(
            str(schema), str(name), str(volatility).startswith("v"), cast("str | None", extension)
        )
        for oid, schema, name, volatility, extension in rows
    }


def _user_functions(settings: Settings, functions: Iterable[Function]) -> frozenset[str]:
    """The names of ``functions:`` that the database has, without their schema: so they are called."""
    present = {f.name for f in functions} | {f"{f.schema}.{f.name}" for f in functions}
    return frozenset(name.rpartition(".")[2] for name in settings.functions if name in present)


def _by_first(rows: Sequence[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(cast("int", row[0]), []).append(row)
    return found


def _relation(
    row: Row,
    columns: Sequence[Row],
    indexes: Sequence[Row],
    family: Sequence[str],
    default: str,
    made_of: Mapping[int, str],
) -> Relation:
    _, schema, name, kind, comment, definition, _ = row
    named = {cast("int", c[1]): str(c[2]) for c in columns}
    keyed = [[int(n) for n in str(index[2]).split()] for index in indexes]
    primary = {n for index, numbers in zip(indexes, keyed, strict=True) if index[1] for n in numbers}
    return Relation(
        name=str(name),
        schema=None if schema == default else str(schema),
        kind=_KINDS.get(str(kind), RelationKind.TABLE),
        columns=tuple(
            Column(
                str(c[2]),
                made_of.get(cast("int", c[5]), str(c[3])),
                not c[4],
                c[1] in primary,
                None if c[6] is None else str(c[6]),
            )
            for c in columns
        ),
        definition=None if definition is None else str(definition),
        copies_from=tuple(family),
        indexes=tuple(tuple(named.get(n) for n in numbers) for numbers in keyed),
        comment=None if comment is None else str(comment),
    )


def _families(rows: Sequence[Row], stored: Mapping[int, Stored]) -> dict[int, tuple[str, ...]]:
    """Partitions and inherited tables hold the cells of those above them, and those above show the cells below."""
    up: dict[int, set[int]] = {}
    down: dict[int, set[int]] = {}
    for child, parent in cast("Sequence[tuple[int, int]]", rows):
        up.setdefault(child, set()).add(parent)
        down.setdefault(parent, set()).add(child)
    found: dict[int, tuple[str, ...]] = {}
    for oid in {*up, *down}:
        kin = _reached(oid, up) | _reached(oid, down)
        found[oid] = tuple(sorted(stored[k].name for k in kin if k in stored))
    return found


def _reached(start: int, edges: Mapping[int, set[int]]) -> set[int]:
    found: set[int] = set()
    pending = list(edges.get(start, ()))
    while pending:
        oid = pending.pop()
        if oid not in found:
            found.add(oid)
            pending += edges.get(oid, ())
    return found


def _keys(rows: Sequence[Row], stored: Mapping[int, Stored]) -> Iterable[ForeignKey]:
    for row in rows:
        table, referred = stored.get(cast("int", row[0])), stored.get(cast("int", row[2]))
        if table is None or referred is None:
            continue
        own, other = cast("list[int]", row[1]), cast("list[int]", row[3])
        if all(n in table.columns for n in own) and all(n in referred.columns for n in other):
            yield ForeignKey(
                table.name,
                tuple(table.columns[n] for n in own),
                referred.name,
                tuple(referred.columns[n] for n in other),
            )
