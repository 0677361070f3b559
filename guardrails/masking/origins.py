"""What agents wrote themselves, and where: it must never meet the data key.

A token is the same for equal values. If an agent could write down a guess and read it back as a token, it would know
the token of its guess, and by that whose value it is. So values found in what an agent writes are noted for the
*places* it writes to (a file, the names in a root, the columns of a table, a tool's server); found again in one of
those places they are redacted, for everybody who looks. Places that no agent writes to are not touched by it: there,
a redacted value would say that the guess is right.

A guess can also be put together from parts by the database, in an open column (`'ann' || '@x.com'`). Whatever is found
in a column that ever took a computed value counts as written by an agent.

Within one call nothing that stands in its own arguments becomes a token: a tool may answer with what it was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from ...tools.tool import Access, Action, ColumnRef, Effect, Plan, TokenSpan
from .detect import Detector
from .documents import PLAIN, media_of, opened

FindTokens: TypeAlias = Callable[[Sequence[str]], Sequence[Sequence[TokenSpan]]]  # in each of the texts

_WRITES: Final = frozenset({Action.DB_INSERT, Action.DB_UPDATE, Action.DB_DELETE, Action.FILE_WRITE, Action.TOOL_CALL})
_LASTING: Final = frozenset({Effect.WRITE, Effect.SEND})
_FILES: Final = frozenset({"file", "file_root"})
_MOST_NAMES: Final = 64  # columns whose names are tried as context for what is written to them


def places_of(accesses: Iterable[Access], *, written: bool = False) -> list[str]:
    """Where the data of these accesses lies; with ``written`` only of those that change it."""
    if not written:
        return [place for access in accesses for place in _places(access, access.columns)]
    return [
        place
        for access in accesses
        if access.action in _WRITES
        for place in _places(access, access.written or access.columns)
    ]


def names_of(accesses: Iterable[Access]) -> list[str]:
    """Where the names of files lie that these accesses show or make."""
    return sorted({f"names {access.parent or access.name}" for access in accesses if access.kind in _FILES})


def dates_in(place: str) -> str:
    """Where it is noted that shifted dates of a column, or those of the persons it names, are an agent's doing."""
    return f"dates {place}"


def lasts(plan: Plan) -> bool:
    """Whether what the call says may be read again later."""
    return not plan.effects.isdisjoint(_LASTING)


def own_values(plan: Plan, detector: Detector, find_tokens: FindTokens) -> set[str]:
    """The values in what a call says of its own. Tokens in it are not the agent's own.

    It is read again as a file, a cell or an answer, by its kind and under its names: it is looked through in all these
    ways now.
    """
    paths = [access.name for access in plan.accesses if access.action is Action.FILE_WRITE]
    names = [name for path in paths for name in (path, *path.split("/"))]
    names += [name.rpartition(".")[0] for name in names]
    look = _Look(detector, find_tokens)
    look(names, [None] * len(names), structured_only=True)
    if plan.written:
        look([plan.written], [None])
        for media in _kinds(plan.written):
            look.inside(plan.written, media)
        tables = [access for access in plan.accesses if access.kind == "table" and access.action in _WRITES]
        if tables:
            _cells(plan.written, {column.column for access in tables for column in access.written}, look)
    return look.found


class _Look:
    """Looks through texts and collects what is found."""

    def __init__(self, detector: Detector, find_tokens: FindTokens) -> None:
        self._detector = detector
        self._find_tokens = find_tokens
        self.found: set[str] = set()

    def __call__(self, texts: Sequence[str], keys: Sequence[str | None], *, structured_only: bool = False) -> None:
        tokens = dict(zip(texts, self._find_tokens(texts), strict=True))
        scanned = self._detector.scan_many(texts, keys, structured_only=structured_only, skip=tokens.__getitem__)
        for text, spans in zip(texts, scanned, strict=True):
            self.found.update(text[span.start : span.end] for span in spans)

    def inside(self, text: str, media: str) -> None:
        parts: list[tuple[str, str | None]] = []

        def take(part: str, key: str | None) -> int:
            parts.append((part, key))
            return len(parts) - 1

        opened(text, None, media, take)
        if len(parts) > 1:
            self([part for part, _ in parts], [key for _, key in parts])

    def without_tokens(self, texts: Iterable[str]) -> list[str]:
        asked = list(texts)
        return [text for text, tokens in zip(asked, self._find_tokens(asked), strict=True) if not tokens]


def _cells(written: str, columns: Iterable[str], look: _Look) -> None:
    """Literals, one a line: each may fill a column on its own, whatever it looks like."""
    lines = look.without_tokens({line for line in (*written.splitlines(), written) if line})
    look.found.update(lines)
    for line in lines:
        if (media := media_of(line)) != PLAIN:
            look.inside(line, media)
    for name in sorted(columns)[:_MOST_NAMES]:
        for structured_only in (False, True):
            look(lines, [name] * len(lines), structured_only=structured_only)


def _kinds(text: str) -> Iterator[str]:
    """What kinds of structured text this could be read as."""
    if text.lstrip()[:1] in ("{", "["):
        yield "application/json"
        yield "application/x-ndjson"
    head, newline, _ = text.partition("\n")
    if newline and any(separator in head for separator in ",;|\t"):
        yield "text/csv"
    if newline and "\t" in head:
        yield "text/tab-separated-values"


def _places(access: Access, columns: Iterable[ColumnRef]) -> list[str]:
    match access.kind:
        case "table":
            return sorted(map(str, columns)) or [access.name]
        case "tool":  # tools of one server share what they keep
            server, split, _ = access.name.partition("__")
            return [f"tool {server}" if split else "tool"]
        case _:
            return [access.name]
