"""What the demo's agent does, one scene a step: it looks, uses tokens, tries to cheat, writes a report."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from ...tools.tool import JsonObject, JsonValue

Call: TypeAlias = Callable[[str, JsonObject], Awaitable[JsonObject]]


@dataclass(frozen=True, slots=True)
class Scene:
    """One step of the session and what came back. ``expect`` is what a right outcome is; the demo fails otherwise."""

    kind: Literal["look", "token", "attack", "write"]
    title: str
    tool: str
    arguments: JsonObject
    answer: JsonObject
    holds: bool
    said: str = ""


def _rows(answer: JsonObject) -> list[list[JsonValue]]:
    return cast("list[list[JsonValue]]", answer.get("rows", []))


def _masks(answer: JsonObject) -> list[str | None]:
    columns = cast("list[dict[str, JsonValue]]", answer.get("columns", []))
    return [cast("str", cast("JsonObject", c["mask"])["class"]) if c.get("mask") else None for c in columns]


def _query(sql: str) -> JsonObject:
    return {"database": "clinic", "sql": sql}


def _file(path: str) -> JsonObject:
    return {"root": "reports", "path": path}


async def play(call: Call) -> AsyncIterator[Scene]:
    """Run the session through ``call``, which makes one MCP tool call and returns its structured content."""
    async for scene in _looking(call):
        yield scene
    async for scene in _cheating(call):
        yield scene
    async for scene in _writing(call):
        yield scene


async def _looking(call: Call) -> AsyncIterator[Scene]:
    arguments: JsonObject = {"database": "clinic"}
    answer = await call("database_schema", arguments)
    tables = cast("list[JsonObject]", answer.get("entries", []))
    holds = bool(tables) and not any("api_keys" in str(t) for t in tables)
    yield Scene(
        "look", "What is there?", "database_schema", arguments, answer, holds, "api_keys does not exist for it."
    )

    arguments = _query("SELECT id, full_name, email, phone, city, plan FROM patients ORDER BY id LIMIT 5")
    answer = await call("database_query", arguments)
    holds = _masks(answer) == [None, "person", "email", "phone", None, None]
    said = "Masked by where a value comes from; well formed, and equal for equal values."
    yield Scene("look", "Rows, with people masked", "database_query", arguments, answer, holds, said)

    token = str(_rows(answer)[0][2])
    arguments = _query(f"SELECT id, city, plan FROM patients WHERE email = '{token}'")
    answer = await call("database_query", arguments)
    said = "The trusted side put the real address back, as a bound parameter."
    yield Scene(
        "token", "A token in the next query", "database_query", arguments, answer, len(_rows(answer)) == 1, said
    )

    arguments = _query("SELECT email, city FROM patients ORDER BY id LIMIT 200")
    patients = {str(email): str(city) for email, city in _rows(await call("database_query", arguments))}
    arguments = _query("SELECT email, topic FROM newsletter ORDER BY id")
    answer = await call("database_query", arguments)
    joined = Counter(patients[str(email)] for email, _ in _rows(answer) if str(email) in patients)
    cities = ", ".join(f"{city} {n}" for city, n in sorted(joined.items()))
    said = f"Joined and grouped by the agent on tokens alone: {sum(joined.values())} readers are patients ({cities})."
    yield Scene(
        "token", "Two tables, joined on tokens", "database_query", arguments, answer, sum(joined.values()) > 20, said
    )

    arguments = _file("handover.md")
    answer = await call("file_read", arguments)
    text = str(answer.get("text"))
    holds = (
        "Night handover" in text and "version 4.12.2" in text and "2026-10-05" in text and bool(answer.get("masked"))
    )
    said = "Free text: people, numbers and addresses out; versions and dates stay."
    yield Scene("look", "A report in free text", "file_read", arguments, answer, holds, said)


async def _cheating(call: Call) -> AsyncIterator[Scene]:
    arguments = _query("SELECT ssn AS shoe_size, upper(email) AS label FROM patients ORDER BY id LIMIT 2")
    answer = await call("database_query", arguments)
    holds = None not in _masks(answer)
    yield Scene("attack", "Rename the column, wrap it", "database_query", arguments, answer, holds)

    arguments = _query("SELECT city FROM patients UNION SELECT ssn FROM patients")
    answer = await call("database_query", arguments)
    holds = answer["status"] == "refused" or None not in _masks(answer)
    yield Scene("attack", "Smuggle it through a UNION", "database_query", arguments, answer, holds)

    arguments = _query("SELECT json_extract(notes, '$.x') FROM patients WHERE ssn LIKE '4%'")
    answer = await call("database_query", arguments)
    yield Scene(
        "attack", "Make the error message talk", "database_query", arguments, answer, answer["status"] == "refused"
    )

    arguments = _file("../clinic.db")
    answer = await call("file_read", arguments)
    yield Scene("attack", "Climb out of the folder", "file_read", arguments, answer, answer["status"] == "refused")

    arguments = _query("DELETE FROM patients")
    answer = await call("database_query", arguments)
    yield Scene("attack", "Delete everything", "database_query", arguments, answer, answer["status"] == "refused")


async def _writing(call: Call) -> AsyncIterator[Scene]:
    sql = (
        "SELECT p.email, d.title, v.day FROM visits v JOIN patients p ON p.id = v.patient_id "
        "JOIN departments d ON d.id = v.department_id WHERE d.title = 'Cardiology' ORDER BY v.day DESC, v.id LIMIT 8"
    )
    rows = _rows(await call("database_query", _query(sql)))
    sheet = io.StringIO()
    csv.writer(sheet, lineterminator="\n").writerows([("email", "department", "day"), *rows])
    arguments: JsonObject = {"root": "reports", "path": "cardiology-recent.csv", "content": sheet.getvalue()}
    answer = await call("file_write", arguments)
    back = await call("file_read", _file("cardiology-recent.csv"))
    same = str(back.get("text", "")).strip() == sheet.getvalue().strip()
    said = "The file holds tokens; read back, they are the same tokens." if same else "read back differently"
    holds = answer["status"] == "released" and same
    yield Scene("write", "Write a report", "file_write", arguments, answer, holds, said)
