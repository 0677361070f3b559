"""From text to one syntax tree, in the engine's dialect, with every function call kept exactly as it was written.

sqlglot turns calls of functions it knows into nodes of its own and writes those back in its own words, not always with
the same meaning. Here the name of every such call gets a mark no statement can hold (a NUL), so that the parser takes
it for an unknown function and leaves it alone; the gate strips the mark. This works with the compiled parser too, which
cannot be subclassed.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cache
from typing import Final

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.generator import Generator
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token, TokenType

from . import refusals
from .lexguard import check_text, check_tokens
from .names import ascii_lower
from .profiles import Profile, profile_for

MARK: Final = "\0"

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings quote the statement

_ARROWS: Final = frozenset({TokenType.ARROW, TokenType.DARROW, TokenType.HASH_ARROW, TokenType.DHASH_ARROW})
_PATHS: Final = frozenset({TokenType.STRING, TokenType.NUMBER})
_WORDS: Final = frozenset({TokenType.VAR, TokenType.IDENTIFIER})
_OPENING: Final = frozenset({TokenType.L_PAREN, TokenType.COMMA})


@dataclass(frozen=True, slots=True)
class Parsed:
    """One statement. ``explain`` is None, or what stood between EXPLAIN and the statement, in lower case."""

    tree: exp.Expr
    tokens: list[Token]
    explain: str | None = None


class Tools(threading.local):
    """sqlglot's workers of one dialect; they keep state while they work, so each thread has its own."""

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.dialect = Dialect.get_or_raise(profile.parser)
        self.parser: Parser = self.dialect.parser()
        self.generator: Generator = self.dialect.generator(
            normalize_functions=False, comments=False, identify=False, unsupported_level=ErrorLevel.RAISE
        )
        parser: object = self.dialect.parser_class
        known: set[str] = set(getattr(parser, "FUNCTIONS")) | set(getattr(parser, "FUNCTION_PARSERS"))  # noqa: B009
        self.marked = frozenset(known - profile.kept_functions)


@cache
def tools_for(profile_name: str) -> Tools:
    return Tools(profile_for(profile_name))


def parse(text: str, profile: Profile, known_names: frozenset[str]) -> Parsed:
    """Read one statement. Raises `ToolRefused` for anything that is not exactly one statement sqlglot understands."""
    check_text(text, profile)
    explain, body = _unwrap_explain(text, profile)
    tools = tools_for(profile.name)
    try:
        tokens = tools.dialect.tokenize(body)
    except TokenError:
        raise refusals.syntax("The statement has a string, name or comment that is not closed.") from None
    check_tokens(body, tokens, profile, known_names)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise refusals.syntax("There is no statement.", "Send one SELECT.")
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise refusals.statement("Only one statement at a time is allowed.", "Send each statement on its own.")
    if tokens[0].token_type is TokenType.COMMAND:
        word = refusals.shown(tokens[0].text.upper())
        raise refusals.statement(f"{word} is not allowed.", "Only SELECT (also WITH, VALUES and EXPLAIN) is.")
    trees = _parse_tokens(_prepared(tokens, tools.marked), body, tools)
    if len(trees) != 1 or trees[0] is None:
        raise refusals.statement("Only one statement at a time is allowed.", "Send each statement on its own.")
    return Parsed(trees[0], tokens, explain)


def parse_definition(text: str, profile: Profile, names: Set[str] = frozenset()) -> exp.Expr | None:
    """Read a view body or column expression of the catalog. None when it cannot be read, or when the tree lacks one of
    these names where the text has it: sqlglot drops arguments that it has no place for."""
    tools = tools_for(profile.name)
    try:
        tokens = tools.dialect.tokenize(text)
        while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
            tokens.pop()
        written = Counter(ascii_lower(token.text) for token in tokens if token.token_type in _WORDS)
        trees = tools.parser.parse(_prepared(tokens, tools.marked), text)
    except (ParseError, TokenError, RecursionError, ValueError):
        return None
    if len(trees) != 1 or trees[0] is None:
        return None
    strip_marks(trees[0])
    lost = written - Counter(_words(trees[0]))
    return None if lost and not lost.keys().isdisjoint(map(ascii_lower, names)) else trees[0]


def _words(tree: exp.Expr) -> Iterator[str]:
    for node in tree.walk():
        word = node.args.get("this") if isinstance(node, exp.Identifier | exp.Var | exp.Anonymous) else None
        if isinstance(word, str):
            yield ascii_lower(word)


def reread(text: str, profile: Profile) -> exp.Expr | None:
    """Read regenerated text: like `parse`, without its judgements. None when it cannot be read as one statement."""
    tools = tools_for(profile.name)
    try:
        trees = tools.parser.parse(_prepared(tools.dialect.tokenize(text), tools.marked), text)
    except (ParseError, TokenError, ValueError):
        return None
    return trees[0] if len(trees) == 1 else None


