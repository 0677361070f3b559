"""What strict lets through does not depend on masked cells: random queries, answered by a server on twin databases."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.random_queries import Generator
from gloveport.tests.tools.database.sql.twin_oracle import Tally, some_masked, twins
from gloveport.tools.database.sql import inference


@pytest.mark.parametrize("seed", [1, 2])
def test_answers_are_equal_on_twins(postgres_url: str, seed: int) -> None:
    tally, generator = Tally(), Generator(seed)
    with twins(postgres_url, some_masked(seed), seed) as pair:
        for _ in range(30):
            text = generator.query()
            differs = pair.compare(text, tally)
            assert differs is None, f"{differs}: {text}"
    assert tally.compared >= 5


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id FROM t1 WHERE b < 'm'",
        "SELECT count(*) AS n FROM t1 GROUP BY b",
        "SELECT id FROM t1 ORDER BY b",
        "SELECT t2.id FROM t2 JOIN t1 ON t1.b = t2.d",
    ],
)
def test_the_twins_would_tell(postgres_url: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "judge", lambda _: None)
    with twins(postgres_url, frozenset({"t1.b", "t3.y"}), 1) as pair:
        assert pair.compare(text + " -- without the inference rules", Tally()) is not None
