"""The three database tools: schema, query, execute.

Planning judges the statement (`sql.guard`), so that the policy sees every table and column it would touch; running
hands the judged statement to the engine, which compares it with its own reading before anything is executed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from ..answer import BOOLEAN, INTEGER, OBJECT, answer_schema
from ..tool import (
    Access,
    Action,
    Effect,
    Entries,
    JsonObject,
    JsonValue,
    Limits,
    Plan,
    Planning,
    Running,
    Table,
    Tool,
    ToolRefused,
    ToolSpec,
)
from .asking import SQL, Databases, Judged, database_schema, input_schema, judged, plan_of, string_of, table_columns
from .catalog import Relation
from .engines.engine import Rows, Statement, Write
from .rate import LiteralRate
from .source import Database
from .sql.analysis import GuardSettings, StatementKind

_WRITES: Final = frozenset({StatementKind.INSERT, StatementKind.UPDATE, StatementKind.DELETE})
_ROWS: Final = 1000
_ARRAY: Final[JsonObject] = {"type": "array", "items": {"type": "array"}}
_TABLE: Final[JsonObject] = {
    "columns": {"type": "array", "items": OBJECT},
    "rows": _ARRAY,
    "row_count": INTEGER,
    "truncated": BOOLEAN,
}


def build_database_tools(databases: Sequence[Database]) -> list[Tool]:
    """The tools over these databases; none without a database, no ``database_execute`` without a writable one."""
    if not databases:
        return []
    known = Databases(databases)
    rate = LiteralRate()
    tools: list[Tool] = [DatabaseSchema(known), DatabaseQuery(known, rate)]
    if known.names(write=True):
        tools.append(DatabaseExecute(known, rate))
    return tools


@dataclass(frozen=True, slots=True)
class SchemaWork:
    settings: GuardSettings
    relation: Relation | None


class DatabaseSchema:
    """``database_schema``: the open tables and views with their columns, classes and masks."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self.spec = ToolSpec(
            name="database_schema",
            title="List tables",
            description="List a database's tables and views, or one of them: columns, keys, and which columns come out "
            "masked.",
            input_schema=input_schema(
                {
                    "database": database_schema(databases.names()),
                    "table": {"type": "string", "minLength": 1, "maxLength": 300},
                },
                "database",
            ),
            output_schema=answer_schema({"entries": {"type": "array", "items": OBJECT}, "truncated": BOOLEAN}),
            actions=frozenset({Action.DB_SCHEMA}),
            recorded=frozenset({"database", "table"}),
        )

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        from . import listing

        database = self._databases.get(arguments)
        settings = await database.guard(planning)
        if "table" not in arguments:
            access = Access(Action.DB_SCHEMA, "database", database.name)
            return self._planned(access, SchemaWork(settings, None))
        relation = listing.find(string_of(arguments, "table"), settings)
        access = Access(Action.DB_SCHEMA, "table", f"{database.name}.{relation.qualified}", database.name)
        return self._planned(access, SchemaWork(settings, relation))

    def _planned(self, access: Access, work: SchemaWork) -> Plan:
        return Plan(accesses=(access,), effects=self.spec.effects, statement=f"schema of {access.name}", work=work)

    async def run(self, plan: Plan, running: Running) -> Entries:
        from . import listing

        work = cast("SchemaWork", plan.work)
        if work.relation is None:
            found = listing.entries(work.settings)
        else:
            found = [listing.entry(work.relation, work.settings)]
        # Names of tables and columns are what an agent writes its SQL with: they stay; what people wrote is scanned.
        return Entries(found, scanned=frozenset({"comment"}))


