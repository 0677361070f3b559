"""The catalog of one MySQL or MariaDB database, from information_schema."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ...catalog import Catalog, Column, ForeignKey, Relation, RelationKind
from ...sql.names import ascii_lower
from ..engine import Settings
from ..opening import open_relations

Row: TypeAlias = Sequence[object]

QUERIES: Final = {
    "tables": """SELECT table_name, table_type, table_comment FROM information_schema.tables
WHERE table_schema = DATABASE() ORDER BY table_name""",
    "columns": """SELECT table_name, ordinal_position, column_name, column_type, is_nullable, column_key,
 generation_expression FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1, 2""",
    "views": """SELECT table_name, view_definition FROM information_schema.views
WHERE table_schema = DATABASE() ORDER BY 1""",
    "indexes": """SELECT table_name, index_name, seq_in_index, column_name FROM information_schema.statistics
WHERE table_schema = DATABASE() ORDER BY 1, 2, 3""",
    "keys": """SELECT table_name, constraint_name, column_name, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema = DATABASE() AND referenced_table_schema = DATABASE() ORDER BY 1, 2, ordinal_position""",
    "functions": """SELECT routine_name FROM information_schema.routines
WHERE routine_schema = DATABASE() AND routine_type = 'FUNCTION' ORDER BY 1""",
}


@dataclass(frozen=True, slots=True)
class Schema:
    """A catalog, and the rows its relations were read from, to see whether they are still the same."""

    catalog: Catalog
    rows: Mapping[str, tuple[Row, ...]]  # by relation: its columns, and its body if it is a view

    @property
    def version(self) -> str:
        return self.catalog.version


def build_schema(answers: Mapping[str, Sequence[Row]], settings: Settings, database: str, server: str) -> Schema:
    """From the rows of `QUERIES` to a catalog."""
    bodies = {str(name): str(body) for name, body in answers["views"] if body}
    columns = _grouped(answers["columns"])
    indexes = _grouped(answers["indexes"])
    relations: dict[str, Relation] = {}
    for name, kind, comment in answers["tables"]:
        name = str(name)
        view = "VIEW" in str(kind)
        relations[name] = Relation(
            name=name,
            schema=None,
            kind=RelationKind.VIEW if view else RelationKind.TABLE,
            columns=tuple(_column(row) for row in columns.get(name, ())),
            definition=bodies.get(name) if view else None,
            indexes=tuple(_indexes(indexes.get(name, ()))),
            comment=str(comment) if comment and not view else None,
        )
    text = repr(sorted(answers.items())).encode("utf-8", "replace")
    catalog = Catalog(
        database=settings.name,
        dialect="mysql",
        version=hashlib.blake2b(text, digest_size=12).hexdigest(),
        relations=relations,
        open_relations=open_relations(relations, settings, database, fold=ascii_lower),
        foreign_keys=tuple(_keys(answers["keys"])),
        user_functions=_functions(answers["functions"], settings),
        default_schema=database,
        server_version=server,
    )
    return Schema(catalog, rows_of(answers["columns"], answers["views"]))


def rows_of(columns: Sequence[Row], views: Sequence[Row]) -> dict[str, tuple[Row, ...]]:
    """What says by relation that it is still the same."""
    found: dict[str, list[Row]] = {}
    for row in columns:
        found.setdefault(str(row[0]), []).append(tuple(row[1:]))
    for name, body in views:
        found.setdefault(str(name), []).append((body,))
    return {name: tuple(rows) for name, rows in found.items()}


def same_rows(names: Sequence[str]) -> tuple[str, str]:
    """The queries whose rows `rows_of` takes, for some relations only. Names are those of the catalog."""
    listed = ", ".join(literal(name) for name in names)
    limit = f"LIMIT {2**63}"  # else the limit of the agent's statement would hold here too
    columns = QUERIES["columns"].replace("ORDER BY", f"AND table_name IN ({listed}) ORDER BY")
    views = QUERIES["views"].replace("ORDER BY", f"AND table_name IN ({listed}) ORDER BY")
    return f"{columns} {limit}", f"{views} {limit}"


def literal(text: str) -> str:
    """A string of our own for a statement, under the sql_mode of our connections."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row[0]), []).append(row)
    return found


def _column(row: Row) -> Column:
    _, _, name, kind, nullable, key, expression = row
    generated = str(expression) if expression else None
    return Column(str(name), str(kind), nullable == "YES", key == "PRI", generated)


def _indexes(rows: Sequence[Row]) -> Iterable[tuple[str | None, ...]]:
    by_name: dict[str, list[str | None]] = {}
    for _, index, _, column in rows:
        by_name.setdefault(str(index), []).append(None if column is None else str(column))
    return (tuple(columns) for columns in by_name.values())


def _keys(rows: Sequence[Row]) -> Iterable[ForeignKey]:
    by_name: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_name.setdefault((str(row[0]), str(row[1])), []).append(row)
    for (table, _), parts in by_name.items():
        own = tuple(str(part[2]) for part in parts)
        yield ForeignKey(table, own, str(parts[0][3]), tuple(str(part[4]) for part in parts))


def _functions(rows: Sequence[Row], settings: Settings) -> frozenset[str]:
    present = {ascii_lower(str(row[0])) for row in rows}
    return frozenset(folded for name in settings.functions if (folded := ascii_lower(name)) in present)
