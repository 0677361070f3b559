"""Fuzz the SQL guard's lineage against PostgreSQL's own query tree.

    .venv/bin/python scripts/fuzz_lineage.py [QUERIES] [--seed N] [--url postgresql://...]

Runs that many random nested queries (20,000) through both and prints how many sources the walk missed: it must be none.
"""

from __future__ import annotations

import argparse
import os
import time

from gloveport.tests.tools.database.sql.lineage_oracle import Tally, oracle
from gloveport.tests.tools.database.sql.random_queries import Generator


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", nargs="?", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    default = os.environ.get("GLOVEPORT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
    parser.add_argument("--url", default=default)
    options = parser.parse_args()
    tally, missed, began = Tally(), 0, time.perf_counter()
    generator = Generator(options.seed)
    with oracle(options.url) as server:
        while tally.compared < options.queries and tally.tried < 10 * options.queries:
            text = generator.query()
            found = server.compare(text, tally)
            if found is not None:
                missed += 1
                print(f"MISSED: {found}\n  {text}")
    seconds = time.perf_counter() - began
    share = 100 * tally.over / max(tally.compared, 1)
    print(
        f"{tally.compared:,} queries compared, {missed} missed sources, {tally.over:,} over-estimates ({share:.1f} %); "
        f"{tally.refused:,} refused by the guard, {tally.invalid:,} invalid; {seconds:.0f} s"
    )
    return 1 if missed or tally.compared < options.queries else 0


if __name__ == "__main__":
    raise SystemExit(main())
