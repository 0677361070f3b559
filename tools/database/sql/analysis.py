"""What the pure core finds out about one statement: the seam to everything that executes or records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ...tool import Action, ColumnRef, ColumnRules, Flow, IndirectUse, OutputColumn, Slot, TokenSpan
from ..catalog import Catalog


class Inference(StrEnum):
    """How freely masked columns may be used where they do not show, only decide. See docs/sql-guard.md."""

    STRICT = "strict"
    BALANCED = "balanced"
    RELAXED = "relaxed"


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Everything but the text that an analysis depends on; with the text it is the cache key.

    ``class_inference`` overrides ``inference`` for single classes. ``token_class`` tells the class of a literal that is
    a token as a whole (else None); ``find_tokens`` finds tokens inside a longer text, ``unknown_tokens`` what only has
    the form of one: both are asked of written values only.
    ``token_joins`` opens, outside strict, a join of two token-masked columns of one class.
    """

    catalog: Catalog
    rules: ColumnRules
    inference: Inference = Inference.STRICT
    min_group_size: int = 5
    row_cap: int = 1000
    class_inference: Mapping[str, Inference] = field(default_factory=lambda: MappingProxyType({}))
    token_class: Callable[[str | int], str | None] = lambda _: None
    writes: bool = False  # INSERT, UPDATE and DELETE are considered at all (database_execute)
    find_tokens: Callable[[str], Sequence[TokenSpan]] = lambda _: ()
    unknown_tokens: Callable[[str], Sequence[TokenSpan]] = lambda _: ()
    token_joins: bool = False


class StatementKind(StrEnum):
    SELECT = "select"
    EXPLAIN = "explain"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Analysis:
    """A statement the gate let through, and all that is known of it.

    ``sql`` is regenerated from the parsed tree, never the agent's text. Its placeholders stand for ``slots``, in order:
    ``$1, $2 ...`` on PostgreSQL, ``?`` elsewhere (see ``Profile.placeholder``).
    ``template`` is the same statement for the record: every literal a ``?``, tokens kept.
    ``outputs`` has exactly one entry per output column, in order.
    ``relations`` are all base relations and views read or written, also those beneath views (qualified names), with the
    columns of each in ``reads``; ``named`` are those the agent's text names itself: the ones to ask a policy about.
    """

    kind: StatementKind
    action: Action
    sql: str
    template: str
    slots: tuple[Slot, ...]
    outputs: tuple[OutputColumn, ...]
    indirect: tuple[IndirectUse, ...]
    reads: frozenset[ColumnRef]
    writes: frozenset[ColumnRef]
    relations: frozenset[str]
    functions: frozenset[str]
    target: str | None = None  # the table a write changes
    ordered: bool = False  # the statement has an ORDER BY at its top
    sort_rows: bool = False  # order could carry a protected value: sort the masked rows
    drop_groups_below: int | None = None  # balanced: the last column of the executed ``sql`` is a hidden group size
    preview_sql: str | None = None  # writes: one row, one column: how many rows would change
    widened: bool = False  # lineage is a safe over-estimate, not exact
    notes: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    preview_slots: tuple[int, ...] = ()  # which of ``slots``, in order, the placeholders of ``preview_sql`` take
    literal_matches: frozenset[ColumnRef] = frozenset()  # masked columns compared with a literal: rate-limit and audit
    written: tuple[str, ...] = ()  # texts and numbers of the agent's own that a write may store
    flows: tuple[Flow, ...] = ()  # where a write stores values that it does not spell out
    redated: frozenset[ColumnRef] = frozenset()  # shifted dates that a write changes, or whose they are


@dataclass(frozen=True, slots=True)
class EngineReads:
    """What the engine itself says a prepared statement would read: the second opinion.

    ``columns`` and ``relations`` are named as the catalog names them. An engine that does not report something leaves
    its default. ``sources`` has one set per output column of the executed text; ``width`` is its number of columns.
    ``functions`` are the ones called by name, folded: not what operators and casts stand for.
    For EXPLAIN, ``sources`` stays None (the columns of a plan have none) and the reads are those of the query in it.
    """

    columns: frozenset[ColumnRef] = frozenset()
    relations: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    sources: tuple[frozenset[ColumnRef], ...] | None = None
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What the guard says a statement reads at most; the engine's own reading is held against it before it runs.

    ``columns`` and ``relations`` are the walk's; ``outputs`` has one set of sources per output column of the executed
    text (a hidden group size included), ``masked`` are all masked columns of the database, those that only hold what
    masked columns do (generated columns, copies) included where a relation of the statement has some. ``functions``
    may be called: the engine's allow list and what the owner's views call. An engine that reads a masked column, or a
    relation, beyond these is not obeyed: the call is refused. Made by `reconcile.expected_of`.
    """

    columns: frozenset[ColumnRef]
    relations: frozenset[str]
    outputs: tuple[frozenset[ColumnRef], ...]
    masked: frozenset[ColumnRef]
    functions: frozenset[str] = frozenset()
