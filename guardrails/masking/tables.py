"""Tables: plan the mask per column, transform each masked column as one vector, scan only what is left of text."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType
from typing import Final, cast

import orjson

from ...tools.tool import ColumnRules, JsonObject, JsonValue, Mask, OutputColumn, OutputForm, Table
from .classes import FREE_TEXT
from .content import Found, Places
from .duties import ColumnMask, Duties, column_mask
from .origins import dates_in

SAFE_INTEGER: Final = 2**53 - 1
_OPENING: Final = frozenset("[{(")  # of an array or a row, as text
_PLAIN: Final = frozenset({str, bool, NoneType})
_NUMBERS: Final = frozenset({int, float, NoneType})
_TEXTLESS: Final = frozenset({int, float, bool, NoneType})
_TIMES: Final = frozenset({dt.datetime, dt.date, dt.time, NoneType})
_CLEAR: Final = frozenset({dt.datetime, dt.date, dt.time, dt.timedelta, uuid.UUID, NoneType})


@dataclass(frozen=True, slots=True)
class MaskedTable:
    payload: JsonObject
    columns: tuple[tuple[str, ColumnMask, int], ...]


def mask_table(table: Table, rules: Mapping[str, ColumnRules], duties: Duties, content: Found) -> MaskedTable:
    """Mask every column of a table. Raises ValueError when a row is not as wide as the plan said."""
    width = len(table.columns)
    if not {width}.issuperset(map(len, table.rows)):
        raise ValueError("a row is not as wide as its plan")
    vectors: list[Sequence[object]] = list(zip(*table.rows, strict=True)) or [()] * width
    plans = [column_mask(column, rules, duties) for column in table.columns]
    sources = [tuple(sorted(map(str, column.sources))) for column in table.columns]
    dated = [i for i, plan in enumerate(plans) if plan.mask is Mask.SHIFT]
    content.look_up(_asked(table, sources, dated))
    for i in dated:
        if content.redated(sources[i]):
            plans[i] = replace(plans[i], mask=Mask.REDACT, reason=f"{plans[i].reason}, until an agent changed some")
    released: list[list[JsonValue]] = [[] for _ in plans]
    counts = [0] * width
    scanned: list[int] = []
    for i, (plan, column) in enumerate(zip(plans, table.columns, strict=True)):
        if plan.class_name is None or (plan.scan and plan.class_name == FREE_TEXT):
            released[i] = without_vectors(plain_column(vectors[i]))
            if plan.scan and not _TEXTLESS.issuperset(map(type, released[i])) and not _speaks_for_itself(vectors[i]):
                scanned.append(i)
        elif plan.mask is Mask.SHIFT and column.subject is not None:
            masked = content.dates(plan, vectors[i], vectors[column.subject], sources[column.subject])
            released[i], counts[i] = plain_column(masked), len(masked) - masked.count(None)
        elif column.form is OutputForm.IDENTITY:
            released[i], counts[i] = _transformed(plan, sources[i], vectors[i], content)
        else:  # computed: nothing of it shows, not even which cells are NULL
            released[i], counts[i] = [_redacted(plan)] * len(vectors[i]), len(vectors[i])
    found = _scan(table, plans, sources, released, scanned, content)
    for i, count in found.items():
        counts[i] += count
    rows: list[JsonValue] = [list(row) for row in zip(*released, strict=True)] if table.rows else []
    if table.sort_rows:
        rows.sort(key=orjson.dumps)
    columns = [_described(c, p, found.get(i, 0)) for i, (c, p) in enumerate(zip(table.columns, plans, strict=True))]
    payload: JsonObject = {"columns": columns, "rows": rows, "row_count": len(rows), "truncated": table.truncated}
    return MaskedTable(payload, tuple((c.name, p, n) for c, p, n in zip(table.columns, plans, counts, strict=True)))


def _asked(table: Table, sources: Sequence[Places], dated: Sequence[int]) -> set[str]:
    """The places where values are from, and those where it is noted what became of shifted dates."""
    places = {place for places in sources for place in places}
    for i in dated:
        whose = table.columns[i].subject
        assert whose is not None
        places.update(map(dates_in, (*sources[i], *sources[whose])))
    return places


def _transformed(
    plan: ColumnMask, places: Places, cells: Sequence[object], content: Found
) -> tuple[list[JsonValue], int]:
    assert plan.class_name is not None
    masked = content.column(plan.class_name, plan.mask, cells, places, nulls_secret=plan.nulls_secret)
    return plain_column(masked), len(cells) - cells.count(None)


def _redacted(plan: ColumnMask) -> JsonValue:
    return None if plan.mask is Mask.DROP else f"[masked:{plan.class_name}]"


def _scan(
    table: Table,
    plans: Sequence[ColumnMask],
    sources: Sequence[Places],
    released: list[list[JsonValue]],
    which: Sequence[int],
    content: Found,
) -> dict[int, int]:
    """Look through all text of open and free-text columns at once; returns how many cells changed per column."""
    changed: dict[int, int] = {}
    for free, redact in ((False, False), (False, True), (True, False)):
        # What a query composed may hold the caller's own words: found there, a value is redacted, never tokenised.
        some = [
            i
            for i in which
            if (plans[i].class_name == FREE_TEXT) == free
            and (table.columns[i].form is not OutputForm.IDENTITY and not free) == redact
        ]
        if not some:
            continue
        distinct = {i: [cell for cell in dict.fromkeys(released[i]) if isinstance(cell, str)] for i in some}
        names = {i: table.columns[i].name for i in distinct}
        alike = {} if free or redact else distinct
        whole = {i: content.uniform(column, names[i], sources[i]) for i, column in alike.items()}
        left = {i: column for i, column in distinct.items() if whole.get(i) is None}
        texts = [text for column in left.values() for text in column]
        keys = [names[i] for i, column in left.items() for _ in column]
        places = [sources[i] for i, column in left.items() for _ in column]
        masked = iter(content.cells(texts, keys, free=free, redact=redact, places=places))
        for i, column in distinct.items():
            after = whole.get(i) or [next(masked) for _ in column]
            new = {text: mask for text, mask in zip(column, after, strict=True) if mask != text}
            if new:
                changed[i] = sum(isinstance(cell, str) and cell in new for cell in released[i])
                released[i] = [new.get(cell, cell) if isinstance(cell, str) else cell for cell in released[i]]
    return changed


def _described(column: OutputColumn, plan: ColumnMask, found: int) -> JsonValue:
    mask: JsonObject | None = None
    if plan.class_name is not None:
        mask = {"class": plan.class_name, "transform": str(plan.mask), "reason": plan.reason}
    elif found:
        mask = {"class": "mixed", "transform": "content", "reason": f"found in the text of {found} cells"}
    return {"name": column.name, "type": column.type, "mask": mask}


def _speaks_for_itself(cells: Sequence[object]) -> bool:
    """Points in time and UUIDs are what their type says, whatever digits they have: not looked through."""
    return set(map(type, cells)) <= _CLEAR


def plain_column(cells: Sequence[object]) -> list[JsonValue]:
    """`plain` for a column."""
    types = set(map(type, cells))
    if types <= _PLAIN:
        return cast("list[JsonValue]", list(cells))
    if types <= _NUMBERS and _are_safe(cast("Sequence[float | None]", cells)):
        return cast("list[JsonValue]", list(cells))
    if types <= _TIMES:
        return [
            None if cell is None else cell.isoformat() for cell in cast("Sequence[dt.date | dt.time | None]", cells)
        ]
    return [plain(cell) for cell in cells]


def _are_safe(cells: Sequence[float | None]) -> bool:
    """Whether every number leaves as it is; False where that takes a look at each."""
    numbers = [cell for cell in cells if cell is not None] if None in cells else cast("Sequence[float]", cells)
    # a NaN hides from min and max, the sum shows it; a sum that overflows is looked at
    return not numbers or (
        min(numbers) >= -SAFE_INTEGER and max(numbers) <= SAFE_INTEGER and math.isfinite(sum(numbers))
    )


def without_vectors(cells: list[JsonValue]) -> list[JsonValue]:
    """An embedding tells what its text told: wherever one turns up, it does not leave."""
    if _TEXTLESS.issuperset(map(type, cells)):
        return cells
    suspects = [c for c in dict.fromkeys(cells) if isinstance(c, str) and c[:1] in _OPENING and len(c) > 16]
    if not suspects:
        return cells
    from .vectors import as_vector

    vectors = {cell for cell in suspects if as_vector(cell) is not None}
    return ["[masked:embedding]" if isinstance(c, str) and c in vectors else c for c in cells]


def plain(cell: object) -> JsonValue:
    """A database cell as JSON that every client reads alike: no integers beyond 2^53, no NaN, no bytes."""
    match cell:
        case None | bool() | str():
            return cell
        case int():
            return cell if -SAFE_INTEGER <= cell <= SAFE_INTEGER else str(cell)
        case float():
            return cell if math.isfinite(cell) else str(cell)
        case decimal.Decimal() | uuid.UUID():
            return str(cell)
        case dt.datetime() | dt.date() | dt.time():
            return cell.isoformat()
        case dt.timedelta():
            return str(cell)
        case bytes() | bytearray():
            return f"[binary:{len(cell)}]"
        case list() | tuple() | dict():  # arrays and documents leave as JSON text, and are looked through as text
            return _as_json(cast("object", cell))
        case _:
            return str(cell)


def _as_json(cell: object) -> str:
    try:
        return orjson.dumps(cell, default=plain, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # a number beyond 64 bits, half a surrogate pair: nothing that orjson writes
        return json.dumps(_tree(cell), ensure_ascii=False)


def _tree(value: object) -> JsonValue:
    match value:
        case dict():
            return {str(key): _tree(item) for key, item in cast("dict[object, object]", value).items()}
        case list() | tuple():
            return [_tree(item) for item in cast("Sequence[object]", value)]
        case _:
            return plain(value)
