"""The door on raw lines: what a client, a broken client and a hostile client see."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import anyio.to_thread
import pytest


async def test_both_eras_are_answered(talk, chain, era, rpc, tool_call):
    async with talk(chain, era) as wire:
        wire.send(tool_call(7, "echo", {"text": "hi", "nothing": None}, era=era))
        answer = await wire.answer()
        assert answer["id"] == 7
        assert answer["result"]["structuredContent"]["arguments"] == {"text": "hi", "nothing": None}
        wire.send(rpc(8, "tools/list", era=era))
        assert [t["name"] for t in (await wire.answer())["result"]["tools"]] == ["echo", "masked", "send"]


async def test_discovery_needs_no_handshake(serve, chain, rpc):
    async with serve(chain) as wire:
        wire.send(rpc(1, "server/discover", era="modern"))
        assert "2026-07-28" in (await wire.answer())["result"]["supportedVersions"]


BAD_LINES = [
    (b"no json", -32700),
    (b"\xff\xfe\x00", -32700),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"boom"}}', -32700),
    (b"[" * 5000, -32700),
    (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
    (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":' + b"1" * 4000 + b',"method":"ping"}', -32600),
]


async def test_a_bad_line_is_answered_and_the_session_goes_on(talk, chain, era, tool_call):
    async with talk(chain, era) as wire:
        for line, code in BAD_LINES:
            wire.send(line)
            answer = await wire.answer()
            assert (answer["id"], answer["error"]["code"]) == (None, code)
        wire.send(tool_call(1, "echo", era=era))
        assert (await wire.answer())["id"] == 1
    assert [r.tool for r in chain.requests] == ["echo"]


async def test_a_bad_line_may_come_before_the_handshake(serve, chain, rpc):
    async with serve(chain) as wire:
        wire.send(b"\xff", rpc(1, "server/discover", era="modern"))
        assert (await wire.answer())["error"]["code"] == -32700
        assert (await wire.answer())["id"] == 1


async def test_a_line_over_the_cap_is_refused_and_the_session_goes_on(talk, chain, era, tool_call):
    async with talk(chain, era, max_line=2000) as wire:
        wire.send(tool_call(1, "echo", {"text": "x" * 2000}, era=era), tool_call(2, "echo", era=era))
        assert "larger than 2000 bytes" in (await wire.answer())["error"]["message"]
        assert (await wire.answer())["id"] == 2
    assert len(chain.requests) == 1


async def test_empty_lines_are_no_messages(talk, chain, era, tool_call):
    async with talk(chain, era) as wire:
        wire.send(b"", b"  \r", tool_call(1, "echo", era=era))
        assert (await wire.answer())["id"] == 1


async def test_cancelling_reaches_the_chain_and_gets_no_answer(talk, chain, era, tool_call):
    async with talk(chain, era) as wire:
        wire.send(tool_call(1, "slow", era=era))
        with anyio.fail_after(5):
            await chain.started.wait()
            wire.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
            await chain.cancelled.wait()
        wire.send(tool_call(2, "echo", era=era))
        assert (await wire.answer())["id"] == 2


@pytest.mark.parametrize("again", [5, "5"])
async def test_an_id_in_use_is_refused(talk, chain, era, tool_call, again):
    async with talk(chain, era) as wire:
        wire.send(tool_call(5, "slow", era=era), tool_call(again, "echo", era=era))
        answer = await wire.answer()
        assert (answer["id"], answer["error"]["code"]) == (again, -32600)
        chain.release.set()
        assert (await wire.answer())["result"]["isError"] is False
        wire.send(tool_call(5, "echo", era=era))
        assert (await wire.answer())["result"]["isError"] is False
    assert [r.tool for r in chain.requests] == ["slow", "echo"]


async def test_the_number_of_requests_in_flight_is_bounded(talk, chain, era, tool_call):
    async with talk(chain, era) as wire:
        await anyio.to_thread.run_sync(wire.send, *(tool_call(n, "slow", era=era) for n in range(257)))
        answer = await wire.answer()
        assert answer["id"] == 256
        assert "in flight" in answer["error"]["message"]


async def test_at_the_end_of_input_running_calls_may_finish(talk, chain, era, tool_call):
    async with talk(chain, era) as wire:
        wire.send(tool_call(1, "slow", era=era))
        with anyio.fail_after(5):
            await chain.started.wait()
        wire.end()
        chain.release.set()
        assert (await wire.answer())["result"]["isError"] is False
        assert await wire.line() == b""
    assert not chain.cancelled.is_set()
    assert chain.closed


async def test_what_does_not_finish_after_the_end_of_input_is_cancelled_and_recorded(talk, chain, era, tool_call):
    async with talk(chain, era, drain=lambda: 0.05) as wire:
        wire.send(tool_call(1, "slow", era=era))
        with anyio.fail_after(5):
            await chain.started.wait()
        wire.end()
        assert (await wire.answer())["error"]["code"] == -32000
        assert await wire.line() == b""
    assert chain.cancelled.is_set()
    assert chain.closed


async def test_an_answer_larger_than_the_pipe_arrives_whole(talk, chain, era, tool_call):
    text = "ä" * 500_000
    async with talk(chain, era) as wire, anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, wire.send, tool_call(1, "echo", {"text": text}, era=era))
        line = await wire.line()
    assert json.loads(line)["result"]["structuredContent"]["arguments"]["text"] == text


async def test_no_exception_text_leaves(talk, chain, era, tool_call):
    async with talk(chain, era) as wire:
        wire.send(tool_call(1, "boom", era=era))
        line = await wire.line()
    assert b"canary" not in line
    assert json.loads(line)["error"] == {"code": -32603, "message": "Internal error"}


def open_descriptors() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


async def test_both_descriptors_come_back(chain, serve, rpc):
    before = open_descriptors()
    async with serve(chain) as wire:
        wire.send(rpc(1, "server/discover", era="modern"))
        await wire.answer()
    assert open_descriptors() == before
