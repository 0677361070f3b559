"""Expressions: what each is computed from, and whether computing it could give something away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from ...tool import OutputForm
from . import refusals
from .analysis import Inference
from .functions import FunctionFacts, FunctionKind, Safety
from .gate import facts_of, function_name
from .predicates import bare
from .state import Env
from .taint import CONSTANT, HEAVY, NULL, Level, Source, Value, combine, indices, unite
from .uses import UseKind

if TYPE_CHECKING:
    from .walk import Walk

_QUERIES = (exp.Select, exp.SetOperation, exp.Values)


class Expressions:
    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._state = walk.state
        self._by_type: dict[type[exp.Expr], Callable[[exp.Expr, Env], Value]] = {
            exp.Column: self._column,
            exp.Literal: self._literal,
            exp.Null: lambda node, env: NULL,
            exp.Paren: lambda node, env: self.value(node.this, env),
            exp.Alias: lambda node, env: self.value(node.this, env),
            exp.Subquery: self._scalar,
            exp.Select: self._scalar,
            exp.Union: self._scalar,
            exp.Except: self._scalar,
            exp.Intersect: self._scalar,
            exp.Values: self._scalar,
            exp.Exists: self._exists,
            exp.Star: self._star,
            exp.EQ: lambda node, env: self._walk.predicates.compared(node, env),
            exp.NEQ: lambda node, env: self._walk.predicates.compared(node, env),
            exp.In: lambda node, env: self._walk.predicates.listed(node, env),
            exp.And: self._logic,
            exp.Or: self._logic,
            exp.Xor: self._logic,
            exp.Case: self._case,
            exp.If: self._case,
            exp.Like: self._like,
            exp.ILike: self._like,
            exp.Glob: self._like,
            exp.Cast: self._cast,
            exp.TryCast: self._cast,
            exp.DPipe: self._concatenation,
            exp.Dot: self._dot,
            exp.Anonymous: self.call,
            exp.Window: self._window,
            exp.Filter: self._filter,
            exp.WithinGroup: self._within_group,
            exp.GroupConcat: self._group_concat,
        }

    def value(self, node: exp.Expr, env: Env) -> Value:
        """What an expression is made of. Raises `ToolRefused` for names that mean nothing."""
        special = self._by_type.get(type(node))
        if special is not None:
            return special(node, env)
        return self._generic(node, env)

    # -- names

    def _column(self, node: exp.Expr, env: Env) -> Value:
        state = self._state
        state.visited.add(id(node))
        this = node.args["this"]
        table = node.args.get("table")
        if isinstance(this, exp.Star):
            source = self.source(table, node, env)
            value = source.whole()
        elif table is not None:
            value = self._qualified(node, this, table, env)
        else:
            value = self._unqualified(node, this, env)
        state.bits_of[id(node)] = value.bits
        frame = env.frame
        if frame is not None and not frame.inside and state.profile.bare_columns:
            frame.bare.append((node, value))
        return value

    def source(self, table: exp.Expr | None, node: exp.Expr, env: Env) -> Source:
        """The source of that name, from the inside out."""
        assert table is not None
        name = self._state.names.fold(table)
        schema = node.args.get("db")
        wanted = None if schema is None else self._state.names.fold(schema)
        for level in env.levels:
            for source in level.sources:
                if source.alias == name and (wanted is None or source.schema == wanted):
                    return source
        raise refusals.unknown_column(_spelled(node), self._known(env))

    def _qualified(self, node: exp.Expr, this: exp.Expr, table: exp.Expr, env: Env) -> Value:
        names = self._state.names
        name, schema = names.fold(table), node.args.get("db")
        wanted = None if schema is None else names.fold(schema)
        folded = names.fold(this)
        for level in env.levels:
            for source in level.sources:
                if source.alias != name or (wanted is not None and source.schema != wanted):
                    continue
                value = source.find(folded)
                if value is not None:
                    self._remember(node, source, folded)
                    return value
                if source.open is not None:
                    return source.open
                raise refusals.unknown_column(_spelled(node), source.labels)
        if wanted is None and self._state.profile.lateral_aliases:  # DuckDB: column.field of a struct
            value = self._lookup(table, env, node)
            if value is not None:
                return combine([value], OutputForm.EXPRESSION)
        raise refusals.unknown_column(_spelled(node), self._known(env))

    def _unqualified(self, node: exp.Expr, this: exp.Expr, env: Env) -> Value:
        value = self._lookup(this, env, node)
        if value is None:
            raise refusals.unknown_column(_spelled(node), self._known(env))
        return value

    def _lookup(self, identifier: exp.Expr, env: Env, node: exp.Expr) -> Value | None:
        """All columns of that name at the nearest level that has one; sources that may have it are united."""
        folded = self._state.names.fold(identifier)
        maybe: list[Value] = []
        for level in env.levels:
            found = self._at_level(level, folded, node, maybe)
            if found:
                return unite([*found, *maybe])
        return combine(maybe) if maybe else None

    def _at_level(self, level: Level, folded: str, node: exp.Expr, maybe: list[Value]) -> list[Value]:
        if folded in level.merged:
            return [level.merged[folded]]
        found: list[Value] = []
        for source in level.sources:
            value = source.find(folded)
            if value is not None:
                found.append(value)
                self._remember(node, source, folded)
            elif source.open is not None:
                maybe.append(source.open)
        if len(found) > 1:
            self._state.found.pop(id(node), None)
        alias = level.aliases.get(folded)
        if found:
            if alias is not None and not self._state.profile.aliases_lose:
                found.append(alias)
            return found
        if alias is not None:
            return [alias]
        if self._state.profile.whole_rows:
            return [source.whole() for source in level.sources if source.alias == folded]
        return []

    def _remember(self, node: exp.Expr, source: Source, folded: str) -> None:
        positions = source.by_name.get(folded)
        if positions is not None and len(positions) == 1:
            self._state.found[id(node)] = (source, positions[0])

    def _known(self, env: Env) -> list[str]:
        return [label for level in env.levels for source in level.sources for label in source.labels]

    def _dot(self, node: exp.Expr, env: Env) -> Value:
        """``(p).email``: a column of a row value."""
        inner = bare(node.this)
        field = node.expression
        if isinstance(inner, exp.Column) and inner.args.get("table") is None and isinstance(field, exp.Identifier):
            source = self.row_source(inner, env)
            if source is not None:
                self._state.visited.add(id(inner))
                value = source.find(self._state.names.fold(field)) or source.open
                if value is None:
                    raise refusals.unknown_column(_spelled(inner) + "." + field.name, source.labels)
                self._state.bits_of[id(inner)] = value.bits
                return value
        return combine([self.value(node.this, env)], OutputForm.EXPRESSION)

    def row_source(self, column: exp.Expr, env: Env) -> Source | None:
        """The source a name means as a whole row: only when no column has that name."""
        folded = self._state.names.fold(column.args["this"])
        for level in env.levels:
            if any(source.find(folded) is not None for source in level.sources):
                return None
            for source in level.sources:
                if source.alias == folded:
                    return source
        return None

    def _star(self, node: exp.Expr, env: Env) -> Value:
        return combine(source.whole() for source in env.levels[0].sources)

    # -- leaves and operators

    def _literal(self, node: exp.Expr, env: Env) -> Value:
        if node.args["is_string"] and len(node.args["this"]) > 200:
            return Value(form=OutputForm.CONSTANT, weight=1 + len(node.args["this"]) // 50)
        return CONSTANT

    def _children(self, node: exp.Expr, env: Env) -> list[Value]:
        """The values of everything a node holds: all of its arguments, never a known list of them."""
        found: list[Value] = []
        for argument in node.args.values():
            if isinstance(argument, exp.Expr):
                found.append(self._child(argument, env))
            elif isinstance(argument, list):
                for item in argument:  # pyright: ignore[reportUnknownVariableType]
                    if isinstance(item, exp.Expr):
                        found.append(self._child(item, env))
        return found

    def _child(self, node: exp.Expr, env: Env) -> Value:
        if isinstance(node, exp.Identifier | exp.Var | exp.DataType):
            return CONSTANT
        return self.value(node, env)

    def _generic(self, node: exp.Expr, env: Env) -> Value:
        """Any other operator: computed from all it holds; it may fail unless the profile says that it cannot."""
        values = self._children(node, env)
        made = combine(values)
        if type(node).__name__ in self._state.profile.total_nodes:
            return made
        self._state.use(UseKind.FAILS, "expression", made.bits, node)
        made.risky = True
        return made

    def _concatenation(self, node: exp.Expr, env: Env) -> Value:
        values = [self.value(node.this, env), self.value(node.expression, env)]
        return self._grown(node, values)

    def _grown(self, node: exp.Expr, values: Sequence[Value]) -> Value:
        """Texts put together: too many pieces could reach a size limit, and whether they do tells of a length."""
        made = combine(values)
        made = Value(made.bits, made.form, counted=made.counted, totals=made.totals, risky=made.risky)
        made.weight = min(sum(value.weight for value in values), 10_000)
        if made.weight > HEAVY and self._state.masked(made):
            self._state.use(UseKind.FAILS, "expression", made.bits, node)
        return made

    def _cast(self, node: exp.Expr, env: Env) -> Value:
        inner = self.value(node.this, env)
        made = combine([inner])
        if made.form is OutputForm.CONSTANT and (inner.null or self._state.profile.name == "postgresql"):
            return NULL if inner.null else CONSTANT  # PostgreSQL computes constants before it runs anything
        kind = node.args["to"].args.get("this")
        name = getattr(kind, "name", str(kind))
        total = self._state.profile.total_types
        if isinstance(node, exp.TryCast) or name in total or "Cast" in self._state.profile.total_nodes:
            return made
        self._state.use(UseKind.FAILS, "cast", made.bits, node)
        made.risky = True
        return made

    def _like(self, node: exp.Expr, env: Env) -> Value:
        """A pattern that is not a constant can be malformed, or take long."""
        subject, pattern = self.value(node.this, env), self.value(node.expression, env)
        if self._state.masked(pattern):
            self._state.use(UseKind.FAILS, "expression", pattern.bits, node)
        return combine([subject, pattern])

    # -- conditions inside expressions

    def _logic(self, node: exp.Expr, env: Env) -> Value:
        parts: list[Value] = []
        pending = [node]
        while pending:
            part = bare(pending.pop())
            if isinstance(part, exp.And | exp.Or | exp.Xor):
                pending += (part.this, part.expression)
            else:
                parts.append(self.value(part, env))
        for i, part in enumerate(parts):
            if self._state.masked(part) and any(other.risky for j, other in enumerate(parts) if i != j):
                self._state.use(UseKind.FAILS, "condition", part.bits, node)
        return combine(parts)

    def _case(self, node: exp.Expr, env: Env) -> Value:
        """CASE and IF: what is not chosen is not computed, so a masked condition may hold nothing that can fail."""
        steps: list[Value] = []
        conditions = 0
        operand = node.args.get("this")
        branches: list[exp.Expr] = node.args.get("ifs") or [node]
        if operand is not None and node.args.get("ifs"):
            steps.append(self.value(operand, env))
            conditions |= steps[-1].bits
        for branch in branches:
            condition = self.value(branch.this, env)
            conditions |= condition.bits
            steps.append(condition)
            if branch.args.get("true") is not None:
                steps.append(self.value(branch.args["true"], env))
        for key in ("default", "false"):
            if node.args.get(key) is not None:
                steps.append(self.value(node.args[key], env))
        self._decides(conditions)
        self._in_turn(steps, node)
        return combine(steps, OutputForm.EXPRESSION)

    def _in_turn(self, steps: Iterable[Value], node: exp.Expr) -> None:
        """Steps that are computed or not depending on those before them."""
        before = 0
        for step in steps:
            if before and step.risky:
                self._state.use(UseKind.FAILS, "condition", before, node)
            before |= self._state.masked(step)

    def _decides(self, bits: int) -> None:
        if bits and not self._state.owner:
            self._state.indirect["condition"] = self._state.indirect.get("condition", 0) | bits

    # -- subqueries

    def _scalar(self, node: exp.Expr, env: Env) -> Value:
        """A subquery as one value (or as the list of IN, ANY, ARRAY)."""
        inner = node.this if isinstance(node, exp.Subquery) else node
        query = self._walk.queries.query(inner, env.below())
        if len(query.values) == 1:
            value = query.values[0]
            made = Value(value.bits, value.form, value.class_name, counted=value.counted, weight=value.weight)
            made.risky, made.type = True, value.type
            return made
        made = combine(query.values)
        made.risky = True
        return made

    def _exists(self, node: exp.Expr, env: Env) -> Value:
        """Whether there are rows: the select list of the subquery says nothing, what decides its rows was noted."""
        inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
        self._walk.queries.query(inner, env.below())
        return Value(form=OutputForm.EXPRESSION, risky=True)

    # -- functions

    def call(self, node: exp.Expr, env: Env) -> Value:
        """A function call outside of OVER."""
        name = function_name(node)
        facts = facts_of(name, self._state.profile, self._state.shapes.catalog)
        if facts is None:
            if not self._state.owner:
                raise refusals.function(name, self._state.profile.functions)
            return self._unknown_call(node, env)
        arguments: list[exp.Expr] = node.args.get("expressions") or []
        if facts.extreme and len(arguments) > 1 and self._state.profile.name == "sqlite":
            return combine([self.value(argument, env) for argument in arguments])
        if facts.aggregate:
            return self._aggregate(node, name, facts, arguments, env)
        return self._plain_call(node, name, facts, arguments, env)

    def _unknown_call(self, node: exp.Expr, env: Env) -> Value:
        """In a view of the owner's: computed from all arguments, grouped or not."""
        made = combine(self._children(node, env), OutputForm.EXPRESSION)
        return Value(made.bits, OutputForm.EXPRESSION, risky=True)

    def _plain_call(
        self, node: exp.Expr, name: str, facts: FunctionFacts, arguments: list[exp.Expr], env: Env
    ) -> Value:
        if name == "array" and arguments and isinstance(arguments[0], _QUERIES):
            self._walk.ordering.query_order_shows(arguments[0])
        values = [self.value(argument, env) for argument in arguments]
        if facts.kind is FunctionKind.WINDOW and not self._state.owner:
            raise refusals.construct(f"{name} needs OVER (...).", f"Write {name}(...) OVER (ORDER BY ...).", name)
        if facts.kind is FunctionKind.ROWS:
            self._state.use(UseKind.ROWS, "rows", combine(values).bits, node)
            made = combine(values)
            return Value(made.bits, OutputForm.EXPRESSION, risky=True, weight=made.weight)
        if facts.conditional:
            self._decides(values[0].bits if values else 0)
            self._in_turn(values, node)
        made = self._grown(node, values) if values else Value()
        shaky = combine(values[1:]) if facts.safety is Safety.SUBJECT else made
        if facts.safety is not Safety.TOTAL:
            self._state.use(UseKind.FAILS, "function", shaky.bits, node)
        made.risky = made.risky or facts.safety is Safety.FAILS
        return made

    def _aggregate(
        self,
        node: exp.Expr,
        name: str,
        facts: FunctionFacts,
        arguments: list[exp.Expr],
        env: Env,
        *,
        window: bool = False,
    ) -> Value:
        frame = env.frame
        if frame is not None:
            if not window:
                frame.aggregated = True
            frame.inside += 1
        try:
            values, distinct, ordered = self._arguments(arguments, env)
        finally:
            if frame is not None:
                frame.inside -= 1
        if facts.extreme and frame is not None and values and not window:
            frame.extremes.append((node, values[0]))
        if facts.ordered and not ordered and not distinct:
            self._walk.ordering.aggregate_order_shows(node, name, env, window)
        return self.aggregated(node, facts, values, env, distinct=distinct, window=window)

    def _arguments(self, arguments: list[exp.Expr], env: Env) -> tuple[list[Value], bool, bool]:
        """The values of an aggregate's arguments, whether it has DISTINCT, whether it has ORDER BY."""
        values: list[Value] = []
        distinct = ordered = False
        for argument in arguments:
            if isinstance(argument, exp.Order):
                ordered = True
                for item in argument.args.get("expressions") or ():
                    self._state.use(UseKind.ORDER, "order", self.value(item.this, env).bits, item)
                argument = argument.this
            if isinstance(argument, exp.Distinct):
                distinct = True
                values += [self.value(inner, env) for inner in argument.args["expressions"]]
            elif isinstance(argument, exp.Star):
                continue
            elif argument is not None:
                values.append(self.value(argument, env))
        return values, distinct, ordered

    def aggregated(
        self,
        node: exp.Expr,
        facts: FunctionFacts,
        values: list[Value],
        env: Env,
        *,
        distinct: bool = False,
        window: bool = False,
        filtered: bool = False,
    ) -> Value:
        """What an aggregate over these values gives away."""
        state = self._state
        made = combine(values, OutputForm.AGGREGATE)
        masked = made.bits & state.register.masked
        if facts.kind is FunctionKind.COUNT:
            return self._counted(node, values, made, env, distinct, window or filtered)
        if facts.kind is FunctionKind.SUM:
            if not masked:
                return Value(made.bits, OutputForm.AGGREGATE, totals=made.totals, risky=True)
            if not (window or filtered or distinct) and self._total(node, values, env):
                return Value(made.bits & ~masked, OutputForm.AGGREGATE, totals=masked, risky=True)
            state.use(UseKind.SUM, "aggregate", made.bits, node)
            return Value(made.bits, OutputForm.AGGREGATE, risky=True)
        if facts.kind is FunctionKind.RANKED:
            state.use(UseKind.RANKED, "aggregate", made.bits, node)
        elif distinct:
            state.use(UseKind.DISTINCT, "distinct", made.bits, node)
        if facts.ordered and masked:
            made.weight = HEAVY + 1
        return made

    def _counted(
        self, node: exp.Expr, values: list[Value], made: Value, env: Env, distinct: bool, apart: bool
    ) -> Value:
        state = self._state
        count = Value(0, OutputForm.COUNT, counted=made.bits)
        masked = made.bits & state.register.masked
        if not masked:
            return count
        if distinct:
            if not apart and self._total(node, values, env, counts=True):
                return Value(0, OutputForm.COUNT, counted=made.bits, totals=masked)
            state.use(UseKind.DISTINCT_COUNT, "aggregate", made.bits, node)
        elif all(value.plain for value in values):
            state.use(UseKind.NULL_TEST, "count", made.bits, node)
        else:
            state.use(UseKind.SUM, "aggregate", made.bits, node)
        return count

    def _total(self, node: exp.Expr, values: list[Value], env: Env, *, counts: bool = False) -> bool:
        """Whether a figure over a masked column may show: over enough rows of the outermost SELECT, of the column
        itself, straight from one table."""
        state, frame = self._state, env.frame
        if state.owner or frame is None or not frame.outermost or len(values) != 1 or not values[0].plain:
            return False
        masked = values[0].bits & state.register.masked
        modes = {state.mode(i) for i in indices(masked)}
        if Inference.STRICT in modes or (counts and Inference.BALANCED not in modes):
            return False
        column = next((c for c in node.find_all(exp.Column)), None)
        found = None if column is None else state.found.get(id(column))
        if found is None or found[0].base is None or found[0] not in frame.level.sources:
            return False
        state.totals |= masked
        if found[0] not in state.total_tables:
            state.total_tables.append(found[0])
        state.total_level = frame.level
        if not counts:
            state.total_nodes.append(node)
        return True

    def _filter(self, node: exp.Expr, env: Env) -> Value:
        """``sum(x) FILTER (WHERE ...)``"""
        self._walk.predicates.predicate(node.expression.this, "filter", env)
        return self._wrapped(node.this, env, filtered=True)

    def _wrapped(self, node: exp.Expr, env: Env, *, window: bool = False, filtered: bool = False) -> Value:
        """The function under FILTER, WITHIN GROUP or OVER."""
        inner = bare(node)
        if isinstance(inner, exp.Filter):
            self._walk.predicates.predicate(inner.expression.this, "filter", env)
            return self._wrapped(inner.this, env, window=window, filtered=True)
        if isinstance(inner, exp.WithinGroup):
            return self._within_group(inner, env)
        if not isinstance(inner, exp.Anonymous):
            return self.value(inner, env)
        name = function_name(inner)
        facts = facts_of(name, self._state.profile, self._state.shapes.catalog)
        if facts is None:
            return self.call(inner, env)
        arguments: list[exp.Expr] = inner.args.get("expressions") or []
        frame = env.frame
        if facts.aggregate:
            if frame is not None and not window:
                frame.aggregated = True
                frame.inside += 1
            try:
                values, distinct, ordered = self._arguments(arguments, env)
            finally:
                if frame is not None and not window:
                    frame.inside -= 1
            if facts.ordered and not ordered and not distinct and not window:
                self._walk.ordering.aggregate_order_shows(inner, name, env, window)
            if facts.extreme and frame is not None and not window and values:
                frame.extremes.append((inner, values[0]))
            return self.aggregated(inner, facts, values, env, distinct=distinct, window=window, filtered=filtered)
        if facts.kind is FunctionKind.WINDOW and window:
            values = [self.value(argument, env) for argument in arguments]
            shaky = combine(values[1:2]) if len(values) > 1 else CONSTANT
            self._state.use(UseKind.FAILS, "function", shaky.bits, inner)
            return combine(values, OutputForm.EXPRESSION)
        return self.call(inner, env)

    def _within_group(self, node: exp.Expr, env: Env) -> Value:
        """Ordered-set aggregates: percentile_cont(0.5) WITHIN GROUP (ORDER BY x)."""
        inner = node.this
        name = function_name(inner) if isinstance(inner, exp.Anonymous) else ""
        facts = facts_of(name, self._state.profile, self._state.shapes.catalog)
        if facts is None and self._state.owner:
            return combine(self._children(node, env))
        if facts is None or facts.kind is not FunctionKind.RANKED:
            raise refusals.construct("WITHIN GROUP is not allowed here.", "Use it with percentile_cont or mode.")
        frame = env.frame
        if frame is not None:
            frame.aggregated = True
            frame.inside += 1
        try:
            values, _, _ = self._arguments(inner.args.get("expressions") or [], env)
            values += [self.value(item.this, env) for item in node.expression.args.get("expressions") or ()]
        finally:
            if frame is not None:
                frame.inside -= 1
        return self.aggregated(node, facts, values, env)

    def _group_concat(self, node: exp.Expr, env: Env) -> Value:
        """MySQL's GROUP_CONCAT(x ORDER BY y SEPARATOR ',')."""
        facts = self._state.profile.functions["group_concat"]
        return self._aggregate(node, "group_concat", facts, [node.this], env)

    def _window(self, node: exp.Expr, env: Env) -> Value:
        """``f(x) OVER (...)``: partition, order and frame decide the value, so they count as its inputs."""
        value = self._wrapped(node.this, env, window=True)
        named = node.args.get("alias")
        inputs = [value]
        if named is not None:
            inputs.append(self._walk.queries.named_window(named, env))
        inputs.append(self.window_inputs(node, env))
        self._walk.ordering.window_order_shows(node, env)
        made = combine(inputs, OutputForm.EXPRESSION)
        return Value(made.bits, OutputForm.EXPRESSION, counted=made.counted, totals=made.totals, risky=made.risky)

    def window_inputs(self, node: exp.Expr, env: Env) -> Value:
        values: list[Value] = []
        for item in node.args.get("partition_by") or ():
            values.append(self.value(item, env))
            self._state.use(UseKind.WINDOW, "window", values[-1].bits, item)
        order = node.args.get("order")
        for item in (order.args.get("expressions") if order is not None else None) or ():
            values.append(self.value(item.this, env))
            self._state.use(UseKind.WINDOW, "window", values[-1].bits, item)
        spec = node.args.get("spec")
        for key in ("start", "end"):
            bound = spec.args.get(key) if spec is not None else None
            if isinstance(bound, exp.Expr):
                values.append(self.value(bound, env))
                self._state.use(UseKind.WINDOW, "window", values[-1].bits, bound)
        return combine(values)


def _spelled(node: exp.Expr) -> str:
    """A column as the agent wrote it."""
    parts = [node.args.get(key) for key in ("db", "table", "this")]
    return ".".join("*" if isinstance(part, exp.Star) else part.name for part in parts if part is not None)
