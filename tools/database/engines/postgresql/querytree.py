"""What a rewritten query tree says a statement reads: the base columns of every output, all columns, all functions.

PostgreSQL itself resolved names, overloads, views and row security before it printed the tree, so this is what will
run, not what its text looks like. Everything here is by object id and attribute number; `reads.py` turns that into
names of the catalog. Pure: no driver, no I/O.

Values reach an output through expressions, subqueries, joins, common table expressions and set operations; also by the
partition and order of a window, and by the test of a subquery that is compared with. What only decides which rows there
are (WHERE, ON, HAVING, EXISTS) counts as read, not as a source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from .nodetext import Item, Node, QueryTreeError, parse

Cell: TypeAlias = tuple[int, int]
"""A relation's object id and an attribute number: 0 for the whole row, negative for a system column."""

_SELECT, _UPDATE, _INSERT, _DELETE = "1", "2", "3", "4"
_RELATION, _SUBQUERY, _JOIN, _FUNCTION, _TABLEFUNC, _VALUES, _CTE, _RESULT, _GROUP = "0 1 2 3 4 5 6 8 9".split()
_EXISTS, _CTE_SUBLINK = "0", "7"
_COLUMN_BIT: Final = 7  # the column sets of range table entries are counted from the lowest system column
_BASE_LABELS: Final = ("targetList", "jointree", "havingQual", "returningList", "limitOffset", "limitCount")
# regproc, regprocedure, regoper, regoperator, regclass, regtype, regrole, regnamespace, regcollation; arrays of these
_NAMING: Final = frozenset(
    "24 2202 2203 2204 2205 2206 4096 4089 4191 1008 2207 2208 2209 2210 2211 4097 4090 4192".split()
)
_MAX_ROUNDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Call:
    """Something that runs code. ``what``: function | aggregate (also window functions) | operator | sampler | type (a
    cast through text) | constant (of a type whose values are names in the system catalogs).

    ``form`` tells how a function came into the tree: 0 written as a call, 1 written as a cast, 2 implied, 3 by syntax
    such as EXTRACT; -1 where the tree does not say (operators, aggregates).
    """

    what: str
    oid: int
    form: int = -1


@dataclass(frozen=True, slots=True)
class Reading:
    """``outputs``: one set per output column (the RETURNING list of a write). ``target``: the table a write changes."""

    command: str  # select | insert | update | delete
    outputs: tuple[frozenset[Cell], ...]
    columns: frozenset[Cell]
    relations: frozenset[int]
    calls: frozenset[Call]
    target: int | None = None


def read(text: str) -> Reading:
    """Read the text of one tree. Raises `QueryTreeError`."""
    try:
        trees = parse(text)
        if len(trees) != 1:
            raise QueryTreeError("the statement was rewritten into several, or none")
        return _Reader().read(trees[0])
    except RecursionError:
        raise QueryTreeError("the tree is nested too deeply") from None


class _Cte:
    """A common table expression. ``outputs`` grows to a fixed point when it refers to itself."""

    __slots__ = ("busy", "done", "outputs", "recursive", "scope")

    def __init__(self, scope: _Scope, recursive: bool) -> None:
        self.scope, self.recursive = scope, recursive
        self.outputs: list[int] = []
        self.busy = False
        self.done = False


class _Scope:
    """One query level: its range table, and the level around it."""

    __slots__ = ("above", "ctes", "excluded", "memo", "outputs", "query", "table", "windows")

    def __init__(self, query: Node, above: _Scope | None) -> None:
        self.query, self.above = query, above
        self.table = query.nodes("rtable")
        self.ctes: dict[str, _Cte] = {}
        self.memo: dict[tuple[int, int], int] = {}
        self.outputs: list[int] | None = None
        conflict = query.fields.get("onConflict")
        # EXCLUDED names the row that was to be inserted: its values are the agent's own, not the table's.
        self.excluded = conflict.number("exclRelIndex") if isinstance(conflict, Node) else 0
        self.windows = {clause.text("winref"): clause for clause in query.nodes("windowClause")}

    def up(self, levels: int) -> _Scope:
        scope: _Scope | None = self
        for _ in range(levels):
            scope = scope.above if scope is not None else None
        if scope is None:
            raise QueryTreeError("a reference leaves the tree")
        return scope

    def entry(self, index: int) -> Node:
        if not 1 <= index <= len(self.table):
            raise QueryTreeError("a reference to a range table entry that is not there")
        return self.table[index - 1]


