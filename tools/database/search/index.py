"""Indexes over text columns, in memory: built when first asked, dropped when schema, rules or rows changed.

An index holds texts as the caller may see them: names and numbers in them are surrogates already when they are
embedded, so that neither a score nor an order says anything that the masked text does not.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import anyio
import anyio.to_thread
import numpy as np

from ...tool import ToolFailed
from ..catalog import Relation
from ..engines.engine import Paged
from .embedding import Embedder, Space

MOST_INDEXES: Final = 8  # in memory at once; the least lately used one goes
STALE_SECONDS: Final = 300.0  # an index is read anew after so long, whatever the row count says
_PAGE: Final = 2000


class SearchUnusable(Exception):
    """What is configured for search does not exist; one line for the operator."""


class IndexTexts(Protocol):
    """Masks texts for an index, for whoever is calling right now. Given by the house; tools know no masker."""

    def shared_by(self) -> Hashable:
        """Callers for whom this is equal see equal surrogates, and may share an index."""
        ...

    def masked(self, texts: Sequence[str], column: str, sources: Sequence[str], *, free: bool) -> list[str]:
        """The texts with surrogates for what is found in them; ``free`` looks for names and places too. ``sources``
        are the base columns they are from."""
        ...


class Rows(Paged, Protocol):
    """What an index needs of a database, on the trusted side."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Searched:
    """A text column that may be searched, as configured."""

    table: str
    column: str
    key: str
    rows: int  # at most so many are indexed
    embedder: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Exactly one index: of which column, under which schema and rules, for whom."""

    database: str
    searched: Searched
    catalog: str
    rules: str
    free: bool
    sources: tuple[str, ...] = ()  # the base columns the texts are from


@dataclass(frozen=True, slots=True)
class Index:
    """Keys and raw texts by position, and the space their masked forms are in. Raw texts leave through the masker."""

    keys: Sequence[object]
    texts: Sequence[str]
    space: Space
    rows: int  # of the table, when it was read
    passed: int  # of these, those that were read
    read: float  # monotonic seconds

    @property
    def partial(self) -> bool:
        """Whether the table has more rows than are kept in memory."""
        return self.rows > self.passed

    def best(self, question: str, k: int) -> list[tuple[object, str, float]]:
        """The closest texts: key, text, score rounded to two digits; at most ``k``, none that has nothing in common."""
        scores = np.round(self.space.rank(question).astype(np.float64), 2)
        order: list[int] = np.lexsort((np.arange(len(scores)), -scores))[:k].tolist()
        return [(self.keys[i], self.texts[i], float(scores[i])) for i in order if scores[i] > 0]


@dataclass(slots=True)
class Indexes:
    """The indexes in memory."""

    texts: IndexTexts
    embedders: Callable[[str], Embedder]
    clock: Callable[[], float] = time.monotonic
    _kept: OrderedDict[tuple[Wanted, Hashable], Index] = field(
        default_factory=OrderedDict[tuple[Wanted, Hashable], Index]
    )
    _locks: dict[tuple[Wanted, Hashable], anyio.Lock] = field(default_factory=dict[tuple[Wanted, Hashable], anyio.Lock])

    async def of(self, wanted: Wanted, rows: Rows, relation: Relation) -> Index:
        """The index as it is wanted; built when there is none, or when the table's rows are not as many as they were.

        Raises:
            ToolFailed: the table cannot be read.
        """
        name = (wanted, self.texts.shared_by())
        lock = self._locks.setdefault(name, anyio.Lock())
        async with lock:
            count = await rows.count(relation)
            index = self._kept.get(name)
            if index is None or index.rows != count or self.clock() - index.read > STALE_SECONDS:
                index = await self._built(wanted, rows, relation, count)
            self._kept[name] = index
            self._kept.move_to_end(name)
        while len(self._kept) > MOST_INDEXES:
            dropped, _ = self._kept.popitem(last=False)
            self._locks.pop(dropped, None)
        return index

    async def _built(self, wanted: Wanted, rows: Rows, relation: Relation, count: int) -> Index:
        searched = wanted.searched
        read = self.clock()
        keys: list[object] = []
        texts: list[str] = []
        masked: list[str] = []
        passed = 0
        while passed < searched.rows:
            page = await rows.page(
                relation, (searched.key, searched.column), min(_PAGE, searched.rows - passed), skip=passed
            )
            if not page:
                break
            some = [(key, text) for key, text in page if isinstance(text, str) and text.strip()]
            keys += [key for key, _ in some]
            texts += [text for _, text in some]
            masked += await anyio.to_thread.run_sync(self._masked, [text for _, text in some], wanted)
            passed += len(page)
        space = await anyio.to_thread.run_sync(self.embedders(searched.embedder).fit, masked)
        return Index(keys, texts, space, count, passed, read)

    def _masked(self, texts: Sequence[str], wanted: Wanted) -> list[str]:
        masked = self.texts.masked(texts, wanted.searched.column, wanted.sources, free=wanted.free)
        if len(masked) != len(texts):
            raise ToolFailed("search-failed", "The texts could not be masked, so they are not searched.")
        return masked
