"""`gloveport sessions`, `show`, `play`, `replay` and `verify` as somebody types them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from gloveport.guardrails.doors import cli
from gloveport.recordings import events
from gloveport.recordings.ids import new_id
from gloveport.recordings.reader import read_sessions
from gloveport.recordings.recorder import Recorder, SessionRecord

Run = Callable[..., tuple[int, str, str]]
HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202eevil"
TOKEN = "kate.tk4f2@mail.example"


def begin(session: SessionRecord, tool: str, args: dict[str, Any], raw: dict[str, Any], cid: str | None = None) -> str:
    cid = cid or new_id()
    session.append(events.CallReceived(tool, args, args_mac=session.args_mac(raw)), cid=cid)
    session.append(events.IdentityChecked(True, "stdio", events.Principal("ana", basis="os_user")), cid=cid)
    return cid


def query(session: SessionRecord, number: int) -> None:
    sql = events.Withheld("string", 57, [TOKEN])
    cid = begin(session, "database_query", {"database": "clinic", "sql": sql}, {"sql": number})
    decided = events.PolicyDecided("allow", ["read-open-tables"], {}, us=212, obligations=[{"rows": 1000}])
    session.append(decided, cid=cid)
    restored = events.RestoredToken("email", "clinic.patients.email", 1, "equality")
    session.append(events.TokensRestored([restored]), cid=cid)
    statement = "SELECT full_name, email FROM patients WHERE email = ?"
    session.append(events.ExecStarted(["read"], ["clinic.patients"], statement), cid=cid)
    session.append(events.ExecFinished("ok", 3400, rows=7), cid=cid)
    mail = events.Column("email", "token", "email", "config", ["clinic.patients.email"], count=7)
    session.append(events.MaskApplied([mail, events.Column("note", "pass")], us=310), cid=cid)
    mask = {"class": "email", "transform": "token", "reason": "config"}
    columns = [{"name": "email", "type": "TEXT", "mask": mask}, {"name": "note", "type": "TEXT", "mask": None}]
    rows = [[f"{TOKEN}{n}", HOSTILE if n == 0 else None] for n in range(7)]
    content = {"columns": columns, "rows": rows, "row_count": 7, "truncated": False}
    session.append(events.CallReturned(content, us=5200, rows=7), cid=cid)


def denied(session: SessionRecord) -> None:
    path = {"root": "reports", "path": "../../etc/passwd"}
    cid = begin(session, "file_read", path, path)
    error = {"code": "outside-root", "message": "That path leads out of the root.", "hint": "Name one below it."}
    session.append(events.CallDenied("outside-root", {"error": error}, stage="plan", us=300), cid=cid)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One session: a query, a denied read, a query, a text, an unresolved call."""
    folder = tmp_path / "recordings"
    with Recorder.open(folder, min_free_bytes=0, server=events.Server(version="0.1.0")) as recorder:
        opened = events.SessionOpened(
            basis="process",
            principal=events.Principal("ana", basis="os_user", groups=["clinicians"]),
            agent=events.Agent("demo-agent", basis="config"),
            model=events.Model("claude-x", "client"),
            purpose=events.Purpose("visit counts", "config"),
            client=events.Client("demo-agent", "1.0"),
            door="stdio",
            protocol="2026-07-28",
        )
        session = recorder.session(None, opened)
        session.append(events.CatalogSeen(recorder.blob(orjson.dumps([{"name": "database_query"}])), 1, hidden=2))
        query(session, 0)
        denied(session)
        query(session, 1)
        cid = begin(session, "file_read", {"root": "reports"}, {})
        session.append(events.PolicyDecided("allow", ["read-roots"], {}), cid=cid)
        session.append(events.ExecStarted(["read"], ["reports"]), cid=cid)
        session.append(events.MaskApplied(found=[events.Found("person", 1, "redact")]), cid=cid)
        text = "".join(f"line {n} of [masked:person]\n" for n in range(20))
        session.append(events.CallReturned({"text": text}, us=900), cid=cid)
        begin(session, "slow", {}, {}, cid="THE-LAST")
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "COLUMNS", "NO_COLOR", "GLOVEPORT_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def typed(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gloveport", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        assert "\x1b" not in out + err, "a pipe gets plain text"
        code = ended.value.code
        return (code if isinstance(code, int) else 0), out, err

    return typed


def sid_of(root: Path) -> str:
    return next(read_sessions(root)).sid


