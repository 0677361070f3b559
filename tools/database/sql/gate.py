"""The gate: what may appear in a statement at all, whatever it reads. Every node is looked at; unknown means no."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sqlglot import exp
from sqlglot.expressions import DataType

from ..catalog import Catalog
from . import refusals
from .analysis import StatementKind
from .functions import FunctionFacts, FunctionKind, Safety
from .names import ascii_lower
from .nodes import ARGUMENTS, WRITES
from .parsing import MARK
from .profiles import Profile

MAX_NODES: Final = 12_000
MAX_SIZE: Final = 10_000  # of a text repeated or padded, as a literal number
MAX_ROWS: Final = 1_000_000  # of generate_series, when its bounds are literal numbers
MAX_VOLUME: Final = 100_000_000  # characters that all sizes and all such rows make together

_QUERIES: Final = (exp.Select, exp.SetOperation, exp.Values)
_WRITES: Final = {exp.Insert: StatementKind.INSERT, exp.Update: StatementKind.UPDATE, exp.Delete: StatementKind.DELETE}
_JOINS: Final = {
    "side": frozenset({"", "LEFT", "RIGHT", "FULL"}),
    "kind": frozenset({"", "INNER", "OUTER", "CROSS"}),
    "method": frozenset({"", "NATURAL"}),
}
# Clauses agents like to write, by node and argument: as they are written, and what says the same.
_INSTEAD: Final = {
    ("Select", "qualify"): ("QUALIFY", "Name the window function in a subquery, and compare it in WHERE outside."),
    ("Select", "sample"): ("SAMPLE", "Use ORDER BY and LIMIT."),
    ("Table", "sample"): ("SAMPLE", "Use ORDER BY and LIMIT."),
    ("Group", "all"): ("GROUP BY ALL", "Write the columns after GROUP BY."),
    ("Star", "except"): ("A star without some columns", "Write the columns."),
    ("Star", "rename"): ("A star with other names", "Write the columns."),
}
_USER_FUNCTION: Final = FunctionFacts(FunctionKind.SCALAR, Safety.FAILS)


@dataclass(slots=True)
class Inventory:
    """All nodes of a statement that later stages must account for."""

    tree: exp.Expr
    kind: StatementKind
    columns: list[exp.Expr] = field(default_factory=list[exp.Expr])
    tables: list[exp.Expr] = field(default_factory=list[exp.Expr])
    literals: list[exp.Expr] = field(default_factory=list[exp.Expr])
    identifiers: list[exp.Expr] = field(default_factory=list[exp.Expr])
    functions: set[str] = field(default_factory=set[str])
    size: float = 1.0  # of the texts that functions make, by their literal numbers
    rows: float = 1.0  # of all generate_series together


def inspect(tree: exp.Expr, profile: Profile, catalog: Catalog, writes: bool) -> Inventory:
    """Check the root, every node, every clause, every function and type. Raises `ToolRefused`."""
    tree, kind = _root(tree, writes)
    inventory = Inventory(tree, kind)
    stack: list[exp.Expr] = [tree]
    count = 0
    while stack:
        node = stack.pop()
        count += 1
        if count > MAX_NODES:
            raise refusals.limit("The statement is too large.", "Send less at a time.")
        name = type(node).__name__
        if name not in profile.nodes:
            raise _not_allowed(name, node)
        _check(name, node, profile, catalog, inventory, node is tree)
        _clauses(name, node, stack)
    if inventory.size * inventory.rows > MAX_VOLUME:
        raise refusals.limit("The functions in the statement would make too much text.", "Ask for less.")
    return inventory


def _clauses(name: str, node: exp.Expr, stack: list[exp.Expr]) -> None:
    """Queue what a node holds; refuse a clause that later stages do not read."""
    known = ARGUMENTS.get(name)
    for key, value in node.args.items():
        if value is None or value is False or value == []:
            continue
        if known is not None and key not in known:
            raise _clause_not_allowed(name, key.rstrip("_"), node)
        if isinstance(value, exp.Expr):
            stack.append(value)
        elif isinstance(value, list):
            for item in value:  # pyright: ignore[reportUnknownVariableType]
                if isinstance(item, exp.Expr):
                    stack.append(item)


def _root(tree: exp.Expr, writes: bool) -> tuple[exp.Expr, StatementKind]:
    while isinstance(tree, exp.Subquery) and tree.args.get("alias") is None and _only_this(tree):
        tree = tree.this
    if isinstance(tree, _QUERIES):
        return tree, StatementKind.SELECT
    kind = next((found for type_, found in _WRITES.items() if isinstance(tree, type_)), None)
    if kind is not None and writes:
        return tree, kind
    if kind is not None:
        raise refusals.statement(
            f"{kind.value.upper()} is not allowed here.",
            "Where changes are open at all, they go through database_execute.",
        )
    allowed = "SELECT, INSERT, UPDATE and DELETE are" if writes else "SELECT (also WITH, VALUES and EXPLAIN) is"
    raise refusals.statement(f"{_word(tree)} is not allowed.", f"Only {allowed}.")


def _only_this(node: exp.Expr) -> bool:
    return all(key == "this" or not value for key, value in node.args.items())


def _word(tree: exp.Expr) -> str:
    if isinstance(tree, exp.Command):
        return refusals.shown(str(tree.this).upper())
    return "This statement" if isinstance(tree, exp.Alias | exp.Column | exp.Paren) else type(tree).__name__.upper()


def _not_allowed(what: str, node: exp.Expr) -> Exception:
    if isinstance(node, exp.Parameter | exp.Placeholder) or what in ("Parameter", "Placeholder", "SessionParameter"):
        return refusals.construct("Parameters and variables are not allowed.", "Write the value itself.", what)
    if what == "RegexpLike":  # of MySQL: sqlglot writes it as a function that MariaDB does not have
        hint = "Use LIKE, or a function such as regexp_instr(a, b) > 0."
        return refusals.construct("REGEXP is not allowed.", hint, what)
    if (
        what == "Command"
        or isinstance(node, exp.DDL | exp.Insert | exp.Update | exp.Delete)
        or what in ("Create", "Drop", "Alter", "Merge")
    ):
        return refusals.statement(f"{what.upper()} is not allowed.", "Only reading with SELECT is.")
    return refusals.construct(
        f"{what} is not allowed in a query.", "Use plain SELECT, JOIN, WHERE, GROUP BY, ORDER BY and LIMIT.", what
    )


def _clause_not_allowed(name: str, clause: str, node: exp.Expr) -> Exception:
    if name in WRITES:
        hint = "Write INSERT INTO t (columns) VALUES (...), UPDATE t SET ... WHERE ... or DELETE FROM t WHERE ..."
        return refusals.statement(f"This form of {name.upper()} is not allowed.", hint)
    if (name, clause) in _INSTEAD:
        written, hint = _INSTEAD[name, clause]
        return refusals.construct(f"{written} is not allowed.", hint, clause)
    return _not_allowed(clause, node)


def _check(name: str, node: exp.Expr, profile: Profile, catalog: Catalog, inventory: Inventory, is_root: bool) -> None:
    """What is particular to one kind of node."""
    match name:
        case "Identifier":
            _strip(node)
            inventory.identifiers.append(node)
        case "Column":
            inventory.columns.append(node)
        case "Literal":
            inventory.literals.append(node)
        case "Anonymous":
            _function(node, profile, catalog, inventory)
        case "Table":
            inventory.tables.append(node)
            if node.args.get("indexed") is not None:
                raise refusals.construct("INDEXED BY is not allowed.", "Leave the choice of index to the database.")
        case "Var":
            _strip(node)
        case "Join":
            _join(node, profile)
        case "DataType":
            _type(node, profile)
        case "Dot":
            _dot(node)
        case "Insert" | "Update" | "Delete":
            if not is_root:
                raise refusals.statement(f"{name.upper()} inside another statement is not allowed.", "Send it alone.")
        case "In":
            if node.args.get("query") is None and not node.args.get("expressions"):
                raise refusals.construct("IN needs a list or a subquery.", "Write IN (SELECT ...) or IN ('a', 'b').")
        case "Array":
            _array(node)
        case _:
            pass


def _array(node: exp.Expr) -> None:
    """``ARRAY[(SELECT ...), x]``: sqlglot writes a query in front as ARRAY(SELECT ...), and drops the rest."""
    items: list[exp.Expr] = node.args.get("expressions") or []
    wrapped = [exp.Paren(this=item) if isinstance(item, exp.Query) else item for item in items]
    node.set("expressions", wrapped)


def _strip(node: exp.Expr) -> None:
    text = node.args.get("this")
    if isinstance(text, str) and text.startswith(MARK):
        node.args["this"] = text[1:]


def _join(node: exp.Expr, profile: Profile) -> None:
    for key, allowed in _JOINS.items():
        if str(node.args.get(key) or "").upper() not in allowed:
            raise refusals.construct(f"{node.args[key]} JOIN is not allowed.", "Use INNER, LEFT, RIGHT, FULL or CROSS.")
    if profile.name == "sqlite" and node.args.get("kind") == "CROSS" and not node.args.get("on"):
        node.args["kind"] = None  # sqlglot makes CROSS JOIN of a comma, which forbids SQLite to reorder


def _type(node: exp.Expr, profile: Profile) -> None:
    kind = node.args.get("this")
    if profile.name == "mysql" and kind is DataType.Type.TIMESTAMPTZ:  # sqlglot's name for MySQL's TIMESTAMP '...'
        kind = DataType.Type.DATETIME
        node.set("this", kind)
        node.set("expressions", [exp.DataTypeParam(this=exp.Literal.number(6))])  # with its fractions
    name = kind.name if isinstance(kind, DataType.Type) else str(kind)
    if name not in profile.types:
        raise refusals.construct(
            "A cast to this type is not allowed.", "Cast to text, number, date or time types.", "cast"
        )


def _dot(node: exp.Expr) -> None:
    """Only ``(row).column``: a qualified function or a chain of calls is refused."""
    if not isinstance(node.this, exp.Paren) or not isinstance(node.expression, exp.Identifier | exp.Star):
        raise refusals.construct("A name with this many parts is not allowed.", "Name functions and columns plainly.")


def _function(node: exp.Expr, profile: Profile, catalog: Catalog, inventory: Inventory) -> None:
    _strip(node)
    called = node.args["this"]
    name: str = called.args["this"] if isinstance(called, exp.Identifier) else called
    if isinstance(called, exp.Identifier):
        _strip(called)
        name = called.args["this"]
    else:
        name = ascii_lower(name)
    facts = facts_of(name, profile, catalog)
    if facts is None:
        raise refusals.function(name, profile.functions)
    inventory.functions.add(name)
    arguments: list[exp.Expr] = node.args.get("expressions") or []
    if facts.size_argument is not None:
        _check_size(name, facts, arguments, inventory)
    _split_distinct(node, arguments)


def facts_of(name: str, profile: Profile, catalog: Catalog) -> FunctionFacts | None:
    """The facts of a function by its folded name; configured user functions can fail and return one value. A macro may
    have the name of a built-in function, and takes its place."""
    if name in catalog.macros:
        return _USER_FUNCTION if name in catalog.user_functions else None
    facts = profile.functions.get(name)
    if facts is None and name in catalog.user_functions:
        return _USER_FUNCTION
    return facts


def function_name(node: exp.Expr) -> str:
    called = node.args["this"]
    return called.args["this"] if isinstance(called, exp.Identifier) else ascii_lower(called)


def _check_size(name: str, facts: FunctionFacts, arguments: list[exp.Expr], inventory: Inventory) -> None:
    position = facts.size_argument or 0
    if facts.kind is FunctionKind.ROWS:
        bounds = [number(argument) for argument in arguments[:3]]
        if len(bounds) >= 2 and bounds[0] is not None and bounds[1] is not None:
            step = bounds[2] if len(bounds) == 3 else 1.0
            rows = abs(bounds[1] - bounds[0]) / abs(step) if step else 0.0
            if rows > MAX_ROWS:
                raise refusals.limit(f"{name} would make more than {MAX_ROWS} rows.", "Ask for fewer.")
            inventory.rows *= max(rows, 1.0)
        return
    size = number(arguments[position]) if position < len(arguments) else None
    if size is None or abs(size) > MAX_SIZE:
        raise refusals.limit(f"The size given to {name} must be a number up to {MAX_SIZE}.", "Ask for less.")
    inventory.size += abs(size)
    for argument in arguments:
        for inner in argument.find_all(exp.Anonymous):
            if ascii_lower(str(inner.name)).strip(MARK) in (
                "repeat",
                "lpad",
                "rpad",
                "zeroblob",
                "randomblob",
                "space",
            ):
                raise refusals.limit(f"{name} cannot be nested.", "Ask for less.")


def number(node: exp.Expr) -> float | None:
    """The value of a literal number, negated or in brackets."""
    if isinstance(node, exp.Paren):
        return number(node.this)
    if isinstance(node, exp.Neg):
        inner = number(node.this)
        return None if inner is None else -inner
    if isinstance(node, exp.Literal) and not node.args["is_string"]:
        try:
            return float(node.args["this"])
        except ValueError:
            return None
    return None


def _split_distinct(node: exp.Expr, arguments: list[exp.Expr]) -> None:
    """``f(DISTINCT a, b ORDER BY c)``: sqlglot's DISTINCT holds all arguments, which it then writes as a row."""
    if not arguments:
        return
    first = arguments[0]
    order = first if isinstance(first, exp.Order) else None
    distinct = first.this if order is not None else first
    if not isinstance(distinct, exp.Distinct):
        return
    inner: list[exp.Expr] = distinct.args["expressions"]
    if len(inner) < 2:
        return
    rest = inner[1:]
    distinct.set("expressions", inner[:1])
    if order is None:
        node.set("expressions", [distinct, *rest, *arguments[1:]])
    else:
        order.set("this", rest[-1])
        node.set("expressions", [distinct, *rest[:-1], order, *arguments[1:]])
