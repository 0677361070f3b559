"""INSERT, UPDATE and DELETE: what they read follows the rules of queries, what they write never carries a mask into the
data, nor a protected value out of its column.

A masked column takes literals, tokens of its class, and columns of its class as they are. Nothing computed: an agent
that could write what it computed, and then read the token of that, could compare anything with anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from sqlglot import exp

from ...tool import Action, ColumnRef, ColumnRule, Flow, Place, Slot, ToolRefused
from ..catalog import Relation, RelationKind
from . import completeness, fidelity, inference, preview, refusals, render, tokens
from .analysis import Analysis, StatementKind
from .gate import Inventory
from .outcome import check_calls, indirect, outputs
from .parsing import Parsed
from .predicates import bare
from .redating import Redating
from .sources import TableSource
from .state import Env, Frame, Query, State
from .taint import Level, Source, Value
from .uses import UseKind
from .walk import Walk

_ACTIONS: Final = {
    StatementKind.INSERT: Action.DB_INSERT,
    StatementKind.UPDATE: Action.DB_UPDATE,
    StatementKind.DELETE: Action.DB_DELETE,
}
_MASK: Final = re.compile(r"\[masked\b|(?<!\*)\*{4}[0-9A-Za-z]{4}(?![0-9A-Za-z])", re.IGNORECASE)
_EXCLUDED: Final = "excluded"


def analyse(inventory: Inventory, parsed: Parsed, state: State) -> Analysis:
    """What a write would change, read and return. Raises `ToolRefused`."""
    write = _Write(inventory.tree, state)
    returned = write.walk()
    completeness.check(inventory, parsed.tokens, state)
    tree = inventory.tree
    columns = outputs(returned, state)
    try:
        inference.judge(state)
        tokens.check(inventory.literals, state)
    except ToolRefused as refused:
        raise refusals.UseRefused(refused, columns, indirect(state)) from None
    texts = tuple(write.texts())
    sql, slots = render.render(tree, state.profile, state.claims)
    check_calls(sql, inventory, state)
    fidelity.check(tree, sql, state.claims, state.profile)
    preview_sql, preview_slots = preview.counted(tree, state, slots)
    return Analysis(
        kind=inventory.kind,
        action=_ACTIONS[inventory.kind],
        sql=sql,
        template=render.template(sql, slots, state.profile),
        slots=slots,
        outputs=columns,
        indirect=indirect(state),
        reads=frozenset(state.touched),
        writes=frozenset(write.written),
        relations=frozenset(state.relations),
        functions=frozenset(inventory.functions),
        target=write.relation.qualified,
        sort_rows=returned.exposed,
        preview_sql=preview_sql,
        widened=state.widened,
        notes=tuple(state.notes),
        named=frozenset(state.named),
        preview_slots=preview_slots,
        literal_matches=state.register.set(state.literal_matches),
        written=texts,
        flows=write.flows(),
        redated=write.redating.columns(),
    )


class _Write:
    """The walk over one write."""

    def __init__(self, tree: exp.Expr, state: State) -> None:
        self._tree, self._state, self._walk = tree, state, Walk(state)
        self.written: set[ColumnRef] = set()
        self._flows: set[Flow] = set()
        self._sources: list[exp.Expr] = []  # of what is written
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if not isinstance(table, exp.Table):
            raise refusals.write("A write needs one table to change.", "Name the table.")
        if table.args.get("joins") or table.args.get("only"):
            raise refusals.write("Only one table can be changed at a time.", "Use a subquery in WHERE instead.")
        self._table = table
        self.relation = self._writable(table)
        self.redating = Redating(state, self.relation.qualified, self._passed_on)
        self._level = Level()
        self._frame = Frame(tree, self._level, outermost=False)
        self._env = Env((), {})

    def walk(self) -> Query:
        """Returns what RETURNING returns: a query without columns when there is none."""
        tree = self._tree
        with_ = tree.args.get("with_")
        if with_ is not None:
            self._env = self._walk.queries.with_ctes(with_, self._env)
        self._env = self._env.inner(self._frame)
        if not isinstance(tree, exp.Insert):
            self._add_target()
            self._others()
        if isinstance(tree, exp.Insert):
            self._insert()
        elif isinstance(tree, exp.Update):
            self._update()
        where = tree.args.get("where")
        if where is not None:
            self._walk.predicates.predicate(where.this, "where", self._env)
        self._check_matches()
        return self._returning()

    def texts(self) -> Iterator[str]:
        """Texts and numbers of the agent's own that may be stored, wherever they stand: also in WITH and FROM."""
        others: list[exp.Expr | None] = [self._tree.args.get("with_"), self._tree.args.get("from_")]
        using: list[exp.Expr] = self._tree.args.get("using") or []
        for part in (*self._sources, *others, *using):
            for literal in part.find_all(exp.Literal) if part is not None else ():
                if id(literal) not in self._state.tokens:
                    yield literal.args["this"]

    def flows(self) -> tuple[Flow, ...]:
        """How values get about that are not spelt out: first by what is written, then by foreign keys, which may pass
        a change on."""
        made = dict.fromkeys(sorted(self._flows, key=str))
        pending = sorted(self.written)
        while pending:
            passed = [flow for parent in pending for flow in self._passed_on(parent) if flow not in made]
            made |= dict.fromkeys(passed)
            pending = [flow.target for flow in passed]
        return tuple(made)

    def _passed_on(self, parent: ColumnRef) -> Iterator[Flow]:
        for key in self._state.shapes.catalog.foreign_keys:
            for own, referred in zip(key.columns, key.referred_columns, strict=False):
                if (key.referred_table, referred) == (parent.table, parent.column):
                    yield Flow(ColumnRef(parent.database, key.table, own), parent)

    # -- the table that is changed

    def _writable(self, table: exp.Table) -> Relation:
        if not isinstance(table.this, exp.Identifier):
            raise refusals.write("Only a table can be changed.", "Name a table.")
        relation = self._walk.sources.relation(table).relation
        if relation.kind is not RelationKind.TABLE:
            name = refusals.shown(relation.qualified)
            raise refusals.write(f"{name} is not a table; only tables can be changed.", "Change the table beneath it.")
        return relation

    def _add_target(self) -> None:
        """The changed table as a source, by its name or alias. A WITH query of that name never takes its place."""
        self._walk.sources.add_item(self._table, Env(self._env.levels, {}, self._frame))

    def _others(self) -> None:
        if self._state.profile.name == "mysql" and (self._tree.args.get("from_") or self._tree.args.get("using")):
            raise refusals.write("Only one table can be changed at a time.", "Use a subquery in WHERE instead.")
        self._walk.sources.add_from(self._tree, self._env)
        for item in self._tree.args.get("using") or ():
            self._walk.sources.add_item(item, self._env)

    def _column(self, identifier: exp.Expr) -> ColumnRef:
        """The column of that name, to be written."""
        name = self._state.names.fold(identifier)
        for column in self.relation.columns:
            if self._state.names.stored(column.name) == name:
                if column.generated is not None:
                    message = f"{refusals.shown(identifier.name)} is computed by the database."
                    raise refusals.write(message, "Leave it out.", refusals.shown(identifier.name))
                ref = ColumnRef(self._state.register.database, self.relation.qualified, column.name)
                self.written.add(ref)
                return ref
        raise refusals.unknown_column(identifier.name, [column.name for column in self.relation.columns])

    # -- INSERT

    def _insert(self) -> None:
        targets = self._targets()
        source = self._tree.args.get("expression")
        if not isinstance(source, exp.Values):
            self.redating.added((), targets)
        if source is not None:
            self._insert_from(source, targets)
        elif not self._tree.args.get("default"):
            raise refusals.write("INSERT needs values.", "Write VALUES (...) or SELECT ...")
        self._add_target()
        conflict = self._tree.args.get("conflict")
        if conflict is not None and self._state.profile.name == "mysql":
            raise refusals.write("ON CONFLICT is not allowed.", "Insert new rows only, or use UPDATE.", "conflict")
        if conflict is not None:
            self._conflict(conflict)

    def _targets(self) -> list[ColumnRef]:
        schema = self._tree.this
        if isinstance(schema, exp.Schema):
            if any(not isinstance(item, exp.Identifier) for item in schema.expressions):
                raise refusals.write("This list of columns is not allowed.", "Name plain columns.")
            return [self._column(item) for item in schema.expressions]
        if self._tree.args.get("default"):
            return []
        return [self._column(exp.to_identifier(c.name, quoted=True)) for c in self.relation.columns]

    def _insert_from(self, source: exp.Expr, targets: Sequence[ColumnRef]) -> None:
        outer = Env(self._env.levels[1:], self._env.ctes, None, self._env.depth)
        if isinstance(source, exp.Values):
            for row in source.args["expressions"]:
                cells: list[exp.Expr] = row.args["expressions"] if isinstance(row, exp.Tuple) else [row]
                self._check_width(len(cells), targets)
                self.redating.added(cells, targets)
                for cell, target in zip(cells, targets, strict=False):
                    self._assign(target, cell, outer)
            return
        if isinstance(source, exp.Select):
            self._walk.ordering.query_order_shows(source)  # new rows are numbered in the order they come
        query = self._walk.queries.query(source, outer.below())
        self._check_width(len(query.values), targets)
        if query.exposed and not query.ordered:
            raise refusals.write(
                "The order in which rows are inserted could follow a masked column.",
                "Insert from one SELECT with ORDER BY on a unique column.",
            )
        for target, value in zip(targets, query.values, strict=False):
            self._copy(target, value, source)
        self._sources.append(source)
        for literal in source.find_all(exp.Literal):
            if id(literal) not in self._state.claims:
                self._check_literal(literal, None)

    def _check_width(self, given: int, targets: Sequence[ColumnRef]) -> None:
        listed = isinstance(self._tree.this, exp.Schema)
        if given > len(targets) or (listed and given != len(targets)):
            raise refusals.write(
                f"{len(targets)} columns take values, but {given} are given.", "Name the columns and give each a value."
            )

    def _conflict(self, node: exp.Expr) -> None:
        """ON CONFLICT (open columns) DO NOTHING or DO UPDATE SET: whether a row is there already is then no secret."""
        keys: list[exp.Expr] = node.args.get("conflict_keys") or []
        columns = [bare(key.this if isinstance(key, exp.Ordered) else key) for key in keys]
        if not columns or node.args.get("where") is not None:
            raise refusals.write(
                "This form of ON CONFLICT is not allowed.",
                "Write ON CONFLICT (columns) DO NOTHING or DO UPDATE SET ..., without WHERE.",
                "conflict",
            )
        excluded = self._excluded()
        for column in columns:
            if not isinstance(column, exp.Column):
                raise refusals.write("ON CONFLICT takes plain columns.", "Name the columns of a key.", "conflict")
            value = self._walk.expressions.value(column, self._env)
            self._state.use(UseKind.FILTER, "conflict", value.bits, column)
        self._level.sources.append(excluded)
        self._assignments(node.args.get("expressions") or [])
        self._level.sources.remove(excluded)

    def _excluded(self) -> Source:
        """The row that was to be inserted: columns of the same classes as the table's own."""
        shape = self._state.shapes.of(self.relation)
        return TableSource(_EXCLUDED, shape, self._state, False, None)

    # -- UPDATE

    def _update(self) -> None:
        self._assignments(self._tree.args["expressions"])

    def _assignments(self, items: Sequence[exp.Expr]) -> None:
        for item in items:
            column = item.this
            if not isinstance(item, exp.EQ) or not isinstance(column, exp.Column):
                raise refusals.write("This form of SET is not allowed.", "Write SET column = value, ...", "set")
            table = column.args.get("table")
            if table is not None and self._state.names.fold(table) != self._level.sources[0].alias:
                raise refusals.write("SET names another table.", "Name columns of the changed table.", "set")
            self._state.visited.add(id(column))
            target = self._column(column.this)
            self.redating.changed(target, item.expression)
            self._assign(target, item.expression, self._env)

    def _check_matches(self) -> None:
        """With several matches in FROM the engine takes one of them: which one could follow a masked column."""
        if not isinstance(self._tree, exp.Update):
            return
        others = [source for source in self._level.sources[1:] if source.exposed]
        if not others:
            return
        fixed: set[tuple[int, int]] = set()
        where = self._tree.args.get("where")
        for part in _conjuncts(where.this) if where is not None else ():
            if isinstance(part, exp.EQ):
                places = [self._state.found.get(id(bare(side))) for side in (part.this, part.expression)]
                fixed.update((id(place[0]), place[1]) for place in places if place is not None)
        for source in others:
            if source.key is None or any((id(source), position) not in fixed for position in source.key):
                raise refusals.write(
                    "Several rows of FROM could match one changed row.",
                    "Compare the whole key of the table in FROM in WHERE, or use a subquery.",
                    "from",
                )

    # -- values

    def _assign(self, target: ColumnRef, node: exp.Expr, env: Env) -> None:
        inner = bare(node)
        self._sources.append(inner)
        if _is_default(inner, self._state):
            self._state.visited.add(id(inner))
            node.replace(exp.Var(this="DEFAULT"))  # a column of that name would be quoted
            return
        if isinstance(inner, exp.Literal):
            self._check_literal(inner, target)
            return
        negative = inner.this if isinstance(inner, exp.Neg) and isinstance(inner.this, exp.Literal) else None
        if negative is not None:
            self._check_literal(negative, None)
            return
        if isinstance(inner, exp.Null | exp.Boolean):
            return
        value = self._walk.expressions.value(inner, env)
        self._copy(target, value, inner)
        for literal in inner.find_all(exp.Literal):
            if id(literal) not in self._state.claims:
                self._check_literal(literal, None)

    def _copy(self, target: ColumnRef, value: Value, node: exp.Expr) -> None:
        """A value that is not written down: it must not leave its class, nor get into one."""
        state = self._state
        rule = self._rule(target)
        masked = state.masked(value)
        if rule is None:
            state.use(UseKind.COPY, "value", masked, node)
            self._flow(target, value)
            return
        if value.null:
            return
        if not value.plain or not masked or not self._same(rule, masked, value):
            if masked:
                state.use(UseKind.COPY, "value", masked, node)
            raise refusals.write(
                f"{self._named(target)} is masked and takes no computed values and no values of other columns.",
                "Write a literal, a token of its class, NULL, or a column of its class as it is.",
                refusals.shown(target.column),
            )
        self._flow(target, value)

    def _flow(self, target: ColumnRef, value: Value) -> None:
        if value.plain:
            self._flows.update(Flow(target, source) for source in self._state.register.each(value.bits))
        elif not value.null:
            self._flows.add(Flow(target))

    def _same(self, rule: ColumnRule, masked: int, value: Value) -> bool:
        register = self._state.register
        rules = [register.rules.get(ref) for ref in register.each(value.bits)]
        return all(
            r is not None and (r.class_name, r.mask, r.nulls_secret) == (rule.class_name, rule.mask, rule.nulls_secret)
            for r in rules
        )

    def _rule(self, target: ColumnRef) -> ColumnRule | None:
        """The rule that masks the column, its own or that of the column it holds copies of."""
        shape = self._state.shapes.of(self.relation)
        sources = next(column.sources for column in shape.columns if column.own == target)
        rules = (self._state.register.rules.get(source) for source in sources)
        return next((rule for rule in rules if rule is not None and rule.masked), None)

    def _named(self, target: ColumnRef) -> str:
        return refusals.shown(f"{target.table}.{target.column}")

    def _check_literal(self, literal: exp.Expr, target: ColumnRef | None) -> None:
        """A literal to be stored: a token of the column's class becomes a slot, nothing else may look like a mask.
        ``target`` is None where the literal is only a part of the value."""
        state, settings = self._state, self._state.settings
        assert settings is not None
        class_name = state.tokens.get(id(literal))
        if class_name is not None:
            self._claim(literal, class_name, target)
            return
        text: str = literal.args["this"]
        if not literal.args["is_string"]:
            return
        where = "" if target is None else self._named(target)
        if _MASK.search(text):
            raise refusals.token(
                "A value to be written looks like a mask; writing it would destroy the real value.",
                "Write a real value, or leave the column out.",
                where,
            )
        if settings.unknown_tokens(text):
            raise refusals.token(
                "A value to be written looks like a token, but is none of this session.",
                "Use a token exactly as it was given to you, or write a real value.",
                where,
            )
        if settings.find_tokens(text):
            raise refusals.token(
                "A token inside a longer text cannot be put back.", "Write the token alone, as the whole value.", where
            )

    def _claim(self, literal: exp.Expr, class_name: str, target: ColumnRef | None) -> None:
        if target is None:
            raise refusals.token("A token inside an expression cannot be put back.", "Write the token alone.")
        rule = self._rule(target)
        if rule is None or rule.class_name != class_name:
            raise refusals.token(
                f"A token of class {class_name} can only be written to a column of that class; "
                f"{self._named(target)} is none.",
                "Write it to a column that shows such tokens.",
                refusals.shown(target.column),
            )
        whose = bool(self.redating.dates_by(target))
        self._state.claims[id(literal)] = Slot(literal.name, Place.VALUE, str(target), class_name, whose)

    # -- RETURNING

    def _returning(self) -> Query:
        returning = self._tree.args.get("returning")
        if returning is None:
            return Query([], [], [])
        if len(self._level.sources) > 1 and any(isinstance(item, exp.Star) for item in returning.expressions):
            raise refusals.write("RETURNING * with several tables is not allowed.", "Name the columns.", "returning")
        level = Level()
        level.sources.append(self._level.sources[0])
        frame = Frame(returning, level, outermost=False)
        env = Env((level,), self._env.ctes, frame, self._env.depth)
        made = self._walk.queries.items(returning, env, frame)
        if frame.aggregated:
            raise refusals.write("RETURNING cannot hold aggregates.", "Name columns.", "returning")
        made.exposed = level.exposed
        made.whose = self._walk.queries.whose(made, level)
        return made


def _is_default(node: exp.Expr, state: State) -> bool:
    """The word DEFAULT, which sqlglot reads as a variable or a column."""
    if isinstance(node, exp.Var):
        return node.name.upper() == "DEFAULT"
    if not isinstance(node, exp.Column) or node.args.get("table") is not None:
        return False
    name = node.this
    return isinstance(name, exp.Identifier) and not name.args.get("quoted") and state.names.fold(name) == "default"


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    pending = [node]
    while pending:
        part = bare(pending.pop())
        if isinstance(part, exp.And):
            pending += (part.this, part.expression)
        else:
            yield part
