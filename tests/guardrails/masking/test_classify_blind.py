"""Schemas that were written before the classifier was looked at, and bars for each half of them.

Figures and how they were got: docs/classification.md. A column is missed when it is sensitive and open; it is wrong
when it is masked as something else (what cannot be told counts as wrong), and too much when it is masked for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from gloveport.guardrails.masking.classify import ColumnFinding, classify_table
from gloveport.guardrails.masking.detect import Detector
from gloveport.tests.guardrails.masking.blind_columns import BlindColumn, blind_tables

Judged = list[tuple[str, BlindColumn, ColumnFinding]]


@dataclass(frozen=True)
class Bars:
    sensitive: int  # columns at least
    open: int
    missed: float  # share of the sensitive ones, at most
    wrong: float
    too_much: float  # share of the open ones, at most


def judged(name: str, half: int, detector: Detector) -> Iterator[tuple[str, BlindColumn, ColumnFinding]]:
    for table in blind_tables(name):
        if table.index % 2 == half:
            columns = [(column.name, column.declared) for column in table.columns]
            rows = list(zip(*(column.values for column in table.columns), strict=True))
            for column, found in zip(
                table.columns, classify_table(table.name, columns, rows, detector=detector), strict=True
            ):
                yield f"{table.schema}.{table.name}.{column.name}", column, found


def named(found: Judged, bad: Callable[[BlindColumn, str | None], bool]) -> list[str]:
    return [f"{name}: {f.class_name or 'open'}" for name, column, f in found if bad(column, f.class_name)]


@pytest.mark.parametrize(
    ("name", "half", "bars"),
    [
        ("blind", 0, Bars(150, 220, missed=0.01, wrong=0.08, too_much=0.02)),
        ("blind", 1, Bars(190, 175, missed=0.06, wrong=0.07, too_much=0.04)),
        ("blind_after", 0, Bars(35, 30, missed=0.08, wrong=0.15, too_much=0.03)),
        ("blind_after", 1, Bars(32, 22, missed=0.30, wrong=0.18, too_much=0.05)),
    ],
)
def test_blind_schemas(name: str, half: int, bars: Bars) -> None:
    found = list(judged(name, half, Detector()))
    sensitive = sum(column.sensitive for _, column, _ in found)
    open_ = sum(column.open for _, column, _ in found)
    assert sensitive >= bars.sensitive
    assert open_ >= bars.open
    missed = named(found, lambda column, got: column.sensitive and got is None)
    assert len(missed) <= bars.missed * sensitive, missed
    wrong = named(found, lambda column, got: got is not None and not column.open and got not in column.right)
    assert len(wrong) <= bars.wrong * len(found), wrong
    too_much = named(found, lambda column, got: column.open and got is not None)
    assert len(too_much) <= bars.too_much * open_, too_much
