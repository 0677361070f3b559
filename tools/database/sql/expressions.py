"""Expressions: what each is computed from, and whether computing it could give something away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from ...tool import OutputForm
from . import refusals
from .predicates import bare
from .state import Env
from .taint import CONSTANT, HEAVY, NULL, Level, Source, Value, combine, swayed, unite
from .uses import UseKind

if TYPE_CHECKING:
    from .walk import Walk

_QUERIES = (exp.Select, exp.SetOperation, exp.Values)


class Expressions:
    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._state = walk.state
        self._by_type: dict[type[exp.Expr], Callable[[exp.Expr, Env], Value]] = {
            exp.Column: self._column,
            exp.Identifier: self._word,
            exp.Literal: self._literal,
            exp.Null: lambda node, env: NULL,
            exp.Paren: lambda node, env: self.value(node.this, env),
            exp.Alias: lambda node, env: self.value(node.this, env),
            exp.Subquery: self._scalar,
            exp.Select: self._scalar,
            exp.Union: self._scalar,
            exp.Except: self._scalar,
            exp.Intersect: self._scalar,
            exp.Values: self._scalar,
            exp.Exists: self._exists,
            exp.Star: self._star,
            exp.EQ: self._compared,
            exp.NEQ: self._compared,
            exp.In: self._listed,
            exp.And: self._logic,
            exp.Or: self._logic,
            exp.Xor: self._logic,
            exp.Case: self._case,
            exp.If: self._case,
            exp.Like: self._like,
            exp.ILike: self._like,
            exp.Glob: self._like,
            exp.Cast: self._cast,
            exp.TryCast: self._cast,
            exp.DPipe: self._concatenation,
            exp.Dot: self._dot,
            exp.Anonymous: walk.calls.call,
            exp.Window: walk.calls.window,
            exp.Filter: walk.calls.filter,
            exp.WithinGroup: walk.calls.within_group,
            exp.GroupConcat: walk.calls.group_concat,
        }

    def value(self, node: exp.Expr, env: Env) -> Value:
        """What an expression is made of. Raises `ToolRefused` for names that mean nothing."""
        special = self._by_type.get(type(node))
        if special is not None:
            return special(node, env)
        if isinstance(node, exp.Var):  # a word of the engine's own, such as ALL in DuckDB's ORDER BY ALL
            raise refusals.construct(f"{refusals.shown(node.name.upper())} is not allowed here.", "Name the columns.")
        return self._generic(node, env)

    # -- names

    def _column(self, node: exp.Expr, env: Env) -> Value:
        state = self._state
        state.visited.add(id(node))
        this = node.args["this"]
        table = node.args.get("table")
        if isinstance(this, exp.Star):
            self._check_star()
            source = self.source(table, node, env)
            value = source.whole()
        elif table is not None:
            value = self._qualified(node, this, table, env)
        else:
            value = self._unqualified(node, this, env)
        state.bits_of[id(node)] = value.bits
        frame = env.frame
        if frame is not None and not frame.inside and state.profile.bare_columns:
            frame.bare.append((node, value))
        return value

    def source(self, table: exp.Expr | None, node: exp.Expr, env: Env) -> Source:
        """The source of that name, from the inside out."""
        assert table is not None
        name = self._state.names.fold(table)
        schema = node.args.get("db")
        wanted = None if schema is None else self._state.names.fold(schema)
        for level in env.levels:
            for source in level.sources:
                if source.alias == name and (wanted is None or source.schema == wanted):
                    return source
        raise refusals.unknown_column(_spelled(node), self._known(env))

    def _qualified(self, node: exp.Expr, this: exp.Expr, table: exp.Expr, env: Env) -> Value:
        names = self._state.names
        name, schema = names.fold(table), node.args.get("db")
        wanted = None if schema is None else names.fold(schema)
        folded = names.fold(this)
        for level in env.levels:
            for source in level.sources:
                if source.alias != name or (wanted is not None and source.schema != wanted):
                    continue
                value = source.find(folded)
                if value is not None:
                    self._remember(node, source, folded)
                    return value
                if source.open is not None:
                    return source.open
                raise refusals.unknown_column(_spelled(node), source.labels)
        if wanted is None and self._state.profile.lateral_aliases:  # DuckDB: column.field of a struct
            value = self._lookup(table, env, node)
            if value is not None:
                return combine([value], OutputForm.EXPRESSION)
        raise refusals.unknown_column(_spelled(node), self._known(env))

    def _unqualified(self, node: exp.Expr, this: exp.Expr, env: Env) -> Value:
        value = self._lookup(this, env, node)
        if value is None:
            raise refusals.unknown_column(_spelled(node), self._known(env))
        return value

    def _lookup(self, identifier: exp.Expr, env: Env, node: exp.Expr) -> Value | None:
        """All columns of that name at the nearest level that has one. United with what the name may mean further in:
        a source whose columns are not known, a source of that name as a row (a column further out wins over it)."""
        folded = self._state.names.fold(identifier)
        maybe: list[Value] = []
        for level in env.levels:
            found = self._at_level(level, folded, node, maybe)
            if found:
                if maybe:
                    self._state.found.pop(id(node), None)
                return unite([*found, *maybe])
        return combine(maybe) if maybe else None

    def _at_level(self, level: Level, folded: str, node: exp.Expr, maybe: list[Value]) -> list[Value]:
        if folded in level.merged:
            return [level.merged[folded]]
        found: list[Value] = []
        for source in level.sources:
            value = source.find(folded)
            if value is not None:
                found.append(value)
                self._remember(node, source, folded)
            elif source.open is not None:
                maybe.append(source.open)
        if len(found) > 1:
            self._state.found.pop(id(node), None)
        alias = level.aliases.get(folded)
        if found:
            if alias is not None and not self._state.profile.aliases_lose:
                found.append(alias)
            return found
        if alias is not None:
            return [alias]
        if self._state.profile.whole_rows:
            maybe += [source.whole() for source in level.sources if source.alias == folded]
        return []

    def _remember(self, node: exp.Expr, source: Source, folded: str) -> None:
        positions = source.by_name.get(folded)
        if positions is not None and len(positions) == 1:
            self._state.found[id(node)] = (source, positions[0])

    def _known(self, env: Env) -> list[str]:
        return [label for level in env.levels for source in level.sources for label in source.labels]

    def _dot(self, node: exp.Expr, env: Env) -> Value:
        """``(p).email``: a column of a row value. In a view's body also ``schema.function(...)``, which databases print
        and the gate lets no agent write."""
        inner = bare(node.this)
        field = node.expression
        if isinstance(field, exp.Anonymous):
            return self._walk.calls.qualified(node, env)
        if not isinstance(field, exp.Identifier | exp.Star):
            return combine(self.children(node, env), OutputForm.EXPRESSION)
        name = inner.expression if isinstance(inner, exp.Dot) else inner
        if isinstance(name, exp.Identifier):  # p.email.upper() of DuckDB
            return combine([self.value(inner, env), *self._named(name, field, env)])
        if isinstance(inner, exp.Column) and inner.args.get("table") is None and isinstance(field, exp.Identifier):
            source = self.row_source(inner, env)
            if source is not None:
                self._state.visited.add(id(inner))
                value = source.find(self._state.names.fold(field)) or source.open
                if value is None:
                    raise refusals.unknown_column(_spelled(inner) + "." + field.name, source.labels)
                self._state.bits_of[id(inner)] = value.bits
                return value
        return combine([self.value(node.this, env)], OutputForm.EXPRESSION)

    def _named(self, name: exp.Expr, field: exp.Expr, env: Env) -> Iterator[Value]:
        """What a field of whatever has that name in FROM is."""
        folded = self._state.names.fold(name)
        for source in (source for level in env.levels for source in level.sources if source.alias == folded):
            column = source.find(self._state.names.fold(field)) if isinstance(field, exp.Identifier) else None
            yield column or source.whole()

    def row_source(self, column: exp.Expr, env: Env) -> Source | None:
        """The source a name means as a whole row: only when no column has that name, however far out."""
        folded = self._state.names.fold(column.args["this"])
        if any(source.find(folded) is not None for level in env.levels for source in level.sources):
            return None
        for level in env.levels:
            for source in level.sources:
                if source.alias == folded:
                    return source
        return None

    def _check_star(self) -> None:
        if not (self._state.profile.row_stars or self._state.owner):
            raise refusals.construct("A star inside an expression is not allowed.", "Name the columns.", "*")

    def _star(self, node: exp.Expr, env: Env) -> Value:
        """A bare star anywhere but alone in a select list or in count(*)."""
        if not self._state.owner:
            raise refusals.construct("A star inside an expression is not allowed.", "Name the columns.", "*")
        return combine(source.whole() for source in env.levels[0].sources)

    # -- leaves and operators

    def _literal(self, node: exp.Expr, env: Env) -> Value:
        if node.args["is_string"] and len(node.args["this"]) > 200:
            return Value(form=OutputForm.CONSTANT, weight=1 + len(node.args["this"]) // 50)
        return CONSTANT

    def children(self, node: exp.Expr, env: Env) -> list[Value]:
        """The values of everything a node holds: all of its arguments, never a known list of them."""
        found: list[Value] = []
        for argument in node.args.values():
            if isinstance(argument, exp.Expr):
                found.append(self._child(argument, env))
            elif isinstance(argument, list):
                for item in argument:  # pyright: ignore[reportUnknownVariableType]
                    if isinstance(item, exp.Expr):
                        found.append(self._child(item, env))
        return found

    def _child(self, node: exp.Expr, env: Env) -> Value:
        if isinstance(node, exp.DataType) or (isinstance(node, exp.Var) and not self._state.owner):
            return CONSTANT
        return self._word(node, env) if isinstance(node, exp.Var) else self.value(node, env)

    def _word(self, node: exp.Expr, env: Env) -> Value:
        """A bare word where a value may stand. It is a name that syntax has of its own (of an argument, a collation),
        or a column: ``email.upper()`` of DuckDB has no other sign of one. In a view's body, which no gate has seen, the
        words of units may be columns, too."""
        found = self._lookup(node, env, node)
        return CONSTANT if found is None else found

    def _generic(self, node: exp.Expr, env: Env) -> Value:
        """Any other operator: computed from all it holds; it may fail unless the profile says that it cannot."""
        values = self.children(node, env)
        made = combine(values)
        if type(node).__name__ in self._state.profile.total_nodes:
            return made
        self._state.use(UseKind.FAILS, "expression", made.bits, node)
        made.risky = True
        return made

    def _concatenation(self, node: exp.Expr, env: Env) -> Value:
        values = [self.value(node.this, env), self.value(node.expression, env)]
        return self.grown(node, values)

    def grown(self, node: exp.Expr, values: Sequence[Value]) -> Value:
        """Texts put together: too many pieces could reach a size limit, and whether they do tells of a length."""
        made = combine(values)
        made = Value(made.bits, made.form, counted=made.counted, totals=made.totals, risky=made.risky)
        made.weight = min(sum(value.weight for value in values), 10_000)
        if made.weight > HEAVY and self._state.masked(made):
            self._state.use(UseKind.FAILS, "expression", made.bits, node)
        return made

    def _cast(self, node: exp.Expr, env: Env) -> Value:
        inner = self.value(node.this, env)
        made = combine([inner])
        if made.form is OutputForm.CONSTANT and (inner.null or self._state.profile.name == "postgresql"):
            return NULL if inner.null else CONSTANT  # PostgreSQL computes constants before it runs anything
        kind = node.args["to"].args.get("this")
        name = getattr(kind, "name", str(kind))
        total = self._state.profile.total_types
        if isinstance(node, exp.TryCast) or name in total or "Cast" in self._state.profile.total_nodes:
            return made
        self._state.use(UseKind.FAILS, "cast", made.bits, node)
        made.risky = True
        return made

    def _like(self, node: exp.Expr, env: Env) -> Value:
        """A pattern that is not a constant can be malformed, or take long."""
        subject, pattern = self.value(node.this, env), self.value(node.expression, env)
        if self._state.masked(pattern):
            self._state.use(UseKind.FAILS, "expression", pattern.bits, node)
        return combine([subject, pattern])

    # -- conditions inside expressions

    def _compared(self, node: exp.Expr, env: Env) -> Value:
        return self._walk.predicates.compared(node, env)

    def _listed(self, node: exp.Expr, env: Env) -> Value:
        return self._walk.predicates.listed(node, env)

    def _logic(self, node: exp.Expr, env: Env) -> Value:
        parts: list[Value] = []
        pending = [node]
        while pending:
            part = bare(pending.pop())
            if isinstance(part, exp.And | exp.Or | exp.Xor):
                pending += (part.this, part.expression)
            else:
                parts.append(self.value(part, env))
        for i, part in enumerate(parts):
            if self._state.masked(part) and any(other.risky for j, other in enumerate(parts) if i != j):
                self._state.use(UseKind.FAILS, "condition", part.bits, node)
        return combine(parts)

    def _case(self, node: exp.Expr, env: Env) -> Value:
        """CASE and IF: what is not chosen is not computed, so a masked condition may hold nothing that can fail."""
        steps: list[Value] = []
        conditions = 0
        operand = node.args.get("this")
        branches: list[exp.Expr] = node.args.get("ifs") or [node]
        if operand is not None and node.args.get("ifs"):
            steps.append(self.value(operand, env))
            conditions |= steps[-1].bits
        for branch in branches:
            condition = self.value(branch.this, env)
            conditions |= condition.bits
            steps.append(condition)
            if branch.args.get("true") is not None:
                steps.append(self.value(branch.args["true"], env))
        for key in ("default", "false"):
            if node.args.get(key) is not None:
                steps.append(self.value(node.args[key], env))
        self._state.decides("condition", conditions)
        self.in_turn(steps, node)
        return combine(steps, OutputForm.EXPRESSION)

    def in_turn(self, steps: Iterable[Value], node: exp.Expr) -> None:
        """Steps that are computed or not depending on those before them."""
        before = 0
        for step in steps:
            if before and step.risky:
                self._state.use(UseKind.FAILS, "condition", before, node)
            before |= self._state.masked(step)

    # -- subqueries

    def _scalar(self, node: exp.Expr, env: Env) -> Value:
        """A subquery as one value. Where there may be several rows, which one it is shows their order."""
        if self._state.profile.first_row_wins:
            self._walk.ordering.query_order_shows(node)
        return self.rows(node, env)

    def rows(self, node: exp.Expr, env: Env) -> Value:
        """What the rows of a subquery are made of: the list of IN, ANY and ARRAY."""
        inner = node.this if isinstance(node, exp.Subquery) else node
        query, chosen = self._state.choosing(lambda: self._walk.queries.query(inner, env.below()))
        if len(query.values) == 1:
            value = query.values[0]
            made = Value(value.bits, value.form, value.class_name, counted=value.counted, weight=value.weight)
            made.type = value.type
        else:
            made = combine(query.values)
        made.risky = True
        return swayed(made, chosen)

    def _exists(self, node: exp.Expr, env: Env) -> Value:
        """Whether there are rows: the select list of the subquery says nothing, what decides its rows was noted."""
        inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
        _, chosen = self._state.choosing(lambda: self._walk.queries.query(inner, env.below()))
        return Value(chosen, risky=True)


def _spelled(node: exp.Expr) -> str:
    """A column as the agent wrote it."""
    parts = [node.args.get(key) for key in ("db", "table", "this")]
    return ".".join("*" if isinstance(part, exp.Star) else part.name for part in parts if part is not None)
