"""docs/transcripts.md shows what the commands print: each is run on a recording, and both are compared."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from gloveport.guardrails.doors import cli
from gloveport.recordings import events
from gloveport.recordings.events import Kind
from gloveport.recordings.ids import new_id
from gloveport.recordings.reader import read_sessions
from gloveport.recordings.recorder import Recorder, SessionRecord

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "transcripts.md").read_text()
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
TOKEN = "tova.k3x9qa2f@mail.example"
WHO: dict[str, Any] = {
    "principal": events.Principal("ana", basis="os_user"),
    "agent": events.Agent("claude-desktop", basis="config"),
    "model": events.Model("claude-x", "asserted"),
    "purpose": events.Purpose("visit counts", "config"),
}


def record(root: Path) -> None:
    """An agent queries, is refused a file, and looks a token up again."""
    with Recorder.open(root, min_free_bytes=0, server=events.Server(version="0.1.0")) as recorder:
        client = events.Client("claude-ai", "0.14")
        opened = events.SessionOpened("process", client=client, door="stdio", protocol="2025-11-25", **WHO)
        session = recorder.session(None, opened)
        names = ["database_query", "database_schema", "file_read", "session_status"]
        catalog = orjson.dumps([{"name": name} for name in names])
        session.append(events.CatalogSeen(recorder.blob(catalog), len(names)))
        _query(session)
        _refused(session)


def _begin(session: SessionRecord, tool: str, arguments: dict[str, Any], shown: dict[str, Any]) -> str:
    cid = new_id()
    session.append(events.CallReceived(tool, shown, session.args_mac(arguments)), cid=cid)
    session.append(events.IdentityChecked(True, "stdio", **WHO), cid=cid)
    return cid


def _query(session: SessionRecord) -> None:
    sql = f"select full_name, email from patients where email = '{TOKEN}'"
    shown = {"database": "clinic", "sql": events.Withheld("string", len(sql), [TOKEN])}
    cid = _begin(session, "database_query", {"database": "clinic", "sql": sql}, shown)
    session.append(events.PolicyDecided("allow", ["read-open-tables"], {}, us=212), cid=cid)
    restored = events.RestoredToken("email", "clinic.patients.email", 1, "equality")
    session.append(events.TokensRestored([restored]), cid=cid)
    statement = "SELECT full_name, email FROM patients WHERE email = ?"
    session.append(events.ExecStarted(["read"], ["clinic.patients"], statement), cid=cid)
    session.append(events.ExecFinished("ok", 1400, rows=1), cid=cid)
    columns = [
        events.Column("full_name", "token", "person", "name of the column", ["clinic.patients.full_name"], 1),
        events.Column("email", "token", "email", "configured", ["clinic.patients.email"], 1),
    ]
    session.append(events.MaskApplied(columns, us=310), cid=cid)
    masks = [{"class": c.class_name, "transform": "token", "reason": c.reason} for c in columns]
    shown_columns = [{"name": c.name, "type": "TEXT", "mask": m} for c, m in zip(columns, masks, strict=True)]
    content = {"columns": shown_columns, "rows": [["Tova Kexa", TOKEN]], "row_count": 1, "truncated": False}
    session.append(events.CallReturned(content, us=3200, rows=1), cid=cid)


def _refused(session: SessionRecord) -> None:
    path = {"root": "reports", "path": "../gloveport.yaml"}
    cid = _begin(session, "file_read", path, path)
    error = {"code": "bad-path", "message": "That path leads out of its root.", "hint": "Use a name below reports."}
    session.append(events.CallDenied("bad-path", {"error": error}, stage="plan", us=300), cid=cid)


def examples() -> list[tuple[str, str]]:
    """The commands of the page and what it says they print."""
    found: list[tuple[str, str]] = []
    for block in CONSOLE.findall(PAGE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            found.append((command, printed))
    return found


def alike(text: str) -> str:
    """Without what differs from run to run."""
    text = re.sub(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?)?", "TIME", text)
    text = re.sub(r"\d+\.\d\d s", "LENGTH", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    return " ".join(re.sub(r"─+", "─", text).split())


@pytest.mark.parametrize(("command", "printed"), examples())
def test_a_command_prints_what_the_page_says(
    command: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    (tmp_path / "gloveport.yaml").write_text("recordings: ./recordings\n")
    record(tmp_path / "recordings")
    if "# after" in command:  # "# after an edit": somebody has changed a recorded refusal
        command = command.partition("#")[0]
        path = next(read_sessions(tmp_path / "recordings")).path
        path.write_bytes(path.read_bytes().replace(b"bad-path", b"good-one", 1))
    program, *arguments = command.split()
    assert program == "gloveport"
    monkeypatch.setattr(sys, "argv", ["gloveport", *arguments])
    with pytest.raises(SystemExit):
        cli.main()
    assert alike(printed) == alike(capfd.readouterr().out)


def test_the_page_shows_commands() -> None:
    shown = {command.split()[1] for command, _ in examples()}
    assert shown == {"sessions", "show", "play", "verify", "replay"}


def test_every_kind_of_event_is_explained() -> None:
    assert [kind for kind in Kind if f"`{kind}`" not in PAGE] == []


def test_every_file_of_the_layout_is_named(tmp_path: Path) -> None:
    record(tmp_path)
    folders = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert all(f"{folder}/" in PAGE for folder in folders)
    (log,) = (tmp_path / "log").iterdir()
    assert all(path.name in PAGE for path in log.iterdir())
