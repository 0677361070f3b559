"""Web addresses: ``https://8zt1h6wd2k0m.example/k3v9q2m4/7c1xw8zq?id=0hd4mz8p``.

The host, every path segment, every query value and the fragment are sealed one by one (see `sealed`); the scheme
and the names of query parameters stay. Each seal is bound to what stands before it, so that two addresses share
exactly the token parts of their common beginning.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..crockford import LOOSE_SYMBOL, SYMBOL, fold
from ..sealed import Sealer
from .codec import DeriveKey

_SCHEME: Final = "(?:https?|ftp|wss?)"
PATTERN: Final = rf"{_SCHEME}://{SYMBOL}{{8,52}}\.example(?:[/?#][0-9A-Za-z/?#&=_]*)?"
LOOSE: Final = rf"{_SCHEME}://{LOOSE_SYMBOL}{{8,52}}\.example(?:[/?#][0-9A-Za-z/?#&=_]*)?"
_URL: Final = re.compile(rf"({_SCHEME})://([^/?#\s]+)(/[^?#\s]*)?(\?[^#\s]*)?(#\S*)?")
_NAME: Final = re.compile(r"[A-Za-z_][0-9A-Za-z_]{0,31}")
_LONGEST: Final = 400  # of a token; beyond, a vault id is shorter
_LONGEST_LABEL: Final = 63

Turn = Callable[[str, str], str | None]  # a part and what it is bound to, sealed or opened


class _Misfit(Exception):
    """A part that cannot be sealed, or is no seal."""


class UrlCodec:
    def __init__(self, derive: DeriveKey) -> None:
        self._sealer = Sealer(derive("part"))

    def encode(self, texts: Sequence[str]) -> list[str | None]:
        """First lay out every address with holes for its parts, then seal the parts of all of them at once."""
        drafts = [_laid_out(text) for text in texts]
        parts = [part for draft in drafts if draft for part in draft.parts]
        sealed = iter(self._sealer.seal([part for part, _ in parts], [_tweak(bound) for _, bound in parts]))
        return [None if draft is None else draft.filled([next(sealed) for _ in draft.parts]) for draft in drafts]

    def decode(self, token: str) -> str | None:
        match = _URL.fullmatch(token)
        if match is None:
            return None
        try:
            host = _turned(self._open, match[2].lower().removesuffix(".example"), "host")
            return f"{match[1]}://{host}" + _rest(match, host, self._open, opening=True)
        except _Misfit:
            return None

    def _open(self, part: str, bound: str) -> str | None:
        return self._sealer.open(fold(part), _tweak(bound))


@dataclass(slots=True)
class _Draft:
    """An address with a NUL in the place of every part, and the parts with what each is bound to."""

    frame: str = ""
    parts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def take(self, part: str, bound: str) -> str:
        self.parts.append((part, bound))
        return "\0"

    def filled(self, sealed: Sequence[str | None]) -> str | None:
        whole = [part for part in sealed if part is not None]
        if len(whole) < len(sealed) or len(whole[0]) > _LONGEST_LABEL:
            return None
        token = self.frame.replace("\0", "%s") % tuple(whole)
        return token if len(token) <= _LONGEST else None


def _laid_out(text: str) -> _Draft | None:
    match = _URL.fullmatch(text)
    if match is None or "\0" in text:
        return None
    draft = _Draft()
    host = draft.take(match[2], "host")
    draft.frame = f"{match[1]}://{host}.example" + _rest(match, match[2], draft.take, opening=False)
    return draft


def _rest(match: re.Match[str], host: str, turn: Turn, *, opening: bool) -> str:
    """Path, query and fragment, each part turned. ``bound`` always grows by the plain text of a part."""
    bound = host
    out: list[str] = []
    for i, part in enumerate((match[3] or "").split("/")):
        turned = _turned(turn, part, bound) if part else ""
        out.append(turned if i == 0 else f"/{turned}")
        bound += "/" + (turned if opening else part)
    if match[4] is not None:
        pieces = [_query_piece(piece, bound, turn, opening=opening) for piece in match[4][1:].split("&")]
        out.append("?" + "&".join(pieces))
    if match[5] is not None:
        out.append("#" + (_turned(turn, match[5][1:], bound + "#") if len(match[5]) > 1 else ""))
    return "".join(out)


def _query_piece(piece: str, bound: str, turn: Turn, *, opening: bool) -> str:
    name, equals, value = piece.partition("=")
    if equals and _NAME.fullmatch(name):
        return f"{name}=" + (_turned(turn, value, f"{bound}?{name}") if value else "")
    if not piece:
        return ""
    if opening and equals:
        raise _Misfit
    return _turned(turn, piece, f"{bound}?")


def _turned(turn: Turn, part: str, bound: str) -> str:
    turned = turn(part, bound)
    if turned is None:
        raise _Misfit
    return turned


def _tweak(bound: str) -> int:
    return int.from_bytes(hashlib.blake2b(bound.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
