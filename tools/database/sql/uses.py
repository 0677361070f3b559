"""Where columns decide something without showing: the facts that the inference rules judge."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlglot import exp


class UseKind(StrEnum):
    """How a masked column is used, from what gives away nothing new to what gives away its values."""

    TOKEN = "token"  # noqa: S105 - column = token, column IN (tokens)
    LITERAL = "literal"  # column = 'literal'
    NULL_TEST = "null_test"  # column IS [NOT] NULL, count(column)
    GROUP = "group"  # GROUP BY column
    SUM = "sum"  # sum, avg, ... or counting what a computed value says
    DISTINCT_COUNT = "distinct_count"
    RANKED = "ranked"  # percentile_cont ... WITHIN GROUP (ORDER BY column)
    TOKEN_JOIN = "token_join"  # noqa: S105 - column = column of the same class
    JOIN = "join"
    FILTER = "filter"  # any other condition
    ORDER = "order"
    DISTINCT = "distinct"
    WINDOW = "window"
    LIMIT = "limit"
    ROWS = "rows"  # a set-returning function: how many rows there are depends on it
    FAILS = "fails"  # whether the statement fails (or how long it takes) depends on it
    CHOICE = "choice"  # min() or max() decides which row other columns are from
    COPY = "copy"  # written into another column


@dataclass(frozen=True, slots=True)
class Use:
    """One use of masked columns. ``node`` is the piece of the statement, for naming it; ``open`` says that the place
    is one where the balanced mode keeps its promise: the outermost SELECT over base tables."""

    kind: UseKind
    place: str
    bits: int
    node: exp.Expr
    open: bool = False
