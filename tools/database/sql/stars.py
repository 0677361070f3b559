"""``*``: what it stands for, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from . import refusals
from .predicates import bare
from .state import Env, Query
from .taint import Level, Source, Value

if TYPE_CHECKING:
    from .walk import Walk


class Stars:
    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._state = walk.state

    def add(self, item: exp.Expr, env: Env, result: Query) -> bool:
        """``*``, ``t.*`` and ``(t).*``: adds the columns to the result, in the order the engine gives them. False where
        the item is no star."""
        state = self._state
        source: Source | None = None
        if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
            state.visited.add(id(item))
            source = self._walk.expressions.source(item.args.get("table"), item, env)
        elif isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star):
            column = bare(item.this)
            if isinstance(column, exp.Column):
                source = self._walk.expressions.row_source(column, env)
                state.visited.add(id(column))
            if source is None:
                raise refusals.untraced("The columns of this row value cannot be traced.", "Name the columns.")
        elif not isinstance(item, exp.Star):
            return False
        if source is not None:
            if source.open is not None:
                raise refusals.untraced("The columns of a function cannot be traced.", "Name the columns.")
            labels, values = list(source.labels), source.columns()
            places = _places(source)
        else:
            if not env.levels[0].sources:
                raise refusals.construct("There is nothing for * to stand for.", "Add FROM.")
            labels, values, places = self.of(env.levels[0])
            if env.levels[0].merged and not state.owner:
                self._spell_out(item, env.levels[0], labels)
        left_out = self._left_out(item)
        if left_out:
            kept = [i for i, label in enumerate(labels) if state.names.stored(label) not in left_out]
            labels, values, places = [labels[i] for i in kept], [values[i] for i in kept], [places[i] for i in kept]
        result.labels += labels
        result.folded += [state.names.stored(label) for label in labels]
        result.values += values
        result.nodes += [item] * len(labels)
        result.places += places
        frame = env.frame
        if frame is not None and state.profile.bare_columns:
            frame.bare += [(item, value) for value in values]
        return True

    def _left_out(self, item: exp.Expr) -> set[str]:
        """``* EXCLUDE (a, b)`` in a view of DuckDB's."""
        star = next(node for node in (item, item.this, item.args.get("expression")) if isinstance(node, exp.Star))
        columns: list[exp.Expr] = star.args.get("except_") or []
        self._state.visited.update(map(id, columns))
        return {self._state.names.fold(c.this if isinstance(c, exp.Column) else c) for c in columns}

    def of(self, level: Level) -> tuple[list[str], list[Value], list[tuple[Source, int] | None]]:
        """What ``*`` stands for: every column of every source, common columns of USING and NATURAL once."""
        if any(source.open is not None for source in level.sources):
            raise refusals.untraced("The columns of a function cannot be traced.", "Name the columns.")
        labels: list[str] = []
        values: list[Value] = []
        places: list[tuple[Source, int] | None] = []
        seen: set[str] = set()
        if level.merged and self._state.profile.merged_columns_first:
            for name in level.merged:
                labels.append(self._label_of(level, name))
                values.append(level.merged[name])
                places.append(None)
                seen.add(name)
        for source in level.sources:
            for position, label in enumerate(source.labels):
                folded = self._state.names.stored(label)
                if folded in level.merged:
                    if folded in seen:
                        continue
                    seen.add(folded)
                    labels.append(label)
                    values.append(level.merged[folded])
                    places.append(None)
                else:
                    labels.append(label)
                    values.append(source.column(position))
                    places.append((source, position))
        return labels, values, places

    def _label_of(self, level: Level, folded: str) -> str:
        for source in level.sources:
            positions = source.by_name.get(folded)
            if positions:
                return source.labels[positions[0]]
        return folded

    def _spell_out(self, item: exp.Expr, level: Level, labels: list[str]) -> None:
        """With merged columns engines differ in the order of ``*``: write the columns down, so that ours holds."""
        wanted: list[exp.Expr] = []
        for source_label, owner in self._owners(level):
            column = exp.column(exp.to_identifier(source_label, quoted=True), owner)
            wanted.append(column)
        if len(wanted) != len(labels):
            raise refusals.untraced("The columns of this join cannot be told apart.", "Name the columns.")
        for column in wanted:
            self._state.visited.add(id(column))
        select = item.parent
        assert select is not None
        expressions: list[exp.Expr] = []
        for existing in select.args["expressions"]:
            expressions += wanted if existing is item else [existing]
        select.set("expressions", expressions)

    def _owners(self, level: Level) -> list[tuple[str, exp.Identifier | None]]:
        found: list[tuple[str, exp.Identifier | None]] = []
        seen: set[str] = set()
        if self._state.profile.merged_columns_first:
            for name in level.merged:
                found.append((self._label_of(level, name), None))
                seen.add(name)
        for source in level.sources:
            if any(len(positions) > 1 for positions in source.by_name.values()) or not source.alias:
                raise refusals.untraced("Columns of one name cannot be told apart.", "Name the columns.")
            for label in source.labels:
                folded = self._state.names.stored(label)
                if folded not in level.merged:
                    found.append((label, exp.to_identifier(source.alias, quoted=True)))
                elif folded not in seen:
                    seen.add(folded)
                    found.append((label, None))
        return found


def _places(source: Source) -> list[tuple[Source, int] | None]:
    return [(source, position) for position in range(len(source.labels))]
