"""Texts with a structure: where the values of a CSV or JSON text stand, and under which name.

The names (column headers, JSON keys) are context for detection. Only values are replaced; every other byte of the text
stays, so that windows of lines, diffs and read-backs are stable. A text that does not parse is masked as plain text.
A value that is JSON itself, written as a text, is opened too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

JSON_TOKEN: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}\[\]:,]|[ \t\r\n]+', re.DOTALL
)
PLAIN: Final = "text/plain"
DEEPEST: Final = 200
_DEEPEST_TEXT: Final = 5  # JSON in texts in JSON
_JSON_STARTS: Final = frozenset("{[ \t\r\n")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a structured text: its place, the name it stands under, its meaning as text."""

    start: int
    end: int
    key: str | None
    text: str
    written: Callable[[str], str]  # another text as it must be written at this place


def leaves(text: str, media: str) -> list[Leaf] | None:
    """The values of a text of this media type, in order; None when it has no structure to go by."""
    try:
        match media:
            case "application/json":
                return list(_json(text))
            case "application/x-ndjson":
                return list(_lines(text))
            case "text/csv" | "text/tab-separated-values":
                return list(_csv(text, "\t" if media.endswith("tab-separated-values") else None))
            case _:
                return None
    except ValueError:
        return None


def opened(
    text: str, key: str | None, media: str, take: Callable[[str, str | None], int], depth: int = 0
) -> Callable[[Sequence[str]], str]:
    """Give the plain parts of a text, each with the name it stands under, to ``take``, which numbers them.

    Returns what makes the text again when it is given all parts as masked, by their numbers.
    """
    found = leaves(text, media) if depth < _DEEPEST_TEXT else None
    if found is None:
        at = take(text, key)
        return lambda masked: masked[at]
    inner = [opened(leaf.text, leaf.key or key, media_of(leaf.text), take, depth + 1) for leaf in found]
    return lambda masked: replaced(text, found, [part(masked) for part in inner])


def media_of(text: str) -> str:
    """JSON for what looks like a JSON object or array, else plain text."""
    if text[:1] not in _JSON_STARTS:
        return PLAIN
    core = text.strip()
    return "application/json" if core[:1] + core[-1:] in ("{}", "[]") else PLAIN


def replaced(text: str, found: Sequence[Leaf], masked: Sequence[str]) -> str:
    """The text with masked values in place; a leaf whose text did not change keeps its bytes."""
    parts: list[str] = []
    at = 0
    for leaf, new in zip(found, masked, strict=True):
        if new != leaf.text:
            parts += (text[at : leaf.start], leaf.written(new))
            at = leaf.end
    return "".join((*parts, text[at:]))


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(text: str) -> Iterator[Leaf]:
    at = 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            yield from _json(line, at)
        at += len(line)


def _json(text: str, base: int = 0) -> Iterator[Leaf]:
    """The leaves of a JSON text (RFC 8259). Raises ValueError when it is none."""
    json.loads(text)
    stack: list[str | None] = []  # the key each open array or object stands under
    kinds: list[str] = []
    key: str | None = None
    awaiting_key = False
    at = 0
    while at < len(text):
        match = JSON_TOKEN.match(text, at)
        if match is None or len(stack) > DEEPEST:
            raise ValueError("not JSON of a bounded depth")
        token, start, at = match[0], at, match.end()
        head = token[0]
        if head in " \t\r\n:":
            continue
        if head in "{[":
            stack.append(key)
            kinds.append(head)
            awaiting_key = head == "{"
        elif head in "}]":
            key = stack.pop()
            kinds.pop()
            awaiting_key = False
        elif head == ",":
            awaiting_key = kinds[-1] == "{"
            if not awaiting_key:
                key = stack[-1]  # the elements of an array stand under its name
        elif awaiting_key:
            key = name = str(json.loads(token))
            awaiting_key = False
            yield Leaf(base + start, base + at, None, name, _quoted)  # a key may hold a value: {"ann@acme.com": 3}
        elif head == '"':
            yield Leaf(base + start, base + at, key, json.loads(token), _quoted)
        elif head in "-0123456789":
            yield Leaf(base + start, base + at, key, token, _quoted)


def _csv(text: str, delimiter: str | None) -> Iterator[Leaf]:
    """The fields below the header line of a CSV text (RFC 4180). Raises ValueError when rows and header disagree."""
    separator = delimiter or _separator(text)
    header: list[str] | None = None
    for row in _rows(text, separator):
        fields = [_unquoted(text[start:end]) for start, end in row]
        if header is None:
            header = fields
            continue
        if fields == [""]:
            continue
        if len(fields) > len(header):
            raise ValueError("a row is wider than its header")
        for (start, end), key, value in zip(row, header, fields, strict=False):
            if value:
                quoted = text[start:end].startswith('"')
                yield Leaf(start, end, key, value, _field_writer(separator, quoted))


def _separator(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t|", key=first.count)


def _rows(text: str, separator: str) -> Iterator[list[tuple[int, int]]]:
    row: list[tuple[int, int]] = []
    start = at = 0
    field = re.compile(rf'"(?:[^"]|"")*"|[^{re.escape(separator)}\r\n"]*')
    while True:
        match = field.match(text, at)
        assert match is not None
        start, at = at, match.end()
        row.append((start, at))
        if at >= len(text):
            yield row
            return
        if text[at] == separator:
            at += 1
        elif text.startswith(("\r\n", "\n", "\r"), at):
            yield row
            row = []
            at += 2 if text.startswith("\r\n", at) else 1
            if at >= len(text):
                return
        else:
            raise ValueError("a quote inside a field")


def _unquoted(field: str) -> str:
    return field[1:-1].replace('""', '"') if field.startswith('"') else field


def _field_writer(separator: str, quoted: bool) -> Callable[[str], str]:
    def write(value: str) -> str:
        needs = quoted or any(c in value for c in (separator, '"', "\n", "\r"))
        return '"' + value.replace('"', '""') + '"' if needs else value

    return write
