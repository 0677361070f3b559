"""How many rows a write would change, asked before it is done: a SELECT of one number, made from the write itself."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from ...tool import Slot
from . import render
from .state import State


def counted(tree: exp.Expr, state: State, slots: tuple[Slot, ...]) -> tuple[str, tuple[int, ...]]:
    """The counting statement, and which of the write's slots its placeholders take, in order. For an INSERT it counts
    the rows to be inserted, also those that ON CONFLICT would leave out."""
    copy = tree.copy()
    claims = _moved(tree, copy, state.claims)
    select = _of_insert(copy) if isinstance(copy, exp.Insert) else _of_change(copy)
    with_ = copy.args.get("with_")
    if with_ is not None:
        select.set("with_", with_)
    sql, used = render.render(select, state.profile, claims)
    return sql, tuple(slots.index(slot) for slot in used)


def _moved(tree: exp.Expr, copy: exp.Expr, claims: Mapping[int, Slot]) -> dict[int, Slot]:
    """The claims of a tree, for its copy."""
    pairs = zip(tree.walk(), copy.walk(), strict=True)
    return {id(made): claims[id(node)] for node, made in pairs if id(node) in claims}


def _of_insert(insert: exp.Expr) -> exp.Select:
    source = insert.args.get("expression")
    if source is None:
        return exp.Select(expressions=[exp.Literal.number(1)])
    if isinstance(source, exp.Values):
        return exp.Select(expressions=[exp.Literal.number(len(source.args["expressions"]))])
    return _count(exp.Subquery(this=source, alias=exp.TableAlias(this=exp.to_identifier("written", quoted=True))))


def _of_change(change: exp.Expr) -> exp.Select:
    """Every row of the table that has a match is changed once, however many matches it has."""
    select = _count(change.this)
    where = change.args.get("where")
    others: list[exp.Expr] = list(change.args.get("using") or ())
    from_ = change.args.get("from_")
    if from_ is not None:
        others.insert(0, from_.this)
    if not others:
        select.set("where", where)
        return select
    joins = [exp.Join(this=item, kind="CROSS") for item in others[1:]]
    match = exp.Select(expressions=[exp.Literal.number(1)], from_=exp.From(this=others[0]), joins=joins, where=where)
    select.set("where", exp.Where(this=exp.Exists(this=match)))
    return select


def _count(source: exp.Expr) -> exp.Select:
    count = exp.Anonymous(this="count", expressions=[exp.Star()])
    return exp.Select(expressions=[count], from_=exp.From(this=source))
