"""A released result in a terminal: what the agent saw, in short or in full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ....recordings.calls import objects
from ....recordings.plain import cut, plain
from ....tools.tool import JsonObject, JsonValue

ROWS: Final = 5
LINES: Final = 8
CELL: Final = 26  # characters
_MASK: Final = r"\[masked:[a-z0-9_]+\]"


def released(result: JsonObject, *, full: bool) -> Iterator[RenderableType]:
    """The parts of a result, each harmless to print."""
    error = result.get("error")
    if isinstance(error, dict):
        yield Text(plain(str(error.get("message") or "")), style="red")
        if error.get("hint"):
            yield Text(plain(str(error["hint"])), style="dim")
    elif isinstance(result.get("approval"), dict):
        yield Text(plain(str(_object(result["approval"]).get("how") or "")), style="magenta")
    elif isinstance(result.get("rows"), list):
        yield from _rows(result, full)
    elif isinstance(result.get("text"), str):
        yield from _lines(str(result["text"]), full)
    elif isinstance(result.get("entries"), list):
        yield from _entries(result["entries"], full)
    else:
        shown = orjson.dumps(result.get("value", result)).decode()
        yield _marked(plain(shown) if full else cut(plain(shown), LINES * 80))


def _rows(result: JsonObject, full: bool) -> Iterator[RenderableType]:
    rows = [row for row in _list(result.get("rows")) if isinstance(row, list)]
    columns = list(objects(result.get("columns")))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for at, column in enumerate(columns):
        mask = column.get("mask")
        head = Text(plain(str(column.get("name"))))
        if isinstance(mask, dict):
            head.append(
                f"\n{plain(str(mask.get('class')))}·{plain(str(mask.get('transform')))}", style="yellow not bold"
            )
        if full:
            table.add_column(head, overflow="fold")
        else:
            least = _least(column, rows, at)
            table.add_column(head, overflow="ellipsis", no_wrap=True, max_width=CELL, min_width=least)
    for row in rows if full else rows[:ROWS]:
        pairs = zip(row, columns, strict=False)
        table.add_row(*(_cell(cell, masked=isinstance(column.get("mask"), dict)) for cell, column in pairs))
    if rows:
        yield table
    if not rows or (len(rows) > ROWS and not full):
        yield Text("no rows" if not rows else f"… {len(rows)} rows", style="dim")


def _least(column: JsonObject, rows: list[list[JsonValue]], at: int) -> int:
    """The width a column keeps however narrow the window is: short ones stay whole."""
    shown = [str(column.get("name")), *(str(row[at]) for row in rows[:ROWS] if at < len(row))]
    return min(8, max(map(len, shown)))


def _cell(cell: JsonValue, *, masked: bool) -> Text:
    text = "NULL" if cell is None else cell if isinstance(cell, str) else orjson.dumps(cell).decode()
    return Text(plain(text), style="yellow" if masked else "dim" if cell is None else "default")


def _lines(text: str, full: bool) -> Iterator[RenderableType]:
    lines = text.splitlines()
    for line in lines if full else lines[:LINES]:
        yield _marked(plain(line))
    if not full and len(lines) > LINES:
        yield Text(f"… {len(lines)} lines", style="dim")


def _entries(value: JsonValue, full: bool) -> Iterator[RenderableType]:
    entries = list(objects(value))
    for entry in entries if full else entries[:LINES]:
        yield _marked(plain("  ".join(_pair(name, item) for name, item in entry.items() if item not in (None, []))))
    if not entries or (len(entries) > LINES and not full):
        yield Text("no entries" if not entries else f"… {len(entries)} entries", style="dim")


def _pair(name: str, item: JsonValue) -> str:
    if isinstance(item, list):
        names = [part["name"] for part in objects(item) if isinstance(part.get("name"), str)]
        return f"{name}={','.join(map(str, names)) if len(names) == len(item) else len(item)}"
    return f"{name}={item if isinstance(item, str) else orjson.dumps(item).decode()}"


def _marked(text: str) -> Text:
    marked = Text(text)
    marked.highlight_regex(_MASK, "yellow")
    return marked


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