def strip_marks(tree: exp.Expr) -> None:
    for node in tree.walk():
        name = node.args.get("this")
        if isinstance(name, str) and name.startswith(MARK):
            node.args["this"] = name[1:]


def _prepared(tokens: list[Token], marked: frozenset[str]) -> list[Token]:
    """Mark function names; put brackets around the right side of JSON arrows, whose strings sqlglot rewrites, and
    around a name on the left of one, which sqlglot takes for the variable of a lambda."""
    made: list[Token] = []
    last = len(tokens) - 1
    before: TokenType | None = None
    for i, token in enumerate(tokens):
        kind = token.token_type
        called = i < last and tokens[i + 1].token_type is TokenType.L_PAREN and kind is not TokenType.VALUES
        if called and token.text.upper() in marked:
            token.text = MARK + token.text
        pairs = 1 if before in _ARROWS and kind in _PATHS else _lambda_like(tokens, i)
        if pairs:
            made += [Token(TokenType.L_PAREN, "(")] * pairs + [token] + [Token(TokenType.R_PAREN, ")")] * pairs
        else:
            made.append(token)
        before = kind
    return made


def _lambda_like(tokens: list[Token], i: int) -> int:
    """How many pairs of brackets keep ``f(x -> 'a')`` and ``f((x) -> 'a')`` from being read as lambdas: none does where
    there is an arrow, but two are needed around a bare name."""
    before, after = (tokens[i - 1].token_type if i else None), [token.token_type for token in tokens[i + 1 : i + 3]]
    if before in _OPENING and after[:1] == [TokenType.ARROW]:
        return 2
    return 1 if before is TokenType.L_PAREN and after == [TokenType.R_PAREN, TokenType.ARROW] else 0


def _parse_tokens(tokens: list[Token], text: str, tools: Tools) -> list[exp.Expr | None]:
    try:
        return tools.parser.parse(tokens, text)
    except ParseError as error:
        raise _syntax_error(error, text) from None
    except RecursionError:
        raise refusals.limit("The statement is nested too deeply.", "Write it flatter.") from None
    except (TokenError, ValueError, TypeError, AttributeError, IndexError, KeyError):
        raise refusals.syntax("The statement cannot be read.", "Write it more simply.") from None


def _syntax_error(error: ParseError, text: str) -> Exception:
    details = error.errors[0] if error.errors else {}
    line, column = details.get("line"), details.get("col")
    near = str(details.get("highlight") or "").replace(MARK, "").strip()
    where = f" near {refusals.shown(near)}" if near else ""
    at = f" (line {line}, column {column})" if line and column else ""
    return refusals.syntax(f"The statement cannot be read{where}{at}.", "Check the syntax there.")


_EXPLAIN: Final = re.compile(r"\s*EXPLAIN\b\s*", re.IGNORECASE | re.ASCII)
_QUERY_PLAN: Final = re.compile(r"QUERY\s+PLAN\b\s*", re.IGNORECASE | re.ASCII)
_OPTIONS: Final = re.compile(r"\(([^()]*)\)\s*(?=[(A-Za-z])")
_HARMLESS_OPTION: Final = re.compile(
    r"\s*(?:COSTS(?:\s+(?:ON|OFF|TRUE|FALSE))?|FORMAT\s+TEXT|(?:ANALYZE|VERBOSE|BUFFERS|SETTINGS|TIMING|SUMMARY|WAL)"
    r"\s+(?:OFF|FALSE))\s*",
    re.IGNORECASE | re.ASCII,
)
_EXPLAIN_HINT: Final = "EXPLAIN a plain SELECT; ANALYZE, VERBOSE and other options are not available."


def _unwrap_explain(text: str, profile: Profile) -> tuple[str | None, str]:
    """Take EXPLAIN off a statement: it follows the same rules as the statement it explains, and never runs it."""
    match = _EXPLAIN.match(text)
    if match is None:
        return None, text
    body = text[match.end() :]
    plan = _QUERY_PLAN.match(body)
    if plan is not None and "query plan" in profile.explain_options:
        return "query plan", body[plan.end() :]
    if "" not in profile.explain_options:
        raise refusals.statement("This form of EXPLAIN is not allowed.", "Use EXPLAIN QUERY PLAN SELECT ...")
    options = _OPTIONS.match(body)
    if options is not None and profile.name == "postgresql" and not _is_query(options.group(1)):
        if not all(_HARMLESS_OPTION.fullmatch(option) for option in options.group(1).split(",")):
            raise refusals.statement("These EXPLAIN options are not allowed.", _EXPLAIN_HINT)
        body = body[options.end() :]
    first = re.match(r"\w+", body)
    if first is not None and first.group().upper() not in ("SELECT", "WITH", "VALUES"):
        raise refusals.statement("This form of EXPLAIN is not allowed.", _EXPLAIN_HINT)
    return "", body


def _is_query(text: str) -> bool:
    return re.match(r"\s*(?:SELECT|WITH|VALUES)\b", text, re.IGNORECASE) is not None
