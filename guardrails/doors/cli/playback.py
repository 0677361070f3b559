"""How transcripts look in a terminal, and in a pipe. Every recorded text is made harmless before it is shown."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ....recordings.calls import RecordedCall, objects, texts
from ....recordings.envelope import Event
from ....recordings.events import END_KINDS, Kind
from ....recordings.index import SessionRow
from ....recordings.plain import cut, plain
from ....recordings.reader import SessionFile
from ....recordings.replay.matching import described
from ....recordings.replay.play import Moment
from ....recordings.values import JsonObject
from ....recordings.verdict import Verdict, shown_time
from ....tools.tool import JsonValue
from .released import released

PIPE_WIDTH: Final = 120
_COLOURS: Final = {
    "returned": "green",
    "allow": "green",
    "denied": "bold red",
    "deny": "bold red",
    "failed": "red",
    "pending": "magenta",
    "ask": "magenta",
    "unresolved": "bold red",
    "running": "cyan",
}
_INDENT: Final = 5
_LABEL: Final = 10


class Screen:
    """Prints the events of one session as they come."""

    def __init__(
        self,
        out: Console,
        session: SessionFile,
        *,
        full: bool = False,
        numbers: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        self.out = out
        self.session = session
        self.full = full
        self._numbers = numbers or {}
        self._current: tuple[str, int] | None = None
        self._opened: JsonObject = {}
        widened(out)

    def moment(self, moment: Moment) -> None:
        """One event, in its place."""
        event, call = moment.event, moment.call
        if call is None:
            self._session_event(event)
            return
        key = (call.cid, call.att)
        if key != self._current:
            self.out.print()
            self.out.print(call_head(call, self._numbers.get(key, 0), event))
            self._current = key
        for label, body in call_lines(self, event):
            self.out.print(_line(label, body))
        if event.kind in END_KINDS:
            self._current = None

    def _session_event(self, event: Event) -> None:
        self._current = None
        if event.kind == Kind.SESSION_OPENED:
            self._opened = event.body
            self.out.print(session_head(self, event))
        elif event.kind == Kind.CATALOG_SEEN:
            hidden = event.body.get("hidden")
            more = f", {hidden} more are hidden from it" if hidden else ""
            self.out.print(Text(f"\n     was shown {_many(event.body.get('tools'), 'tool')}{more}", style="dim"))
        elif event.kind == Kind.SESSION_CLOSED:
            self.out.print(session_tail(self, event))
        else:
            self.out.print(Text(f"\n     {plain(event.kind)}", style="dim"))

    def differs(self, identity: JsonObject) -> bool:
        """Whether a call's identity is refused, or is not the session's as it was shown at its head."""
        if identity.get("ok") is not True:
            return True
        return any(identity.get(name) != self._opened.get(name) for name in ("principal", "agent", "model", "purpose"))

    def whole(self, value: JsonValue) -> JsonValue:
        """A recorded value with its blobs."""
        return self.session.blobs.whole(value)

    def calls_table(self, calls: Sequence[RecordedCall]) -> None:
        """One row a call."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("", justify="right", style="dim")
        table.add_column("at", justify="right", style="dim", no_wrap=True)
        table.add_column("call", ratio=3)
        table.add_column("decided by", ratio=2)
        table.add_column("masked", ratio=2, style="yellow")
        table.add_column("outcome", no_wrap=True)
        table.add_column("rows", justify="right")
        table.add_column("took", justify="right", no_wrap=True)
        for number, call in enumerate(calls, 1):
            table.add_row(*_call_row(number, call))
        self.out.print(table)


def widened(out: Console) -> Console:
    """In a pipe nobody has a window of 80 columns."""
    if not out.is_terminal and "COLUMNS" not in os.environ:
        out.width = PIPE_WIDTH
    return out


def _call_row(number: int, call: RecordedCall) -> list[RenderableType]:
    end = call.end
    decided = call.body(Kind.POLICY_DECIDED)
    rules = ", ".join(texts(decided.get("rules"))) or str(decided.get("code") or "")
    masked = call.body(Kind.MASK_APPLIED)
    classes = dict.fromkeys(
        str(part.get("class_name"))
        for part in (*objects(masked.get("columns")), *objects(masked.get("found")))
        if part.get("class_name") and part.get("act") != "pass"
    )
    outcome = call.outcome
    shown = Text(outcome, style=_COLOURS[outcome])
    code = end.body.get("code") if end is not None else None
    if code:
        shown.append(f"\n{plain(str(code))}", style="not bold")
    rows = call.body(Kind.EXEC_FINISHED).get("rows")
    return [
        Text(str(number)),
        Text(_seconds(call.events[0].mono)),
        Text.assemble((plain(call.tool), "bold"), " ", _arguments(call.arguments)),
        Text(plain(rules)),
        Text(plain(", ".join(classes))),
        shown,
        Text("" if rows is None else str(rows)),
        Text(_took(end.body.get("us")) if end is not None else ""),
    ]


