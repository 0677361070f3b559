"""What the engine lets through and a person would not: looked for in each rule when a policy is loaded."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from .clauses import Condition, parts
from .obligations import PLAIN
from .request import SiteVocabulary
from .statements import Finding, Statement

_ARITHMETIC: Final = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|(?<=[\w)\]])\s*(\+|\*|-)\s*(?=[\w(])')
_NAMED: Final = re.compile(r'//[^\n]*|\b(Database|Table|FileRoot|File|Tool)::"((?:[^"\\]|\\.)*)"|"(?:[^"\\]|\\.)*"')
_HAS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|\bhas\s+([\w."]+)')
_CLAIMS: Final = re.compile(r'"(?:[^"\\]|\\.)*"(?<!"claims")|//[^\n]*|(\bclaims\b|"claims")')
_BOUND: Final = re.compile(r"([\w.]+)\s*(<=|>=|==|<|>)\s*(-?\d+)")
_EQUAL: Final = re.compile(r'([\w.]+)\s*==\s*"((?:[^"\\]|\\.)*)"')

# Facts whose values are a fixed list: Cedar only knows that they are strings.
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "context.effects": ("read", "write", "send"),
    "context.sql.inference": ("strict", "balanced", "relaxed"),
    "principal.basis": ("credential", "config", "os-user", "anonymous"),
    "principal.transport": ("stdio", "http", "cli", "langchain", "memory"),
}
_LITERAL: Final = re.compile(
    r"(" + "|".join(map(re.escape, _WORDS)) + r')\s*(?:[!=]=\s*|\.contains(?:All|Any)?\(\s*\[?)("(?:[^"\\]|\\.)*")'
)


def lint(statement: Statement, site: SiteVocabulary) -> Iterator[Finding]:
    """Findings on one rule that the engine has parsed and validated."""
    yield from _annotations(statement)
    yield from _head(statement)
    for offset, message in (*_names(statement.body, site), *_expressions(statement.body)):
        yield Finding(statement.file, statement.line_at(offset), message)
    yield from _tools(statement, site)
    yield from _never(statement)


def _annotations(statement: Statement) -> Iterator[Finding]:
    notes = statement.annotations

    def finding(name: str, message: str, *, warning: bool = False) -> Finding:
        return Finding(statement.file, statement.lines.get(name, statement.line), message, warning)

    if not statement.id:
        yield finding("id", 'the rule has no @id("…"); its decisions could not be told apart')
    if notes.get("mode", "shadow") != "shadow":
        yield finding("mode", '@mode must be "shadow"; a rule without it is enforced')
    if "require" not in notes:
        for name in sorted(set(notes) - PLAIN):
            yield finding(name, f"unknown annotation @{name}")
    elif statement.effect == "permit":
        yield finding("require", "@require stands on a forbid: a permit cannot owe anything")
    if (until := notes.get("expires")) is not None:
        try:
            past = dt.date.fromisoformat(until) < dt.datetime.now(dt.UTC).date()
        except ValueError:
            yield finding("expires", "@expires must be a date, as in 2027-01-31")
        else:
            if statement.effect == "forbid":
                yield finding("expires", "a forbid that expires loosens the policy after that day", warning=True)
            if past:
                yield finding("expires", f"expired after {until}; remove the rule or renew it", warning=True)


def _head(statement: Statement) -> Iterator[Finding]:
    head = parts(statement.body)
    scope = re.sub(r"\s|//[^\n]*", "", head.scope)
    if statement.effect == "permit" and scope == "(principal,action,resource)" and not head.conditions:
        yield Finding(
            statement.file,
            statement.line,
            "this permits everything to everybody; name an action, a principal or a resource",
        )
    for condition in head.conditions:
        if condition.text in ("true", "false"):
            line = statement.line_at(condition.offset)
            yield Finding(statement.file, line, f"a condition that is always {condition.text}")


def _names(body: str, site: SiteVocabulary) -> Iterator[tuple[int, str]]:
    """Names of things that do not exist here. A kind of which nothing is configured is not checked."""
    known = {"Database": site.databases, "FileRoot": site.roots}
    listed = {table.partition(".")[0] for table in site.tables}
    for match in _NAMED.finditer(body):
        kind, name = match[1], match[2]
        if kind is None:  # a comment or a text
            continue
        container = name.partition("/" if kind == "File" else ".")[0]
        if kind == "File":
            if site.roots and container not in site.roots:
                yield match.start(), f'File::"{name}" is in no file root here; write it as ROOT/PATH'
        elif kind == "Table":
            if site.databases and container not in site.databases:
                yield match.start(), f'Table::"{name}" is of no database here; write it as DATABASE.TABLE'
            elif container in listed and name not in site.tables:
                yield match.start(), f'Table::"{name}" is not among the tables that the configuration opens'
        elif kind in known and known[kind] and name not in known[kind]:
            yield match.start(), f'{kind}::"{name}" does not exist here; known: {", ".join(sorted(known[kind]))}'


def _tools(statement: Statement, site: SiteVocabulary) -> Iterator[Finding]:
    """Tools the configuration does not name. They may be LangChain's, which a program brings along."""
    for match in _NAMED.finditer(statement.body):
        if match[1] == "Tool" and match[2] not in site.tools:
            near = difflib.get_close_matches(match[2], sorted(site.tools), n=1)
            guess = f"; did you mean {near[0]}?" if near else ""
            message = f'Tool::"{match[2]}" is no tool of this configuration{guess}'
            yield Finding(statement.file, statement.line_at(match.start()), message, warning=True)