class _Reader:
    """Reads one tree. Sets of columns are numbers here, one bit per column."""

    def __init__(self) -> None:
        self._bits: dict[Cell, int] = {}
        self._scopes: dict[int, _Scope] = {}
        self._columns: set[Cell] = set()
        self._relations: set[int] = set()
        self._calls: set[Call] = set()

    def read(self, query: Node) -> Reading:
        command = query.text("commandType")
        names = {_SELECT: "select", _UPDATE: "update", _INSERT: "insert", _DELETE: "delete"}
        if query.kind != "QUERY" or command not in names:
            raise QueryTreeError("not a SELECT, INSERT, UPDATE or DELETE")
        scope = self._scope(query, None)
        target = query.number("resultRelation")
        outputs = self._outputs(scope)
        return Reading(
            names[command],
            tuple(self._set(bits) for bits in outputs),
            frozenset(self._columns),
            frozenset(self._relations),
            frozenset(self._calls),
            scope.entry(target).number("relid") if target else None,
        )

    def _bit(self, cell: Cell) -> int:
        bit = self._bits.get(cell)
        if bit is None:
            bit = self._bits[cell] = 1 << len(self._bits)
        return bit

    def _set(self, bits: int) -> frozenset[Cell]:
        return frozenset(cell for cell, bit in self._bits.items() if bits & bit)

    # -- scopes: what is read at all, and by which functions

    def _scope(self, query: Node, above: _Scope | None) -> _Scope:
        if query.kind != "QUERY":
            raise QueryTreeError("a query is something else")
        if above is not None and query.text("commandType") != _SELECT:
            raise QueryTreeError("a part of the statement is not a SELECT")
        for label in ("hasModifyingCTE", "isReturn"):
            if query.flag(label):
                raise QueryTreeError(f"the query has {label}")
        if query.fields.get("utilityStmt") is not None or query.items("mergeActionList"):
            raise QueryTreeError("not a plain query")
        if query.flag("hasForUpdate") or query.items("rowMarks"):
            raise QueryTreeError("the query locks rows")
        scope = _Scope(query, above)
        self._scopes[id(query)] = scope
        for cte in query.nodes("cteList"):
            self._add_cte(cte, scope)
        for i, entry in enumerate(scope.table, 1):
            if i != scope.excluded:
                self._entry(entry, scope)
        for permission in query.nodes("rteperminfos"):
            self._permitted(permission, permission.number("relid"))
        for label in _BASE_LABELS:
            self._look(query.fields.get(label), scope)
        for label in ("groupClause", "distinctClause", "sortClause"):
            self._look(query.fields.get(label), scope)
        for label in ("windowClause", "groupingSets", "setOperations"):
            self._look(query.fields.get(label), scope)
        conflict = query.fields.get("onConflict")
        if isinstance(conflict, Node):
            for label in ("arbiterElems", "arbiterWhere", "onConflictSet", "onConflictWhere"):
                self._look(conflict.fields.get(label), scope)
        return scope

    def _add_cte(self, cte: Node, scope: _Scope) -> None:
        if cte.fields.get("search_clause") is not None or cte.fields.get("cycle_clause") is not None:
            raise QueryTreeError("a recursive query with SEARCH or CYCLE")
        name = cte.text("ctename")
        if name in scope.ctes:
            raise QueryTreeError("two common table expressions of one name")
        scope.ctes[name] = _Cte(self._scope(cte.node("ctequery"), scope), cte.flag("cterecursive"))

    def _entry(self, entry: Node, scope: _Scope) -> None:
        kind = entry.text("rtekind")
        relation = entry.fields.get("relid")
        if relation not in (None, "0"):
            self._relations.add(entry.number("relid"))
            if kind == _RELATION:
                self._permitted(entry, entry.number("relid"))
        if kind == _SUBQUERY:
            self._scope(entry.node("subquery"), scope)
        elif kind in (_FUNCTION, _TABLEFUNC, _VALUES):
            self._look(entry.fields.get("functions"), scope)
            self._look(entry.fields.get("tablefunc"), scope)
            self._look(entry.fields.get("values_lists"), scope)
        elif kind not in (_RELATION, _JOIN, _CTE, _RESULT, _GROUP):
            raise QueryTreeError("a range table entry of an unknown kind")
        self._look(entry.fields.get("tablesample"), scope)

    def _permitted(self, node: Node, relation: int) -> None:
        """The columns the server itself checks the right to select of: a second count of what is read."""
        for bit in node.numbers("selectedCols", "b"):
            self._columns.add((relation, bit - _COLUMN_BIT))

    def _look(self, item: Item, scope: _Scope) -> None:
        """Note every column and every function of an expression."""
        if isinstance(item, Node):
            kind = item.kind
            if kind == "VAR":
                self._columns_of(item, scope)
                return
            if kind == "SUBLINK":
                if item.text("subLinkType") == _CTE_SUBLINK:
                    raise QueryTreeError("a subquery of an unknown kind")
                self._scope(item.node("subselect"), scope)
                self._look(item.fields.get("testexpr"), scope)
                return
            if kind in ("QUERY", "RANGETBLENTRY", "COMMONTABLEEXPR"):
                raise QueryTreeError(f"{kind} in an expression")
            calls = _CALLS.get(kind)
            if calls is not None:
                self._calls.update(calls(item))
            for value in item.fields.values():
                if value.__class__ is not str and value is not None:
                    self._look(value, scope)
        elif isinstance(item, list):
            for part in item:
                if part.__class__ is not str and part is not None:
                    self._look(part, scope)

    def _columns_of(self, var: Node, scope: _Scope) -> None:
        """Columns of relations that a reference reads by itself; what a subquery reads is noted where it stands."""
        home = scope.up(var.number("varlevelsup"))
        index = var.number("varno")
        entry = home.entry(index)
        kind = entry.text("rtekind")
        if index == home.excluded and index:
            return
        if kind == _RELATION:
            self._columns.add((entry.number("relid"), var.number("varattno")))
        elif kind in (_JOIN, _GROUP):
            label = "joinaliasvars" if kind == _JOIN else "groupexprs"
            for item in _picked(entry.items(label), var.number("varattno")):
                self._look(item, home)

    # -- sources: what reaches an output

    def _outputs(self, scope: _Scope) -> list[int]:
        if scope.outputs is None:
            query = scope.query
            operations = query.fields.get("setOperations")
            if operations is not None:
                scope.outputs = self._united(query.node("setOperations"), scope)
            else:
                label = "targetList" if query.text("commandType") == _SELECT else "returningList"
                shown = [target for target in query.nodes(label) if not target.flag("resjunk")]
                if any(target.number("resno") != i for i, target in enumerate(shown, 1)):
                    raise QueryTreeError("output columns are not in order")
                scope.outputs = [self._sources(target.fields.get("expr"), scope) for target in shown]
        return scope.outputs

    def _united(self, operation: Node, scope: _Scope) -> list[int]:
        """The columns of UNION, INTERSECT and EXCEPT, united by position."""
        if operation.kind == "RANGETBLREF":
            entry = scope.entry(operation.number("rtindex"))
            return self._outputs(self._scopes[id(entry.node("subquery"))])
        if operation.kind != "SETOPERATIONSTMT":
            raise QueryTreeError("a set operation of an unknown kind")
        left = self._united(operation.node("larg"), scope)
        right = self._united(operation.node("rarg"), scope)
        if len(left) != len(right):
            raise QueryTreeError("a set operation of different widths")
        return [a | b for a, b in zip(left, right, strict=True)]

    def _sources(self, item: Item, scope: _Scope) -> int:
        if isinstance(item, Node):
            kind = item.kind
            if kind == "VAR":
                home = scope.up(item.number("varlevelsup"))
                return self._column(home, item.number("varno"), item.number("varattno"))
            if kind == "SUBLINK":
                if item.text("subLinkType") == _EXISTS:
                    return 0
                inner = self._outputs(self._scopes[id(item.node("subselect"))])
                return _union(inner) | self._sources(item.fields.get("testexpr"), scope)
            found = 0
            for value in item.fields.values():
                if value.__class__ is not str and value is not None:
                    found |= self._sources(value, scope)
            return found | self._window(item, scope) if kind == "WINDOWFUNC" else found
        found = 0
        if isinstance(item, list):
            for part in item:
                if part.__class__ is not str and part is not None:
                    found |= self._sources(part, scope)
        return found

    def _window(self, function: Node, scope: _Scope) -> int:
        """What a window function's value depends on besides its arguments: how rows are parted and ordered."""
        clause = scope.windows.get(function.text("winref"))
        if clause is None:
            raise QueryTreeError("a window that is not there")
        by = clause.nodes("partitionClause") + clause.nodes("orderClause")
        wanted = {item.text("tleSortGroupRef") for item in by}
        found = self._sources(clause.fields.get("startOffset"), scope)
        found |= self._sources(clause.fields.get("endOffset"), scope)
        for target in scope.query.nodes("targetList"):
            if target.text("ressortgroupref") in wanted:
                found |= self._sources(target.fields.get("expr"), scope)
        return found

    def _column(self, scope: _Scope, index: int, attribute: int) -> int:
        """The sources of one column of a range table entry; attribute 0 is the whole row."""
        key = (index, attribute)
        known = scope.memo.get(key)
        if known is None:
            scope.memo[key] = 0
            known = scope.memo[key] = self._entry_column(scope.entry(index), scope, attribute)
        return known

    def _entry_column(self, entry: Node, scope: _Scope, attribute: int) -> int:
        kind = entry.text("rtekind")
        if kind == _RELATION:
            return self._bit((entry.number("relid"), attribute))
        if kind == _SUBQUERY:
            return _of(self._outputs(self._scopes[id(entry.node("subquery"))]), attribute)
        if kind == _JOIN:
            return self._sources(_picked(entry.items("joinaliasvars"), attribute), scope)
        if kind == _GROUP:
            return self._sources(_picked(entry.items("groupexprs"), attribute), scope)
        if kind == _VALUES:
            rows = [row if isinstance(row, list) else [row] for row in entry.items("values_lists")]
            return self._sources([item for row in rows for item in _picked(row, attribute)], scope)
        if kind == _CTE:
            cte = self._cte(entry, scope)
            if cte.busy and attribute > len(cte.outputs):
                return 0  # a recursive query whose columns are not known yet: nothing so far
            return _of(cte.outputs, attribute)
        if kind == _FUNCTION:
            return self._sources(_function_of(entry.nodes("functions"), attribute), scope)
        if kind == _TABLEFUNC:
            return self._sources(entry.fields.get("tablefunc"), scope)
        return 0

    def _cte(self, entry: Node, scope: _Scope) -> _Cte:
        cte = scope.up(entry.number("ctelevelsup")).ctes.get(entry.text("ctename"))
        if cte is None:
            raise QueryTreeError("a common table expression that is not there")
        if cte.done or cte.busy:
            return cte
        if not cte.recursive:
            cte.outputs, cte.done = self._outputs(cte.scope), True
            return cte
        cte.busy = True
        for _ in range(_MAX_ROUNDS):
            self._forget()
            before, cte.outputs = cte.outputs, self._grown(cte.outputs, self._outputs(cte.scope))
            if cte.outputs == before:
                break
        else:
            raise QueryTreeError("a recursive query does not come to rest")
        cte.busy, cte.done = False, True
        return cte

    @staticmethod
    def _grown(before: list[int], after: list[int]) -> list[int]:
        return [bits | (before[i] if i < len(before) else 0) for i, bits in enumerate(after)]

    def _forget(self) -> None:
        """What was found out while a recursive query's columns were not all known must be found out again."""
        for scope in self._scopes.values():
            scope.memo.clear()
            scope.outputs = None
            for cte in scope.ctes.values():
                cte.done = False


