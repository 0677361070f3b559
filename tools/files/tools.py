"""The four file tools: list, read, search, write.

A plan names the root and the path as the agent wrote them and never says whether a file exists: what policy denies and
what is not there read the same. It does hold which file the path meant, and a run refuses any other.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import anyio

from ..answer import BOOLEAN, INTEGER, OBJECT, STRING, answer_schema
from ..threads import Stop
from ..tool import (
    Access,
    Action,
    Effect,
    Entries,
    JsonObject,
    JsonValue,
    Place,
    Plan,
    Planning,
    Running,
    Search,
    Text,
    Tool,
    ToolRefused,
    ToolSpec,
    Window,
)
from .asking import (
    PLAN_SECONDS,
    PathWork,
    Roots,
    access,
    check_planned,
    facts,
    input_schema,
    least,
    limits,
    locate,
    meant,
    natural_of,
    root_schema,
    string_of,
)
from .beneath import Opener
from .filling import Tokened, fill, find_slots
from .media import Decoded
from .names import path_of
from .reading import FoundFile, KnownUnreadable, Tree, list_folder, read_file, read_found, shown_entry, walk
from .roots import FileIdentity, FileRootError, FileSettings, Root
from .writing import Planned, write_file

MAX_NEEDLE: Final = 200
_SEARCH_FILES_OF_CAP: Final = 4  # a search reads at most this many times the cap of one file
_SEARCH_BATCH: Final = 16
_SEARCH_SHARE: Final = 0.5  # of the time: masking what was found needs the rest
_UNSEEN_TAIL: Final = 4096  # characters kept for the masker's eyes before a cut, so that no value is cut in two

_PATH: Final[JsonObject] = {"type": "string", "minLength": 1, "description": "relative, as in 2026/visits.csv"}
_FOLDER: Final[JsonObject] = {"type": "string", "description": "relative; absent: the whole root"}
_ENTRIES: Final[JsonObject] = {"type": "array", "items": OBJECT}


def build_file_tools(
    settings: Sequence[FileSettings], *, keep_out: Sequence[Path] = (), opener: Opener | None = None
) -> list[Tool]:
    """The file tools over these root folders; none without a root, no ``file_write`` without a writable one.

    ``keep_out`` are files and folders of the server itself (configuration, keys, policies, recordings): a root that
    holds one of them, or is inside one, stops the start. Raises `FileRootError`, one line.
    """
    if not settings:
        return []
    for one in settings:
        _check_apart(one, keep_out)
    roots = Roots([Root(one, opener) for one in settings], 0o666 & ~_umask())
    tools: list[Tool] = [FileList(roots), FileRead(roots), FileSearch(roots)]
    if roots.names(write=True):
        tools.append(FileWrite(roots))
    return tools


def _check_apart(settings: FileSettings, keep_out: Sequence[Path]) -> None:
    root = settings.path.resolve()
    for path in keep_out:
        own = path.resolve()
        if own.is_relative_to(root) or root.is_relative_to(own):
            raise FileRootError(
                f"files.{settings.name}.path: {settings.path} and {path} overlap, and the second belongs to the server "
                "itself; choose a folder apart"
            )


def _umask() -> int:
    """The permissions new files do not get. Reading means setting it for a moment; done once, at start."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@dataclass(frozen=True, slots=True)
class ReadWork:
    at: PathWork
    window: Window


@dataclass(frozen=True, slots=True)
class SearchWork:
    at: PathWork
    tree: Tree
    needle: str


@dataclass(frozen=True, slots=True)
class WriteWork:
    at: PathWork
    content: Tokened


