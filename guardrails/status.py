"""`session_status`: what the caller may know about its own session."""

from __future__ import annotations

from collections.abc import Callable

from ..tools.tool import (
    Access,
    Action,
    Effect,
    JsonObject,
    Plan,
    Planning,
    Running,
    ToolSpec,
    Value,
)

SCHEMA: JsonObject = {"type": "object", "properties": {}, "additionalProperties": False}

SPEC = ToolSpec(
    name="session_status",
    title="Session status",
    description="Who you are here, what was counted in this session, and how masked values may be used.",
    input_schema=SCHEMA,
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

    async def run(self, plan: Plan, running: Running) -> Value:
        return Value(self._current())
