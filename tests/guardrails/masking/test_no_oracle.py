"""Through the whole house: no way round gives an agent the token of a value it chose."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from gloveport.guardrails.call import Caller, Release, Request, Status
from gloveport.guardrails.config import load_config
from gloveport.guardrails.house import House
from gloveport.tests.canaries import leaks

Call: TypeAlias = Callable[..., Awaitable[Release]]
MAIL, PHONE = "p3@acme.com", "+1 212 555 1003"

CONFIG = """
databases:
  clinic:
    url: sqlite:///clinic.db
    write: true
    classes: {patients.mrn: account, patients.email: email, patients.phone: phone}
    open: [patients.id, patients.nick]
    search: {patients.nick: id}
files: {reports: {path: ./reports, write: true}}
policies: ./policies
"""
POLICY = """
@id("all") @why("a test of what masking holds when policy allows everything")
permit (principal, action in [
  Action::"db.select", Action::"db.insert", Action::"db.update",
  Action::"file.list", Action::"file.read", Action::"file.search", Action::"file.write"
], resource);
"""


@pytest.fixture
async def call(tmp_path: Path) -> AsyncIterator[Call]:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "real.txt").write_text(f"From {MAIL}, call {PHONE}\n")
    db = sqlite3.connect(tmp_path / "clinic.db")
    db.execute("CREATE TABLE patients (id INTEGER PRIMARY KEY, mrn INTEGER, email TEXT, nick TEXT, phone TEXT)")
    rows = [(i, 100_000 + i, f"p{i}@acme.com", f"n{i}", f"+1 212 555 {1000 + i}") for i in range(20)]
    db.executemany("INSERT INTO patients VALUES (?, ?, ?, ?, ?)", rows)
    db.commit()
    db.close()
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.cedar").write_text(POLICY)
    (tmp_path / "gloveport.yaml").write_text(CONFIG)
    async with House.open(load_config(tmp_path / "gloveport.yaml")) as house:

        async def run(tool: str, **arguments: str) -> Release:
            return await house.chain.call(Request(tool, dict(arguments), Caller("stdio")))

        yield run


async def rows(call: Call, sql: str) -> list[list[object]]:
    release = await call("database_query", database="clinic", sql=sql)
    assert release.status is Status.RELEASED, release.content
    return release.content["rows"]  # type: ignore[return-value]


async def changed(call: Call, sql: str) -> Release:
    return await call("database_execute", database="clinic", sql=sql)


async def token(call: Call, column: str) -> str:
    return str((await rows(call, f"SELECT {column} FROM patients WHERE id = 3"))[0][0])


async def read(call: Call, path: str) -> str:
    return str((await call("file_read", root="reports", path=path)).content["text"])


async def test_tokens_work_before_any_guess(call: Call) -> None:
    mail, phone = await token(call, "email"), await token(call, "phone")
    assert await read(call, "real.txt") == f"From {mail}, call {phone}\n"
    assert await rows(call, f"SELECT id FROM patients WHERE email = '{mail}' AND phone = '{phone}'") == [[3]]


async def test_a_literal_in_a_query(call: Call) -> None:
    mail = await token(call, "email")
    assert await rows(call, f"SELECT '{MAIL}' AS email") == [[MAIL]]
    for sql in (
        f"SELECT email FROM patients WHERE id = 3 UNION ALL SELECT '{MAIL}'",
        f"SELECT nick || '{MAIL}' FROM patients WHERE id = 3",
        f"SELECT coalesce(NULL, '{MAIL}')",
        f"SELECT x FROM (SELECT '{MAIL}' AS x) AS t",
    ):
        release = await call("database_query", database="clinic", sql=sql)
        assert mail not in json.dumps(release.content), sql


async def test_a_file_written_and_read(call: Call) -> None:
    mail = await token(call, "email")
    await call("file_write", root="reports", path="g.txt", content=f"guess {MAIL} and token {mail}")
    assert await read(call, "g.txt") == f"guess [masked:email] and token {mail}"
    assert mail in await read(call, "real.txt"), "other files do not say whether the guess is right"
    found = await call("file_search", root="reports", text=MAIL)
    assert found.content["entries"] == []


async def test_a_name_of_a_file(call: Call) -> None:
    mail = await token(call, "email")
    await call("file_write", root="reports", path=f"{MAIL}.txt", content="x")
    listing = await call("file_list", root="reports")
    assert mail not in json.dumps(listing.content)
    assert not leaks(listing.content, [MAIL])


async def test_a_row_inserted_and_selected(call: Call) -> None:
    mail, phone = await token(call, "email"), await token(call, "phone")
    done = await changed(call, f"INSERT INTO patients VALUES (900, 5, '{MAIL}', 'x', '{PHONE}')")
    assert done.status is Status.RELEASED
    (row,) = await rows(call, "SELECT email, phone FROM patients WHERE id = 900")
    assert row == ["[masked:email]", "[masked:phone]"]
    text = json.dumps(await rows(call, "SELECT * FROM patients"))
    assert mail not in text
    assert phone not in text
    assert not leaks(text, [MAIL, PHONE])


async def test_a_guess_in_an_open_column(call: Call) -> None:
    mail = await token(call, "email")
    await changed(call, f"UPDATE patients SET nick = 'see {MAIL}' WHERE id = 7")
    assert await rows(call, "SELECT nick FROM patients WHERE id = 7") == [["see [masked:email]"]]
    assert await token(call, "email") == mail, "the column that was not written shows what it showed"


async def test_a_copy_of_a_guess(call: Call) -> None:
    mail = await token(call, "email")
    await changed(call, f"UPDATE patients SET nick = '{MAIL}' WHERE id = 7")
    await changed(call, "UPDATE patients SET email = nick WHERE id = 7")
    shown = await rows(call, "SELECT email FROM patients WHERE id = 7")
    assert mail not in json.dumps(shown)


PIECES = {
    "joined": "UPDATE patients SET nick = 'p3' || '@acme.com' WHERE id = 7",
    "replaced": "UPDATE patients SET nick = replace('p3Qacme.com', 'Q', '@') WHERE id = 7",
    "of a common table": """
        WITH g AS (SELECT 'p3@acme.com' AS x) UPDATE patients SET nick = (SELECT x FROM g) WHERE id = 7
    """,
    "of two common tables": """
        WITH a AS (SELECT 'p3' AS x), b AS (SELECT '@acme.com' AS y)
        UPDATE patients SET nick = (SELECT x || y FROM a, b) WHERE id = 7
    """,
    "from": "UPDATE patients SET nick = g.x FROM (SELECT 'p3@acme.com' AS x) AS g WHERE patients.id = 7",
    "inserted": "INSERT INTO patients (id, nick) SELECT 907, x FROM (SELECT 'p3' || '@acme.com' AS x) AS g",
    "inserted from a common table": """
        WITH g AS (SELECT 'p3@acme.com' AS x) INSERT INTO patients (id, nick) SELECT 907, x FROM g
    """,
    "on conflict": """
        INSERT INTO patients (id, nick) VALUES (7, 'p3')
        ON CONFLICT (id) DO UPDATE SET nick = excluded.nick || '@acme.com'
    """,
}


@pytest.mark.parametrize("sql", PIECES.values(), ids=PIECES)
async def test_a_guess_the_database_puts_together(call: Call, sql: str) -> None:
    mail = await token(call, "email")
    done = await changed(call, sql)
    assert done.status is Status.RELEASED, done.content
    shown = await rows(call, "SELECT nick FROM patients WHERE id IN (7, 907)")
    assert ["[masked:email]"] in shown
    assert mail not in json.dumps(shown)
    assert await token(call, "email") == mail, "the column that was not written shows what it showed"


async def test_a_guess_appended_piece_by_piece(call: Call) -> None:
    mail = await token(call, "email")
    for sql in ("SET nick = 'p3'", "SET nick = nick || '@acme'", "SET nick = nick || '.com'"):
        assert (await changed(call, f"UPDATE patients {sql} WHERE id = 7")).status is Status.RELEASED
    assert await rows(call, "SELECT nick FROM patients WHERE id = 7") == [["[masked:email]"]]
    copied = await changed(call, "INSERT INTO patients (id, nick) SELECT 907, nick FROM patients WHERE id = 7")
    assert copied.status is Status.RELEASED
    assert mail not in json.dumps(await rows(call, "SELECT nick FROM patients"))


async def test_a_search_for_a_token_does_not_find_a_guess(call: Call) -> None:
    mail = await token(call, "email")
    assert (await changed(call, f"UPDATE patients SET nick = '{MAIL}' WHERE id = 7")).status is Status.RELEASED
    found = await call("database_search", database="clinic", text=mail)
    assert found.status is Status.RELEASED, found.content
    assert [row for row in found.content["rows"] if row[0] == 7] == []  # type: ignore[union-attr,index]


async def test_a_composed_column_in_a_condition_spoils_no_other(call: Call) -> None:
    mail = await token(call, "email")
    await changed(call, "UPDATE patients SET nick = nick || '!' WHERE id = 7")
    assert (await changed(call, f"UPDATE patients SET email = '{mail}' WHERE nick = 'n7!'")).status is Status.RELEASED
    assert await rows(call, "SELECT email FROM patients WHERE id = 7") == [[mail]]


async def test_masks_and_broken_tokens_are_never_written(call: Call) -> None:
    mail = await token(call, "email")
    broken = ("4" if mail[0] == "3" else "3") + mail[1:]
    for wrong in ("[masked:email]", broken):
        release = await changed(call, f"UPDATE patients SET email = '{wrong}' WHERE id = 5")
        assert release.status is Status.REFUSED
    assert (await changed(call, f"UPDATE patients SET email = '{mail}' WHERE id = 5")).status is Status.RELEASED
    assert await rows(call, f"SELECT id FROM patients WHERE email = '{mail}' ORDER BY id") == [[3], [5]]


async def test_a_start_forgets_the_tokens_of_old_sessions(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "real.txt").write_text(f"key sk_live_4eC39HqLyjWDarjtT1zdp7dc of {MAIL}, {PHONE}\n")
    config = "files: {reports: {path: ./reports}}\nmasking: {scope: session}\n"
    (tmp_path / "gloveport.yaml").write_text(config)
    loaded = load_config(tmp_path / "gloveport.yaml")
    async with House.open(loaded) as house:
        await house.chain.call(Request("file_read", {"root": "reports", "path": "real.txt"}, Caller("stdio")))
    db = sqlite3.connect(loaded.masking.vault)
    assert db.execute("SELECT count(*) FROM issued").fetchone() != (0,)
    async with House.open(loaded):
        assert db.execute("SELECT count(*) FROM issued").fetchone() != (0,), "it may still be used"
    db.execute("UPDATE scopes SET used = used - 100000")
    db.commit()
    async with House.open(loaded):
        assert db.execute("SELECT count(*) FROM issued").fetchone() == (0,)
    db.close()
