"""What the three database tools have in common: the databases by name, arguments, what a plan says of a statement."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..tool import (
    Access,
    Action,
    ColumnRef,
    ColumnRules,
    Effect,
    JsonObject,
    JsonValue,
    Limits,
    OutputColumn,
    Plan,
    Planning,
    ToolRefused,
)
from .engines.engine import Rows
from .errors import schema_changed
from .source import Database
from .sql import guard
from .sql.analysis import Analysis, Expected, GuardSettings, Inference, StatementKind

_BOUNDED: Final = re.compile(r"\bLIMIT (?:\?|\d+)(?: OFFSET (?:\?|\d+))?\Z")
_MODES: Final = (Inference.STRICT, Inference.BALANCED, Inference.RELAXED)
SQL: Final[JsonObject] = {"type": "string", "minLength": 1, "maxLength": 20_000}

RulesOf = Callable[[str], Awaitable[ColumnRules]]


class Databases:
    """The databases of one server."""

    def __init__(self, databases: Sequence[Database]) -> None:
        self._databases: Mapping[str, Database] = {database.name: database for database in databases}

    def names(self, *, write: bool = False) -> list[str]:
        return [name for name, database in self._databases.items() if database.write or not write]

    def get(self, arguments: JsonObject, *, write: bool = False) -> Database:
        database = self._databases.get(string_of(arguments, "database"))
        if database is None or (write and not database.write):
            known = ", ".join(self.names(write=write))
            raise ToolRefused(
                "unknown-database", "There is no such database.", f"Databases: {known}.", place="database"
            )
        return database


@dataclass(frozen=True, slots=True)
class Judged:
    """A statement as it was decided on: what runs is this, or nothing."""

    database: Database
    analysis: Analysis
    expected: Expected
    catalog_version: str
    rules_version: str
    rules: RulesOf
    level: Inference  # the mode the statement needs

    async def still_holds(self) -> ColumnRules:
        """The rules it was judged by. Raises `ToolFailed` (``schema-changed``) when there are others by now.

        The engine holds the catalog's version against the schema itself, in the transaction the statement runs in.
        """
        rules = await self.rules(self.database.name)
        if rules.version != self.rules_version:
            raise schema_changed()
        return rules


def judged(database: Database, text: str, settings: GuardSettings, planning: Planning) -> Judged:
    """Have the guard judge a statement in the strictest mode that lets it through: what a policy asks of a statement is
    how much it needs, not how much it could have had. Raises `ToolRefused`, in the words of the laxest mode.
    """
    analysis, level = _analysed(text, settings)
    return Judged(
        database,
        analysis,
        database.expected(analysis, settings),
        settings.catalog.version,
        settings.rules.version,
        planning.column_rules,
        level,
    )


def _analysed(text: str, settings: GuardSettings) -> tuple[Analysis, Inference]:
    laxest = max((settings.inference, *settings.class_inference.values()), key=_MODES.index)
    for level in _MODES[: _MODES.index(laxest)]:
        try:
            return guard.analyse(text, _within(settings, level)), level
        except ToolRefused:  # the next mode may allow it
            continue
    return guard.analyse(text, settings), laxest


def _within(settings: GuardSettings, level: Inference) -> GuardSettings:
    def least(mode: Inference) -> Inference:
        return min(mode, level, key=_MODES.index)

    classes = {name: least(mode) for name, mode in settings.class_inference.items()}
    return replace(settings, inference=least(settings.inference), class_inference=classes)


def plan_of(work: Judged, effects: Iterable[Effect], limits: Limits) -> Plan:
    """What the policy and the record see of a judged statement."""
    analysis = work.analysis
    return Plan(
        accesses=accesses_of(work.database.name, analysis),
        effects=frozenset(effects),
        statement=analysis.template,
        outputs=analysis.outputs,
        indirect=analysis.indirect,
        slots=analysis.slots,
        written="\n".join(analysis.written) or None,
        flows=analysis.flows,
        redated=analysis.redated,
        limits=limits,
        facts=facts_of(analysis, work.level),
        work=work,
    )


def accesses_of(database: str, analysis: Analysis) -> tuple[Access, ...]:
    """One access per relation the statement names, with its columns; all columns beneath a view count as the view's.

    No column is lost: what belongs to no named relation counts for every one of them.
    """
    projected = frozenset(source for output in analysis.outputs for source in output.sources)
    indirect = frozenset(use.column for use in analysis.indirect)
    touched = analysis.reads | analysis.writes | projected | indirect
    named = sorted(analysis.named if analysis.target is None else analysis.named | {analysis.target})
    if not named:
        return (Access(analysis.action, "database", database),)
    elsewhere = frozenset(column for column in touched if column.table not in named)

    def of(relation: str, columns: frozenset[ColumnRef]) -> frozenset[ColumnRef]:
        return frozenset(c for c in columns if c.table == relation) | (columns & elsewhere)

    return tuple(
        Access(
            action=analysis.action if analysis.target in (None, relation) else Action.DB_SELECT,
            kind="table",
            name=f"{database}.{relation}",
            parent=database,
            columns=of(relation, touched),
            projected=of(relation, projected),
            written=of(relation, analysis.writes),
        )
        for relation in named
    )


def facts_of(analysis: Analysis, level: Inference) -> dict[str, JsonValue]:
    """Names, numbers and booleans for policies and the record. ``sql.inference`` is the mode the statement needs."""
    return {
        "sql.kind": str(analysis.kind),
        "sql.inference": str(level),
        "sql.bounded": analysis.kind is StatementKind.EXPLAIN or _BOUNDED.search(analysis.template) is not None,
        "sql.literal_matches": len(analysis.literal_matches),
        "sql.tokens": len(analysis.slots),
        "sql.totals": analysis.drop_groups_below is not None,
        "sql.widened": analysis.widened,
    }


def table_columns(outputs: Sequence[OutputColumn], rows: Rows, rules: ColumnRules, dialect: str) -> list[OutputColumn]:
    """The planned outputs with the types the engine reported.

    SQLite tells types of values only; of a masked column that would already say something of its values.
    """

    def type_of(output: OutputColumn, reported: str) -> str:
        if dialect != "sqlite":
            return reported or output.type
        if output.type:
            return output.type.lower()
        masked = any((rule := rules.get(source)) is not None and rule.masked for source in output.sources)
        return "text" if masked else reported

    pairs = zip(outputs, rows.types, strict=True)
    return [replace(output, type=type_of(output, reported)) for output, reported in pairs]


def database_schema(names: Sequence[str]) -> JsonObject:
    known: list[JsonValue] = [*names]
    return {"type": "string", "enum": known}


def input_schema(properties: Mapping[str, JsonObject], *required: str) -> JsonObject:
    wanted: list[JsonValue] = [*required]
    return {"type": "object", "properties": {**properties}, "required": wanted, "additionalProperties": False}


def string_of(arguments: JsonObject, name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str):
        raise ToolRefused("invalid-arguments", f"{name}: a text is needed.", place=name)
    return value
