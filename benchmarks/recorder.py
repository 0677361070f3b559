"""What recording costs: whole calls through both barriers, by number of callers; and where the time of one event goes.

A call is what the chain writes: seven events, two commits. Figures: events/s, the time of a commit (p50, p99),
processor time per event with all threads of the process counted; the same without a sync to the disk, to tell the
disk's part. Run: `python -m benchmarks recorder`, or this file.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gloveport.recordings import events, journal
from gloveport.recordings.ids import new_id
from gloveport.recordings.recorder import Recorder, SessionRecord
from gloveport.recordings.verify import verify

CALLERS = (1, 8, 32, 64)
SECONDS = 1.5
COLUMNS = ("full_name", "email", "phone", "city", "visits")


def call(session: SessionRecord, commits: list[float]) -> Callable[[], asyncio.Future[None]]:
    """One call's worth of events, as `guardrails/session.py` writes them for a query."""
    mask = {"class": "email", "transform": "token", "reason": "clinic.patients.email is email (config)"}
    rows = [[f"Ada Tok{n}", f"kate.tk4f2{n}@mail.example", "+999 555 01", "Bern", n] for n in range(5)]
    content = {"columns": [{"name": c, "type": "TEXT", "mask": mask} for c in COLUMNS], "rows": rows, "row_count": 5}
    who, agent = events.Principal("ana", basis="os_user"), events.Agent("bot", basis="config")
    outputs = [events.Output(c, "identity", [f"clinic.patients.{c}"]) for c in COLUMNS]
    lineage = events.Lineage(outputs, [events.Indirect("clinic.patients.city", "where")])
    facts = {"principal": {"human": "ana", "roles": ["clinicians"]}, "tool": "database_query", "effects": ["read"]}
    columns = [events.Column(c, "token", "email", "config", [f"clinic.patients.{c}"], count=5) for c in COLUMNS]

    async def one() -> None:
        cid = new_id()
        arguments = {"database": "clinic", "sql": "select full_name, email from patients where city = 'Bern'"}
        shown = {"database": "clinic", "sql": events.Withheld("string", 57)}
        session.append(events.CallReceived("database_query", shown, session.args_mac(arguments)), cid=cid)
        session.append(events.IdentityChecked(True, "stdio", who, agent), cid=cid)
        session.append(events.PolicyDecided("allow", ["read-open"], facts, lineage=lineage, us=200), cid=cid)
        session.append(
            events.ExecStarted(["read"], ["clinic.patients"], "SELECT full_name, email FROM patients"), cid=cid
        )
        began = time.perf_counter()
        await session.commit()
        commits.append(time.perf_counter() - began)
        session.append(events.ExecFinished("ok", 900, rows=5), cid=cid)
        session.append(events.MaskApplied(columns, us=300), cid=cid)
        session.append(events.CallReturned(content, us=2000, rows=5), cid=cid)
        began = time.perf_counter()
        await session.commit()
        commits.append(time.perf_counter() - began)

    return one  # type: ignore[return-value]


async def run(root: Path, callers: int) -> tuple[float, list[float], float]:
    """Events per second, the times of the commits, processor seconds per event."""
    with Recorder.open(root) as recorder:
        opened = events.SessionOpened("process", events.Principal("ana"))
        commits: list[float] = []
        ones = [call(recorder.session(None, opened), commits) for _ in range(callers)]
        await recorder.commit()
        stop = time.perf_counter() + SECONDS
        began, processor = time.perf_counter(), time.process_time()

        async def caller(one: Callable[[], asyncio.Future[None]]) -> None:
            while time.perf_counter() < stop:
                await one()

        await asyncio.gather(*(caller(one) for one in ones))
        took, processor = time.perf_counter() - began, time.process_time() - processor
        count = len(commits) // 2 * 7
    return count / took, commits, processor / count


def shown(name: str, callers: int, rate: float, commits: list[float], processor: float) -> str:
    cuts = statistics.quantiles(commits, n=100)
    return (
        f"recorder {name:8} {callers:3} callers {rate:9,.0f} events/s, commit p50 {cuts[49] * 1e3:.2f} ms "
        f"p99 {cuts[98] * 1e3:.2f} ms, processor {processor * 1e6:.1f} µs/event"
    )


def appending(root: Path, count: int = 3000) -> float:
    """Seconds of a call's seven appends alone."""
    with Recorder.open(root) as recorder:
        session = recorder.session(None, events.SessionOpened("process", events.Principal("ana")))
        one = call(session, [])

        async def nothing(*, read_only: bool = False) -> None: ...

        session.commit = nothing  # type: ignore[method-assign]

        async def loop() -> float:
            times: list[float] = []
            for number in range(count):
                began = time.perf_counter()
                await one()
                times.append(time.perf_counter() - began)
                if number % 100 == 0:
                    recorder.commit_blocking()
            return statistics.median(times)

        return asyncio.run(loop())


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="gloveport-bench-") as folder:
        root = Path(folder)
        for callers in CALLERS:
            print(shown("durable", callers, *asyncio.run(run(root / f"d{callers}", callers))), flush=True)
        sync = journal.sync_file
        journal.sync_file = lambda fd: None
        for callers in (1, 8):
            print(shown("no sync", callers, *asyncio.run(run(root / f"n{callers}", callers))), flush=True)
        journal.sync_file = sync
        print(f"recorder append   a call's seven appends alone take {appending(root / 'a') * 1e6:.0f} µs")
        began = time.perf_counter()
        verdict = verify(root / "d1")
        took = time.perf_counter() - began
        print(f"recorder verify   {verdict.events / took:,.0f} events/s over {verdict.events:,} events: {verdict.ok}")
        return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
