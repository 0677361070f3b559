"""A recorder that keeps no house of its own accord, and calls to write with it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gloveport.recordings import events
from gloveport.recordings.ids import new_id
from gloveport.recordings.recorder import Recorder, SessionRecord

SERVER = events.Server(version="0.0.0")
ANA = events.Principal("ana", basis="os_user")


@dataclass
class Studio:
    """Writes transcripts under one root."""

    root: Path
    recorders: list[Recorder] = field(default_factory=list)

    def open(self, **options: Any) -> Recorder:
        options = {"min_free_bytes": 0, "server": SERVER, **options}
        self.recorders.append(Recorder.open(self.root, **options))
        return self.recorders[-1]

    def session(self, recorder: Recorder, sub: str = "ana", **more: Any) -> SessionRecord:
        opened = events.SessionOpened(basis="process", principal=events.Principal(sub, basis="os_user"), **more)
        return recorder.session(None, opened)

    def call(self, session: SessionRecord, number: int = 0, end: events.Body | None = None, **parts: Any) -> str:
        """One whole call, as the chain writes it; returns its id."""
        cid = new_id()
        arguments = {"database": "clinic", "sql": f"select {number}"}
        recorded = {"database": "clinic", "sql": events.Withheld("string", len(arguments["sql"]))}
        tool = parts.get("tool", "database_query")
        session.append(events.CallReceived(tool, recorded, args_mac=session.args_mac(arguments)), cid=cid)
        session.append(events.IdentityChecked(True, "stdio", principal=ANA), cid=cid)
        if isinstance(end, events.CallDenied):
            session.append(events.PolicyDecided("deny", ["r0"], {}), cid=cid)
            session.append(end, cid=cid)
            return cid
        session.append(events.PolicyDecided("allow", ["r1"], {}), cid=cid)
        session.append(events.ExecStarted(["read"], ["clinic.patients"]), cid=cid)
        session.append(events.ExecFinished("ok", 10, rows=1), cid=cid)
        session.append(events.MaskApplied(masker="m"), cid=cid)
        session.append(end or events.CallReturned({"rows": [[number]]}, us=99), cid=cid)
        return cid

    def record(self, calls: int = 3, sessions: int = 1, **more: Any) -> list[str]:
        """Sessions of so many calls in a log that was closed; returns their ids."""
        with self.open() as recorder:
            made = [self.session(recorder, **more) for _ in range(sessions)]
            for number in range(calls):
                for session in made:
                    self.call(session, number)
            return [session.sid for session in made]

    def file(self, sid: str) -> Path:
        (path,) = self.root.glob(f"sessions/*/{sid}.jsonl")
        return path

    def close(self) -> None:
        for recorder in self.recorders:
            recorder.close()


@pytest.fixture
def studio(tmp_path: Path) -> Generator[Studio]:
    made = Studio(tmp_path / "recordings")
    yield made
    made.close()


@pytest.fixture
def record(studio: Studio) -> Callable[..., list[str]]:
    return studio.record
