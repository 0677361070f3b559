"""Whatever random writes an agent makes of the pieces of a guess, no column it reads back shows the guess's token."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path

import pytest

from gloveport.guardrails.call import Caller, Release, Request, Status
from gloveport.guardrails.config import load_config
from gloveport.guardrails.house import House
from gloveport.tools.tool import JsonObject

GUESS = "p3@acme.com"
CONFIG = """
databases:
  clinic:
    url: sqlite:///clinic.db
    write: true
    classes: {patients.email: email}
    open: [patients.id, patients.nick, patients.note]
policies: ./policies
"""
POLICY = """
@id("all") @why("a test of what masking holds when policy allows everything")
permit (principal, action in [Action::"db.select", Action::"db.insert", Action::"db.update"], resource);
"""
PIECES = (
    "'p3'", "'@acme.com'", "'p3@acme.com'", "'@'", "'acme.com'", "'p3Q'", "'see p3@acme.com'", "'P3@ACME.COM'",
    "'[\"p3@acme.com\"]'", "'p3&acme.com'",
)  # fmt: skip
JOINED = (
    "{a} || {b}", "replace({a}, 'Q', '@acme.com')", "replace({a}, '&', '@')", "lower({a})", "coalesce(NULL, {a})",
    "CASE WHEN 1 = 1 THEN {a} ELSE {b} END", "(SELECT {a})", "trim({a})", "(SELECT x FROM (SELECT {a} AS x) AS g)",
    "max({a}, {b})", "substr({a}, 1, 30)", "iif(1 = 1, {a}, {b})",
)  # fmt: skip
WRITES = (
    "UPDATE patients SET {column} = {row} WHERE id = 7",
    "UPDATE patients SET {column} = {row} WHERE id IN (7, 8) RETURNING {column}",
    "UPDATE patients SET note = nick WHERE id = 7",
    "UPDATE patients SET nick = note WHERE id = 8",
    "UPDATE patients SET nick = (SELECT group_concat(nick, '') FROM patients WHERE id IN (7, 8)) WHERE id = 7",
    "UPDATE patients SET {column} = g.x FROM (SELECT {value} AS x) AS g WHERE patients.id = 7",
    "UPDATE patients SET nick = g.note FROM patients AS g WHERE patients.id = 7 AND g.id = 8",
    "WITH g AS (SELECT {value} AS x) UPDATE patients SET {column} = (SELECT x FROM g) WHERE id = 7",
    "WITH g AS (SELECT {value} AS x UNION ALL SELECT {other}) "
    "UPDATE patients SET {column} = (SELECT max(x) FROM g) WHERE id = 7",
    "INSERT INTO patients (id, nick) VALUES (7, {value}) ON CONFLICT (id) DO UPDATE SET nick = excluded.nick",
    "INSERT INTO patients (id, nick) VALUES (7, {value}) "
    "ON CONFLICT (id) DO UPDATE SET nick = patients.nick || excluded.nick",
    "INSERT INTO patients (id, {column}) SELECT 907, x FROM (SELECT {value} AS x) AS g WHERE 1 = 1 "
    "ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}",
)
READS = (
    "SELECT nick, note, id FROM patients",
    "SELECT DISTINCT nick FROM patients",
    "SELECT nick FROM patients UNION SELECT note FROM patients",
)


class Writer:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def value(self, leaves: tuple[str, ...], depth: int = 0) -> str:
        if depth > 3 or self._random.random() < 0.4:
            return self._random.choice(leaves)
        joined = self._random.choice(JOINED)
        return joined.format(a=self.value(leaves, depth + 1), b=self.value(leaves, depth + 1))

    def statements(self) -> list[str]:
        return [
            self._random.choice(WRITES).format(
                column=self._random.choice(("nick", "note")),
                row=self.value((*PIECES, "nick", "note")),
                value=self.value(PIECES),
                other=self.value(PIECES),
            )
            for _ in range(self._random.randint(1, 4))
        ]


@pytest.mark.parametrize("seed", range(8))
async def test_no_write_makes_the_token_of_a_guess(tmp_path: Path, seed: int) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.cedar").write_text(POLICY)
    (tmp_path / "gloveport.yaml").write_text(CONFIG)
    raw = sqlite3.connect(tmp_path / "clinic.db", isolation_level=None)
    raw.execute("CREATE TABLE patients (id INTEGER PRIMARY KEY, email TEXT, nick TEXT, note TEXT)")
    raw.executemany(
        "INSERT INTO patients VALUES (?, ?, ?, ?)", [(i, f"p{i}@acme.com", f"n{i}", f"t{i}") for i in range(12)]
    )
    guessed = 0
    writer = Writer(seed)
    async with House.open(load_config(tmp_path / "gloveport.yaml")) as house:

        async def call(tool: str, sql: str) -> Release:
            sent: JsonObject = {"database": "clinic", "sql": sql}
            return await house.chain.call(Request(tool, sent, Caller("stdio")))

        shown = await call("database_query", "SELECT email FROM patients WHERE id = 3")
        token = str(shown.content["rows"][0][0])  # type: ignore[index]
        for _ in range(6):
            for sql in writer.statements():
                done = await call("database_execute", sql)
                assert done.status is Status.RELEASED, (sql, done.content)
                answers = [done, *[await call("database_query", read) for read in READS]]
                assert token not in json.dumps([answer.content for answer in answers]), sql
                cells = raw.execute("SELECT nick || ' ' || note FROM patients WHERE id IN (7, 8, 907)").fetchall()
                guessed += any(GUESS in str(cell).lower() for cell in cells)
        assert (await call("database_query", "SELECT email FROM patients WHERE id = 3")).content["rows"] == [[token]]
    raw.close()
    assert guessed >= 3, "the guess was really put together"