def call_head(call: RecordedCall, number: int, event: Event) -> Text:
    """The line a call begins with, or goes on with after another."""
    head = Text.assemble((f"{number or '':>3}  ", "bold"), (f"{_seconds(event.mono):>9}  ", "dim"))
    head.append(plain(call.tool), style="bold cyan")
    head.append(f" {_arguments(call.arguments)}")
    if call.att:
        head.append(f"  attempt {call.att + 1}", style="dim")
    if event is not call.events[0]:
        head.append("  goes on", style="dim")
    return head


def one_call(screen: Screen, call: RecordedCall, number: int) -> RenderableType:
    """A call with everything that is recorded of it."""
    lines: list[RenderableType] = [call_head(call, number, call.events[0])]
    lines.append(_line("call", Text(call.cid, style="dim")))
    for event in call.events:
        lines += [_line(label, body) for label, body in call_lines(screen, event)]
    return Group(*lines)


def call_lines(screen: Screen, event: Event) -> Iterator[tuple[str, RenderableType]]:
    """What one event of a call says: a label and a body for each line."""
    body = event.body
    match event.kind:
        case Kind.CALL_RECEIVED:
            return
        case Kind.IDENTITY_CHECKED:
            if screen.differs(body):
                yield "identity", _identity(body)
        case Kind.POLICY_DECIDED:
            yield from _decision(body)
        case Kind.APPROVAL_ASKED:
            yield "approval", Text(f"{plain(str(body.get('approval')))} asked for", style="magenta")
        case Kind.APPROVAL_GIVEN:
            who = plain(str(body.get("approver") or "somebody"))
            verdict = plain(str(body.get("verdict")))
            yield "approval", Text(f"{plain(str(body.get('approval')))} {verdict} by {who}", style="magenta")
        case Kind.TOKENS_RESTORED:
            for part in objects(body.get("tokens")):
                yield "restored", _restored(part)
        case Kind.EXEC_STARTED:
            yield from _started(body)
        case Kind.EXEC_FINISHED:
            yield "done", _finished(body)
        case Kind.MASK_APPLIED:
            yield from _masks(body)
        case _ if event.kind in END_KINDS:
            yield from _ended(screen, event)
        case _:
            yield plain(event.kind), Text("of a later version", style="dim")


def _identity(body: JsonObject) -> Text:
    text = Text(plain(_claim(body.get("principal"), "sub")) or "nobody")
    for name in ("agent", "model", "purpose"):
        shown = _claim(body.get(name), "text" if name == "purpose" else "name")
        if shown:
            text.append(f" · {name} {plain(shown)}")
    if body.get("ok") is not True:
        text.append(f"  refused: {plain(str(body.get('reason')))}", style="bold red")
    if isinstance(body.get("us"), int):
        text.append(f"  {_took(body['us'])}", style="dim")
    return text


def _claim(part: JsonValue, name: str) -> str:
    """A claim and the basis on which it is believed."""
    if not isinstance(part, dict) or not part.get(name):
        return ""
    basis = part.get("asserted_by") or part.get("basis")
    return f"{part[name]} ({basis})" if basis else str(part[name])


def _decision(body: JsonObject) -> Iterator[tuple[str, RenderableType]]:
    effect = plain(str(body.get("effect")))
    text = Text(plain(", ".join(texts(body.get("rules")))) or plain(str(body.get("code") or "no rule")))
    if isinstance(body.get("us"), int):
        text.append(f"  {_took(body['us'])}", style="dim")
    if body.get("authoritative") is False:
        text.append("  a shadow verdict: it decided nothing", style="dim")
    yield effect, text
    for reason in texts(body.get("reasons")):
        yield "", Text(plain(reason), style="dim")
    for owed in objects(body.get("obligations")):
        due = ", ".join(f"{name} {described(value)}" for name, value in owed.items() if value)
        if due:
            yield "owes", Text(plain(due), style="dim")


def _restored(part: JsonObject) -> Text:
    count = part.get("count")
    text = Text(f"{count} {plain(str(part.get('class_name')))} token{'' if count == 1 else 's'}", style="yellow")
    text.append(f" for {plain(str(part.get('target')))}", style="default")
    if part.get("place"):
        text.append(f", {plain(str(part['place']))}", style="dim")
    if part.get("unknown"):
        text.append(f", {part['unknown']} of them unknown", style="red")
    return text


