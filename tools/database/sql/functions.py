"""What the guard knows of a built-in function. A function without facts is refused: unknown means no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class FunctionKind(StrEnum):
    SCALAR = "scalar"
    COUNT = "count"  # count(): says how many, nothing of the values
    SUM = "sum"  # a figure over all rows of a group: sum, avg, stddev, bool_and ...
    PICK = "pick"  # one row's value, or all of them in a row: min, max, string_agg ...
    RANKED = "ranked"  # ordered-set aggregates: percentile_cont(...) WITHIN GROUP (ORDER BY ...)
    WINDOW = "window"  # makes sense with OVER only
    ROWS = "rows"  # returns a set of rows


class Safety(StrEnum):
    """Whether a call can fail (or not) depending on what its arguments hold."""

    TOTAL = "total"  # never
    SUBJECT = "subject"  # not by its first argument; the others must be open
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """Facts of one function.

    ``ordered``: the result depends on the order in which rows arrive (string_agg, array_agg, first).
    ``extreme``: min and max, whose row SQLite and MySQL also take bare columns from.
    ``conditional``: evaluates some arguments depending on others (coalesce, iif).
    ``size_argument``: position of the argument that sets the size of the result (repeat, zeroblob, generate_series).
    ``columns``: what a set-returning function returns; one column named after the function when empty.
    """

    kind: FunctionKind
    safety: Safety = Safety.FAILS
    ordered: bool = False
    extreme: bool = False
    conditional: bool = False
    size_argument: int | None = None
    columns: tuple[str, ...] = ()

    @property
    def aggregate(self) -> bool:
        return self.kind in _AGGREGATES


_AGGREGATES = frozenset({FunctionKind.COUNT, FunctionKind.SUM, FunctionKind.PICK, FunctionKind.RANKED})


def function_table(
    *,
    total: str = "",
    subject: str = "",
    fails: str = "",
    conditional: str = "",
    sized: Mapping[str, int] = MappingProxyType({}),
    sums: str = "",
    picks: str = "",
    extremes: str = "min max",
    concatenates: str = "",
    ranked: str = "",
    windows: str = "row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value",
    rows: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[str, FunctionFacts]:
    """Build the allow list of a dialect from words: every name once, lower case."""
    made: dict[str, FunctionFacts] = {"count": FunctionFacts(FunctionKind.COUNT, Safety.TOTAL)}

    def add(names: str, facts: FunctionFacts) -> None:
        for name in names.split():
            if name in made:
                raise ValueError(f"function {name} is listed twice")
            made[name] = facts

    add(total, FunctionFacts(FunctionKind.SCALAR, Safety.TOTAL))
    add(subject, FunctionFacts(FunctionKind.SCALAR, Safety.SUBJECT))
    add(fails, FunctionFacts(FunctionKind.SCALAR))
    add(conditional, FunctionFacts(FunctionKind.SCALAR, Safety.TOTAL, conditional=True))
    add(sums, FunctionFacts(FunctionKind.SUM))
    add(picks, FunctionFacts(FunctionKind.PICK, Safety.TOTAL))
    add(extremes, FunctionFacts(FunctionKind.PICK, Safety.TOTAL, extreme=True))
    add(concatenates, FunctionFacts(FunctionKind.PICK, Safety.TOTAL, ordered=True))
    add(ranked, FunctionFacts(FunctionKind.RANKED))
    add(windows, FunctionFacts(FunctionKind.WINDOW, Safety.SUBJECT))
    for name, position in sized.items():
        add(name, FunctionFacts(FunctionKind.SCALAR, size_argument=position))
    for name, columns in rows.items():
        size = 1 if name == "generate_series" else None
        add(name, FunctionFacts(FunctionKind.ROWS, columns=tuple(columns.split()), size_argument=size))
    return MappingProxyType(made)
