"""Tokens in the JSON arguments of a tool: where they stand, and real values in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from .tool import UNKNOWN, JsonValue, Planning, Slot, ToolRefused

# Of one string or number: (start, end, number of the slot) of each token in it.
Spans: TypeAlias = tuple[tuple[int, int, int], ...]


def find_tokens(
    value: JsonValue, argument: str, planning: Planning, tokens: dict[tuple[str, str], int]
) -> Iterator[Spans]:
    """Where tokens stand in each string and number of a value, in the order of a walk through it."""
    match value:
        case str():
            found = [(span.start, span.end) for span in planning.find_tokens(value)]
            if not found and value and planning.token_class(value) is not None:
                found = [(0, len(value))]
            yield tuple((start, end, _number(tokens, argument, value[start:end])) for start, end in sorted(found))
        case bool() | None:
            return
        case int():
            is_token = planning.token_class(value) is not None
            yield ((0, -1, _number(tokens, argument, str(value))),) if is_token else ()
        case list():
            for item in value:
                yield from find_tokens(item, argument, planning, tokens)
        case dict():
            for item in value.values():
                yield from find_tokens(item, argument, planning, tokens)
        case _:
            return


def _number(tokens: dict[tuple[str, str], int], argument: str, token: str) -> int:
    return tokens.setdefault((argument, token), len(tokens))


def real_values(slots: Sequence[Slot], values: Sequence[object]) -> list[object]:
    """The real values. Raises `ToolRefused` where there is none: a tool that sends must not send to a made-up value."""
    for slot, value in zip(slots, values, strict=True):
        if value is UNKNOWN:
            hint = "Use a token exactly as it was given to you."
            raise ToolRefused(
                "unknown-token", f"{slot.token!r} stands for nothing known here.", hint, place=slot.target
            )
        if value == slot.token:
            message = f"Policy puts no real values into {slot.target}, and without them the tool cannot run."
            hint = "Ask for a policy that clears it, or leave the token out."
            raise ToolRefused("restore-not-cleared", message, hint, place=slot.target)
    return list(values)


def filled(value: JsonValue, spans: Iterator[Spans], real: Sequence[object]) -> JsonValue:
    """A value with real values in place of its tokens; the same walk as `find_tokens`."""
    match value:
        case str():
            pieces: list[str] = []
            at = 0
            for start, end, number in next(spans):
                pieces += (value[at:start], str(real[number]))
                at = end
            return "".join((*pieces, value[at:]))
        case bool() | None:
            return value
        case int():
            found = next(spans)
            return value if not found else _number_of(real[found[0][2]])
        case list():
            return [filled(item, spans, real) for item in value]
        case dict():
            return {key: filled(item, spans, real) for key, item in value.items()}
        case _:
            return value


def _number_of(value: object) -> JsonValue:
    """A real value for a place that held a number; as it is where it is none, for the argument's type to refuse."""
    if isinstance(value, (int, float)):
        return value
    text = str(value)
    return int(text) if text.removeprefix("-").isdecimal() else text
