"""What an export is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class ExportError(Exception):
    """The export cannot be made; one line: what, where, how to mend. Never a value."""


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Dates(StrEnum):
    """What becomes of open dates in tables whose rows belong to somebody."""

    SHIFT = "shift"  # by whole weeks, the same for all dates of a person
    KEEP = "keep"


class Births(StrEnum):
    """What becomes of dates of birth."""

    RULE = "rule"  # as in every answer
    YEAR = "year"
    SHIFT = "shift"  # with the person's other dates, so that ages at events stay exact


class Amounts(StrEnum):
    """What becomes of masked amounts."""

    RULE = "rule"
    NOISE = "noise"  # each multiplied by a factor of its row, about a tenth


@dataclass(frozen=True, slots=True)
class Options:
    """One export. ``quasi`` are column names, bare or as ``table.column``; ``subjects`` say for a table which column
    names whose row it is (``visits.patient_id``) where foreign keys do not."""

    database: str
    tables: tuple[str, ...]
    folder: Path
    format: Format = Format.CSV
    k: int = 5
    quasi: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    dates: Dates = Dates.SHIFT
    births: Births = Births.RULE
    amounts: Amounts = Amounts.RULE
    keep_ids: bool = False
    batch: int = 20_000  # rows in memory at a time

    @property
    def fingerprint(self) -> str:
        """What must be the same for an unfinished export to be continued."""
        named = (self.database, *self.tables, self.format, self.dates, self.births, self.amounts)
        chosen = (f"k={self.k}", f"quasi={','.join(self.quasi)}", f"subjects={','.join(self.subjects)}")
        return " ".join((*named, *chosen, f"keep_ids={self.keep_ids}"))
