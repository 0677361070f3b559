"""The walk: one pass over a statement that finds, for every output column, the base columns its values come from, and,
for every place that decides something, the base columns that decide. It goes by position, not by name, and where it
cannot know it takes more, never less.
"""

from __future__ import annotations

from sqlglot import exp

from ...tool import ColumnRef, ToolRefused
from ..catalog import Relation
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
from .state import Env, Query, State


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
    tree = parse_definition(relation.definition, shapes.profile)
    if tree is None:
        return None
    if isinstance(tree, exp.Create):
        tree = tree.expression
    state = State(shapes, None)
    try:
        query = Walk(state).query(tree)
    except (ToolRefused, RecursionError, AssertionError, AttributeError, KeyError, TypeError):
        return None
    register = state.register
    columns = tuple((tuple(register.each(v.bits)), v.form, v.class_name) for v in query.values)
    exposing = frozenset(ref for name in state.relations for ref in shapes.of(shapes.catalog.relations[name]).exposing)
    key = query.key
    if key is not None and any(query.values[i].bits & register.masked for i in key):
        key = None
    return Traced(columns, key, exposing, frozenset(state.touched), frozenset(state.relations), query.whose)


def trace_expression(shapes: Shapes, relation: Relation, expression: str) -> frozenset[ColumnRef] | None:
    """The columns a generated column is computed from. None: not traceable."""
    tree = parse_definition(f"SELECT {expression}", shapes.profile)
    if tree is None or not isinstance(tree, exp.Select):
        return None
    names = shapes.names
    known = {names.stored(column.name): column.name for column in relation.columns}
    found: set[ColumnRef] = set()
    for node in tree.find_all(exp.Column):
        name = None if isinstance(node.this, exp.Star) else known.get(names.fold(node.this))
        if name is None:
            return None
        found.add(ColumnRef(shapes.catalog.database, relation.qualified, name))
    return frozenset(found)