def test_sessions_in_a_table_and_as_json(run: Run, root: Path) -> None:
    code, out, _ = run("sessions", "-r", str(root))
    assert code == 0
    assert sid_of(root) in out
    assert "5, 1 denied, 1 unresolved" in " ".join(out.split())
    code, out, _ = run("sessions", "-r", str(root), "--json")
    (row,) = json.loads(out)
    assert (row["sid"], row["who"], row["model_asserted_by"], row["calls"]) == (sid_of(root), "ana", "client", 5)


def test_where_nothing_is_recorded(run: Run, tmp_path: Path) -> None:
    assert run("sessions", "-r", str(tmp_path / "no")) == (
        2,
        "",
        f"gloveport: {tmp_path / 'no'}: nothing is recorded here yet\n",
    )
    (tmp_path / "empty").mkdir()
    assert run("sessions", "-r", str(tmp_path / "empty"))[:2] == (0, "No session is recorded here.\n")
    code, _, err = run("show", "-r", str(tmp_path / "empty"))
    assert (code, err) == (2, f"gloveport: {tmp_path / 'empty'}: no session is recorded here\n")


def test_the_recordings_of_the_configuration_are_the_default(run: Run, root: Path, tmp_path: Path) -> None:
    (tmp_path / "gloveport.yaml").write_text("recordings: ./recordings\n")
    for command in ("sessions", "show", "play", "replay", "verify"):
        code, out, err = run(command)
        assert (code, err) == (0, ""), command
        assert out


def test_one_broken_session_does_not_hide_the_others(run: Run, root: Path) -> None:
    broken = next(read_sessions(root)).path.with_name(f"{new_id()}.jsonl")
    broken.write_text("{}\n")
    code, out, err = run("sessions", "-r", str(root))
    assert code == 1
    assert sid_of(root) in out
    assert err.startswith(f"gloveport: {broken}")


def test_show_tells_who_and_every_call(run: Run, root: Path) -> None:
    code, out, _ = run("show", "last", "-r", str(root))
    assert code == 0
    for text in (
        "ana (os_user) · clinicians",
        "demo-agent (config)",
        "claude-x (client)",
        "visit counts (config)",
        "stdio, MCP 2026-07-28, client demo-agent 1.0",
        "read-open-tables",
        "outside-root",
        "5.2 ms",
        "closed (shutdown)",
        "5 calls, 3 returned, 1 denied, 1 unresolved",
    ):
        assert text in out, text


def test_show_one_call_in_full(run: Run, root: Path) -> None:
    _, out, _ = run("show", "-r", str(root), "--call", "1")
    assert f"{TOKEN}6" in out
    assert "SELECT full_name, email FROM patients WHERE email = ?" in out
    assert run("show", "-r", str(root), "--call", "the-last")[1].count("unresolved") == 1
    for wrong, says in (("9", "the session has 5 calls"), ("zz", "no call of this session")):
        code, _, err = run("show", "-r", str(root), "--call", wrong)
        assert code == 2
        assert says in err


def test_show_as_json_restores_what_was_released(run: Run, root: Path) -> None:
    _, out, _ = run("show", "-r", str(root), "--json")
    told = json.loads(out)
    returned = [event for event in told["events"] if event["kind"] == "call.returned"]
    assert returned[0]["body"]["result"]["rows"][0] == [f"{TOKEN}0", HOSTILE]
    assert told["session"]["unresolved"] == 1
    _, out, _ = run("show", "-r", str(root), "--json", "--call", "2")
    assert [event["kind"] for event in json.loads(out)["events"]] == [
        "call.received",
        "identity.checked",
        "call.denied",
    ]


def test_play_tells_it_all_in_order_and_nothing_hostile(run: Run, root: Path) -> None:
    code, out, _ = run("play", "-r", str(root))
    assert code == 0
    places = [
        out.index(text)
        for text in (
            "claude-x (client)",
            "was shown 1 tool, 2 more are hidden from it",
            f"database=clinic sql=<string of 57 with {TOKEN}>",
            "allow     read-open-tables  212 µs",
            "owes      rows 1000",
            "restored  1 email token for clinic.patients.email, equality",
            "run       read  clinic.patients",
            "done      7 rows  3.4 ms",
            "masked    email  email·token  7 cells  config  from clinic.patients.email",
            "returned  5.2 ms",
            "… 7 rows",
            "outside-root at plan  300 µs",
            "That path leads out of the root.",
            "in text  person·redact  1 value",
            "line 0 of [masked:person]",
            "… 20 lines",
            "no outcome is known (shutdown): it never ran",
            "closed (shutdown)",
        )
    ]
    assert places == sorted(places)
    assert "owned" not in out
    assert "\ufffdevil" in out
    assert "\u202e" not in out


