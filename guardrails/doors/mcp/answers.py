"""What the chain says, in the protocol's words: `Release` to a tool result, `ToolSpec` to a listed tool."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import orjson

from ....tools.tool import Effect, JsonObject, JsonValue, ToolSpec
from ...call import Release

WireObject: TypeAlias = dict[str, Any]  # what the SDK takes for a handler's result

META: Final = "dev.gloveport/"
_STATUS: JsonObject = {"enum": ["released", "refused", "failed", "pending"]}
_CALL: JsonObject = {"type": "string"}
_ANNOTATIONS: Final = frozenset({"title", "description", "examples", "deprecated"})


def tool_result(release: Release) -> WireObject:
    """A tool result: the same masked content twice, structured and as one JSON text for clients without structure."""
    content: JsonObject = {
        "status": release.status.value,
        "call": release.call,
        "session": release.session,
        **release.content,
    }
    return {
        "resultType": "complete",
        "content": [{"type": "text", "text": as_text(content)}],
        "structuredContent": content,
        "isError": release.is_error,
        "_meta": {
            f"{META}status": release.status.value,
            f"{META}call": release.call,
            f"{META}session": release.session,
        },
    }


def as_text(content: JsonObject) -> str:
    """Compact JSON, not escaped beyond need: what an agent pays tokens for."""
    return orjson.dumps(content).decode()


def listed(spec: ToolSpec) -> WireObject:
    """A tool as a client sees it."""
    reads_only = spec.effects <= {Effect.READ}
    tool: WireObject = {
        "name": spec.name,
        "description": spec.description,
        "inputSchema": spec.input_schema,
        "annotations": {
            "readOnlyHint": reads_only,
            "destructiveHint": Effect.WRITE in spec.effects,
            "openWorldHint": Effect.SEND in spec.effects,
        },
    }
    if spec.title:
        tool["title"] = spec.title
    if spec.output_schema is not None:
        tool["outputSchema"] = output_schema(spec.output_schema)
    return tool


def output_schema(schema: JsonObject) -> JsonObject:
    """An output schema that every answer meets: a mask may turn a value into a text or drop it, a call may be refused.

    Clients refuse a result that breaks the schema its tool declared, so only the shape is promised; the rest is told
    as description.
    """
    relaxed = _relaxed(schema)
    properties = relaxed.get("properties")
    own = properties if isinstance(properties, dict) else {}
    return {
        "type": "object",
        "properties": {**own, "status": _STATUS, "call": _CALL, "session": _CALL},
        "required": ["status", "call", "session"],
    }


def _relaxed(schema: JsonValue) -> JsonObject:
    if not isinstance(schema, dict):
        return {}
    kept: JsonObject = {key: value for key, value in schema.items() if key in _ANNOTATIONS}
    types = schema.get("type")
    named: list[JsonValue] = [types] if isinstance(types, str) else list(types) if isinstance(types, list) else []
    if named:
        kept["type"] = [*named, *(t for t in ("string", "null") if t not in named)]
    if isinstance(properties := schema.get("properties"), dict):
        kept["properties"] = {name: _relaxed(below) for name, below in properties.items()}
    if isinstance(items := schema.get("items"), dict):
        kept["items"] = _relaxed(items)
    return kept