def _started(body: JsonObject) -> Iterator[tuple[str, RenderableType]]:
    text = Text(plain(", ".join(texts(body.get("effects")))) or "nothing")
    datasets = ", ".join(texts(body.get("datasets")))
    if datasets:
        text.append(f"  {plain(datasets)}")
    yield "run", text
    if isinstance(body.get("statement"), str):
        yield "", Text(plain(str(body["statement"])), style="cyan")


def _finished(body: JsonObject) -> Text:
    status = str(body.get("status"))
    text = Text("" if status == "ok" else f"{plain(status)}  ", style="red")
    if body.get("code"):
        text.append(f"{plain(str(body['code']))}  ", style="red")
    if isinstance(body.get("rows"), int):
        text.append(f"{_many(body['rows'], 'row')}  ", style="default")
    text.append(_took(body.get("us")), style="dim")
    if body.get("truncated"):
        text.append("  cut at its cap", style="dim")
    return text


def _masks(body: JsonObject) -> Iterator[tuple[str, RenderableType]]:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for column in objects(body.get("columns")):
        if not column.get("class_name"):
            continue
        table.add_row(
            Text(plain(str(column.get("name")))),
            _mask(column.get("class_name"), column.get("act")),
            Text(_many(column.get("count"), "cell"), style="dim"),
            Text(_why(column), style="dim"),
        )
    for class_name, act, count in _in_text(body):
        table.add_row(Text("in text", style="dim"), _mask(class_name, act), Text(_many(count, "value"), style="dim"))
    text = "" if table.row_count else "nothing to mask  "
    if table.row_count:
        yield "masked", table
    else:
        yield "masked", Text.assemble((text, "dim"), (_took(body.get("us")), "dim"))
    if body.get("widened"):
        yield "", Text("a source could not be told: every column in scope was assumed", style="yellow")


def _in_text(body: JsonObject) -> Iterator[tuple[str, str, int]]:
    """What was found beyond the columns that were masked as a whole, whose cells are counted with it."""
    by_column: Counter[tuple[str, str]] = Counter()
    for column in objects(body.get("columns")):
        count = column.get("count")
        by_column[str(column.get("class_name")), str(column.get("act"))] += count if isinstance(count, int) else 0
    for found in objects(body.get("found")):
        class_name, act, count = str(found.get("class_name")), str(found.get("act")), found.get("count")
        left = (count if isinstance(count, int) else 0) - by_column[class_name, act]
        if left > 0:
            yield class_name, act, left


def _mask(class_name: JsonValue, act: JsonValue) -> Text:
    return Text(f"{plain(str(class_name))}·{plain(str(act))}", style="default" if act == "pass" else "yellow")


def _why(column: JsonObject) -> str:
    why = plain(str(column.get("reason") or ""))
    sources = [source for source in texts(column.get("sources")) if source not in why]
    return f"{why}  from {plain(', '.join(sources))}" if sources else why


def _ended(screen: Screen, event: Event) -> Iterator[tuple[str, RenderableType]]:
    body = event.body
    word = event.kind.removeprefix("call.")
    text = Text(_took(body.get("us")), style="dim")
    if body.get("code"):
        text = Text.assemble((plain(str(body["code"])), "red"), (f" at {plain(str(body.get('stage')))}  ", "dim"), text)
    if event.kind == Kind.CALL_UNRESOLVED:
        ran = {"no": "it never ran", "yes": "it ran, its outcome is lost"}.get(
            str(body.get("executed")), "it may have run"
        )
        text = Text(f"no outcome is known ({plain(str(body.get('reason')))}): {ran}", style="bold red")
    yield word, text
    result = screen.whole(body.get("result"))
    if isinstance(result, dict):
        for part in released(result, full=screen.full):
            yield "", part


def session_head(screen: Screen, event: Event) -> RenderableType:
    """Who, on what basis, through which door."""
    body = event.body
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    principal = body.get("principal")
    groups = texts(principal.get("groups")) if isinstance(principal, dict) else []
    table.add_row("who", plain(_claim(principal, "sub")) + (f" · {plain(', '.join(groups))}" if groups else ""))
    for name in ("agent", "model", "purpose"):
        claim = _claim(body.get(name), "text" if name == "purpose" else "name")
        if claim:
            table.add_row(name, Text(plain(claim)))
    client, server = body.get("client"), body.get("server")
    through = [str(body.get("door") or ""), f"MCP {body['protocol']}" if body.get("protocol") else ""]
    through += [f"client {_versioned(client)}" if isinstance(client, dict) else ""]
    table.add_row("through", Text(plain(", ".join(part for part in through if part))))
    if isinstance(server, dict):
        policy = str(server.get("policy_digest") or "")
        table.add_row(
            "server", Text(plain(_versioned(server)) + (f", policy {plain(cut(policy, 20))}" if policy else ""))
        )
    if body.get("parent_sid"):
        table.add_row("goes on", Text(plain(str(body["parent_sid"]))))
    head = Text.assemble(("session ", "dim"), (screen.session.sid, "bold"), (f"  {shown_time(event.ts)}", "dim"))
    return Group(head, Padding(table, (0, 0, 0, 2), expand=False))


