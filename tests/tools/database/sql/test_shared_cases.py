"""The developers' cases, without running them: what the pure core alone decides. Skipped where they are not.

`make sql-cases` runs the same through a real server on twin databases; this is the quick look at the guard by itself.
"""

from __future__ import annotations

from collections import Counter

import pytest

from gloveport.tests.tools.database.sql.shared_cases import FOLDER, Case, cases, settings
from gloveport.tools.database.sql.analysis import Analysis
from gloveport.tools.database.sql.guard import analyse
from gloveport.tools.tool import OutputColumn, OutputForm, ToolRefused

MODES = ("strict", "balanced", "relaxed")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="may skip in CI: ../shared/sql-cases is not here")

# What the core lets through by design and the engine's limits stop: time, rows, bytes.
LEFT_TO_LIMITS = frozenset({"resource"})


def analysed(case: Case, mode: str) -> list[Analysis]:
    """The analyses of all statements of a case. Raises `ToolRefused` for the first refused one."""
    return [analyse(text, settings(case.dialect, mode)) for text in case.statements]


def is_masked(output: OutputColumn, case: Case, mode: str) -> bool:
    rules = settings(case.dialect, mode).rules
    found = any((rule := rules.get(ref)) is not None and rule.masked for ref in output.sources)
    return found and output.form not in (OutputForm.COUNT, OutputForm.TOTAL)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "duckdb"])
def test_attacks_that_must_be_refused_are_refused_by_the_core(dialect: str, mode: str) -> None:
    let_through: list[str] = []
    for case in cases("attack", dialect):
        if case.expect[mode] != "refuse" or case.family in LEFT_TO_LIMITS:
            continue
        try:
            analysed(case, mode)
        except ToolRefused:
            continue
        let_through.append(case.id)
    assert not let_through


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "duckdb"])
def test_attacks_that_are_answered_show_masks_only(dialect: str, mode: str) -> None:
    """Plain projections of masked columns must be masked; no output of an answered attack that reads one may be open
    unless it is a count, a total or made of open columns alone."""
    tally: Counter[str] = Counter()
    for case in cases("attack", dialect):
        if case.expect[mode] not in ("protect", "refuse"):
            continue
        try:
            found = analysed(case, mode)
        except ToolRefused as refused:
            tally[refused.code] += 1
            continue
        tally["answered"] += 1
        if case.family == "project" and OutputForm.TOTAL not in {output.form for output in found[-1].outputs}:
            assert any(is_masked(output, case, mode) for output in found[-1].outputs), case.id
    print(f"{dialect} {mode}: {dict(tally.most_common())}")
    assert tally.total() > 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_benign_queries_are_answered_with_the_right_masks(dialect: str, mode: str) -> None:
    wanted, refused_ones, wrong = 0, [], []
    for case in cases("benign", dialect):
        if case.expect[mode] != "answer":
            continue
        wanted += 1
        try:
            analysis = analysed(case, mode)[-1]
        except ToolRefused as refused:
            refused_ones.append(f"{case.id} {refused.code}")
            continue
        masked = [is_masked(output, case, mode) for output in analysis.outputs]
        if not case.shape["rows"]:  # nothing is known of its columns
            continue
        expected = case.shape["masked"]
        if len(masked) != len(expected) or any(want and not got for want, got in zip(expected, masked, strict=True)):
            wrong.append(case.id)
    print(f"{dialect} {mode}: {wanted - len(refused_ones)} of {wanted} answered")
    assert not wrong
    assert len(refused_ones) <= wanted * 0.02, refused_ones


@pytest.mark.parametrize("dialect", ["mysql", "duckdb"])
def test_gate_cases_without_data(dialect: str) -> None:
    """Refused, or every output that could hold a protected value is masked."""
    for case in cases("attack", dialect):
        try:
            found = analysed(case, "strict")
        except ToolRefused:
            continue
        assert any(is_masked(output, case, "strict") for output in found[-1].outputs), case.id
