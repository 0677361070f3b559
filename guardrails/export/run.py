"""Runs an export: table by table, batch by batch, with a point to go on from after every few of them."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import anyio.to_thread

from ...tools.database.engines.engine import Paged
from ...tools.tool import ColumnRules
from ..masking.detect import Detector
from ..masking.duties import Duties
from ..masking.keys import open_keys
from ..masking.tokens.service import Scope, Tokens
from ..masking.tokens.vault import Vault
from .anonymity import Anonymity
from .figures import Figures, risk_figures, table_figures
from .masking import LEVELS, RowMasker
from .measures import Measures, joins
from .options import Options
from .plan import ExportPlan, TablePlan
from .report import write_report
from .state import ExportState
from .writers import Writer, digest, writer

_KEEP_SECONDS: Final = 10.0  # at most so much work is done twice after an interruption
_KEEP_ROWS: Final = 100_000


class Source(Paged, Protocol):
    """What an export needs of a database, on the trusted side."""

    @property
    def name(self) -> str: ...


Report = Callable[[str, str, int, int], Awaitable[None]]
"""Told of progress: table, what is done with it, rows so far, rows in all."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export: its files with their digests, and the figures of its report."""

    id: str
    files: dict[str, str]
    figures: Figures
    report: Path


async def export(
    options: Options,
    plan: ExportPlan,
    source: Source,
    rules: ColumnRules,
    duties: Duties,
    detector: Detector,
    state: ExportState,
    progress: Report | None = None,
) -> Exported:
    """Write every table of the plan, or what is left of them. Raises `ExportError`, `ToolFailed`.

    The key is made for this export and deleted at its end. Interrupted, all that was written stays, and the same call
    goes on with it.
    """
    ring = await anyio.to_thread.run_sync(open_keys, state.key_place)
    figures_key = ring.derive(ring.current, "export", "figures")
    tokens = Tokens(ring, await anyio.to_thread.run_sync(Vault, state.vault))
    try:
        scope = Scope(state.progress.export, "export", "", state.progress.export)
        masker = RowMasker(tokens, detector, {plan.database: rules}, duties, scope, dt.datetime.now(dt.UTC).date())
        run = _Run(options, source, masker, tokens, state, figures_key, progress or _silent)
        measured: dict[str, Measures] = {}
        risks: dict[str, Figures] = {}
        for table in plan.tables:
            measured[table.name], risk = await run.table(table)
            if risk is not None:
                risks[table.name] = risk
    finally:
        tokens.close()
    figures: Figures = {
        "export": state.progress.export,
        "database": plan.database,
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "k": options.k if any(table.quasi for table in plan.tables) else None,
        "tables": [
            {
                **table_figures(table, state.table(table.name), measured[table.name], options.k),
                "risk": risks.get(table.name),
                "possible_quasi": _possible_quasi(table),
            }
            for table in plan.tables
        ],
        "joins": joins(plan, measured),
    }
    paths = [path for table in plan.tables for path in run.paths(table)]
    files = {str(path.relative_to(options.folder)): await anyio.to_thread.run_sync(digest, path) for path in paths}
    report = await anyio.to_thread.run_sync(write_report, options.folder, {**figures, "files": files})
    await anyio.to_thread.run_sync(state.finish)
    return Exported(state.progress.export, files, figures, report)


async def _silent(table: str, doing: str, done: int, total: int) -> None:
    pass


def _possible_quasi(table: TablePlan) -> list[str]:
    """Columns that leave readable and may, together, tell who somebody is."""
    return [
        column.name
        for column in table.columns
        if column.treatment in ("open", "shift") and column.words.has("quasi", "place", "postal", "birth")
    ]


