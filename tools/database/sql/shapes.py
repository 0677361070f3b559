"""Relations as the walk sees them: columns with what they are made of, views expanded, copies traced. Made once per
version of catalog and rules, then shared by all analyses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ...tool import ColumnRef, ColumnRules, Mask, OutputForm
from ..catalog import Catalog, Column, Relation, RelationKind
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
        columns: list[ColumnShape] = []
        opaque = False
        for column in relation.columns:
            shape = self._column(relation, column)
            opaque = opaque or shape is None
            columns.append(shape or self._plain(relation, column))
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

    def _plain(self, relation: Relation, column: Column) -> ColumnShape:
        own = self._ref(relation, column.name)
        rule = self.rules.get(own)
        class_name = rule.class_name if rule is not None and rule.masked else None
        return ColumnShape(own, (own,), OutputForm.IDENTITY, class_name, column.type)

    def _column(
        self, relation: Relation, column: Column, within: frozenset[ColumnRef] = frozenset()
    ) -> ColumnShape | None:
        """A column of a table; None when it cannot be traced. ``within``: the columns that are made of it."""
        plain = self._plain(relation, column)
        if self.rules.get(plain.own) is not None:
            return plain
        if plain.own in within:
            return None if column.generated is not None else plain
        within |= {plain.own}
        if column.generated is not None:
            return self._generated(relation, plain, column.generated, within)
        return self._copied(relation, plain, within)

    def _generated(
        self, relation: Relation, plain: ColumnShape, expression: str, within: frozenset[ColumnRef]
    ) -> ColumnShape | None:
        """A generated column without a rule has the classes of what it is computed from, generated or copied again."""
        sources = self._trace_expression(self, relation, expression)
        if sources is None:
            return None
        masked: set[ColumnRef] = set()
        for source in sources:
            column = relation.column(source.column)
            shape = None if column is None else self._column(relation, column, within)
            if shape is None:
                return None
            masked.update(ref for ref in shape.sources if self.masks(ref))
        if not masked:
            return plain
        return ColumnShape(plain.own, tuple(sorted(masked)), OutputForm.EXPRESSION, None, plain.type)

    def _copied(self, relation: Relation, plain: ColumnShape, within: frozenset[ColumnRef]) -> ColumnShape | None:
        """A partition, or an index of texts, holds the cells of the column of the same name it copies."""
        name = self.names.stored(plain.own.column)
        for origin in (self.catalog.relations.get(copied) for copied in relation.copies_from):
            for i, column in enumerate(origin.columns if origin is not None else ()):
                if origin is None or self.names.stored(column.name) != name:
                    continue
                shape = self._original(origin, i, within)
                if shape is None:
                    return None
                if not self._shows(shape):
                    return ColumnShape(plain.own, shape.sources, shape.form, shape.class_name, plain.type)
        return plain

    def _original(self, origin: Relation, position: int, within: frozenset[ColumnRef]) -> ColumnShape | None:
        if origin.kind not in (RelationKind.VIEW, RelationKind.MATERIALISED):
            return self._column(origin, origin.columns[position], within)
        shape = self.of(origin)
        return None if shape.opaque else shape.columns[position]

    def _indexed(self, relation: Relation, columns: list[ColumnShape]) -> frozenset[ColumnRef]:
        """The masked columns that some index of the relation holds; all of them for an index on an expression."""
        masked = {c.own.column: c for c in columns if not self._shows(c)}
        if not masked:
            return frozenset()
        held: set[str | None] = {name for index in relation.indexes for name in index}
        held.update(column.name for column in relation.columns if column.primary_key)
        chosen = masked.values() if None in held else [masked[name] for name in held if name in masked]
        return frozenset(source for column in chosen for source in column.sources)
