"""The schema as an agent may see it: open tables and views, their columns, and what becomes of each column's values."""

from __future__ import annotations

from typing import Final

from ..tool import ColumnRule, JsonObject, JsonValue, Mask, OutputForm
from .catalog import Catalog, Column, ForeignKey, Relation
from .sql import refusals
from .sql.analysis import GuardSettings
from .sql.guard import shapes_of
from .sql.names import ascii_lower
from .sql.profiles import Fold, profile_for
from .sql.shapes import ColumnShape

MOST_COLUMNS: Final = 300  # of all tables together; above it, a listing leaves the columns out


def entries(settings: GuardSettings) -> list[JsonObject]:
    """Every open table and view; with their columns, unless these are so many that they must be asked for."""
    catalog = settings.catalog
    relations = [catalog.relations[name] for name in sorted(catalog.open_relations)]
    if sum(len(relation.columns) for relation in relations) > MOST_COLUMNS:
        return [{**_head(relation), "column_count": len(relation.columns)} for relation in relations]
    return [entry(relation, settings) for relation in relations]


def entry(relation: Relation, settings: GuardSettings) -> JsonObject:
    shapes = shapes_of(settings).of(relation).columns
    columns: list[JsonValue] = [
        _column(column, _rule(shape, settings)) for column, shape in zip(relation.columns, shapes, strict=True)
    ]
    made: JsonObject = {**_head(relation), "columns": columns}
    keys: list[JsonValue] = [
        _foreign_key(key) for key in settings.catalog.foreign_keys if _shows(key, relation, settings.catalog)
    ]
    if keys:
        made["foreign_keys"] = keys
    return made


def find(table: str, settings: GuardSettings) -> Relation:
    """The open relation an agent means. Raises `ToolRefused`: unknown and closed ones read the same."""
    catalog = settings.catalog
    profile = profile_for(catalog.dialect)
    schema = f"{catalog.default_schema or profile.default_schema}."
    asked = table.removeprefix(schema).strip('"')
    relation = catalog.relations.get(asked) if catalog.is_open(asked) else None
    if relation is None and profile.fold is Fold.INSENSITIVE:
        folded = ascii_lower(asked)
        match = (name for name in sorted(catalog.open_relations) if ascii_lower(name) == folded)
        relation = catalog.relations.get(next(match, ""))
    if relation is None:
        raise refusals.unknown_relation(table, sorted(catalog.open_relations))
    return relation


def _head(relation: Relation) -> JsonObject:
    made: JsonObject = {"name": relation.qualified, "kind": str(relation.kind)}
    if relation.comment:
        made["comment"] = relation.comment
    return made


def _column(column: Column, rule: ColumnRule | None) -> JsonObject:
    made: JsonObject = {"name": column.name, "type": column.type}
    if column.primary_key:
        made["primary_key"] = True
    if not column.nullable and not column.primary_key:
        made["required"] = True
    if rule is not None and rule.masked:
        made["class"], made["mask"] = rule.class_name, str(rule.mask)
    return made


def _rule(shape: ColumnShape, settings: GuardSettings) -> ColumnRule | None:
    """The rule that will decide on the column's values: a view's column has those of what it is made of."""
    rules = [rule for source in shape.sources if (rule := settings.rules.get(source)) is not None and rule.masked]
    if not rules:
        return None
    same = all((rule.class_name, rule.mask) == (rules[0].class_name, rules[0].mask) for rule in rules)
    if same and len(rules) == len(shape.sources) and shape.form is OutputForm.IDENTITY:
        return rules[0]
    return ColumnRule(rules[0].class_name, Mask.REDACT, f"computed from {len(shape.sources)} columns")


def _shows(key: ForeignKey, relation: Relation, catalog: Catalog) -> bool:
    return key.table == relation.qualified and catalog.is_open(key.referred_table)


def _foreign_key(key: ForeignKey) -> JsonObject:
    columns: list[JsonValue] = [*key.columns]
    return {"columns": columns, "references": f"{key.referred_table}({', '.join(key.referred_columns)})"}
