"""Scan order: engines may read rows along an index, and an index over a masked column puts its order into the answer.

Where a table has such an index, everything that shows in which order rows came (LIMIT, string_agg, row_number, ties of
ORDER BY) is made to depend on unique open columns instead: these are added as last sort keys. Where that is not
possible, the query is refused. Source: shared research, section 6; SQLite's covering index scan is the worst case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from ...tool import Mask
from . import refusals
from .functions import FunctionKind
from .gate import facts_of, function_name
from .grouping import Keys
from .predicates import bare
from .state import Env, Frame, Query
from .taint import Level, Source, Value, indices

if TYPE_CHECKING:
    from .walk import Walk

_BY_ROW: Final = frozenset({"row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"})
_BY_PLACE: Final = frozenset({"row_number", "ntile", "lag", "lead"})  # whatever the frame is
_HINT: Final = "Add ORDER BY with a unique column."


class Ordering:
    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._state = walk.state

    # -- a whole SELECT

    def select(self, node: exp.Expr, env: Env, frame: Frame, result: Query, keys: Keys) -> None:
        """Settle the order of a SELECT and say what its rows are unique by."""
        level = frame.level
        single = frame.aggregated and not keys.present
        result.key = self._result_key(node, frame, result, keys)
        result.exposed = level.exposed and not single
        if self._state.owner or not result.exposed:
            result.ordered = node.args.get("order") is not None
            return
        limited = node.args.get("limit") is not None or node.args.get("offset") is not None
        distinct = node.args.get("distinct")
        forced = id(node) in self._state.forced_order
        shows = limited or forced or (distinct is not None and distinct.args.get("on") is not None)
        wanted = shows or node.args.get("order") is not None or frame.outermost
        if not wanted:
            return
        extra = self._tie_breakers(node, frame, result, keys)
        if extra is None:
            if shows:
                raise refusals.construct(
                    "Without a unique order, which rows LIMIT returns could follow a masked column.", _HINT, "limit"
                )
            return
        self._append(node, extra, distinct)
        result.ordered = True
        result.exposed = False
        if frame.outermost and not any(note.startswith("order") for note in self._state.notes):
            self._state.notes.append("ordered by unique columns, so that no masked column shows in the order")

    def set_operation(self, node: exp.Expr, result: Query) -> None:
        """ORDER BY of a set operation can only name outputs: the open ones settle it, if none is masked."""
        if self._state.owner or not result.exposed:
            return
        forced = id(node) in self._state.forced_order
        open = [i for i, value in enumerate(result.values) if not self._state.masked(value)]
        limited = forced or node.args.get("limit") is not None or node.args.get("offset") is not None
        if len(open) < len(result.values) and limited and not self._distinct_rows(node):
            raise refusals.construct(
                "Without a unique order, which rows LIMIT returns could follow a masked column.",
                "Put the LIMIT into each part, with ORDER BY on a unique column.",
                "limit",
            )
        order = node.args.get("order")
        if order is None and not limited:
            return
        self._extend(node, [exp.Literal.number(i + 1) for i in open])
        if len(open) == len(result.values):
            result.ordered, result.exposed = True, False

    def _distinct_rows(self, node: exp.Expr) -> bool:
        return bool(node.args.get("distinct"))

    def _result_key(self, node: exp.Expr, frame: Frame, result: Query, keys: Keys) -> tuple[int, ...] | None:
        """Positions of the outputs that tell rows apart: the keys of all sources, if they are in the select list."""
        if keys.sets or node.args.get("distinct") is not None:
            return None
        if keys.present:
            wanted = keys.places if len(keys.places) == len(keys.nodes) else None
        elif frame.aggregated:
            return None
        else:
            wanted = self._level_key(frame.level)
        if wanted is None:
            return None
        positions: list[int] = []
        where: dict[tuple[int, int], int] = {}
        for i, item in enumerate(result.nodes):
            found = self._state.found.get(id(bare(item.this if isinstance(item, exp.Alias) else item)))
            if found is not None:
                where.setdefault((id(found[0]), found[1]), i)
        for place in wanted:
            if place in where:
                positions.append(where[place])
            elif not self._in_star(place, frame, result, positions):
                return None
        return tuple(sorted(positions))

    def _in_star(self, place: tuple[int, int], frame: Frame, result: Query, positions: list[int]) -> bool:
        """The output that ``*`` gives for a source's column: the value object itself stands there."""
        source = next((s for s in frame.level.sources if id(s) == place[0]), None)
        if source is None:
            return False
        value = source.column(place[1])
        for i, output in enumerate(result.values):
            if output is value:
                positions.append(i)
                return True
        return False

    def _level_key(self, level: Level) -> set[tuple[int, int]] | None:
        wanted: set[tuple[int, int]] = set()
        for source in level.sources:
            positions = self._source_key(source)
            if positions is None:
                return None
            wanted.update((id(source), position) for position in positions)
        return wanted

    def _source_key(self, source: Source) -> tuple[int, ...] | None:
        """Columns that tell the rows of a source apart, as far as they can be told apart without masked columns."""
        if source.open is not None:
            return None
        if source.key is not None:
            return source.key
        if any(self._state.masked(source.column(i)) for i in range(len(source.labels))):
            return None
        return tuple(range(len(source.labels)))

    # -- sort keys

    def _tie_breakers(self, node: exp.Expr, frame: Frame, result: Query, keys: Keys) -> list[exp.Expr] | None:
        """The sort keys to add, or None when no set of open columns tells the rows apart."""
        distinct = node.args.get("distinct")
        if keys.present:
            if keys.sets or distinct is not None:
                return self._positions(result)
            return [
                self._copy(key)
                for key, value in zip(keys.nodes, keys.values, strict=True)
                if not self._state.masked(value)
            ]
        if distinct is not None and distinct.args.get("on") is None:
            return self._positions(result)
        alike = all(self._hides_all(value, frame) for value in result.values)
        return self.level_columns(frame.level, alike=alike)

    def _hides_all(self, value: Value, frame: Frame) -> bool:
        """Open, or (where nothing more is done with it) masked so that all its values look the same: then rows that
        are alike in their open columns are alike to the agent, and which of them comes first shows nothing."""
        masked = self._state.masked(value)
        if masked and not frame.outermost:
            return False
        rules = (self._state.register.rule_of[i] for i in indices(masked))
        return all(not value.plain or (rule is not None and rule.mask is Mask.REDACT) for rule in rules)

    def _positions(self, result: Query) -> list[exp.Expr] | None:
        """All outputs, by number: after DISTINCT they tell all rows apart."""
        if any(self._state.masked(value) for value in result.values):
            return None
        return [exp.Literal.number(i + 1) for i in range(len(result.values))]

    def level_columns(self, level: Level, *, alike: bool = False) -> list[exp.Expr] | None:
        """Columns that tell the rows of a FROM clause apart, written with their source's name. ``alike``: rows that
        are the same in all open columns need not be told apart."""
        made: list[exp.Expr] = []
        for source in level.sources:
            positions = self._source_key(source)
            if positions is None and alike and source.open is None:
                every = range(len(source.labels))
                positions = tuple(i for i in every if not self._state.masked(source.column(i))) or None
            if positions is None:
                return None
            for position in positions:
                column = self._reference(source, position, level)
                if column is None:
                    return None
                made.append(column)
        return made

    def _reference(self, source: Source, position: int, level: Level) -> exp.Expr | None:
        label = source.labels[position]
        folded = self._state.names.stored(label)
        if source.by_name.get(folded) != [position]:
            folded = next((name for name, places in source.by_name.items() if list(places) == [position]), "")
            label = folded
        if not label or not source.alias or sum(s.alias == source.alias for s in level.sources) > 1:
            return None
        column = exp.column(exp.to_identifier(label, quoted=True), exp.to_identifier(source.alias, quoted=True))
        self._state.visited.add(id(column))
        source.column(position)
        return column

    def _copy(self, node: exp.Expr) -> exp.Expr:
        made = bare(node).copy()
        for column in made.find_all(exp.Column):
            self._state.visited.add(id(column))
        return made

    def _append(self, node: exp.Expr, extra: list[exp.Expr], distinct: exp.Expr | None) -> None:
        on = distinct.args.get("on") if distinct is not None else None
        if on is not None and node.args.get("order") is None:
            items = on.args["expressions"] if isinstance(on, exp.Tuple) else [on]
            extra = [*(self._copy(item) for item in items), *extra]
        self._extend(node, extra)

    def _extend(self, node: exp.Expr, extra: list[exp.Expr]) -> None:
        if not extra:
            return
        order = node.args.get("order")
        existing: list[exp.Expr] = list(order.args.get("expressions") or ()) if order is not None else []
        made = exp.Order(expressions=[*existing, *(exp.Ordered(this=e, nulls_first=self._nulls()) for e in extra)])
        node.set("order", made)

    def _nulls(self) -> bool:
        """What sqlglot takes for the engine's default, so that it writes nothing."""
        return self._state.profile.name in ("sqlite", "mysql")

    # -- functions that show an order

    def aggregate_order_shows(self, node: exp.Expr, name: str, env: Env, window: bool) -> None:
        """string_agg and its like without ORDER BY: the order of rows is in the result."""
        frame = env.frame
        if self._state.owner or frame is None or not frame.level.exposed or window:
            return
        extra = self.level_columns(frame.level) if self._state.profile.orders_in_aggregates else None
        arguments: list[exp.Expr] = node.args.get("expressions") or []
        if extra is None or not arguments or not isinstance(node, exp.Anonymous):
            raise refusals.construct(
                f"The order in which {name} takes rows could follow a masked column.",
                "Take the rows from a subquery that has ORDER BY with a unique column.",
                name,
            )
        order = exp.Order(
            this=arguments[-1], expressions=[exp.Ordered(this=e, nulls_first=self._nulls()) for e in extra]
        )
        node.set("expressions", [*arguments[:-1], order])

    def window_order_shows(self, node: exp.Expr, env: Env) -> None:
        """row_number() and its like without ORDER BY, or with ties."""
        frame = env.frame
        if self._state.owner or frame is None or not frame.level.exposed:
            return
        inner = node.this
        while isinstance(inner, exp.Filter):
            inner = inner.this
        name = function_name(inner) if isinstance(inner, exp.Anonymous) else ""
        facts = facts_of(name, self._state.profile, self._state.shapes.catalog)
        named = node.args.get("alias")
        window = node if named is None else self._inlined(node, named, env)
        spec = window.args.get("spec")
        by_rows = spec is not None and str(spec.args.get("kind") or "").upper() != "RANGE"
        concatenates = facts is not None and facts.ordered
        if name not in _BY_ROW and not by_rows and not concatenates:
            return
        if frame.aggregated and facts is not None and facts.kind is FunctionKind.WINDOW:
            return  # over groups: the rows are the groups
        extra = self.level_columns(frame.level)
        if extra is None:
            raise refusals.construct(
                f"The order in which {name} numbers rows could follow a masked column.", _HINT, "window"
            )
        self._keep_frame(window, name)
        if named is not None:
            for key in ("alias", "partition_by", "order", "spec"):
                node.set(key, window.args.get(key))
        self._extend(node, extra)

    def _inlined(self, node: exp.Expr, named: exp.Expr, env: Env) -> exp.Expr:
        """``OVER w`` with the window's definition written out: its order is extended for this one function only."""
        definition = self._walk.queries.window_of(named, env)
        if definition.args.get("alias") is not None:
            raise refusals.construct("A window built on another window is not allowed here.", "Write it out.", "window")
        made = exp.Window(this=None)
        for key in ("partition_by", "order", "spec"):
            value: list[exp.Expr] | exp.Expr | None = node.args.get(key) or definition.args.get(key)
            if isinstance(value, exp.Expr):
                made.set(key, self._copy(value))
            elif value is not None:
                made.set(key, [self._copy(item) for item in value])
        return made

    def _keep_frame(self, window: exp.Expr, name: str) -> None:
        """A sort key more would change the rows a function without a frame of its own looks at."""
        if window.args.get("spec") is not None or name in _BY_PLACE:
            return
        if window.args.get("order") is not None:
            if name == "first_value":
                return
            raise refusals.construct(
                f"The order in which {name} takes rows could follow a masked column.", _HINT, "window"
            )
        window.set(
            "spec",
            exp.WindowSpec(
                kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="UNBOUNDED", end_side="FOLLOWING"
            ),
        )

    def query_order_shows(self, query: exp.Expr) -> None:
        """ARRAY(SELECT ...) without ORDER BY, and a subquery of which the first row counts."""
        while isinstance(query, exp.Subquery | exp.Paren):
            query = query.this
        self._state.forced_order.add(id(query))
