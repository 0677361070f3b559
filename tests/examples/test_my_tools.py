"""The example of own tools, as a user would load it."""

# ruff: noqa: ASYNC240 - tests look at files between calls
from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import pytest

from gloveport.tools.load import load_tools
from gloveport.tools.tool import Effect, JsonObject, Planning, Running, TokenSpan, Tool, ToolRefused, Value

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_tools.py"


def find(text: str) -> list[TokenSpan]:
    return [TokenSpan(0, len(text), "email")] if text.startswith("tok_") else []


async def no_rules(database: str) -> object:
    raise AssertionError("own tools ask for no column rules")


PLANNING = Planning("tester", lambda value: None, find, no_rules)  # type: ignore[arg-type]


@pytest.fixture
def tools() -> dict[str, Tool]:
    return {tool.spec.name: tool for tool in load_tools([str(EXAMPLE)])}


async def test_reading(tools: dict[str, Tool]) -> None:
    tool = tools["appointments"]
    assert tool.spec.effects == {Effect.READ}
    result = await tool.run(await tool.plan({"day": "2026-12-02"}, PLANNING), Running())
    assert isinstance(result, Value)
    row = {"time": "09:00", "room": "2", "patient": "Aino Virtanen", "email": "aino.virtanen@example.com"}
    assert result.value == {"appointments": [row]}
    assert result.classes == {"appointments[].patient": "person", "appointments[].email": "email"}


async def test_sending(tools: dict[str, Tool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_OUTBOX", str(tmp_path))
    monkeypatch.delenv("CLINIC_SMTP", raising=False)
    tool = tools["send_reminder"]
    assert tool.spec.effects == {Effect.SEND}
    arguments: JsonObject = {"to": ["tok_1", "b@example.org"], "day": "2099-12-01", "time": "09:30"}
    plan = await tool.plan(arguments, PLANNING)
    assert [(slot.token, slot.target) for slot in plan.slots] == [("tok_1", "send_reminder.to")]
    result = await tool.run(plan, Running(["maria@example.com"]))
    assert isinstance(result, Value)
    assert result.value == {"sent": 2}
    mails = [message_from_bytes(path.read_bytes()) for path in tmp_path.iterdir()]
    assert sorted(mail["To"] for mail in mails) == ["b@example.org", "maria@example.com"]


async def test_refusing(tools: dict[str, Tool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_OUTBOX", str(tmp_path))
    tool = tools["send_reminder"]
    plan = await tool.plan({"to": ["tok_1"], "day": "2001-01-01", "time": "09:30"}, PLANNING)
    with pytest.raises(ToolRefused) as refused:
        await tool.run(plan, Running(["maria@example.com"]))
    assert refused.value.message == "That day is over."
    with pytest.raises(ToolRefused) as refused:
        await tool.run(plan, Running(["tok_1"]))  # policy did not clear it
    assert refused.value.code == "restore-not-cleared"
    assert list(tmp_path.iterdir()) == []
