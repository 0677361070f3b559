"""A column of a view that the guard takes for an open one does not depend on masked cells: random views, asked of four
engines on twin databases."""

from __future__ import annotations

import pytest

from gloveport.tests.tools.database.sql.clinic import DIALECTS
from gloveport.tests.tools.database.sql.view_twins import Tally, run
from gloveport.tools.database.sql import completeness
from gloveport.tools.database.sql.calls import Calls
from gloveport.tools.database.sql.expressions import Expressions
from gloveport.tools.database.sql.taint import CONSTANT, Value

SERVERS = {"postgresql": "postgres_url", "mysql": "mariadb_url"}


def url_of(dialect: str, request: pytest.FixtureRequest) -> str:
    fixture = SERVERS.get(dialect)
    return "" if fixture is None else str(request.getfixturevalue(fixture))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_open_columns_of_views_are_equal_on_twins(dialect: str, request: pytest.FixtureRequest) -> None:
    tally, differ = Tally(), list[str]()
    for seed in (1, 2):
        differ += run(dialect, url_of(dialect, request), seed, 50, tally)
    assert not differ, differ[0]
    assert tally.compared > 100


@pytest.mark.parametrize("blind", ["subqueries", "windows"])
def test_the_twins_would_tell(blind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def open(*_: object) -> Value:
        return CONSTANT

    def everything(*_: object) -> bool:
        return True

    part, name = (Expressions, "rows") if blind == "subqueries" else (Calls, "window_inputs")
    monkeypatch.setattr(part, name, open)
    monkeypatch.setattr(completeness, "covers", everything)
    assert any(run("sqlite", "", seed, 50, Tally()) for seed in range(1, 6))