def _union(columns: list[int]) -> int:
    found = 0
    for bits in columns:
        found |= bits
    return found


def _of(columns: list[int], attribute: int) -> int:
    """One column by its number, or the whole row."""
    if attribute == 0:
        return _union(columns)
    if not 1 <= attribute <= len(columns):
        raise QueryTreeError("a reference to a column that is not there")
    return columns[attribute - 1]


def _picked(items: Sequence[Item], attribute: int) -> list[Item]:
    if attribute == 0:
        return list(items)
    if not 1 <= attribute <= len(items):
        raise QueryTreeError("a reference to a column that is not there")
    return [items[attribute - 1]]


def _function_of(functions: list[Node], attribute: int) -> list[Item]:
    """The function of ROWS FROM (usually the only one) that makes a column; the last column may be the ordinality."""
    if attribute == 0:
        return [function.fields.get("funcexpr") for function in functions]
    left = attribute
    for function in functions:
        count = function.number("funccolcount")
        if left <= count:
            return [function.fields.get("funcexpr")]
        left -= count
    return []


# -- functions, by the kinds of node that run them


def _one(what: str, label: str, form: str, node: Node) -> Iterator[Call]:
    yield Call(what, node.number(label), node.number(form) if form else -1)


def _naming(node: Node) -> Iterator[Call]:
    if node.fields.get("consttype") in _NAMING and node.fields.get("constisnull") == "false":
        yield Call("constant", node.number("consttype"))


