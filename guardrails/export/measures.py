"""What is measured of each table on the way: distinct values, numbers before and after, gaps, groups."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from .plan import ExportPlan, TablePlan, Treatment
from .sketch import F64, Distinct, Gaps, Paired, hashes
from .state import Arrays

Vector = Sequence[object]
_STAMP: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?")
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()


class Measures:
    """The figures of one table, batch by batch; flat in memory."""

    def __init__(self, table: TablePlan, key: bytes, state: Arrays | None = None) -> None:
        self.table = table
        self._key = key
        self.dates = [i for i, c in enumerate(table.columns) if _is_date(c.declared.value)]
        names = table.names
        if state is None:
            self.before = [Distinct() for _ in names]
            self.after = [Distinct() for _ in names]
            self.nulls = np.zeros((2, len(names)), np.int64)
            self.paired = Paired(len(names), int.from_bytes(key[:4], "big"))
            self.gaps = Gaps()
        else:
            self.before = [Distinct(state[f"before.{i}"].astype(np.uint64)) for i in range(len(names))]
            self.after = [Distinct(state[f"after.{i}"].astype(np.uint64)) for i in range(len(names))]
            self.nulls = state["nulls"].astype(np.int64)
            some = {name: state[f"paired.{name}"].astype(np.float64) for name in ("priority", "before", "after")}
            self.paired = Paired(len(names), int.from_bytes(key[:4], "big"), some)
            self.gaps = Gaps({name: state[f"gaps.{name}"].view(np.float64) for name in ("who", "before", "after")})

    def state(self) -> Arrays:
        return {
            **{f"before.{i}": sketch.least for i, sketch in enumerate(self.before)},
            **{f"after.{i}": sketch.least for i, sketch in enumerate(self.after)},
            "nulls": self.nulls,
            **{f"paired.{name}": array for name, array in self.paired.state().items()},
            **{f"gaps.{name}": array for name, array in self.gaps.state().items()},
        }

    def add(self, raw: Sequence[Vector], masked: Sequence[Vector], first_row: int) -> None:
        """Rows as they were and as they leave, as columns."""
        rows = len(raw[0]) if raw else 0
        if not rows:
            return
        numbers = np.full((2, rows, len(raw)), np.nan)
        for i, (old, new) in enumerate(zip(raw, masked, strict=True)):
            self.before[i].add(hashes(self._key, old))
            self.after[i].add(hashes(self._key, new))
            self.nulls[0, i] += sum(value is None for value in old)
            self.nulls[1, i] += sum(value is None for value in new)
            if not isinstance(next((v for v in old if v is not None), None), str) or i in self.dates:
                numbers[0, :, i], numbers[1, :, i] = _numbers(old), _numbers(new)
        self.paired.add(numbers[0], numbers[1], first_row)
        date = self._event_date
        if self.table.subject is not None and date is not None:
            some = [i for i, value in enumerate(raw[self.table.subject]) if value is not None]
            who = hashes(self._key, [raw[self.table.subject][i] for i in some])
            if len(who) == len(some):
                self.gaps.add(who, numbers[0, some, date], numbers[1, some, date])

    @property
    def _event_date(self) -> int | None:
        """The column whose distances a person's rows are followed by."""
        return next((i for i in self.dates if self.table.columns[i].treatment is not Treatment.QUASI), None)


def _is_date(declared: str) -> bool:
    return declared == "date"


def _numbers(values: Vector) -> F64:
    """Numbers as they are, dates as days; NaN for everything else."""
    return np.array([_number(value) for value in values], np.float64)


def _number(value: object) -> float:
    match value:
        case bool():
            return float(value)
        case int() | float() | decimal.Decimal():
            return float(value)
        case dt.datetime():
            seconds = value.hour * 3600 + value.minute * 60 + value.second
            return value.date().toordinal() - _EPOCH + seconds / 86400
        case dt.date():
            return float(value.toordinal() - _EPOCH)
        case str():
            found = _STAMP.match(value)
            if found is None:
                return np.nan
            year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
            try:
                days = dt.date(year, month, day).toordinal() - _EPOCH
            except ValueError:
                return np.nan
            return days + (hour * 3600 + minute * 60 + second) / 86400
        case _:
            return np.nan


def joins(plan: ExportPlan, measured: dict[str, Measures]) -> list[dict[str, object]]:
    """For every foreign key between exported tables: which share of its values finds its row, before and after."""
    found: list[dict[str, object]] = []
    for join in plan.joins:
        here, there = measured[join.table], measured[join.referred_table]
        i, j = here.table.names.index(join.column), there.table.names.index(join.referred_column)
        found.append(
            {
                "from": f"{join.table}.{join.column}",
                "to": f"{join.referred_table}.{join.referred_column}",
                "before": round(here.before[i].share_in(there.before[j]), 4),
                "after": round(here.after[i].share_in(there.after[j]), 4),
            }
        )
    return found
