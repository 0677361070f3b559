"""Tokens in arguments back to values: only in the places a plan names, only where a clearance covers them, and counted.

`restore` gives the values of a plan's slots in their order. Where a slot may take a value is decided by `Clearance`
objects, which the policy grants; a slot that none covers refuses the call, except in text that is written
somewhere: there the token simply stays.

What comes back is in `Restored.values` and nowhere else. `Restored.scrub` takes it out of any message again.
"""

from __future__ import annotations

import fnmatch
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ...tools.tool import UNKNOWN, Place, Slot, ToolRefused
from .keys import Scope
from .spelling import spellings
from .tokens.service import Tokens

NEVER_BY_DEFAULT: Final = frozenset({"secret"})  # only a clearance that names the class itself covers it
_SHORTEST_ANYWHERE: Final = 4  # shorter values are taken out of messages only where they stand as a word


@dataclass(frozen=True, slots=True)
class Clearance:
    """A permission to put real values into some places.

    ``targets`` are names or patterns with ``*`` as slots name their targets: ``clinic.patients.email``, ``clinic.*``,
    ``reports``. ``classes`` with ``*`` means every class but ``secret``.
    """

    places: frozenset[Place]
    targets: frozenset[str] = frozenset({"*"})
    classes: frozenset[str] = frozenset({"*"})

    def covers(self, place: Place, target: str, class_name: str) -> bool:
        if place not in self.places:
            return False
        if class_name not in self.classes and ("*" not in self.classes or class_name in NEVER_BY_DEFAULT):
            return False
        return any(fnmatch.fnmatchcase(target, pattern) for pattern in self.targets)


# Values go back into databases, where the plan bound them to a column, and into names of files; into no text.
USUAL_CLEARANCES: Final = (Clearance(frozenset({Place.EQUALITY, Place.VALUE, Place.NAME})),)


@dataclass(frozen=True, slots=True)
class RestoreCount:
    """What the record keeps of a restore: no token and no value."""

    class_name: str
    target: str
    place: Place
    count: int


@dataclass(frozen=True)
class Restored:
    """The values of the slots, in their order: `UNKNOWN` for a token that names nothing, the token where it stays."""

    values: tuple[object, ...] = ()
    counts: tuple[RestoreCount, ...] = ()
    unknown: tuple[str, ...] = ()  # tokens that name nothing
    tokens: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)  # token by restored text
    spelt: Callable[[], frozenset[str]] = field(default=frozenset[str], repr=False)  # finds what `own` says

    @cached_property
    def own(self) -> frozenset[str]:
        """Values the call itself spelt out, folded (see `origins`): looked for when the first token is to be made."""
        return self.spelt()

    def scrub(self, text: str) -> str:
        """The text with every value of this call replaced by its token, however it is encoded."""
        if not self.tokens or not text:
            return text
        pattern, replacements = self._spellings
        return pattern.sub(lambda match: replacements[match[0].casefold()], text)

    @cached_property
    def _spellings(self) -> tuple[re.Pattern[str], Mapping[str, str]]:
        written = {spelling: token for value, token in self.tokens.items() for spelling in spellings(value)}
        ordered = sorted(written, key=len, reverse=True)
        replacements = _Folded({spelling.casefold(): token for spelling, token in written.items()})
        return re.compile("|".join(map(_bounded, ordered)), re.IGNORECASE), replacements

    def __repr__(self) -> str:
        return f"Restored({len(self.values)} values)"  # never the values


class RestoreRate:
    """How many values a principal may have restored within a time. Safe to use from several threads."""

    def __init__(self, limit: int = 5000, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._lock = threading.Lock()
        self._taken: dict[str, deque[tuple[float, int]]] = {}

    def take(self, principal: str, count: int) -> None:
        """Raises ToolRefused (``restore-rate``) when this would be too many; then none are counted."""
        now = self._clock()
        with self._lock:
            taken = self._taken.setdefault(principal, deque())
            while taken and taken[0][0] <= now - self._seconds:
                taken.popleft()
            if sum(n for _, n in taken) + count > self._limit:
                raise ToolRefused(
                    "restore-rate",
                    f"More than {self._limit} tokens used within {self._seconds:g} seconds.",
                    "Use fewer tokens at a time, or wait.",
                )
            taken.append((now, count))


def restore(
    tokens: Tokens,
    slots: Sequence[Slot],
    scope: Scope,
    clearances: Iterable[Clearance] = USUAL_CLEARANCES,
    *,
    rate: RestoreRate | None = None,
) -> Restored:
    """The values of the slots.

    A token that names nothing is `UNKNOWN` in a comparison, which no row equals; anywhere else it refuses the call,
    because a broken token must never be written over data.

    Raises:
        ToolRefused: ``restore-not-cleared``, ``unknown-token`` or ``restore-rate``; the texts name tokens, never
        values.
    """
    granted = tuple(clearances)
    values: list[object] = []
    counts = Counter[tuple[str, str, Place]]()
    unknown: list[str] = []
    back: dict[str, str] = {}
    for slot in slots:
        class_name, value = _looked_up(tokens, slot, scope)
        if class_name is None:
            _refuse_unknown(tokens, slot, scope)
            unknown.append(slot.token)
            values.append(UNKNOWN)
        elif any(c.covers(slot.place, slot.target, class_name) for c in granted):
            values.append(value)
            counts[class_name, slot.target, slot.place] += 1
            back[str(value)] = slot.token
        elif slot.place is Place.CONTENT:
            values.append(slot.token)
        else:
            raise ToolRefused(
                "restore-not-cleared",
                f"A token of class {class_name} may not be used here.",
                "Ask for a policy that clears it, or leave the token out.",
                place=slot.target,
            )
    if rate is not None and counts:
        rate.take(scope.principal, counts.total())
    by_kind = tuple(RestoreCount(c, target, place, n) for (c, target, place), n in sorted(counts.items()))
    return Restored(tuple(values), by_kind, tuple(unknown), back)


def _looked_up(tokens: Tokens, slot: Slot, scope: Scope) -> tuple[str | None, object]:
    class_name = slot.class_name or tokens.token_class(slot.token, scope)
    if class_name is None:
        return None, UNKNOWN
    value = tokens.restore(slot.token, scope, class_name=class_name)
    return (None, UNKNOWN) if value is UNKNOWN else (class_name, value)


def _refuse_unknown(tokens: Tokens, slot: Slot, scope: Scope) -> None:
    if slot.place is Place.EQUALITY:
        return
    near = tokens.near(slot.token, scope)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Use a token exactly as it was given to you."
    raise ToolRefused("unknown-token", f"{slot.token!r} is not a token of this session.", hint, place=slot.target)


def _bounded(spelling: str) -> str:
    escaped = re.escape(spelling)
    return escaped if len(spelling) >= _SHORTEST_ANYWHERE else rf"(?<!\w){escaped}(?!\w)"


class _Folded(dict[str, str]):
    """Finds a match whose case folding differs in length or kind from that of its spelling."""

    def __missing__(self, key: str) -> str:
        return next((token for spelling, token in self.items() if spelling.upper() == key.upper()), "[masked]")
