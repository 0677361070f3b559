"""Random views in the words of four engines, as owners might write them. Rows are chosen by keys and open columns only,
since that is an owner's business; every column is computed from anything, masked or not.

Names collide on purpose, keys do not stand first, and columns of common names make a star hard to count.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "t1": ("a", "id", "b", "j"),
    "t2": ("c", "id", "d"),
    "t3": ("id", "e", "t1", "j"),
}
GENERATED: Final[Mapping[str, Mapping[str, str]]] = {  # by table: expressions of further columns
    "t1": {"g": "upper(b)", "h": "concat(g, 'h')"},
    "t3": {"k": "upper(json_extract(j, '$.k'))"},
}
MAY_BE_MASKED: Final = ("t1.a", "t1.b", "t1.j", "t2.c", "t2.d", "t3.e", "t3.t1", "t3.j")
_ALIASES: Final = ("a", "b", "p", "q", "t1", "t3", "x", "k")
_NAMES: Final = ("a", "b", "c", "id", "m", "n", "x", "y")

# What a text can be made of: {x} and {y} are texts, {c} a condition on anything, {n} an inner query's source with its
# text {z} and condition {w}, {o} an open key.
_COMMON: Final = (
    "upper({x})",
    "coalesce({x}, {y})",
    "nullif({x}, {y})",
    "substr({x}, 1, 2)",
    "replace({x}, {y}, 'z')",
    "CASE WHEN {c} THEN {x} ELSE {y} END",
    "CASE {x} WHEN {y} THEN 'p' ELSE 'q' END",
    "CASE WHEN {x} IN ('a0', {y}) THEN 'i' ELSE 'o' END",
    "(SELECT max({z}) FROM {n} WHERE {w})",
    "CASE WHEN EXISTS (SELECT 1 FROM {n} WHERE {w}) THEN {x} ELSE 'none' END",
    "CASE WHEN {x} IN (SELECT {z} FROM {n} WHERE {w}) THEN 'in' ELSE 'out' END",
    "(SELECT count(*) FROM {n} WHERE {w})",
    "(SELECT count({z}) FROM {n})",
    "(SELECT count(DISTINCT {z}) FROM {n})",
    "(SELECT count(CASE WHEN {w} THEN 1 END) FROM {n})",
    "(SELECT min({z}) FROM (SELECT {z} AS z, {w} AS w FROM {n}) AS i WHERE w)",
    "max({x}) OVER (PARTITION BY {o})",
    "row_number() OVER (ORDER BY {x}, {o})",
    "rank() OVER (PARTITION BY {y} ORDER BY {o})",
    "lag({x}, 1, {y}) OVER (ORDER BY {o})",
    "({x} = {y})",
    "({x} LIKE 'a%')",
    "({x} IS NULL)",
    "({x} BETWEEN 'b' AND {y})",
)
_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "sqlite": (
        "({x} || {y})",
        "iif({c}, {x}, {y})",
        "upper({j} -> '$.k')",
        "coalesce({j} ->> 'k', {x})",
        "json_extract({j}, '$.k')",
        "json_array({x}, {y})",
        "(SELECT group_concat({z}, '+') FROM {n} WHERE {w})",
        "(SELECT value FROM json_each({j}) LIMIT 1)",
        "(SELECT count(*) FILTER (WHERE {w}) FROM {n})",
        "count(*) FILTER (WHERE {c}) OVER (PARTITION BY {o})",
        "max({x}, {y})",
        "printf('%s-%s', {x}, {y})",
        "CAST({x} AS blob)",
        "({x} GLOB 'a*')",
        "{x} COLLATE nocase",
        "({x}, {y}) = ('a0', 'b1')",
    ),
    "duckdb": (
        "({x} || {y})",
        "upper({j} ->> '$.k')",
        "({j} -> '$.k')",
        "{p}.upper()",
        "{p}.upper().lower()",
        "[{x}, {y}][1]",
        "struct_pack(f := {x}, g := {y}).f",
        "{{'f': {x}, 'g': 1}}['f']",
        "map([{x}], [{y}])[{x}]",
        "CAST({r} AS varchar)",
        "(SELECT string_agg({z}, '+' ORDER BY {z}) FROM {n} WHERE {w})",
        "(SELECT count(*) FILTER (WHERE {w}) FROM {n})",
        "count(*) FILTER (WHERE {c}) OVER (PARTITION BY {o})",
        "(SELECT arg_max({z}, {z}) FROM {n})",
        "if({c}, {x}, {y})",
        "try_cast({x} AS integer)",
        "('a0' IN [{x}])",
    ),
    "postgresql": (
        "({x} || {y})",
        "({x} OPERATOR(pg_catalog.||) {y})",
        '({x} COLLATE "C")',
        "upper({j}::jsonb ->> 'k')",
        "({j}::jsonb -> 'k')::text",
        "jsonb_build_object('k', {x}) ->> 'k'",
        "(to_jsonb({r}) ->> 'b')",
        "{r}::text",
        "(ARRAY[{x}, {y}])[1]",
        "array_to_string(ARRAY(SELECT {z} FROM {n} WHERE {w} ORDER BY 1), '+')",
        "row({x}, {y})::text",
        "(SELECT string_agg({z}, '+' ORDER BY {z}) FROM {n} WHERE {w})",
        "(SELECT count(*) FILTER (WHERE {w}) FROM {n})",
        "count(*) FILTER (WHERE {c}) OVER (PARTITION BY {o})",
        "(SELECT mode() WITHIN GROUP (ORDER BY {z}) FROM {n})",
        "(SELECT v.z FROM (VALUES ({x}), ({y})) AS v(z) ORDER BY 1 LIMIT 1)",
        "(SELECT value FROM jsonb_each_text({j}::jsonb) LIMIT 1)",
        "trim(both 'a' from {x})",
        "overlay({x} placing {y} from 1)",
        "position({x} in {y})",
        "xmlforest({x} AS f)::text",
        "format('%s-%s', {x}, {y})",
        "({x} IS DISTINCT FROM {y})",
        "({x} ~ '^a')",
        "({x} = ANY (SELECT {z} FROM {n} WHERE {w}))",
        "greatest({x}, {y})",
    ),
    "mysql": (
        "concat({x}, {y})",
        "if({c}, {x}, {y})",
        "json_value({j}, '$.k')",
        "json_unquote(json_extract({j}, '$.k'))",
        "convert({x} using utf8mb4)",
        "(SELECT group_concat({z} ORDER BY {z} SEPARATOR '+') FROM {n} WHERE {w})",
        "({x} <=> {y})",
        "({x} REGEXP '^a')",
        "trim(leading 'a' from {x})",
        "locate({x}, {y})",
        "cast({x} AS char(3))",
        "binary {x}",
        "interval(1, {o} + 0, 2)",
        "elt(1, {x}, {y})",
        "(({x}, {y}) = ('a0', 'b1'))",
        "({x} collate utf8mb4_bin)",
    ),
}


# What the guard closes a view for, always or nearly: tried now and then.
_CLOSING: Final[Mapping[str, tuple[str, ...]]] = {
    "duckdb": (
        "own_macro({x})",
        "own_reader({o})",
        "lower({x})",
        "concat_ws('-', COLUMNS('^(a|b)$'))",
        "#1",
        "[v || 'c' FOR v IN [{x}, {y}]][2]",
        "list_transform([{x}], lambda v: v || {y})[1]",
    ),
    "mysql": ("own_reader({o})",),
}


@dataclass
class Source:
    alias: str
    columns: tuple[str, ...]
    key: str  # an open column of it
    json: bool = False  # has a column j that holds JSON


@dataclass(frozen=True)
class View:
    name: str
    body: str
    columns: tuple[str, ...]  # those it is declared with; empty when the engine is to name them
    key: str


@dataclass
class RandomViews:
    """One stream of views: the same seed and engine give the same views."""

    dialect: str
    seed: int
    views: list[View] = field(default_factory=list[View])

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.dialect} {self.seed}")
        self._depth = 0

    def view(self, name: str) -> View:
        """A view with its key in front. Whoever could create it adds it to ``views``, for others to read."""
        self._depth = 0
        body, columns = self._query(self._random.randint(1, 3))
        return View(name, body, columns, columns[0])

    def star(self, name: str) -> View:
        """A view whose columns only the engine knows: of a star over joins."""
        return View(name, f"SELECT {self._star_item()} FROM {self._joins()[0]}", (), "")

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    # -- queries

    def _query(self, width: int) -> tuple[str, tuple[str, ...]]:
        """A query whose first column is an open key."""
        self._depth += 1
        kind = self._random.random()
        if self._depth < 3 and kind < 0.15:
            inner, columns = self._query(self._random.randint(1, 3))
            renamed = self._renamed(columns)
            listed = f" ({', '.join(renamed)})" if self._chance(0.5) else ""
            known = renamed if listed else columns
            body, names = self._select(width, [Source("w", known, known[0])], "w")
            return f"WITH w{listed} AS ({inner}) {body}", names
        body, names = self._select(width)
        if self._depth < 3 and kind < 0.35:
            other, _ = self._select(width)
            word = "UNION ALL BY NAME" if self.dialect == "duckdb" and self._chance(0.2) else "UNION ALL"
            body = f"{body} {word} {other}"
        return body, names

    def _select(
        self, width: int, sources: list[Source] | None = None, text: str | None = None
    ) -> tuple[str, tuple[str, ...]]:
        if sources is None or text is None:
            text, sources = self._joins()
        names = self._random.sample([name for name in _NAMES if name != "id"], width)
        key = self._random.choice(sources)
        items = [f"{key.alias}.{key.key} AS k0"]
        items += [f"{self._text(sources, 2)} AS {name}" for name in names]
        where = f" WHERE {key.alias}.{key.key} <> 'a1'" if self._chance(0.3) else ""
        return f"SELECT {', '.join(items)} FROM {text}{where}", ("k0", *names)

    def _renamed(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self._random.sample(_NAMES, len(columns)))

    # -- FROM

    def _joins(self) -> tuple[str, list[Source]]:
        text, first = self._item([])
        sources = [first]
        for _ in range(self._random.choice([0, 0, 1, 1, 2])):
            item, source = self._item(sources)
            left = self._random.choice(sources)
            word = self._random.choice(["JOIN", "LEFT JOIN"])
            same = left.key == source.key == "id" and all(s.key == "id" for s in sources)
            if same and self._chance(0.4):
                text = f"{text} {word} {item} USING (id)"
            elif same and self._chance(0.3) and self._natural(sources, source):
                text = f"{text} NATURAL JOIN {item}"
            elif self.dialect == "postgresql" and self._chance(0.2):
                inner = self._text([left], 1)
                alias = self._alias([*sources, source])
                text = f"{text} CROSS JOIN LATERAL (SELECT {left.alias}.{left.key} AS k0, {inner} AS y) AS {alias}"
                source = Source(alias, ("k0", "y"), "k0")
            else:
                text = f"{text} {word} {item} ON {left.alias}.{left.key} = {source.alias}.{source.key}"
            sources.append(source)
            if self._chance(0.3):
                text = f"({text})"
        return text, sources

    def _natural(self, sources: list[Source], added: Source) -> bool:
        """Whether their only common column is the key."""
        return {c for s in sources for c in s.columns} & set(added.columns) == {"id"}

    def _item(self, taken: list[Source]) -> tuple[str, Source]:
        kind = self._random.random()
        alias = self._alias(taken)
        if kind < 0.2 and self._depth < 3:
            body, columns = self._query(self._random.randint(1, 2))
            return f"({body}) AS {alias}", Source(alias, columns, "k0")
        if kind < 0.4 and self.views:
            view = self._random.choice(self.views)
            return f"{view.name} AS {alias}", Source(alias, view.columns, view.key)
        name = self._random.choice(list(TABLES))
        columns = (*TABLES[name], *(GENERATED.get(name, {}) if self.dialect != "postgresql" else ()))
        source = Source(alias, columns, "id", "j" in columns)
        if kind < 0.6 and name not in {s.alias for s in taken}:
            return name, replace(source, alias=name)
        if kind < 0.7 and self.dialect in ("postgresql", "duckdb"):
            renamed = [f"r{i}" if c != "id" else "id" for i, c in enumerate(columns)]
            return f"{name} AS {alias} ({', '.join(renamed)})", Source(alias, tuple(renamed), "id")
        return f"{name} AS {alias}", source

    def _alias(self, taken: list[Source]) -> str:
        return self._random.choice([a for a in _ALIASES if a not in {s.alias for s in taken}])

    def _star_item(self) -> str:
        if self.dialect == "duckdb":
            return self._random.choice(["*", "*", "* EXCLUDE (id)", "* EXCLUDE (id)", "* REPLACE (upper(id) AS id)"])
        return "*"

    # -- expressions

    def _column(self, sources: list[Source]) -> str:
        source = self._random.choice(sources)
        return f"{source.alias}.{self._random.choice(source.columns)}"

    def _text(self, sources: list[Source], depth: int) -> str:
        if depth == 0 or self._chance(0.3):
            return self._cast(self._column(sources))
        closing = _CLOSING.get(self.dialect, ()) if self._chance(0.05) else ()
        form = self._random.choice(closing or [*_COMMON, *_OF[self.dialect], *_OF[self.dialect]])
        inner = self._random.choice(list(TABLES))
        columns = TABLES[inner]
        within = [*sources, Source("inr", columns, "id")]
        jsons = [s for s in sources if s.json]
        row = self._random.choice(sources)
        json = "'{}'"
        if jsons:
            holder = self._random.choice(jsons)
            unclear = sum("j" in s.columns for s in sources) > 1
            json = f"{holder.alias}.j" if unclear or self._chance(0.3) else "j"
        made = form.format(
            x=self._text(sources, depth - 1),
            y=self._text(sources, depth - 1),
            c=self._condition(sources),
            n=f"{inner} AS inr",
            z=f"inr.{self._random.choice(columns)}",
            w=self._condition(within),
            o=f"{row.alias}.{row.key}",
            j=json,
            r=row.alias,
            p=self._column(sources),
        )
        return self._cast(made)

    def _cast(self, text: str) -> str:
        kind = {"sqlite": "text", "mysql": "char", "duckdb": "varchar", "postgresql": "text"}[self.dialect]
        return f"CAST({text} AS {kind})"

    def _condition(self, sources: list[Source]) -> str:
        left, right = self._column(sources), self._column(sources)
        if self.dialect in ("postgresql", "duckdb"):
            left, right = self._cast(left), self._cast(right)
        return self._random.choice(
            [
                f"{left} = {right}",
                f"{left} > 'b'",
                f"{left} IS NOT NULL AND {right} < 'c1'",
                f"NOT {left} = 'a0'",
                f"{left} = {right} OR {left} LIKE 'x%'",
            ]
        )
