"""The MCP door as a process of its own: signals, ends of streams, stray output, real clients."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2 as httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from gloveport.guardrails.credentials import Credentials
from gloveport.tests.raw_mcp import INITIALIZE, INITIALIZED, call, lines

SCRIPT = Path(__file__).with_name("door_process.py")


class Process:
    """The door in a process, with its three streams as pipes."""

    def __init__(self, *arguments: str, **streams: Any) -> None:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | streams
        self.popen = subprocess.Popen([sys.executable, str(SCRIPT), *arguments], **pipes)

    def send(self, *messages: object) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(lines(*messages))
        self.popen.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.popen.stdout is not None
        return json.loads(self.popen.stdout.readline())

    def said(self) -> str:
        """The next line of standard error."""
        assert self.popen.stderr is not None
        return self.popen.stderr.readline().decode().rstrip()

    def end(self) -> tuple[int, bytes, str]:
        """Exit code, the rest of standard output and of standard error."""
        out, err = self.popen.communicate(timeout=20)
        return self.popen.returncode, out, err.decode()


@pytest.fixture
def start() -> Generator[type[Process]]:
    started: list[Process] = []

    def started_process(*arguments: str, **streams: Any) -> Process:
        started.append(Process(*arguments, **streams))
        return started[-1]

    yield started_process  # type: ignore[misc]
    for process in started:
        process.popen.kill()
        process.popen.wait()
        for stream in (process.popen.stdin, process.popen.stdout, process.popen.stderr):
            if stream is not None:
                stream.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_unwinds_what_runs_and_records_it_before_the_chain_closes(start, how):
    process = start()
    process.send(INITIALIZE, INITIALIZED, call(1, "slow"))
    assert process.answer()["id"] == "init"
    assert process.said() == "started"
    process.popen.send_signal(how)
    code, out, err = process.end()
    assert code == 0
    assert json.loads(out)["error"]["code"] == -32000
    assert err.split() == ["recorded", "closed"]


def test_a_client_that_vanishes_ends_the_process(start):
    process = start()
    process.send(INITIALIZE, INITIALIZED, call(1, "slow"))
    assert process.said() == "started"
    process.popen.stdin.close()
    process.popen.stdout.close()
    assert process.popen.wait(timeout=20) == 0
    assert process.popen.stderr.read().decode().split() == ["recorded", "closed"]


def test_stray_output_does_not_reach_the_protocol(start):
    process = start()
    process.send(INITIALIZE, INITIALIZED, call(1, "noisy", a=1))
    assert process.answer()["id"] == "init"
    assert process.answer()["result"]["structuredContent"]["arguments"] == {"a": 1}
    code, out, err = process.end()
    assert (code, out) == (0, b"")
    assert "a stray print" in err
    assert "a child" in err


def test_the_door_introduces_itself_before_the_chain_is_there(start, tmp_path):
    go = tmp_path / "go"
    process = start("--open-when", str(go))
    process.send(INITIALIZE, INITIALIZED, call(1, "echo", a=1))
    assert process.answer()["result"]["serverInfo"]["name"] == "gloveport"
    go.touch()
    assert process.answer()["result"]["structuredContent"]["arguments"] == {"a": 1}


def test_requests_in_a_file_are_answered_into_a_file(start, tmp_path):
    (tmp_path / "in").write_bytes(lines(INITIALIZE, INITIALIZED) + b"\xff\n" + lines(call(1, "echo"), call(2, "echo")))
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        assert start(stdin=stdin, stdout=stdout).end()[0] == 0
    answers = [json.loads(line) for line in (tmp_path / "out").read_bytes().splitlines()]
    assert sorted(str(answer["id"]) for answer in answers) == ["1", "2", "None", "init"]


def test_no_input_at_all_is_a_clean_end(start):
    assert start(stdin=subprocess.DEVNULL).end() == (0, b"", "closed\n")


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_a_chain_that_cannot_load_ends_the_process_with_one_line(start, tmp_path, transport):
    arguments = [] if transport == "stdio" else ["--http", str(tmp_path / "credentials.json")]
    code, out, err = start("--broken", *arguments).end()
    assert (code, out) == (2, b"")
    assert err == "gloveport: gloveport.yaml:3: databases.clinic: no such file; correct the url\n"


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28", "auto"])
async def test_a_real_client_over_stdio(mode):
    async with Client(StdioServerParameters(command=sys.executable, args=[str(SCRIPT)]), mode=mode) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["echo"]
        result = await client.call_tool("echo", {"text": "hi"})
    assert result.structured_content["arguments"] == {"text": "hi"}


@pytest.fixture
def http(start, tmp_path) -> tuple[Process, str, str]:
    """A process that serves HTTP, its URL and a token."""
    path = tmp_path / "credentials.json"
    _, token = Credentials(path).add("alice")
    process = start("--http", str(path))
    return process, process.said(), token


async def test_real_clients_over_http_and_a_call_whose_client_goes_away(http):
    process, url, token = http
    for mode in ("legacy", "2026-07-28", "auto"):
        async with (
            httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as session,
            Client(streamable_http_client(url, http_client=session), mode=mode) as client,
        ):
            result = await client.call_tool("echo", {"text": "hi"})
            assert result.structured_content["arguments"] == {"text": "hi"}
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "slow", {})
                assert await anyio.to_thread.run_sync(process.said) == "started"
                tasks.cancel_scope.cancel()
            assert await anyio.to_thread.run_sync(process.said) == "recorded"
    process.popen.send_signal(signal.SIGTERM)
    code, _, err = process.end()
    assert (code, err) == (0, "closed\n")


async def test_a_signal_unwinds_what_runs_over_http_too(http):
    process, url, token = http
    body = call(1, "slow")
    body["params"]["_meta"] = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "slow",
    }

    async def lost_call() -> None:
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.HTTPError):
                (await client.post(url, json=body, headers=headers, timeout=20)).raise_for_status()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lost_call)
        assert await anyio.to_thread.run_sync(process.said) == "started"
        process.popen.send_signal(signal.SIGTERM)
    code, _, err = await anyio.to_thread.run_sync(process.end)
    assert code == 0
    assert [line for line in err.splitlines() if line in ("recorded", "closed")] == ["recorded", "closed"]


def test_a_port_in_use_is_one_line(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, err = start("--http", str(tmp_path / "credentials.json"), "--port", port).end()
    assert code == 2
    assert err == f"gloveport: --http 127.0.0.1:{port}: cannot listen there: Address already in use; choose another\n"
