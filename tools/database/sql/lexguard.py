"""The text before anything parses it: no characters or forms that lexers are known to disagree about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sqlglot.tokenizer_core import Token, TokenType

from . import refusals
from .profiles import Profile

MAX_CHARACTERS: Final = 20_000
MAX_TOKENS: Final = 6_000
MAX_DEPTH: Final = 60

# C0 but tab and line ends, DEL, C1, surrogates, noncharacters.
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Spaces that are none to SQL, zero width, bidi controls, BOM, tags: inside a string they are data, elsewhere a trick.
_INVISIBLE: Final = re.compile(
    r"[\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164"
    r"\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]"
)
_EXECUTABLE_COMMENT: Final = re.compile(r"/\*M?!|/\*\+")
_UNICODE_ESCAPE: Final = re.compile(r"\bU&['\"]", re.IGNORECASE | re.ASCII)
_PLAIN_ESCAPES: Final = re.compile(r"(?:[^\\]|\\[\\'ntr]|'')*\Z", re.DOTALL)
_QUOTED_TRICKS: Final = re.compile(r"[(){}\\<>]")

_STRINGS: Final = frozenset({TokenType.STRING, TokenType.HEREDOC_STRING, TokenType.RAW_STRING, TokenType.BYTE_STRING})
_NAMES: Final = frozenset({TokenType.VAR, TokenType.IDENTIFIER})
_REFUSED_STRINGS: Final = frozenset({TokenType.NATIONAL_STRING, TokenType.UNICODE_STRING})
# Distances of pgvector and DuckDB. The parser takes <=> for MySQL's null-safe equality, and most others for a mistake.
_DISTANCES: Final = frozenset({"<->", "<=>", "<#>", "<+>", "<~>", "<%>"})
_DISTANCE_BEGINS: Final = frozenset({TokenType.LT, TokenType.LR_ARROW, TokenType.NULLSAFE_EQ})
_OPENING: Final = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
_CLOSING: Final = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})


def check_text(text: str, profile: Profile) -> None:
    """Raises `ToolRefused` when the text is too long or has forms that parsers and engines read differently."""
    if len(text) > MAX_CHARACTERS:
        raise refusals.limit(f"The statement is longer than {MAX_CHARACTERS} characters.", "Send less at a time.")
    if text.isascii():
        if _FORBIDDEN.search(text):
            raise refusals.text("The statement contains control characters.", "Remove them.")
    elif _FORBIDDEN.search(text):
        raise refusals.text("The statement contains control or invalid characters.", "Remove them.")
    if "/*" in text and _EXECUTABLE_COMMENT.search(text):
        raise refusals.text("Comments that engines execute (/*! ... */, /*+ ... */) are not allowed.", "Remove it.")
    if "&" in text and _UNICODE_ESCAPE.search(text):
        raise refusals.text("Unicode escapes (U&\"...\", U&'...') are not allowed.", "Write the characters themselves.")
    if profile.name in ("sqlite", "mysql") and text.count("/*") > text.count("*/"):
        raise refusals.text("A comment is not closed.", "Close it with */.")


def check_tokens(text: str, tokens: Sequence[Token], profile: Profile, known: frozenset[str]) -> None:
    """Raises `ToolRefused` for what only shows once the text is in tokens; makes all string forms plain strings.

    ``known`` are the names the catalog has: only they may hold brackets and the like (such an alias can break the
    reader of PostgreSQL's query tree).
    """
    if len(tokens) > MAX_TOKENS:
        raise refusals.limit(f"The statement has more than {MAX_TOKENS} words.", "Send less at a time.")
    depth = 0
    before = None
    for token in tokens:
        kind = token.token_type
        if kind in _OPENING:
            depth += 1
            if depth > MAX_DEPTH:
                raise refusals.limit(f"Brackets are nested deeper than {MAX_DEPTH}.", "Write it flatter.")
        elif kind in _CLOSING:
            depth -= 1
        elif profile.longest_name is not None and kind in _NAMES and len(token.text.encode()) > profile.longest_name:
            raise refusals.text(f"A name is longer than {profile.longest_name} bytes.", "Use a shorter one.")
        elif kind in _STRINGS:
            if before in _STRINGS:
                raise refusals.text("Two strings stand side by side.", "Join strings with || or write one string.")
            if kind is not TokenType.STRING:
                _plain_string(text, token)
        elif kind in _REFUSED_STRINGS:
            raise refusals.text("Strings with a prefix (N'...', U&'...') are not allowed.", "Write '...'.")
        elif kind is TokenType.IDENTIFIER and profile.name == "postgresql":
            _plain_name(token, known)
        elif kind in _DISTANCE_BEGINS:
            _no_distance(text[token.start : token.start + 3], profile)
        before = kind
    if not text.isascii():
        _check_invisible(text, tokens)


def _no_distance(operator: str, profile: Profile) -> None:
    if operator in _DISTANCES and (operator, profile.name) != ("<=>", "mysql"):
        raise refusals.distance(operator)


def _plain_name(token: Token, known: frozenset[str]) -> None:
    if _QUOTED_TRICKS.search(token.text) and token.text not in known:
        raise refusals.text("A quoted name contains brackets or a backslash.", "Use letters and digits.")


def _plain_string(text: str, token: Token) -> None:
    """E'...' and $$...$$ become '...' when that says the same."""
    if token.token_type is TokenType.BYTE_STRING:
        raw = text[token.start : token.end + 1]
        body = raw[2:-1]
        if raw[:2].upper() != "E'" or not _PLAIN_ESCAPES.match(body):
            raise refusals.text(
                "This string escape is not allowed.", r"Use plain '...'; of escapes only \n \t \r \' \\."
            )
        token.text = _unescaped(body)
    token.token_type = TokenType.STRING


def _unescaped(body: str) -> str:
    table = {"n": "\n", "t": "\t", "r": "\r", "'": "'", "\\": "\\"}
    return re.sub(r"\\(.)|''", lambda m: table[m.group(1)] if m.group(1) else "'", body, flags=re.DOTALL)


def _check_invisible(text: str, tokens: Sequence[Token]) -> None:
    places = [match.start() for match in _INVISIBLE.finditer(text)]
    if not places:
        return
    spans = [(token.start, token.end) for token in tokens if token.token_type is TokenType.STRING]
    if any(not any(start <= place <= end for start, end in spans) for place in places):
        raise refusals.text("The statement contains invisible or non-standard space characters.", "Use plain spaces.")
