"""The walk: one pass over a statement that finds, for every output column, the base columns its values come from, and,
for every place that decides something, the base columns that decide. It goes by position, not by name, and where it
cannot know it takes more, never less.
"""

from __future__ import annotations

from sqlglot import exp

from ...tool import ColumnRef, OutputForm, ToolRefused
from ..catalog import Relation
from . import completeness
from .analysis import GuardSettings
from .calls import Calls
from .expressions import Expressions
from .grouping import Grouping
from .ordering import Ordering
from .parsing import parse_definition
from .predicates import Predicates
from .queries import Queries
from .shapes import Shapes, Traced
from .sources import Sources
from .stars import Stars
from .state import Env, Query, State
from .taint import Level, Source, Value, positions_by_name


class Walk:
    """The parts of one walk, which all know each other through it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.calls = Calls(self)
        self.expressions = Expressions(self)
        self.predicates = Predicates(self)
        self.sources = Sources(self)
        self.grouping = Grouping(self)
        self.ordering = Ordering(self)
        self.stars = Stars(self)
        self.queries = Queries(self)

    def query(self, tree: exp.Expr) -> Query:
        """Walk a whole query. Raises `ToolRefused`."""
        return self.queries.query(tree, Env((), {}), outermost=True)


def shapes_for(settings: GuardSettings) -> Shapes:
    """Shapes of the settings' catalog under its rules, with views traced by this walk."""
    return Shapes(settings.catalog, settings.rules, trace_view, trace_expression)


def trace_view(shapes: Shapes, relation: Relation) -> Traced | None:
    """Walk the body of a view. What it filters on is its owner's decision and does not count. None: not traceable."""
    assert relation.definition is not None
    tree = parse_definition(relation.definition, shapes.profile, shapes.words)
    if tree is None:
        return None
    if isinstance(tree, exp.Create):
        tree = tree.expression
    state = State(shapes, None)
    try:
        query = Walk(state).query(tree)
    except (ToolRefused, RecursionError, AssertionError, AttributeError, KeyError, TypeError):
        return None
    if not completeness.covers(tree, state) or _disordered(query.folded, relation, shapes):
        return None
    register = state.register
    counts = [v.counted if v.form is OutputForm.COUNT else v.bits for v in query.values]
    columns = tuple(
        (tuple(register.each(bits)), v.form, v.class_name) for bits, v in zip(counts, query.values, strict=True)
    )
    exposing = frozenset(ref for name in state.relations for ref in shapes.of(shapes.catalog.relations[name]).exposing)
    key = query.key
    if key is not None and any(query.values[i].bits & register.masked for i in key):
        key = None
    return Traced(columns, key, exposing, frozenset(state.touched), frozenset(state.relations), query.whose)


def _disordered(folded: list[str], relation: Relation, shapes: Shapes) -> bool:
    """Whether the view has the columns that were found, but in another order: what ``*`` stands for was not what the
    engine takes it for."""
    names = [shapes.names.stored(column.name) for column in relation.columns]
    return folded != names and sorted(folded) == sorted(names)


def trace_expression(shapes: Shapes, relation: Relation, expression: str) -> frozenset[ColumnRef] | None:
    """The columns a generated column is computed from. None: not traceable."""
    tree = parse_definition(f"SELECT {expression}", shapes.profile, shapes.words)
    if not isinstance(tree, exp.Select) or set(_given(tree)) != {"expressions"} or len(tree.expressions) != 1:
        return None
    state = State(shapes, None)
    labels = [column.name for column in relation.columns]
    refs = [ColumnRef(shapes.catalog.database, relation.qualified, label) for label in labels]
    by_name = positions_by_name(map(shapes.names.stored, labels))
    level = Level()
    level.sources.append(
        Source(shapes.names.stored(relation.name), labels, by_name, [Value(state.register.bit(ref)) for ref in refs])
    )
    try:
        value = Walk(state).expressions.value(tree.expressions[0], Env((level,), {}))
    except (ToolRefused, RecursionError, AssertionError, AttributeError, KeyError, TypeError):
        return None
    return state.register.set(value.bits | value.counted) if completeness.covers(tree, state) else None


def _given(node: exp.Expr) -> list[str]:
    return [key for key, value in node.args.items() if value]
