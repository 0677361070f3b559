"""Finding all anchors in one pass: Hyperscan where there is a wheel, ``re`` elsewhere, with the same answers."""

from __future__ import annotations

import importlib
import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

from .literals import written_out

if TYPE_CHECKING:
    import hyperscan

    from .scan import Anchor

Hit = tuple[int, int]
"""The index of an anchor and the offset where it ends."""


class AnchorScanner(Protocol):
    """All places where an anchor ends, ordered by that place."""

    def scan(self, raw: bytes) -> list[Hit]: ...


class RegexScanner:
    """The twin without Hyperscan: every anchor on its own, every start tried."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        self._patterns = [
            re.compile(a.pattern.encode("ascii"), re.IGNORECASE if a.caseless else re.NOFLAG) for a in anchors
        ]

    def scan(self, raw: bytes) -> list[Hit]:
        hits: set[Hit] = set()
        for index, pattern in enumerate(self._patterns):
            at = 0
            while (match := pattern.search(raw, at)) is not None:
                hits.add((index, match.end()))
                at = match.start() + 1
        return sorted(hits, key=_by_end)


class HyperscanScanner:
    """All anchors as one automaton. The interpreter's lock is free while it runs, so each thread has its own scratch.

    Raises:
        ImportError: there is no hyperscan package here.
        hyperscan.error: the processor is not supported.
    """

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        self._hs = hyperscan = importlib.import_module("hyperscan")
        expressions: list[bytes] = []
        flags: list[int] = []
        self._checks: list[_Check] = []
        for index, anchor in enumerate(anchors):
            plain = written_out(anchor.pattern)
            for text in [None] if plain is None else plain.texts:
                expressions.append((anchor.pattern if text is None else _escaped(text)).encode("ascii"))
                flags.append(hyperscan.HS_FLAG_CASELESS if anchor.caseless else 0)
                begins, ends = (plain.begins, plain.ends) if plain else (False, False)
                self._checks.append(_Check(index, len(text or ""), begins, ends))
        self._database: hyperscan.Database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(expressions=expressions, ids=list(range(len(expressions))), flags=flags)
        self._local = threading.local()

    def scan(self, raw: bytes) -> list[Hit]:
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = self._hs.Scratch(self._database)
        hits: list[Hit] = []
        self._database.scan(raw, match_event_handler=cast("Any", _collect), context=hits, scratch=scratch)
        checks = self._checks
        found: list[Hit] = []
        for number, end in hits:
            index, width, begins, ends = checks[number]
            if begins and _WORDLIKE[raw[end - width]] == (end > width and _WORDLIKE[raw[end - width - 1]]):
                continue
            if ends and _WORDLIKE[raw[end - 1]] == (end < len(raw) and _WORDLIKE[raw[end]]):
                continue
            found.append((index, end))
        found.sort(key=_by_end)  # two that end together come in any order
        return found


class _Check(NamedTuple):
    """What an expression stands for: the anchor, the length of its text, and the word boundaries still to check."""

    anchor: int
    width: int
    begins: bool
    ends: bool


_WORDLIKE: Final = [chr(c).isalnum() or c == 95 if c < 128 else False for c in range(256)]


def _escaped(text: str) -> str:
    return re.sub(r"([^A-Za-z0-9_])", r"\\\1", text)


def _collect(index: int, start: int, end: int, flags: int, context: list[Hit]) -> None:
    context.append((index, end))


def _by_end(hit: Hit) -> tuple[int, int]:
    return hit[1], hit[0]


def best_scanner(anchors: Sequence[Anchor]) -> AnchorScanner:
    """Hyperscan if it works here, the ``re`` twin if not."""
    try:
        return HyperscanScanner(anchors)
    except ImportError:
        return RegexScanner(anchors)
