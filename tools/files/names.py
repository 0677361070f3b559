"""File names as an agent writes and reads them.

On disk a name is bytes; many bytes are invisible, reorder text, or are not UTF-8 at all. `shown` writes a name so that
it can be read, encoded as JSON and typed back; `parse_path` turns such a text into the exact names on disk. The two are
inverse to each other, and only the form that `shown` makes is accepted, so that one file has one path.

Escapes: ``\\\\`` is a backslash, ``\\xHH`` a byte that is not UTF-8, ``\\uHHHH`` and ``\\UHHHHHHHH`` a control,
direction, zero-width or other unseen character.
"""

from __future__ import annotations

import os
import re
import unicodedata
from typing import Final

from ..tool import ToolRefused

MAX_PATH_BYTES: Final = 4096
MAX_NAME_BYTES: Final = 255
MAX_DEPTH: Final = 64
TEMPORARY: Final = ".gloveport-"  # files of ours that are not finished; they do not exist for anyone

# Characters that show nothing although Unicode does not call them control or format characters.
_UNSEEN: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
_ESCAPED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
_ESCAPE: Final = re.compile(r"\\(?:(\\)|x([89a-f][0-9a-f])|u([0-9a-f]{4})|U([0-9a-f]{8}))?")
_DEVICE: Final = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$")


def shown(name: str) -> str:
    """A name from the disk (as `os.fsdecode` gives it) in the form agents see and send back. Always encodable."""
    if name.isascii() and name.isprintable() and "\\" not in name:
        return name
    return "".join(_shown_character(c) for c in name)


def _shown_character(c: str) -> str:
    code = ord(c)
    if c == "\\":
        return "\\\\"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as surrogateescape (PEP 383) carries it
        return f"\\x{code - 0xDC00:02x}"
    if not _is_unseen(c):
        return c
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _is_unseen(c: str) -> bool:
    category = unicodedata.category(c)
    return category in _ESCAPED_CATEGORIES or c in _UNSEEN or (category == "Zs" and c != " ")


def parse_path(path: str, *, place: str = "path") -> tuple[str, ...]:
    """The names of a relative path, outermost first, exactly as on disk.

    Raises `ToolRefused` (``path-invalid``) for an empty or absolute path, an empty name, ``.`` and ``..``, NUL, an
    escape that `shown` would not write, and for paths too long or too deep.
    """

    def refuse(message: str) -> ToolRefused:
        hint = "Give a path relative to the root, as file_list shows it, such as 2026/visits.csv."
        return ToolRefused("path-invalid", message, hint, place=place)

    if not path:
        raise refuse("The path is empty.")
    if path.startswith("/"):
        raise refuse("The path is absolute.")
    if len(path) > MAX_PATH_BYTES:
        raise refuse("The path is too long.")
    parts = tuple(_on_disk(part) for part in path.split("/"))
    if len(parts) > MAX_DEPTH:
        raise refuse("The path is too deep.")
    for part in parts:
        if part is None:
            raise refuse("The path holds an unseen character or an escape that is not one.")
        if part in ("", "."):
            raise refuse("The path holds an empty name or a dot.")
        if part == "..":
            raise refuse("The path leaves its folder with '..'.")
        if "/" in part or "\0" in part:
            raise refuse("A name holds a slash or a NUL.")
        if len(os.fsencode(part)) > MAX_NAME_BYTES:
            raise refuse("A name is too long.")
    names = tuple(part for part in parts if part is not None)
    if len(os.fsencode("/".join(names))) >= MAX_PATH_BYTES:
        raise refuse("The path is too long.")
    return names


def _on_disk(part: str) -> str | None:
    """The name that `shown` writes as ``part``; None where there is none."""
    bad = False

    def character(found: re.Match[str]) -> str:
        nonlocal bad
        backslash, byte, short, long = found.groups()
        if backslash:
            return "\\"
        if byte:
            return chr(0xDC00 + int(byte, 16))
        code = int(short or long or "ffffffff", 16)
        bad = bad or code > 0x10FFFF
        return "" if bad else chr(code)

    name = _ESCAPE.sub(character, part)
    return None if bad or shown(name) != part or not _encodable(name) else name


def _encodable(name: str) -> bool:
    """Whether the disk can hold the name, and would give it back the same."""
    try:
        return os.fsdecode(os.fsencode(name)) == name
    except UnicodeEncodeError:
        return False


def path_of(names: tuple[str, ...]) -> str:
    """The path of names, in the form agents see."""
    return "/".join(map(shown, names))


def look_alike(name: str) -> str:
    """Two names with the same key are one name to a reader, or to a disk that folds case and accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def check_new(name: str, *, place: str = "path") -> None:
    """A name about to be created must be plain. Raises `ToolRefused` (``name-refused``)."""

    def refuse(message: str) -> ToolRefused:
        return ToolRefused("name-refused", message, "Choose a plain name.", place=place)

    if "\\" in name or any(_is_unseen(c) for c in name):
        raise refuse("A new name may not hold unseen or control characters, bytes that are not UTF-8, or a backslash.")
    if name != unicodedata.normalize("NFC", name):
        raise refuse("A new name must be in Unicode normal form C.")
    if name != name.strip(" ") or name.endswith("."):
        raise refuse("A new name may not begin or end with a space or end with a dot.")
    if _DEVICE.match(name):
        raise refuse("A new name may not be that of a device.")
