"""What guard, engine and masking add to a query of 100 rows and 6 columns, 3 of them masked, in one process.

The rival is a bare read-only connection of `sqlite3` that fetches the same rows. The guarded side plans (the SQL
guard), runs (the worker process and its reading of the statement) and masks; policies and the transcript are not in it.

- *known*: the same statement again, its values seen within the last minute.
- *new statement*: a text the guard has not seen yet, each time.

Budget for a known statement: p50 of what is added under 1 ms, p95 under 5 ms (issue 3). Run:
`python -m benchmarks guard_overhead`, or this file.
"""

from __future__ import annotations

import gc
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count, repeat
from pathlib import Path
from tempfile import TemporaryDirectory

if __package__ in (None, ""):
    sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

import anyio
from loguru import logger

from gloveport.examples.demo import clinic
from gloveport.guardrails.config import load_config
from gloveport.guardrails.house import House
from gloveport.guardrails.masking.content import ContentMasker
from gloveport.guardrails.masking.duties import Duties
from gloveport.guardrails.masking.masker import Masker
from gloveport.guardrails.masking.restorer import Restorer
from gloveport.guardrails.masking.tokens.service import Scope
from gloveport.tools.database.tools import build_database_tools
from gloveport.tools.tool import JsonObject, Limits, Running, Tool

SQL = "SELECT id, full_name, email, phone, city, plan FROM patients ORDER BY id LIMIT 100"
SCOPE = Scope("default", "bench", "support", "S1")
WARM_UP, CALLS = 100, 1000


@dataclass(frozen=True, slots=True)
class Guarded:
    """The database tool between the guard and the masker, as the chain uses them."""

    tool: Tool
    restorer: Restorer
    masker: Masker

    @classmethod
    def of(cls, house: House) -> Guarded:
        tools = build_database_tools(list(house.databases.values()))
        return cls(
            next(tool for tool in tools if tool.spec.name == "database_query"),
            Restorer(house.tokens, house.detector, house.classes.rules),
            Masker(ContentMasker(house.detector, house.tokens), house.classes.rules, "bench"),
        )

    async def query(self, sql: str) -> JsonObject:
        plan = await self.tool.plan({"database": "clinic", "sql": sql}, self.restorer.planning(SCOPE))
        restored = self.restorer.restore(plan, (), SCOPE)
        result = await self.tool.run(plan, Running(restored.values, Limits()))
        masked = await self.masker.mask(result, plan, Duties(), SCOPE, restored)
        return masked.content


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds, in the order they were measured."""

    bare: list[float]
    guarded: list[float]

    def added(self, share: int) -> float:
        """What the guarded side takes longer than the bare one's median, at a percentile."""
        return statistics.quantiles(self.guarded, n=100)[share - 1] - statistics.median(self.bare)

    def line(self, title: str) -> str:
        return (
            f"{title:14} bare p50 {statistics.median(self.bare):.3f} ms; guarded p50 "
            f"{statistics.median(self.guarded):.3f} ms; added p50 {self.added(50):.2f} p95 {self.added(95):.2f} ms"
        )


async def measured(house: House, folder: Path, texts: Callable[[], Iterable[str]]) -> Times:
    """Both sides take turns, so that what else the machine does meets both."""
    guarded, times = Guarded.of(house), Times([], [])
    bare = sqlite3.connect(f"file:{folder / 'clinic.db'}?mode=ro", uri=True)
    for number, sql in zip(range(WARM_UP + CALLS), texts(), strict=False):
        began = time.perf_counter()
        rows = bare.execute(sql).fetchall()
        between = time.perf_counter()
        masked = await guarded.query(sql)
        ended = time.perf_counter()
        assert masked["row_count"] == len(rows) == 100, "both see the same rows"
        if number >= WARM_UP:
            times.bare.append((between - began) * 1e3)
            times.guarded.append((ended - between) * 1e3)
    bare.close()
    return times


async def figures(folder: Path) -> int:
    async with House.open(load_config(clinic.build(folder))) as house:
        gc.collect()
        gc.freeze()  # as a server does when it has started
        known = await measured(house, folder, lambda: repeat(SQL))
        print(known.line("known"))
        new = await measured(house, folder, lambda: (SQL.replace("ORDER", f"WHERE id > -{n} ORDER") for n in count(1)))
        print(new.line("new statement"))
    return int(known.added(50) > 1.0 or known.added(95) > 5.0)


def main() -> int:
    logger.remove()
    with TemporaryDirectory() as folder:
        return anyio.run(figures, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
