"""What a tool of one's own returns, as plain JSON."""

from __future__ import annotations

import math
from typing import Final, cast

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from .tool import ToolFailed

MAX_RESULT_BYTES: Final = 4 << 20
DEEPEST: Final = 64  # levels of lists and objects


def plain(value: object, cap: int = MAX_RESULT_BYTES) -> JsonValue:
    """A result as plain JSON: models, dataclasses, dates and the like become objects and strings.

    Raises `ToolFailed`: ``result-invalid`` for what JSON cannot hold (NaN, numbers over 64 bits, half characters,
    circles, deep nesting), ``result-too-large`` above ``cap`` bytes.
    """
    try:
        converted = to_jsonable_python(value)
        _check_plain(converted, cap)
    except (ValueError, TypeError, RecursionError):
        raise ToolFailed("result-invalid", "The tool's result is no plain data.", "Tell the operator.") from None
    return cast("JsonValue", converted)


def _check_plain(value: object, cap: int) -> None:
    """Raises `ValueError`, `ToolFailed`. Level by level, so that no nesting can exhaust the stack."""
    level: list[object] = [value]
    size = 0
    for _ in range(DEEPEST):
        if not level:
            return
        below: list[object] = []
        for one in level:
            size += 2
            match one:
                case str():
                    size += len(one.encode())
                case bool() | None:
                    pass
                case int():
                    if not -(2**63) <= one < 2**64:
                        raise ValueError
                case float():
                    if not math.isfinite(one):
                        raise ValueError
                case list():
                    below += cast("list[object]", one)
                case dict():
                    for key, item in cast("dict[str, object]", one).items():
                        size += len(key.encode())
                        below.append(item)
                case _:
                    raise TypeError
            if size > cap:
                raise ToolFailed("result-too-large", f"The tool's result is over {cap} bytes.", "Ask for less.")
        level = below
    if level:
        raise ValueError
