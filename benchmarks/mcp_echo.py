"""An echo tool over stdio: a bare SDK server, our door, our door on the whole chain; same run, interleaved.

Budget: the whole chain at most 2x the bare server, p50 (issue 2). Run: `python -m benchmarks mcp_echo`, or this file.
"""

from __future__ import annotations

import itertools
import statistics
import sys
from contextlib import ExitStack

if __package__ in (None, ""):
    sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from benchmarks._mcp_client import ERAS, Server

ROUNDS = 10
CALLS = 200  # in each round
WARM_UP = 200
TEXT = "The quick brown fox jumps over the lazy dog."


def measure(era: str, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """p50 and p99 in milliseconds and server CPU in microseconds a call, for each server."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(Server.of(name, era)) for name in names}
        times: dict[str, list[float]] = {name: [] for name in names}
        used = dict.fromkeys(names, 0.0)
        for server in servers.values():
            server.first_answer()
            for n in range(WARM_UP):
                server.call(server.body(n + 1, TEXT))
        ids = itertools.count(WARM_UP + 1)
        for _ in range(ROUNDS):
            for name, server in servers.items():
                bodies = [server.body(next(ids), TEXT) for _ in range(CALLS)]
                before = server.cpu()
                times[name] += [server.call(body) for body in bodies]
                used[name] += server.cpu() - before
    return {
        name: {
            "p50_ms": statistics.median(took) * 1e3,
            "p99_ms": statistics.quantiles(took, n=100)[98] * 1e3,
            "cpu_us": used[name] / len(took) * 1e6,
        }
        for name, took in times.items()
    }


def main(names: tuple[str, ...] = ("bare", "door", "chain")) -> int:
    over = False
    for era in ERAS:
        figures = measure(era, names)
        for name, figure in figures.items():
            factor = figure["p50_ms"] / figures["bare"]["p50_ms"]
            over |= name == "chain" and factor > 2
            print(
                f"mcp_echo {era:6} {name:5} p50 {figure['p50_ms']:.3f} ms  p99 {figure['p99_ms']:.3f} ms  "
                f"server CPU {figure['cpu_us']:.0f} us  {factor:.2f}x bare"
            )
    return int(over)


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or ("bare", "door", "chain")))
