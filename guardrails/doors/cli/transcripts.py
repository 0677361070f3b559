"""`gloveport sessions`, `show`, `play`, `replay` and `verify`: what happened, for people and for programs."""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .common import (
    FINDING,
    ConfigOption,
    JsonOption,
    UserError,
    configuration,
    console,
    http_address,
    logging,
    print_json,
)

if TYPE_CHECKING:
    from ....recordings.calls import RecordedCall
    from ....recordings.reader import SessionFile
    from ....recordings.replay.cassette import Cassette

SessionArgument = Annotated[
    str, typer.Argument(metavar="SESSION", help="An id or its beginning, a .jsonl file, or: last.")
]
RecordingsOption = Annotated[
    Path | None,
    typer.Option("--recordings", "-r", metavar="FOLDER", help="The recordings; default what the configuration says."),
]


def sessions(
    config: ConfigOption = None,
    recordings: RecordingsOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Show this many, latest first.")] = 20,
    json: JsonOption = False,
) -> None:
    """List the recorded sessions, latest first."""
    from ....recordings.index import SessionRow, session_rows

    rows: list[SessionRow] = []
    unreadable: list[str] = []
    for row in session_rows(_folder(recordings, config), latest=limit):
        if isinstance(row, SessionRow):
            rows.append(row)
        else:
            unreadable.append(str(row))
    if json:
        print_json([row.as_json() for row in rows])
    else:
        from .playback import sessions_table, widened

        widened(console()).print(sessions_table(rows) if rows else "No session is recorded here.")
    for error in unreadable:
        sys.stderr.write(f"gloveport: {error}\n")
    if unreadable:
        raise typer.Exit(FINDING)


def show(
    session: SessionArgument = "last",
    config: ConfigOption = None,
    recordings: RecordingsOption = None,
    call: Annotated[str | None, typer.Option("--call", help="One call, by its number or id, in full.")] = None,
    json: JsonOption = False,
) -> None:
    """Show a session: who, on what basis, and every call with its decision, masks and outcome."""
    from .playback import Screen, one_call, session_head, session_tail

    with _readable():
        found = _found(session, recordings, config)
        calls = _calls(found)
        chosen = calls if call is None else [calls[_number(calls, call) - 1]]
        if json:
            keys = None if call is None else {(one.cid, one.att) for one in chosen}
            print_json(_session_json(found, keys))
            return
        screen = Screen(console(), found, full=call is not None)
        if call is not None:
            screen.out.print(one_call(screen, chosen[0], _number(calls, call)))
            return
        screen.out.print(session_head(screen, found.first()))
        screen.calls_table(calls)
        screen.out.print(session_tail(screen, found.last()))


def play(
    session: SessionArgument = "last",
    config: ConfigOption = None,
    recordings: RecordingsOption = None,
    speed: Annotated[
        float | None,
        typer.Option("--speed", "-s", min=0, help="2 is twice as fast; 0, and the default in a pipe: no waiting."),
    ] = None,
    idle: Annotated[float, typer.Option("--idle", "-i", min=0, help="Wait no longer than this many seconds.")] = 2.0,
    step: Annotated[bool, typer.Option("--step", help="Wait for the Enter key before each call.")] = False,
    denied: Annotated[bool, typer.Option("--denied", help="Only calls that were refused.")] = False,
    tool: Annotated[str | None, typer.Option("--tool", help="Only calls of this tool.")] = None,
    call: Annotated[str | None, typer.Option("--call", help="Only this call, by its number or id.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Whole results, not their beginnings.")] = False,
) -> None:
    """Play a session back as it happened: what was asked, decided, masked, and what the agent saw."""
    from ....recordings.replay.play import Pace, moments
    from .playback import Screen

    out = console()
    if speed is None:
        speed = 1.0 if out.is_terminal and not step else 0.0
    if not math.isfinite(speed) or not math.isfinite(idle):
        raise UserError("--speed and --idle: must be finite numbers")
    if step and not (sys.stdin.isatty() and out.is_terminal):
        raise UserError("--step: needs a terminal to wait for the Enter key; leave it out in a pipe")
    with _readable():
        found = _found(session, recordings, config)
        calls = _calls(found)
        only = None if call is None else calls[_number(calls, call) - 1]

        def wanted(one: RecordedCall) -> bool:
            return (
                (not denied or one.outcome == "denied")
                and (tool is None or one.tool == tool)
                and (only is None or (one.cid, one.att) == (only.cid, only.att))
            )

        screen = Screen(out, found, full=full, numbers={(one.cid, one.att): n for n, one in enumerate(calls, 1)})
        shown = 0
        for moment in moments(found, Pace(speed, idle), wanted):
            if moment.wait:
                time.sleep(moment.wait)
            begins = moment.call is not None and moment.event is moment.call.events[0]
            if step and begins and not _next_key():
                return
            shown += begins
            screen.moment(moment)
        if not shown and calls:
            out.print(f"None of {len(calls)} calls is as asked for.", style="dim")


