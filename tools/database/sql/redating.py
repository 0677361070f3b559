"""Writes and shifted dates: which of them a write makes others, or somebody else's.

An agent that knows a date, or sees one date as that of several persons, could tell how far it was moved, and with it
all dates of those persons. Where a row is added, or given to somebody, under a name that is spelt out, it is enough to
know that name for the agent's own (see `guardrails.masking.shifting`); after everything else the column is not shifted
any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from sqlglot import exp

from ...tool import ColumnRef, Flow
from .predicates import bare
from .state import State

# Names of persons that every database reads back as they were written: whole numbers, UUIDs, plain words.
_PLAIN_NAME: Final = re.compile(
    r"0|[1-9][0-9]{0,14}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[A-Za-z][A-Za-z0-9_.@\-]{0,63}"
)


class Redating:
    """What one write does to shifted dates. ``passed_on`` tells how a change of a column goes on by foreign keys."""

    def __init__(self, state: State, table: str, passed_on: Callable[[ColumnRef], Iterable[Flow]]) -> None:
        self._state, self._table, self._passed_on = state, table, passed_on
        self._changed: set[ColumnRef] = set()  # columns of rows that were there before
        self._redated: set[ColumnRef] = set()

    def added(self, row: Sequence[exp.Expr], targets: Sequence[ColumnRef]) -> None:
        """A row is added: does it say in so many words whose it is?"""
        named = {target for target, cell in zip(targets, row, strict=False) if self._spelt(cell)}
        columns, whose = self._shape(self._table)
        self._redated.update(columns[date] for date, position in whose.items() if columns[position] not in named)

    def changed(self, target: ColumnRef, node: exp.Expr) -> None:
        """A column of rows that are there is set."""
        self._changed.add(target)
        self._redated |= self._dated(target)
        if not self._spelt(node):
            self._redated |= self.dates_by(target)

    def columns(self) -> frozenset[ColumnRef]:
        """The columns of shifted dates that are no longer what they were."""
        pending = sorted(self._changed)
        met = set(pending)
        while pending:
            for flow in self._passed_on(pending.pop()):
                if flow.target not in met:
                    met.add(flow.target)
                    pending.append(flow.target)
                    self._redated |= self.dates_by(flow.target) | self._dated(flow.target)
        return frozenset(self._redated)

    def dates_by(self, subject: ColumnRef) -> set[ColumnRef]:
        """The shifted dates of the persons that a column names."""
        columns, whose = self._shape(subject.table)
        return {columns[date] for date, position in whose.items() if columns[position] == subject}

    def _dated(self, column: ColumnRef) -> set[ColumnRef]:
        """The column itself, if it holds shifted dates."""
        columns, whose = self._shape(column.table)
        return {column}.intersection(columns[date] for date in whose)

    def _shape(self, table: str) -> tuple[Sequence[ColumnRef], Mapping[int, int]]:
        shape = self._state.shapes.of(self._state.shapes.catalog.relations[table])
        return [column.own for column in shape.columns], shape.whose

    def _spelt(self, node: exp.Expr) -> bool:
        """A name written out, or a token of one; nobody is a name too."""
        node = bare(node)
        if isinstance(node, exp.Null):
            return True
        if not isinstance(node, exp.Literal):
            return False
        return id(node) in self._state.tokens or _PLAIN_NAME.fullmatch(node.args["this"]) is not None
