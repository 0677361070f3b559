"""A query of 100 rows and 6 columns, 3 of them masked, over stdio: a bare SDK server on SQLite, and `gloveport serve`.

Budget: the whole chain at most 3x the bare server, p50 (issues 2 and 3). Run: `make bench ONLY=mcp_query`.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

if __package__ in (None, ""):
    sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from benchmarks._mcp_client import ERAS, Server, measure, table

SQL = "SELECT id, full_name, email, phone, city, plan FROM patients ORDER BY id LIMIT 100"


def main() -> int:
    over = False
    for era in ERAS:
        with ExitStack() as stack:
            servers = {
                "bare": stack.enter_context(Server.of("bare_query", era)),
                "chain": stack.enter_context(Server.of("clinic", era)),
            }
            figures = measure(servers, "database_query", {"database": "clinic", "sql": SQL}, rounds=10, calls=60)
        table(f"mcp_query {era:6}", figures)
        over |= figures["chain"]["p50_ms"] > 3 * figures["bare"]["p50_ms"]
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
