"""Function calls: scalar functions, aggregates and windows, and what each gives away of its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ...tool import OutputForm
from . import refusals
from .analysis import Inference
from .functions import FunctionFacts, FunctionKind, Safety
from .gate import facts_of, function_name
from .predicates import bare
from .state import Env
from .taint import CONSTANT, HEAVY, Value, combine, indices, swayed
from .uses import UseKind

if TYPE_CHECKING:
    from .walk import Walk

_QUERIES = (exp.Select, exp.SetOperation, exp.Values)
_READING = frozenset({"columns", "query", "query_table"})  # of DuckDB: by the text of their arguments


class Calls:
    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._state = walk.state
        self._sorts_distinct = walk.state.profile.name != "sqlite"  # there, values come in the order of the rows

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
            return combine([self._walk.expressions.value(argument, env) for argument in arguments])
        if facts.aggregate:
            return self._aggregate(node, name, facts, arguments, env)
        return self._plain_call(node, name, facts, arguments, env)

    def qualified(self, node: exp.Expr, env: Env) -> Value:
        """``schema.function(...)`` in a view's body. On DuckDB what stands in front may be the first argument."""
        called = node.expression
        if self._stored(function_name(called), called, qualified=True):
            raise _unread(called)
        made = combine(self._walk.expressions.children(node, env), OutputForm.EXPRESSION)
        return Value(made.bits, risky=True)

    def _stored(self, name: str, node: exp.Expr, *, qualified: bool = False) -> bool:
        """Whether a function in a view's body reads what nobody knows: one that the owner wrote and the configuration
        does not name. PostgreSQL's own tree tells which they are; MySQL prints theirs quoted or with their schema."""
        catalog = self._state.shapes.catalog
        if name in catalog.user_functions:
            return False
        if self._state.profile.name == "mysql":
            return qualified or isinstance(node.args["this"], exp.Identifier)
        return name in catalog.macros or name in _READING

    def _unknown_call(self, node: exp.Expr, env: Env) -> Value:
        """In a view of the owner's: computed from all arguments, grouped or not."""
        if self._stored(function_name(node), node):
            raise _unread(node)
        made = combine(self._walk.expressions.children(node, env), OutputForm.EXPRESSION)
        return Value(made.bits, OutputForm.EXPRESSION, risky=True)

    def _plain_call(
        self, node: exp.Expr, name: str, facts: FunctionFacts, arguments: list[exp.Expr], env: Env
    ) -> Value:
        if name == "array" and arguments and isinstance(arguments[0], (*_QUERIES, exp.Subquery)):
            self._walk.ordering.query_order_shows(arguments[0])
        values = [self._walk.expressions.value(argument, env) for argument in arguments]
        if facts.kind is FunctionKind.WINDOW and not self._state.owner:
            raise refusals.construct(f"{name} needs OVER (...).", f"Write {name}(...) OVER (ORDER BY ...).", name)
        if facts.kind is FunctionKind.ROWS:
            self._state.use(UseKind.ROWS, "rows", combine(values).bits, node)
            made = combine(values)
            return Value(made.bits, OutputForm.EXPRESSION, risky=True, weight=made.weight)
        if facts.conditional:
            self._state.decides("condition", values[0].bits if values else 0)
            self._walk.expressions.in_turn(values, node)
        made = self._walk.expressions.grown(node, values) if values else Value()
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
            values, distinct, order = self._arguments(arguments, env)
        finally:
            if frame is not None:
                frame.inside -= 1
        if facts.extreme and frame is not None and values and not window:
            frame.extremes.append((node, values[0]))
        if facts.ordered and order is None and not (distinct and self._sorts_distinct):
            self._walk.ordering.aggregate_order_shows(node, name, env, window)
        made = self.aggregated(node, facts, values, env, distinct=distinct, window=window)
        return _in_order(made, facts, order)

    def _arguments(self, arguments: list[exp.Expr], env: Env) -> tuple[list[Value], bool, Value | None]:
        """The values of an aggregate's arguments, whether it has DISTINCT, and what its ORDER BY is made of."""
        values: list[Value] = []
        distinct = False
        keys: list[Value] = []
        for argument in arguments:
            if isinstance(argument, exp.Order):
                for item in argument.args.get("expressions") or ():
                    keys.append(self._walk.expressions.value(item.this, env))
                    self._state.use(UseKind.ORDER, "order", keys[-1].bits, item)
                argument = argument.this
            if isinstance(argument, exp.Distinct):
                distinct = True
                values += [self._walk.expressions.value(inner, env) for inner in argument.args["expressions"]]
            elif isinstance(argument, exp.Star):
                continue
            elif argument is not None:
                values.append(self._walk.expressions.value(argument, env))
        return values, distinct, combine(keys) if keys else None

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
        if state.owner:
            missing = not distinct and all(value.plain for value in values) and not masked & state.register.nulls
            return count if missing else Value(made.bits, OutputForm.AGGREGATE)
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

    def filter(self, node: exp.Expr, env: Env) -> Value:
        """``sum(x) FILTER (WHERE ...)``"""
        return self._filtered(node, env)

    def _filtered(self, node: exp.Expr, env: Env, *, window: bool = False) -> Value:
        _, chosen = self._state.choosing(lambda: self._filter_condition(node, env))
        return swayed(self._wrapped(node.this, env, window=window, filtered=True), chosen)

    def _filter_condition(self, node: exp.Expr, env: Env) -> None:
        """The condition of FILTER: of rows, so its columns do not stand beside the aggregate."""
        frame = env.frame
        if frame is not None:
            frame.inside += 1
        try:
            self._walk.predicates.predicate(node.expression.this, "filter", env)
        finally:
            if frame is not None:
                frame.inside -= 1

    def _wrapped(self, node: exp.Expr, env: Env, *, window: bool = False, filtered: bool = False) -> Value:
        """The function under FILTER, WITHIN GROUP or OVER."""
        inner = bare(node)
        if isinstance(inner, exp.Filter):
            return self._filtered(inner, env, window=window)
        if isinstance(inner, exp.WithinGroup):
            return self.within_group(inner, env)
        if not isinstance(inner, exp.Anonymous):
            return self._walk.expressions.value(inner, env)
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
                values, distinct, order = self._arguments(arguments, env)
            finally:
                if frame is not None and not window:
                    frame.inside -= 1
            if facts.ordered and order is None and not (distinct and self._sorts_distinct) and not window:
                self._walk.ordering.aggregate_order_shows(inner, name, env, window)
            if facts.extreme and frame is not None and not window and values:
                frame.extremes.append((inner, values[0]))
            made = self.aggregated(inner, facts, values, env, distinct=distinct, window=window, filtered=filtered)
            return _in_order(made, facts, order)
        if facts.kind is FunctionKind.WINDOW and window:
            values = [self._walk.expressions.value(argument, env) for argument in arguments]
            shaky = combine(values[1:2]) if len(values) > 1 else CONSTANT
            self._state.use(UseKind.FAILS, "function", shaky.bits, inner)
            return combine(values, OutputForm.EXPRESSION)
        return self.call(inner, env)

    def within_group(self, node: exp.Expr, env: Env) -> Value:
        """Ordered-set aggregates: percentile_cont(0.5) WITHIN GROUP (ORDER BY x)."""
        inner = node.this
        name = function_name(inner) if isinstance(inner, exp.Anonymous) else ""
        facts = facts_of(name, self._state.profile, self._state.shapes.catalog)
        if facts is None and self._state.owner:
            return combine(self._walk.expressions.children(node, env))
        if facts is None or facts.kind is not FunctionKind.RANKED:
            raise refusals.construct("WITHIN GROUP is not allowed here.", "Use it with percentile_cont or mode.")
        frame = env.frame
        if frame is not None:
            frame.aggregated = True
            frame.inside += 1
        try:
            values, _, _ = self._arguments(inner.args.get("expressions") or [], env)
            values += [
                self._walk.expressions.value(item.this, env) for item in node.expression.args.get("expressions") or ()
            ]
        finally:
            if frame is not None:
                frame.inside -= 1
        return self.aggregated(node, facts, values, env)

    def group_concat(self, node: exp.Expr, env: Env) -> Value:
        """MySQL's GROUP_CONCAT(x ORDER BY y SEPARATOR ',')."""
        facts = self._state.profile.functions["group_concat"]
        return self._aggregate(node, "group_concat", facts, [node.this], env)

    def window(self, node: exp.Expr, env: Env) -> Value:
        """``f(x) OVER (...)``: partition, order and frame decide the value, so they count as its inputs."""
        value = self._wrapped(node.this, env, window=True)
        inputs = [value, self.window_inputs(node, env)]
        self._walk.ordering.window_order_shows(node, env)
        made = combine(inputs, OutputForm.EXPRESSION)
        return Value(made.bits, OutputForm.EXPRESSION, counted=made.counted, totals=made.totals, risky=made.risky)

    def window_inputs(self, node: exp.Expr, env: Env) -> Value:
        """What partitions, orders and frames: of the window it is made from (``OVER w``, ``w2 AS (w ...)``) as well."""
        named = node.args.get("alias")
        values = [] if named is None else [self.window_inputs(self._walk.queries.window_of(named, env), env)]
        for item in node.args.get("partition_by") or ():
            values.append(self._walk.expressions.value(item, env))
            self._state.use(UseKind.WINDOW, "window", values[-1].bits, item)
        order = node.args.get("order")
        for item in (order.args.get("expressions") if order is not None else None) or ():
            values.append(self._walk.expressions.value(item.this, env))
            self._state.use(UseKind.WINDOW, "window", values[-1].bits, item)
        spec = node.args.get("spec")
        for key in ("start", "end"):
            bound = spec.args.get(key) if spec is not None else None
            if isinstance(bound, exp.Expr):
                values.append(self._walk.expressions.value(bound, env))
                self._state.use(UseKind.WINDOW, "window", values[-1].bits, bound)
        return combine(values)


def _unread(node: exp.Expr) -> Exception:
    name = refusals.shown(function_name(node))
    return refusals.untraced(f"What {name} reads cannot be traced.", "Name it under `functions` if all may see it.")


def _in_order(made: Value, facts: FunctionFacts, order: Value | None) -> Value:
    """An aggregate that puts values in a row shows their order."""
    if order is None or not facts.ordered:
        return made
    return Value(
        made.bits | order.bits, OutputForm.AGGREGATE, counted=made.counted, risky=made.risky, weight=made.weight
    )
