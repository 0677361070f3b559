"""The SQL guard by itself: what analysing a statement costs, new and known, and how often a hint mends a refusal.

Budgets: none of TPC-H and TPC-DS over 100 ms; a known statement under 0.1 ms. Own reporting queries always; the
developers' benign cases and the TPC texts where they are (see `_reports.py`).
Run: `python -m benchmarks sql_guard`, or this file.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

if __package__ in (None, ""):
    sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from sqlglot import tokenizer_core

from benchmarks._reports import OWN, own_settings, published
from benchmarks._sql_repair import repaired
from gloveport.tests.tools.database.sql import shared_cases
from gloveport.tools.database.sql.analysis import GuardSettings, Inference
from gloveport.tools.database.sql.guard import analyse
from gloveport.tools.tool import ToolRefused

ROUNDS = 5
LONGEST = 100.0  # ms, one statement of TPC


def main() -> int:
    compiled = not str(getattr(tokenizer_core, "__file__", "py")).endswith(".py")
    print(f"sqlglot: {'compiled' if compiled else 'pure Python'}")
    over = False
    for name, texts, settings in _sets():
        cold, cached, refused = measured(texts, settings)
        print(
            f"{name:18} {len(texts):4} texts  new p50 {_at(cold, 0.5):.2f} p95 {_at(cold, 0.95):.2f} "
            f"max {cold[-1]:.1f} ms; known p50 {_at(cached, 0.5) * 1e3:.0f} us p95 {_at(cached, 0.95) * 1e3:.0f} us; "
            f"{refused} refused"
        )
        over |= cold[-1] > LONGEST or _at(cached, 0.95) > 0.1
    if shared_cases.FOLDER.is_dir():
        for dialect in ("sqlite", "postgresql"):
            tried, mended = repaired(dialect)
            print(f"repair {dialect:11} {mended} of {tried} refused benign queries answered after following the hint")
    return 1 if over else 0


def _sets() -> list[tuple[str, Sequence[str], GuardSettings]]:
    sets: list[tuple[str, Sequence[str], GuardSettings]] = [("own reports", OWN, own_settings())]
    for one in published():
        sets.append((one.name, one.texts, replace(one.settings, inference=Inference.RELAXED)))
    if shared_cases.FOLDER.is_dir():
        for dialect in ("sqlite", "postgresql"):
            texts = [text for case in shared_cases.cases("benign", dialect) for text in case.statements]
            sets.append((f"benign {dialect}", texts, shared_cases.settings(dialect, "strict")))
    return sets


def measured(texts: Sequence[str], settings: GuardSettings) -> tuple[list[float], list[float], int]:
    """Times in ms, sorted: of new texts (the best of some rounds each), of known ones; and how many are refused."""
    cold: list[float] = []
    cached: list[float] = []
    refused = 0
    for text in texts:
        best = float("inf")
        for i in range(ROUNDS):  # another text each time, for the cache
            best = min(best, _timed(text + "\n" * (i + 1), settings))
        cold.append(best)
        try:
            analyse(text, settings)
        except ToolRefused:
            refused += 1  # refusals are not kept: an agent does not send them twice
            continue
        cached.append(min(_timed(text, settings) for _ in range(ROUNDS)))
    return sorted(cold), sorted(cached), refused


def _timed(text: str, settings: GuardSettings) -> float:
    began = time.perf_counter()
    with suppress(ToolRefused):
        analyse(text, settings)
    return (time.perf_counter() - began) * 1e3


def _at(times: Sequence[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]


if __name__ == "__main__":
    sys.exit(main())
