"""The last line of the walk: everything the statement names must have been accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlglot.tokenizer_core import Token, TokenType

from . import refusals
from .gate import Inventory
from .names import ascii_lower
from .parsing import MARK
from .state import State

_WORDS = frozenset({TokenType.VAR, TokenType.IDENTIFIER})


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
