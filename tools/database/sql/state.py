"""What one walk over one statement knows and collects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sqlglot import exp

from ...tool import ColumnRef, Slot
from . import refusals
from .analysis import GuardSettings, Inference
from .profiles import Profile
from .shapes import Shape, Shapes
from .taint import Level, Register, Source, Value
from .uses import Use, UseKind

MAX_SUBQUERIES: Final = 24
_T = TypeVar("_T")


@dataclass(slots=True)
class Query:
    """A query's result: its columns in order. ``key``, ``exposed`` and ``whose`` as in `Source`."""

    labels: list[str]
    folded: list[str]
    values: list[Value]
    key: tuple[int, ...] | None = None
    exposed: bool = False
    ordered: bool = False  # by all that tells rows apart: the order carries nothing more
    nodes: list[exp.Expr] = field(default_factory=list[exp.Expr])  # the expressions of the select list, if it has one
    places: list[tuple[Source, int] | None] = field(default_factory=list[tuple[Source, int] | None])  # plain columns
    whose: Mapping[int, int] = field(default_factory=dict[int, int])


class Frame:
    """One SELECT while it is walked.

    ``outermost``: nothing is around it. ``bare``: columns met outside of aggregates, with the source and position they
    were found at. ``extremes``: the arguments of its min() and max().
    """

    __slots__ = ("aggregated", "bare", "extremes", "inside", "level", "node", "outermost", "sets")

    def __init__(self, node: exp.Expr, level: Level, outermost: bool) -> None:
        self.node, self.level, self.outermost = node, level, outermost
        self.aggregated = False
        self.sets = False  # grouping sets, rollup, cube
        self.inside = 0
        self.bare: list[tuple[exp.Expr, Value]] = []
        self.extremes: list[tuple[exp.Expr, Value]] = []


class Env:
    """What names mean at one place: levels from the inside out, common table expressions, the SELECT around it."""

    __slots__ = ("ctes", "depth", "frame", "levels")

    def __init__(
        self, levels: tuple[Level, ...], ctes: Mapping[str, Query], frame: Frame | None = None, depth: int = 0
    ) -> None:
        self.levels, self.ctes, self.frame, self.depth = levels, ctes, frame, depth

    def inner(self, frame: Frame) -> Env:
        return Env((frame.level, *self.levels), self.ctes, frame, self.depth)

    def with_ctes(self, ctes: Mapping[str, Query]) -> Env:
        return Env(self.levels, ctes, self.frame, self.depth)

    def below(self) -> Env:
        """For a query inside this place. Raises `ToolRefused` when they are nested too deeply."""
        if self.depth >= MAX_SUBQUERIES:
            raise refusals.limit(f"Subqueries are nested deeper than {MAX_SUBQUERIES}.", "Write it flatter.")
        return Env(self.levels, self.ctes, None, self.depth + 1)


class State:
    """Everything one walk collects. ``owner``: a view's body, written by the database's owner: nothing is judged."""

    def __init__(self, shapes: Shapes, settings: GuardSettings | None) -> None:
        self.shapes, self.settings = shapes, settings
        self.owner = settings is None
        self.profile: Profile = shapes.profile
        self.names = shapes.names
        self.register = Register(shapes.catalog.database, shapes.rules)
        self.uses: list[Use] = []
        self.indirect: dict[str, int] = {}  # place -> columns that decide there
        self.visited: set[int] = set()  # id() of Column and Table nodes the walk accounted for
        self.found: dict[int, tuple[Source, int]] = {}  # id() of a Column node -> the one source column it is
        self.bits_of: dict[int, int] = {}  # id() of a Column node -> what it stands for
        self.touched: set[ColumnRef] = set()  # columns read, under the names of their own relations
        self.relations: set[str] = set()
        self.named: set[str] = set()
        self.tokens: dict[int, str] = {}  # id() of a literal that is a token -> its class
        self.claims: dict[int, Slot] = {}  # ... and the slot it became
        self.literal_matches: int = 0
        self.totals: int = 0  # masked columns shown as totals or group labels: groups must be large enough
        self.total_level: Level | None = None
        self.total_nodes: list[exp.Expr] = []  # the aggregates over them
        self.total_tables: list[Source] = []  # the tables those columns are from
        self.order_matters = self._order_matters()
        self.notes: list[str] = []
        self.widened = False
        self.defined: set[str] = set()  # folded names of CTEs and aliases the statement gives itself
        self.forced_order: set[int] = set()  # id() of queries whose order of rows shows in a value
        self._chosen = 0  # columns that decided something in a view's body

    def _order_matters(self) -> bool:
        if self.settings is None:
            return False
        modes = {self.settings.inference, *self.settings.class_inference.values()}
        return modes != {Inference.RELAXED}

    def mode(self, index: int) -> Inference:
        """The inference mode of a column by its bit's index."""
        assert self.settings is not None
        rule = self.register.rule_of[index]
        if rule is None:
            return self.settings.inference
        return self.settings.class_inference.get(rule.class_name, self.settings.inference)

    def use(self, kind: UseKind, place: str, bits: int, node: exp.Expr, *, open: bool = False) -> None:
        """Note that columns decide something at a place."""
        if self.owner:
            self._chosen |= bits
        if not bits or self.owner:
            return
        self.indirect[place] = self.indirect.get(place, 0) | bits
        masked = bits & self.register.masked
        if masked:
            self.uses.append(Use(kind, place, masked, node, open))

    def decides(self, place: str, bits: int) -> None:
        """Note columns that decide at a place in a way that needs no judging: for the record."""
        if self.owner:
            self._chosen |= bits
        elif bits:
            self.indirect[place] = self.indirect.get(place, 0) | bits

    def choosing(self, walk: Callable[[], _T]) -> tuple[_T, int]:
        """Do a part of the walk, and tell the masked columns that decided in it where nobody judges that: in a view's
        body. Its rows are its owner's choice, but a value that shows whether a row was found is made of what found it.
        """
        before, self._chosen = self._chosen, 0
        made = walk()
        chosen, self._chosen = self._chosen, before
        return made, chosen & self.register.masked

    def masked(self, value: Value) -> int:
        return value.bits & self.register.masked

    def table(self, shape: Shape) -> None:
        """Account for a relation the statement names."""
        qualified = shape.relation.qualified
        self.relations.add(qualified)
        self.named.add(qualified)
        self.relations.update(shape.beneath)
        self.touched.update(shape.reads)
