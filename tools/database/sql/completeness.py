"""The last line of the walk: everything the statement names must have been accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from . import refusals
from .gate import Inventory
from .names import ascii_lower
from .nodes import ARGUMENTS, names
from .parsing import MARK
from .state import State

_WORDS = frozenset({TokenType.VAR, TokenType.IDENTIFIER})

# What a view's body may have beyond a statement: clauses that choose rows, which is its owner's business.
_OF_OWNERS = {
    "Select": names("qualify sample hint operation_modifiers"),
    "Table": names("sample"),
    "Subquery": names("sample"),
    "Group": names("all totals"),
    "Limit": names("limit_options"),
    "Column": names("catalog"),
    "Star": names("except_"),
    "Window": names("first"),
    "Cast": names("format action safe default"),
}
# Nodes that read columns without naming them, or name what is not in the tree.
_UNREADABLE = (exp.Columns, exp.PositionalColumn, exp.Parameter, exp.Placeholder, exp.SessionParameter, exp.Command)


def check(inventory: Inventory, tokens: Sequence[Token], state: State) -> None:
    """Raises `ToolRefused` when a column or table was not visited, or when a word that is the name of a masked column
    or a closed table stands in the text more often than as a name in the tree."""
    for node in inventory.columns:
        if id(node) not in state.visited:
            raise refusals.untraced("A column in the statement could not be traced.", "Write it more simply.")
    for node in inventory.tables:
        if id(node) not in state.visited:
            raise refusals.untraced("A table in the statement could not be traced.", "Write it more simply.")
    _check_words(inventory, tokens, state)


def covers(tree: exp.Expr, state: State) -> bool:
    """Whether the walk of a view's body, or of the expression of a generated column, left nothing out. No gate has seen
    these, so what they are made of is looked at here: clauses the walk does not read, names it did not come to."""
    for node in tree.walk():
        if isinstance(node, _UNREADABLE) or (isinstance(node, exp.Dot) and _quotes(node)):
            return False
        if isinstance(node, exp.Column | exp.Table) and id(node) not in state.visited:
            return False
        name = type(node).__name__
        known = ARGUMENTS.get(name)
        if known is not None and any(
            key not in known and key not in _OF_OWNERS.get(name, ())
            for key, value in node.args.items()
            if value is not None and value is not False and value != []
        ):
            return False
    return True


def _quotes(node: exp.Expr) -> bool:
    """``'patients'.'email'``: strings that SQLite takes for names."""
    return isinstance(node.this, exp.Literal) or isinstance(node.expression, exp.Literal)


def _check_words(inventory: Inventory, tokens: Sequence[Token], state: State) -> None:
    telling = state.shapes.masked_words
    if not telling:
        return
    written: Counter[str] = Counter()
    for i, token in enumerate(tokens):
        kind = token.token_type
        if kind is TokenType.STRING and not _beside_dot(tokens, i):
            continue
        if kind is TokenType.STRING or kind in _WORDS or token.text.isidentifier():
            name = _name(token.text, kind is TokenType.IDENTIFIER, state)
            if name in telling:
                written[name] += 1
    if not written:
        return
    known = Counter(
        state.names.fold_text(str(node.args["this"]), bool(node.args.get("quoted"))) for node in inventory.identifiers
    )
    known.update(inventory.functions)
    for name, count in written.items():
        if count > known[name]:
            raise refusals.untraced(
                f"What {refusals.shown(name)} means here could not be traced.", "Write it as a plain column."
            )


def _name(text: str, quoted: bool, state: State) -> str:
    return state.names.fold_text(text.removeprefix(MARK), quoted) if quoted else ascii_lower(text.removeprefix(MARK))


def _beside_dot(tokens: Sequence[Token], i: int) -> bool:
    before = i > 0 and tokens[i - 1].token_type is TokenType.DOT
    return before or (i + 1 < len(tokens) and tokens[i + 1].token_type is TokenType.DOT)