def _expressions(body: str) -> Iterator[tuple[int, str]]:
    for match in _ARITHMETIC.finditer(body):
        if match[1]:
            yield match.start(1), "arithmetic can overflow, and Cedar skips a rule that errors; compare a fact instead"
    for match in _HAS.finditer(body):
        if match[1]:
            yield match.start(), f"has {match[1]}: every fact is always present, so this is always the same"
    for match in _LITERAL.finditer(body):
        word, allowed = match[2][1:-1], _WORDS[match[1]]
        if word not in allowed:
            yield match.start(2), f"{match[1]} is never {word!r}; it is one of: {', '.join(allowed)}"


def claims_read(body: str) -> bool:
    """Whether a rule reads what a caller says of itself."""
    return any(match[1] for match in _CLAIMS.finditer(body))


def _never(statement: Statement) -> Iterator[Finding]:
    """A rule that cannot match, because its conditions exclude each other; and a permit on a caller's own word."""
    if statement.effect == "permit" and claims_read(statement.body):
        message = "context.claims is the caller's own word; only a forbid may read it"
        yield Finding(statement.file, statement.line, message)
    when = [c for c in parts(statement.body).conditions if c.keyword == "when"]
    for fact in (*_empty_ranges(when), *_unequal(when)):
        line = statement.line_at(when[0].offset)
        yield Finding(statement.file, line, f"the conditions on {fact} exclude each other: the rule never applies")


def _empty_ranges(conditions: Sequence[Condition]) -> Iterator[str]:
    """Facts that would have to be in a range without a number; ``context.hour`` is 0 to 23."""
    ranges: dict[str, tuple[int, int]] = {}
    for condition in conditions:
        if (match := _BOUND.fullmatch(condition.text.strip("() "))) is None:
            continue
        fact, operator, number = match[1], match[2], int(match[3])
        low, high = ranges.get(fact, (0, 23) if fact == "context.hour" else (-(2**63), 2**63))
        low = max(low, number + (operator == ">") if operator in (">", ">=", "==") else low)
        high = min(high, number - (operator == "<") if operator in ("<", "<=", "==") else high)
        ranges[fact] = low, high
    yield from (fact for fact, (low, high) in ranges.items() if low > high)


def _unequal(conditions: Sequence[Condition]) -> Iterator[str]:
    values: dict[str, set[str]] = {}
    for condition in conditions:
        if (match := _EQUAL.fullmatch(condition.text.strip("() "))) is not None:
            values.setdefault(match[1], set()).add(match[2])
    yield from (fact for fact, found in values.items() if len(found) > 1)
