"""The body of a rule, cut into its scope and its conditions, so that each can be asked about by itself.

A clause is split at a ``&&`` that stands at its top level; everything else stays whole. The parts are Cedar again, and
their conjunction is the rule: a rule matches if and only if all its parts do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_TOKEN: Final = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"|&&|\|\||[A-Za-z_]\w*|\s+|.', re.DOTALL)
_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a rule that must hold: ``keyword`` is ``when`` or ``unless``, ``text`` its expression."""

    keyword: str
    text: str
    offset: int  # in the rule's body

    @property
    def clause(self) -> str:
        return f"{self.keyword} {{ {self.text} }}"


@dataclass(frozen=True, slots=True)
class Parts:
    """``scope`` is the parenthesised head, ``(principal, action, resource)``, and ``constraints`` its three parts."""

    scope: str
    constraints: tuple[str, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int

    @property
    def silent(self) -> bool:
        return self.text.isspace() or self.text.startswith("//")


def parts(body: str) -> Parts:
    """The parts of a rule that the engine has parsed already."""
    tokens = [_Token(match[0], match.start()) for match in _TOKEN.finditer(body)]
    tokens = [token for token in tokens if not token.silent]
    end = _end(tokens, 0)
    scope = body[tokens[0].start : tokens[end].start + 1]
    constraints = tuple(_text(body, first, last) for first, last in _split(tokens[1:end], ","))
    return Parts(scope, constraints, tuple(_conditions(body, tokens, end + 1)))


def _conditions(body: str, tokens: Sequence[_Token], at: int) -> Iterator[Condition]:
    while tokens[at].text in ("when", "unless"):
        keyword, end = tokens[at].text, _end(tokens, at + 1)
        inside = tokens[at + 2 : end]
        # unless { a && b } holds when either fails: only a `when` falls into parts at &&, an `unless` at ||.
        for first, last in _split(inside, "&&" if keyword == "when" else "||"):
            yield Condition(keyword, _text(body, first, last), first.start)
        at = end + 1


def _split(tokens: Sequence[_Token], operator: str) -> Iterator[tuple[_Token, _Token]]:
    """First and last token of each operand; the whole where it does not fall into operands."""
    depth, cuts, whole = 0, list[int](), False
    for index, token in enumerate(tokens):
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if depth == 0 and token.text == operator:
            cuts.append(index)
        # `a && b || c` is `(a && b) || c`: && binds more tightly, so it splits only where no || stands beside it.
        whole = whole or (depth == 0 and (token.text == "if" or (operator == "&&" and token.text == "||")))
    bounds = [-1, *cuts, len(tokens)] if not whole else [-1, len(tokens)]
    for before, after in pairwise(bounds):
        yield tokens[before + 1], tokens[after - 1]


def _end(tokens: Sequence[_Token], at: int) -> int:
    """The index of the token that closes the bracket at ``at``."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += (tokens[index].text in _OPENING) - (tokens[index].text in _CLOSING)
        if depth == 0:
            return index
    raise ValueError("a bracket is not closed")


def _text(body: str, first: _Token, last: _Token) -> str:
    """Without comments, on one line: to be shown, and to stand in another rule. Strings stay as they are."""
    text = body[first.start : last.start + len(last.text)]
    pieces = [_Token(match[0], match.start()) for match in _TOKEN.finditer(text)]
    found: list[str] = []
    for piece in pieces:
        if not piece.silent:
            found.append(piece.text)
        elif found[-1] != " ":
            found.append(" ")
    return "".join(found)
