"""What SQLite keeps only as text: the SELECT of a view, the expressions of generated columns, a virtual table's
arguments. A reader of brackets, strings and names, no parser: what it does not understand it does not return."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LEXEME: Final = re.compile(
    r"""(?P<space>\s+|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))
      | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[^\W\d][\w$]*)
      | (?P<string>'(?:[^']|'')*')
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_CONSTRAINTS: Final = frozenset({"constraint", "primary", "unique", "check", "foreign"})


@dataclass(frozen=True, slots=True)
class _Piece:
    kind: str
    text: str
    start: int
    end: int
    depth: int  # of brackets, outside of them 0; a bracket has the depth it stands at

    @property
    def word(self) -> str:
        """An unquoted word in lower case, else nothing."""
        return self.text.lower() if self.kind == "name" and self.text[0] not in '"`[' else ""


def view_definition(sql: str) -> str | None:
    """The SELECT of ``CREATE VIEW ... AS SELECT ...``."""
    for piece in _pieces(sql):
        if piece.depth == 0 and piece.word == "as":
            return sql[piece.end :].strip() or None
    return None


def generated_expressions(sql: str) -> dict[str, str]:
    """The expression of each generated column of a ``CREATE TABLE``, by the lower-case name of the column."""
    found: dict[str, str] = {}
    for item in _items(list(_pieces(sql))):
        if not item or item[0].kind not in ("name", "string") or item[0].word in _CONSTRAINTS:
            continue
        base = item[0].depth
        for i, piece in enumerate(item[:-1]):
            if piece.depth == base and piece.word == "as" and item[i + 1].text == "(":
                closing = next((p for p in item[i + 2 :] if p.depth == base and p.text == ")"), None)
                if closing is not None:
                    found[unquoted(item[0].text).lower()] = sql[item[i + 1].end : closing.start].strip()
                break
    return found


def module_arguments(sql: str) -> tuple[str, list[str]]:
    """Of a ``CREATE VIRTUAL TABLE name USING module(arguments)``: the module and its arguments as they are written."""
    pieces = list(_pieces(sql))
    using = next((i for i, p in enumerate(pieces) if p.depth == 0 and p.word == "using"), None)
    if using is None or using + 1 >= len(pieces):
        return "", []
    module = unquoted(pieces[using + 1].text).lower()
    return module, [sql[item[0].start : item[-1].end] for item in _items(pieces[using + 2 :]) if item]


def content_table(sql: str) -> str | None:
    """The table whose texts a full-text index of somebody else's content holds copies of."""
    module, arguments = module_arguments(sql)
    if not module.startswith("fts"):
        return None
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and key.strip().lower() == "content" and (name := unquoted(value.strip())):
            return name
    return None


def unquoted(name: str) -> str:
    if len(name) >= 2 and name[0] in "\"`'" and name[-1] == name[0]:
        return name[1:-1].replace(name[0] * 2, name[0])
    return name[1:-1] if name[:1] == "[" and name[-1:] == "]" else name


def _pieces(sql: str) -> Iterator[_Piece]:
    depth = 0
    for match in _LEXEME.finditer(sql):
        kind = match.lastgroup or ""
        if kind == "space":
            continue
        text = match.group()
        if text == ")":
            depth = max(depth - 1, 0)
        yield _Piece(kind, text, match.start(), match.end(), depth)
        if text == "(":
            depth += 1


def _items(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """The comma-separated items of the first pair of brackets."""
    item: list[_Piece] = []
    inside = False
    for piece in pieces:
        if not inside:
            inside = piece.depth == 0 and piece.text == "("
        elif piece.depth == 0:
            break
        elif piece.depth == 1 and piece.text == ",":
            yield item
            item = []
        else:
            item.append(piece)
    yield item
