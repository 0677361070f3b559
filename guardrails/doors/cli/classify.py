"""`gloveport classify`: what every column holds, with evidence, for a person to review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .common import ConfigOption, JsonOption, UserError, configuration, console, logging, print_json

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from ....tools.database.catalog import Catalog
    from ...config import DatabaseConfig
    from ...masking.classify import ColumnFinding
    from ...masking.columns import Found, Kept, Source


def classify(
    database: Annotated[str, typer.Argument(help="The database's name in the configuration.")],
    config: ConfigOption = None,
    table: Annotated[list[str] | None, typer.Option("--table", "-t", help="Only this table; may be repeated.")] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Keep the result: from now on every column counts as looked at.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the classes into the configuration file.")] = False,
    json: JsonOption = False,
) -> None:
    """Say what every column of a database holds, and why.

    Nothing changes without --accept (kept in the state folder; running servers see it at their next call) or --write
    (the configuration file, which always wins over what is kept).
    """
    import anyio

    logging()
    path, settings = configuration(config)
    if database not in settings.databases:
        known = ", ".join(sorted(settings.databases)) or "none"
        raise UserError(f"{database}: no such database in {path}; known: {known}")
    review = anyio.run(_reviewed, settings.databases[database], database, settings.state, accept, json)
    wanted = _wanted(review, table or ())
    if json:
        print_json(_as_json(database, wanted, review))
    else:
        _show(database, wanted, review)
    if write:
        _written(path, database, review)
    elif not json:
        _block(database, wanted)
    if accept:
        typer.echo(f"{database}: {len(review.rows)} columns are kept as looked at", err=True)


@dataclass(frozen=True, slots=True)
class _Row:
    """One column as reviewed: what was found, and what holds for it now."""

    table: str
    column: str
    type: str
    finding: ColumnFinding
    holds: str
    guessed: bool  # open only because no class fits

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"

    @property
    def mask(self) -> str:
        """How values leave; empty when the column is open."""
        from ...masking.classes import data_class

        if self.finding.class_name is None:
            return ""
        return str(self.finding.mask or data_class(self.finding.class_name).mask)


@dataclass(frozen=True, slots=True)
class _Review:
    rows: Sequence[_Row]
    unknown: Sequence[str]  # columns of the configuration that do not exist
    unsure_closed: bool  # what is open only because no class fits stays closed


async def _reviewed(config: DatabaseConfig, name: str, state: Path, accept: bool, quiet: bool) -> _Review:
    """Classify on an open database. Raises `UserError`."""
    from ....tools.database.source import Database, DatabaseError
    from ....tools.tool import ToolFailed
    from ...house import database_settings, declared_columns
    from ...masking.columns import ClassificationError, ColumnClasses, unknown_columns

    try:
        source = Database(database_settings(name, config))
        try:
            await source.start()
            catalog = await source.catalog()
            found = await _with_progress(source, catalog, quiet)
        finally:
            await source.close()
        declared = declared_columns(config)
        classes = ColumnClasses({name: source}, {name: declared}, state)
        kept = await classes.kept(name)
        if accept:
            await classes.accept(name, found)
    except (DatabaseError, ClassificationError) as error:
        raise UserError(str(error)) from None
    except ToolFailed as failed:
        raise UserError(f"databases.{name}: {failed.message} {failed.hint}".rstrip()) from None
    types = {f"{table}.{c.name}": (table, c.name, c.type) for table, r in catalog.relations.items() for c in r.columns}
    rows = [
        _Row(*types[f.name], f.finding, _holds(f, config, kept), f.kept.guessed)
        for f in found
        if catalog.is_open(types[f.name][0])
    ]
    return _Review(rows, unknown_columns(catalog, declared), declared.unsure_closed)


async def _with_progress(source: Source, catalog: Catalog, quiet: bool) -> list[Found]:
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from ...masking.columns import findings

    out = console(stderr=True)
    if quiet or not out.is_terminal:
        return await findings(source, catalog)
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=out, transient=True) as progress:
        task = progress.add_task("reading samples")

        async def show(table: str) -> None:
            progress.update(task, description=f"reading a sample of {table}")

        return await findings(source, catalog, show)


def _holds(found: Found, config: DatabaseConfig, kept: Mapping[str, Kept] | None) -> str:
    """What decides on the column today: configuration, the kept classification, or nothing yet."""
    if found.name in config.classes or found.name in config.open:
        return "config"
    if kept is None:
        return "first look"
    if (before := kept.get(found.name)) is None:
        return "new"
    return "kept" if before.class_name == found.finding.class_name else f"kept as {before.class_name or 'open'}"


def _wanted(review: _Review, tables: Sequence[str]) -> Sequence[_Row]:
    known = {row.table for row in review.rows}
    for table in tables:
        if table not in known:
            raise UserError(f"{table}: no such open table; known: {', '.join(sorted(known))}")
    return [row for row in review.rows if not tables or row.table in tables]


def _as_json(database: str, rows: Sequence[_Row], review: _Review) -> dict[str, object]:
    tables: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        finding = row.finding
        tables.setdefault(row.table, []).append(
            {
                "name": row.column,
                "type": row.type,
                "class": finding.class_name,
                "mask": row.mask or None,
                "sure": round(finding.sure, 2),
                "quasi": finding.quasi,
                "holds": row.holds,
                "evidence": list(finding.evidence),
            }
        )
    return {
        "database": database,
        "tables": [{"name": name, "columns": columns} for name, columns in tables.items()],
        "unknown": list(review.unknown),
    }


_LEAVES: Final = {"generalise": "coarser", "last4": "last four", "drop": "nothing", "": "itself"}


def _show(database: str, rows: Sequence[_Row], review: _Review) -> None:
    from rich.markup import escape

    out = console()
    tables: dict[str, list[_Row]] = {}
    for row in rows:
        tables.setdefault(row.table, []).append(row)
    for name, columns in tables.items():
        out.print(_table(f"{escape(database)}.{escape(name)}", columns))
        out.print()
    classed = sum(row.finding.class_name is not None for row in rows)
    untold = sum(row.finding.class_name == "unclassified" for row in rows)
    new = sum(row.holds == "new" for row in rows)
    out.print(f"{len(rows)} columns: {classed} masked, {len(rows) - classed} open; {untold} could not be told")
    if new:
        out.print(f"{new} are new since the last look and leave masked until --accept or the configuration says more")
    if guessed := [row.name for row in rows if row.guessed and row.holds != "config"]:
        kept = "open only because no class fits (open?); look at these first:"
        if review.unsure_closed:
            kept = "closed because no class fits and unsure is closed; name the harmless ones in open:"
        out.print(f"{len(guessed)} are {kept}")
        out.print(f"  {escape(', '.join(guessed))}", highlight=False)
    if quasi := sum(row.finding.quasi for row in rows):
        out.print(f"{quasi} open ones (open, quasi) may tell together who somebody is: see docs/classification.md")
    for name in review.unknown:
        out.print(f"[yellow]{escape(name)} stands in the configuration, but there is no such column: misspelt?[/]")


def _table(title: str, rows: Sequence[_Row]) -> RichTable:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 1))
    for heading in ("column", "class", "leaves as"):
        table.add_column(heading, no_wrap=True)
    table.add_column("sure", justify="right")
    table.add_column("because", style="dim", overflow="fold")
    for row in rows:
        finding = row.finding
        match finding.class_name:
            case None:
                kind = "[yellow]open, quasi[/]" if finding.quasi else "[green]open[/]"
                kind = "[yellow]open?[/]" if row.guessed else kind
            case "unclassified":
                kind = "[magenta]unclassified[/]"
            case name:
                kind = f"[red]{name}[/]"
        leaves = "span by span" if finding.class_name == "free_text" else _LEAVES.get(row.mask, row.mask)
        because = "; ".join(finding.evidence)
        if row.holds not in ("kept", "first look"):
            because = f"[{row.holds}] {because}"
        table.add_row(escape(row.column), kind, leaves, f"{finding.sure:.0%}", escape(because))
    return table


def _block(database: str, rows: Sequence[_Row]) -> None:
    """The lines for the configuration, to copy."""
    from .config_block import block

    lines = block([(row.name, row.finding) for row in rows if row.holds != "config"])
    if lines:
        out = console()
        out.print("\nFor the configuration (or --write):", style="bold")
        for line in ("databases:", f"  {database}:", *(f"    {line}" for line in lines)):
            out.print(line, markup=False, soft_wrap=True)


def _written(path: Path, database: str, review: _Review) -> None:
    from .config_block import BlockError, write_classes

    proposed = [(row.name, row.finding) for row in review.rows if row.holds != "config"]
    try:
        written = write_classes(path, database, proposed)
    except BlockError as error:
        raise UserError(str(error)) from None
    kept = f"; the file as it was: {path.name}.before" if written else ""
    typer.echo(f"{path}: classes written: {written}{kept}", err=True)
