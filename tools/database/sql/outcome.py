"""What a finished walk says, in the words of the tools: outputs, indirect uses, and the last look at the text."""

from __future__ import annotations

from sqlglot import exp

from ...tool import IndirectUse, OutputColumn, OutputForm
from . import render
from .gate import Inventory, facts_of
from .state import Query, State
from .taint import Value


def outputs(result: Query, state: State) -> tuple[OutputColumn, ...]:
    """The output columns for the masker, in order."""
    pairs = enumerate(zip(result.labels, result.values, strict=True))
    return tuple(_output(label, value, result.whose.get(i), state) for i, (label, value) in pairs)


def _output(label: str, value: Value, subject: int | None, state: State) -> OutputColumn:
    """One output column: sources, how the value was made from them, and which output says whose it is."""
    if value.form is OutputForm.COUNT:
        return OutputColumn(label, "integer", state.register.set(value.counted), OutputForm.COUNT)
    form = value.form
    if value.totals and not state.masked(value) and form in (OutputForm.AGGREGATE, OutputForm.EXPRESSION):
        form = OutputForm.TOTAL
    return OutputColumn(label, value.type, state.register.set(value.bits | value.totals), form, subject)


def indirect(state: State) -> tuple[IndirectUse, ...]:
    found = {IndirectUse(ref, place) for place, bits in state.indirect.items() for ref in state.register.each(bits)}
    return tuple(sorted(found))


def check_calls(sql: str, inventory: Inventory, state: State) -> None:
    """The functions the engine will see must be those the gate let through."""
    defined = frozenset(
        state.names.fold_text(str(node.args["this"]), bool(node.args.get("quoted")))
        for node in inventory.identifiers
        if isinstance(node.parent, exp.TableAlias)
    )
    catalog = state.shapes.catalog
    render.check_calls(sql, state.profile, lambda name: facts_of(name, state.profile, catalog) is not None, defined)
