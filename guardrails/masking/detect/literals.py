r"""Anchors as plain texts: ``api[_-]?key`` is ``apikey``, ``api_key`` and ``api-key``.

Hyperscan compiles a thousand plain texts in the time it takes for a dozen expressions with ``\b`` in them, and a server
is to start at once. So what can be written out is written out, and word boundaries are checked at each hit.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_MOST: Final = 80
_TOKEN: Final = re.compile(
    r"\\(?P<escaped>[^\w])|\[(?P<set>[^\]^]+)\]|(?P<group>\(\?:)|(?P<plain>[^\\.*+{}\[\]()|?^$])"
)
_RANGE: Final = re.compile(r"\\?(.)(?:-\\?(.))?", re.DOTALL)


class Plain(NamedTuple):
    """The texts of an anchor, and whether a word must begin before them and end behind them."""

    texts: list[str]
    begins: bool
    ends: bool


def written_out(pattern: str) -> Plain | None:
    """An anchor's pattern as plain texts; None where it has too many, or a loop."""
    body = pattern.removeprefix(r"\b")
    begins, ends = body != pattern, body.endswith(r"\b")
    texts, at = _alternatives(body.removesuffix(r"\b"), 0)
    if texts is None or at != len(body.removesuffix(r"\b")) or len(texts) > _MOST or "" in texts:
        return None
    return Plain(texts, begins, ends)


def _alternatives(body: str, at: int) -> tuple[list[str] | None, int]:
    """All texts of alternatives from ``at`` up to the end of their group."""
    found: list[str] = []
    current = [""]
    while at < len(body) and body[at] != ")":
        if body[at] == "|":
            found += current
            current = [""]
            at += 1
            continue
        token = _TOKEN.match(body, at)
        if token is None:
            return None, at
        at = token.end()
        if token["group"]:
            inner, at = _alternatives(body, at)
            if inner is None or body[at : at + 1] != ")":
                return None, at
            options, at = inner, at + 1
        elif token["set"]:
            options = _members(token["set"])
        else:
            options = [token["escaped"] or token["plain"]]
        if body[at : at + 1] == "?":
            options, at = ["", *options], at + 1
        current = [head + tail for head in current for tail in options]
        if len(current) > _MOST:
            return None, at
    return found + current, at


def _members(inside: str) -> list[str]:
    members: list[str] = []
    at = 0
    while at < len(inside):
        match = _RANGE.match(inside, at)
        if match is None:
            break
        first, last = match[1], match[2]
        if last is None or at + 1 == len(inside):
            members.append(first)
        else:
            members += [chr(c) for c in range(ord(first), ord(last) + 1)]
        at = match.end()
    return members