def test_play_filters(run: Run, root: Path) -> None:
    _, out, _ = run("play", "-r", str(root), "--denied")
    assert "outside-root" in out
    assert "database_query" not in out
    _, out, _ = run("play", "-r", str(root), "--tool", "database_query")
    assert "file_read" not in out
    _, out, _ = run("play", "-r", str(root), "--call", "4", "--full")
    assert "line 19 of [masked:person]" in out
    assert "database_query" not in out
    _, out, _ = run("play", "-r", str(root), "--tool", "nothing")
    assert "None of 5 calls is as asked for." in out


def test_a_pipe_is_not_kept_waiting_unless_it_asks(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("gloveport.guardrails.doors.cli.transcripts.time.sleep", waits.append)
    run("play", "-r", str(root))
    assert waits == []
    run("play", "-r", str(root), "--speed", "0.0001", "--idle", "0.5")
    assert waits
    assert max(waits) == 0.5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--step"], "--step: needs a terminal"),
        (["--speed", "inf"], "must be finite numbers"),
        (["--call", "0"], "the session has 5 calls"),
    ],
)
def test_play_wrong_use(run: Run, root: Path, arguments: list[str], says: str) -> None:
    code, _, err = run("play", "-r", str(root), *arguments)
    assert code == 2
    assert says in err


def test_step_waits_for_the_key_before_each_call(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    from gloveport.guardrails.doors.cli import transcripts

    out = Console(record=True, width=100, force_terminal=True, file=open("/dev/null", "w"))  # noqa: SIM115
    monkeypatch.setattr(transcripts, "console", lambda: out)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    keys = iter(["", "", "q"])
    monkeypatch.setattr("builtins.input", lambda _: next(keys))
    transcripts.play("last", recordings=root, step=True)
    shown = out.export_text()
    out.file.close()
    assert shown.count("database_query") == 1
    assert "outside-root" in shown
    assert "in text" not in shown


def test_verify_says_ok_and_what_it_cannot_know(run: Run, root: Path) -> None:
    code, out, _ = run("verify", str(root))
    assert code == 0
    assert out.startswith("ok   intact\nok   complete\n")
    assert "events, head " in out
    assert "not shown: Whoever may write this folder" in out
    assert "1 call has no known outcome" in out


def test_verify_names_file_and_line_and_ends_with_1(run: Run, root: Path) -> None:
    path = next(read_sessions(root)).path
    path.write_bytes(path.read_bytes().replace(b"outside-root", b"inside--root"))
    code, out, _ = run("verify", str(root))
    assert code == 1
    assert "BAD  not intact" in out
    assert f"{path.relative_to(root)}:" in out
    code, out, _ = run("verify", str(path), "--json")
    told = json.loads(out)
    assert (code, told["ok"], told["intact"]) == (1, False, False)
    assert {"about", "where", "text"} == set(told["findings"][0])


def test_verify_a_session_by_name(run: Run, root: Path, tmp_path: Path) -> None:
    (tmp_path / "gloveport.yaml").write_text("recordings: ./recordings\n")
    assert run("verify", "last")[0] == 0
    assert run("verify", sid_of(root)[:12].lower())[0] == 0
    assert run("verify", "./nowhere") == (2, "", "gloveport: ./nowhere: no such file or folder\n")
    assert run("show", "./nowhere.jsonl") == (2, "", "gloveport: nowhere.jsonl: no such file\n")
    assert run("show", str(next(read_sessions(root)).path))[0] == 0


def test_replay_says_what_it_would_answer(run: Run, root: Path) -> None:
    code, out, _ = run("replay", "-r", str(root))
    assert code == 0
    assert "1 tool, 5 calls; a call is told by the keyed MAC of its arguments." in out
    assert f"gloveport replay {sid_of(root)} --serve" in out
    assert "unresolved, not recorded" in out
    _, out, _ = run("replay", "-r", str(root), "--json")
    told = json.loads(out)
    assert [call["answered"] for call in told["calls"]] == [True, True, True, True, False]
    assert told["exact"] is True
    code, _, err = run("replay", "-r", str(root), "--http", "127.0.0.1:1")
    assert (code, err) == (2, "gloveport: --http: goes with --serve\n")