@dataclass(slots=True)
class _Run:
    options: Options
    source: Source
    masker: RowMasker
    tokens: Tokens
    state: ExportState
    key: bytes
    progress: Report

    async def table(self, table: TablePlan) -> tuple[Measures, Figures | None]:
        """Write what is left of a table; its figures, and those of its risk."""
        known = self.state.table(table.name)
        anonymity = None
        if table.quasi:
            anonymity = Anonymity(table, self.state, self.key, self.options.k)
        try:
            total = await self.source.count(table.relation)
            if anonymity is not None and not known.counted:
                anonymity = await self._counted(table, anonymity, total)
            measures = await self._written(table, anonymity, total)
            if anonymity is None:
                return measures, None
            quasi = [table.columns[i].name for i in table.quasi]
            before, after = anonymity.before.distribution(), anonymity.final_sizes()
            return measures, {**risk_figures(before, after, quasi, self.options.k), "level": anonymity.level}
        finally:
            if anonymity is not None:
                anonymity.close()

    def paths(self, table: TablePlan) -> list[Path]:
        """The files of a finished table."""
        name, known = table.name, self.state.table(table.name)
        made = writer(self.options.format, self.options.folder, name, table.names, known.position)
        made.close()
        return made.paths

    async def _counted(self, table: TablePlan, anonymity: Anonymity, total: int) -> Anonymity:
        """The first pass: how many rows share each combination of quasi-identifiers. It starts over if interrupted."""
        anonymity.close()
        for which in ("before", *map(str, range(LEVELS))):
            self.state.groups(table.name, which).unlink(missing_ok=True)
        anonymity = Anonymity(table, self.state, self.key, self.options.k)
        quasi = [table.columns[i].name for i in table.quasi]
        done, last = 0, None
        while rows := await self._page(table, [*quasi, *self._key(table)], last, done):
            columns = list(zip(*rows, strict=True))[: len(quasi)]
            await anyio.to_thread.run_sync(anonymity.count, columns, self.masker)
            done, last = done + len(rows), self._last(table, rows[-1][len(quasi) :])
            await self.progress(table.name, "counting", done, total)
        anonymity.keep()
        self.state.table(table.name).counted = True
        self.state.save()
        return anonymity

    async def _written(self, table: TablePlan, anonymity: Anonymity | None, total: int) -> Measures:
        known = self.state.table(table.name)
        last = self.state.last(table.name) if table.key else None
        if known.read and table.key and last is None and not known.done:  # its key could not be remembered
            known.read = known.written = known.dropped = known.suppressed = known.position = 0
        measures = Measures(table, self.key, self.state.arrays(table.name) if known.read or known.done else None)
        if known.done:
            return measures
        file = writer(self.options.format, self.options.folder, table.name, table.names, known.position)
        try:
            kept_at, kept_rows = time.monotonic(), known.read
            while rows := await self._page(table, table.names, last, known.read):
                await anyio.to_thread.run_sync(self._batch, table, rows, anonymity, measures, file)
                last = self._last(table, [rows[-1][i] for i in table.key])
                if time.monotonic() - kept_at > _KEEP_SECONDS or known.read - kept_rows >= _KEEP_ROWS:
                    await anyio.to_thread.run_sync(self._keep, table, last, measures, file.position)
                    kept_at, kept_rows = time.monotonic(), known.read
                await self.progress(table.name, "writing", known.read, total)
            known.done = True
            await anyio.to_thread.run_sync(self._keep, table, last, measures, file.position)
        finally:
            file.close()
        return measures

    def _batch(
        self,
        table: TablePlan,
        rows: Sequence[Sequence[object]],
        anonymity: Anonymity | None,
        measures: Measures,
        file: Writer,
    ) -> None:
        """Mask, suppress, measure, shuffle and write some rows; in a worker thread."""
        known = self.state.table(table.name)
        raw: list[Sequence[object]] = list(zip(*rows, strict=True))
        if anonymity is None:
            masked = self.masker.masked(table, rows, known.read)
        else:
            masked, kept, emptied = anonymity.suppress(self.masker.masked(table, rows, known.read, anonymity.level))
            if len(kept) < len(rows):
                raw = [[column[i] for i in kept] for column in raw]
            known.suppressed += emptied
            known.dropped += len(rows) - len(kept)
        measures.add(raw, masked, known.read)
        # Rows come in the order of their key; written so, the place of a row would give its key away.
        mixed = random.Random(self.key + known.read.to_bytes(8, "big")).sample(range(len(masked[0])), len(masked[0]))
        file.write([[column[i] for i in mixed] for column in masked])
        known.read += len(rows)
        known.written += len(mixed)

    def _keep(
        self, table: TablePlan, last: tuple[object, ...] | None, measures: Measures, position: Callable[[], int]
    ) -> None:
        """A point to go on from. The progress goes last: what it names is on disk by then."""
        known = self.state.table(table.name)
        self.tokens.flush_now()
        known.position = position()
        self.state.save_point(table.name, last, measures.state())

    async def _page(
        self, table: TablePlan, columns: Sequence[str], last: tuple[object, ...] | None, done: int
    ) -> Sequence[Sequence[object]]:
        order = self._key(table)
        skip = 0 if order else done
        return await self.source.page(
            table.relation, columns, self.options.batch, order=order, after=last if order else None, skip=skip
        )

    def _key(self, table: TablePlan) -> tuple[str, ...]:
        return tuple(table.columns[i].name for i in table.key)

    def _last(self, table: TablePlan, key: Sequence[object]) -> tuple[object, ...] | None:
        return tuple(key) if table.key else None
