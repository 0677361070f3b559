"""Finding personal data and secrets in texts: one pass over one buffer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..remembered import Remembered, keyed_hashes
from . import addresses, bank, context, national, network, numbers, secrets, tables
from .anchors import AnchorScanner, RegexScanner, best_scanner
from .buffer import Buffer, Skip, join
from .scan import Anchor, Scan, key_words
from .spans import Span, resolve

ANCHORS: Final[tuple[Anchor, ...]] = (
    *network.ANCHORS,
    *bank.ANCHORS,
    *national.ANCHORS,
    *context.ANCHORS,
    *secrets.ANCHORS,
    *tables.ANCHORS,
    *addresses.ANCHORS,
)


class Detector:
    """Finds personal data and secrets in texts. Cheap to share: `scan` may be called from any thread.

    Args:
        hyperscan: False takes the ``re`` twin even where Hyperscan works; for tests and comparison.
        threshold: findings with a lower score are not reported.
        names: False leaves names and places in free text alone: only what its form or its name gives away.
    """

    def __init__(self, *, hyperscan: bool = True, threshold: float = 0.5, names: bool = True) -> None:
        anchors = ANCHORS if names else ANCHORS[: -len(addresses.ANCHORS)]
        self.anchors: AnchorScanner = best_scanner(anchors) if hyperscan else RegexScanner(anchors)
        self._handlers = [anchor.handler for anchor in anchors]
        self._threshold = threshold
        self._tagging = names
        self._clean = Remembered()  # keys with texts that hold nothing of a form of its own

    def _names(self, scan: Scan) -> None:
        from .tagger import names  # numpy and the weights, when first needed

        names.recognise(scan)

    def scan(
        self, text: str, *, key: str | None = None, structured_only: bool = False, skip: Skip | None = None
    ) -> list[Span]:
        """What a text holds, in order and without overlaps.

        Args:
            text: any text; offsets of the answer are its code points.
            key: the name it stands under (column, JSON key, header), as context.
            structured_only: only what has a form of its own (numbers, addresses, keys): for open columns, whose
                product names and cities are not to be touched.
            skip: says where tokens of our own stand; nothing is detected in them.
        """
        return self.scan_many([text], [key], structured_only=structured_only, skip=skip)[0]

    def scan_many(
        self,
        texts: Sequence[str],
        keys: Sequence[str | None] | None = None,
        *,
        structured_only: bool = False,
        skip: Skip | None = None,
    ) -> list[list[Span]]:
        """`scan` for many texts, joined into one buffer and scanned in one pass; one list per text."""
        if not texts:
            return []
        if structured_only and keys is not None and not (skip is not None and any(map(skip, texts))):
            return self._repeated(texts, keys)
        return self._scanned(texts, keys, structured_only=structured_only, skip=skip)

    def _repeated(self, texts: Sequence[str], keys: Sequence[str | None]) -> list[list[Span]]:
        """Cells of open columns, without tokens: columns repeat their values, and most hold nothing."""
        hashes = keyed_hashes(texts, keys)
        clean = self._clean.known()
        spans: list[list[Span]] = [[] for _ in texts]
        if asked := [i for i, one in enumerate(hashes) if one not in clean]:
            found = self._scanned([texts[i] for i in asked], [keys[i] for i in asked], structured_only=True)
            for i, of_text in zip(asked, found, strict=True):
                spans[i] = of_text
            self._clean.add(hashes[i] for i in asked if not spans[i])
        return spans

    def _scanned(
        self,
        texts: Sequence[str],
        keys: Sequence[str | None] | None,
        *,
        structured_only: bool,
        skip: Skip | None = None,
    ) -> list[list[Span]]:
        buffer = join(texts, skip)
        free = self._tagging and not structured_only
        scan = Scan(buffer, buffer.text, buffer.raw, _key_words(keys), structured_only, free)
        handlers = self._handlers
        for index, end in self.anchors.scan(buffer.raw):
            handlers[index](scan, end)
        numbers.recognise(scan)
        if free:
            self._names(scan)
        found = scan.found
        if not found:
            return [[] for _ in texts]
        threshold = self._threshold
        spans = resolve(s for s in found if s.score >= threshold)
        return [spans] if len(texts) == 1 else _dealt(spans, buffer)


def _key_words(keys: Sequence[str | None] | None) -> list[list[bytes] | None] | None:
    if keys is None or not any(keys):
        return None
    cache: dict[str, list[bytes]] = {}
    return [None if not k else cache[k] if k in cache else cache.setdefault(k, key_words(k)) for k in keys]


def _dealt(spans: Sequence[Span], buffer: Buffer) -> list[list[Span]]:
    """Spans of the joined buffer as spans of each text."""
    dealt: list[list[Span]] = [[] for _ in buffer.starts]
    for start, end, kind, score, class_name in spans:
        index = buffer.index(start)
        base = buffer.starts[index]
        dealt[index].append(Span(start - base, end - base, kind, score, class_name))
    return dealt
