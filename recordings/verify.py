"""Is a transcript as it was written, and does it tell all? ``verify(path).ok``

Three things are held against each other, all over the bytes as they are stored; nothing is written anew to compare:

* **The chain** of each session: every line names the hash of the line before it. Shows an altered, missing, added or
  moved line, until somebody chains the file anew.
* **The journal** of each log, which the server wrote and synced before it made a session file from it, with its own
  counts and its checkpoint. Shows a session that was cut, deleted, added or chained anew.
* **The blobs**, by the digests that the events name.

Completeness is a verdict of its own (`gloveport.recordings.completeness`): exactly one end for every call, sessions and
logs opened and closed, no silence where a heartbeat was due.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from .blobs import BlobError, Blobs, blobs_named
from .completeness import SessionLedger, State
from .envelope import Event
from .events import Kind
from .ids import is_id
from .journal_reader import JournalReader, JournalView, journaled_lines
from .layout import Layout
from .reader import TranscriptError, read_lines, session_paths
from .transcript_check import FileRead, read_chain
from .verdict import ALONE, LIMITS, About, Extent, Finding, Verdict


def verify(path: str | Path) -> Verdict:
    """Verify a recordings folder, or one session file (with the journal and the blobs beside it, if they are there).

    Reads everything and writes nothing; a server may be recording meanwhile. Raises
    `gloveport.recordings.reader.TranscriptError` when there is nothing at ``path`` or it cannot be read.
    """
    where = Path(path).absolute()
    try:
        if where.is_dir():
            return _Verification(Layout(where)).folder()
        if where.is_file():
            return _Verification(Layout(where.parent.parent.parent)).file(where)
    except OSError as error:
        raise TranscriptError(f"{error.filename or path}: {error.strerror or 'cannot be read'}") from None
    raise TranscriptError(f"{path}: nothing is recorded here")


class _Verification:
    """One run over one folder."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._now = time.time_ns() // 1000
        self._sizes: dict[str, int] = {}  # of the files, before any journal was read
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._blobs: dict[str, str] = {}  # digest: where it is named first
        self._waiting = set[str]()  # blobs that are in a journal and need not be in their files yet
        self._sessions: list[Extent] = []
        self._logs: list[Extent] = []
        self._calls = 0

    def folder(self) -> Verdict:
        """Everything under the root."""
        files = {path.stem: path for path in session_paths(self._layout)}
        instances = self._layout.instances()
        if not instances:
            self._wrong("log", "there is no log: nothing says which sessions there were")
        views = self._journals(instances, files)
        for view in views:
            self._log(view)
        journaled = {sid: view for view in views for sid in view.copies if sid != view.log.instance}
        for sid in sorted(files.keys() | journaled.keys()):
            self._session(sid, files.get(sid), journaled.get(sid), logs=bool(instances))
        self._check_blobs()
        return self._verdict(self._layout.root, LIMITS)

    def file(self, path: Path) -> Verdict:
        """One session, with what the folder it lies in has of it."""
        sid = path.stem
        placed = is_id(sid) and self._layout.session_file(sid) == path
        instances = self._layout.instances() if placed else []
        views = self._journals(instances, {sid: path})
        view = next((view for view in views if sid in view.copies), None)
        if view is not None:
            self._findings += [Finding("integrity", where, text) for where, text in view.problems]
        self._session(sid, path, view, logs=bool(instances))
        if self._layout.blobs.is_dir():
            self._check_blobs()
        elif self._blobs:
            self._notes.append(f"{len(self._blobs)} blobs are named that are not beside this file")
        return self._verdict(path, LIMITS if instances else ALONE)

    # ------------------------------------------------------------------------------------------------ logs

    def _journals(self, instances: Iterable[str], files: Mapping[str, Path]) -> list[JournalView]:
        """Sizes first, then journals: a running server writes a line to its journal before it is in a file."""
        logs = [self._layout.log(instance) for instance in instances]
        paths = {**files, **{log.instance: log.events for log in logs}}
        self._sizes = {sid: path.stat().st_size for sid, path in paths.items() if path.is_file()}
        views = [JournalReader(log, self._sizes, self._now).read() for log in logs]
        self._waiting = {digest for view in views for digest, due in view.blobs.items() if not due}
        return views

    def _log(self, view: JournalView) -> None:
        instance, path = view.log.instance, view.log.events
        self._findings += [Finding("integrity", where, text) for where, text in view.problems]
        self._findings += [Finding("completeness", where, text) for where, text in view.gaps]
        self._notes += view.notes
        if view.state == "interrupted":
            self._notes.append(
                f"log {instance}: its process ended without closing it; the next start says what is lost"
            )
        read = self._read(instance, path, view, None)
        last = view.ledger.last
        until = last.ts if last else None
        extent = Extent(instance, self._shown(path), read.events, view.head, until, view.state, view.size)
        self._logs.append(extent)

    # ------------------------------------------------------------------------------------------------ sessions

    def _session(self, sid: str, found: Path | None, view: JournalView | None, *, logs: bool) -> None:
        path = found or self._layout.session_file(sid)
        ledger = SessionLedger()
        if view is None and logs:
            self._wrong(self._shown(path), "no journal knows this session: it was added, or its log was taken away")
        before = len(self._findings)
        read = self._read(sid, path, view, ledger)
        self._calls += ledger.calls
        state: State = "open" if view is None else view.state
        behind = view is not None and read.events < view.copies[sid].lines
        if len(self._findings) == before:  # otherwise the ledger would tell the same once more, in other words
            problems = ledger.problems if behind else ledger.finish(state)
            for line, text in itertools.islice(problems, 5):
                self._say("completeness", self._shown(path) + (f":{line}" if line else ""), text)
        if ledger.unresolved:
            what = "1 call has" if ledger.unresolved == 1 else f"{ledger.unresolved} calls have"
            self._notes.append(f"session {sid}: {what} no known outcome, the process died or was stopped before it")
        if not ledger.closed and ledger.running:
            what = "1 call is" if ledger.running == 1 else f"{ledger.running} calls are"
            self._notes.append(f"session {sid}: {what} not ended yet")
        until = read.last.ts if read.last else None
        ended: State = "closed" if ledger.closed else state
        self._sessions.append(Extent(sid, self._shown(path), read.events, read.head, until, ended))

    def _read(self, sid: str, path: Path, view: JournalView | None, ledger: SessionLedger | None) -> FileRead:
        """Read a file along its chain, and hold it against what the journal has of it."""
        copy = None if view is None else view.copies.get(sid)
        where = self._shown(path)
        if not path.is_file():
            if copy is not None and copy.due:
                self._wrong(where, f"the file is gone; the journal has {copy.lines} events of it")
            return FileRead()

        def take(event: Event) -> None:
            self._named(event, f"{where}:{event.line}")
            if ledger is not None:
                ledger.take(event)

        read = read_chain(path, sid, size=self._sizes.get(sid), upto=copy.size if copy else 0, take=take)
        for line, text in read.problems:
            self._wrong(f"{where}:{line}", text)
        if read.more:
            self._wrong(where, f"{read.more} more such lines")
        if view is None or copy is None:
            if read.torn:
                self._notes.append(f"{where}: {read.torn} bytes after the last whole line")
            return read
        if read.digest != copy.digest.digest():
            self._wrong(f"{where}:{self._first_difference(path, sid, view)}", "from here on not as the journal has it")
        elif read.events > copy.lines:
            self._wrong(f"{where}:{copy.lines + 1}", "from here on events that the journal does not have")
        elif read.events < copy.due:
            missing = copy.lines - read.events
            self._wrong(f"{where}:{read.events}", f"cut after this line: the journal has {missing} more")
        elif read.torn and view.state == "closed":
            self._wrong(where, f"{read.torn} bytes after the last line")
        return read

    def _first_difference(self, path: Path, sid: str, view: JournalView) -> int:
        """The number of the first line that is not as the journal has it."""
        ours = (line for line, whole in read_lines(path, self._sizes.get(sid)) if whole)
        pairs = itertools.zip_longest(ours, journaled_lines(view.log, sid))
        return next((number for number, (one, other) in enumerate(pairs, 1) if one != other), 0)

    # ------------------------------------------------------------------------------------------------ blobs

    def _named(self, event: Event, where: str) -> None:
        named = blobs_named(event.body)
        if event.kind == Kind.CATALOG_SEEN and isinstance(event.body.get("catalog"), str):
            named.add(str(event.body["catalog"]))
        for digest in named:
            self._blobs.setdefault(digest, where)

    def _check_blobs(self) -> None:
        blobs = Blobs(self._layout)
        for digest, where in self._blobs.items():
            if digest in self._waiting and not self._layout.blob_file(digest).exists():
                continue
            try:
                blobs.read(digest)
            except BlobError as error:
                self._wrong(where, str(error))

    # ------------------------------------------------------------------------------------------------ the verdict

    def _verdict(self, path: Path, limits: tuple[str, ...]) -> Verdict:
        return Verdict(
            str(path),
            tuple(self._sessions),
            tuple(self._logs),
            self._calls,
            len(self._blobs),
            tuple(self._findings),
            tuple(self._notes),
            limits,
        )

    def _shown(self, path: Path) -> str:
        root = self._layout.root
        return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)

    def _wrong(self, where: str, text: str) -> None:
        self._say("integrity", where, text)

    def _say(self, about: About, where: str, text: str) -> None:
        self._findings.append(Finding(about, where, text))
