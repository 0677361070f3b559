"""A LangChain agent that works on a database through Gloveport.

    python langchain_agent.py MODEL "How many patients live in Ashford?"

MODEL is a name as LangChain's `init_chat_model` takes it; that needs ``langchain`` and the package of the provider. The
agent itself needs langchain-core only: a loop that hands the model's calls to the guarded tools, and their answers back
to the model.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any
from uuid import uuid4

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool

from gloveport.guardrails.doors.langchain import Guard

RULES = """You work on a database through tools. Values you see may be tokens that stand for personal data: use them as
they are, also in your next query (WHERE email = 'token'). A refusal says what would be allowed; mend the call."""
MOST_TURNS = 12


def answer(question: str, model: BaseChatModel, guard: Guard, own: Sequence[BaseTool] = ()) -> str:
    """The model's answer. ``own`` are tools of yours; guard them with ``guard.tool`` first."""
    tools = {tool.name: tool for tool in (*guard.tools(), *own)}
    caller = model.bind_tools(list(tools.values()))
    config: RunnableConfig = {
        "configurable": {"thread_id": uuid4().hex},  # names the session in the transcript
        "callbacks": [guard.callback],  # tells the transcript which model calls
        "metadata": {"agent_name": "langchain-example"},
    }
    config["metadata"]["thread_id"] = config["configurable"]["thread_id"]
    history: list[AnyMessage] = [SystemMessage(RULES), HumanMessage(question)]
    for _ in range(MOST_TURNS):
        said = caller.invoke(history, config)
        assert isinstance(said, AIMessage)
        history.append(said)
        if not said.tool_calls:
            return str(said.text)
        for call in said.tool_calls:
            history.append(_called(tools, dict(call), config))
    return "I could not find the answer within my number of turns."


def _called(tools: dict[str, BaseTool], call: dict[str, Any], config: RunnableConfig) -> ToolMessage:
    tool = tools.get(call["name"])
    if tool is None:
        return ToolMessage("There is no such tool.", tool_call_id=call["id"], status="error")
    message: ToolMessage = tool.invoke({**call, "type": "tool_call"}, config)
    return message


def main(model: str, question: str) -> None:
    chat_models = import_module("langchain.chat_models")
    with Guard.open() as guard:
        print(answer(question, chat_models.init_chat_model(model), guard))


if __name__ == "__main__":
    main(*sys.argv[1:3])
