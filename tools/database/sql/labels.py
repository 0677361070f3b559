"""What an output column is called when the statement gives no name. Names are for reading: positions are the keys."""

from __future__ import annotations

from sqlglot import exp

from .names import Names
from .parsing import tools_for

_MAX_LABEL = 60


def output_label(item: exp.Expr, names: Names) -> tuple[str, str]:
    """The label of one item of a select list, and the folded name by which it can be referred to."""
    if isinstance(item, exp.Alias):
        alias = item.args["alias"]
        return alias.name, names.fold(alias)
    inner = item
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Column):
        return inner.name, names.fold(inner.this)
    if isinstance(inner, exp.Dot):
        return inner.expression.name, names.fold(inner.expression)
    label = _computed(inner, names)
    return label, names.stored(label)


def _computed(node: exp.Expr, names: Names) -> str:
    """PostgreSQL names a computed column after its function or type; the other engines after its text."""
    if names.profile.name == "postgresql":
        return _figured(node)
    text = tools_for(names.profile.name).generator.generate(node, copy=True)
    return text if len(text) <= _MAX_LABEL else text[: _MAX_LABEL - 3] + "..."


def _figured(node: exp.Expr) -> str:
    while isinstance(node, exp.Window | exp.Filter | exp.WithinGroup):
        node = node.this
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower()
    if isinstance(node, exp.Cast):
        inner = _figured(node.this) if not isinstance(node.this, exp.Column) else node.this.name
        kind = node.args["to"].args.get("this")
        return inner if inner != "?column?" else str(getattr(kind, "name", kind)).lower()
    if isinstance(node, exp.Column):
        return node.name
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Select):
        items: list[exp.Expr] = node.this.args.get("expressions") or []
        first = items[0] if items else None
        return (first.alias or _figured(first)) if first is not None else "?column?"
    names: dict[type[exp.Expr], str] = {
        exp.Case: "case",
        exp.Extract: "extract",
        exp.Substring: "substring",
        exp.Trim: "btrim",
        exp.Exists: "exists",
        exp.Array: "array",
        exp.StrPosition: "position",
        exp.Overlay: "overlay",
        exp.Boolean: "bool",
        exp.CurrentDate: "current_date",
        exp.CurrentTimestamp: "current_timestamp",
    }
    return names.get(type(node), "?column?")
