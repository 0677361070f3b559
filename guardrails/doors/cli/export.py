"""`gloveport export`: masked copies of tables, with a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .common import ConfigOption, JsonOption, UserError, configuration, console, logging, print_json

if TYPE_CHECKING:
    from rich.progress import TaskID

    from ...config import Config
    from ...export.options import Options
    from ...export.run import Exported, Report

FormatName = Literal["csv", "jsonl", "parquet"]


def export(
    database: Annotated[str, typer.Argument(help="The database's name in the configuration.")],
    tables: Annotated[list[str], typer.Argument(metavar="TABLE...", help="The tables to export together.")],
    to: Annotated[Path, typer.Option("--to", help="A new or empty folder, or one with an unfinished export.")],
    config: ConfigOption = None,
    format: Annotated[FormatName, typer.Option("--format", "-f", help="The files' format.")] = "csv",
    k: Annotated[int, typer.Option("--k", min=2, help="Fewest rows that may share their quasi-identifiers.")] = 5,
    quasi: Annotated[
        str, typer.Option("--quasi", metavar="COLUMN,...", help="Columns that together may tell who somebody is.")
    ] = "",
    subject: Annotated[
        list[str] | None,
        typer.Option("--subject", metavar="TABLE.COLUMN", help="Whose row it is, where no foreign key says so."),
    ] = None,
    dates: Annotated[
        Literal["shift", "keep"], typer.Option("--dates", help="Open dates of people: by whole weeks, or as they are.")
    ] = "shift",
    births: Annotated[
        Literal["rule", "year", "shift"],
        typer.Option("--births", help="Dates of birth: by their rule, year, or moved."),
    ] = "rule",
    amounts: Annotated[
        Literal["rule", "noise"], typer.Option("--amounts", help="Masked amounts: by their rule, or with noise.")
    ] = "rule",
    keep_ids: Annotated[bool, typer.Option("--keep-ids", help="Leave people's row ids as they are.")] = False,
    batch: Annotated[
        int, typer.Option("--batch", min=1, max=100_000, help="Rows in memory, and shuffled, at a time.")
    ] = 20_000,
    json: JsonOption = False,
) -> None:
    """Write masked copies of tables for training or analysis: one key for this export, then thrown away.

    Interrupted, the same command goes on where it stopped. What is written is pseudonymised, not anonymous: read the
    report before you hand it on.
    """
    import anyio

    from ...export.options import Amounts, Births, Dates, ExportError, Format, Options

    logging()
    path, settings = configuration(config)
    if database not in settings.databases:
        known = ", ".join(sorted(settings.databases)) or "none"
        raise UserError(f"{database}: no such database in {path}; known: {known}")
    options = Options(
        database,
        tuple(tables),
        to.resolve(),
        Format(format),
        k,
        tuple(part.strip() for part in quasi.split(",") if part.strip()),
        tuple(subject or ()),
        Dates(dates),
        Births(births),
        Amounts(amounts),
        keep_ids,
        batch,
    )
    try:
        done = anyio.run(_exported, settings, options, json)
    except ExportError as error:
        raise UserError(str(error)) from None
    except KeyboardInterrupt:
        raise UserError(f"{options.folder}: not finished; the same command goes on where it stopped") from None
    if json:
        print_json({"export": done.id, "files": done.files, "report": str(done.report), **done.figures})
    else:
        _show(done, options)


async def _exported(settings: Config, options: Options, quiet: bool) -> Exported:
    from ....tools.tool import ToolFailed
    from ...decision import Verdict
    from ...export.options import ExportError
    from ...export.plan import ExportPlan
    from ...export.recorded import recorded
    from ...export.run import export as run
    from ...export.state import open_state
    from ...export.writers import check_format
    from ...house import House, HouseError
    from ...masking.columns import ClassificationError

    check_format(options.format)
    try:
        async with House.open(settings) as house:
            source, rules = house.databases[options.database], await house.classes.rules(options.database)

            async def work(plan: ExportPlan, verdict: Verdict) -> Exported:
                state = open_state(options.folder, settings.state, f"{options.fingerprint} {rules.version}")
                with _Bars(quiet) as report:
                    return await run(options, plan, source, rules, verdict.duties, house.detector, state, report)

            return await recorded(house, options, work)
    except HouseError as error:
        raise UserError(*error.findings) from None
    except ClassificationError as error:
        raise ExportError(str(error)) from None
    except ToolFailed as failed:
        raise ExportError(f"databases.{options.database}: {failed.message} {failed.hint}".rstrip()) from None


class _Bars:
    """Progress bars on stderr, one for each table and pass; none where nobody looks."""

    def __init__(self, quiet: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        out = console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=out,
            disable=quiet or not out.is_terminal,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __enter__(self) -> Report:
        self._progress.start()
        return self._report

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    async def _report(self, table: str, doing: str, done: int, total: int) -> None:
        task = self._tasks.get((table, doing))
        if task is None:
            task = self._tasks[table, doing] = self._progress.add_task(f"{doing} {table}", total=total)
        self._progress.update(task, completed=done, total=max(total, done))


def _show(done: Exported, options: Options) -> None:
    from typing import Any, cast

    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for heading in ("table", "rows", "written", "emptied", "left out", "alone before", "after"):
        shown.add_column(heading, justify="left" if heading == "table" else "right")
    for table in cast("list[dict[str, Any]]", done.figures["tables"]):
        risk = table["risk"]
        alone = [f"{share:.1%}" for share in risk["alone"]] if risk else ["", ""]
        counts = [f"{table[name]:,}" for name in ("rows", "written", "suppressed", "dropped")]
        shown.add_row(escape(table["name"]), *counts, *alone)
    out = console()
    out.print(shown)
    out.print(f"\n{len(done.files)} files in {options.folder}; the report: {done.report}", markup=False, soft_wrap=True)
    out.print("The key of this export is gone: its tokens cannot be turned back, and match no other export.")