def replay(
    session: SessionArgument = "last",
    config: ConfigOption = None,
    recordings: RecordingsOption = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve it as an MCP server, on stdio or with --http.")] = False,
    http: Annotated[str | None, typer.Option("--http", metavar="HOST:PORT", help="Streamable HTTP, not stdio.")] = None,
    match: Annotated[
        Literal["arguments", "strict"],
        typer.Option("--match", help="arguments: calls in any order; strict: in the recorded order, each once."),
    ] = "arguments",
    log: Annotated[str, typer.Option("--log", envvar="GLOVEPORT_LOG", help="Log level on stderr.")] = "WARNING",
    json: JsonOption = False,
) -> None:
    """Say what a replay of a session would answer; with --serve, answer it to an MCP client."""
    from ....recordings.replay.cassette import Cassette

    if http is not None and not serve:
        raise UserError("--http: goes with --serve")
    with _readable():
        found = _found(session, recordings, config)
        cassette = Cassette(found, match=match)
        if not serve:
            _replay_summary(cassette, json)
            return
    logging(log)
    from ..chain_port import StartError
    from ..mcp.replay import serve_replay

    where = http_address(http)
    settings = configuration(config)[1] if where is not None else None
    try:
        serve_replay(
            cassette,
            address=where,
            config=settings,
            running=lambda: _recorded(cassette, found, match, "stdio" if where is None else "http"),
        )
    except StartError as error:
        raise UserError(error.message) from None


