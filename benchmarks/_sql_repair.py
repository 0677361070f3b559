"""An agent without imagination: it changes a refused query only by what the refusal says, at most three times.

It measures the refusals, not itself: a query that goes through at the end was mended by code, place and hint alone.
The queries are the developers' benign ones that strict refuses, and all benign ones with one name misspelt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from gloveport.tests.tools.database.sql import shared_cases
from gloveport.tools.database.sql.analysis import GuardSettings
from gloveport.tools.database.sql.guard import analyse
from gloveport.tools.tool import ToolRefused

TRIES = 3
_MEANT = re.compile(r"Did you mean (\S+?)(?: or \S+)?\?")
_MASKED = re.compile(r"^(\S+) is masked")


def repaired(dialect: str) -> tuple[int, int]:
    """How many refused queries there were, and how many were answered in the end."""
    settings = shared_cases.settings(dialect, "strict")
    outcomes = [mended(text, settings) for text in refused_queries(dialect, settings)]
    return len(outcomes), sum(outcomes)


def refused_queries(dialect: str, settings: GuardSettings) -> Iterator[str]:
    for case in shared_cases.cases("benign", dialect):
        for text in case.statements:
            for candidate in (text, *misspelt(text, settings)):
                try:
                    analyse(candidate, settings)
                except ToolRefused:
                    yield candidate


def misspelt(text: str, settings: GuardSettings) -> Iterator[str]:
    """The query with its first table, and its first long column, written with two letters swapped."""
    relations = settings.catalog.relations
    columns = {column.name for relation in relations.values() for column in relation.columns if len(column.name) > 4}
    for names in (set(relations), columns):
        for word in re.findall(r"\w+", text):
            if word in names and len(word) > 4:
                yield re.sub(rf"\b{word}\b", f"{word[0]}{word[2]}{word[1]}{word[3:]}", text)
                break


def mended(text: str, settings: GuardSettings) -> bool:
    """Whether following the refusals leads to an answer."""
    for _ in range(TRIES):
        try:
            analyse(text, settings)
        except ToolRefused as refused:
            changed = followed(text, refused, settings.catalog.dialect)
            if changed is None or changed == text:
                return False
            text = changed
        else:
            return True
    try:
        analyse(text, settings)
    except ToolRefused:
        return False
    return True


def followed(text: str, refused: ToolRefused, dialect: str) -> str | None:
    """The query changed as the refusal says; None when it says nothing that can be done by rote."""
    meant = _MEANT.search(refused.hint)
    if meant is not None and refused.place:
        wrong = refused.place.rpartition(".")[2]
        return re.sub(rf"\b{re.escape(wrong)}\b", meant.group(1).rpartition(".")[2], text)
    if refused.code == "masked_column":
        return _without(text, refused, dialect)
    return None


def _without(text: str, refused: ToolRefused, dialect: str) -> str | None:
    """A masked column taken out of the place where it decides, or replaced as the hint says."""
    named = _MASKED.match(refused.message)
    if named is None:
        return None
    column = named.group(1).rpartition(".")[2]
    read = {"postgresql": "postgres"}.get(dialect, dialect)
    tree = sqlglot.parse_one(text, read=read)
    done = _edit(tree, refused.place, column)
    return tree.sql(read, normalize_functions=False) if done else None


def _edit(tree: exp.Expr, place: str, column: str) -> bool:
    uses = [node for node in tree.find_all(exp.Column) if node.name == column]
    for node in uses:
        if place == "aggregate" and (call := node.find_ancestor(exp.AggFunc)) is not None:
            call.replace(exp.Count(this=node.copy()))  # "Use count(*) or count(column)"
            return True
        if place == "order" and (order := node.find_ancestor(exp.Order)) is not None:
            if order.parent is not None:
                order.parent.set("order", None)
            return True
        if place == "group" and (group := node.find_ancestor(exp.Group)) is not None:
            group.append("expressions", exp.column("id"))  # "such as the key of its table"
            return True
        if place == "join" and (join := node.find_ancestor(exp.Join)) is not None:
            for key in list(join.args["on"].find_all(exp.Column)):
                key.set("this", exp.to_identifier("id"))  # "Join by keys (ids) instead"
            return True
        if place == "where" and (where := node.find_ancestor(exp.Where)) is not None:
            if where.parent is not None:
                where.parent.set("where", None)
            return True
    return False
