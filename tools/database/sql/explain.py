"""EXPLAIN: taken off before parsing, judged as the statement it explains, written back without running anything."""

from __future__ import annotations

from ...tool import OutputColumn, OutputForm
from . import refusals
from .state import State


def explained(sql: str, form: str, state: State, drop: int | None) -> tuple[str, tuple[OutputColumn, ...], int | None]:
    """The EXPLAIN that runs and its columns. A plan prints bound values and names what is beneath views, so neither
    tokens nor views over closed tables may be in it; estimates are left out where a masked column is touched.

    Raises `ToolRefused`.
    """
    if state.claims:
        raise refusals.token("EXPLAIN would print the values of tokens.", "Leave the tokens out of EXPLAIN.")
    if drop is not None or state.totals:
        raise refusals.statement("Totals of masked columns cannot be explained.", "Run the query itself.")
    catalog = state.shapes.catalog
    if any(not catalog.is_open(name) for name in state.relations):
        raise refusals.statement("A view in this statement cannot be explained.", "Run the query itself.")
    labels = state.profile.explain_options.get(form)
    if labels is None:
        raise refusals.statement("This form of EXPLAIN is not allowed.", "Run the query itself.")
    word = "EXPLAIN QUERY PLAN" if form == "query plan" else "EXPLAIN"
    if state.profile.name == "postgresql" and any(rule is not None and rule.masked for rule in state.register.rule_of):
        word = "EXPLAIN (COSTS OFF)"
    if state.profile.name == "mysql" and "mariadb" not in catalog.server_version.lower():
        labels = (*labels[:3], "partitions", *labels[3:9], "filtered", labels[9])
    outputs = tuple(OutputColumn(label, "text", frozenset(), OutputForm.EXPRESSION) for label in labels)
    return f"{word} {sql}", outputs, None
