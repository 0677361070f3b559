"""Tokens in what an agent writes: finding them, and putting real values in their place where policy clears it.

A value that was cleared for a file of CSV or JSON is written so that the file stays well-formed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..tool import UNKNOWN, Place, Planning, Slot, ToolRefused
from .names import parse_path

_CSV_DELIMITERS: Final = {".csv": ",;", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
_JSON: Final = frozenset({".json", ".geojson", ".jsonl", ".ndjson"})


@dataclass(frozen=True, slots=True)
class Tokened:
    """A text of the agent's and where tokens stand in it: (start, end, number of the slot)."""

    text: str
    spans: tuple[tuple[int, int, int], ...] = ()
    slots: tuple[Slot, ...] = ()


def find_slots(text: str, place: Place, target: str, planning: Planning) -> Tokened:
    """One slot for each distinct token, however often it stands there."""
    numbers: dict[str, int] = {}
    spans: list[tuple[int, int, int]] = []
    for span in planning.find_tokens(text):
        token = text[span.start : span.end]
        spans.append((span.start, span.end, numbers.setdefault(token, len(numbers))))
    slots = tuple(Slot(token, place, target) for token in numbers)
    return Tokened(text, tuple(sorted(spans)), slots)


def cleared(tokened: Tokened, values: Sequence[object]) -> dict[int, str]:
    """The slots whose real value may be used, with that value. Kept tokens and unknown ones are not among them."""
    return {
        number: str(value)
        for number, (slot, value) in enumerate(zip(tokened.slots, values, strict=True))
        if value is not UNKNOWN and value != slot.token
    }


def asked_path(path: str, target: str, planning: Planning) -> tuple[Tokened, tuple[str, ...]]:
    """A path as the agent wrote it, with its tokens, and the names it spells. Raises `ToolRefused`."""
    names = parse_path(path)
    return find_slots(path, Place.NAME, target, planning), names


def possible_paths(path: Tokened, names: tuple[str, ...], values: Sequence[object]) -> list[tuple[str, ...]]:
    """The names a path may mean on disk, likeliest first: with real values in it, then as it was written.

    A value is put into its own name and nowhere else: one that would add a folder or climb out spells no path.
    """
    real = cleared(path, values)
    if not real:
        return [names]
    parts = [(start, end, real[slot]) for start, end, slot in path.spans if slot in real]
    try:
        restored = parse_path(_replaced(path.text, parts))
    except ToolRefused:
        return [names]
    return [restored, names] if len(restored) == len(names) else [names]


def fill(content: Tokened, values: Sequence[object], suffix: str) -> tuple[str, int]:
    """The content with cleared values in place of their tokens, and how many distinct tokens were replaced."""
    real = cleared(content, values)
    if not real:
        return content.text, 0
    delimiters = _CSV_DELIMITERS.get(suffix)
    parts: list[tuple[int, int, str]] = []
    quoted = False
    at = 0
    for start, end, slot in content.spans:
        # A doubled quote toggles twice, so counting quotes is enough (RFC 4180, 2.7).
        quoted ^= content.text.count('"', at, start) % 2 == 1
        at = start
        if slot not in real:
            continue
        value = real[slot]
        if suffix in _JSON:
            value = json.dumps(value, ensure_ascii=False)[1:-1]
        elif delimiters is not None and quoted:
            value = value.replace('"', '""')
        elif delimiters is not None:
            value = _field(content.text, start, end, value, delimiters)
        parts.append((start, end, value))
    return _replaced(content.text, parts), len(real)


def _field(text: str, start: int, end: int, value: str, delimiters: str) -> str:
    """A value in an unquoted CSV field: quoted if it must be. Raises `ToolRefused` where the field holds more."""
    if not any(c in value for c in f'{delimiters}"\r\n'):
        return value
    edges = f"{delimiters}\r\n"
    if (start > 0 and text[start - 1] not in edges) or (end < len(text) and text[end] not in edges):
        raise ToolRefused(
            "content-invalid", "A token inside an unquoted CSV field cannot be restored.", "Quote the field."
        )
    return '"' + value.replace('"', '""') + '"'


def _replaced(text: str, parts: Sequence[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    at = 0
    for start, end, value in parts:
        pieces += (text[at:start], value)
        at = end
    return "".join((*pieces, text[at:]))