def session_tail(screen: Screen, event: Event) -> RenderableType:
    """How the session ended, with its sums."""
    if event.kind != Kind.SESSION_CLOSED:
        return Text("\nThe session is still open, or its process ended without closing it.", style="dim")
    body = event.body
    sums = [f"{_many(body.get('calls'), 'call')}"]
    sums += [
        f"{body[name]} {name}" for name in ("returned", "denied", "failed", "pending", "unresolved") if body.get(name)
    ]
    return Text(
        f"\nclosed ({plain(str(body.get('reason')))}) after {_seconds(event.mono)}: {', '.join(sums)}", style="dim"
    )


def sessions_table(rows: Sequence[SessionRow]) -> Table:
    """One row a session; fits 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for name in ("session", "opened (UTC)"):
        table.add_column(name, no_wrap=True)
    table.add_column("length", justify="right", no_wrap=True)
    table.add_column("who", min_width=5)
    table.add_column("agent", min_width=10)
    table.add_column("calls")
    for row in rows:
        calls = Text(str(row.calls))
        for count, what in ((row.denied, "denied"), (row.failed, "failed"), (row.unresolved, "unresolved")):
            if count:
                calls.append(f", {count} {what}", style=_COLOURS[what])
        if row.closed is None:
            calls.append(", open", style="cyan")
        table.add_row(
            Text(row.sid),
            Text(shown_time(row.opened)[:16], style="dim"),
            Text(_seconds(row.us), style="dim"),
            Text(plain(row.who)),
            Text(plain(row.agent or row.client or "")),
            calls,
        )
    return table


def replay_table(calls: Sequence[RecordedCall]) -> Table:
    """What a replay would answer."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", justify="right", style="dim")
    table.add_column("call")
    table.add_column("answer", no_wrap=True)
    for number, call in enumerate(calls, 1):
        answer = Text(call.outcome, style=_COLOURS[call.outcome])
        if call.result is None:
            answer.append(", not recorded", style="red")
        table.add_row(str(number), Text.assemble((plain(call.tool), "bold"), " ", _arguments(call.arguments)), answer)
    return table


def verdict_lines(verdict: Verdict) -> list[Text]:
    """Both verdicts, what they rest on, and what they cannot know."""
    lines: list[Text] = []
    for about, good, words in (
        ("integrity", verdict.intact, ("intact", "not intact")),
        ("completeness", verdict.complete, ("complete", "not complete")),
    ):
        mark = Text("ok   ", style="green") if good else Text("BAD  ", style="bold red")
        lines.append(mark + Text(words[0] if good else words[1], style="bold"))
        lines += [Text(f"     {finding}") for finding in verdict.findings if finding.about == about]
    lines.append(Text(f"     {verdict.summary}", style="dim"))
    for extent in verdict.logs:
        lines.append(
            Text(f"     log {extent.id} is {extent.state}: {extent.size} events, head {extent.head}", style="dim")
        )
    lines += [Text(f"note {note}", style="yellow") for note in verdict.notes]
    lines += [Text(f"not shown: {limit}", style="dim") for limit in verdict.limits]
    return lines


def _line(label: str, body: RenderableType) -> RenderableType:
    grid = Table.grid(padding=(0, 0))
    grid.add_column(width=_INDENT + _LABEL, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(" " * _INDENT + label, style=_COLOURS.get(label, "dim")), body)
    return grid


def _arguments(arguments: JsonValue) -> str:
    named = arguments if isinstance(arguments, dict) else {}
    return plain(" ".join(f"{name}={described(value)}" for name, value in named.items()))


def _versioned(part: JsonObject) -> str:
    return " ".join(str(part[name]) for name in ("name", "version") if part.get(name))


def _many(count: JsonValue, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _seconds(microseconds: int) -> str:
    seconds = microseconds / 1_000_000
    if seconds < 60:
        return f"{seconds:.2f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60:02} min"


def _took(microseconds: JsonValue) -> str:
    if not isinstance(microseconds, int):
        return ""
    return f"{microseconds / 1000:.1f} ms" if microseconds >= 1000 else f"{microseconds} µs"
