"""The example of a LangChain agent, with a model that says what it is told to say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import BaseTool
from pydantic import Field

from gloveport.examples.demo import clinic
from gloveport.examples.langchain_agent import answer
from gloveport.guardrails.doors.langchain import Guard
from gloveport.recordings.reader import read_sessions


class Model(GenericFakeChatModel):
    """Says one message after the other; keeps what it is asked and which tools it is given."""

    asked: list[list[AnyMessage]] = Field(default_factory=list[list[AnyMessage]])
    given: list[str] = Field(default_factory=list[str])

    def bind_tools(self, tools: list[BaseTool], **kwargs: Any) -> Model:  # type: ignore[override]
        self.given.extend(tool.name for tool in tools)
        return self

    def _generate(self, messages: list[AnyMessage], *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        self.asked.append(list(messages))
        return super()._generate(messages, *args, **kwargs)


def called(name: str, id: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": id, "type": "tool_call"}])


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    with Guard.open(clinic.build(tmp_path)) as opened:
        yield opened


def test_an_agent_answers_and_never_sees_a_real_value(guard: Guard, tmp_path: Path) -> None:
    says = iter(
        [
            called("database_query", "a", database="clinic", sql="SELECT id, email FROM patients ORDER BY id LIMIT 3"),
            called("database_query", "b", database="clinic", sql="SELECT * FROM nowhere"),
            called("nonsense", "c"),
            AIMessage("three"),
        ]
    )
    model = Model(messages=says)
    assert answer("who?", model, guard) == "three"
    assert {"database_schema", "database_query", "file_read"} <= set(model.given)
    told = [message for message in model.asked[-1] if isinstance(message, ToolMessage)]
    assert [(message.tool_call_id, message.status) for message in told] == [
        ("a", "success"), ("b", "error"), ("c", "error")
    ]  # fmt: skip
    rows = json.loads(str(told[0].content))["rows"]
    assert [row[0] for row in rows] == [1, 2, 3]
    assert len({row[1] for row in rows}) == 3
    assert str(told[1].content).startswith("refused (")
    real = (tmp_path / "clinic.db").read_bytes()
    assert not any(row[1].encode() in real for row in rows)
    guard.close()
    sessions = [list(session.events()) for session in read_sessions(tmp_path / "recordings")]
    calls = [sum(event.kind == "call.received" for event in events) for events in sessions]
    assert sorted(calls) == [0, 2], "the tool list is asked for outside of any conversation"
