"""``database_search``: the rows of a text column that are closest in meaning to a question.

Vectors give texts away, so none ever leaves: not those a database keeps (their columns have the class ``embedding``),
and not those made here. What leaves is the key of a row, its text through the masker, and a score of two digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from ...answer import BOOLEAN, INTEGER, OBJECT, answer_schema
from ...tool import (
    Access,
    Action,
    ColumnRef,
    ColumnRule,
    ColumnRules,
    IndirectUse,
    JsonObject,
    JsonValue,
    Mask,
    OutputColumn,
    OutputForm,
    Plan,
    Planning,
    Running,
    Table,
    ToolRefused,
    ToolSpec,
)
from ..asking import Databases, database_schema, input_schema, string_of
from ..catalog import Catalog, Relation
from ..errors import schema_changed
from ..source import Database
from ..sql.analysis import GuardSettings
from ..sql.guard import shapes_of
from ..sql.refusals import shown
from .index import Indexes, Searched, Wanted

MOST_RESULTS: Final = 50
USUAL_RESULTS: Final = 10
LONGEST_QUESTION: Final = 2000
_FREE: Final = "free_text"


@dataclass(frozen=True, slots=True)
class SearchWork:
    database: Database
    relation: Relation
    wanted: Wanted
    question: str
    limit: int


class DatabaseSearch:
    """The tool over the columns that the configuration opens for it.

    Args:
        databases: those with at least one searched column.
        searched: the columns, by database.
        indexes: shared by all calls.
    """

    def __init__(
        self, databases: Sequence[Database], searched: Mapping[str, Sequence[Searched]], indexes: Indexes
    ) -> None:
        self._databases = Databases(databases)
        self._searched = searched
        self._indexes = indexes
        self.spec = ToolSpec(
            name="database_search",
            title="Search texts",
            description="Find the rows whose text is closest to a question. Gives keys, masked texts and scores from 0 "
            "to 1. The question may hold tokens: the texts do.",
            input_schema=input_schema(
                {
                    "database": database_schema(self._databases.names()),
                    "table": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 300,
                        "description": "or table.column; needed where several are searched",
                    },
                    "text": {"type": "string", "minLength": 1, "maxLength": LONGEST_QUESTION},
                    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_RESULTS},
                },
                "database",
                "text",
            ),
            output_schema=answer_schema(
                {
                    "columns": {"type": "array", "items": OBJECT},
                    "rows": {"type": "array", "items": {"type": "array"}},
                    "row_count": INTEGER,
                    "truncated": BOOLEAN,
                    "searched": INTEGER,
                    "partial": BOOLEAN,
                }
            ),
            actions=frozenset({Action.DB_SELECT}),
            recorded=frozenset({"database", "table", "limit"}),
        )

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        database = self._databases.get(arguments)
        settings = await database.guard(planning)
        catalog, rules = settings.catalog, settings.rules
        searched = self._chosen(database.name, catalog, arguments.get("table"))
        relation = catalog.relations[searched.table]
        outputs = _outputs(relation, searched, settings)
        rule = _searchable(f"{searched.table}.{searched.column}", outputs[1], rules)
        limit = arguments.get("limit")
        sources = tuple(sorted(map(str, outputs[1].sources)))
        wanted = Wanted(database.name, searched, catalog.version, rules.version, rule is not None, sources)
        work = SearchWork(
            database,
            relation,
            wanted,
            string_of(arguments, "text"),
            limit if isinstance(limit, int) else USUAL_RESULTS,
        )
        own = {ColumnRef(database.name, searched.table, name) for name in (searched.column, searched.key)}
        read = outputs[0].sources.union(outputs[1].sources, own)
        return Plan(
            accesses=(
                Access(
                    Action.DB_SELECT,
                    "table",
                    f"{database.name}.{searched.table}",
                    database.name,
                    columns=read,
                    projected=read,
                ),
            ),
            effects=self.spec.effects,
            statement=f"search {database.name}.{searched.table}.{searched.column}",
            outputs=outputs,
            indirect=tuple(IndirectUse(source, "search") for source in sorted(outputs[1].sources)),
            facts=_facts(work.limit),
            work=work,
        )

    async def run(self, plan: Plan, running: Running) -> Table:
        work = cast("SearchWork", plan.work)
        catalog = await work.database.catalog()
        if catalog.version != work.wanted.catalog:
            raise schema_changed()
        index = await self._indexes.of(work.wanted, work.database, work.relation)
        most = work.limit if running.limits.rows is None else min(work.limit, running.limits.rows)
        found = index.best(work.question, most)
        extra: dict[str, JsonValue] = {"searched": len(index.keys), "partial": index.partial}
        return Table(plan.outputs, found, truncated=len(found) == most < len(index.keys), extra=extra)

    def _chosen(self, database: str, catalog: Catalog, asked: JsonValue) -> Searched:
        """The one column that is meant. Raises `ToolRefused`; closed ones read like unknown ones."""
        open_ = [one for one in self._searched[database] if catalog.is_open(one.table) and _present(one, catalog)]
        names = [f"{one.table}.{one.column}" for one in open_]
        if isinstance(asked, str):
            found = [one for one, name in zip(open_, names, strict=True) if asked in (one.table, name)]
        else:
            found = open_
        if len(found) == 1:
            return found[0]
        hint = f"Searched columns: {', '.join(names)}." if names else "Tell the operator."
        if isinstance(asked, str) and not found:
            raise ToolRefused("unknown-search", f"{shown(asked)} is not searched.", hint, place="table")
        raise ToolRefused(
            "which-column", "Several columns are searched; say which as table.column.", hint, place="table"
        )


def _present(searched: Searched, catalog: Catalog) -> bool:
    relation = catalog.relations.get(searched.table)
    return relation is not None and None not in (relation.column(searched.column), relation.column(searched.key))


def _searchable(name: str, text: OutputColumn, rules: ColumnRules) -> ColumnRule | None:
    """The rule of the text, where it may be searched: open and free text is searched as the caller would see it, of
    other classes nothing would be left. Raises `ToolRefused`."""
    rule = next((rules.get(source) for source in text.sources), None)
    if text.form is not OutputForm.IDENTITY or len(text.sources) != 1:
        message = f"{name} is computed from other columns, which decide what may be seen of it."
    elif rule is None or not rule.masked or (rule.class_name == _FREE and rule.mask is Mask.TOKEN):
        return rule
    else:
        message = f"{name} is {rule.class_name} and leaves masked as a whole, so there is nothing to search in it."
    raise ToolRefused(
        "not-searchable",
        message,
        "Ask for it with database_query, or use column = 'token'.",
        place="table",
        rule="search",
    )


def _outputs(relation: Relation, searched: Searched, settings: GuardSettings) -> tuple[OutputColumn, ...]:
    """Key, text and score, with what each is made of: the columns of a view have the rules of those beneath."""
    shapes = shapes_of(settings).of(relation).columns

    def output(name: str) -> OutputColumn:
        position = next(i for i, column in enumerate(relation.columns) if column.name == name)
        shape = shapes[position]
        return OutputColumn(name, relation.columns[position].type.lower(), frozenset(shape.sources), shape.form)

    key, text = output(searched.key), output(searched.column)
    return key, text, OutputColumn("score", "real", text.sources, OutputForm.SCORE)


def _facts(limit: int) -> Mapping[str, JsonValue]:
    """For policies: bounded by nature, and as strict as a query that only shows: masked text is what decides."""
    return {"sql.kind": "search", "sql.inference": "strict", "sql.bounded": True, "search.limit": limit}
