"""Rows of an export through the masker: the chain's own rules, with tokens of a key that only this export has."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping, Sequence
from typing import Final

from ...tools.tool import ColumnRules, Mask, Table
from ..masking.column_types import Declared
from ..masking.content import ContentMasker
from ..masking.detect import Detector
from ..masking.duties import Duties
from ..masking.restore import Restored
from ..masking.shifting import shifted
from ..masking.tables import mask_table
from ..masking.tokens.service import Scope, Tokens
from ..masking.transforms import transform
from .plan import ColumnPlan, TablePlan, Treatment, identifier_class

Vector = Sequence[object]
LEVELS: Final = 4  # how coarse quasi-identifiers can be made
_YEARS: Final = (1, 5, 10, 20)  # years of a bracket, by level
_STEPS: Final = (5, 10, 20, 50)
_OLDEST: Final = 90
_OLDEST_AGE: Final = 130


class RowMasker:
    """Masks batches of rows, column by column. Thread-safe as far as its tokens are.

    Args:
        tokens: made for this export; their key dies with it.
        rules: the classes of the database's columns.
        duties: what the policy adds to them.
        today: caps the years of birth of the very old.
    """

    def __init__(
        self,
        tokens: Tokens,
        detector: Detector,
        rules: Mapping[str, ColumnRules],
        duties: Duties,
        scope: Scope,
        today: dt.date,
    ) -> None:
        self._tokens = tokens
        self._content = ContentMasker(detector, tokens)
        self._rules = rules
        self._duties = duties
        self._scope = scope
        self._today = today

    def masked(
        self, table: TablePlan, rows: Sequence[Sequence[object]], first_row: int, level: int = 0
    ) -> list[Vector]:
        """The columns of these rows as they leave, quasi-identifiers coarser (by ``level``) but not yet
        suppressed.

        Raises ValueError when a row is not as wide as its table; what the masker cannot do, raises.
        """
        if not rows:
            return [[] for _ in table.columns]
        raw: list[Vector] = list(zip(*rows, strict=True))
        outputs = tuple(column.output for column in table.columns)
        content = self._content.for_call(self._duties, self._scope, Restored())
        released = mask_table(Table(outputs, rows), self._rules, self._duties, content).payload["rows"]
        assert isinstance(released, list)
        ruled: list[Vector] = list(zip(*released, strict=True))  # pyright: ignore[reportArgumentType]
        keys = self._row_keys(table, raw, first_row)
        whose = (
            None
            if table.subject is None
            else [None if value is None else f"{table.subject_table}:{value}" for value in raw[table.subject]]
        )
        return [
            self._column(column, before, after, keys, whose, level)
            for column, before, after in zip(table.columns, raw, ruled, strict=True)
        ]

    def _column(
        self,
        column: ColumnPlan,
        raw: Vector,
        ruled: Vector,
        keys: Sequence[str],
        whose: Sequence[str | None] | None,
        level: int,
    ) -> Vector:
        match column.treatment:
            case Treatment.RULE:
                return ruled
            case Treatment.OPEN:
                return ruled if any(isinstance(cell, str | bytes | dict | list) for cell in raw) else raw
            case Treatment.IDENTIFIER:
                return self._tokens.tokenise(identifier_class(column.of), raw, self._scope)
            case Treatment.SHIFT:
                assert whose is not None
                return shifted(self._tokens, column.mask.class_name or "date", raw, whose, self._scope)
            case Treatment.NOISE:
                return self._tokens.noise("money", raw, keys, self._scope)
            case Treatment.YEAR:
                return transform(Mask.GENERALISE, "birth_date", raw, today=self._today)
            case Treatment.QUASI:
                return self.coarse(column, raw, level)

    def coarse(self, column: ColumnPlan, raw: Vector, level: int) -> Vector:
        """The values of a quasi-identifier, coarser with every level: ZIP areas, years, brackets; labels stay."""
        if column.words.has("postal"):
            return [_area(value, level) for value in transform(Mask.GENERALISE, "zip", raw)]
        dates = column.declared is Declared.WHEN or any(isinstance(value, dt.date) for value in raw)
        if column.mask.class_name == "birth_date" or column.words.has("birth") or dates:
            years = transform(Mask.GENERALISE, "birth_date", raw, today=self._today)
            return [_years(value, _YEARS[level]) for value in years]
        return [_bracket(value, _STEPS[level]) for value in raw]

    def _row_keys(self, table: TablePlan, raw: Sequence[Vector], first_row: int) -> list[str]:
        """What names each row for its noise: its key, or its number where it has none."""
        if not table.key:
            return [f"{table.name}#{first_row + i}" for i in range(len(raw[0]))]
        return [f"{table.name}:{parts}" for parts in zip(*(raw[i] for i in table.key), strict=True)]


def _area(value: object, level: int) -> object:
    """``02100`` at first, ``02000`` and ``00000`` further up."""
    if level < 2 or not isinstance(value, str | int):
        return value
    text = f"{value:05d}" if isinstance(value, int) else value
    short = text[: 4 - level] + "0" * (len(text) - 4 + level)
    return int(short) if isinstance(value, int) else short


def _years(value: object, width: int) -> object:
    """The first year of a bracket, in the type of the value."""
    match value:
        case dt.datetime() | dt.date():
            return value.replace(year=max(value.year // width * width, 1))
        case int():
            return value // width * width
        case str() if value.isdigit():
            return str(int(value) // width * width)
        case _:
            return value


def _bracket(value: object, step: int) -> object:
    """The lower end of a bracket: ages in years up to 90, other whole numbers in tens; labels as they are."""
    if isinstance(value, bool) or not isinstance(value, int | float | decimal.Decimal):
        return value
    if not isinstance(value, int) or not 0 <= value <= _OLDEST_AGE:
        return transform(Mask.GENERALISE, "money", [value])[0]  # 1, 2, 5, 10, 20, 50 …
    return min(value // step * step, _OLDEST)
