"""Relations as the walk sees them: columns with what they are made of, views expanded, copies traced. Made once per
version of catalog and rules, then shared by all analyses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ...tool import ColumnRef, ColumnRules, Mask, OutputForm
from ..catalog import Catalog, Relation, RelationKind
from .names import Names
from .profiles import Profile, profile_for

_MAX_DEPTH: Final = 32  # views upon views


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """One column. ``own`` is its own name; ``sources`` the base columns whose rules mask it (itself, for a table)."""

    own: ColumnRef
    sources: tuple[ColumnRef, ...]
    form: OutputForm
    class_name: str | None
    type: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A relation, ready to be a source. ``beneath``: relations and columns a view reads, itself not included.

    ``key``: positions of columns that are unique together. ``exposing``: masked columns that an index holds, so that
    the order of rows may follow them. ``opaque``: what it is made of cannot be traced. ``whose`` as in `Source`.
    """

    relation: Relation
    labels: tuple[str, ...]
    folded: tuple[str, ...]
    columns: tuple[ColumnShape, ...]
    key: tuple[int, ...] | None
    exposing: frozenset[ColumnRef]
    reads: frozenset[ColumnRef] = frozenset()
    beneath: frozenset[str] = frozenset()
    opaque: bool = False
    row_identifiers: tuple[str, ...] = ()
    whose: Mapping[int, int] = field(default_factory=dict[int, int])


@dataclass(frozen=True, slots=True)
class Traced:
    """What the walk found out about a view's body."""

    columns: tuple[tuple[tuple[ColumnRef, ...], OutputForm, str | None], ...]
    key: tuple[int, ...] | None
    exposing: frozenset[ColumnRef]
    reads: frozenset[ColumnRef]
    beneath: frozenset[str]
    whose: Mapping[int, int]


