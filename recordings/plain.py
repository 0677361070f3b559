"""Recorded text made harmless for a terminal. A transcript holds what agents and data said, and that is hostile."""

from __future__ import annotations

import re
from typing import Final

# ESC ] ... BEL or ST (titles, clipboard, links), ESC P/X/^/_ ... ST, ESC [ ... final byte, and their one-byte C1 forms
_SEQUENCES: Final = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
# What is left of C0, DEL and C1; marks that turn the direction of text around; halves of surrogate pairs
_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
SHOWN_AS: Final = "\ufffd"


def plain(text: str, *, lines: bool = False) -> str:
    """``text`` without terminal sequences and controls, each shown as one U+FFFD.

    Line ends and tabs become spaces, unless ``lines`` keeps them.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n")
    text = _CONTROLS.sub(SHOWN_AS, _SEQUENCES.sub(SHOWN_AS, text))
    return text if lines else text.replace("\n", " ").replace("\t", " ")


def cut(text: str, width: int) -> str:
    """At most ``width`` characters of it."""
    return text if len(text) <= width else text[: width - 1] + "…"
