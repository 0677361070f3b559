"""Balanced mode: totals and groups of masked columns, over at least k rows of the table they are from."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from . import refusals
from .analysis import Inference
from .state import State
from .taint import Source, indices

HIDDEN: Final = "group_size"
_ONE_TABLE: Final = "Take totals and groups of masked columns from one table, joined by keys at most."


def apply(tree: exp.Expr, state: State) -> int | None:
    """Make the statement keep its promise. Returns k when its last column is now the hidden size of each group.

    In relaxed mode, totals over fewer than k rows become NULL instead, and no group is dropped.
    """
    assert state.settings is not None
    if not state.totals or not isinstance(tree, exp.Select):
        return None
    k = state.settings.min_group_size
    size = _size(state)
    modes = {state.mode(i) for i in indices(state.totals)}
    if Inference.BALANCED not in modes:
        for node in state.total_nodes:
            _or_null(node, size, k)
        return None
    if tree.args.get("distinct") is not None:
        raise refusals.construct("DISTINCT with totals of masked columns is not allowed.", "Leave out DISTINCT.")
    enough = exp.GTE(this=size.copy(), expression=exp.Literal.number(k))
    having = tree.args.get("having")
    condition = enough if having is None else exp.And(this=exp.Paren(this=having.this), expression=enough)
    tree.set("having", exp.Having(this=condition))
    hidden = exp.Alias(this=size, alias=exp.to_identifier(HIDDEN, quoted=True))
    tree.set("expressions", [*tree.args["expressions"], hidden])
    return k


def _size(state: State) -> exp.Expr:
    """How many rows of the table a group holds: joins may repeat a row, so it is counted by its key."""
    if len(state.total_tables) != 1:
        raise refusals.construct("Totals of masked columns of several tables are not allowed.", _ONE_TABLE)
    table = state.total_tables[0]
    if state.total_level is not None and len(state.total_level.sources) == 1:
        return exp.Anonymous(this="count", expressions=[exp.Star()])
    if table.key is None or len(table.key) != 1:
        raise refusals.construct("Totals of masked columns need a table with a key of one column here.", _ONE_TABLE)
    return exp.Anonymous(this="count", expressions=[exp.Distinct(expressions=[_key(table, table.key[0])])])


def _key(table: Source, position: int) -> exp.Expr:
    table.column(position)
    return exp.column(
        exp.to_identifier(table.labels[position], quoted=True), exp.to_identifier(table.alias, quoted=True)
    )


def _or_null(node: exp.Expr, size: exp.Expr, k: int) -> None:
    enough = exp.GTE(this=size.copy(), expression=exp.Literal.number(k))
    case = exp.Case()
    node.replace(case)
    case.set("ifs", [exp.If(this=enough, true=node)])
