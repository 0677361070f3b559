"""An echo tool over stdio: a bare SDK server, our door, our door on the whole chain; same run, taking turns.

Budget: the whole chain at most 2x the bare server, p50 (issue 2). Run: `make bench ONLY=mcp_echo`.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

if __package__ in (None, ""):
    sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from benchmarks._mcp_client import ERAS, Server, measure, table

ARGUMENTS = {"text": "The quick brown fox jumps over the lazy dog."}


def main(names: tuple[str, ...] = ("bare", "door", "chain")) -> int:
    over = False
    for era in ERAS:
        with ExitStack() as stack:
            servers = {name: stack.enter_context(Server.of(name, era)) for name in names}
            figures = measure(servers, "echo", ARGUMENTS, rounds=10, calls=200)
        table(f"mcp_echo {era:6}", figures)
        over |= figures["chain"]["p50_ms"] > 2 * figures["bare"]["p50_ms"]
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
