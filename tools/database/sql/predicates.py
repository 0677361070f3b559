"""Conditions: which columns decide, and how. In a query a token becomes a slot here, beside ``=``, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from ...tool import Place, Slot
from . import refusals
from .state import Env
from .taint import Value, combine
from .uses import UseKind

if TYPE_CHECKING:
    from .walk import Walk

_LITERALS = (exp.Literal,)
_MIRRORED = (exp.EQ, exp.NEQ)


def bare(node: exp.Expr) -> exp.Expr:
    """Without the brackets around it."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


class Predicates:
    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._state = walk.state

    def predicate(self, node: exp.Expr, place: str, env: Env) -> None:
        """A condition that decides rows (or groups): note every column in it with the kind of its use."""
        pending = [node]
        while pending:
            part = bare(pending.pop())
            if isinstance(part, exp.And | exp.Or | exp.Xor):
                pending += (part.this, part.expression)
            elif isinstance(part, exp.Not):
                pending.append(part.this)
            elif isinstance(part, _MIRRORED):
                self._comparison(part, place, env)
            elif isinstance(part, exp.In) and part.args.get("query") is None:
                self._membership(part, place, env)
            elif isinstance(part, exp.Is) and isinstance(part.expression, exp.Null):
                value = self._walk.expressions.value(part.this, env)
                kind = UseKind.NULL_TEST if value.plain else UseKind.FILTER
                self._state.use(kind, place, value.bits, part)
            else:
                value = self._walk.expressions.value(part, env)
                self._state.use(UseKind.FILTER, place, value.bits, part)
                self._state.decides(place, value.totals)

    def compared(self, node: exp.Expr, env: Env) -> Value:
        """A comparison inside an expression: tokens become slots, nothing is decided yet."""
        return combine(self._pair(node.this, node.expression, env))

    def listed(self, node: exp.Expr, env: Env) -> Value:
        """``x IN (...)`` inside an expression."""
        left = self._walk.expressions.value(node.this, env)
        values = [left]
        for item in node.args.get("expressions") or ():
            values.append(self._item(item, left, env))
        query = node.args.get("query")
        if query is not None:
            values.append(self._walk.expressions.rows(query, env))
        return combine(values)

    def join_pair(self, left: Value, right: Value, node: exp.Expr) -> None:
        """Equality of two columns as a join condition."""
        self._state.use(self._pair_kind(left, right, UseKind.JOIN), "join", left.bits | right.bits, node)

    def _pair_kind(self, left: Value, right: Value, otherwise: UseKind) -> UseKind:
        same = left.plain and right.plain and left.class_name is not None and left.class_name == right.class_name
        return UseKind.TOKEN_JOIN if same else otherwise

    def _comparison(self, node: exp.Expr, place: str, env: Env) -> None:
        left, right = self._pair(node.this, node.expression, env)
        sides = (bare(node.this), bare(node.expression))
        bits = left.bits | right.bits
        self._state.decides(place, left.totals | right.totals)
        kind = UseKind.FILTER
        literal = next((side for side in sides if isinstance(side, _LITERALS)), None)
        other = right if literal is sides[0] else left
        if literal is not None and other.plain:
            kind = self._literal_kind([literal])
        elif place == "join" or (left.plain and right.plain):
            kind = self._pair_kind(left, right, UseKind.JOIN if place == "join" else UseKind.FILTER)
        self._state.use(kind, place, bits, node)

    def _pair(self, a: exp.Expr, b: exp.Expr, env: Env) -> tuple[Value, Value]:
        """Both sides of an equality; a token against a column on the other side is claimed."""
        value = self._walk.expressions.value
        left, right = bare(a), bare(b)
        if isinstance(left, exp.Literal) and not isinstance(right, exp.Literal):
            other = value(right, env)
            return self._item(left, other, env), other
        other = value(left, env)
        return other, self._item(right, other, env)

    def _membership(self, node: exp.Expr, place: str, env: Env) -> None:
        left = self._walk.expressions.value(node.this, env)
        items: list[exp.Expr] = [bare(item) for item in node.args.get("expressions") or ()]
        values = [self._item(item, left, env) for item in items]
        kind = UseKind.FILTER
        if left.plain and all(isinstance(item, exp.Literal) for item in items):
            kind = self._literal_kind(items)
        self._state.use(kind, place, combine([left, *values]).bits, node)

    def _literal_kind(self, literals: Sequence[exp.Expr]) -> UseKind:
        """Equality with tokens, or with literals; a number against a text is a comparison of its own in MySQL."""
        others = [literal for literal in literals if id(literal) not in self._state.claims]
        if not others:
            return UseKind.TOKEN
        numbers = any(not literal.args["is_string"] for literal in others)
        return UseKind.FILTER if numbers and self._state.profile.numbers_match_texts else UseKind.LITERAL

    def _item(self, node: exp.Expr, other: Value, env: Env) -> Value:
        """One operand; a token beside a plain column becomes a slot."""
        class_name = self._state.tokens.get(id(node))
        if class_name is None:
            return self._walk.expressions.value(node, env)
        if id(node) not in self._state.claims and other.plain:
            self._claim(node, class_name, other)
        return self._walk.expressions.value(node, env)

    def _claim(self, literal: exp.Expr, class_name: str, column: Value) -> None:
        register = self._state.register
        if register.classes(column.bits) != {class_name}:
            raise refusals.token(
                f"A token of class {class_name} is compared with a column of another class.",
                f"Compare it with a column that shows {class_name} tokens.",
            )
        target = register.each(column.bits & register.masked)[0]
        self._state.claims[id(literal)] = Slot(literal.name, Place.EQUALITY, str(target), class_name)