def _sorting(node: Node) -> Iterator[Call]:
    for label in ("eqop", "sortop"):
        if node.number(label):
            yield Call("operator", node.number(label))


def _row_comparing(node: Node) -> Iterator[Call]:
    for oid in node.numbers("opnos", "o"):
        yield Call("operator", oid)


def _framing(node: Node) -> Iterator[Call]:
    for label in ("startInRangeFunc", "endInRangeFunc"):
        if node.number(label):
            yield Call("function", node.number(label))


_CALLS: Final[dict[str, Callable[[Node], Iterator[Call]]]] = {
    "FUNCEXPR": partial(_one, "function", "funcid", "funcformat"),
    "OPEXPR": partial(_one, "function", "opfuncid", ""),
    "DISTINCTEXPR": partial(_one, "function", "opfuncid", ""),
    "NULLIFEXPR": partial(_one, "function", "opfuncid", ""),
    "SCALARARRAYOPEXPR": partial(_one, "function", "opfuncid", ""),
    "AGGREF": partial(_one, "aggregate", "aggfnoid", ""),
    "WINDOWFUNC": partial(_one, "aggregate", "winfnoid", ""),
    "COERCEVIAIO": partial(_one, "type", "resulttype", ""),
    "TABLESAMPLECLAUSE": partial(_one, "sampler", "tsmhandler", ""),
    "ROWCOMPAREEXPR": _row_comparing,
    "SORTGROUPCLAUSE": _sorting,
    "CONST": _naming,
    "WINDOWCLAUSE": _framing,
}
