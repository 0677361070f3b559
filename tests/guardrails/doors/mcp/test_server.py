"""The door through the SDK's own client, in both eras."""

from __future__ import annotations

import json

import anyio
import pytest
from mcp import Client, MCPError
from mcp_types import PaginatedRequestParams

from gloveport.guardrails.doors.chain_port import Opening, StartError
from gloveport.guardrails.doors.mcp.server import build_server


async def test_a_release_is_the_same_in_text_and_structure(connect, chain, era):
    async with connect(chain, era) as client:
        result = await client.call_tool("echo", {"text": "hi"})
    assert result.structured_content["arguments"] == {"text": "hi"}
    assert [block.type for block in result.content] == ["text"]
    assert json.loads(result.content[0].text) == result.structured_content
    assert result.is_error is False
    assert result.meta["dev.gloveport/call"] == "call-1"
    assert result.meta["dev.gloveport/session"] == "session-1"
    assert result.meta["dev.gloveport/status"] == "released"


@pytest.mark.parametrize(("status", "is_error"), [("refused", True), ("failed", True), ("pending", False)])
async def test_how_a_call_ended_is_data(connect, chain, era, status, is_error):
    async with connect(chain, era) as client:
        result = await client.call_tool(status, {})
    assert result.is_error is is_error
    assert result.structured_content["status"] == status
    assert result.structured_content["call"] == "call-1"


async def test_every_name_goes_to_the_chain_also_an_unlisted_one(connect, chain, era):
    async with connect(chain, era) as client:
        await client.call_tool("no_such_tool", {"a": 1})
    assert [r.tool for r in chain.requests] == ["no_such_tool"]


async def test_masked_values_meet_the_listed_output_schema(connect, chain, era):
    async with connect(chain, era) as client:
        await client.list_tools()
        result = await client.call_tool("masked", {})  # the SDK's client raises when a result breaks the schema
    assert result.structured_content["total"] == "[masked:money]"


async def test_the_list_tells_effects(connect, chain, era):
    async with connect(chain, era) as client:
        tools = {t.name: t for t in (await client.list_tools()).tools}
    assert tools["echo"].title == "Echo"
    assert tools["echo"].input_schema == {"type": "object", "properties": {"text": {"type": "string"}}}
    assert tools["echo"].annotations.read_only_hint is True
    assert tools["send"].annotations.read_only_hint is False
    assert tools["send"].annotations.destructive_hint is True
    assert tools["send"].annotations.open_world_hint is True


async def test_there_is_one_page(connect, chain, era):
    async with connect(chain, era) as client:
        with pytest.raises(MCPError, match="Unknown cursor"):
            await client.session.list_tools(params=PaginatedRequestParams(cursor="canary-4711"))
    assert chain.listings == []


async def test_progress_goes_to_a_caller_who_asked(connect, chain, era):
    seen: list[tuple[float, float | None, str | None]] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        seen.append((done, total, message))

    async with connect(chain, era) as client:
        await client.call_tool("steps", {}, progress_callback=on_progress)
        await client.call_tool("steps", {})
    assert seen == [(1, 2, "half")]


async def test_what_the_chain_learns_of_its_caller(connect, chain, era):
    words = {"dev.gloveport/session": "s", "openai/session": {"a": [1]}, "traceparent": "00-a-b-01", "baggage": "k=v"}
    async with connect(chain, era) as client:
        await client.call_tool("echo", {}, meta=words)
    caller = chain.requests[0].caller
    assert caller.transport == "memory"
    assert caller.client == "mcp/0.1.0"
    assert caller.protocol == {"legacy": "2025-11-25", "modern": "2026-07-28"}[era]
    assert caller.meta == words
    assert caller.request_id is not None
    assert (caller.bearer, caller.session_header, caller.transport_session) == (None, None, None)


@pytest.mark.parametrize(
    "method", ["resources/list", "resources/read", "prompts/list", "prompts/get", "completion/complete", "made/up"]
)
async def test_other_methods_do_not_exist(talk, chain, era, rpc, method):
    params = {
        "uri": "file:///etc/passwd",
        "name": "n",
        "ref": {"type": "ref/prompt", "name": "n"},
        "argument": {"name": "a", "value": "b"},
    }
    async with talk(chain, era) as wire:
        wire.send(rpc(1, method, params, era=era))
        answer = await wire.answer()
    assert answer["error"]["code"] == -32601
    assert chain.requests == []


async def test_fields_nobody_knows_are_dropped(talk, chain, era, rpc):
    call = rpc(1, "tools/call", {"name": "echo", "arguments": {"text": "a"}, "admin": True, "Name": "boom"}, era=era)
    async with talk(chain, era) as wire:
        wire.send({**call, "extra": {"name": "boom"}})
        await wire.answer()
    assert [(r.tool, r.arguments) for r in chain.requests] == [("echo", {"text": "a"})]


@pytest.mark.parametrize("params", [{}, {"name": 7}, {"name": "echo", "arguments": ["canary-4711"]}, {"name": None}])
async def test_a_malformed_call_is_refused_without_its_words(talk, chain, era, rpc, params):
    async with talk(chain, era) as wire:
        wire.send(rpc(1, "tools/call", params, era=era))
        line = await wire.line()
    assert json.loads(line)["error"]["code"] == -32602
    assert b"canary" not in line
    assert chain.requests == []


async def test_a_call_waits_for_a_chain_that_still_loads(chain, era):
    loading = anyio.Event()
    opening = Opening(chain.open, head_start=60)
    mode = "legacy" if era == "legacy" else "2026-07-28"
    async with opening.running(), Client(build_server(opening), mode=mode) as client:
        assert not opening.loaded

        async def call() -> None:
            loading.set()
            assert (await client.call_tool("echo", {})).is_error is False

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await loading.wait()
            assert chain.requests == []
            opening.go()
    assert chain.closed


async def test_a_chain_that_cannot_load_says_why_in_one_line_without_the_reason_s_text():
    class Broken:
        async def __aenter__(self):
            raise ConnectionError("postgresql://admin:canary-4711@db")

        async def __aexit__(self, *_):
            raise AssertionError

    opening = Opening(Broken)
    with pytest.RaisesGroup(pytest.RaisesExc(StartError, match=r"cannot load \(ConnectionError\)")) as caught:
        async with opening.running():
            opening.go()
            await anyio.sleep_forever()
    assert "canary" not in str(caught.value.exceptions[0])
    assert caught.value.exceptions[0].__cause__ is None


async def test_the_sdk_traces_nothing_unless_somebody_listens(chain):
    assert build_server(Opening(chain.open)).middleware == []
