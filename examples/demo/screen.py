"""How the demo looks in a terminal."""

from __future__ import annotations

import re
from typing import cast

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ...tools.tool import JsonObject, JsonValue
from .scenes import Scene

MARKS = {"look": ("cyan", "look"), "token": ("green", "token"), "attack": ("red", "attack"), "write": ("blue", "write")}
REDACTED = re.compile(r"\[masked:[a-z0-9_]+\]")
WIDEST_CELL = 34


def opening(out: Console, folder: str) -> None:
    out.print()
    text = Text.assemble(
        ("Gloveport", "bold"),
        " · an agent works in a clinic it never sees\n",
        (f"A real server process, a real MCP client, a database of 400 patients made up in {folder}", "dim"),
    )
    out.print(Panel(text, box=box.ROUNDED, border_style="cyan", padding=(0, 2)))


def scene(out: Console, number: int, step: Scene, milliseconds: float) -> None:
    colour, word = MARKS[step.kind]
    head = Text.assemble(
        (f" {number:>2} ", "dim"),
        (f" {word} ", f"reverse {colour}"),
        "  ",
        (step.title, "bold"),
        (f"  {milliseconds:.0f} ms", "dim"),
    )
    out.print()
    out.print(head)
    out.print(Padding(_asked(step), (0, 0, 0, 5)))
    out.print(Padding(_answered(step.answer), (0, 0, 0, 5)))
    if step.said:
        out.print(Padding(Text(step.said, style="italic"), (0, 0, 0, 5)))
    if not step.holds:
        out.print(Padding(Text("This is not what should happen.", style="bold red"), (0, 0, 0, 5)))


def _asked(step: Scene) -> RenderableType:
    if "sql" in step.arguments:
        return Syntax(str(step.arguments["sql"]), "sql", theme="ansi_dark", background_color="default", word_wrap=True)
    shown = {k: v for k, v in step.arguments.items() if k != "content"}
    return Text(f"{step.tool} " + " ".join(f"{k}={v}" for k, v in shown.items()), style="magenta")


def _answered(answer: JsonObject) -> RenderableType:
    if answer["status"] in ("refused", "failed"):
        error = cast("JsonObject", answer["error"])
        return Text.assemble(
            (f"{answer['status']}: ", "bold red"), str(error["message"]), (f"  {error.get('hint', '')}", "dim")
        )
    if "rows" in answer:
        return _rows(answer)
    if "text" in answer:
        return Panel(_marked(str(answer["text"]).strip()), box=box.MINIMAL, padding=(0, 1), style="default")
    entries = cast("list[JsonObject]", answer.get("entries", []))
    if entries and "columns" in entries[0]:
        return _schema(entries)
    facts = entries[0] if entries else {}
    return Text.assemble(("released  ", "green"), ", ".join(f"{k} {facts[k]}" for k in ("path", "bytes") if k in facts))


def _rows(answer: JsonObject) -> RenderableType:
    columns = cast("list[JsonObject]", answer["columns"])
    rows = cast("list[list[JsonValue]]", answer["rows"])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        mask = cast("JsonObject | None", column["mask"])
        head = Text(str(column["name"]))
        if mask:
            head.append(f"\n{mask['class']}·{mask['transform']}", style="yellow not bold")
        table.add_column(head, overflow="ellipsis", no_wrap=True, max_width=WIDEST_CELL)
    for row in rows[:5]:
        table.add_row(*(_cell(cell, bool(column["mask"])) for cell, column in zip(row, columns, strict=True)))
    if len(rows) <= 5:
        return table
    return Group(table, Text(f"… {len(rows)} rows", style="dim"))


def _cell(cell: JsonValue, masked: bool) -> Text:
    text = "NULL" if cell is None else str(cell)
    return Text(text, style="yellow" if masked else "default")


def _schema(entries: list[JsonObject]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("table")
    table.add_column("columns (masked ones with their class)")
    for entry in entries:
        line = Text()
        for column in cast("list[JsonObject]", entry["columns"]):
            name, known = str(column["name"]), column.get("class")
            line.append(f"{name}·{known} " if known else f"{name} ", style="yellow" if known else "default")
        table.add_row(str(entry["name"]), line)
    return table


def _marked(text: str) -> Text:
    """Masked text with its masks in colour."""
    marked = Text(text)
    marked.highlight_regex(REDACTED, "yellow")
    marked.highlight_regex(r"\S+@\S+\.example\b|\+999\S*(?:[ -]\d+)*", "yellow")
    return marked


def summary(out: Console, facts: list[tuple[str, str]], fine: bool, then: list[str]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in facts:
        table.add_row(name, value)
    body = Group(table, Text(), *(Text(line, style="dim") for line in then))
    colour = "green" if fine else "red"
    out.print()
    out.print(Panel(body, title="what happened" if fine else "something is wrong", border_style=colour, padding=(1, 2)))
