"""The SQL guard's one door: a text and the settings in, an `Analysis` out, or a refusal. Pure: no I/O, no driver."""

from __future__ import annotations

from ...tool import Action, ToolRefused
from . import balanced, completeness, explain, fidelity, inference, refusals, render, tokens, writes
from .analysis import Analysis, GuardSettings, StatementKind
from .cache import AnalysisCache, ShapeCache
from .gate import Inventory, inspect
from .outcome import check_calls, indirect, outputs
from .parsing import Parsed, parse
from .profiles import profile_for
from .shapes import Shapes
from .state import State
from .tokens import Probes
from .walk import Walk, shapes_for

_analyses = AnalysisCache(4096)
_shapes = ShapeCache(32)


def analyse(text: str, settings: GuardSettings) -> Analysis:
    """Find out what a statement would read, show and decide by, and regenerate it for execution.

    Raises `ToolRefused` for everything that the gate, the walk or the inference mode does not allow, and for every
    statement that cannot be understood in full.
    """
    known = _analyses.get(text, settings)
    if known is not None:
        return known
    try:
        analysis, probes = _analyse(text, settings)
    except RecursionError:
        raise refusals.limit("The statement is nested too deeply.", "Write it flatter.") from None
    except ToolRefused:
        raise
    except Exception as error:  # a shape of tree nobody foresaw: refuse, and say nothing of it
        raise refusals.untraced("The statement could not be traced.", "Write it more simply.") from error
    if analysis.kind in (StatementKind.SELECT, StatementKind.EXPLAIN):
        _analyses.put(text, settings, analysis, probes)
    return analysis


def shapes_of(settings: GuardSettings) -> Shapes:
    """The shapes of the settings' catalog under its rules, made once per version of both."""
    return _shapes.get(settings, shapes_for)


def _analyse(text: str, settings: GuardSettings) -> tuple[Analysis, Probes]:
    try:
        profile = profile_for(settings.catalog.dialect)
    except KeyError:
        raise refusals.untraced("This kind of database has no SQL guard.") from None
    shapes = shapes_of(settings)
    parsed = parse(text, profile, shapes.words)
    inventory = inspect(parsed.tree, profile, settings.catalog, settings.writes and parsed.explain is None)
    state = State(shapes, settings)
    probes = tokens.find(inventory.literals, state, settings.token_class)
    if inventory.kind is not StatementKind.SELECT:
        return writes.analyse(inventory, parsed, state), probes
    return _query(inventory, parsed, state), probes


def _query(inventory: Inventory, parsed: Parsed, state: State) -> Analysis:
    tree = inventory.tree
    result = Walk(state).query(tree)
    completeness.check(inventory, parsed.tokens, state)
    columns = outputs(result, state)
    try:
        inference.judge(state)
        tokens.check(inventory.literals, state)
        drop = balanced.apply(tree, state)
    except ToolRefused as refused:
        raise refusals.UseRefused(refused, columns, indirect(state)) from None
    sql, slots = render.render(tree, state.profile, state.claims)
    check_calls(sql, inventory, state)
    fidelity.check(tree, sql, state.claims, state.profile)
    kind = StatementKind.SELECT
    if parsed.explain is not None:
        kind = StatementKind.EXPLAIN
        sql, columns, drop = explain.explained(sql, parsed.explain, state, drop)
    assert state.settings is not None
    return Analysis(
        kind=kind,
        action=Action.DB_SELECT,
        sql=sql,
        template=render.template(sql, slots, state.profile),
        slots=slots,
        outputs=columns,
        indirect=indirect(state),
        reads=frozenset(state.touched),
        writes=frozenset(),
        relations=frozenset(state.relations),
        functions=frozenset(inventory.functions),
        ordered=tree.args.get("order") is not None,
        sort_rows=result.exposed and kind is StatementKind.SELECT,
        drop_groups_below=drop,
        widened=state.widened,
        notes=tuple(state.notes),
        named=frozenset(state.named),
        literal_matches=state.register.set(state.literal_matches),
    )
