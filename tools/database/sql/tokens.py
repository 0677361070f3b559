"""Tokens in a statement: which literals are some, and that each stands where its real value may be put back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from . import refusals
from .state import State

Probes = tuple[tuple[str | int, str | None], ...]


def find(literals: Sequence[exp.Expr], state: State, token_class: Callable[[str | int], str | None]) -> Probes:
    """Note the class of every literal that is a token. Returns each literal asked about with the answer: the analysis
    holds for everyone who gets the same answers."""
    asked: dict[str | int, str | None] = {}

    def class_of(value: str | int) -> str | None:
        if value not in asked:
            asked[value] = token_class(value)
        return asked[value]

    for literal in literals:
        value = literal_value(literal)
        if value is None:
            continue
        sign = literal.parent
        if isinstance(value, int) and isinstance(sign, exp.Neg):  # tokens of whole numbers are below zero
            class_name = class_of(-value)
            if class_name is not None:
                sign.replace(literal)
                literal.set("this", str(-value))
        else:
            class_name = class_of(value)
        if class_name is not None:
            state.tokens[id(literal)] = class_name
    return tuple(asked.items())


def literal_value(literal: exp.Expr) -> str | int | None:
    """The value of a string or whole number; None for other numbers."""
    text: str = literal.args["this"]
    if literal.args["is_string"]:
        return text
    return int(text) if text.isdigit() and len(text) <= 38 else None


def check(literals: Sequence[exp.Expr], state: State) -> None:
    """Raises `ToolRefused` when a token stands anywhere but in ``=``, ``IN``, VALUES or SET."""
    for literal in literals:
        if id(literal) in state.tokens and id(literal) not in state.claims:
            raise refusals.token(
                "A token stands where its value cannot be put back.",
                "Use tokens as column = 'token' or column IN ('token', ...), with a plain column on the other side.",
                refusals.shown(literal.name),
            )
