"""Whether a value may be the one that a transcript shows, and how both are put in words without a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import orjson
from pydantic import JsonValue

from ..plain import cut
from ..values import WITHHELD_MARK, JsonObject

_MASK: Final = re.compile(r"\[masked:[a-z0-9_]+\]")
_LONGEST: Final = 160  # characters of a call in a message


def alike(recorded: JsonValue, given: JsonValue) -> bool:
    """Whether a value may be the one that is recorded, as far as the record shows it."""
    if isinstance(recorded, dict):
        mark = recorded.get(WITHHELD_MARK)
        if isinstance(mark, dict) and len(recorded) == 1:
            return _type_and_size(given) == (mark.get("type"), mark.get("size")) and _holds(given, mark.get("tokens"))
        return (
            isinstance(given, dict)
            and recorded.keys() == given.keys()
            and all(alike(value, given[key]) for key, value in recorded.items())
        )
    if isinstance(recorded, list):
        return (
            isinstance(given, list)
            and len(recorded) == len(given)
            and all(alike(one, other) for one, other in zip(recorded, given, strict=True))
        )
    if isinstance(recorded, str) and isinstance(given, str) and _MASK.search(recorded):
        return _around(_MASK.split(recorded), given)
    return type(recorded) is type(given) and recorded == given


def _around(parts: list[str], given: str) -> bool:
    """Whether the parts stand in a text in their order, with something in place of each mask between them."""
    first, *between, last = parts
    if not given.startswith(first):
        return False
    at = len(first)
    for part in between:
        at = given.find(part, at + 1) + len(part)
        if at < len(part):
            return False
    return len(given) - len(last) > at and given.endswith(last)


def _holds(given: JsonValue, tokens: JsonValue) -> bool:
    if not isinstance(tokens, list):
        return True
    return isinstance(given, str) and all(isinstance(token, str) and token in given for token in tokens)


def _type_and_size(value: JsonValue) -> tuple[str, int | None]:
    if isinstance(value, str):
        return "string", len(value)
    if isinstance(value, dict):
        return "object", len(value)
    if isinstance(value, list):
        return "array", len(value)
    return ("number" if isinstance(value, int | float) and not isinstance(value, bool) else "other"), None


def by_size(value: Mapping[str, JsonValue], known: JsonValue = None) -> JsonValue:
    """Arguments that may hold anything, by type and size; what is the same in ``known`` as it is."""
    named = known if isinstance(known, dict) else {}
    out: JsonObject = {}
    for name, item in value.items():
        kind, size = _type_and_size(item)
        mark: JsonObject = {"type": kind} if size is None else {"type": kind, "size": size}
        plain = item is None or isinstance(item, bool) or (name in named and named[name] == item)
        out[name] = item if plain else {WITHHELD_MARK: mark}
    return out


def described_call(tool: str, arguments: JsonValue) -> str:
    """A call in one line: ``database_query(database=clinic, sql=<string of 43>)``."""
    named = arguments if isinstance(arguments, dict) else {}
    return cut(f"{tool}({', '.join(f'{name}={described(value)}' for name, value in named.items())})", _LONGEST)


def described(value: JsonValue) -> str:
    """A recorded argument in one line: a name as it is, data as ``<string of 43>`` with its tokens."""
    if isinstance(value, dict):
        mark = value.get(WITHHELD_MARK)
        if isinstance(mark, dict):
            size = mark.get("size")
            tokens = mark.get("tokens")
            held = f" with {', '.join(map(str, tokens))}" if isinstance(tokens, list) and tokens else ""
            return f"<{mark.get('type')}{'' if size is None else f' of {size}'}{held}>"
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
