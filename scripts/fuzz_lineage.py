"""Fuzz the SQL guard's lineage against PostgreSQL's own query tree.

    .venv/bin/python scripts/fuzz_lineage.py [QUERIES] [--twins] [--views ENGINE] [--seed N] [--url postgresql://...]

Runs that many random nested queries (20,000) through both and prints how many sources the walk missed: it must be none.
With --twins it runs what strict lets through on twin databases instead: no answer may depend on a masked cell.
With --views sqlite, postgresql, mysql or duckdb it makes random views there: no column that the guard takes for an open
one may depend on a masked cell. MariaDB is at GLOVEPORT_TEST_MARIADB, else at its usual port.
"""

from __future__ import annotations

import argparse
import os
import time

from gloveport.tests.tools.database.sql import twin_oracle, view_twins
from gloveport.tests.tools.database.sql.clinic import DIALECTS
from gloveport.tests.tools.database.sql.lineage_oracle import Tally, oracle
from gloveport.tests.tools.database.sql.random_queries import Generator


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", nargs="?", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--twins", action="store_true")
    parser.add_argument("--views", choices=DIALECTS)
    default = os.environ.get("GLOVEPORT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
    parser.add_argument("--url", default=default)
    options = parser.parse_args()
    if options.views:
        return of_views(options)
    return on_twins(options) if options.twins else against_the_tree(options)


def against_the_tree(options: argparse.Namespace) -> int:
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


def on_twins(options: argparse.Namespace) -> int:
    tally, differ, seed, began = twin_oracle.Tally(), 0, options.seed, time.perf_counter()
    while tally.compared < options.queries:
        generator = Generator(seed)
        with twin_oracle.twins(options.url, twin_oracle.some_masked(seed), seed) as pair:
            for _ in range(200):
                text = generator.query()
                found = pair.compare(text, tally)
                if found is not None:
                    differ += 1
                    print(f"DIFFERS: {found}\n  {text}")
        seed += 1
    print(
        f"{tally.compared:,} answers compared on twins, {differ} differ; {tally.refused:,} refused by the guard, "
        f"{tally.failed:,} failed on both; {time.perf_counter() - began:.0f} s"
    )
    return 1 if differ else 0


def of_views(options: argparse.Namespace) -> int:
    tally, differ, seed, began = view_twins.Tally(), 0, options.seed, time.perf_counter()
    mariadb = os.environ.get("GLOVEPORT_TEST_MARIADB", "mysql://root@127.0.0.1:3306/mysql")
    while tally.tried < options.queries:
        url = mariadb if options.views == "mysql" else options.url
        for found in view_twins.run(options.views, url, seed, 50, tally):
            differ += 1
            print(f"DIFFERS: {found}")
        seed += 1
    print(
        f"{tally.tried:,} views, {tally.compared:,} open columns compared on twins, {differ} views differ; "
        f"{tally.closed:,} closed by the guard, {tally.invalid:,} not valid; {time.perf_counter() - began:.0f} s"
    )
    return 1 if differ else 0


if __name__ == "__main__":
    raise SystemExit(main())
