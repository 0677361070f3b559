"""Two opinions on one statement: what the walk found out, and what the engine itself says it would read. The engine may
read less; where it reads more, one of the two is wrong about the statement, and it does not run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from ...tool import ColumnRef, ToolRefused
from . import refusals
from .analysis import Analysis, EngineReads, Expected, GuardSettings
from .guard import shapes_of
from .names import ascii_lower
from .shapes import Shapes

_CALL: Final = re.compile(r"(?:\"((?:[^\"]|\"\")+)\"|([^\W\d]\w*))\s*\(")


def check(expected: Expected, reads: EngineReads) -> None:
    """Raises `ToolRefused` (``sql_disagreement``) when the engine would read, call or return what the walk did not
    account for. Nothing is said of which column it was: the agent may not know it."""
    if reads.width is not None and reads.width != len(expected.outputs):
        raise _differs("returns another number of columns", "width")
    if not reads.relations <= expected.relations:
        raise _differs("reads another table", "relations")
    for column in reads.columns - expected.columns:
        if column in expected.masked or column.table not in expected.relations:
            raise _differs("reads another column", "columns")
    if not reads.functions <= expected.functions:
        raise _differs("calls another function", "functions")
    if reads.sources is None:
        return
    if len(reads.sources) != len(expected.outputs):
        raise _differs("returns another number of columns", "width")
    for found, allowed in zip(reads.sources, expected.outputs, strict=True):
        if not (found & expected.masked) <= allowed:
            raise _differs("makes an output of another column", "outputs")


def expected_of(analysis: Analysis, settings: GuardSettings) -> Expected:
    """What the engine may say of the executed text of an analysis, made under the same settings."""
    shapes = shapes_of(settings)
    derived = _derived(shapes, analysis.relations)
    outputs = [_with_derived(output.sources, derived, analysis.reads) for output in analysis.outputs]
    if analysis.drop_groups_below is not None:
        outputs.append(frozenset())  # the hidden group size
    relations = set(analysis.relations)
    for name in analysis.relations:
        relations.update(shapes.catalog.relations[name].copies_from)
    if analysis.target is not None:
        relations.add(analysis.target)
    return Expected(
        columns=analysis.reads | analysis.writes,
        relations=frozenset(relations),
        outputs=tuple(outputs),
        masked=shapes.ruled.union(own for own, sources in derived.items() if any(map(shapes.masks, sources))),
        functions=_functions(shapes, analysis.relations),
    )


def _derived(shapes: Shapes, relations: Iterable[str]) -> dict[ColumnRef, frozenset[ColumnRef]]:
    """Columns that only hold what others do: of views, generated columns, copies. With the columns they are made of."""
    return {
        column.own: frozenset(column.sources)
        for name in relations
        for column in shapes.of(shapes.catalog.relations[name]).columns
        if column.own not in column.sources
    }


def _with_derived(
    sources: frozenset[ColumnRef], derived: dict[ColumnRef, frozenset[ColumnRef]], read: frozenset[ColumnRef]
) -> frozenset[ColumnRef]:
    """An engine may name a generated column, or a copy, where the walk names what it is made of."""
    return sources.union(own for own, made_of in derived.items() if own in read and made_of <= sources)


def _functions(shapes: Shapes, relations: Iterable[str]) -> frozenset[str]:
    profile = shapes.profile
    allowed = profile.implied_functions.union(profile.functions, shapes.catalog.user_functions)
    views = (shapes.catalog.relations[name] for name in relations)
    return allowed.union(*(_called(view.definition) for view in views if isinstance(view.definition, str)))


@lru_cache(1024)
def _called(definition: str) -> frozenset[str]:
    """Every name in a view's body that brackets follow. What its owner wrote is the owner's decision."""
    found = _CALL.findall(definition)
    return frozenset(quoted.replace('""', '"') if quoted else ascii_lower(plain) for quoted, plain in found)


def _differs(what: str, place: str) -> ToolRefused:
    return refusals.engine(f"The database understands this statement differently: it {what}.", place)
