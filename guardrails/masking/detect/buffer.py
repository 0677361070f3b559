"""The one buffer a scan runs over: texts joined, awkward characters made plain, every offset kept.

Each code point of the text is exactly one byte of `Buffer.raw`, so an offset found by any engine *is* a code point
offset. Characters outside ASCII become ``?`` there; checks that care read them from `Buffer.text`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ....tools.tool import TokenSpan

SEPARATOR: Final = "\x00\x00"  # between texts; no pattern crosses it, and no feature of the tagger looks past two
HIDDEN: Final = "\x01"  # stands in for each character of a token of our own

# Characters that stand for an ASCII one in numbers and addresses as people type them. One for one: offsets stay.
_LOOKALIKES: Final[dict[str, str]] = {
    **{chr(c): " " for c in (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)},
    **{chr(c): "-" for c in (0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE63, 0xFF0D)},
    **{chr(c): "'" for c in (0x2018, 0x2019, 0x02BC)},
    **{chr(c): '"' for c in (0x201C, 0x201D)},
    **{chr(base + i): str(i) for base in (0x660, 0x6F0, 0x966, 0xFF10) for i in range(10)},
    **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94) if not 0xFF10 <= 0xFF01 + i <= 0xFF19 and i != 12},
}
_LOOKALIKE_RE: Final = re.compile("[" + "".join(re.escape(c) for c in _LOOKALIKES) + "]")
_LETTERS: Final = bytes(ord(chr(c).lower()) if chr(c).isalpha() or c == 63 else 32 for c in range(128)) + b" " * 128
# UTF-8 to one byte a character: the first byte stands for all, and as 2 where a lookalike could begin with it.
_LATER_BYTES: Final = bytes(range(0x80, 0xC0))
_FIRST_BYTES: Final = {c.encode()[0] for c in _LOOKALIKES}
_ONE_BYTE: Final = bytes(c if c < 128 else 2 if c in _FIRST_BYTES else 63 for c in range(256))
_CONTROL_RE: Final = re.compile("[\x00\x01]")

Skip = Callable[[str], Sequence[TokenSpan]]


@dataclass(slots=True)
class Buffer:
    """Joined texts: ``text`` normalised, ``raw`` the same as one byte per code point, ``starts`` of every text."""

    text: str
    raw: bytes
    starts: list[int]
    _lower: bytes | None = None
    _letters: bytes | None = None

    @property
    def lower(self) -> bytes:
        """``raw`` with A-Z in lower case."""
        if self._lower is None:
            self._lower = self.raw.lower()
        return self._lower

    @property
    def letters(self) -> bytes:
        """`lower` with a space for everything that is neither a letter nor a ``?``: words are what stands between."""
        if self._letters is None:
            self._letters = self.raw.translate(_LETTERS)
        return self._letters

    def index(self, offset: int) -> int:
        """Which text an offset lies in."""
        return bisect_right(self.starts, offset) - 1

    def bounds(self, offset: int) -> tuple[int, int]:
        """Where the text of that offset begins and ends."""
        index = self.index(offset)
        later = index + 1 < len(self.starts)
        return self.starts[index], self.starts[index + 1] - len(SEPARATOR) if later else len(self.text)

    def floor(self, offset: int) -> int:
        """Where the text of that offset begins."""
        return 0 if len(self.starts) == 1 else self.starts[bisect_right(self.starts, offset) - 1]


def plain(text: str) -> str:
    """The text with lookalikes of ASCII characters replaced, code point by code point."""
    if text.isascii():
        return text
    return _LOOKALIKE_RE.sub(lambda m: _LOOKALIKES[m[0]], text)


def _hide(text: str, spans: Sequence[TokenSpan]) -> str:
    parts: list[str] = []
    at = 0
    for token in sorted(spans, key=lambda t: t.start):
        if token.end <= at:
            continue
        start = max(at, token.start)
        parts += (text[at:start], HIDDEN * (token.end - start))
        at = token.end
    return "".join((*parts, text[at:])) if parts else text


def join(texts: Sequence[str], skip: Skip | None = None) -> Buffer:
    """One buffer of all texts. What ``skip`` reports (tokens of our own) is hidden from every detector."""
    prepared: list[str] = []
    starts: list[int] = []
    at = 0
    for text in texts:
        clean = text
        if "\x00" in clean or "\x01" in clean:
            clean = _CONTROL_RE.sub(" ", clean)
        if skip is not None and (tokens := skip(text)):
            clean = _hide(clean, tokens)
        prepared.append(clean)
        starts.append(at)
        at += len(clean) + len(SEPARATOR)
    whole = prepared[0] if len(prepared) == 1 else SEPARATOR.join(prepared)
    if whole.isascii():
        return Buffer(whole, whole.encode("ascii"), starts)
    raw = whole.encode("utf-8", "surrogatepass").translate(_ONE_BYTE, _LATER_BYTES)
    if b"\2" in raw:
        whole = plain(whole)
        raw = whole.encode("ascii", "replace")
    return Buffer(whole, raw, starts)
