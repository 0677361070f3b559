"""The values a transcript may hold, and how any other JSON value is brought into them and back.

Value rules of transcript format v1: strings without lone surrogates, booleans, null, integers within ±(2^53 - 1),
arrays and objects; no floats, no NaN. Every JSON parser of every language reads these alike, and for them `canonical`
equals RFC 8785 (JSON Canonicalization Scheme) byte for byte.

What a tool released may break the rules: a float, a 64-bit key, a lone surrogate. `normalise` replaces such a value by
``{"$json": "<its JSON text>"}``; `restore` parses it back, so that a replay gives exactly the JSON that was released.
Keys that begin with ``$`` are reserved for these marks: an object of the caller's that has one is itself written as
text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, cast

import orjson
from pydantic import JsonValue

JsonObject: TypeAlias = dict[str, JsonValue]

MAX_INT: Final = 2**53 - 1
MAX_DEPTH: Final = 64  # what is nested deeper is kept as text; orjson itself stops at 254
TEXT_MARK: Final = "$json"
BLOB_MARK: Final = "$blob"
WITHHELD_MARK: Final = "$withheld"


class Part:
    """Base of the dataclasses that stand for an object in an event; a field that is None is left out."""

    __slots__ = ()

    def as_json(self) -> dict[str, object]:
        """The fields in their order, without those that are None."""
        names = cast("tuple[str, ...]", type(self).__slots__)
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def normalise(value: object) -> JsonValue:
    """``value`` within the value rules; the result shares no mutable state with it.

    Accepts what JSON knows, besides tuples, enumerations of strings or integers, mappings and `Part` objects.

    Raises:
        TypeError: a value JSON does not know. The text names its type, never the value.
        ValueError: nested so deep that it cannot be written.
    """
    return _normalise(value, 0)


def _normalise(value: object, depth: int) -> JsonValue:
    """The hottest function of the recorder: exact types first, short strings inline in `_array` and `_object`."""
    kind = type(value)
    if kind is str:
        return _string(value)  # pyright: ignore[reportArgumentType]
    if value is None or kind is bool:
        return value  # pyright: ignore[reportReturnType]
    if kind is int:
        return value if -MAX_INT <= value <= MAX_INT else _as_text(value)  # pyright: ignore
    if kind is dict:
        return _object(value, depth)  # pyright: ignore[reportArgumentType]
    if kind is list or kind is tuple:
        return _array(value, depth)  # pyright: ignore[reportArgumentType]
    if kind is float:
        return _as_text(value)
    return _unusual(value, depth)


def _unusual(value: object, depth: int) -> JsonValue:
    """Parts of events, subclasses, and what JSON does not know."""
    if isinstance(value, Part):
        return _part(value, depth)
    if isinstance(value, (list, tuple)):
        return _array(cast("list[object]", value), depth)
    if isinstance(value, Mapping):
        return _object(cast("Mapping[object, object]", value), depth)
    if isinstance(value, str):  # an enumeration
        return _string(str.__str__(value))
    if isinstance(value, int):
        return _normalise(int(value), depth)
    if isinstance(value, float):
        return _as_text(float(value))
    raise TypeError(f"a transcript cannot hold a value of type {type(value).__name__}")


def _string(text: str) -> JsonValue:
    return text if text.isascii() or _well_formed(text) else _as_text(text)


def _array(value: Sequence[object], depth: int) -> JsonValue:
    if depth >= MAX_DEPTH:
        return _as_text(value)
    depth += 1
    return [
        item if type(item) is str and item.isascii() else _normalise(item, depth)  # pyright: ignore
        for item in value
    ]


def _object(value: Mapping[object, object], depth: int) -> JsonValue:
    if depth >= MAX_DEPTH:
        return _as_text(value)
    out: JsonObject = {}
    depth += 1
    for key, item in value.items():
        if type(key) is not str:
            if not isinstance(key, str):
                raise TypeError(f"a transcript cannot hold an object whose key is of type {type(key).__name__}")
            key = str.__str__(key)
        if key[:1] == "$" or not (key.isascii() or _ordinary_key(key)):
            return _as_text(value)
        if type(item) is str and item.isascii():
            out[key] = item
        else:
            out[key] = _normalise(item, depth)
    return out


def _part(value: Part, depth: int) -> JsonValue:
    """A part's fields have names of ours; one that stands for a mark (`Withheld`) makes its own object."""
    kind = type(value)
    if kind.as_json is not Part.as_json:
        return {key: _normalise(item, depth + 2) for key, item in value.as_json().items()}
    out: JsonObject = {}
    depth += 1
    for name in kind.__slots__:
        item: object = getattr(value, name)
        if item is not None:
            out[name] = item if type(item) is str and item.isascii() else _normalise(item, depth)
    return out


def _well_formed(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ordinary_key(key: str) -> bool:
    """Within the BMP the order by code point, which orjson uses, is the order by UTF-16 unit, which RFC 8785 asks."""
    return max(key) <= "\uffff" and _well_formed(key)


def _as_text(value: object) -> JsonValue:
    return {TEXT_MARK: _text(value, sort_keys=False)}


def _text(value: object, *, sort_keys: bool) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), default=_plain, sort_keys=sort_keys)
    except RecursionError:
        raise ValueError("a value is nested too deep to be recorded") from None


def _plain(value: object) -> object:
    if isinstance(value, Part):
        return value.as_json()
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"a transcript cannot hold a value of type {type(value).__name__}")


def restore(value: JsonValue) -> JsonValue:
    """The inverse of `normalise`. Marks other than ``$json`` stay as they are."""
    if isinstance(value, dict):
        text = value.get(TEXT_MARK)
        if isinstance(text, str) and len(value) == 1:
            return json.loads(text)
        return {key: restore(item) for key, item in value.items()}
    if isinstance(value, list):
        return [restore(item) for item in value]
    return value


def canonical(value: object) -> bytes:
    """The one byte form of a JSON value, for MACs and digests.

    Within the value rules this is RFC 8785. Outside them it stays deterministic: the value is normalised first, with
    the keys of what becomes text in sorted order, so 1 and 1.0 differ, and no integer is rounded.
    """
    return orjson.dumps(_sorted_text(_normalise(value, 0)), option=orjson.OPT_SORT_KEYS)


def _sorted_text(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        text = value.get(TEXT_MARK)
        if isinstance(text, str) and len(value) == 1:
            return {TEXT_MARK: _text(json.loads(text), sort_keys=True)} if text[:1] in "{[" else value
        return {key: _sorted_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_sorted_text(item) for item in value]
    return value


def dumps(value: JsonValue) -> bytes:
    """A normalised value as JSON, keys in their own order."""
    return orjson.dumps(value)


def exact_json(value: object) -> bytes:
    """Any JSON value as JSON text, as it is: for blobs, which know no value rules."""
    try:
        return orjson.dumps(value, default=_plain)
    except TypeError:  # integers beyond 64 bits, lone surrogates, deep nesting: the standard library writes them
        return _text(value, sort_keys=False).encode()
