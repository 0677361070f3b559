"""GROUP BY: what rows are grouped by, and columns that stand beside aggregates without being grouped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from . import refusals
from .analysis import Inference
from .predicates import bare
from .state import Env, Frame, Query
from .taint import Source, Value, indices
from .uses import UseKind

if TYPE_CHECKING:
    from .walk import Walk


@dataclass(slots=True)
class Keys:
    """The keys of one GROUP BY. ``nodes`` are the expressions as written; ``meant`` what they stand for, where they
    are numbers or names of outputs."""

    nodes: list[exp.Expr] = field(default_factory=list[exp.Expr])
    meant: list[exp.Expr] = field(default_factory=list[exp.Expr])
    values: list[Value] = field(default_factory=list[Value])
    places: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])  # id of source, position
    sets: bool = False
    present: bool = False


class Grouping:
    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._state = walk.state

    def group(self, node: exp.Expr, env: Env, frame: Frame, result: Query) -> Keys:
        """Walk the GROUP BY of a SELECT."""
        keys = Keys()
        group = node.args.get("group")
        if group is None:
            return keys
        keys.present = True
        frame.aggregated = True
        frame.inside += 1
        pending = list(reversed(group.args.get("expressions") or ()))
        while pending:
            item = pending.pop()
            if isinstance(item, exp.Rollup | exp.Cube | exp.GroupingSets):
                keys.sets = True
                pending += reversed(item.args.get("expressions") or ())
            elif isinstance(item, exp.Tuple):
                pending += reversed(item.args.get("expressions") or ())
            else:
                self._key(item, env, result, keys)
        frame.inside -= 1
        self._judge(node, frame, keys)
        return keys

    def _key(self, item: exp.Expr, env: Env, result: Query, keys: Keys) -> None:
        inner = bare(item)
        meant = inner
        if isinstance(inner, exp.Literal) and not inner.args["is_string"]:
            value = self._walk.queries.output(inner, result)
            assert value is not None
            meant = result.nodes[int(inner.name) - 1]
        elif isinstance(inner, exp.Column) and not self._is_column(inner, env):
            value = self._walk.queries.output(inner, result)
            if value is None:
                value = self._walk.expressions.value(inner, env)
            else:
                self._state.visited.add(id(inner))
                position = result.folded.index(self._state.names.fold(inner.this))
                meant = result.nodes[position]
        else:
            value = self._walk.expressions.value(inner, env)
        meant = bare(meant.this if isinstance(meant, exp.Alias) else meant)
        found = self._state.found.get(id(meant))
        if found is not None:
            keys.places.add((id(found[0]), found[1]))
        keys.nodes.append(inner if not isinstance(inner, exp.Literal) else meant)
        keys.meant.append(meant)
        keys.values.append(value)

    def _is_column(self, node: exp.Expr, env: Env) -> bool:
        """Whether a name in GROUP BY is a column of the sources: those win over output names."""
        if node.args.get("table") is not None or isinstance(node.this, exp.Star):
            return True
        folded = self._state.names.fold(node.this)
        level = env.levels[0]
        return folded in level.merged or any(source.find(folded) is not None for source in level.sources)

    def _judge(self, node: exp.Expr, frame: Frame, keys: Keys) -> None:
        """A masked key adds nothing when the key of its table is grouped by as well; else the mode decides."""
        state = self._state
        if state.owner:
            return
        for key, value in zip(keys.nodes, keys.values, strict=True):
            masked = state.masked(value)
            found = state.found.get(id(bare(key)))
            if masked and not keys.sets and found is not None and self._keyed(found[0], keys):
                state.use(UseKind.GROUP, "group", value.bits & ~masked, key)
                state.decides("group", value.bits)
                continue
            open = bool(masked) and self._groups_show(frame, keys, value, found)
            state.use(UseKind.GROUP, "group", value.bits, key, open=open)

    def _groups_show(self, frame: Frame, keys: Keys, value: Value, found: tuple[Source, int] | None) -> bool:
        """Whether groups of a masked column may show, when they are large enough."""
        state = self._state
        masked = state.masked(value)
        if keys.sets or not frame.outermost or not value.plain or found is None or found[0].base is None:
            return False
        modes = {state.mode(i) for i in indices(masked)}
        if Inference.STRICT in modes or Inference.BALANCED not in modes:
            return False
        state.totals |= masked
        if found[0] not in state.total_tables:
            state.total_tables.append(found[0])
        state.total_level = frame.level
        return True

    def _keyed(self, source: Source, keys: Keys) -> bool:
        return source.key is not None and all((id(source), position) in keys.places for position in source.key)

    def check_bare(self, frame: Frame, keys: Keys, node: exp.Expr) -> None:
        """SQLite and MySQL take a column that is neither grouped nor aggregated from some row of the group: from the
        row of the extreme beside min() or max(), else from whichever row came last."""
        state = self._state
        if not state.profile.bare_columns or not frame.aggregated or state.owner:
            return
        loose = [(item, value) for item, value in frame.bare if self._loose(item, value, frame, keys)]
        if not loose:
            return
        for item, value in frame.extremes:
            state.use(UseKind.CHOICE, "choice", value.bits, item)
        if frame.level.exposed and not self._one_row(frame):
            raise refusals.construct(
                "A column stands beside an aggregate without being grouped; which row it is from is not defined.",
                "Add it to GROUP BY, or put min() or max() around it.",
                "group",
            )

    def _loose(self, item: exp.Expr, value: Value, frame: Frame, keys: Keys) -> bool:
        """Not one of the keys, and of a table whose own key is not grouped by."""
        if not value.bits or self._in_key(item, frame, keys):
            return False
        found = self._state.found.get(id(item))
        if found is None:
            sources = frame.level.sources
            return not all(self._keyed(source, keys) for source in sources)
        source, position = found
        if source not in frame.level.sources:
            return False  # of an outer query: fixed while this one runs
        return (id(source), position) not in keys.places and not self._keyed(source, keys)

    def _in_key(self, item: exp.Expr, frame: Frame, keys: Keys) -> bool:
        """Part of an expression that the rows are grouped by: ``lower(city)`` beside GROUP BY lower(city)."""
        node: exp.Expr | None = item
        while node is not None and node is not frame.node:
            if any(node == key for key in keys.meant):
                return True
            node = node.parent
        return False

    def _one_row(self, frame: Frame) -> bool:
        """One min() or max() over a unique column names one row."""
        if len(frame.extremes) != 1 or len(frame.level.sources) != 1:
            return False
        node = frame.extremes[0][0]
        column = next((c for c in node.find_all(exp.Column)), None)
        found = self._state.found.get(id(column)) if column is not None else None
        return found is not None and found[0].key == (found[1],)
