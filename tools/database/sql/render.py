"""From the tree back to text: the statement that runs, with a placeholder per token, and the one for the record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from sqlglot import exp
from sqlglot.errors import UnsupportedError

from ...tool import Slot
from . import refusals
from .names import ascii_lower
from .parsing import MARK, tools_for
from .profiles import Placeholder, Profile

_SLOT: Final = re.compile("\x01(\\d+)\x01")

# A call's name may be one of these words of the grammar that brackets follow.
_GRAMMAR: Final = frozenset(
    """all and any array as between by case cast cross cube current_date current_time current_timestamp decimal distinct
    else except exists extract fetch filter following from full group grouping having ilike in inner insert intersect
    interval into is join lateral left like limit localtime localtimestamp not null nulls offset on or order outer over
    overlay partition position preceding range recursive returning right rollup row rows select set sets some substring
    then trim try_cast union unnest using values varchar char when where with within xor numeric conflict materialized
    glob similar to escape collate bit time timestamp timestamptz timetz convert ltrim rtrim power sqrt starts_with
    position instr group_concat float double text int bigint separator last first array date_part cbrt overlaps mod
    nchar regexp rlike binary varbinary datetime signed unsigned""".split()
)


def render(tree: exp.Expr, profile: Profile, slots: Mapping[int, Slot]) -> tuple[str, tuple[Slot, ...]]:
    """The text of a tree, a placeholder for each literal in ``slots`` (by id), and the slots in the order of the text.

    Raises `ToolRefused` when the engine's dialect cannot say what the tree says.
    """
    pending: list[Slot] = []
    restored: list[tuple[exp.Expr, exp.Expr]] = []
    if slots:
        for literal in list(tree.find_all(exp.Literal)):
            slot = slots.get(id(literal))
            if slot is not None:
                marker = exp.Var(this=f"\x01{len(pending)}\x01")
                pending.append(slot)
                literal.replace(marker)
                restored.append((marker, literal))
    try:
        text = tools_for(profile.name).generator.generate(tree, copy=False)
    except (UnsupportedError, RecursionError, ValueError, TypeError, AttributeError):
        raise refusals.construct("This statement cannot be written back.", "Write it more simply.") from None
    finally:
        for marker, literal in restored:
            marker.replace(literal)
    if MARK in text:
        raise refusals.construct("This use of a function name is not allowed.", "Write it more simply.")
    if not pending:
        return text, ()
    return _numbered(text, pending, profile)


def _numbered(text: str, pending: list[Slot], profile: Profile) -> tuple[str, tuple[Slot, ...]]:
    ordered: list[Slot] = []

    def placeholder(match: re.Match[str]) -> str:
        ordered.append(pending[int(match.group(1))])
        return f"${len(ordered)}" if profile.placeholder is Placeholder.NUMBERED else "?"

    made = _SLOT.sub(placeholder, text)
    if len(ordered) != len(pending):
        raise refusals.token("A token stands where it cannot be used.", "Use tokens with = and IN.")
    return made, tuple(ordered)


def template(text: str, slots: tuple[Slot, ...], profile: Profile) -> str:
    """The regenerated statement for the record: every literal a ``?``, tokens as the agent wrote them."""
    left = iter(slots)

    def replaced(match: re.Match[str]) -> str:
        kind = match.lastgroup
        if kind == "placeholder":
            return "'" + next(left).token.replace("'", "''") + "'"
        return "?" if kind in ("string", "number") else match.group()

    return _lexer(profile.backslash_escapes, profile.double_quoted_strings, profile.placeholder).sub(replaced, text)


def called_names(text: str, profile: Profile) -> set[str]:
    """Every name in a regenerated statement that brackets follow, folded: the functions as the engine will see them."""
    found: set[str] = set()
    last: tuple[str, str, int] | None = None
    for match in _lexer(profile.backslash_escapes, profile.double_quoted_strings, profile.placeholder).finditer(text):
        kind = match.lastgroup or ""
        if kind == "open" and last is not None and last[2] == match.start():
            found.add(last[1] if last[0] == "quoted" else ascii_lower(last[1]))
        last = None
        if kind == "word":
            last = (kind, match.group(), match.end())
        elif kind == "quoted":
            last = (kind, match.group()[1:-1].replace('""', '"'), match.end())
    return found


def check_calls(text: str, profile: Profile, allowed: Callable[[str], bool], defined: frozenset[str]) -> None:
    """Compare what the text calls with what the gate let through. Raises `ToolRefused` on any difference."""
    for name in called_names(text, profile):
        if not (allowed(name) or name in _GRAMMAR or name in defined):
            raise refusals.function(name, profile.functions)


@cache
def _lexer(backslash: bool, double_quoted: bool, placeholder: Placeholder) -> re.Pattern[str]:
    """Words, strings, numbers and brackets of regenerated text: no comments, no dollar quotes, one form of string."""
    string = r"[eExXbB]?'(?:[^'\\]|''|\\.)*'" if backslash else r"[eExXbB]?'(?:[^']|'')*'"
    names = r"`[^`]*`" if double_quoted else r'"(?:[^"]|"")*"'
    if double_quoted:
        string += r'|"(?:[^"\\]|""|\\.)*"'
    slot = r"\$\d+" if placeholder is Placeholder.NUMBERED else r"\?"
    return re.compile(
        rf"(?P<string>{string})|(?P<quoted>{names})|(?P<placeholder>{slot})|(?P<word>[^\W\d]\w*)"
        r"|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?P<open>\()",
        re.DOTALL,
    )
