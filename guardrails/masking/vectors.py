"""Embeddings: recognising a vector of numbers, whatever a database keeps it in.

Vectors of a text can be turned back into the text (Vec2Text, GEIA and others), noise ruins the search before it
protects anybody, and a secret rotation falls to a few hundred known pairs. So a vector never leaves: its column has
the class ``embedding``, and `database_search` asks questions of it on the trusted side instead.
"""

from __future__ import annotations

import re
from typing import Final, cast

import numpy as np
import orjson

SHORTEST: Final = 8  # numbers; a pair of coordinates and a colour are no embedding
_LONGEST_FLAGS: Final = 64  # bits of a column of flags; a longer string of bits is a quantised vector
_PGVECTOR: Final = r"(?:half|sparse)?vec(?:tor)?\b"
_TYPE: Final = re.compile(
    rf"{_PGVECTOR}.*|float_?vector.*|embeddings?(?:\(\d+\))?"
    r"|(?:real|float(?:4|8|16|32|64)?|double(?: precision)?|half_?float)\s*(?:\(\d+\))?\s*(?:\[\d*\])+"
    r"|array<\s*(?:float|double|real)\s*>|array\((?:float|double|real).*\)",
    re.IGNORECASE,
)
_FIELDS: Final = re.compile(rf"(?!enum|set)[^(]+\(.*\w\"? (?:\w+\.)?{_PGVECTOR}.*\).*", re.IGNORECASE)  # of a row type
_BITS: Final = re.compile(r"(?:var)?bit(?: varying)?\((\d+)\).*", re.IGNORECASE)
_SCHEMA: Final = re.compile(r'(?:"(?:[^"]|"")+"|[\w$]+)\.(?=\S)')
_SPARSE: Final = re.compile(r"\{(\d+:[-+.\deE]+(?:,\d+:[-+.\deE]+)*)\}/(\d+)")
_INSIDE: Final = re.compile(r"\[[-+.\deE, ]+\]")


def without_schema(declared: str) -> str:
    """A declared type without the schema it lies in: an extension's types may lie in any."""
    written = declared.strip()
    schema = _SCHEMA.match(written)
    return written[schema.end() :] if schema else written


def is_vector_type(declared: str) -> bool:
    """Whether a declared type holds vectors: pgvector's types, also in a row type, more bits than flags have, arrays of
    fractions, ``FLOAT[384]``, ``VECTOR(384)``."""
    written = without_schema(declared)
    bits = _BITS.fullmatch(written)
    if bits is not None:
        return int(bits[1]) > _LONGEST_FLAGS
    return _TYPE.fullmatch(written) is not None or _FIELDS.fullmatch(written) is not None


def as_vector(value: object) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """The numbers of a vector of at least eight: a list, a float32 or float64 blob, a JSON array, pgvector's text,
    also inside a row or an array as PostgreSQL writes them."""
    match value:
        case list() | tuple():
            return _listed(list(cast("list[object]", value)))
        case bytes() | bytearray() | memoryview():
            return _blob(bytes(cast("bytes", value)))
        case str():
            return _written(value)
        case np.ndarray():
            return _listed(cast("list[object]", value.tolist()))
        case _:
            return None


def holds_vector(value: object, depth: int = 4) -> bool:
    """Whether a JSON document, parsed or as text, has a vector somewhere in it."""
    if isinstance(value, str):
        if value[:1] not in ("{", "["):
            return False
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return False
    match value:
        case list():
            items = cast("list[object]", value)
            if as_vector(items) is not None:
                return True
        case dict():
            items = list(cast("dict[str, object]", value).values())
        case _:
            return False
    return depth > 0 and any(holds_vector(item, depth - 1) for item in items if not isinstance(item, str))


def _listed(items: list[object]) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    if len(items) < SHORTEST or not all(type(item) in (int, float) for item in items):
        return None
    if not any(isinstance(item, float) for item in items):
        return None  # whole numbers: a list of keys or counts
    return np.array(items, np.float64)


def _written(text: str) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    text = text.strip()
    if len(text) < 2 * SHORTEST:
        return None
    if text[0] == "(" or (text[:2] == '{"' and text[2] in "[({"):  # a row, or an array of vectors or of rows
        return next((found for inner in _INSIDE.findall(text) if (found := _written(inner)) is not None), None)
    if text[0] not in "[{" or text[1] not in "-+.0123456789 ":
        return None
    sparse = _SPARSE.fullmatch(text)
    if sparse is not None:
        return _sparse(sparse[1], int(sparse[2]))
    try:
        items: object = orjson.loads("[" + text[1:-1] + "]")
    except orjson.JSONDecodeError:
        return None
    return _listed(cast("list[object]", items))


def _sparse(pairs: str, length: int) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """The numbers that pgvector's ``sparsevec`` writes, ``{1:0.5,7:-2}/30000``: those that are not zero."""
    if length < SHORTEST:
        return None
    try:
        return np.array([float(pair.partition(":")[2]) for pair in pairs.split(",")], np.float64)
    except ValueError:
        return None


def _blob(data: bytes) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """A blob whose bytes, read as float32 or float64, are numbers an embedding would hold.

    Read as float32, one random group of four bytes in ten has such a size: a blob of other data does not pass.
    """
    for width, kind in ((4, "<f4"), (8, "<f8")):
        if len(data) % width or len(data) < width * SHORTEST:
            continue
        numbers = np.frombuffer(data, kind)
        with np.errstate(invalid="ignore", over="ignore"):
            size = np.abs(numbers)
            usual = np.isfinite(numbers) & ((size == 0) | ((size > 1e-7) & (size < 1e3)))
        if usual.mean() >= 0.98 and (size > 0).mean() > 0.3 and (numbers != np.rint(numbers)).mean() > 0.3:
            return numbers.astype(np.float64)
    return None