def verify(
    path: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="A recordings folder, a session file, an id, or: last.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check that transcripts are as they were written, and that they tell all. Exit code 1 when they are not."""
    from ....recordings.verify import verify as run

    with _readable():
        where = _folder(None, config) if path is None else Path(path)
        if path is not None and not where.exists():
            if not path.isalnum():
                raise UserError(f"{path}: no such file or folder")
            where = _found(path, None, config).path
        verdict = run(where)
    if json:
        print_json(verdict.as_json())
    else:
        from .playback import verdict_lines

        out = console()
        for line in verdict_lines(verdict):
            out.print(line, soft_wrap=True)
    if not verdict.ok:
        raise typer.Exit(FINDING)


# ---------------------------------------------------------------------------------------------------- what they share


def _folder(recordings: Path | None, config: Path | None) -> Path:
    folder = recordings or configuration(config)[1].recordings
    if not folder.is_dir():
        raise UserError(f"{folder}: nothing is recorded here yet")
    return folder


def _found(name: str, recordings: Path | None, config: Path | None) -> SessionFile:
    from ....recordings.reader import find_session, open_session

    path = Path(name)
    if path.suffix == ".jsonl":
        if not path.is_file():
            raise UserError(f"{path}: no such file")
        return open_session(path)
    return find_session(_folder(recordings, config), name)


@contextmanager
def _readable() -> Generator[None]:
    """A transcript that cannot be read is the user's to mend."""
    from ....recordings.blobs import BlobError
    from ....recordings.reader import TranscriptError

    try:
        yield
    except (TranscriptError, BlobError) as error:
        raise UserError(str(error)) from None


def _calls(session: SessionFile) -> list[RecordedCall]:
    from ....recordings.calls import calls_of

    return calls_of(session.events())


def _number(calls: list[RecordedCall], name: str) -> int:
    """The number of a call, from its number or the beginning of its id."""
    if name.isdigit() and len(name) < 10:
        if not 1 <= int(name) <= len(calls):
            raise UserError(f"--call {name}: the session has {len(calls)} calls")
        return int(name)
    fitting = [number for number, call in enumerate(calls, 1) if call.cid.upper().startswith(name.upper())]
    if not fitting:
        raise UserError(f"--call {name}: no call of this session has an id that begins so")
    if len({calls[number - 1].cid for number in fitting}) > 1:
        raise UserError(f"--call {name}: {len(fitting)} calls have ids that begin so")
    return fitting[-1]


def _session_json(session: SessionFile, keys: set[tuple[str, int]] | None) -> dict[str, object]:
    from ....recordings.index import session_row

    events: list[object] = []
    for event in session.events():
        if keys is not None and (event.cid is None or (event.cid, event.att) not in keys):
            continue
        events.append(
            {
                "seq": event.seq,
                "cid": event.cid,
                "att": event.att,
                "kind": event.kind,
                "ts": event.ts,
                "mono": event.mono,
                "leaf": event.leaf,
                "body": session.blobs.whole(event.body),
            }
        )
    return {"session": session_row(session).as_json(), "events": events}


def _next_key() -> bool:
    """Wait for Enter; False for ``q`` or the end of input."""
    try:
        return input("\x1b[2m  Enter: next call   q: stop \x1b[0m").strip().lower() != "q"
    except (EOFError, KeyboardInterrupt):
        return False


def _replay_summary(cassette: Cassette, json: bool) -> None:
    tools = [str(tool.get("name")) for tool in cassette.catalog()]
    calls = cassette.calls
    if json:
        rows = [
            {"tool": c.tool, "arguments": c.arguments, "outcome": c.outcome, "answered": c.result is not None}
            for c in calls
        ]
        print_json({"session": cassette.sid, "tools": tools, "exact": cassette.exact, "calls": rows})
        return
    from .playback import replay_table, widened

    how = "by the keyed MAC of its arguments" if cassette.exact else "by what the transcript shows of its arguments"
    out = widened(console())
    tools_said = f"{len(tools)} tool{'' if len(tools) == 1 else 's'}"
    out.print(f"Session {cassette.sid}: {tools_said}, {len(calls)} calls; a call is told {how}.", soft_wrap=True)
    out.print(replay_table(calls))
    out.print("Serve it to an MCP client:  gloveport replay " + cassette.sid + " --serve", style="dim", soft_wrap=True)


@contextmanager
def _recorded(cassette: Cassette, session: SessionFile, match: str, door: str) -> Generator[None]:
    """Every replay is itself an event, where the folder can be written; a copy on a read-only disk replays as well."""
    from ....recordings.events import ReplayRun
    from ....recordings.recorder import Recorder, RecorderUnavailable
    from ...identity import os_user

    run = ReplayRun(cassette.sid, os_user(), match, door)
    root = session.blobs.layout.root
    try:
        if not (root / "log").is_dir():
            raise RecorderUnavailable("io_error", f"{root}: not a recordings folder")
        recorder = Recorder.open(root)
        recorder.note(run)
    except RecorderUnavailable as error:
        sys.stderr.write(f"gloveport: this replay is not recorded: {error}\n")
        yield
        return
    try:
        yield
    finally:
        try:
            recorder.note(dataclasses.replace(run, served=cassette.served, missed=cassette.missed))
            recorder.close()
        except RecorderUnavailable as error:
            sys.stderr.write(f"gloveport: the end of this replay is not recorded: {error}\n")
