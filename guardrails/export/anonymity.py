"""k-anonymity over quasi-identifiers: no combination of them leaves that fewer than k rows of its table share.

Values are made coarser first, as little as will do: the finest of four levels at which at most one row in twenty is
still rare, or the one with the fewest. What is rare then is emptied, all quasi-identifiers of the row together. Emptied
rows are a group as well: where even they are fewer than k, they do not leave at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .groups import Groups
from .masking import LEVELS, RowMasker
from .plan import TablePlan
from .state import ExportState

Vector = Sequence[object]
_MOST_EMPTIED: Final = 0.05  # share of rows


class Anonymity:
    """The groups of one table: counted in a first pass at every level, asked in the second at the one taken."""

    def __init__(self, table: TablePlan, state: ExportState, key: bytes, k: int) -> None:
        self._quasi = table.quasi
        self._columns = [table.columns[i] for i in table.quasi]
        self._k = k
        self.before = Groups(state.groups(table.name, "before"), key)
        self._levels = [Groups(state.groups(table.name, str(level)), key) for level in range(LEVELS)]
        self._drops: bool | None = None
        self._level: int | None = None

    def count(self, columns: Sequence[Vector], masker: RowMasker) -> None:
        """Rows of the first pass, as columns: the quasi-identifiers alone."""
        self.before.add(zip(*columns, strict=True))
        for level, groups in enumerate(self._levels):
            coarse = [masker.coarse(plan, values, level) for plan, values in zip(self._columns, columns, strict=True)]
            groups.add(zip(*coarse, strict=True))

    def keep(self) -> None:
        for groups in (self.before, *self._levels):
            groups.commit()

    def close(self) -> None:
        for groups in (self.before, *self._levels):
            groups.close()

    @property
    def level(self) -> int:
        """How coarse quasi-identifiers are made."""
        if self._level is None:
            rare = [groups.rows_below(self._k) for groups in self._levels]
            rows = self.before.rows_below(1 << 62)
            enough = (level for level, n in enumerate(rare) if n <= _MOST_EMPTIED * rows)
            self._level = next(enough, rare.index(min(rare)))
        return self._level

    @property
    def after(self) -> Groups:
        return self._levels[self.level]

    def suppress(self, columns: list[Vector]) -> tuple[list[Vector], list[int], int]:
        """The columns with rare combinations emptied, the rows that remain, and how many rows were emptied."""
        combinations = list(zip(*(columns[i] for i in self._quasi), strict=True))
        sizes = self.after.sizes([self.after.digest(row) for row in combinations])
        rare = {i for i, size in enumerate(sizes) if size < self._k}
        if rare and self._too_few_together():
            kept = [i for i in range(len(combinations)) if i not in rare]
            return [[column[i] for i in kept] for column in columns], kept, 0
        made = list(columns)
        for i in self._quasi:
            made[i] = [None if row in rare else value for row, value in enumerate(columns[i])]
        return made, list(range(len(combinations))), len(rare)

    def final_sizes(self) -> dict[int, int]:
        """Groups by size as they leave."""
        sizes = {size: n for size, n in self.after.distribution().items() if size >= self._k}
        together = self._emptied()
        if together and not self._too_few_together():
            empty = self._already_empty()
            if empty:
                sizes[empty] -= 1
                sizes = {size: n for size, n in sizes.items() if n}
            sizes[together] = sizes.get(together, 0) + 1
        return sizes

    def _already_empty(self) -> int:
        """Rows of a group large enough to leave whose quasi-identifiers are all empty."""
        size = self.after.size(self.after.digest([None] * len(self._quasi)))
        return size if size >= self._k else 0

    def _emptied(self) -> int:
        """Rows without any quasi-identifier when all is done; 0 when none is emptied."""
        rare = self.after.rows_below(self._k)
        return rare + self._already_empty() if rare else 0

    def _too_few_together(self) -> bool:
        if self._drops is None:
            self._drops = 0 < self._emptied() < self._k
        return self._drops
