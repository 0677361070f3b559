"""Every kind of node sqlglot has, with a masked column in every place of it: the column is in the value, or the
statement is refused. A node of a later sqlglot, or one more argument of a known one, is tried without being named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from sqlglot import exp

from gloveport.tests.tools.database.sql.clinic import DIALECTS, RELATIONS, Clinic, view
from gloveport.tools.database.sql import guard, walk
from gloveport.tools.database.sql.analysis import GuardSettings, Inference
from gloveport.tools.database.sql.functions import FunctionKind
from gloveport.tools.database.sql.parsing import Parsed
from gloveport.tools.database.sql.profiles import profile_for
from gloveport.tools.database.sql.shapes import Shapes
from gloveport.tools.tool import ToolRefused

VIEW = view("tried", "its tree is given", "x")
# What no parser makes: flags and names of types as columns, a unit that sqlglot's own constructor makes a text of,
# and words in place of whole clauses.
NEVER = {
    *("DateTrunc unit", "Cast to", "TryCast to", "GroupConcat separator", "GroupConcat on_overflow", "Alias alias"),
    *("Like negate", "ILike negate", "DPipe safe", "Xor round_input", "Window over", "Window spec", "Window order"),
    *("Window first", "Values alias", "Dot expression"),
}


def kinds() -> list[type[exp.Expr]]:
    found: dict[str, type[exp.Expr]] = {}
    pending: list[type[exp.Expr]] = [exp.Expr]
    while pending:
        for kind in pending.pop().__subclasses__():
            if kind.__module__.startswith("sqlglot") and kind.__name__ not in found:
                found[kind.__name__] = kind
                pending.append(kind)
    return [kind for _, kind in sorted(found.items()) if kind.arg_types]


def made(kind: type[exp.Expr], place: str, tried: exp.Expr, *, listed: bool) -> exp.Expr | None:
    """A node with what is tried in one place, and an open column wherever it must have something."""
    args: dict[str, object] = {
        name: [exp.column("city")] if name in ("expressions", "ifs") else exp.column("city")
        for name, needed in kind.arg_types.items()
        if needed and name != place
    }
    args[place] = [tried] if listed else tried
    try:
        return kind(**args)
    except Exception:  # sqlglot's own constructors look at what they are given
        return None


def trees(*, words: bool) -> Iterator[tuple[str, exp.Expr]]:
    for kind in kinds():
        for place in kind.arg_types:
            for listed in (False, True):
                tried: exp.Expr = exp.to_identifier("email") if words else exp.column("email")
                node = made(kind, place, tried, listed=listed)
                if node is not None and f"{kind.__name__} {place}" not in NEVER:
                    yield f"{kind.__name__} {place}", select(node)


def select(node: exp.Expr) -> exp.Expr:
    items = [exp.Alias(this=node, alias=exp.to_identifier("x"))]
    return exp.Select(expressions=items, from_=exp.From(this=exp.Table(this=exp.to_identifier("patients"))))


def given(answer: object) -> Callable[..., object]:
    """A parser that always finds the same."""
    return lambda *_: answer


@cache
def shapes(dialect: str) -> Shapes:
    made = walk.shapes_for(Clinic(dialect).settings)
    for relation in RELATIONS:
        made.of(relation)
    return made


def test_there_are_nodes_to_try() -> None:
    assert len(kinds()) > 900
    assert sum(1 for _ in trees(words=False)) > 3000


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_view_is_closed_or_masked_wherever_a_masked_column_stands(
    dialect: str, words: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, traced = shapes(dialect), 0
    for place, tree in trees(words=words):
        monkeypatch.setattr(walk, "parse_definition", given(tree))
        found = walk.trace_view(known, VIEW)
        if found is not None:
            traced += 1
            assert any(ref.column == "email" for sources, _, _ in found.columns for ref in sources), place
    assert traced > 2000


def shows(settings: GuardSettings, text: str) -> bool | None:
    """Whether the first output is made of the masked column; None when it is refused."""
    try:
        output = guard.analyse(text, settings).outputs[0]
    except ToolRefused:
        return None
    return any(ref.column == "email" for ref in output.sources)


@pytest.mark.parametrize("mode", [Inference.STRICT, Inference.RELAXED])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_statement_is_refused_or_masked_wherever_a_masked_column_stands(
    dialect: str, mode: Inference, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, allowed, answered = Clinic(dialect, mode).settings, profile_for(dialect).nodes, 0
    for words in (False, True):
        for number, (place, tree) in enumerate(trees(words=words)):
            if place.split()[0] not in allowed:
                continue
            monkeypatch.setattr(guard, "parse", given(Parsed(tree, [])))
            found = shows(settings, f"{place} {words} {number}")
            assert found is not False, place
            answered += bool(found)
    assert answered > (60 if mode is Inference.RELAXED else 20)


@pytest.mark.parametrize("mode", [Inference.STRICT, Inference.RELAXED])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_function_is_made_of_all_its_arguments(dialect: str, mode: Inference) -> None:
    clinic, functions = Clinic(dialect, mode), profile_for(dialect).functions
    settings, answered = clinic.settings, 0
    for name, facts in functions.items():
        if facts.kind is FunctionKind.COUNT:
            continue
        over = " OVER (ORDER BY id)" if facts.kind is FunctionKind.WINDOW else ""
        for position in range(4):
            arguments = ", ".join(["city"] * position + ["email"])
            found = shows(settings, f"SELECT {name}({arguments}){over} AS x FROM patients")
            assert found is not False, f"{name}, argument {position}"
            answered += bool(found)
    assert answered > (200 if mode is Inference.RELAXED else 50)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_function_in_a_view_is_made_of_all_its_arguments(dialect: str) -> None:
    for name, facts in profile_for(dialect).functions.items():
        over = " OVER (ORDER BY id)" if facts.kind is FunctionKind.WINDOW else ""
        for position in range(4):
            arguments = ", ".join(["city"] * position + ["email"])
            body = f"SELECT {name}({arguments}){over} AS x FROM patients"
            found = walk.trace_view(shapes(dialect), view("tried", body, "x"))
            if found is not None:
                ((sources, _, _),) = found.columns
                assert any(ref.column == "email" for ref in sources), body
