"""From the start of a process to its first answer over stdio: a bare SDK server, our door, `gloveport serve`.

Budget: within 0.8 s, and within 100 ms of the bare server (issue 2). Run: `python -m benchmarks startup`, or this file.
"""

from __future__ import annotations

import statistics
import sys

if __package__ in (None, ""):
    sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from benchmarks._mcp_client import ERAS, Server

ROUNDS = 9


def main(names: tuple[str, ...] = ("bare", "door", "chain")) -> int:
    over = False
    for era in ERAS:
        times: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(ROUNDS):
            for name in names:
                with Server.of(name, era) as server:
                    times[name].append(server.first_answer())
        bare = min(times["bare"])
        for name, took in times.items():
            over |= name == "chain" and (min(took) > 0.8 or min(took) - bare > 0.1)
            print(
                f"startup {era:6} {name:5} first answer after {min(took) * 1e3:.0f} ms "
                f"(median {statistics.median(took) * 1e3:.0f}), {(min(took) - bare) * 1e3:+.0f} ms to bare"
            )
    return int(over)


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or ("bare", "door", "chain")))
