"""The walk against PostgreSQL's own query tree on random nested queries. `scripts/fuzz_lineage.py` runs many more."""

from __future__ import annotations

from gloveport.tests.tools.database.sql.lineage_oracle import Tally, oracle
from gloveport.tests.tools.database.sql.random_queries import Generator

QUERIES = 120


def test_the_server_names_no_source_that_the_walk_lacks(postgres_url: str) -> None:
    tally = Tally()
    generator = Generator(2024)
    with oracle(postgres_url) as server:
        while tally.compared < QUERIES:
            text = generator.query()
            missed = server.compare(text, tally)
            assert missed is None, f"{missed}: {text}"
    assert tally.refused < tally.compared
    assert tally.over <= tally.compared * 0.1
