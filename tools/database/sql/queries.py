"""Queries: SELECT, set operations, VALUES and WITH, clause by clause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from . import refusals
from .labels import output_label
from .predicates import bare
from .state import Env, Frame, Query
from .taint import Level, Source, Value, combine, positions_by_name, unite
from .uses import UseKind

if TYPE_CHECKING:
    from .walk import Walk

_MAX_ROUNDS = 40  # of a recursive query, until nothing new flows; each round adds at least one column's bit


class Queries:
    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._state = walk.state
        self._named_windows: dict[int, dict[str, exp.Expr]] = {}

    def query(self, node: exp.Expr, env: Env, *, outermost: bool = False) -> Query:
        """The result of a query. Raises `ToolRefused`."""
        with_ = node.args.get("with_")
        if with_ is not None:
            env = self.with_ctes(with_, env)
        if isinstance(node, exp.Select):
            return self._select(node, env, outermost)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, env)
        if isinstance(node, exp.Values):
            return self._values(node, env)
        if isinstance(node, exp.Subquery):
            return self.query(node.this, env, outermost=outermost)
        raise refusals.construct(f"{type(node).__name__} is not allowed as a query.", "Use SELECT.")

    # -- WITH

    def with_ctes(self, with_: exp.Expr, env: Env) -> Env:
        ctes = dict(env.ctes)
        recursive = bool(with_.args.get("recursive")) or self._state.profile.name == "sqlite"
        pending = [self._state.names.fold(cte.args["alias"].this) for cte in with_.args["expressions"]]
        for cte in with_.args["expressions"]:
            alias = cte.args["alias"]
            name = pending.pop(0)
            self._check_name(name, alias.this)
            inner = env.with_ctes(dict(ctes))
            body = cte.this
            if recursive and isinstance(body, exp.SetOperation) and self._mentions(body.expression, name):
                ctes[name] = self._recursive(body, name, alias, inner)
            elif recursive and self._state.owner and any(self._mentions(body, later) for later in (name, *pending)):
                raise refusals.untraced("WITH names a query before it is written.", "Write them in order.")
            else:
                ctes[name] = self._renamed(self.query(body, inner.below()), alias)
        return env.with_ctes(ctes)

    def _check_name(self, name: str, identifier: exp.Expr) -> None:
        """A CTE called like a relation could pass for it, in the text as in SQLite's own report of what is read."""
        if self._state.owner:
            return
        table = exp.Table(this=identifier.copy())
        relation = self._state.names.relation(table)
        if relation is not None and self._state.shapes.catalog.is_open(relation.qualified):
            raise refusals.construct(
                f"The name {refusals.shown(identifier.name)} in WITH is also the name of a table.",
                "Give the WITH query another name.",
                "with",
            )
        self._state.defined.add(name)

    def _mentions(self, node: exp.Expr, name: str) -> bool:
        return any(
            isinstance(table.this, exp.Identifier) and self._state.names.fold(table.this) == name
            for table in node.find_all(exp.Table)
        )

    def _recursive(self, body: exp.Expr, name: str, alias: exp.Expr, env: Env) -> Query:
        """Walk the recursive part until no column gains a source: columns may swap places each round."""
        below = env.below()
        start = self._renamed(self.query(body.this, below), alias)
        result = start
        for _ in range(_MAX_ROUNDS):
            ctes = {**below.ctes, name: result}
            step = self.query(body.expression, below.with_ctes(ctes))
            united = self._united(result, step)
            stable = all(
                a.bits == b.bits and a.form is b.form and a.class_name == b.class_name and a.weight == b.weight
                for a, b in zip(result.values, united.values, strict=True)
            )
            result = Query(start.labels, start.folded, united.values, exposed=start.exposed or step.exposed)
            if stable:
                break
        else:
            raise refusals.untraced("This recursive query cannot be traced.", "Write it more simply.")
        if body.args.get("distinct"):
            self._state.use(UseKind.DISTINCT, "distinct", combine(result.values).bits, body)
        self._tail(body, below, result)
        limited = body.args.get("limit") is not None or body.args.get("offset") is not None
        if limited and result.exposed and not self._state.owner:
            raise refusals.construct(
                "Which rows LIMIT keeps in a recursive query could follow a masked column.",
                "Put the LIMIT on the outer query, with ORDER BY on a unique column.",
                "limit",
            )
        return result

    def _renamed(self, query: Query, alias: exp.Expr) -> Query:
        columns = alias.args.get("columns") or ()
        if not columns:
            return query
        if len(columns) > len(query.labels):
            raise refusals.untraced("WITH lists more columns than its query has.", "List as many as there are.")
        labels = [column.name for column in columns] + query.labels[len(columns) :]
        folded = [self._state.names.fold(column) for column in columns] + query.folded[len(columns) :]
        return Query(labels, folded, query.values, query.key, query.exposed, query.ordered, whose=query.whose)

    # -- set operations and VALUES

    def _united(self, left: Query, right: Query) -> Query:
        if len(left.values) != len(right.values):
            raise refusals.untraced("The parts of a set operation differ in width.", "Give all the same columns.")
        values = [unite([a, b]) for a, b in zip(left.values, right.values, strict=True)]
        return Query(left.labels, left.folded, values, exposed=left.exposed or right.exposed)

    def _set_operation(self, node: exp.Expr, env: Env) -> Query:
        parts = self._flat(node)
        queries = [self.query(part, env.below()) for part in parts]
        result = queries[0]
        for query in queries[1:]:
            result = self._united(result, query)
        for operation in self._operations(node):
            if operation.args.get("distinct"):
                self._state.use(UseKind.DISTINCT, "distinct", combine(result.values).bits, operation)
        result.key = self._tagged_key(node, queries)
        self._tail(node, env, result)
        self._walk.ordering.set_operation(node, result)
        return result

    def _tagged_key(self, node: exp.Expr, queries: list[Query]) -> tuple[int, ...] | None:
        """What tells the rows of a UNION ALL apart: a column that holds another constant in each part, with the key
        that all parts have."""
        key = queries[0].key
        if key is None or any(query.key != key or len(query.nodes) != len(queries[0].nodes) for query in queries):
            return None
        if any(not isinstance(o, exp.Union) or o.args.get("distinct") for o in self._operations(node)):
            return None
        for position in range(len(queries[0].nodes)):
            tags = {_tag(query.nodes[position]) for query in queries}
            if None not in tags and len(tags) == len(queries):
                return tuple(sorted({position, *key}))
        return None

    def _flat(self, node: exp.Expr) -> list[exp.Expr]:
        """The queries a chain of set operations unites, left to right, without deep recursion."""
        parts: list[exp.Expr] = []
        pending = [node]
        while pending:
            part = pending.pop()
            if isinstance(part, exp.SetOperation) and (part is node or not self._has_tail(part)):
                pending += (part.expression, part.this)
            else:
                parts.append(part)
        return parts

    def _operations(self, node: exp.Expr) -> list[exp.Expr]:
        found: list[exp.Expr] = []
        pending = [node]
        while pending:
            part = pending.pop()
            if isinstance(part, exp.SetOperation) and (part is node or not self._has_tail(part)):
                found.append(part)
                pending += (part.expression, part.this)
        return found

    def _has_tail(self, node: exp.Expr) -> bool:
        return any(node.args.get(key) is not None for key in ("with_", "order", "limit", "offset"))

    def _tail(self, node: exp.Expr, env: Env, result: Query) -> None:
        """ORDER BY, LIMIT and OFFSET of a set operation: by position or output name."""
        order = node.args.get("order")
        for item in (order.args.get("expressions") if order is not None else None) or ():
            value = self._output(item.this, result)
            if value is None:
                level = Level()
                level.sources.append(self.as_source(result))
                value = self._walk.expressions.value(item.this, Env((level, *env.levels), env.ctes, None, env.depth))
            elif isinstance(bare(item.this), exp.Column):
                self._state.visited.add(id(bare(item.this)))
            self._state.use(UseKind.ORDER, "order", value.bits, item)
        self._limits(node, env)

    def as_source(self, query: Query) -> Source:
        return Source("", query.labels, positions_by_name(query.folded), query.values)

    def _values(self, node: exp.Expr, env: Env) -> Query:
        rows: list[list[Value]] = []
        for row in node.args["expressions"]:
            cells = row.args["expressions"] if isinstance(row, exp.Tuple) else [row]
            rows.append([self._walk.expressions.value(cell, env) for cell in cells])
        width = len(rows[0])
        if any(len(row) != width for row in rows):
            raise refusals.untraced("The rows of VALUES differ in width.", "Give all rows the same columns.")
        start = 0 if self._state.profile.name in ("mysql", "duckdb") else 1
        prefix = {"mysql": "column_", "duckdb": "col"}.get(self._state.profile.name, "column")
        labels = [f"{prefix}{i + start}" for i in range(width)]
        return Query(labels, list(labels), [unite([row[i] for row in rows]) for i in range(width)])

    # -- SELECT

    def _select(self, node: exp.Expr, env: Env, outermost: bool) -> Query:
        level = Level()
        frame = Frame(node, level, outermost)
        inner = env.inner(frame)
        self._named_windows[id(frame)] = {
            self._state.names.fold(window.this): window for window in node.args.get("windows") or ()
        }
        self._check_product(node)
        frame.inside += 1  # columns of FROM and WHERE are not bare columns beside an aggregate
        self._walk.sources.add_from(node, inner)
        frame.inside -= 1
        result = self.items(node, inner, frame)
        if self._state.profile.aliases_everywhere:
            for folded, value in zip(result.folded, result.values, strict=True):
                level.aliases[folded] = unite([level.aliases[folded], value]) if folded in level.aliases else value
        frame.inside += 1
        where = node.args.get("where")
        if where is not None:
            self._walk.predicates.predicate(where.this, "where", inner)
        frame.inside -= 1
        keys = self._walk.grouping.group(node, inner, frame, result)
        for key in ("having", "qualify"):
            condition = node.args.get(key)
            if condition is not None:
                self._walk.predicates.predicate(condition.this, key, inner)
        for window in node.args.get("windows") or ():
            self._walk.calls.window_inputs(window, inner)
        self._distinct(node, inner, result)
        self._order(node, inner, result)
        frame.inside += 1
        self._limits(node, inner)
        frame.inside -= 1
        self._walk.grouping.check_bare(frame, keys, node)
        self._walk.ordering.select(node, inner, frame, result, keys)
        if not frame.aggregated:
            result.whose = self.whose(result, level)
        return result

    def _check_product(self, node: exp.Expr) -> None:
        """Three tables or more without any condition: all combinations of all rows."""
        from_ = node.args.get("from_")
        joins: list[exp.Expr] = node.args.get("joins") or []
        if from_ is None or node.args.get("where") is not None or self._state.owner:
            return
        free = [join for join in joins if not any(join.args.get(key) for key in ("on", "using", "method"))]
        tables = [item for item in (from_.this, *(join.this for join in free)) if isinstance(item, exp.Table)]
        if len(free) == len(joins) and len(tables) > 2:
            raise refusals.limit(
                "Three tables without a condition make every combination of their rows.", "Join them with ON or WHERE."
            )

    def items(self, node: exp.Expr, env: Env, frame: Frame) -> Query:
        """The select list of a SELECT, or that of RETURNING."""
        expressions: list[exp.Expr] = node.args.get("expressions") or []
        if not expressions and isinstance(node.parent, exp.Exists):
            return Query([], [], [])
        if not expressions:
            raise refusals.construct("The select list is empty.", "Name at least one column.")
        result = Query([], [], [])
        for item in expressions:
            if self._walk.stars.add(item, env, result):
                continue
            value = self._walk.expressions.value(item, env)
            label, folded = output_label(item, self._state.names)
            result.labels.append(label)
            result.folded.append(folded)
            result.values.append(value)
            result.nodes.append(item)
            result.places.append(self._place(item, value))
            if self._state.profile.lateral_aliases and isinstance(item, exp.Alias):
                aliases = env.levels[0].aliases
                aliases[folded] = unite([aliases[folded], value]) if folded in aliases else value
        return result

    def _place(self, item: exp.Expr, value: Value) -> tuple[Source, int] | None:
        """The source and position of an item that is one plain column."""
        place = self._state.found.get(id(bare(item.this if isinstance(item, exp.Alias) else item)))
        return place if place is not None and place[0].column(place[1]) is value else None

    def whose(self, result: Query, level: Level) -> dict[int, int]:
        """Outputs that are shifted dates, and the output that says whose: of the very same source, because a date under
        other people's shifts would give itself away."""
        if not any(source.whose for source in level.sources):
            return {}
        outputs = {(id(place[0]), place[1]): i for i, place in enumerate(result.places) if place is not None}
        return {
            i: outputs[id(source), source.whose[position]]
            for i, (source, position) in ((i, place) for i, place in enumerate(result.places) if place is not None)
            if source in level.sources and (id(source), source.whose.get(position)) in outputs
        }

    # -- the clauses after the select list

    def _distinct(self, node: exp.Expr, env: Env, result: Query) -> None:
        distinct = node.args.get("distinct")
        if distinct is None:
            return
        on = distinct.args.get("on")
        if on is None:
            self._state.use(UseKind.DISTINCT, "distinct", combine(result.values).bits, distinct)
            return
        for item in on.args["expressions"] if isinstance(on, exp.Tuple) else [on]:
            value = self.sort_value(item, env, result)
            self._state.use(UseKind.DISTINCT, "distinct", value.bits, distinct)

    def _order(self, node: exp.Expr, env: Env, result: Query) -> None:
        order = node.args.get("order")
        for item in (order.args.get("expressions") if order is not None else None) or ():
            value = self.sort_value(item.this, env, result)
            self._state.use(UseKind.ORDER, "order", value.bits, item)
            self._state.decides("order", value.totals)

    def sort_value(self, node: exp.Expr, env: Env, result: Query) -> Value:
        """What a sort key is: an output by position or name, else an expression (that may use output names too)."""
        output = self._output(node, result)
        if output is not None:
            inner = bare(node)
            if isinstance(inner, exp.Column):
                self._state.visited.add(id(inner))
            return output
        return self._walk.expressions.value(node, env)

    def _output(self, node: exp.Expr, result: Query) -> Value | None:
        """The output a number or a bare name in ORDER BY or GROUP BY means, if it means one."""
        inner = bare(node)
        if isinstance(inner, exp.Literal) and not inner.args["is_string"]:
            position = int(inner.name) if inner.name.isdigit() else 0
            if not 1 <= position <= len(result.values):
                raise refusals.construct(f"There is no output column {refusals.shown(inner.name)}.", "Name a column.")
            return result.values[position - 1]
        if isinstance(inner, exp.Column) and inner.args.get("table") is None and isinstance(inner.this, exp.Identifier):
            folded = self._state.names.fold(inner.this)
            found = [v for name, v in zip(result.folded, result.values, strict=True) if name == folded]
            if found:
                return unite(found)
        return None

    output = _output

    def _limits(self, node: exp.Expr, env: Env) -> None:
        for key in ("limit", "offset"):
            clause = node.args.get(key)
            if clause is None:
                continue
            bound = clause.args.get("expression") or clause.args.get("count")
            if isinstance(bound, exp.Expr) and not isinstance(bound, exp.Var):
                self._state.use(UseKind.LIMIT, "limit", self._walk.expressions.value(bound, env).bits, clause)

    def window_of(self, name: exp.Expr, env: Env) -> exp.Expr:
        """The definition of a named window."""
        windows = self._named_windows.get(id(env.frame), {})
        window = windows.get(self._state.names.fold(name))
        if window is None:
            raise refusals.construct(f"There is no window {refusals.shown(name.name)}.", "Define it with WINDOW.")
        return window


def _tag(item: exp.Expr) -> str | None:
    """The constant text an item of a select list is, also cast to text; None for anything else."""
    node = bare(item.this) if isinstance(item, exp.Alias) else bare(item)
    if isinstance(node, exp.Cast) and getattr(node.args["to"].this, "name", "") == "TEXT":
        node = bare(node.this)
    return node.name if isinstance(node, exp.Literal) and node.args["is_string"] else None
