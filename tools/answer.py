"""The shape of every answer, as JSON Schema: one place, so that all tools keep the same contract."""

from __future__ import annotations

from typing import Final

from .tool import JsonObject

STRING: Final[JsonObject] = {"type": "string"}
INTEGER: Final[JsonObject] = {"type": "integer"}
BOOLEAN: Final[JsonObject] = {"type": "boolean"}
OBJECT: Final[JsonObject] = {"type": "object"}
_MASKED: Final[JsonObject] = {
    "type": "array",
    "items": {"type": "object", "properties": {"class": STRING, "count": INTEGER}, "required": ["class", "count"]},
}
_ERROR: Final[JsonObject] = {
    "type": "object",
    "properties": {"code": STRING, "message": STRING, "hint": STRING},
    "required": ["code", "message"],
}


def answer_schema(payload: JsonObject) -> JsonObject:
    """What a call may answer: ``payload`` and ``masked`` when released, else ``error`` or ``approval``."""
    properties: JsonObject = {
        "status": {"type": "string", "enum": ["released", "refused", "failed", "pending"]},
        "call": STRING,
        "session": STRING,
        **payload,
        "masked": _MASKED,
        "error": _ERROR,
        "approval": OBJECT,
    }
    return {"type": "object", "properties": properties, "required": ["status", "call", "session"]}
