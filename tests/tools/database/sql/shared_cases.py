"""The developers' SQL cases (../shared/sql-cases) as catalogs, settings and lists; nothing of them is in this tree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import sqlglot
from sqlglot import exp

from gloveport.tests.tools.database.sql.clinic import Rules
from gloveport.tools.database.catalog import Catalog, Column, Relation, RelationKind
from gloveport.tools.database.sql.analysis import GuardSettings, Inference
from gloveport.tools.tool import ColumnRule, Mask

FOLDER: Final = Path(__file__).resolve().parents[4].parent / "shared" / "sql-cases"
_CLASSES: Final = {"full_name": "person", "Holder": "person", "dob": "birth_date", "actor": "email"}
_READ: Final = {"postgresql": "postgres", "sqlite": "sqlite"}


@dataclass(frozen=True)
class Case:
    id: str
    kind: str
    family: str
    dialect: str
    statements: tuple[str, ...]
    expect: Mapping[str, str]
    shape: Mapping[str, Any]


def cases(kind: str, *dialects: str) -> Iterator[Case]:
    """The cases of one kind (attack, benign) for these dialects."""
    for line in (FOLDER / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case["dialect"] in dialects:
            sql = case["sql"]
            statements = (sql,) if isinstance(sql, str) else tuple(sql)
            shape = case.get("shape", {})
            yield Case(case["id"], kind, case["family"], case["dialect"], statements, case["expect"], shape)


@cache
def settings(dialect: str, mode: str) -> GuardSettings:
    """What the cases assume: their schema, their policy. MySQL and DuckDB get the schema of SQLite."""
    policy = json.loads((FOLDER / "policy.json").read_text())
    schema = "postgresql" if dialect == "postgresql" else "sqlite"
    relations = {relation.qualified: relation for relation in _relations(schema)}
    rules = {
        f"{table}.{column}": ColumnRule(_CLASSES.get(column, column), Mask(mask), "config")
        for table, columns in policy["masked_columns"].items()
        for column, mask in columns.items()
    }
    rules["events.actor"] = ColumnRule("email", Mask.TOKEN, "config")
    catalog = Catalog(
        database="guard",
        dialect=dialect,
        version=f"shared {schema}",
        relations=relations,
        open_relations=frozenset(relations) & frozenset(policy["open_tables"]),
        user_functions=frozenset(policy["allowed_user_functions"]),
    )
    return GuardSettings(catalog, Rules(rules), Inference(mode), min_group_size=policy["min_group_size"])


def _relations(dialect: str) -> list[Relation]:
    text = "\n".join((FOLDER / f"{part}.{dialect}.sql").read_text() for part in ("schema", "post_load"))
    text = re.sub(r"--[^\n]*| WITHOUT ROWID", "", text)
    made: dict[str, Relation] = {}
    indexes: dict[str, list[tuple[str | None, ...]]] = {}
    for statement in re.split(r";\s*\n", text):
        words = statement.split()
        if words[:3] == ["CREATE", "VIRTUAL", "TABLE"]:
            made[words[3]] = Relation(
                words[3], None, RelationKind.VIRTUAL, (Column("notes", "TEXT"),), copies_from=("patients",)
            )
        elif "PARTITION OF" in statement:
            name = words[2]
            made[name] = Relation(name, None, RelationKind.TABLE, made[words[5]].columns, copies_from=(words[5],))
        elif words[:1] == ["CREATE"] and words[1] in ("TABLE", "VIEW", "INDEX", "MATERIALIZED"):
            _create(sqlglot.parse_one(statement, read=_READ[dialect]), dialect, made, indexes)
    if "events" in made:
        actor = Column("actor", "text")
        made = {n: _with(r, actor) if n.startswith("events") else r for n, r in made.items()}
        search = Column("search", "tsvector", generated="to_tsvector('simple', COALESCE(full_name, ''))")
        made["customers"] = _with(made["customers"], search)
    return [_indexed(relation, indexes.get(relation.name, [])) for relation in made.values()]


def _with(relation: Relation, column: Column) -> Relation:
    columns = tuple(c for c in relation.columns if c.name != column.name)
    return Relation(
        relation.name, relation.schema, relation.kind, (*columns, column), relation.definition, relation.copies_from
    )


def _indexed(relation: Relation, indexes: Sequence[tuple[str | None, ...]]) -> Relation:
    return Relation(
        relation.name,
        relation.schema,
        relation.kind,
        relation.columns,
        relation.definition,
        relation.copies_from,
        tuple(indexes),
    )


def _create(
    tree: exp.Expr, dialect: str, made: dict[str, Relation], indexes: dict[str, list[tuple[str | None, ...]]]
) -> None:
    if tree.args["kind"] == "INDEX":
        names = tuple(column.name for column in tree.this.find_all(exp.Column))
        indexes.setdefault(tree.this.find(exp.Table).name, []).append(names)
        return
    table = tree.find(exp.Table)
    assert table is not None
    schema = table.args["db"].name if table.args.get("db") else None
    if tree.args["kind"] == "VIEW":
        body = tree.expression
        kind = RelationKind.MATERIALISED if "MATERIALIZED" in tree.sql(_READ[dialect]) else RelationKind.VIEW
        select = body.this if isinstance(body, exp.SetOperation) else body
        while isinstance(select, exp.SetOperation):
            select = select.this
        columns = tuple(Column(item.alias_or_name, "text") for item in select.expressions)
        relation = Relation(table.name, schema, kind, columns, definition=body.sql(_READ[dialect]))
    else:
        relation = Relation(table.name, schema, RelationKind.TABLE, _columns(tree, dialect))
    made[relation.qualified] = relation


def _columns(tree: exp.Expr, dialect: str) -> tuple[Column, ...]:
    definitions = [item for item in tree.this.expressions if isinstance(item, exp.ColumnDef)]
    keys = {
        name.name
        for key in tree.this.expressions
        if isinstance(key, exp.PrimaryKey)
        for name in key.find_all(exp.Identifier)
    }
    found: list[Column] = []
    for item in definitions:
        kinds = [constraint.args["kind"] for constraint in item.args.get("constraints") or []]
        primary = item.name in keys or any(isinstance(kind, exp.PrimaryKeyColumnConstraint) for kind in kinds)
        computed = next(
            (
                kind.args.get("expression") or kind.this
                for kind in kinds
                if isinstance(kind, exp.GeneratedAsIdentityColumnConstraint | exp.ComputedColumnConstraint)
            ),
            None,
        )
        found.append(
            Column(
                item.name,
                item.args["kind"].sql(_READ[dialect]),
                primary_key=primary,
                generated=computed.sql(_READ[dialect]) if computed is not None else None,
            )
        )
    return tuple(found)
