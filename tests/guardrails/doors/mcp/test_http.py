"""Streamable HTTP: who gets in, what gets in, and whose session it is."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest

from gloveport.guardrails.credentials import Credentials
from gloveport.guardrails.doors.chain_port import Opening, StartError
from gloveport.guardrails.doors.mcp.http import HttpOptions, check_reachable, http_app, security
from gloveport.guardrails.doors.mcp.server import build_server
from gloveport.tests.raw_mcp import INITIALIZE

ORIGIN = "http://127.0.0.1:8765"
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path / "credentials.json")


@pytest.fixture
def options(credentials: Credentials) -> HttpOptions:
    return HttpOptions("127.0.0.1", 8765, credentials, max_body=20_000)


@asynccontextmanager
async def running(chain: Any, options: HttpOptions) -> AsyncGenerator[httpx.AsyncClient]:
    opening = Opening(chain.open)
    async with opening.running():
        opening.go()
        app = http_app(build_server(opening, transport="http", session_header=options.session_header), options)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN, headers=ACCEPT) as client,
        ):
            yield client


@pytest.fixture
def serve_http() -> Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]:
    return running


def body(response: httpx.Response) -> Any:
    """The JSON-RPC message of a response, be it plain or a stream of one event."""
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    return json.loads(lines[-1] if lines else response.text)


async def post(client: httpx.AsyncClient, message: Any, era: str = "legacy", **headers: str) -> httpx.Response:
    """A message as a client of that era posts it. Headers are written with underscores."""
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    if era == "modern":
        params = message["params"]
        shown |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": message["method"]}
        shown |= {"Mcp-Name": params["name"]} if "name" in params else {}
    content = message if isinstance(message, bytes) else json.dumps(message).encode()
    return await client.post("/mcp", content=content, headers=shown)


async def opened(client: httpx.AsyncClient, token: str) -> dict[str, str]:
    """The headers of a fresh legacy session."""
    response = await post(client, INITIALIZE, Authorization=f"Bearer {token}")
    assert response.status_code == 200
    return {"Authorization": f"Bearer {token}", "Mcp_Session_Id": response.headers["mcp-session-id"]}


async def test_a_token_gets_in_and_the_chain_learns_whose(serve_http, chain, options, tool_call, era):
    made, token = options.credentials.add("alice")
    async with serve_http(chain, options) as client:
        headers = await opened(client, token) if era == "legacy" else {"Authorization": f"Bearer {token}"}
        headers |= {"Gloveport_Session": "my-session", "traceparent": "00-t-s-01", "baggage": "session.id=b"}
        response = await post(client, tool_call(1, "echo", {"text": "hi"}, era=era), era, **headers)
        assert body(response)["result"]["structuredContent"]["arguments"] == {"text": "hi"}
    caller = chain.requests[0].caller
    assert (caller.transport, caller.bearer, caller.session_header) == ("http", made.id, "my-session")
    assert caller.client == "raw/7"
    assert caller.meta == {"traceparent": "00-t-s-01", "baggage": "session.id=b"}
    assert caller.transport_session == (headers["Mcp_Session_Id"] if era == "legacy" else None)
    assert token not in repr(caller)


async def test_the_session_header_can_be_named(serve_http, chain, options, tool_call):
    _, token = options.credentials.add("alice")
    async with serve_http(chain, replace(options, session_header="X-Thread")) as client:
        headers = {"Authorization": f"Bearer {token}", "X_Thread": "t1", "Gloveport_Session": "other"}
        await post(client, tool_call(1, "echo", era="modern"), "modern", **headers)
    assert chain.requests[0].caller.session_header == "t1"


async def test_meta_wins_over_trace_headers(serve_http, chain, options, tool_call):
    _, token = options.credentials.add("alice")
    async with serve_http(chain, options) as client:
        message = tool_call(1, "echo", era="modern", traceparent="from-meta")
        await post(client, message, "modern", Authorization=f"Bearer {token}", traceparent="from-header")
    assert chain.requests[0].caller.meta["traceparent"] == "from-meta"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_without_a_token_nobody_gets_in(serve_http, chain, options, method):
    async with serve_http(chain, options) as client:
        response = await client.request(method, "/mcp", content=b"{")
    assert response.status_code == 401
    challenge = response.headers["www-authenticate"]
    assert challenge == f'Bearer resource_metadata="{ORIGIN}/.well-known/oauth-protected-resource/mcp"'


@pytest.mark.parametrize(
    "shown", ["Bearer gp_aaaaaaaaaa_" + "A" * 43, "Bearer ", "Basic YTpi", "gp_x", "bearer canary"]
)
@pytest.mark.parametrize("anonymous", [False, True])
async def test_a_wrong_token_gets_nobody_in_also_where_none_is_needed(
    serve_http, chain, options, tool_call, shown, anonymous
):
    async with serve_http(chain, replace(options, anonymous=anonymous)) as client:
        response = await post(client, tool_call(1, "echo", era="modern"), "modern", Authorization=shown)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert "canary" not in response.text
    assert chain.requests == []


async def test_two_tokens_are_no_token(serve_http, chain, options):
    _, token = options.credentials.add("alice")
    async with serve_http(chain, options) as client:
        headers = [*ACCEPT.items(), ("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
        response = await client.post("/mcp", content=b"{}", headers=headers)
    assert response.status_code == 401


async def test_who_comes_without_a_token_is_anonymous_where_that_is_configured(
    serve_http, chain, options, tool_call, era
):
    async with serve_http(chain, replace(options, anonymous=True)) as client:
        headers = {}
        if era == "legacy":
            headers["Mcp_Session_Id"] = (await post(client, INITIALIZE)).headers["mcp-session-id"]
        response = await post(client, tool_call(1, "echo", era=era), era, **headers)
    assert body(response)["result"]["isError"] is False
    assert chain.requests[0].caller.bearer is None


async def test_a_revoked_token_is_out_on_the_next_call_also_within_a_session(
    serve_http, chain, options, tool_call, era
):
    _, token = options.credentials.add("alice")
    async with serve_http(chain, options) as client:
        headers = await opened(client, token) if era == "legacy" else {"Authorization": f"Bearer {token}"}
        assert (await post(client, tool_call(1, "echo", era=era), era, **headers)).status_code == 200
        options.credentials.revoke("alice")
        assert (await post(client, tool_call(2, "echo", era=era), era, **headers)).status_code == 401
    assert len(chain.requests) == 1


async def test_another_principal_s_session_does_not_exist(serve_http, chain, options, tool_call):
    _, alice = options.credentials.add("alice")
    _, bob = options.credentials.add("bob")
    async with serve_http(chain, replace(options, anonymous=True)) as client:
        headers = await opened(client, alice)
        stolen = {"Mcp_Session_Id": headers["Mcp_Session_Id"]}
        for other in ({"Authorization": f"Bearer {bob}"}, {}):
            response = await post(client, tool_call(1, "echo"), **{**stolen, **other})
            assert response.status_code == 404
            assert (
                await client.delete("/mcp", headers={"mcp-session-id": stolen["Mcp_Session_Id"], **other})
            ).status_code == 404
        assert (await post(client, tool_call(1, "echo"), **headers)).status_code == 200
    assert len(chain.requests) == 1


async def test_metadata_names_the_resource(serve_http, chain, options):
    async with serve_http(chain, replace(options, public_url="https://db.example.org/")) as client:
        response = await client.get("/.well-known/oauth-protected-resource/mcp")
        assert response.json()["resource"] == "https://db.example.org/mcp"
        assert response.json()["bearer_methods_supported"] == ["header"]
        challenge = (await client.post("/mcp")).headers["www-authenticate"]
    assert "https://db.example.org/.well-known/oauth-protected-resource/mcp" in challenge


BAD_BODIES = [
    (b"", -32700),
    (b"no json canary", -32700),
    (b"\xff", -32700),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"boom"}}', -32700),
    (b"[" * 15_000, -32700),
    (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"canary"}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["canary"]}', -32600),
]


@pytest.mark.parametrize(("raw", "code"), BAD_BODIES)
async def test_a_bad_body_is_refused_without_its_words(serve_http, chain, options, raw, code, era):
    async with serve_http(chain, replace(options, anonymous=True)) as client:
        headers = {"MCP-Protocol-Version": "2026-07-28"} if era == "modern" else {}
        response = await client.post("/mcp", content=raw, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == code
    assert "canary" not in response.text
    assert chain.requests == []


async def test_a_body_over_the_cap_is_refused(serve_http, chain, options, tool_call):
    async with serve_http(chain, replace(options, anonymous=True)) as client:
        message = tool_call(1, "echo", {"text": "x" * 20_000}, era="modern")
        declared = await post(client, message, "modern")

        async def chunks() -> AsyncGenerator[bytes]:
            for _ in range(30):
                yield b"x" * 1000

        streamed = await client.post("/mcp", content=chunks())
    assert (declared.status_code, streamed.status_code) == (413, 413)
    assert "20000 bytes" in declared.json()["error"]["message"]


async def test_an_id_in_use_within_a_session_is_refused(serve_http, chain, options, tool_call):
    _, token = options.credentials.add("alice")
    async with serve_http(chain, options) as client, anyio.create_task_group() as tasks:
        headers = await opened(client, token)
        answers: list[httpx.Response] = []

        async def slow() -> None:
            answers.append(await post(client, tool_call(5, "slow"), **headers))

        tasks.start_soon(slow)
        with anyio.fail_after(5):
            await chain.started.wait()
        refused = await post(client, tool_call("5", "echo"), **headers)
        assert (refused.status_code, refused.json()["id"]) == (400, "5")
        chain.release.set()
    assert body(answers[0])["result"]["isError"] is False
    assert [r.tool for r in chain.requests] == ["slow"]


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Host": "127.0.0.1:1"}]
)
async def test_a_foreign_host_or_origin_is_refused(serve_http, chain, options, tool_call, headers, era):
    async with serve_http(chain, replace(options, anonymous=True)) as client:
        response = await post(client, INITIALIZE if era == "legacy" else tool_call(1, "echo", era=era), era, **headers)
    assert response.status_code in (403, 421)
    assert chain.requests == []


async def test_no_exception_text_leaves(serve_http, chain, options, tool_call, era):
    _, token = options.credentials.add("alice")
    async with serve_http(chain, options) as client:
        headers = await opened(client, token) if era == "legacy" else {"Authorization": f"Bearer {token}"}
        response = await post(client, tool_call(1, "boom", era=era), era, **headers)
    assert "canary" not in response.text
    assert body(response)["error"]["message"] == "Internal error"


async def test_a_call_does_not_run_a_hidden_tool_list(serve_http, chain, options, tool_call):
    async with serve_http(chain, replace(options, anonymous=True)) as client:
        await post(client, tool_call(1, "echo", {"text": "hi"}, era="modern"), "modern")
    assert chain.listings == []


def test_hosts_follow_from_where_it_serves(options):
    local = security(options).allowed_hosts
    assert {"127.0.0.1:8765", "localhost:8765", "[::1]:8765"} <= set(local)
    behind = replace(options, host="0.0.0.0", public_url="https://db.example.org/x", allowed_hosts=("db:1",))
    assert set(security(behind).allowed_hosts) == {"0.0.0.0:8765", "db.example.org", "db:1"}
    assert "https://db.example.org" in security(behind).allowed_origins
    assert "[::1]:9" in security(replace(options, host="::1", port=9)).allowed_hosts


def test_a_wildcard_address_needs_a_name(options):
    for host in ("0.0.0.0", "::"):
        with pytest.raises(StartError, match="allowed_hosts"):
            check_reachable(replace(options, host=host))
        check_reachable(replace(options, host=host, allowed_hosts=("db:1",)))
