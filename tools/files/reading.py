"""Bounded reading of one file, and of the files of a folder."""

from __future__ import annotations

import os
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Final

from ..threads import Stop
from ..tool import JsonObject, ToolFailed, ToolRefused
from .media import Decoded, read_text
from .names import look_alike, shown
from .roots import FileIdentity, Kind, Root, disk_failed

CHUNK: Final = 1 << 20
_NAMES_SEEN: Final = 50_000  # names looked at in one listing or search
_DEEPEST: Final = 16  # levels of folders below the one searched
_SETTLED_NS: Final = 2_000_000_000  # a file changed less long ago may change again within its time stamp's grain


@dataclass(frozen=True, slots=True)
class Listed:
    """One name in a folder. ``twin``: another name there cannot be told from it by eye or by some disks."""

    name: str
    kind: Kind
    size: int
    modified: float
    twin: bool


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file met while walking a folder."""

    names: tuple[str, ...]
    identity: FileIdentity


@dataclass(frozen=True, slots=True)
class Tree:
    """The files below a folder, newest first, and what was left out, by reason."""

    files: tuple[FoundFile, ...]
    skipped: Counter[str]
    truncated: bool
    refused: ToolRefused | None = None  # why there is nothing to walk; told only after policy has spoken


def read_bounded(descriptor: int, cap: int, stop: Stop) -> tuple[bytes, bool]:
    """At most ``cap`` bytes, and whether there are more. The size a file claims is not believed: it may be sparse."""
    chunks: list[bytes] = []
    length = 0
    try:
        while length <= cap:
            stop.check()
            chunk = os.read(descriptor, min(CHUNK, cap + 1 - length))
            if not chunk:
                break
            chunks.append(chunk)
            length += len(chunk)
    except OSError as error:
        raise disk_failed(error) from None
    data = b"".join(chunks)
    return data[:cap], len(data) > cap


def read_file(
    root: Root, names: Sequence[str], cap: int, stop: Stop, *, listed: bool = False
) -> tuple[Decoded, FileIdentity]:
    """A file's text, up to ``cap`` bytes, and which file it was. Raises `ToolRefused` or `ToolFailed`."""
    with root.file(names, listed=listed) as (descriptor, identity):
        data, truncated = read_bounded(descriptor, cap, stop)
    return read_text(data, names[-1], truncated=truncated, encoding=root.settings.encoding), identity


def list_folder(root: Root, names: Sequence[str], limit: int, stop: Stop) -> tuple[list[Listed], bool]:
    """What is in a folder: folders first, each newest first; and whether something was left out.

    Never in the order of names: a name that is masked afterwards would be betrayed by its place among the others.
    """
    if names and not root.is_exact(names):
        raise ToolRefused("not-found", "There is no such file or folder here.", "See file_list.", place="path")
    found = _entries(root, names, _NAMES_SEEN, stop)
    alike = Counter(look_alike(name) for name, _ in found)
    listed = [Listed(name, Kind.of(s.st_mode), s.st_size, s.st_mtime, alike[look_alike(name)] > 1) for name, s in found]
    listed.sort(key=lambda one: (one.kind is not Kind.FOLDER, -one.modified))
    return listed[:limit], len(found) >= _NAMES_SEEN or len(listed) > limit


def walk(root: Root, names: tuple[str, ...], limit: int, stop: Stop) -> Tree:
    """The regular files at or below a path, at most ``limit``, newest first. Follows no link and crosses no mount."""
    start = root.look(names)
    if start is None or not root.is_exact(names):
        raise ToolRefused("not-found", "There is no such file or folder here.", "See file_list.", place="path")
    if Kind.of(start.st_mode) is not Kind.FOLDER:
        root.check_regular(start)
        return Tree((FoundFile(names, FileIdentity.of(start)),), Counter(), truncated=False)
    files: list[FoundFile] = []
    skipped = Counter[str]()
    folders = [names]
    seen = 0
    while folders and seen < _NAMES_SEEN:
        folder = folders.pop()
        try:
            entries = _entries(root, folder, _NAMES_SEEN - seen, stop)
        except ToolRefused as refused:
            if folder == names:
                raise
            skipped[refused.code] += 1  # a mount, a folder without permission, one that has just gone
            continue
        seen += len(entries)
        for name, status in entries:
            below = (*folder, name)
            kind = Kind.of(status.st_mode)
            if kind is Kind.FILE:
                files.append(FoundFile(below, FileIdentity.of(status)))
            elif kind is not Kind.FOLDER:
                skipped["link" if kind is Kind.LINK else "not-a-file"] += 1
            elif len(below) - len(names) > _DEEPEST:
                skipped["too-deep"] += 1
            else:
                folders.append(below)
    files.sort(key=lambda file: -file.identity.modified_ns)
    return Tree(tuple(files[:limit]), skipped, truncated=seen >= _NAMES_SEEN or len(files) > limit)


def _entries(root: Root, folder: Sequence[str], room: int, stop: Stop) -> list[tuple[str, os.stat_result]]:
    """The visible names of a folder and what they are, links themselves, at most ``room``. Raises `ToolRefused`."""
    found: list[tuple[str, os.stat_result]] = []
    with root.folder(folder) as descriptor, os.scandir(descriptor) as entries:
        for entry in entries:
            stop.check()
            if root.is_hidden(entry.name):
                continue
            if len(found) >= room:
                break
            with suppress(FileNotFoundError):  # removed while we looked
                found.append((entry.name, entry.stat(follow_symlinks=False)))
    return found


class KnownUnreadable:
    """Remembers files that turned out to be no text, so that a search does not read them again and again.

    Keyed by the file's identity with its time of change, which no one can set back; files changed a moment ago are not
    remembered. Being wrong here could only leave a file out.
    """

    def __init__(self, room: int = 4096) -> None:
        self._codes: OrderedDict[FileIdentity, str] = OrderedDict()
        self._room = room
        self._lock = Lock()

    def get(self, identity: FileIdentity) -> str | None:
        with self._lock:
            return self._codes.get(identity)

    def put(self, identity: FileIdentity, code: str) -> None:
        if time.time_ns() - max(identity.changed_ns, identity.modified_ns) < _SETTLED_NS:
            return
        with self._lock:
            self._codes[identity] = code
            while len(self._codes) > self._room:
                self._codes.popitem(last=False)


def read_found(root: Root, file: FoundFile, cap: int, known: KnownUnreadable, stop: Stop) -> Decoded | str:
    """The text of a file of a `Tree`, or the reason why it has none. Never another file than the one found."""
    code = known.get(file.identity)
    if code is not None:
        return code
    try:
        decoded, identity = read_file(root, file.names, cap, stop, listed=True)
    except ToolRefused as refused:
        if refused.code in ("binary-file", "encoding-unknown"):
            known.put(file.identity, refused.code)
        return refused.code
    except ToolFailed as failed:
        if failed.code == "deadline":
            raise
        return failed.code
    return decoded if identity.same_file(file.identity) else "changed"


def shown_entry(one: Listed) -> JsonObject:
    """A listed name as an agent sees it."""
    modified = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(max(one.modified, 0)))
    entry: JsonObject = {"name": shown(one.name), "type": one.kind.value, "modified": modified}
    if one.kind is Kind.FILE:
        entry["size"] = one.size
    if one.twin:
        entry["twin"] = True
    return entry