class FileList:
    """``file_list``: the names in a folder."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self.spec = ToolSpec(
            name="file_list",
            title="List files",
            description="List a folder of a file root, newest first. Personal data in names shows as tokens, which "
            "work in paths.",
            input_schema=input_schema({"root": root_schema(roots.names()), "path": _FOLDER}, "root"),
            output_schema=answer_schema({"entries": _ENTRIES, "truncated": BOOLEAN}),
            actions=frozenset({Action.FILE_LIST}),
            recorded=frozenset({"root", "path"}),
        )

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        at = await locate(self._roots, arguments, planning, folder=True)
        return Plan(
            accesses=(access(Action.FILE_LIST, at),),
            effects=self.spec.effects,
            statement=f"list {at.shown}",
            slots=at.path.slots,
            limits=limits(at.root),
            facts=facts(at),
            work=at,
        )

    async def run(self, plan: Plan, running: Running) -> Entries:
        at = cast("PathWork", plan.work)
        limit = least(at.root.settings.max_entries, running.limits.rows)

        def work(stop: Stop) -> Entries:
            at.root.check_place()
            names = meant(at, running.values)
            listed, truncated = list_folder(at.root, names, limit, stop)
            return Entries([shown_entry(one) for one in listed], truncated=truncated)

        return await self._roots.work(work, running.limits.seconds)


class FileRead:
    """``file_read``: a window of lines of a text file, which the masker sees whole."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self.spec = ToolSpec(
            name="file_read",
            title="Read a file",
            description="Read lines of a text, CSV or JSON file. Personal data and secrets are masked; equal values "
            "give equal tokens.",
            input_schema=input_schema(
                {
                    "root": root_schema(roots.names()),
                    "path": _PATH,
                    "offset": {"type": "integer", "minimum": 0, "description": "first line, from 0"},
                    "limit": {"type": "integer", "minimum": 1, "description": "lines at most"},
                },
                "root",
                "path",
            ),
            output_schema=answer_schema(
                {"text": STRING, "offset": INTEGER, "lines": INTEGER, "total_lines": INTEGER, "truncated": BOOLEAN}
            ),
            actions=frozenset({Action.FILE_READ}),
            recorded=frozenset({"root", "path", "offset", "limit"}),
        )

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        at = await locate(self._roots, arguments, planning)
        offset, limit = natural_of(arguments, "offset", 0), natural_of(arguments, "limit", at.root.settings.max_entries)
        return Plan(
            accesses=(access(Action.FILE_READ, at),),
            effects=self.spec.effects,
            statement=f"read {at.shown}",
            slots=at.path.slots,
            limits=limits(at.root),
            facts={**facts(at), "offset": offset, "limit": limit},
            work=ReadWork(at, Window(offset, limit)),
        )

    async def run(self, plan: Plan, running: Running) -> Text:
        work = cast("ReadWork", plan.work)
        at, root = work.at, work.at.root
        cap = least(root.settings.max_bytes, running.limits.bytes)

        def read(stop: Stop) -> tuple[Decoded, FileIdentity]:
            root.check_place()
            decoded, identity = read_file(root, meant(at, running.values), cap, stop)
            check_planned(at, identity)
            return decoded, identity

        decoded, identity = await self._roots.work(read, running.limits.seconds)
        limit = least(work.window.limit or root.settings.max_entries, running.limits.rows)
        if decoded.truncated:
            limit = min(limit, max(_lines_before_cut(decoded.text) - work.window.offset, 0))
        return Text(
            text=decoded.text,
            name=at.shown,
            media=decoded.media,
            window=Window(work.window.offset, limit),
            truncated=decoded.truncated,
            extra=_told(decoded, identity),
        )


