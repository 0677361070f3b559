"""Figures of a finished table for the report: what stayed useful, and what became of the risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from .measures import Measures
from .plan import TablePlan, Treatment
from .sketch import F64
from .state import TableState

Figures = dict[str, object]
_FEWEST: Final = 20  # numbers it takes to say something of a column
_BINS: Final = 24
_MOST_CORRELATED: Final = 12  # columns


def table_figures(table: TablePlan, state: TableState, measures: Measures, k: int) -> Figures:
    """Everything the report says of a table, as JSON. Shares are 0 to 1, times are days."""
    columns: list[Figures] = []
    for i, column in enumerate(table.columns):
        figures: Figures = {
            "name": column.name,
            "type": column.type,
            "treatment": column.treatment.value,
            "class": column.mask.class_name,
            "mask": str(column.mask.mask) if column.mask.class_name else None,
            "distinct": [measures.before[i].count, measures.after[i].count],
            "exact": [measures.before[i].exact, measures.after[i].exact],
            "nulls": [int(measures.nulls[0, i]), int(measures.nulls[1, i])],
        }
        before, after = _both(measures, i)
        if len(before) >= _FEWEST and column.treatment is not Treatment.IDENTIFIER:
            figures["numbers"] = _numbers(before, after, k)
        columns.append(figures)
    return {
        "name": table.name,
        "rows": state.read,
        "written": state.written,
        "dropped": state.dropped,
        "suppressed": state.suppressed,
        "subject": None if table.subject is None else table.columns[table.subject].name,
        "columns": columns,
        "correlations": _correlations(table, measures),
        "intervals": _intervals(table, measures),
        "gaps": _gaps(measures),
    }


def _both(measures: Measures, i: int) -> tuple[F64, F64]:
    """The sampled rows that have a number before and after."""
    before, after = measures.paired.before[:, i], measures.paired.after[:, i]
    there = np.isfinite(before) & np.isfinite(after)
    return before[there], after[there]


def _numbers(before: F64, after: F64, k: int) -> Figures:
    low, high = (float(x) for x in np.percentile(np.concatenate((before, after)), (2, 98)))
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)

    def bins(values: F64) -> list[int]:
        counted, _ = np.histogram(values, edges)
        return [int(n) if n >= k else 0 for n in counted]  # a bar of few rows would show them

    return {
        "mean": [_short(before.mean()), _short(after.mean())],
        "deviation": [_short(before.std()), _short(after.std())],
        "median": [_short(np.median(before)), _short(np.median(after))],
        "bins": [bins(before), bins(after)],
        "edges": [_short(edges[0]), _short(edges[-1])],
    }


def _correlations(table: TablePlan, measures: Measures) -> Figures | None:
    """Spearman's rank correlations of the columns that are numbers on both sides."""
    some = [
        i
        for i, column in enumerate(table.columns)
        if column.treatment is not Treatment.IDENTIFIER
        and i not in table.key
        and len(_both(measures, i)[0]) >= _FEWEST
        and np.ptp(_both(measures, i)[0]) > 0
        and np.ptp(_both(measures, i)[1]) > 0
    ][:_MOST_CORRELATED]
    if len(some) < 2:
        return None
    before, after = measures.paired.before[:, some], measures.paired.after[:, some]
    there = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    if there.sum() < _FEWEST:
        return None
    old, new = _spearman(before[there]), _spearman(after[there])
    return {
        "columns": [table.columns[i].name for i in some],
        "before": old.round(3).tolist(),
        "after": new.round(3).tolist(),
        "largest_change": round(float(np.abs(old - new).max()), 3),
    }


def _spearman(values: F64) -> F64:
    ranked = np.apply_along_axis(_ranks, 0, values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.atleast_2d(np.corrcoef(ranked, rowvar=False)))


def _ranks(values: F64) -> F64:
    """Ranks, equal values sharing the mean of theirs."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + 1 + ends) / 2)[where]


def _intervals(table: TablePlan, measures: Measures) -> list[Figures]:
    """Days between two dates of a row, for each pair of dates that are still dates."""
    found: list[Figures] = []
    dates = [i for i in measures.dates if table.columns[i].treatment in (Treatment.OPEN, Treatment.SHIFT)]
    for position, i in enumerate(dates):
        for j in dates[position + 1 :]:
            before = measures.paired.before[:, j] - measures.paired.before[:, i]
            after = measures.paired.after[:, j] - measures.paired.after[:, i]
            there = np.isfinite(before) & np.isfinite(after)
            if there.sum() >= _FEWEST:
                found.append(
                    {
                        "from": table.columns[i].name,
                        "to": table.columns[j].name,
                        "mean": [_short(before[there].mean()), _short(after[there].mean())],
                        "exact": round(float((np.abs(before[there] - after[there]) < 1e-6).mean()), 4),
                    }
                )
    return found


def _gaps(measures: Measures) -> Figures | None:
    before, after = measures.gaps.gaps()
    if len(before) < _FEWEST or len(after) < _FEWEST:
        return None
    return {
        "mean": [_short(before.mean()), _short(after.mean())],
        "median": [_short(np.median(before)), _short(np.median(after))],
    }


def risk_figures(before: Mapping[int, int], after: Mapping[int, int], quasi: Sequence[str], k: int) -> Figures:
    """Groups by size before and after. ``alone``: the share of rows that share their values with nobody."""

    def alone(sizes: Mapping[int, int]) -> float:
        rows = sum(size * n for size, n in sizes.items())
        return round(sizes.get(1, 0) / rows, 4) if rows else 0.0

    def below(sizes: Mapping[int, int]) -> float:
        rows = sum(size * n for size, n in sizes.items())
        return round(sum(size * n for size, n in sizes.items() if size < k) / rows, 4) if rows else 0.0

    return {
        "quasi": list(quasi),
        "k": k,
        "alone": [alone(before), alone(after)],
        "below_k": [below(before), below(after)],
        "smallest": [min(before, default=0), min(after, default=0)],
        "groups": [sum(before.values()), sum(after.values())],
        "sizes": [_by_power(before), _by_power(after)],
    }


def _by_power(sizes: Mapping[int, int]) -> list[int]:
    """Rows in groups of 1, 2-3, 4-7, 8-15 … up to 1024 and more."""
    made = [0] * 11
    for size, n in sizes.items():
        made[min(size.bit_length() - 1, 10)] += size * n
    return made


def _short(value: object) -> float:
    """Three significant digits: an exact extreme would be somebody's."""
    return float(f"{float(str(value)):.3g}")