class DatabaseQuery:
    """``database_query``: one SELECT."""

    def __init__(self, databases: Databases, rate: LiteralRate) -> None:
        self._databases = databases
        self._rate = rate
        self.spec = ToolSpec(
            name="database_query",
            title="Query a database",
            description="Run one SELECT. Personal data comes back as tokens, equal for equal values; use a token as "
            "column = 'token' or column IN ('token', ...). Masked columns decide nothing else. A refusal says what "
            "would be allowed.",
            input_schema=input_schema(
                {
                    "database": database_schema(databases.names()),
                    "sql": SQL,
                    "limit": {"type": "integer", "minimum": 1, "description": "rows at most"},
                },
                "database",
                "sql",
            ),
            output_schema=answer_schema(_TABLE),
            actions=frozenset({Action.DB_SELECT}),
            recorded=frozenset({"database", "limit"}),
        )

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        database = self._databases.get(arguments)
        settings = await database.guard(planning)
        work = judged(database, string_of(arguments, "sql"), settings, planning)
        if work.analysis.literal_matches:
            self._rate.take(planning.principal, database.name)
        limits = database.settings.limits
        if isinstance(limit := arguments.get("limit"), int):
            limits = limits.lowered(Limits(rows=limit))
        return plan_of(work, self.spec.effects, limits)

    async def run(self, plan: Plan, running: Running) -> Table:
        work = cast("Judged", plan.work)
        rules = await work.still_holds()
        analysis = work.analysis
        statement = Statement(analysis.sql, running.values, work.expected, work.catalog_version)
        rows = await work.database.query(statement, plan.limits.lowered(running.limits))
        if rows.truncated and analysis.sort_rows:
            raise ToolRefused(
                "sql_order",
                "There are more rows than are returned, and without an order a masked column could decide which.",
                "Add ORDER BY with the key of the table, or a WHERE that narrows it.",
                place="order",
                rule="order",
            )
        if analysis.drop_groups_below is not None:
            rows = without_small_groups(rows, analysis.drop_groups_below)
        columns = table_columns(analysis.outputs, rows, rules, work.database.dialect)
        return Table(tuple(columns), rows.rows, truncated=rows.truncated, sort_rows=analysis.sort_rows)


def without_small_groups(rows: Rows, least: int) -> Rows:
    """Drop the hidden last column, and every group it says is too small: the database was asked to do that already."""
    kept = [row[:-1] for row in rows.rows if isinstance(row[-1], int) and row[-1] >= least]
    return Rows(rows.names[:-1], rows.types[:-1], kept, rows.truncated)


class DatabaseExecute:
    """``database_execute``: one INSERT, UPDATE or DELETE, as a whole or not at all."""

    def __init__(self, databases: Databases, rate: LiteralRate) -> None:
        self._databases = databases
        self._rate = rate
        self.spec = ToolSpec(
            name="database_execute",
            title="Change a database",
            description="Run one INSERT, UPDATE or DELETE in a transaction of its own. Tokens stand for their real "
            "values; masks cannot be written. Too many rows, and nothing is changed.",
            input_schema=input_schema(
                {"database": database_schema(databases.names(write=True)), "sql": SQL}, "database", "sql"
            ),
            output_schema=answer_schema({**_TABLE, "changed": INTEGER}),
            effects=frozenset({Effect.READ, Effect.WRITE}),
            actions=frozenset({Action.DB_INSERT, Action.DB_UPDATE, Action.DB_DELETE}),
            recorded=frozenset({"database"}),
        )

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        database = self._databases.get(arguments, write=True)
        settings = await database.guard(planning, writes=True)
        work = judged(database, string_of(arguments, "sql"), settings, planning)
        if work.analysis.kind not in _WRITES:
            message = f"{work.analysis.kind.value.upper()} changes nothing."
            raise ToolRefused("sql_statement", message, "Use database_query for it.", rule="statement")
        if work.analysis.literal_matches:
            self._rate.take(planning.principal, database.name)
        return plan_of(work, self.spec.effects, database.settings.limits)

    async def run(self, plan: Plan, running: Running) -> Table:
        work = cast("Judged", plan.work)
        rules = await work.still_holds()
        analysis, limits = work.analysis, plan.limits.lowered(running.limits)
        statement = Statement(analysis.sql, running.values, work.expected, work.catalog_version)
        preview = None
        if analysis.preview_sql is not None:
            values = [running.values[i] for i in analysis.preview_slots]
            preview = Statement(analysis.preview_sql, values, work.expected, work.catalog_version)
        write = Write(statement, preview, limits.rows or _ROWS, analysis.target)
        written = await work.database.change(write, limits)
        changed: dict[str, JsonValue] = {"changed": written.changed}
        if written.returned is None:
            return Table((), [], extra=changed)
        returned = written.returned
        columns = table_columns(analysis.outputs, returned, rules, work.database.dialect)
        # in which order the rows came is nobody's promise, and could follow a masked column
        return Table(tuple(columns), returned.rows, sort_rows=True, extra=changed)
