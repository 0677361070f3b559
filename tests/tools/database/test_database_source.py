"""A database from its settings: which engine, when the start stops, what is tried again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gloveport.guardrails.config import DatabaseConfig
from gloveport.guardrails.house import database_settings
from gloveport.tools.database import source
from gloveport.tools.database.engines import build_engine
from gloveport.tools.database.engines.engine import DatabaseError, Level, RoleFinding, Settings, Unreachable
from gloveport.tools.database.engines.sqlite.engine import SQLiteEngine
from gloveport.tools.database.source import Database
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.tool import Limits


class Engine:
    """An engine that is reached at a later attempt, with a role that was looked at."""

    dialect = "sqlite"

    def __init__(self, *failures: Exception, findings: Sequence[RoleFinding] = ()) -> None:
        self.failures = list(failures)
        self.findings = findings
        self.attempts = 0

    async def start(self) -> None:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)

    async def examine(self) -> Sequence[RoleFinding]:
        return self.findings

    async def close(self) -> None:
        self.attempts = 0


def database(engine: Engine, **more: object) -> Database:
    return Database(Settings("clinic", "sqlite:///x.db", **more), engine)  # type: ignore[arg-type]


def test_the_scheme_names_the_engine():
    assert isinstance(build_engine(Settings("clinic", "sqlite:///x.db")), SQLiteEngine)
    assert isinstance(build_engine(Settings("clinic", "sqlite+pysqlite:///x.db")), SQLiteEngine)
    assert build_engine(Settings("clinic", "postgresql://localhost/x")).dialect == "postgresql"
    with pytest.raises(DatabaseError, match=r"databases\.clinic\.url: 'oracle' is no kind of database known here"):
        build_engine(Settings("clinic", "oracle://localhost/x"))


def test_a_missing_driver_is_one_line_that_says_how_to_get_it(monkeypatch):
    def missing(name: str, package: str | None) -> object:
        raise ModuleNotFoundError("No module named 'pymysql'", name="pymysql")

    monkeypatch.setattr("gloveport.tools.database.engines.import_module", missing)
    with pytest.raises(DatabaseError, match=r"driver for mysql is missing \(pymysql\); install it with: pip install"):
        build_engine(Settings("clinic", "mysql://localhost/x"))


async def test_a_database_out_of_reach_is_tried_again(monkeypatch):
    monkeypatch.setattr(source, "_FIRST_WAIT_SECONDS", 0.001)
    engine = Engine(Unreachable("not yet"), Unreachable("not yet"))
    await database(engine).start()
    assert engine.attempts == 3


async def test_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(source, "_FIRST_WAIT_SECONDS", 0.001)
    engine = Engine(*[Unreachable("databases.clinic.url: cannot be reached")] * 9)
    with pytest.raises(DatabaseError, match="cannot be reached"):
        await database(engine).start()
    assert engine.attempts == source._ATTEMPTS


async def test_nothing_else_is_tried_again():
    engine = Engine(DatabaseError("a wrong password"))
    with pytest.raises(DatabaseError, match="a wrong password"):
        await database(engine).start()
    assert engine.attempts == 1


async def test_a_role_that_could_write_stops_the_start():
    findings = [RoleFinding(Level.WARN, "a bit much"), RoleFinding(Level.BAD, "is a superuser", "use another role")]
    with pytest.raises(DatabaseError, match=r"databases\.clinic: is a superuser; use another role"):
        await database(Engine(findings=findings)).start()
    await database(Engine(findings=findings), allow_unsafe_role=True).start()


def test_settings_are_what_the_configuration_says():
    config = DatabaseConfig(
        url="sqlite:///x.db",
        tables=("a",),
        deny=("b",),
        inference="balanced",
        class_inference={"email": "relaxed"},
        min_group_size=7,
        functions=("f",),
        limits={"rows": 5},
        write=True,
    )
    settings = database_settings("clinic", config)
    assert (settings.name, settings.url, settings.tables, settings.deny) == ("clinic", "sqlite:///x.db", ("a",), ("b",))
    assert settings.inference is Inference.BALANCED
    assert settings.class_inference == {"email": Inference.RELAXED}
    assert (settings.min_group_size, settings.functions, settings.write) == (7, ("f",), True)
    assert settings.limits == Limits(5, 10.0, 1_000_000)
