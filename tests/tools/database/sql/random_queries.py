"""Random nested queries over a small schema where names collide on purpose: aliases are called like columns and tables,
columns are renamed by position, WITH queries shadow tables, rows are used whole. Most are valid PostgreSQL."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from gloveport.tests.tools.database.sql.clinic import Rules, rule
from gloveport.tools.database.catalog import Catalog, Column, Relation, RelationKind
from gloveport.tools.database.sql.analysis import GuardSettings, Inference

TABLES = {"t1": ("id", "a", "b", "c"), "t2": ("id", "a", "d", "x"), "t3": ("k", "b", "t1", "y")}
VIEWS = {
    "v1": ("SELECT id, a AS b, upper(c) AS z FROM t1", ("id", "b", "z")),
    "v2": ("SELECT t2.d AS a, v1.z AS d FROM t2 JOIN v1 ON v1.id = t2.id", ("a", "d")),
}
SCHEMA_SQL = "; ".join(
    [
        *(f"CREATE TABLE {name} ({', '.join(f'{c} text' for c in columns)})" for name, columns in TABLES.items()),
        "CREATE TABLE t4 (id text, a text)",
        *(f"CREATE VIEW {name} AS {body}" for name, (body, _) in VIEWS.items()),
    ]
)
ALIASES = ("a", "b", "x", "t1", "t2", "p", "q", "z", "v1", "id")
NEW_NAMES = ("a", "b", "c", "id", "m", "n", "t1", "p")
CTES = ("t4", "w", "a", "q", "t9")  # t4 is a table, but not an open one


def guard_settings(mode: Inference = Inference.RELAXED) -> GuardSettings:
    """Everything is masked, and nothing is refused for what it does with masked columns."""
    relations = {
        name: Relation(name, None, RelationKind.TABLE, tuple(Column(c, "text") for c in columns))
        for name, columns in {**TABLES, "t4": ("id", "a")}.items()
    }
    for name, (body, columns) in VIEWS.items():
        relations[name] = Relation(
            name, None, RelationKind.VIEW, tuple(Column(c, "text") for c in columns), definition=body
        )
    open_relations = frozenset(relations) - {"t4"}
    catalog = Catalog("fuzz", "postgresql", "1", relations, open_relations)
    masked = {f"{t}.{c}": rule("person") for t, columns in TABLES.items() for c in columns}
    return GuardSettings(catalog, Rules(masked, version="fuzz"), mode)


@dataclass
class Source:
    alias: str
    columns: list[str]
    row: bool = True  # may be used as a whole row


@dataclass
class Scope:
    sources: list[Source] = field(default_factory=list[Source])
    outer: Scope | None = None
    ctes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


class Generator:
    """One stream of queries: the same seed gives the same queries."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._budget = 0

    def query(self) -> str:
        """One statement."""
        self._budget = self.random.randint(3, 14)
        return self._select(Scope(), self.random.randint(1, 4))[0]

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _spend(self) -> bool:
        self._budget -= 1
        return self._budget > 0

    # -- queries

    def _select(self, outer: Scope, width: int, ctes: dict[str, list[str]] | None = None) -> tuple[str, list[str]]:
        known = dict(outer.ctes if ctes is None else ctes)
        head = ""
        if self._chance(0.25) and self._spend():
            head = self._with(outer, known)
        if self._chance(0.15) and self._spend():
            left, names = self._plain(outer, width, known)
            right, _ = self._plain(outer, width, known)
            operator = self.random.choice(["UNION ALL", "UNION", "INTERSECT", "EXCEPT", "UNION ALL"])
            tail = self.random.choice(["", "", " ORDER BY 1", " LIMIT 3"])
            return f"{head}{left} {operator} {right}{tail}", names
        body, names = self._plain(outer, width, known)
        return head + body, names

    def _with(self, outer: Scope, known: dict[str, list[str]]) -> str:
        parts: list[str] = []
        recursive = self._chance(0.35)
        for _ in range(self.random.randint(1, 2)):
            name = self.random.choice(CTES)
            if f'"{name}"' in "".join(parts):
                continue
            width = self.random.randint(1, 3)
            scope = Scope(outer=outer, ctes=known)
            if recursive and self._chance(0.6):
                columns = [f"r{i}" for i in range(width)]
                start, _ = self._plain(scope, width, known)
                step_source = self._shuffled_step(name, columns)
                body = f"{start} UNION ALL {step_source}"
            else:
                body, columns = self._select(scope, width, known)
                if self._chance(0.4):
                    columns = self._new_names(width)
            parts.append(f'"{name}" ({", ".join(_quoted(c) for c in columns)}) AS ({body})')
            known[name] = columns
        return f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(parts)} " if parts else ""

    def _shuffled_step(self, name: str, columns: list[str]) -> str:
        """The recursive part: columns swap places, and something new comes in."""
        order = self.random.sample(columns, len(columns))
        items = [f'"{name}".{_quoted(c)}' for c in order]
        if self._chance(0.5):
            items[self.random.randrange(len(items))] = "t1.c"
        return f'SELECT {", ".join(items)} FROM "{name}" JOIN t1 ON t1.id = "{name}".{_quoted(columns[0])}'

    def _plain(self, outer: Scope, width: int, ctes: dict[str, list[str]]) -> tuple[str, list[str]]:
        scope = Scope(outer=outer, ctes=ctes)
        from_ = self._from(scope)
        grouped = self._chance(0.12)
        items: list[str] = []
        names: list[str] = []
        keys: list[str] = []
        for i in range(width):
            text = self._aggregate(scope) if grouped and self._chance(0.6) else self._text(scope, 2)
            if grouped and not text.startswith(("max(", "min(", "string_agg(", "count(", "array_to_string(array_agg(")):
                keys.append(text)
            elif not grouped and self._chance(0.12):
                text = self._window(scope)
            name = self.random.choice(NEW_NAMES) if self._chance(0.6) else f"o{i}"
            while name in names:
                name += "1"
            items.append(f"{text} AS {_quoted(name)}")
            names.append(name)
        distinct = "DISTINCT " if self._chance(0.08) else ""
        sql = f"SELECT {distinct}{', '.join(items)} FROM {from_}"
        if self._chance(0.35):
            sql += f" WHERE {self._condition(scope, 2)}"
        if grouped and keys:
            sql += f" GROUP BY {', '.join(keys)}"
            if self._chance(0.3):
                sql += f" HAVING {self._aggregate(scope)} > 'x'"
        if self._chance(0.15):
            sql += f" ORDER BY {self.random.randint(1, width)}"
        if self._chance(0.1):
            sql += " LIMIT 5"
        return (f"({sql})" if " ORDER BY " in sql or " LIMIT " in sql else sql), names

    # -- FROM

    def _from(self, scope: Scope) -> str:
        text, commas = self._item(scope), False
        for _ in range(self.random.choice([0, 0, 1, 1, 2])):
            if not self._spend():
                break
            kind = self.random.random()
            before = list(scope.sources)
            if kind < 0.2:
                text += f", {self._item(scope)}"
            elif kind < 0.3:
                text += f" CROSS JOIN {self._item(scope)}"
            elif kind < 0.4:
                text += f", LATERAL {self._lateral(scope)}"
            elif kind < 0.5:
                text += f", {self._function(scope)}"
            elif kind < 0.65:
                item = self._item(scope)
                shared = {c for s in before for c in s.columns} & set(scope.sources[-1].columns)
                word = self.random.choice(["JOIN", "LEFT JOIN", "FULL JOIN"])
                text += f" {word} {item} USING ({_quoted(self.random.choice(sorted(shared or {'id'})))})"
            elif kind < 0.7:
                text += f" NATURAL JOIN {self._item(scope)}"
            else:
                word = self.random.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN"])
                item = self._item(scope)
                text += f" {word} {item} ON {self._condition(scope, 1)}"
            commas = commas or kind < 0.2 or 0.3 <= kind < 0.5
            if not commas and self._chance(0.2):
                text = f"({text})"
        return text

    def _item(self, scope: Scope) -> str:
        kind = self.random.random()
        if kind < 0.25 and self._spend():
            width = self.random.randint(1, 3)
            body, names = self._select(Scope(outer=scope.outer, ctes=scope.ctes), width, scope.ctes)
            return self._aliased(scope, f"({body})", names, must=True)
        if kind < 0.35 and scope.ctes:
            name = self.random.choice(sorted(scope.ctes))
            return self._aliased(scope, f'"{name}"', scope.ctes[name], name)
        if kind < 0.42:
            rows = ", ".join(f"('{self.random.choice('uvw')}', {self._outer_text(scope)})" for _ in range(2))
            return self._aliased(scope, f"(VALUES {rows})", ["column1", "column2"], must=True)
        if kind < 0.47 and self._spend():
            inner = Scope(outer=scope.outer, ctes=scope.ctes)
            left, right = self._item(inner), self._item(inner)
            columns = [c for s in inner.sources for c in s.columns]
            alias = self._alias(scope)
            scope.sources.append(Source(alias, columns))
            return f"({left} JOIN {right} ON true) AS {_quoted(alias)}"
        name = self.random.choice([*TABLES, *VIEWS])
        columns = list(TABLES[name]) if name in TABLES else list(VIEWS[name][1])
        return self._aliased(scope, name, columns, name)

    def _aliased(self, scope: Scope, text: str, columns: list[str], name: str = "", must: bool = False) -> str:
        if not must and self._chance(0.35) and name not in {s.alias for s in scope.sources}:
            scope.sources.append(Source(name, columns))
            return text
        alias = self._alias(scope)
        if self._chance(0.35):
            count = self.random.randint(1, len(columns))
            renamed = [*self._new_names(count), *columns[count:]]
            scope.sources.append(Source(alias, renamed))
            return f"{text} AS {_quoted(alias)} ({', '.join(_quoted(c) for c in renamed[:count])})"
        scope.sources.append(Source(alias, columns))
        return f"{text} AS {_quoted(alias)}"

    def _alias(self, scope: Scope) -> str:
        taken = {s.alias for s in scope.sources}
        free = [a for a in ALIASES if a not in taken]
        return self.random.choice(free) if free else f"s{len(taken)}"

    def _new_names(self, count: int) -> list[str]:
        return self.random.sample(NEW_NAMES, count)

    def _lateral(self, scope: Scope) -> str:
        width = self.random.randint(1, 2)
        body, names = self._plain(scope, width, scope.ctes)
        return self._aliased(scope, f"({body})", names, must=True)

    def _function(self, scope: Scope) -> str:
        text = self._text(scope, 1)
        alias = self._alias(scope)
        kind = self.random.randrange(5)
        if kind == 0:
            scope.sources.append(Source(alias, ["u"]))
            return f"unnest(ARRAY[{text}, 'k']) AS {_quoted(alias)} (u)"
        if kind == 1:
            scope.sources.append(Source(alias, [alias], row=False))
            return f"string_to_table({text}, ',') AS {_quoted(alias)}"
        if kind == 2:
            scope.sources.append(Source(alias, ["j", "w"]))
            return f"jsonb_each_text(jsonb_build_object('k', {text})) AS {_quoted(alias)} (j, w)"
        if kind == 3:
            scope.sources.append(Source(alias, ["u", "w"]))
            other = self._text(scope, 1)
            return f"ROWS FROM (unnest(ARRAY[{text}]), string_to_table({other}, ',')) AS {_quoted(alias)} (u, w)"
        scope.sources.append(Source(alias, [alias, "ordinality"], row=False))
        return f"string_to_table({text}, ',') WITH ORDINALITY AS {_quoted(alias)}"

    # -- expressions

    def _column(self, scope: Scope, *, whole: bool = False) -> str:
        level: Scope | None = scope
        while level is not None and level.outer is not None and (not level.sources or self._chance(0.2)):
            level = level.outer
        if level is None or not level.sources:
            level = scope
        if not level.sources:
            return "'k'"
        source = self.random.choice(level.sources)
        if whole and source.row:
            return self.random.choice(
                [
                    f"{_quoted(source.alias)}::text",
                    f"to_jsonb({_quoted(source.alias)})::text",
                    f"concat_ws('-', {_quoted(source.alias)}.*)",
                    f"({_quoted(source.alias)}.*)::text",
                    f"row_to_json({_quoted(source.alias)})::text",
                ]
            )
        column = self.random.choice(source.columns)
        text = _quoted(column)
        kind = self.random.random()
        if kind < 0.3:
            return f"{text}::text"
        if kind < 0.38 and source.row:
            return f"({_quoted(source.alias)}).{text}::text"
        return f"{_quoted(source.alias)}.{text}::text"

    def _outer_text(self, scope: Scope) -> str:
        return self._column(scope.outer) if scope.outer is not None and scope.outer.sources else "'o'"

    def _text(self, scope: Scope, depth: int) -> str:
        kind = self.random.random()
        if depth == 0 or kind < 0.45:
            return self._column(scope)
        if kind < 0.52:
            return self._column(scope, whole=True)
        if kind < 0.58:
            return f"upper({self._text(scope, depth - 1)})"
        if kind < 0.66:
            return f"({self._text(scope, depth - 1)} || {self._text(scope, depth - 1)})"
        if kind < 0.72:
            return f"coalesce({self._text(scope, depth - 1)}, {self._text(scope, depth - 1)})"
        if kind < 0.79:
            return (
                f"CASE WHEN {self._condition(scope, 1)} THEN {self._text(scope, depth - 1)} "
                f"ELSE {self._text(scope, depth - 1)} END"
            )
        if kind < 0.85 and self._spend():
            body, _ = self._plain(scope, 1, scope.ctes)
            return f"(SELECT s.s1 FROM ({body}) AS s (s1) LIMIT 1)" if self._chance(0.4) else f"({body})"
        if kind < 0.89 and self._spend():
            body, _ = self._plain(scope, 1, scope.ctes)
            return f"array_to_string(array({body}), ',')"
        if kind < 0.92:
            return f"(ARRAY[{self._text(scope, depth - 1)}, {self._text(scope, depth - 1)}])[1]"
        if kind < 0.94:
            return f"({self._condition(scope, 1)})::text"
        if kind < 0.97:
            return f"(jsonb_build_object('k', {self._text(scope, depth - 1)}) ->> 'k')"
        return "'literal'"

    def _aggregate(self, scope: Scope) -> str:
        column = self._column(scope)
        return self.random.choice(
            [
                f"max({column})",
                f"min({column})",
                f"string_agg({column}, ',' ORDER BY {self._column(scope)})",
                f"array_to_string(array_agg({column}), ',')",
            ]
        )

    def _window(self, scope: Scope) -> str:
        inner = self.random.choice(
            [f"max({self._column(scope)})", f"first_value({self._column(scope)})", f"lag({self._column(scope)})"]
        )
        partition = f"PARTITION BY {self._column(scope)} " if self._chance(0.5) else ""
        return f"{inner} OVER ({partition}ORDER BY {self._column(scope)})"

    def _condition(self, scope: Scope, depth: int) -> str:
        kind = self.random.random()
        if kind < 0.5 or depth == 0:
            operator = self.random.choice(["=", "<", "<>", "LIKE"])
            return f"{self._text(scope, depth - 1 if depth else 0)} {operator} {self._column(scope)}"
        if kind < 0.6:
            return f"{self._column(scope)} IS NOT NULL"
        if kind < 0.7 and self._spend():
            body, _ = self._plain(scope, 1, scope.ctes)
            return f"EXISTS ({body})"
        if kind < 0.8 and self._spend():
            body, _ = self._plain(scope, 1, scope.ctes)
            return f"{self._column(scope)} IN ({body})"
        if kind < 0.9:
            return f"{self._column(scope)} IN ('a', {self._column(scope)})"
        joined = self.random.choice(["AND", "OR"])
        return f"({self._condition(scope, depth - 1)} {joined} {self._condition(scope, depth - 1)})"


def _quoted(name: str) -> str:
    return f'"{name}"'
