"""Names and places in a buffer, by the tagger; what one text shows once, it is known by in the rest of that text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ...classes import EntityType
from ..scan import Scan
from . import features as f
from . import model as m

_PIECE: Final = 1 << 14  # characters tagged at once: what the processor's cache holds
_PADS: Final = "\x00\x00"
_TYPES: Final = {"PERSON": EntityType.PERSON, "LOCATION": EntityType.LOCATION}


class _Piece(NamedTuple):
    start: int
    end: int


def recognise(scan: Scan) -> None:
    """Report every name and place of the buffer. Raises what `model.load` raises."""
    model = m.load()
    for piece in _pieces(scan.text, scan.buffer.starts):
        _tag(scan, model, piece)


def _pieces(text: str, starts: list[int]) -> Iterator[_Piece]:
    """The buffer in pieces that end between texts, in long texts at a line break, or at a space, or anywhere."""
    at, total = 0, len(text)
    while at < total:
        if total - at <= _PIECE:
            yield _Piece(at, total)
            return
        limit = at + _PIECE
        cut = text.rfind(_PADS, at, limit)
        if cut > at:
            yield _Piece(at, cut)
            at = cut + len(_PADS)
            continue
        for mark in ("\n\n", "\n", " "):
            cut = text.rfind(mark, at + _PIECE // 2, limit)
            if cut > 0:
                break
        else:
            cut = limit
        yield _Piece(at, cut)
        at = cut


def _tag(scan: Scan, model: m.Model, piece: _Piece) -> None:
    padded = f"{_PADS}{scan.text[piece.start : piece.end]}{_PADS}"
    tokens = f.tokenise(padded, padded.encode("ascii", "replace"), model.alphabet, model.gazetteer)
    wanted = m.candidates(tokens)
    if not len(wanted):
        return
    base = piece.start - len(_PADS)
    for mention in m.decode(model, wanted, m.emissions(model, tokens, wanted)):
        kind = _TYPES.get(mention.kind)
        if kind is not None:
            start, end = int(tokens.starts[mention.first]), int(tokens.ends[mention.last - 1])
            scan.add(base + start, base + end, kind, mention.score)
