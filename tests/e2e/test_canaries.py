"""Sessions over MCP with a canary in every protected cell, file and argument: none comes out, in any encoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from gloveport.recordings.verify import verify
from gloveport.tests.canaries import CANARIES, leaks

PROTECTED = (
    "name email phone address ssn national_id birth_date card iban ip mac url device health secret notes".split()
)
ATTACKS = (
    "SELECT ssn AS shoe_size FROM people",
    "SELECT upper(email), substr(ssn, 2), hex(card), length(iban) FROM people",
    "SELECT name || email || phone FROM people",
    "SELECT ward FROM people UNION SELECT ssn FROM people",
    "WITH p AS (SELECT email AS topic FROM people) SELECT topic FROM p",
    "SELECT group_concat(email) FROM people",
    "SELECT json_object('a', ssn, 'b', card) FROM people",
    "SELECT max(secret), min(health) FROM people",
    "SELECT CASE WHEN 1 THEN email ELSE 'x' END FROM people",
    "SELECT * FROM (SELECT * FROM people) AS x",
    "SELECT id FROM people WHERE ssn LIKE '219%'",
    "SELECT id FROM people WHERE email > 'm'",
    "SELECT CAST(ssn AS INTEGER) FROM people",
    "SELECT json_extract(notes, '$.x') FROM people",
    "SELECT 'people'.'ssn' FROM 'people'",
    "SELECT secret FROM vault_keys",
    "SELECT sql FROM sqlite_master",
    "SELECT load_extension('x')",
    "SELECT id FROM people ORDER BY ssn",
    "DELETE FROM people",
    "SELECT 1; SELECT ssn FROM people",
    "EXPLAIN SELECT ssn FROM people",
)


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_no_canary_leaves_a_session(ward, connect, mode: str) -> None:
    async with connect(ward, mode) as seen:
        assert (await seen.call("database_schema", database="ward"))["status"] == "released"
        for column in PROTECTED:
            answer = await seen.query(f"SELECT id, {column} FROM people ORDER BY id")
            assert answer["status"] == "released", (column, answer)
            assert answer["columns"][1]["mask"] is not None, column
        await seen.query("SELECT * FROM people")
        for sql in ATTACKS:
            await seen.query(sql)
        for path in ("people.csv", "note.txt", "state.json"):
            answer = await seen.call("file_read", root="desk", path=path)
            assert answer["status"] == "released"
            assert answer["masked"], path
        await seen.call("file_list", root="desk")
        await seen.call("file_search", root="desk", text="north")
        await seen.call("file_search", root="desk", text="219-09")
        await seen.call("file_read", root="desk", path="../ward.db")
        await seen.call("session_status")
        sent = list(seen.everything)
        logs = list(seen.logs)
    assert not leaks(sent)
    assert not leaks(logs)
    assert not leaks(ward.recordings)
    assert verify(ward.recordings).ok


async def test_no_canary_in_an_argument_is_echoed_logged_or_recorded(ward, connect) -> None:
    async with connect(ward) as seen:
        for kind, value in CANARIES.items():
            quoted = value.replace("'", "''")
            await seen.query(f"SELECT id FROM people WHERE name = '{quoted}'")
            await seen.query(f"SELECT nothing_{kind} FROM people WHERE '{quoted}' = 'x'")
            await seen.query(f"SELEKT '{quoted}'")
            await seen.call("database_query", database=value, sql="SELECT 1")
            await seen.call("file_read", root="desk", path=value)
            await seen.call("file_search", root="desk", text=value)
        logs, recordings = list(seen.logs), ward.recordings
    assert not leaks(logs)
    found = {leak.partition(" ")[0] for leak in leaks(recordings)}
    assert found <= {"person", "address", "birth_date", "device", "health"}, found  # paths without a form of their own


async def test_a_token_finds_its_row_again_and_joins_tables(ward, connect) -> None:
    async with connect(ward) as seen:
        answer = await seen.query("SELECT id, email, name FROM people ORDER BY id")
        token = answer["rows"][0][1]
        found = await seen.query(f"SELECT id, email FROM people WHERE email = '{token}'")
        assert found["rows"] == [[1, token]]
        letters = await seen.query("SELECT email, topic FROM letters")
        assert letters["rows"] == [[token, "diet"]]
        csv = await seen.call("file_read", root="desk", path="people.csv")
        assert token in csv["text"]
        unknown = token[:4] + ("x" if token[4] != "x" else "y") + token[5:]
        nothing = await seen.query(f"SELECT id FROM people WHERE email = '{unknown}'")
        assert nothing["status"] == "refused" or nothing["rows"] == []
        sent = list(seen.everything)
    assert not leaks(sent)


async def test_what_an_agent_writes_to_a_file_keeps_its_tokens(ward, connect) -> None:
    async with connect(ward) as seen:
        rows = (await seen.query("SELECT email, ward FROM people ORDER BY id"))["rows"]
        text = "email,ward\n" + "".join(f"{email},{where}\n" for email, where in rows)
        written = await seen.call("file_write", root="desk", path="out.csv", content=text)
        assert written["status"] == "released"
        assert (await seen.call("file_read", root="desk", path="out.csv"))["text"] == text
    assert not leaks((ward.folder / "desk" / "out.csv").read_bytes())


async def test_a_guess_is_no_oracle(ward, connect) -> None:
    """A literal of the agent never comes back as the token of a real value."""
    guess = CANARIES["email"]
    async with connect(ward) as seen:
        token = (await seen.query("SELECT email FROM people ORDER BY id"))["rows"][0][0]
        said = await seen.query(f"SELECT '{guess}' AS guess, id FROM people ORDER BY id")
        assert token not in str(said)
        await seen.call("file_write", root="desk", path="guess.txt", content=f"is it {guess}?")
        read = await seen.call("file_read", root="desk", path="guess.txt")
        assert token not in read["text"]
        assert guess not in read["text"]


def test_the_canary_search_finds_what_is_there(ward) -> None:
    """The tool of these tests works: the database itself is full of canaries."""
    assert len(leaks(Path(ward.database))) >= len(CANARIES) - 1