class FileSearch:
    """``file_search``: lines that hold a text, looked for in masked files."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self.spec = ToolSpec(
            name="file_search",
            title="Search files",
            description="Find lines that contain a text, ignoring case, in the files of a folder as you would see "
            "them: masked. Search for a token to find its value.",
            input_schema=input_schema(
                {
                    "root": root_schema(roots.names()),
                    "text": {"type": "string", "minLength": 1, "maxLength": MAX_NEEDLE},
                    "path": _FOLDER,
                },
                "root",
                "text",
            ),
            output_schema=answer_schema({"entries": _ENTRIES, "truncated": BOOLEAN, "files": INTEGER}),
            actions=frozenset({Action.FILE_SEARCH}),
            recorded=frozenset({"root", "path"}),
        )

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        at = await locate(self._roots, arguments, planning, folder=True)
        needle = string_of(arguments, "text")
        if not needle or len(needle) > MAX_NEEDLE or "\n" in needle or "\r" in needle:
            raise ToolRefused("invalid-arguments", "The text must be one line of 1 to 200 characters.", place="text")
        if at.path.slots:
            hint = "Search the folder above it."
            raise ToolRefused("path-invalid", "A path with a token in it cannot be searched.", hint, place="path")
        tree = await self._roots.work(lambda stop: _tree(at, stop), PLAN_SECONDS)
        # Every file is a request to the policy of its own: a search must not read what file_read may not.
        files = tuple(
            Access(Action.FILE_SEARCH, "file", f"{at.root.name}/{path_of(file.names)}", parent=at.root.name)
            for file in tree.files
            if file.names != at.names
        )
        return Plan(
            accesses=(access(Action.FILE_SEARCH, at), *files),
            effects=self.spec.effects,
            statement=f"search {at.shown}",
            limits=limits(at.root),
            facts={"files": len(tree.files)},
            work=SearchWork(at, tree, needle),
        )

    async def run(self, plan: Plan, running: Running) -> Search:
        work = cast("SearchWork", plan.work)
        root = work.at.root
        cap = least(root.settings.max_bytes, running.limits.bytes)
        seconds = running.limits.seconds
        deadline = None if seconds is None else anyio.current_time() + seconds * _SEARCH_SHARE
        if work.tree.refused is not None:
            raise work.tree.refused
        skipped = Counter(work.tree.skipped)
        texts: list[Text] = []
        room, done, cut = cap * _SEARCH_FILES_OF_CAP, 0, False
        while done < len(work.tree.files) and room > 0 and (deadline is None or anyio.current_time() < deadline):
            batch = _Batch(self._roots.known, root, work.tree.files[done : done + _SEARCH_BATCH], cap, room)
            read = await self._roots.work(batch.read, seconds)
            for file, decoded in read:
                if isinstance(decoded, str):
                    skipped[decoded] += 1
                    continue
                room -= len(decoded.text)
                cut = cut or decoded.truncated
                texts.append(Text(decoded.text, f"{root.name}/{path_of(file.names)}", decoded.media))
            done += len(read)
            if running.progress is not None:
                await running.progress(done, len(work.tree.files), "files read")
        left_out = len(work.tree.files) - done
        if left_out > 0:
            skipped["over-budget"] += left_out
        return Search(
            texts=texts,
            needle=work.needle,
            limit=least(root.settings.max_entries, running.limits.rows),
            truncated=cut or left_out > 0 or work.tree.truncated,
            extra={"files": len(texts), "skipped": dict[str, JsonValue](skipped)},
        )


class FileWrite:
    """``file_write``: a whole file, atomically. Tokens stay tokens unless policy clears the root for real values."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self.spec = ToolSpec(
            name="file_write",
            title="Write a file",
            description="Create or replace a whole UTF-8 file, atomically. Tokens in the content stay tokens unless "
            "policy restores them here.",
            input_schema=input_schema(
                {"root": root_schema(roots.names(write=True)), "path": _PATH, "content": STRING},
                "root",
                "path",
                "content",
            ),
            output_schema=answer_schema({"entries": _ENTRIES}),
            effects=frozenset({Effect.WRITE}),
            actions=frozenset({Action.FILE_WRITE}),
            recorded=frozenset({"root", "path"}),
        )

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        root = self._roots.get(arguments)
        if not root.settings.write:
            writable = f"Writable roots: {', '.join(self._roots.names(write=True))}."
            raise ToolRefused("read-only-root", "Nothing may be written to this root.", writable, place="root")
        at = await locate(self._roots, arguments, planning)
        content = string_of(arguments, "content")
        size = len(_encoded(content, root.settings.max_bytes))
        tokened = find_slots(content, Place.CONTENT, root.name, planning)
        return Plan(
            accesses=(access(Action.FILE_WRITE, at),),
            effects=self.spec.effects,
            statement=f"write {at.shown}",
            slots=(*at.path.slots, *tokened.slots),
            written=content,
            limits=limits(root),
            facts={**facts(at), "bytes": size, "tokens": len(tokened.slots)},
            work=WriteWork(at, tokened),
        )

    async def run(self, plan: Plan, running: Running) -> Entries:
        work = cast("WriteWork", plan.work)
        at, root = work.at, work.at.root
        in_path = len(at.path.slots)
        content, restored = fill(work.content, running.values[in_path:], _suffix(at.names[-1]))
        data = _encoded(content, least(root.settings.max_bytes, running.limits.bytes))

        def write(stop: Stop) -> bool:
            root.check_place()
            names = meant(at, running.values[:in_path])
            planned: Planned = "unknown" if at.path.slots else at.identity or "absent"
            return write_file(root, names, data, planned, stop, self._roots.new_mode)

        created = await self._roots.work(write, running.limits.seconds)
        entry: JsonObject = {"path": at.shown, "created": created, "restored": restored}
        if not restored:
            # Size and digest of real values would let the agent test its guesses at them.
            entry |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        return Entries([entry])


def _told(decoded: Decoded, identity: FileIdentity) -> JsonObject:
    told: JsonObject = {"size": identity.size, "encoding": decoded.encoding, "media": decoded.media}
    if decoded.dialect is not None:
        told["csv"] = {"delimiter": decoded.dialect.delimiter, "header": decoded.dialect.header}
    return told


def _lines_before_cut(text: str) -> int:
    """Lines of a text that was cut off which lie far enough before the cut."""
    return text.count("\n", 0, len(text) - min(_UNSEEN_TAIL, len(text) // 4))


def _tree(at: PathWork, stop: Stop) -> Tree:
    """The files to search; an empty tree where there is nothing, which only the run says."""
    try:
        return walk(at.root, at.names, at.root.settings.max_entries, stop)
    except ToolRefused as refused:
        return Tree((), Counter({refused.code: 1}), truncated=False, refused=refused)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some files of a search, read in one visit to a thread, until ``room`` characters are filled."""

    known: KnownUnreadable
    root: Root
    files: Sequence[FoundFile]
    cap: int
    room: int

    def read(self, stop: Stop) -> list[tuple[FoundFile, Decoded | str]]:
        self.root.check_place()
        done: list[tuple[FoundFile, Decoded | str]] = []
        room = self.room
        for file in self.files:
            if room <= 0:
                break
            decoded = read_found(self.root, file, self.cap, self.known, stop)
            done.append((file, decoded))
            room -= 0 if isinstance(decoded, str) else len(decoded.text)
        return done


def _encoded(content: str, cap: int) -> bytes:
    try:
        data = content.encode()
    except UnicodeEncodeError:
        raise ToolRefused("content-invalid", "The content holds half a character.", place="content") from None
    if len(data) > cap:
        raise ToolRefused("content-too-large", f"The content is over {cap} bytes.", "Write less.", place="content")
    return data


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2].lower()}" if "." in name else ""
