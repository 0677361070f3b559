"""What an agent may do with a masked column where it does not show.

One principle: an agent may do with a masked column whatever it could do with its masks. Equality on tokens adds nothing
to a listing of tokens; order, prefix, length, arithmetic and constants do.

- strict: masked columns show (masked), and compare equal to tokens; they decide nothing else.
- balanced: also totals and groups of at least k rows, at the top of the query.
- relaxed: masked columns may decide anything; what shows is still masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlglot import exp

from ...tool import Mask, ToolRefused
from . import refusals
from .analysis import Inference
from .state import State
from .taint import indices
from .uses import Use, UseKind

_TOKENS_HINT: Final = "Use = or IN with tokens from an earlier answer, or filter by an open column."

# kind -> (message, hint); {column} is the column as the agent wrote it
_WORDS: Final[Mapping[UseKind, tuple[str, str]]] = MappingProxyType(
    {
        UseKind.LITERAL: (
            "{column} is masked and cannot be compared with a literal value.",
            "Compare it with a token from an earlier answer, or filter by an open column.",
        ),
        UseKind.NULL_TEST: (
            "Whether {column} has a value is itself protected.",
            "Leave out the test.",
        ),
        UseKind.GROUP: (
            "{column} is masked and cannot be grouped by.",
            "Group by an open column, such as the key of its table.",
        ),
        UseKind.SUM: (
            "{column} is masked and cannot be summed up or counted by its value.",
            "Use count(*) or count(column), or aggregate an open column.",
        ),
        UseKind.DISTINCT_COUNT: (
            "{column} is masked; its distinct values cannot be counted.",
            "Count rows or the distinct values of an open column.",
        ),
        UseKind.RANKED: (
            "{column} is masked and cannot be ranked.",
            "Use an open column.",
        ),
        UseKind.TOKEN_JOIN: (
            "{column} is masked and cannot be compared with another column.",
            "Join by keys (ids) instead.",
        ),
        UseKind.JOIN: ("{column} is masked and cannot be joined by.", "Join by keys (ids) instead."),
        UseKind.FILTER: ("{column} is masked and cannot decide which rows come back.", _TOKENS_HINT),
        UseKind.ORDER: ("{column} is masked and cannot be sorted by.", "Sort by an open column."),
        UseKind.DISTINCT: (
            "{column} is masked; DISTINCT, UNION, INTERSECT and EXCEPT would compare its values.",
            "Select without DISTINCT, use UNION ALL, or leave the column out.",
        ),
        UseKind.WINDOW: (
            "{column} is masked and cannot partition, order or frame a window.",
            "Use an open column in OVER.",
        ),
        UseKind.LIMIT: ("{column} is masked and cannot decide how many rows come back.", "Write a number."),
        UseKind.ROWS: (
            "{column} is masked and cannot be turned into rows: their number would tell of it.",
            "Select the column itself.",
        ),
        UseKind.FAILS: (
            "{column} is masked and stands in something that can fail, which would tell of its value.",
            "Select the column itself; of functions only those that cannot fail are open to it (upper, substr, ||).",
        ),
        UseKind.CHOICE: (
            "{column} is masked; min() or max() of it would choose the row other columns are from.",
            "Group by the other columns or leave them out.",
        ),
        UseKind.COPY: (
            "{column} is masked and cannot be written to another column.",
            "Write a literal, a token, or an open column.",
        ),
    }
)

_ALWAYS: Final = frozenset({UseKind.TOKEN})


def judge(state: State) -> None:
    """Go through all uses of masked columns. Raises `ToolRefused` for the first one its mode does not allow."""
    for use in state.uses:
        if use.kind in _ALWAYS:
            continue
        for index in indices(use.bits):
            mode = state.mode(index)
            if not allowed(use, index, mode, state):
                raise refused(use, index, mode, state)
        if use.kind is UseKind.LITERAL:
            state.literal_matches |= use.bits


def allowed(use: Use, index: int, mode: Inference, state: State) -> bool:
    """Whether a mode allows one use of one column: the table of the SQL guard, row by row."""
    if use.kind is UseKind.COPY:
        return False
    if mode is Inference.RELAXED:
        return True
    bit = 1 << index
    match use.kind:
        case UseKind.LITERAL:
            return bool(state.register.literal & bit)
        case UseKind.NULL_TEST:
            return not state.register.nulls & bit
        case UseKind.GROUP:
            return use.open and mode is Inference.BALANCED
        case UseKind.RANKED:
            return mode is Inference.BALANCED
        case UseKind.TOKEN_JOIN:
            return mode is Inference.BALANCED and use.place == "join" and _tokens(index, state)
        case _:
            return False


def _tokens(index: int, state: State) -> bool:
    rule = state.register.rule_of[index]
    return state.settings is not None and state.settings.token_joins and rule is not None and rule.mask is Mask.TOKEN


def refused(use: Use, index: int, mode: Inference, state: State) -> ToolRefused:
    message, hint = _WORDS[use.kind]
    column = _as_written(use.node, 1 << index, state)
    rule = state.register.rule_of[index]
    if rule is not None and rule.class_name and use.kind is UseKind.LITERAL:
        hint = (
            f"Compare it with a token of class {rule.class_name} from an earlier answer, or filter by an open column."
        )
    return refusals.masked_use(column, use.place, f"inference:{mode.value}", message, hint)


def _as_written(node: exp.Expr, bit: int, state: State) -> str:
    """The column as the agent named it; the base column when it wrote none (a star, a USING)."""
    for column in node.find_all(exp.Column):
        if state.bits_of.get(id(column), 0) & bit:
            parts = [column.args.get(key) for key in ("table", "this")]
            return refusals.shown(".".join("*" if isinstance(p, exp.Star) else p.name for p in parts if p is not None))
    ref = state.register.refs[bit.bit_length() - 1]
    named = ref.table in state.named
    return refusals.shown(f"{ref.table}.{ref.column}" if named else "This column")
