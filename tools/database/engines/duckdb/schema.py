"""The catalog of a DuckDB file, from its own table functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from ...catalog import Catalog, Column, ForeignKey, Relation, RelationKind
from ...sql.names import ascii_lower
from ..engine import Settings
from ..opening import open_relations
from ..sqlite.ddl import generated_expressions

Row: TypeAlias = Sequence[object]

QUERIES: Final = {
    "tables": """SELECT schema_name, table_name, comment, sql FROM duckdb_tables()
WHERE NOT internal AND NOT temporary AND database_name = current_database() ORDER BY 1, 2""",
    "views": """SELECT schema_name, view_name, comment, sql FROM duckdb_views()
WHERE NOT internal AND NOT temporary AND database_name = current_database() ORDER BY 1, 2""",
    "columns": """SELECT schema_name, table_name, column_name, data_type, is_nullable FROM duckdb_columns()
WHERE NOT internal AND database_name = current_database() ORDER BY 1, 2, column_index""",
    "constraints": """SELECT schema_name, table_name, constraint_type, constraint_column_names, referenced_table,
 referenced_column_names FROM duckdb_constraints()
WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY', 'UNIQUE')""",
    "indexes": """SELECT schema_name, table_name, expressions FROM duckdb_indexes()
WHERE database_name = current_database()""",
    "functions": """SELECT DISTINCT function_name, function_type FROM duckdb_functions()
WHERE NOT internal AND database_name = current_database() ORDER BY 1, 2""",
}
_PLAIN: Final = re.compile(r"'?\"?([^\W\d]\w*)\"?'?")


@dataclass(frozen=True, slots=True)
class Schema:
    """A catalog, the columns of each table as a plan names it (``main.patients``), and the catalog's name for it."""

    catalog: Catalog
    columns: Mapping[str, frozenset[str]]
    names: Mapping[str, str]

    @property
    def version(self) -> str:
        return self.catalog.version


def build_schema(answers: Mapping[str, Sequence[Row]], settings: Settings, version: str) -> Schema:
    """From the rows of `QUERIES` to a catalog."""
    columns = _grouped(answers["columns"])
    constraints = _grouped(answers["constraints"])
    indexes = _grouped(answers["indexes"])
    relations: dict[str, Relation] = {}
    by_plan: dict[str, frozenset[str]] = {}
    names: dict[str, str] = {}
    for kind, rows in ((RelationKind.TABLE, answers["tables"]), (RelationKind.VIEW, answers["views"])):
        for schema, name, comment, sql in rows:
            key = (str(schema), str(name))
            relation = _relation(key, kind, comment, str(sql or ""), columns, constraints, indexes)
            relations[relation.qualified] = relation
            if kind is RelationKind.TABLE:
                by_plan[".".join(key)] = frozenset(c.name for c in relation.columns)
                names[".".join(key)] = relation.qualified
    text = repr(sorted(answers.items())).encode("utf-8", "replace")
    catalog = Catalog(
        database=settings.name,
        dialect="duckdb",
        version=hashlib.blake2b(text, digest_size=12).hexdigest(),
        relations=relations,
        open_relations=open_relations(relations, settings, "main", fold=ascii_lower),
        foreign_keys=tuple(_keys(answers["constraints"])),
        user_functions=_functions(answers["functions"], settings),
        macros=frozenset(ascii_lower(str(row[0])) for row in answers["functions"]),
        default_schema="main",
        server_version=version,
    )
    return Schema(catalog, by_plan, names)


def _grouped(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((str(row[0]), str(row[1])), []).append(row[2:])
    return found


def _relation(
    key: tuple[str, str],
    kind: RelationKind,
    comment: object,
    sql: str,
    columns: Mapping[tuple[str, str], Sequence[Row]],
    constraints: Mapping[tuple[str, str], Sequence[Row]],
    indexes: Mapping[tuple[str, str], Sequence[Row]],
) -> Relation:
    schema, name = key
    own = constraints.get(key, ())
    primary = {c for row in own if row[0] == "PRIMARY KEY" for c in cast("list[str]", row[1])}
    computed = generated_expressions(sql) if "GENERATED ALWAYS AS" in sql and kind is RelationKind.TABLE else {}
    keyed = [tuple(cast("list[str]", row[1])) for row in own if row[0] in ("PRIMARY KEY", "UNIQUE")]
    return Relation(
        name=name,
        schema=None if schema == "main" else schema,
        kind=kind,
        columns=tuple(
            Column(str(c[0]), str(c[1]), bool(c[2]), c[0] in primary, computed.get(str(c[0]).lower()))
            for c in columns.get(key, ())
        ),
        definition=sql if kind is RelationKind.VIEW else None,
        indexes=(*keyed, *(_indexed(str(row[0])) for row in indexes.get(key, ()))),
        comment=None if comment is None else str(comment),
    )


def _indexed(expressions: str) -> tuple[str | None, ...]:
    """``[email, 'lower(city)']``: column names, None for what is no plain column."""
    parts = expressions.strip("[]").split(",")
    matches = [_PLAIN.fullmatch(part.strip()) for part in parts]
    return tuple(None if match is None else match[1] for match in matches)


def _keys(rows: Sequence[Row]) -> Iterable[ForeignKey]:
    for schema, table, kind, columns, referred, referred_columns in rows:
        if kind == "FOREIGN KEY" and referred:
            prefix = "" if schema == "main" else f"{schema}."
            own, other = cast("list[str]", columns), cast("list[str]", referred_columns)
            yield ForeignKey(f"{prefix}{table}", tuple(own), f"{prefix}{referred}", tuple(other))


def _functions(rows: Sequence[Row], settings: Settings) -> frozenset[str]:
    present = {ascii_lower(str(name)) for name, kind in rows if kind == "macro"}
    return frozenset(folded for name in settings.functions if (folded := ascii_lower(name)) in present)
