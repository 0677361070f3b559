"""How often a caller may compare masked columns with values it made up: enough for work, not for guessing."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from ..tool import ToolRefused


class LiteralRate:
    """Counts statements with ``masked column = 'literal'`` per principal and database. Safe to use from threads."""

    def __init__(self, limit: int = 60, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._lock = threading.Lock()
        self._taken: dict[tuple[str, str], deque[float]] = {}

    def take(self, principal: str, database: str) -> None:
        """Raises `ToolRefused` (``literal-rate``) when this would be one too many; then it is not counted."""
        now = self._clock()
        with self._lock:
            taken = self._taken.setdefault((principal, database), deque())
            while taken and taken[0] <= now - self._seconds:
                taken.popleft()
            if len(taken) >= self._limit:
                raise ToolRefused(
                    "literal-rate",
                    f"More than {self._limit} queries within {self._seconds:g} seconds compared masked columns with "
                    "literal values.",
                    "Use tokens from earlier answers, or wait.",
                    rule="literals",
                )
            taken.append(now)
