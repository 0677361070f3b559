"""FROM: relations, subqueries, functions, joins, and the levels they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from ...tool import ColumnRef, OutputForm
from ..catalog import RelationKind
from . import refusals
from .analysis import Inference
from .functions import FunctionKind
from .gate import facts_of, function_name
from .shapes import Shape
from .state import Env, Query, State
from .taint import CONSTANT, Level, Source, Value, combine, positions_by_name, unite
from .uses import UseKind

if TYPE_CHECKING:
    from .walk import Walk


class TableSource(Source):
    """A relation of the catalog. Its columns are looked up as they are asked for, and only then count as read."""

    __slots__ = ("_made", "_state", "shape")

    def __init__(self, alias: str, shape: Shape, state: State, exposed: bool, schema: str | None) -> None:
        base = shape.relation.qualified if shape.relation.kind is RelationKind.TABLE else None
        super().__init__(
            alias,
            shape.labels,
            _by_name(shape),
            (),
            key=shape.key,
            exposed=exposed,
            base=base,
            schema=schema,
            whose=shape.whose,
        )
        self.shape, self._state = shape, state
        self._made: dict[int, Value] = {}

    def column(self, position: int) -> Value:
        made = self._made.get(position)
        if made is None:
            column = self.shape.columns[position]
            state = self._state
            state.touched.add(column.own)
            state.touched.update(column.sources)
            bits = state.register.bits(column.sources)
            if column.form is OutputForm.COUNT:
                made = Value(0, column.form, counted=bits, type=column.type)
            else:
                made = Value(bits, column.form, column.class_name, type=column.type)
            self._made[position] = made
        return made

    def find(self, folded: str) -> Value | None:
        found = super().find(folded)
        if found is None and folded in self.shape.row_identifiers:
            return self._row_identifier(folded)
        return found

    def _row_identifier(self, folded: str) -> Value:
        """The hidden row number; where there is an INTEGER PRIMARY KEY, SQLite means that column."""
        relation = self.shape.relation
        keys = [i for i, column in enumerate(relation.columns) if column.primary_key]
        if len(keys) == 1 and relation.columns[keys[0]].type.upper() == "INTEGER":
            return self.column(keys[0])
        ref = ColumnRef(self._state.register.database, relation.qualified, folded)
        self._state.touched.add(ref)
        return Value(self._state.register.bit(ref), OutputForm.IDENTITY, type="INTEGER")


def _by_name(shape: Shape) -> dict[str, list[int]]:
    return positions_by_name(shape.folded)


class Sources:
    """Builds the level of one FROM clause."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._state = walk.state

    def add_from(self, node: exp.Expr, env: Env) -> None:
        """FROM and JOINs of a SELECT (or of UPDATE ... FROM) into the innermost level."""
        clause = node.args.get("from_")
        if clause is not None:
            self._item(clause.this, env)
        for join in node.args.get("joins") or ():
            self._join(join, env)
        self._check_aliases(env.levels[0])

    def _check_aliases(self, level: Level) -> None:
        """Two sources of one name: SQLite takes them, and a name then means both."""
        names = [(source.alias, source.schema) for source in level.sources if source.alias]
        for i, (alias, schema) in enumerate(names):
            for other, other_schema in names[:i]:
                if alias == other and not (schema and other_schema and schema != other_schema):
                    raise refusals.construct(
                        f"Two tables are called {refusals.shown(alias)} here.", "Give each its own alias.", "from"
                    )

    def add_item(self, node: exp.Expr, env: Env) -> None:
        self._item(node, env)

    def _item(self, node: exp.Expr, env: Env) -> None:
        """One thing in FROM: adds one source, or several for a join in brackets."""
        level = env.levels[0]
        first = len(level.sources)
        if isinstance(node, exp.Table):
            level.sources.append(self._table(node, env))
        elif isinstance(node, exp.Subquery):
            self._subquery(node, env)
        elif isinstance(node, exp.Values):
            query = self._walk.queries.query(node, self._sideways(env))
            level.sources.append(self._derived(query, node.args.get("alias")))
        elif isinstance(node, exp.Lateral):
            self._lateral(node, env)
        elif isinstance(node, exp.Unnest):
            level.sources.append(self._unnest(node, env))
        else:
            raise refusals.construct(f"{type(node).__name__} in FROM is not allowed.", "Use tables and subqueries.")
        if isinstance(node, exp.Table | exp.Subquery):
            for join in node.args.get("joins") or ():
                self._join(join, env, first)

    def _sideways(self, env: Env) -> Env:
        """What a subquery in FROM sees: not its siblings, except on engines where every one is lateral."""
        if self._walk.state.profile.lateral_aliases:
            return env.below()
        return Env(env.levels[1:], env.ctes, None, env.depth).below()

    def _table(self, node: exp.Expr, env: Env) -> Source:
        state = self._state
        state.visited.add(id(node))
        name = node.args.get("this")
        if node.args.get("rows_from"):
            return self._rows_from(node, env)
        if isinstance(name, exp.Values):  # in the brackets of a join
            return self._derived(self._walk.queries.query(name, self._sideways(env)), node.args.get("alias"))
        if isinstance(name, exp.Anonymous):
            return self._function(name, node.args.get("alias"), env, bool(node.args.get("ordinality")))
        if not isinstance(name, exp.Identifier):
            raise refusals.construct("This kind of table is not allowed.", "Name a table.")
        folded = state.names.fold(name)
        if node.args.get("db") is None and folded in env.ctes:
            return self._derived(env.ctes[folded], node.args.get("alias"), folded)
        shape = self.relation(node)
        alias = node.args.get("alias")
        alias_name = state.names.fold(alias.this) if alias is not None and alias.this is not None else None
        exposed = state.order_matters and any(self._guarded(ref) for ref in shape.exposing)
        source = TableSource(alias_name or folded, shape, state, exposed, None if alias_name else _schema(state, shape))
        self._qualify(node, shape)
        if alias is not None and alias.args.get("columns"):
            return self._renamed(source, alias)
        return source

    def _guarded(self, ref: ColumnRef) -> bool:
        state = self._state
        bit = state.register.bit(ref)
        return state.mode(bit.bit_length() - 1) is not Inference.RELAXED

    def relation(self, node: exp.Expr) -> Shape:
        """The open relation a table reference means. Raises the one refusal for unknown and closed ones."""
        state = self._state
        relation = state.names.relation(node)
        if relation is None or not (state.owner or state.shapes.catalog.is_open(relation.qualified)):
            raise refusals.unknown_relation(_written(node), state.names.open_names())
        shape = state.shapes.of(relation)
        if shape.opaque:
            raise refusals.untraced(
                f"What {refusals.shown(relation.qualified)} is made of cannot be traced.", "Use the tables beneath it."
            )
        state.table(shape)
        return shape

    def _qualify(self, node: exp.Expr, shape: Shape) -> None:
        """Write the table's full name, so that nothing on the search path can take its place."""
        if self._state.owner:
            return
        relation = shape.relation
        schema = relation.schema or self._state.names.default_schema
        node.set("this", exp.to_identifier(relation.name, quoted=True))
        if schema:
            node.set("db", exp.to_identifier(schema, quoted=True))

    def _subquery(self, node: exp.Expr, env: Env) -> None:
        level = env.levels[0]
        inner = node.this
        if _is_join(inner):
            alias = node.args.get("alias")
            if alias is None:
                self._item(inner, env)
                return
            nested = Level()
            self._item(inner, Env((nested, *env.levels[1:]), env.ctes, None, env.depth))
            level.sources.append(self._joined(nested, alias))
            return
        query = self._walk.queries.query(inner, self._sideways(env))
        level.sources.append(self._derived(query, node.args.get("alias")))

    def _joined(self, nested: Level, alias: exp.Expr) -> Source:
        """``(a JOIN b) AS j``: one source with the columns of both, common ones merged."""
        labels, values, _ = self._walk.stars.of(nested)
        query = Query(labels, [self._state.names.stored(label) for label in labels], values, exposed=nested.exposed)
        return self._derived(query, alias)

    def _derived(self, query: Query, alias: exp.Expr | None, name: str = "") -> Source:
        """A query under a name, its columns renamed by position where the alias lists some."""
        names = self._state.names
        if alias is not None and alias.this is not None:
            name = names.fold(alias.this)
        labels, folded = list(query.labels), list(query.folded)
        for i, column in enumerate((alias.args.get("columns") if alias is not None else None) or ()):
            if i >= len(labels):
                raise refusals.untraced("An alias lists more columns than there are.", "List as many as there are.")
            labels[i], folded[i] = column.name, names.fold(_identifier(column))
        by_name = positions_by_name(folded)
        return Source(name, labels, by_name, query.values, key=query.key, exposed=query.exposed, whose=query.whose)

    def _renamed(self, source: Source, alias: exp.Expr) -> Source:
        """``patients AS t(a, b)``: columns renamed by position, the rest keeps its names."""
        table = source
        query = Query(
            list(table.labels),
            [self._state.names.stored(label) for label in table.labels],
            table.columns(),
            key=table.key,
            exposed=table.exposed,
            whose=table.whose,
        )
        return self._derived(query, alias, table.alias)

    def _lateral(self, node: exp.Expr, env: Env) -> None:
        level = env.levels[0]
        inner = node.this
        if isinstance(inner, exp.Anonymous):
            ordinality = bool(node.args.get("ordinality"))
            level.sources.append(self._function(inner, node.args.get("alias"), env, ordinality))
            return
        query_node = inner.this if isinstance(inner, exp.Subquery) else inner
        query = self._walk.queries.query(query_node, env.below())
        level.sources.append(self._derived(query, node.args.get("alias")))

    def _function(self, node: exp.Expr, alias: exp.Expr | None, env: Env, ordinality: bool = False) -> Source:
        """A function in FROM: its columns are computed from its arguments, and so is how many rows it has."""
        name = function_name(node)
        facts = facts_of(name, self._state.profile, self._state.shapes.catalog)
        if facts is None:
            raise refusals.function(name, self._state.profile.functions)
        value = combine(self._walk.expressions.value(a, env) for a in node.args.get("expressions") or ())
        if facts.kind is FunctionKind.ROWS:
            self._state.use(UseKind.ROWS, "rows", value.bits, node)
        elif facts.kind is not FunctionKind.SCALAR:
            raise refusals.construct(f"{name} is not allowed in FROM.", "Use it in the select list.")
        else:
            self._walk.calls.call(node, env)
        return self._made_of(value, alias, facts.columns, name, ordinality)

    def _made_of(
        self, value: Value, alias: exp.Expr | None, columns: Sequence[str], name: str, ordinality: bool
    ) -> Source:
        names = self._state.names
        made = Value(value.bits, OutputForm.EXPRESSION, risky=value.risky, weight=value.weight)
        if value.form is OutputForm.CONSTANT:
            made = CONSTANT
        alias_name = names.fold(alias.this) if alias is not None and alias.this is not None else name
        labels = list(columns) or [alias.this.name if alias is not None and alias.this is not None else name]
        folded = [names.stored(label) for label in columns] or [alias_name]
        if ordinality:
            labels.append("ordinality")
            folded.append("ordinality")
        listed = (alias.args.get("columns") if alias is not None else None) or ()
        for i, column in enumerate(listed):
            label, stored = column.name, names.fold(_identifier(column))
            if i < len(labels):
                labels[i], folded[i] = label, stored
            else:
                labels.append(label)
                folded.append(stored)
        if listed and isinstance(listed[0], exp.ColumnDef):
            labels, folded = labels[: len(listed)], folded[: len(listed)]
        return Source(alias_name, labels, positions_by_name(folded), [made] * len(labels))

    def _rows_from(self, node: exp.Expr, env: Env) -> Source:
        values: list[Value] = []
        labels: list[str] = []
        for item in node.args["rows_from"]:
            self._state.visited.add(id(item))
            source = self._function(item.this, item.args.get("alias"), env)
            values += source.columns()
            labels += source.labels
        alias = node.args.get("alias")
        if node.args.get("ordinality"):
            labels.append("ordinality")
            values.append(CONSTANT)
        query = Query(labels, [self._state.names.stored(label) for label in labels], values)
        return self._derived(query, alias)

    def _unnest(self, node: exp.Expr, env: Env) -> Source:
        values = [self._walk.expressions.value(e, env) for e in node.args.get("expressions") or ()]
        self._state.use(UseKind.ROWS, "rows", combine(values).bits, node)
        alias = node.args.get("alias")
        made = [CONSTANT if v.form is OutputForm.CONSTANT else Value(v.bits, risky=v.risky) for v in values]
        named: exp.Expr | None = alias.this if alias is not None else None
        label = named.name if named is not None else "unnest"
        folded = self._state.names.fold(named) if named is not None else "unnest"
        labels, stored = [label] * len(made), [folded] * len(made)
        offset = node.args.get("offset")
        if offset is not None and offset is not False:
            labels.append(offset.name if isinstance(offset, exp.Identifier) else "ordinality")
            stored.append(self._state.names.fold(offset) if isinstance(offset, exp.Identifier) else "ordinality")
            made.append(CONSTANT)
        return self._derived(Query(labels, stored, made), alias)

    def _join(self, node: exp.Expr, env: Env, first: int = 0) -> None:
        """One JOIN with what stands before it, from the ``first`` source on."""
        level = env.levels[0]
        before = len(level.sources)
        self._item(node.this, env)
        added = level.sources[before:]
        using = [self._state.names.fold(_identifier(name)) for name in node.args.get("using") or ()]
        if str(node.args.get("method") or "").upper() == "NATURAL":
            using = self._common(level, level.sources[first:before], added)
        for name in using:
            self._merge(level, level.sources[first:before], added, name, node)
        condition = node.args.get("on")
        if condition is not None:
            self._walk.predicates.predicate(condition, "join", env)

    def _common(self, level: Level, before: Sequence[Source], added: Sequence[Source]) -> list[str]:
        right = {name for source in added for name in source.by_name}
        if any(source.open is not None for source in level.sources):
            raise refusals.untraced("NATURAL JOIN with a function is not allowed.", "Use JOIN ... ON.")
        return list(dict.fromkeys(name for source in before for name in source.by_name if name in right))

    def _merge(
        self, level: Level, before: Sequence[Source], added: Sequence[Source], name: str, node: exp.Expr
    ) -> None:
        """One common column of USING or NATURAL: both sides decide which rows there are."""
        left = [level.merged[name]] if name in level.merged else _named(before, name)
        right = _named(added, name)
        if not left or not right:
            known = [label for source in level.sources for label in source.labels]
            raise refusals.unknown_column(name, known)
        both = unite([*left, *right])
        level.merged[name] = both
        self._walk.predicates.join_pair(unite(left), unite(right), node)


def _is_join(node: exp.Expr) -> bool:
    """What stands in brackets in FROM is a table or a join, not a query: so databases print the joins of a view."""
    if not isinstance(node, exp.Subquery):
        return isinstance(node, exp.Table)
    return bool(node.args.get("joins") or node.args.get("alias")) or _is_join(node.this)


def _named(sources: Sequence[Source], name: str) -> list[Value]:
    return [value for source in sources if (value := source.find(name)) is not None]


def _identifier(node: exp.Expr) -> exp.Expr:
    """The identifier in an alias list: ColumnDef for record functions, Identifier or Column elsewhere."""
    if isinstance(node, exp.ColumnDef | exp.Column):
        return node.this
    return node


def _schema(state: State, shape: Shape) -> str:
    schema = shape.relation.schema
    return state.names.stored(schema if schema is not None else state.names.default_schema)


def _written(node: exp.Expr) -> str:
    parts = [node.args.get(key) for key in ("catalog", "db", "this")]
    return ".".join(part.name for part in parts if part is not None)
