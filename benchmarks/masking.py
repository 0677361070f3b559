"""Masking of a result set of 100 rows and 12 columns, as the chain does it, without the database.

- *planned*: the columns have classes, their values were seen within the last minute (an agent asks again).
- *planned, new values*: the same columns with values nobody has seen yet; every token is made.
- *cold*: the columns are open and unknown, every cell is looked through.

Budget: under 5 ms cold, under 1 ms planned (issue 4). Run: `python -m benchmarks masking`, or this file.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from gloveport.guardrails.doors.mcp.run import spare_the_collector
from gloveport.guardrails.masking.classes import default_rule
from gloveport.guardrails.masking.content import ContentMasker
from gloveport.guardrails.masking.detect import Detector
from gloveport.guardrails.masking.duties import Duties
from gloveport.guardrails.masking.masker import Masker
from gloveport.guardrails.masking.restore import Restored
from gloveport.guardrails.masking.tokens.service import Scope, Tokens
from gloveport.tools.tool import Access, Action, ColumnRef, ColumnRule, Effect, OutputColumn, Plan, Table

ROWS = 100
SCOPE = Scope("default", "bench", "support", "S1")
GIVEN = "Ada Ben Cleo Dan Eva Finn Gus Hana Ivo Jana".split()
FAMILY = "Miller Novak Olsen Price Quist Reyes Stone Turner Unger Vance".split()
STATES = "new open waiting closed".split()

COLUMNS: Mapping[str, tuple[str | None, Callable[[int], object]]] = {
    "id": (None, lambda i: i),
    "name": ("person", lambda i: f"{GIVEN[i % 10]} {FAMILY[i // 10 % 10]}"),
    "email": ("email", lambda i: f"{GIVEN[i % 10].lower()}.{i}@mail.org"),
    "phone": ("phone", lambda i: f"+1 212-{i // 10_000 % 1000:03d}-{i % 10_000:04d}"),
    "ssn": ("ssn", lambda i: f"{100 + i % 600:03d}-{1 + i // 7 % 99:02d}-{1 + i % 9999:04d}"),
    "birth_date": ("birth_date", lambda i: dt.date(1950, 1, 1) + dt.timedelta(i % 20_000)),
    "account": ("account", lambda i: f"MRN-{i:07d}"),
    "city": (None, lambda i: ("Boston", "Lyon", "Graz")[i % 3]),
    "state": (None, lambda i: STATES[i % 4]),
    "amount": ("money", lambda i: i * 1.25),
    "opened": (None, lambda i: dt.datetime(2026, 1, 1) + dt.timedelta(hours=i % 9000)),
    "note": (None, lambda i: f"Ticket {i}: asked for a copy of the invoice, sent on Monday, nothing else to do."),
}


@dataclass(frozen=True)
class Rules:
    known: Mapping[str, ColumnRule]
    version: str = "1"

    def get(self, column: ColumnRef) -> ColumnRule | None:
        return self.known.get(column.column)


CLASSED = Rules({name: default_rule(c, "config") for name, (c, _) in COLUMNS.items() if c is not None})
OPEN = Rules({})


def table(first: int) -> Table:
    names = tuple(OutputColumn(n, "TEXT", frozenset({ColumnRef("crm", "tickets", n)})) for n in COLUMNS)
    return Table(names, [[made(i) for _, made in COLUMNS.values()] for i in range(first, first + ROWS)])


async def measured(tables: Sequence[Table], rules: Rules, masker_of: Callable[[Rules], Masker]) -> float:
    """The best time of one masking, in seconds: what the code costs, without what else the machine did."""
    masker = masker_of(rules)
    plan = Plan((Access(Action.DB_SELECT, "table", "crm.tickets"),), frozenset({Effect.READ}))
    times: list[float] = []
    for one in tables:
        began = time.perf_counter()
        await masker.mask(one, plan, Duties(), SCOPE, Restored())
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        tokens = Tokens.open(f"file:{folder}/key", Path(folder) / "vault.sqlite")
        content = ContentMasker(Detector(), tokens)

        def masker_of(rules: Rules) -> Masker:
            async def of(_: str) -> Rules:
                return rules

            return Masker(content, of, "bench")

        async def figures() -> tuple[float, float, float]:
            await measured([table(0)], CLASSED, masker_of)  # keys are derived, modules imported
            await measured([table(0)], OPEN, masker_of)
            gc.collect()
            spare_the_collector()  # as the server does once it has started
            new = await measured([table(ROWS * n) for n in range(1, 40)], CLASSED, masker_of)
            await tokens.flush()
            again = await measured([table(ROWS)] * 100, CLASSED, masker_of)
            cold = await measured([table(10**6 + ROWS * n) for n in range(40)], OPEN, masker_of)
            return again, new, cold

        planned, new, cold = asyncio.run(figures())
        tokens.close()
    print(f"{ROWS} rows x {len(COLUMNS)} columns, planned:             {planned * 1e3:.2f} ms (budget 1)")
    print(f"{ROWS} rows x {len(COLUMNS)} columns, planned, new values: {new * 1e3:.2f} ms (budget 5)")
    print(f"{ROWS} rows x {len(COLUMNS)} columns, cold:                {cold * 1e3:.2f} ms (budget 5)")
    return int(planned > 1e-3 or new > 5e-3 or cold > 5e-3)


if __name__ == "__main__":
    sys.exit(main())
