"""The text in which PostgreSQL prints its parse trees, read back strictly. Pure: no driver, no I/O.

The text is the ``DETAIL`` of the LOG message that ``debug_print_rewritten`` makes the server send: nodes as
``{KIND :label value ...}``, lists in round brackets, ``<>`` for nothing. Names in it are escaped with backslashes, and
it is broken into lines of 78 characters at a space *or*, where there is none, inside a word. The agent chooses some of
the names, so this is a place where it could try to write tree instead of name. It cannot: tokens are taken by position
(a label, then one value), a line that could have been broken inside a word is refused, as are a kind or label that is
not known, a label that comes twice, and anything after the end.

Source: ``src/backend/nodes/{outfuncs,read,print}.c`` of PostgreSQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from .labels import LABELS

Item: TypeAlias = "Node | list[Item] | str | None"

# Words end at the three characters that the server escapes in names, not at all that Python calls white space.
_TOKEN: Final = re.compile(r"[(){}]|[^ \n\t(){}\\]+(?:\\.[^ \n\t(){}\\]*)*|(?:\\.[^ \n\t(){}\\]*)+", re.DOTALL)
_LINE: Final = 78  # LINELEN of print.c, in bytes
_MAX_TEXT: Final = 16_000_000
_DATUM: Final = "constvalue"  # the one value of several words: a length and the bytes in square brackets


class QueryTreeError(Exception):
    """The text is not a tree this module knows. Its own text names kinds and labels, never what the agent wrote."""


class Node:
    """One node: labels to values. Numbers and names are left as they are printed."""

    __slots__ = ("fields", "kind")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.fields: dict[str, Item] = {}

    def __repr__(self) -> str:
        return f"Node({self.kind})"

    def text(self, label: str) -> str:
        value = self.fields.get(label)
        if not isinstance(value, str):
            raise QueryTreeError(f"{self.kind}.{label} is not a word")
        return value

    def number(self, label: str) -> int:
        try:
            return int(self.text(label))
        except ValueError:
            raise QueryTreeError(f"{self.kind}.{label} is not a number") from None

    def flag(self, label: str) -> bool:
        """A truth value; a label that the server's version does not print is false."""
        value = self.fields.get(label, "false")
        if value not in ("true", "false"):
            raise QueryTreeError(f"{self.kind}.{label} is not true or false")
        return value == "true"

    def items(self, label: str) -> list[Item]:
        """A list, empty when it is not there."""
        value = self.fields.get(label)
        if value is None:
            return []
        if not isinstance(value, list):
            raise QueryTreeError(f"{self.kind}.{label} is not a list")
        return value

    def nodes(self, label: str) -> list[Node]:
        """A list of nodes, empty when it is not there."""
        found = [item for item in self.items(label) if isinstance(item, Node)]
        if len(found) != len(self.items(label)):
            raise QueryTreeError(f"{self.kind}.{label} holds something else than nodes")
        return found

    def node(self, label: str) -> Node:
        value = self.fields.get(label)
        if not isinstance(value, Node):
            raise QueryTreeError(f"{self.kind}.{label} is not a node")
        return value

    def numbers(self, label: str, mark: str) -> list[int]:
        """A list of numbers as ``(o 1 2)``: ``mark`` is b for a set, i for integers, o for object ids."""
        found = self.items(label)
        if not found:
            return []
        try:
            if found[0] == mark:
                return [int(item) for item in found[1:]]  # type: ignore[arg-type]
        except (TypeError, ValueError):
            pass
        raise QueryTreeError(f"{self.kind}.{label} is not a list of numbers")


def parse(text: str) -> list[Node]:
    """The trees of one message, outermost nodes only. Raises `QueryTreeError` for everything it does not know."""
    if len(text) > _MAX_TEXT:
        raise QueryTreeError("the tree is too large")
    body = _unfolded(text)
    tokens: list[str] = _TOKEN.findall(body)
    if (len(body) - len(body.rstrip("\\"))) % 2:
        raise QueryTreeError("the tree ends inside an escape")
    top = _build(tokens)
    if not isinstance(top, list):
        raise QueryTreeError("the tree is not a list")
    found = [item for item in top if isinstance(item, Node)]
    if len(found) != len(top):
        raise QueryTreeError("the tree is not a list of nodes")
    return found


def _unfolded(text: str) -> str:
    """Undo the breaking into lines. Where a break may have taken no space away, what it broke cannot be told."""
    lines = text.split("\n")
    for line in lines[:-1]:
        if len(line) >= _LINE or not line.isascii():
            size = len(line.encode("utf-8", "surrogatepass"))
            if size >= _LINE and " " not in line[1:]:
                raise QueryTreeError("a line is broken inside a word")
    return " ".join(lines)


def _build(tokens: list[str]) -> Item:
    """Nested nodes and lists from tokens. Not recursive: a statement may be nested deeper than Python likes."""
    root: list[Item] = []
    above: list[Node | list[Item]] = []
    labels: list[str] = []  # the label each node of ``above`` waits with for its value
    current: Node | list[Item] = root
    known: frozenset[str] = frozenset()
    words = iter(tokens)
    for word in words:
        label = ""
        if isinstance(current, Node):
            if word == "}":
                done, current = current, above.pop()
                if isinstance(current, Node):
                    current.fields[labels.pop()] = done
                    known = LABELS[current.kind]
                else:
                    current.append(done)
                continue
            label = word[1:]
            if word[0] != ":" or label not in known or label in current.fields:
                raise QueryTreeError(f"{current.kind} has an unknown or repeated label")
            word = next(words, "}")
            if word in ("}", ")"):
                raise QueryTreeError(f"{current.kind}.{label} has no value")
        if word == "{":
            kind = next(words, "")
            if kind not in LABELS:
                raise QueryTreeError("a node of an unknown kind" if not kind.isalpha() else f"unknown node {kind}")
            above.append(current)
            if label:
                labels.append(label)
                current.fields[label] = None  # type: ignore[union-attr]  # taken: a second one is refused
            current, known = Node(kind), LABELS[kind]
        elif word == "(":
            above.append(current)
            if label:
                labels.append(label)
                current.fields[label] = None  # type: ignore[union-attr]
            current = []
        elif word == ")":
            if not above or isinstance(current, Node):
                raise QueryTreeError("a bracket too many")
            closed, current = current, above.pop()
            if isinstance(current, Node):
                current.fields[labels.pop()] = closed
                known = LABELS[current.kind]
            else:
                current.append(closed)
        elif word == "}":
            raise QueryTreeError("a bracket too many")
        else:
            value = None if word == "<>" else word
            if isinstance(current, Node):
                current.fields[label] = value
                if label == _DATUM and value is not None:
                    _skip_datum(words)
            else:
                current.append(value)
    if above or len(root) != 1:
        raise QueryTreeError("the tree does not end where it should")
    return root[0]


def _skip_datum(words: Iterator[str]) -> None:
    """The bytes of a constant: ``[ 1 0 0 0 ]``, of no interest here."""
    if next(words, "") != "[":
        raise QueryTreeError("a constant has no bytes")
    for word in words:
        if word == "]":
            return
        if not word.lstrip("-").isdigit():
            break
    raise QueryTreeError("a constant holds something else than bytes")
