"""Reading transcripts: the sessions under a recordings folder, their events in order, and the values these name.

::

    for session in read_sessions("recordings"):
        for event in session.events():
            print(event.seq, event.kind, session.blobs.whole(event.body))

Readers keep what they do not know: kinds and fields of a later minor version come out as they stand. Nothing here is
verified but the form of a line and the digest of a blob; `gloveport.recordings.verify` does the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .blobs import Blobs
from .envelope import MAX_LINE, BadLine, Event, decode
from .ids import is_id
from .layout import Layout

LAST: Final = "last"
_SHOWN: Final = 4  # candidates named for a prefix that fits several
_BLOCK: Final = 256 * 1024


class TranscriptError(ValueError):
    """A transcript that cannot be read, or a name that fits none. One line: where, and what is wrong; no content."""


@dataclass(frozen=True, slots=True)
class SessionFile:
    """One session's transcript on disk."""

    path: Path
    blobs: Blobs

    @property
    def sid(self) -> str:
        """The session's id, as the file is named."""
        return self.path.stem

    def lines(self) -> Iterator[bytes]:
        """The exact bytes of its whole lines. What follows the last newline is still being written, and left out.

        Raises `TranscriptError` when the file cannot be read.
        """
        return (line for line, whole in read_lines(self.path) if whole)

    def events(self) -> Iterator[Event]:
        """Its events, in order. Raises `TranscriptError` with file and line for a line that is not an event."""
        for number, line in enumerate(self.lines(), 1):
            yield _decoded(self.path, line, number)

    def first(self) -> Event:
        """The first event. Raises `TranscriptError` when there is none."""
        for event in self.events():
            return event
        raise TranscriptError(f"{self.path}: no event yet")

    def last(self) -> Event:
        """The last event, without reading those before it; its ``line`` is 0. Raises `TranscriptError`."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 2 * (MAX_LINE + 1)))
                tail = file.read()
        except OSError as error:
            raise TranscriptError(f"{self.path}: {error.strerror or 'cannot be read'}") from None
        lines = tail[: tail.rfind(b"\n") + 1].splitlines()
        if not lines:
            raise TranscriptError(f"{self.path}: no event yet")
        return _decoded(self.path, lines[-1], 0)


def read_sessions(root: str | Path) -> Iterator[SessionFile]:
    """The sessions under a recordings folder, oldest first; none when there is no such folder."""
    layout = Layout(Path(root).absolute())
    blobs = Blobs(layout)
    for path in session_paths(layout):
        yield SessionFile(path, blobs)


def session_paths(layout: Layout) -> list[Path]:
    """The files of all sessions, oldest first."""
    if not layout.sessions.is_dir():
        return []
    paths = [path for path in layout.sessions.glob("*/*.jsonl") if is_id(path.stem)]
    return sorted(paths, key=lambda path: path.stem)


def find_session(root: str | Path, name: str) -> SessionFile:
    """The session whose id begins with ``name`` in either case, or the latest for ``last``.

    Raises `TranscriptError` when none or several fit.
    """
    sessions = list(read_sessions(root))
    if not sessions:
        raise TranscriptError(f"{root}: no session is recorded here")
    if name == LAST:
        return sessions[-1]
    wanted = name.upper()
    fitting = [session for session in sessions if session.sid.startswith(wanted)]
    if not fitting:
        raise TranscriptError(f"session {name}: there is none whose id begins so; list them with: gloveport sessions")
    if len(fitting) > 1:
        some = ", ".join(session.sid for session in fitting[-_SHOWN:])
        more = "" if len(fitting) <= _SHOWN else " and others"
        raise TranscriptError(f"session {name}: {len(fitting)} ids begin so: {some}{more}")
    return fitting[0]


def open_session(path: Path) -> SessionFile:
    """A session file by its path, with the blobs of the recordings folder it lies in, if it lies in one."""
    absolute = path.absolute()
    return SessionFile(absolute, Blobs(Layout(absolute.parent.parent.parent)))


def read_lines(path: Path, size: int | None = None) -> Iterator[tuple[bytes, bool]]:
    """The lines in the first ``size`` bytes of a file, without newlines, and whether each ended with one.

    A line far longer than the format allows comes in pieces, so that no file exhausts the memory. Raises
    `TranscriptError` when the file cannot be read.
    """
    try:
        with path.open("rb", buffering=_BLOCK) as file:
            left = os.fstat(file.fileno()).st_size if size is None else size
            while left > 0:
                line = file.readline(min(left, 4 * MAX_LINE))
                if not line:
                    return
                left -= len(line)
                whole = line.endswith(b"\n")
                yield (line[:-1] if whole else line), whole
    except OSError as error:
        raise TranscriptError(f"{path}: {error.strerror or 'cannot be read'}") from None


def _decoded(path: Path, line: bytes, number: int) -> Event:
    try:
        return decode(line, number)
    except BadLine as error:
        where = f"{path}:{number}" if number else f"{path}: last line"
        raise TranscriptError(f"{where}: {error}; check it with: gloveport verify") from None
