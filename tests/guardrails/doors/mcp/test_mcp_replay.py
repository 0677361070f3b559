"""A recording behind the MCP door: the same list, the same answers, and an error for everything else."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from gloveport.guardrails.call import Caller, Release, Request, Status
from gloveport.guardrails.doors.chain_port import ChainPort, Opening
from gloveport.guardrails.doors.mcp.replay import ReplayChain, recorded_tools, serve_replay
from gloveport.guardrails.doors.mcp.server import build_server
from gloveport.guardrails.session import Session
from gloveport.recordings import events
from gloveport.recordings.ids import new_id
from gloveport.recordings.reader import find_session
from gloveport.recordings.recorder import Recorder
from gloveport.recordings.replay.cassette import Cassette
from gloveport.recordings.verify import verify

MODES = {"legacy": "legacy", "modern": "2026-07-28"}


class Taped:
    """A fake chain that records, the way the chain does: its catalog, its calls, its answers."""

    def __init__(self, chain: Any, recorder: Recorder) -> None:
        self._chain = chain
        self._record = recorder.session(None, events.SessionOpened("process", events.Principal("ana")))
        self._recorder = recorder
        self._catalog: bytes | None = None
        self.sid = self._record.sid
        self.record = self._record

    async def tools(self, caller: Caller) -> Any:
        specs = await self._chain.tools(caller)
        Session.catalog_seen(self, specs, hidden=0)  # type: ignore[arg-type]
        return specs

    async def call(self, request: Request) -> Release:
        cid = new_id()
        args: dict[str, Any] = {name: events.Withheld("string", len(str(v))) for name, v in request.arguments.items()}
        self._record.append(
            events.CallReceived(request.tool, args, args_mac=self._record.args_mac(request.arguments)), cid=cid
        )
        made = await self._chain.call(request)
        content = {k: v for k, v in made.content.items() if k not in ("status", "call", "session")}
        end: events.Body
        match made.status:
            case Status.RELEASED:
                end = events.CallReturned(content)
            case Status.REFUSED:
                end = events.CallDenied("no", content)
            case Status.FAILED:
                end = events.CallFailed("no", content)
            case Status.PENDING:
                end = events.CallPending("a1", content)
        self._record.append(end, cid=cid)
        return Release(made.status, cid, self.sid, content)


@asynccontextmanager
async def connected(port: Any, era: str) -> AsyncGenerator[Client]:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[ChainPort]:
        yield port

    opening = Opening(opened)
    async with opening.running():
        opening.go()
        async with Client(build_server(opening), mode=MODES[era]) as client:
            yield client


Connect = Callable[..., AbstractAsyncContextManager[Client]]
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("echo", {"text": "first"}),
    ("masked", {}),
    ("refused", {}),
    ("failed", {}),
    ("pending", {}),
    ("echo", {"text": "é" * 9000, "n": 1.5}),
    ("echo", {"text": "first"}),
]


async def told(client: Client, calls: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """What a client was told, without what the protocol itself adds in one of its revisions."""
    answers = [(await client.call_tool(name, arguments)).model_dump(by_alias=True) for name, arguments in calls]
    for answer in answers:
        answer["_meta"] = {key: value for key, value in answer["_meta"].items() if key.startswith("dev.gloveport/")}
    return answers


def blobs(root: Path) -> list[Path]:
    return list(root.glob("blobs/sha256/*/*"))


def replays(root: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in next(root.glob("log/*/log.jsonl")).read_bytes().splitlines()]
    return [line["body"] for line in lines if line["kind"] == "replay.run"]


async def taped(chain: Any, root: Path, era: str) -> tuple[str, Any, list[dict[str, Any]]]:
    with Recorder.open(root, min_free_bytes=0) as recorder:
        tape = Taped(chain, recorder)
        async with connected(tape, era) as client:
            listed = (await client.list_tools()).model_dump(by_alias=True)
            answers = await told(client, CALLS)
    return tape.sid, listed, answers


@pytest.mark.parametrize("match", ["arguments", "strict"])
async def test_a_client_gets_what_the_recorded_one_got(chain: Any, era: str, match: Any, tmp_path: Path) -> None:
    sid, listed, answers = await taped(chain, tmp_path, era)
    for again in MODES:
        cassette = Cassette(find_session(tmp_path, sid), match=match)
        async with connected(ReplayChain(cassette), again) as client:
            assert (await client.list_tools()).model_dump(by_alias=True)["tools"] == listed["tools"]
            assert await told(client, CALLS) == answers
        assert (cassette.served, cassette.missed) == (len(CALLS), 0)


async def test_a_miss_is_an_error_that_names_expected_and_got(chain: Any, era: str, tmp_path: Path) -> None:
    sid, _, _ = await taped(chain, tmp_path, era)
    async with connected(ReplayChain(Cassette(find_session(tmp_path, sid))), era) as client:
        result = await client.call_tool("echo", {"text": "canary-4711"})
        assert result.is_error
        content = result.structured_content
        assert content is not None
        assert content["status"] == "failed"
        assert content["error"]["code"] == "replay-miss"
        assert "expected echo(text=<string of 5>); got echo(text=<string of 11>)" in content["error"]["message"]
        assert "4711" not in json.dumps(content)
    assert len(chain.requests) == len(CALLS), "nothing fell through"


async def test_an_answer_that_cannot_be_read_is_an_error(chain: Any, era: str, tmp_path: Path) -> None:
    sid, _, _ = await taped(chain, tmp_path, era)
    replayed = ReplayChain(Cassette(find_session(tmp_path, sid)))
    for blob in blobs(tmp_path):
        blob.unlink()
    async with connected(replayed, era) as client:
        result = await client.call_tool(*CALLS[5])
        assert result.structured_content is not None
        assert result.structured_content["error"]["code"] == "replay-unreadable"
        assert str(tmp_path) not in json.dumps(result.structured_content)


def test_without_a_recorded_list_the_called_tools_are_listed(tmp_path: Path) -> None:
    with Recorder.open(tmp_path, min_free_bytes=0) as recorder:
        session = recorder.session(None, events.SessionOpened("process", events.Principal("ana")))
        for number, tool in enumerate(("a", "b", "a")):
            session.append(events.CallReceived(tool, {}), cid=str(number))
    assert [tool.name for tool in recorded_tools(Cassette(find_session(tmp_path, "last")))] == ["a", "b"]


def test_over_http_a_configuration_is_needed(tmp_path: Path) -> None:
    from gloveport.guardrails.doors.chain_port import StartError

    with Recorder.open(tmp_path, min_free_bytes=0) as recorder:
        recorder.session(None, events.SessionOpened("process", events.Principal("ana")))
    with pytest.raises(StartError, match="--http: needs a configuration"):
        serve_replay(Cassette(find_session(tmp_path, "last")), address=("127.0.0.1", 0))


async def test_a_real_process_replays_and_records_that_it_did(chain: Any, era: str, tmp_path: Path) -> None:
    sid, listed, answers = await taped(chain, tmp_path, era)
    arguments = ["-m", "gloveport", "replay", sid, "--serve", "--recordings", str(tmp_path)]
    process = StdioServerParameters(command=sys.executable, args=arguments, cwd=tmp_path)
    async with Client(process, mode=MODES[era]) as client:
        assert (await client.list_tools()).model_dump(by_alias=True)["tools"] == listed["tools"]
        assert await told(client, CALLS) == answers
        assert (await client.call_tool("echo", {"text": "new"})).is_error
    runs = replays(tmp_path)
    assert [(run["session"], run["match"], run["door"]) for run in runs] == [(sid, "arguments", "stdio")] * 2
    assert (runs[1]["served"], runs[1]["missed"]) == (len(CALLS), 1)
    assert verify(tmp_path).intact
