"""What a JSON-RPC message must look like before the SDK sees it (JSON-RPC 2.0; RFC 8259; MCP 2025-11-25, basic).

Parsers differ on what RFC 8259 leaves open: duplicate keys, lone surrogates, huge numbers, deep nesting. What is
decided on must be what runs, so all of these are refused here, once, for every transport. An answer to a bad message
never repeats it.
"""

from __future__ import annotations

import json
from typing import Final, NoReturn, TypeAlias, cast

import orjson
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)
from pydantic import ValidationError

Message: TypeAlias = JSONRPCRequest | JSONRPCNotification | JSONRPCResponse | JSONRPCError

MAX_BYTES: Final = 4 << 20  # of one message
MAX_DEPTH: Final = 100  # levels of arrays and objects; arguments may have 64 (guardrails/schema.py)
MAX_ID: Final = 256  # characters of a string id; an integer id fits in 64 bits


class WireError(Exception):
    """A message that is refused. ``id`` is that of the request where it could be read."""

    def __init__(self, code: int, message: str, id: RequestId | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.id = code, message, id

    def answer(self) -> bytes:
        """The JSON-RPC error response."""
        error = {"code": self.code, "message": self.message}
        return orjson.dumps({"jsonrpc": "2.0", "id": self.id, "error": error})


def too_large(limit: int) -> WireError:
    return WireError(INVALID_REQUEST, f"Message larger than {limit} bytes")


def parse(raw: bytes | bytearray) -> Message:
    """One message. Raises `WireError`: -32700 when it is not strict JSON, -32600 when it is no JSON-RPC message."""
    value = _strict_json(raw)
    if not isinstance(value, dict):
        what = "Batches are not supported" if isinstance(value, list) else "A message is a JSON object"
        raise WireError(INVALID_REQUEST, what)
    message = cast("dict[str, object]", value)
    id = _checked_id(message)
    try:
        if "method" in message:
            return (JSONRPCRequest if "id" in message else JSONRPCNotification).model_validate(message, by_name=False)
        return (JSONRPCResponse if "result" in message else JSONRPCError).model_validate(message, by_name=False)
    except ValidationError:
        raise WireError(INVALID_REQUEST, "Not a JSON-RPC 2.0 message", id) from None


def serialize(message: Message) -> bytes:
    """One message as one line without its end."""
    if isinstance(message, JSONRPCResponse):  # the bulk of all traffic: a dict of plain JSON
        body: dict[str, object] = {"jsonrpc": "2.0", "id": message.id, "result": message.result}
        try:
            return orjson.dumps(body)
        except TypeError:  # an integer over 64 bits, half a surrogate pair: legal JSON only when escaped
            return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()


def error_message(id: RequestId | None, code: int, text: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=id, error=ErrorData(code=code, message=text))


def _strict_json(raw: bytes | bytearray) -> object:
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
        if "\\u" in text or "\\U" in text:
            text_is_whole(raw)
    except UnicodeDecodeError:
        raise WireError(PARSE_ERROR, "Parse error: not UTF-8") from None
    except _Duplicate:
        raise WireError(PARSE_ERROR, "Parse error: an object has the same key twice") from None
    except RecursionError:
        raise WireError(PARSE_ERROR, "Parse error: nested too deeply") from None
    except ValueError:  # also an integer of more digits than Python converts
        raise WireError(PARSE_ERROR, "Parse error: not JSON") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise WireError(PARSE_ERROR, "Parse error: nested too deeply")
    return value


def text_is_whole(raw: bytes | bytearray) -> None:
    """Raises ValueError for an escaped half of a surrogate pair, which Python's parser lets pass."""
    orjson.loads(raw)


class _Duplicate(ValueError):
    pass


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Duplicate
    return made


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)


def _deeper_than(value: object, limit: int) -> bool:
    """Level by level, so that no nesting can exhaust the stack."""
    level: list[object] = [value]
    for _ in range(limit + 1):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(cast("dict[str, object]", item).values())
            elif isinstance(item, list):
                below.extend(cast("list[object]", item))
        if not below:
            return False
        level = below
    return True


def _checked_id(message: dict[str, object]) -> RequestId | None:
    """The id of a message, or None where it has none. Raises `WireError` for one that cannot be echoed."""
    if "id" not in message:
        return None
    id = message["id"]
    if isinstance(id, str) and len(id) <= MAX_ID:
        return id
    if isinstance(id, int) and not isinstance(id, bool) and -(2**63) <= id < 2**63:
        return id
    if id is None and "error" in message:  # an error response to a request that could not be read
        return None
    raise WireError(INVALID_REQUEST, f"An id is a string of at most {MAX_ID} characters or a 64-bit integer")
