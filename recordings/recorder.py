"""The recorder: what the chain writes its transcript with.

::

    with Recorder.open("recordings", server=Server(version="0.1.0")) as recorder:
        session = recorder.session(None, SessionOpened(basis="process", principal=Principal(sub="ana")))
        call = new_id()
        session.append(CallReceived(tool="database_query", args={...}), cid=call)
        ...
        session.append(ExecStarted(effects=["read"], datasets=["clinic.patients"]), cid=call)
        await session.commit()          # barrier 1: intent is on disk, now run the tool
        ...
        session.append(CallReturned(result=content), cid=call)
        await session.commit()          # barrier 2: outcome is on disk, now release

`SessionRecord.append` takes microseconds, does no I/O and may be called from any thread. `SessionRecord.commit` returns
when everything appended before it, by anyone, is durable. Both raise `RecorderUnavailable` when the record cannot be
kept; then nothing may run and nothing may be released.

Several processes may record under one root: each has its own log below ``log/``, and a process that finds a log whose
owner is gone closes that log's sessions, with `CallUnresolved` for calls without outcome.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Literal

from .blobs import digest_of
from .chain import CallKey, Chain
from .envelope import MAX_LINE, encode, is_call_id, leaf_hash
from .events import (
    END_KINDS,
    BlobRef,
    Body,
    Heartbeat,
    Kind,
    LogClosed,
    LogOpened,
    LogRecovered,
    Server,
    SessionOpened,
)
from .frames import FrameKind
from .ids import Salts, new_id
from .journal import Entry, Journal, RecorderUnavailable
from .keys import MacKeys
from .layout import Layout, LogLayout, make_folder
from .lock import LogLock
from .projection import BlobFile, LineFile, Projection
from .recovery import Recovered, looks_clean, recover, write_state
from .room import Mode, Room, unavailable
from .session_record import Prepared, RecordingError, SessionRecord
from .values import dumps, exact_json, normalise

__all__ = ["Recorder", "RecorderUnavailable", "RecordingError", "SessionRecord"]

SPILL_BYTES: Final = 16 * 1024
FLUSH_SECONDS: Final = 0.1
SPACE_SECONDS: Final = 1.0
MAX_UNSYNCED: Final = 10_000  # best_effort: entries kept in memory while the disk is full
_KNOWN_BLOBS: Final = 4096
_FORGOTTEN_FIELD: Final = 1024  # a body field smaller than this is never moved to a blob


class Recorder:
    """The open recordings of this process. Construct with `Recorder.open`."""

    def __init__(
        self,
        layout: Layout,
        log: LogLayout,
        lock: LogLock,
        *,
        server: Server,
        mode: Mode,
        idle_seconds: float,
        heartbeat_seconds: float,
        min_free_bytes: int,
    ) -> None:
        self._layout, self._log, self._lock = layout, log, lock
        self._server = server
        self._idle_seconds, self._heartbeat_seconds = idle_seconds, heartbeat_seconds
        self._writer = secrets.token_hex(8)
        self._keys = MacKeys(layout.mac_keys)
        self._projection = Projection()
        self._sessions: dict[str, SessionRecord] = {}
        self._parents: dict[str, tuple[str, str | None]] = {}
        self._blobs: dict[str, None] = {}
        self._salts = Salts()  # taken from under the journal's mutex
        self._closed = False
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._next_heartbeat = time.monotonic() + heartbeat_seconds
        self._next_space_check = 0.0
        self._checkpointed = 0
        found = recover(layout, log)
        self._room = Room(log, layout.root, mode=mode, min_free_bytes=min_free_bytes, noticed=self._wake.set)
        self._journal = Journal(log, found.position, on_durable=self._on_durable, on_full=self._room.give_ballast)
        self._log_record = SessionRecord(self, found.log, LineFile(log.events, found.log.size), None)
        try:
            self._begin(found)
        except BaseException:
            self._journal.close()
            raise
        self._thread = threading.Thread(target=self._keep_house, name="gloveport-recorder", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------------------------------------ opening

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        server: Server | None = None,
        mode: Mode = "strict",
        idle_seconds: float = 900.0,
        heartbeat_seconds: float = 60.0,
        min_free_bytes: int = 64 * 1024 * 1024,
    ) -> Recorder:
        """Open the recordings folder for writing: take a free log or begin one, and recover what others left.

        Args:
            path: the root; made if absent.
            server: who records; stands in every session and in the log.
            mode: ``strict``: no record, no result. ``best_effort``: reads may pass while the disk is full.
            idle_seconds: a session without events for this long is closed.
            heartbeat_seconds: how often the log says that the process is up; 0 for never.
            min_free_bytes: with less free space than this new calls are refused.

        Raises:
            RecorderUnavailable: the folder cannot be written.
        """
        layout = Layout(Path(path).absolute())
        options = {"idle_seconds": idle_seconds, "heartbeat_seconds": heartbeat_seconds}

        def start(lock: LogLock, instance: str) -> Recorder:
            try:
                return cls(
                    layout,
                    layout.log(instance),
                    lock,
                    server=server or Server(),
                    mode=mode,
                    min_free_bytes=min_free_bytes,
                    **options,
                )
            except BaseException:
                lock.release()
                raise

        try:
            layout.make_folders()
            own: Recorder | None = None
            for instance in layout.instances():
                lock = LogLock.try_take(layout.log(instance).lock)
                if lock is None:
                    continue
                if own is None:
                    own = start(lock, instance)
                elif looks_clean(layout.log(instance)):
                    lock.release()
                else:
                    start(lock, instance).close("recovered")
            while own is None:
                instance = new_id()
                make_folder(layout.log(instance).journal)
                lock = LogLock.try_take(layout.log(instance).lock)
                own = start(lock, instance) if lock else None
        except OSError as error:
            where = error.filename or path
            raise RecorderUnavailable(
                "io_error", f"recordings: {where}: {error.strerror or 'cannot be used'}"
            ) from None
        return own

    def _begin(self, found: Recovered) -> None:
        """The first events of this opening, durable before anyone else's; then a checkpoint."""
        crashed = not found.clean
        position = found.position
        unresolved = 0
        for chain in found.sessions.values():
            record = SessionRecord(self, chain, LineFile(self._layout.session_file(chain.sid), chain.size), None)
            unresolved += len(chain.open)
            self._end(record, "recovered", "crash")
        self.append(
            self._log_record,
            LogOpened(
                instance=self.instance,
                size=position.size,
                mode=self._room.mode,
                server=self._server,
                pid=os.getpid(),
                segment=self._journal.position.segment,
                heartbeat_us=int(self._heartbeat_seconds * 1_000_000) or None,
            ),
        )
        if crashed:
            self.append(
                self._log_record,
                LogRecovered(
                    segment=position.segment,
                    offset=position.offset,
                    torn_bytes=found.torn_bytes,
                    events=found.events,
                    sessions=len(found.sessions),
                    unresolved=unresolved,
                    kept=found.kept,
                    rebuilt=found.rebuilt,
                ),
            )
        self._journal.commit_blocking()
        self._checkpoint()

    @property
    def instance(self) -> str:
        """The id of the log this process writes."""
        return self._log.instance

    @property
    def root(self) -> Path:
        """The recordings folder."""
        return self._layout.root

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------ sessions

    def session(self, sid: str | None, opened: SessionOpened) -> SessionRecord:
        """The session ``sid`` if it is open here and of the same principal, else a new one.

        A new session always gets an id of the recorder's own making: read it from `SessionRecord.sid`. When ``sid``
        names a session of this principal that was closed here, the new one names it as its parent.

        Raises:
            RecordingError: ``sid`` is open for another principal.
            RecorderUnavailable: storage is out of order.
        """
        who = (opened.principal.sub, opened.principal.iss)
        with self._journal.mutex:
            known = self._sessions.get(sid) if sid is not None else None
            if known is not None:
                if known.principal != who:
                    raise RecordingError("the session belongs to another principal")
                known.used = time.monotonic()
                return known
            if sid is not None and opened.parent_sid is None and self._parents.get(sid) == who:
                opened = dataclasses.replace(opened, parent_sid=sid)
        new = new_id()
        try:
            mac = self._keys.session(new, create=True)
        except (OSError, ValueError) as error:
            text = error.strerror if isinstance(error, OSError) else str(error)
            raise RecorderUnavailable("io_error", f"the session keys cannot be used: {text}") from None
        record = SessionRecord(self, Chain(new), LineFile(self._layout.session_file(new)), mac)
        record.principal = who
        self.append(record, dataclasses.replace(opened, server=opened.server or self._server))
        with self._journal.mutex:
            self._sessions[new] = record
        return record

    def close_session(self, record: SessionRecord, reason: str) -> None:
        """See `SessionRecord.close`."""
        self._end(record, reason, "shutdown")

    def _end(self, record: SessionRecord, reason: str, why: Literal["crash", "shutdown"]) -> None:
        with self._journal.mutex:
            if record.chain.closed:
                return
            for cid, att in list(record.chain.open):
                self._append_held(record, record.chain.unresolved((cid, att), why), cid, att)
            self._append_held(record, record.chain.closing(reason), None, 0)
            self._sessions.pop(record.sid, None)
            if record.principal is not None:
                self._parents[record.sid] = record.principal
                while len(self._parents) > _KNOWN_BLOBS:
                    del self._parents[next(iter(self._parents))]

    # ------------------------------------------------------------------------------------------------ appending

    def append(self, record: SessionRecord, body: Body | Prepared, cid: str | None = None, att: int = 0) -> None:
        """See `SessionRecord.append`."""
        data = body.data if isinstance(body, Prepared) else dumps(normalise(body))
        if len(data) > SPILL_BYTES:
            data = self._spill(body.body if isinstance(body, Prepared) else body)
        with self._journal.mutex:
            self._write_line(record, body.kind, data, cid, att)

    def _append_held(self, record: SessionRecord, body: Body, cid: str | None, att: int) -> None:
        self._write_line(record, body.kind, dumps(normalise(body)), cid, att)

    def _write_line(self, record: SessionRecord, kind: Kind, data: bytes, cid: str | None, att: int) -> None:
        """Give the event its place. The caller holds the journal's mutex."""
        chain = record.chain
        self._admit(chain, kind, cid, att)
        mono = (time.monotonic_ns() - record.started) // 1000
        line = encode(
            sid=chain.sid,
            seq=chain.seq,
            cid=cid,
            att=att,
            kind=kind,
            ts=time.time_ns() // 1000,
            mono=mono,
            writer=self._writer,
            salt=self._salts.take(),
            prev=chain.prev,
            body=data,
        )
        if len(line) > MAX_LINE:
            raise RecordingError(f"a {kind} event of {len(line)} bytes does not fit a line")
        before = len(chain.open)
        chain.advance(kind, cid, att, leaf_hash(line), len(line), mono)
        self._journal.in_flight += len(chain.open) - before
        self._journal.enqueue(Entry(FrameKind.LINE, line, record.file))
        record.used = time.monotonic()

    def _admit(self, chain: Chain, kind: Kind, cid: str | None, att: int) -> None:
        failure = self._journal.failure
        if failure is not None:
            raise failure.again()
        if chain.closed:
            raise RecordingError("the session is closed")
        key: CallKey | None = None
        if cid is not None:
            if (cid, att) not in chain.open and (not is_call_id(cid) or att < 0):
                raise RecordingError(
                    "a call id is 1 to 64 letters, digits, '.', '_', ':' or '-'; an attempt is 0 or more"
                )
            key = (cid, att)
        if kind is Kind.CALL_RECEIVED:
            if key is None or key in chain.open:
                raise RecordingError("call.received needs a call id and attempt of its own")
            self._room.admit_call()
        elif kind in END_KINDS and key not in chain.open:
            raise RecordingError(f"{kind} for a call that is not open")

    def _spill(self, body: Body) -> bytes:
        """Move the largest fields of a body to blobs until it fits."""
        fields = body.as_json()
        shown = {name: normalise(value) for name, value in fields.items()}
        sizes = {name: len(dumps(value)) for name, value in shown.items()}
        for name in sorted(sizes, key=lambda each: -sizes[each]):
            if sum(sizes.values()) <= SPILL_BYTES or sizes[name] < _FORGOTTEN_FIELD:
                break
            data = exact_json(fields[name])
            shown[name] = normalise(BlobRef(self.blob(data), len(data)))
            sizes[name] = len(dumps(shown[name]))
        return dumps(dict(shown))

    def blob(self, data: bytes) -> str:
        """Keep ``data`` (masked or public, never raw) and return its digest; durable after the next commit."""
        digest = digest_of(data)
        path = self._layout.blob_file(digest)
        with self._journal.mutex:
            if digest in self._blobs:
                return digest
        known = path.exists()
        with self._journal.mutex:
            if not known and digest not in self._blobs:
                self._journal.enqueue(Entry(FrameKind.BLOB, data, BlobFile(path)))
            self._blobs[digest] = None
            while len(self._blobs) > _KNOWN_BLOBS:
                del self._blobs[next(iter(self._blobs))]
        return digest

    def blob_json(self, value: object) -> str:
        """Keep a JSON value as a blob, with the keys in their order; see `blob`."""
        return self.blob(exact_json(value))

    # ------------------------------------------------------------------------------------------------ committing

    async def commit(self, *, read_only: bool = False) -> None:
        """See `SessionRecord.commit`."""
        try:
            await self._journal.commit()
        except RecorderUnavailable as error:
            self._room.degrade(error)
            if not (read_only and self._journal.backlog <= MAX_UNSYNCED and self._room.may_pass(error)):
                raise

    def note(self, body: Body) -> None:
        """Write an event of the log itself, such as `ReplayRun`, and make it durable. Raises `RecorderUnavailable`."""
        self.append(self._log_record, body)
        self.commit_blocking()

    def commit_blocking(self) -> None:
        """`commit` for a thread without an event loop. Raises `RecorderUnavailable`."""
        try:
            self._journal.commit_blocking()
        except RecorderUnavailable as error:
            self._room.degrade(error)
            raise

    def _on_durable(self, entries: list[Entry]) -> None:
        if self._projection.add(entries):
            self._wake.set()

    # ------------------------------------------------------------------------------------------------ keeping house

    def _keep_house(self) -> None:
        while not self._stop.is_set():
            if self._wake.wait(self._pause()) and not self._stop.wait(FLUSH_SECONDS):
                self._wake.clear()
            if not self._stop.is_set():
                self._tidy()

    def _pause(self) -> float:
        if self._room.need is not None:
            return SPACE_SECONDS
        pause = min(self._idle_seconds / 4, 30.0)
        return max(0.0, min(pause, self._next_heartbeat - time.monotonic())) if self._heartbeat_seconds else pause

    def _tidy(self) -> None:
        now = time.monotonic()
        try:
            self._projection.flush()
            self._journal.preallocate()
            if now >= self._next_space_check:
                self._next_space_check = now + SPACE_SECONDS
                self._check_space()
            self._close_idle(now)
            if self._heartbeat_seconds and now >= self._next_heartbeat:
                self._next_heartbeat = now + self._heartbeat_seconds
                self.append(self._log_record, Heartbeat(size=self._journal.position.size, sessions=len(self._sessions)))
                self._journal.commit_blocking()
            if self._journal.position.segment != self._checkpointed:
                self._checkpoint()
        except RecorderUnavailable as error:
            self._room.degrade(error)
        except OSError as error:
            self._room.degrade(unavailable(error))

    def _check_space(self) -> None:
        """Refuse new calls before the disk is full; take them again when there is room for the reserve too."""
        if self._room.low() or self._room.need is None or self._journal.failure is not None:
            return
        self._journal.commit_blocking()
        self._projection.flush()
        told = self._room.over()
        if told is not None:
            self.note(told)

    def _close_idle(self, now: float) -> None:
        with self._journal.mutex:
            records = list(self._sessions.values())
        for record in records:
            if now - record.used > self._idle_seconds and not record.chain.open:
                self._end(record, "idle", "shutdown")

    def _checkpoint(self) -> None:
        """Bring the files made from the journal to the disk, and note how far they go."""
        with self._journal.quiet() as position:
            log = _copy(self._log_record.chain)
            sessions = [_copy(record.chain) for record in self._sessions.values()]
        self._projection.sync()
        write_state(self._log, position, log, sessions)
        self._checkpointed = position.segment

    def close(self, reason: str = "shutdown") -> None:
        """Close all sessions and the log, and let go of the folder. A second close does nothing.

        Raises:
            RecorderUnavailable: the last events could not be made durable.
        """
        if self._closed:
            return
        self._closed = True
        self._stop.set()
        self._wake.set()
        self._thread.join()
        try:
            for record in list(self._sessions.values()):
                self._end(record, reason, "shutdown")
            self._journal.commit_blocking()  # what is pending may hold blobs, which are no events
            self.append(self._log_record, LogClosed(reason=reason, size=self._journal.position.size + 1))
            self._journal.commit_blocking()
            self._checkpoint()
        except OSError as error:
            raise unavailable(error) from None
        finally:
            self._journal.close()
            self._lock.release()


def _copy(chain: Chain) -> Chain:
    return dataclasses.replace(chain, ends=dict(chain.ends), open=dict(chain.open))
