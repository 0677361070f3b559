"""The text that runs says what the tree says: it is read again, and nothing may have been lost or added on the way.

sqlglot writes some nodes back in other words, and drops arguments in rare forms (it wrote ``ARRAY[(SELECT a), b]`` as
``ARRAY(SELECT a)``). The guard judges the tree, so the text must not differ from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlglot import exp

from ...tool import Slot
from . import refusals
from .names import ascii_lower
from .parsing import MARK, reread
from .profiles import Profile

_COUNTED = (
    exp.Select,
    exp.SetOperation,
    exp.Values,
    exp.Join,
    exp.Where,
    exp.Star,
    exp.Null,
    exp.Boolean,
    exp.Ordered,
    exp.Window,
    exp.Limit,
)


def check(tree: exp.Expr, sql: str, slots: Mapping[int, Slot], profile: Profile) -> None:
    """Raises `ToolRefused` when the regenerated text, read again, has other names, values, calls or queries."""
    again = reread(sql, profile)
    if again is None or _parts(tree, slots) != _parts(again, {}):
        raise refusals.construct("This statement cannot be written back exactly.", "Write it more simply.")


def _parts(tree: exp.Expr, slots: Mapping[int, Slot]) -> Counter[tuple[str, str]]:
    """Everything in a tree that has a meaning of its own, counted."""
    found: Counter[tuple[str, str]] = Counter()
    for node in tree.walk():
        if isinstance(node, exp.Identifier | exp.Var):  # DEFAULT is read as either
            found["name", str(node.args["this"]).removeprefix(MARK)] += 1
        elif isinstance(node, exp.Literal) and not isinstance(node.parent, exp.Parameter):
            found[("slot", "") if id(node) in slots else ("literal", str(node.args["this"]))] += 1
        elif isinstance(node, exp.Placeholder | exp.Parameter):
            found["slot", ""] += 1
        elif isinstance(node, exp.Anonymous):
            called = node.args["this"]
            if isinstance(called, str):
                found["call", ascii_lower(called.removeprefix(MARK))] += 1
        elif isinstance(node, _COUNTED):
            found["part", type(node).__name__] += 1
    return found
