"""What agents wrote themselves, and where: it must never meet the data key.

A token is the same for equal values. If an agent could write down a guess and read it back as a token, it would know
the token of its guess, and by that whose value it is. So values found in what an agent writes are noted for the
*places* it writes to (a file, the names in a root, the columns of a table, a tool's server); found again in one of
those places they are redacted, for everybody who looks. Places that no agent writes to are not touched by it: there,
a redacted value would say that the guess is right.

Within one call nothing that stands in its own arguments becomes a token: a tool may answer with what it was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from ...tools.tool import Access, Action, Effect, Plan, TokenSpan
from .detect import Detector
from .documents import leaves

FindTokens: TypeAlias = Callable[[str], Sequence[TokenSpan]]

_WRITES: Final = frozenset({Action.DB_INSERT, Action.DB_UPDATE, Action.DB_DELETE, Action.FILE_WRITE, Action.TOOL_CALL})
_LASTING: Final = frozenset({Effect.WRITE, Effect.SEND})
_MEDIA: Final = ("application/json", "application/x-ndjson", "text/csv", "text/tab-separated-values")
_FILES: Final = frozenset({"file", "file_root"})
_MOST_NAMES: Final = 8  # columns whose names are tried as context for what is written to them


def places_of(accesses: Iterable[Access], *, written: bool = False) -> list[str]:
    """Where the data of these accesses lies; with ``written`` only of those that change it."""
    return [place for access in accesses if not written or access.action in _WRITES for place in _places(access)]


def names_of(accesses: Iterable[Access]) -> list[str]:
    """Where the names of files lie that these accesses show or make."""
    return sorted({f"names {access.parent or access.name}" for access in accesses if access.kind in _FILES})


def lasts(plan: Plan) -> bool:
    """Whether what the call says may be read again later."""
    return not plan.effects.isdisjoint(_LASTING)


def own_values(plan: Plan, detector: Detector, find_tokens: FindTokens) -> set[str]:
    """The values in what a call says of its own. Tokens in it are not the agent's own."""
    paths = [access.name for access in plan.accesses if access.action is Action.FILE_WRITE]
    names = [name for path in paths for name in (path, *path.split("/"))]
    names += [name.rpartition(".")[0] for name in names]
    found = set(_found(detector, names, [None] * len(names), find_tokens))
    if not plan.written:
        return found
    found.update(_found(detector, [plan.written], [None], find_tokens))
    for media in _MEDIA:
        if parts := leaves(plan.written, media):
            found.update(_found(detector, [p.text for p in parts], [p.key for p in parts], find_tokens))
    tables = [access for access in plan.accesses if access.kind == "table" and access.action in _WRITES]
    if tables:  # literals, one a line: each may fill a column on its own, whatever it looks like
        lines = [line for line in {*plan.written.splitlines(), plan.written} if line and not find_tokens(line)]
        found.update(lines)
        for name in sorted({column.column for access in tables for column in access.columns})[:_MOST_NAMES]:
            found.update(_found(detector, lines, [name] * len(lines), find_tokens))
    return found


def _found(
    detector: Detector, texts: Sequence[str], keys: Sequence[str | None], find_tokens: FindTokens
) -> Iterator[str]:
    """What may be found in the texts when they are read again: in free text, and where only forms are looked for."""
    for structured_only in (False, True):
        scanned = detector.scan_many(texts, keys, structured_only=structured_only, skip=find_tokens)
        for text, spans in zip(texts, scanned, strict=True):
            for span in spans:
                yield text[span.start : span.end]


def _places(access: Access) -> list[str]:
    match access.kind:
        case "table":
            return sorted(map(str, access.columns)) or [access.name]
        case "tool":  # tools of one server share what they keep
            server, split, _ = access.name.partition("__")
            return [f"tool {server}" if split else "tool"]
        case _:
            return [access.name]
