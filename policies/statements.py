"""Cedar text, cut into its statements: cedarpy's own errors name no line, so each statement is parsed by itself.

This reads only what every Cedar statement starts with (annotations, ``permit`` or ``forbid``) and where it ends; its
meaning is left to the engine. Grammar: docs.cedarpolicy.com, "Grammar specification for Cedar policy syntax".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TOKEN: Final = re.compile(
    r'(?P<space>\s+)|(?P<comment>//[^\n]*)|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<other>.)',
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth a look, in a policy folder."""

    file: str
    line: int
    message: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {'warning: ' if self.warning else ''}{self.message}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One rule as written. ``body`` is its text without annotations and effect: ``(principal, …) when { … };``.

    ``line`` is that of the effect, ``lines`` those of the annotations by name.
    """

    file: str
    line: int
    text: str
    effect: str  # permit | forbid
    annotations: Mapping[str, str]
    lines: Mapping[str, int]
    body: str

    @property
    def id(self) -> str:
        return self.annotations.get("id", "")

    def line_at(self, offset: int) -> int:
        """The line of a place in ``body``."""
        return self.line + self.body.count("\n", 0, offset)


class Malformed(Exception):
    """The text is not a row of Cedar statements."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    line: int


def statements(text: str, file: Path | str) -> Iterator[Statement]:
    """Every statement of a file, in order. Raises `Malformed` at the first place that cannot be read."""
    tokens = [t for t in _tokens(text) if t.kind not in ("space", "comment")]
    at = 0
    while at < len(tokens):
        first = tokens[at]
        annotations, lines, at = _annotations(tokens, at)
        if at >= len(tokens) or tokens[at].text not in ("permit", "forbid"):
            line = tokens[at].line if at < len(tokens) else first.line
            raise Malformed(line, "a statement begins with annotations, then permit or forbid")
        effect = tokens[at]
        at += 1
        while at < len(tokens) and tokens[at].text != ";":
            at += 1
        if at >= len(tokens):
            raise Malformed(effect.line, "the statement does not end; a ; is missing")
        end = tokens[at].start + 1
        at += 1
        yield Statement(
            file=str(file),
            line=effect.line,
            text=text[first.start : end],
            effect=effect.text,
            annotations=annotations,
            lines=lines,
            body=text[effect.start + len(effect.text) : end],
        )


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        if kind == "other" and match[0] == '"':
            raise Malformed(line, "a text is not closed")
        yield _Token(kind, match[0], match.start(), line)
        line += match[0].count("\n")


def _annotations(tokens: list[_Token], at: int) -> tuple[dict[str, str], dict[str, int], int]:
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    while at < len(tokens) and tokens[at].text == "@":
        line = tokens[at].line
        if at + 1 >= len(tokens) or tokens[at + 1].kind != "word":
            raise Malformed(line, "an annotation has a name after its @")
        name = tokens[at + 1].text
        if name in found:
            raise Malformed(line, f"the annotation @{name} stands twice")
        value = ""
        at += 2
        if at < len(tokens) and tokens[at].text == "(":
            if at + 2 >= len(tokens) or tokens[at + 1].kind != "string" or tokens[at + 2].text != ")":
                raise Malformed(line, f'the annotation @{name} takes one text, as in @{name}("…")')
            value = _ESCAPE.sub(r"\1", tokens[at + 1].text[1:-1])
            at += 3
        found[name], lines[name] = value, line
    return found, lines, at
