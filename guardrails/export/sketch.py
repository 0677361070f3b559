"""Figures over any number of rows in memory that does not grow: distinct values, paired samples, gaps.

Everything can be written to arrays and read back, so that an interrupted export goes on where it stopped. Values are
kept as keyed hashes or as numbers of a sample; the arrays belong on the trusted side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]

_LEAST: Final = 16_384  # hashes kept: exact up to so many distinct values, then a standard error of 0.8 %
_SAMPLE: Final = 10_000  # rows of a paired sample
_SUBJECTS: Final = 500  # people whose dates are followed
_DATES: Final = 64  # dates followed of each


def hashes(key: bytes, values: Sequence[object]) -> U64:
    """A keyed hash of each value that is there; equal values have equal hashes, whatever their type of text."""
    known: dict[object, int] = {}
    made: list[int] = []
    for value in values:
        if value is None or value == "":
            continue
        text = value if isinstance(value, str) else str(value)
        found = known.get(text)
        if found is None:
            digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=8).digest()
            found = known[text] = int.from_bytes(digest, "big")
        made.append(found)
    return np.array(made, np.uint64)


class Distinct:
    """How many different values there were: the least hashes tell (KMV; Bar-Yossef and others, 2002)."""

    def __init__(self, least: U64 | None = None) -> None:
        self.least: U64 = np.zeros(0, np.uint64) if least is None else least

    def add(self, some: U64) -> None:
        self.least = np.unique(np.concatenate((self.least, some)))[:_LEAST]

    @property
    def exact(self) -> bool:
        return len(self.least) < _LEAST

    @property
    def count(self) -> int:
        if self.exact:
            return len(self.least)
        return round((_LEAST - 1) / (float(self.least[-1]) / 2**64))

    def share_in(self, other: Distinct) -> float:
        """Which share of these values is among the other's, 0 to 1."""
        if not len(self.least) or not len(other.least):
            return 0.0
        horizon = min(
            np.uint64(2**64 - 1) if self.exact else self.least[-1],
            np.uint64(2**64 - 1) if other.exact else other.least[-1],
        )
        mine = self.least[self.least <= horizon]
        return float(np.isin(mine, other.least).mean()) if len(mine) else 0.0


class Paired:
    """The same rows before and after, as numbers (NaN where there is none): a fair sample of all rows."""

    def __init__(self, width: int, seed: int, state: Mapping[str, npt.NDArray[np.float64]] | None = None) -> None:
        self._seed = seed
        self.priority: F64 = np.zeros(0)
        self.before: F64 = np.zeros((0, width))
        self.after: F64 = np.zeros((0, width))
        if state is not None:
            self.priority, self.before, self.after = state["priority"], state["before"], state["after"]

    def add(self, before: F64, after: F64, first_row: int) -> None:
        drawn = np.random.default_rng((self._seed, first_row)).random(len(before))
        self.priority = np.concatenate((self.priority, drawn))
        self.before = np.concatenate((self.before, before))
        self.after = np.concatenate((self.after, after))
        if len(self.priority) > _SAMPLE:
            kept = np.argpartition(self.priority, _SAMPLE)[:_SAMPLE]
            self.priority, self.before, self.after = self.priority[kept], self.before[kept], self.after[kept]

    def state(self) -> dict[str, F64]:
        return {"priority": self.priority, "before": self.before, "after": self.after}


class Gaps:
    """Days between one event of a person and the next, before and after, of some people chosen by hash."""

    def __init__(self, state: Mapping[str, npt.NDArray[np.float64]] | None = None) -> None:
        self._dates: dict[int, list[tuple[float, float]]] = {}
        if state is not None:
            for who, before, after in zip(state["who"].view(np.uint64), state["before"], state["after"], strict=True):
                self._dates.setdefault(int(who), []).append((float(before), float(after)))

    def add(self, who: U64, before: F64, after: F64) -> None:
        for subject, old, new in zip(who.tolist(), before.tolist(), after.tolist(), strict=True):
            if old != old:  # no date
                continue
            dates = self._dates.get(subject)
            if dates is None:
                dates = self._dates[subject] = []
                if len(self._dates) > _SUBJECTS:
                    del self._dates[max(self._dates)]  # it never comes back: the bound only falls
            if len(dates) < _DATES:
                dates.append((old, new))

    def gaps(self) -> tuple[F64, F64]:
        """All gaps in days, before and after."""
        before: list[float] = []
        after: list[float] = []
        for dates in self._dates.values():
            before += np.diff(sorted(old for old, _ in dates)).tolist()
            after += np.diff(sorted(new for _, new in dates if new == new)).tolist()
        return np.array(before), np.array(after)

    def state(self) -> dict[str, F64]:
        rows = [(who, old, new) for who, dates in self._dates.items() for old, new in dates]
        who = np.array([row[0] for row in rows], np.uint64).view(np.float64)
        return {"who": who, "before": np.array([r[1] for r in rows]), "after": np.array([r[2] for r in rows])}