class Shapes:
    """All shapes of one catalog under one set of rules.

    ``trace`` walks the body of a view, ``trace_expression`` the expression of a generated column; both return None when
    they cannot. They are passed in because the walk itself needs shapes.
    """

    def __init__(
        self,
        catalog: Catalog,
        rules: ColumnRules,
        trace: Callable[[Shapes, Relation], Traced | None],
        trace_expression: Callable[[Shapes, Relation, str], frozenset[ColumnRef] | None],
    ) -> None:
        self.catalog, self.rules = catalog, rules
        self.profile: Profile = profile_for(catalog.dialect)
        self.names = Names(catalog, self.profile)
        self._trace, self._trace_expression = trace, trace_expression
        self._made: dict[str, Shape] = {}
        self._lock = threading.RLock()
        self._depth = 0
        words: set[str] = set()
        for relation in catalog.relations.values():
            words.add(relation.name)
            words.update(column.name for column in relation.columns)
        self.words = frozenset(words)
        self.masked_words = self._masked_words()
        self.ruled = self._ruled_columns()

    def of(self, relation: Relation) -> Shape:
        """The shape of a relation. Safe to call from several threads."""
        made = self._made.get(relation.qualified)
        if made is not None:
            return made
        with self._lock:
            made = self._made.get(relation.qualified)
            if made is None:
                made = self._make(relation)
                self._made[relation.qualified] = made
            return made

    def masks(self, ref: ColumnRef) -> bool:
        """Whether a rule masks the column itself."""
        return ref in self.ruled

    def _masked_words(self) -> frozenset[str]:
        """Folded names of masked columns and of closed relations: a word of these must be accounted for."""
        names = self.names
        found = {names.stored(r.name) for q, r in self.catalog.relations.items() if not self.catalog.is_open(q)}
        for relation in self.catalog.relations.values():
            for column in relation.columns:
                rule = self.rules.get(self._ref(relation, column.name))
                if rule is not None and rule.masked:
                    found.add(names.stored(column.name))
        return frozenset(found)

    def _ruled_columns(self) -> frozenset[ColumnRef]:
        """All columns that a rule of their own masks."""
        refs = (self._ref(r, column.name) for r in self.catalog.relations.values() for column in r.columns)
        return frozenset(ref for ref in refs if (rule := self.rules.get(ref)) is not None and rule.masked)

    def _ref(self, relation: Relation, column: str) -> ColumnRef:
        return ColumnRef(self.catalog.database, relation.qualified, column)

    def _make(self, relation: Relation) -> Shape:
        if self._depth > _MAX_DEPTH:
            return self._opaque(relation)
        self._depth += 1
        try:
            if relation.kind in (RelationKind.VIEW, RelationKind.MATERIALISED):
                return self._view(relation)
            return self._table(relation)
        finally:
            self._depth -= 1

    def _shape(
        self,
        relation: Relation,
        columns: tuple[ColumnShape, ...],
        key: tuple[int, ...] | None,
        exposing: frozenset[ColumnRef],
        reads: frozenset[ColumnRef] = frozenset(),
        beneath: frozenset[str] = frozenset(),
        opaque: bool = False,
        whose: Mapping[int, int] | None = None,
    ) -> Shape:
        labels = tuple(column.name for column in relation.columns)
        folded = tuple(self.names.stored(label) for label in labels)
        table = relation.kind is RelationKind.TABLE
        return Shape(
            relation,
            labels,
            folded,
            columns,
            key,
            exposing,
            reads,
            beneath,
            opaque,
            self.profile.row_identifiers if table else (),
            whose or {},
        )

    def _opaque(self, relation: Relation) -> Shape:
        columns = tuple(
            ColumnShape(ref, (ref,), OutputForm.EXPRESSION, None, column.type)
            for column in relation.columns
            for ref in (self._ref(relation, column.name),)
        )
        return self._shape(relation, columns, None, frozenset(), opaque=True)

    def _view(self, relation: Relation) -> Shape:
        traced = self._trace(self, relation) if relation.definition is not None else None
        if traced is None or len(traced.columns) != len(relation.columns):
            return self._opaque(relation)
        columns: list[ColumnShape] = []
        for column, (sources, form, class_name) in zip(relation.columns, traced.columns, strict=True):
            own = self._ref(relation, column.name)
            columns.append(self._ruled(own, sources, form, class_name, column.type))
        exposing = traced.exposing | self._indexed(relation, columns)
        return self._shape(
            relation, tuple(columns), traced.key, exposing, traced.reads, traced.beneath, whose=traced.whose
        )

    def _ruled(
        self, own: ColumnRef, sources: tuple[ColumnRef, ...], form: OutputForm, class_name: str | None, type: str
    ) -> ColumnShape:
        """A view's column may have a rule of its own, beside what it inherits."""
        rule = self.rules.get(own)
        if rule is None or not rule.masked:
            return ColumnShape(own, sources, form, class_name, type)
        inherited = any((r := self.rules.get(source)) is not None and r.masked for source in sources)
        if not inherited:
            return ColumnShape(own, (own,), OutputForm.IDENTITY, rule.class_name, type)
        if form is OutputForm.IDENTITY and class_name == rule.class_name:
            return ColumnShape(own, (own, *sources), form, class_name, type)
        return ColumnShape(own, (own, *sources), OutputForm.EXPRESSION, None, type)

    def _table(self, relation: Relation) -> Shape:
        origins = [r for name in relation.copies_from if (r := self.catalog.relations.get(name)) is not None]
        columns: list[ColumnShape] = []
        reads: set[ColumnRef] = set()
        opaque = False
        for column in relation.columns:
            own = self._ref(relation, column.name)
            rule = self.rules.get(own)
            shape = ColumnShape(
                own, (own,), OutputForm.IDENTITY, rule.class_name if rule and rule.masked else None, column.type
            )
            if rule is None and column.generated is not None:
                shape, opaque_here = self._generated(relation, shape, column.generated)
                opaque = opaque or opaque_here
            elif rule is None and origins:
                shape = self._copied(shape, origins)
            reads.update(shape.sources)
            columns.append(shape)
        made = tuple(columns)
        key = tuple(i for i, column in enumerate(relation.columns) if column.primary_key) or None
        if key is not None and any(made[i].class_name is not None or not self._shows(made[i]) for i in key):
            key = None
        whose = self._whose(relation)
        return self._shape(relation, made, key, self._indexed(relation, columns), opaque=opaque, whose=whose)

    def _whose(self, relation: Relation) -> Mapping[int, int]:
        """Columns of shifted dates, and where it stands whose they are."""
        labels = [column.name for column in relation.columns]
        rules = ((i, self.rules.get(self._ref(relation, name))) for i, name in enumerate(labels))
        return {
            i: labels.index(rule.subject.column)
            for i, rule in rules
            if rule is not None and rule.mask is Mask.SHIFT and rule.subject and rule.subject.column in labels
        }

    def _shows(self, column: ColumnShape) -> bool:
        return not any((r := self.rules.get(source)) is not None and r.masked for source in column.sources)

    def _generated(self, relation: Relation, shape: ColumnShape, expression: str) -> tuple[ColumnShape, bool]:
        """A generated column without a rule has the classes of what it is computed from."""
        sources = self._trace_expression(self, relation, expression)
        if sources is None:
            return shape, True
        masked = tuple(s for s in sorted(sources) if (r := self.rules.get(s)) is not None and r.masked)
        if not masked:
            return shape, False
        return ColumnShape(shape.own, masked, OutputForm.EXPRESSION, None, shape.type), False

    def _copied(self, shape: ColumnShape, origins: list[Relation]) -> ColumnShape:
        """A partition, or an index of texts, holds the cells of the column of the same name it copies."""
        name = self.names.stored(shape.own.column)
        for origin in origins:
            for column in origin.columns:
                if self.names.stored(column.name) != name:
                    continue
                ref = self._ref(origin, column.name)
                rule = self.rules.get(ref)
                if rule is not None and rule.masked:
                    return ColumnShape(shape.own, (ref,), OutputForm.IDENTITY, rule.class_name, shape.type)
        return shape

    def _indexed(self, relation: Relation, columns: list[ColumnShape]) -> frozenset[ColumnRef]:
        """The masked columns that some index of the relation holds; all of them for an index on an expression."""
        masked = {c.own.column: c for c in columns if not self._shows(c)}
        if not masked:
            return frozenset()
        held: set[str | None] = {name for index in relation.indexes for name in index}
        held.update(column.name for column in relation.columns if column.primary_key)
        chosen = masked.values() if None in held else [masked[name] for name in held if name in masked]
        return frozenset(source for column in chosen for source in column.sources)
