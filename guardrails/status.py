"""`session_status`: what the caller may know about its own session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..tools.answer import OBJECT, answer_schema
from ..tools.tool import Access, Action, Effect, Entries, JsonObject, Plan, Planning, Running, ToolSpec

SCHEMA: JsonObject = {"type": "object", "properties": {}, "additionalProperties": False}
HOW_TO_USE_TOKENS: Final = (
    "Equal values have equal tokens. Use a token as column = 'token' or column IN ('token', ...), in values you write, "
    "in file paths that hold it, and to match rows of your own. [masked:CLASS] stands for a value you cannot use."
)

# Names of people and programs, which callers may have chosen: looked through for values with a form of their own.
_CHOSEN: Final = frozenset({"human", "agent", "model", "purpose", "principal"})

SPEC = ToolSpec(
    name="session_status",
    title="Session status",
    description="Who you are here, what was counted in this session, and how masked values may be used.",
    input_schema=SCHEMA,
    output_schema=answer_schema({"entries": {"type": "array", "items": OBJECT}}),
    effects=frozenset({Effect.READ}),
    actions=frozenset({Action.SESSION_STATUS}),
)


class SessionStatus:
    """A tool whose data is the session itself; the chain provides it."""

    def __init__(self, current: Callable[[], JsonObject]) -> None:
        self._current = current

    @property
    def spec(self) -> ToolSpec:
        return SPEC

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        access = Access(Action.SESSION_STATUS, "session", "session")
        return Plan(accesses=(access,), effects=SPEC.effects)

    async def run(self, plan: Plan, running: Running) -> Entries:
        return Entries([{**self._current(), "tokens": HOW_TO_USE_TOKENS}], scanned=_CHOSEN)
