"""What the official MCP conformance suite expects of a server, as handlers on top of our own server.

The product serves tools alone. The suite also looks for prompts, resources, completions, questions to the client and
content that is no text: those answers are fixtures, registered on the same `Server`, behind the same transports. What
the product does serve (tools/list, and tools that return text, fail or report progress) goes through the real chain.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError

Context = ServerRequestContext[Any, Any]
Answer = dict[str, Any]
Fixture = Callable[[Context, types.CallToolRequestParams], Awaitable[Answer]]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="
IMAGE = {"type": "image", "data": PNG, "mimeType": "image/png"}
MISSING_CAPABILITY = -32021  # MCP 2026-07-28: MissingRequiredClientCapabilityError


def add(server: Server[dict[str, Any]]) -> None:
    """Register every fixture on a server made by `build_server`."""
    own_list, own_call = _handler(server, "tools/list"), _handler(server, "tools/call")

    async def list_tools(ctx: Context, params: types.PaginatedRequestParams) -> Answer:
        answer = await own_list(ctx, params)
        return {**answer, "tools": [*answer["tools"], *(_listed(name) for name in TOOLS)]}

    async def call_tool(ctx: Context, params: types.CallToolRequestParams) -> Answer:
        fixture = TOOLS.get(params.name)
        return await (fixture or own_call)(ctx, params)

    server.add_request_handler("tools/list", types.PaginatedRequestParams, list_tools)
    server.add_request_handler("tools/call", types.CallToolRequestParams, call_tool)
    server.add_request_handler("resources/list", types.PaginatedRequestParams, _list_resources)
    server.add_request_handler("resources/templates/list", types.PaginatedRequestParams, _list_templates)
    server.add_request_handler("resources/read", types.ReadResourceRequestParams, _read_resource)
    server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, _nothing)
    server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, _nothing)
    server.add_request_handler("prompts/list", types.PaginatedRequestParams, _list_prompts)
    server.add_request_handler("prompts/get", types.GetPromptRequestParams, _get_prompt)
    server.add_request_handler("completion/complete", types.CompleteRequestParams, _complete)
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, _nothing)
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience="conformance"))


def _handler(server: Server[dict[str, Any]], method: str) -> Callable[[Context, Any], Awaitable[Answer]]:
    entry = server.get_request_handler(method)
    assert entry is not None
    return entry.handler  # pyright: ignore[reportReturnType]


def _listed(name: str) -> Answer:
    arguments = ARGUMENTS.get(name)
    properties = {} if arguments is None else {arguments: {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": "A fixture of the conformance suite.", "inputSchema": schema}


def _content(*blocks: Answer) -> Answer:
    return {"resultType": "complete", "content": list(blocks), "isError": False}


def _text(text: str) -> Answer:
    return {"type": "text", "text": text}


def _resource(uri: str, mime: str, text: str) -> Answer:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": text}}


async def _nothing(ctx: Context, params: Any) -> Answer:
    return {}


# --- tools that return more than text -------------------------------------------------------------------------------


async def _image(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    return _content(IMAGE)


async def _audio(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    return _content({"type": "audio", "data": WAV, "mimeType": "audio/wav"})


async def _embedded(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    return _content(_resource("test://embedded-resource", "text/plain", "This is an embedded resource content."))


async def _mixed(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    data = _resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return _content(_text("Multiple content types test:"), IMAGE, data)


# --- tools that talk to the client during the call (2025-11-25) -----------------------------------------------------


async def _logging(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    for step in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.session.send_log_message("info", step, related_request_id=ctx.request_id)
        await anyio.sleep(0.05)
    return _content(_text("logged"))


async def _sampling(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    prompt = str((params.arguments or {}).get("prompt", ""))
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))
    result = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    said = result.content.text if isinstance(result.content, types.TextContent) else "(no text)"
    return _content(_text(f"LLM response: {said}"))


def _asking(message: str | None, schema: Answer) -> Fixture:
    async def ask(ctx: Context, params: types.CallToolRequestParams) -> Answer:
        shown = message or str((params.arguments or {}).get("message", ""))
        result = await ctx.session.elicit_form(shown, schema, related_request_id=ctx.request_id)
        return _content(_text(f"Elicitation completed: action={result.action}, content={result.content or {}}"))

    return ask


def _object(properties: Answer, required: list[str] | None = None) -> Answer:
    return {"type": "object", "properties": properties, "required": required or []}


NAMED = _object({"name": {"type": "string"}}, ["name"])
USER = _object({"username": {"type": "string"}, "email": {"type": "string"}}, ["username", "email"])
DEFAULTS = _object(
    {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
)
_TITLED = [{"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]
_PLAIN = ["option1", "option2", "option3"]
ENUMS = _object(
    {
        "untitledSingle": {"type": "string", "enum": _PLAIN},
        "titledSingle": {"type": "string", "oneOf": _TITLED},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _PLAIN}},
        "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
    }
)


# --- tools that answer "input required" (2026-07-28) ----------------------------------------------------------------


def _elicit(message: str, properties: Answer) -> Answer:
    schema = _object(properties, list(properties))
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def _sample(prompt: str, tokens: int) -> Answer:
    message = {"role": "user", "content": _text(prompt)}
    return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": tokens}}


ROOTS: Answer = {"method": "roots/list", "params": {}}
NAME_QUESTION = {"user_name": _elicit("What is your name?", {"name": {"type": "string"}})}


def _required(questions: Answer, state: str | None = None) -> Answer:
    answer: Answer = {"resultType": "input_required", "inputRequests": questions}
    return answer if state is None else {**answer, "requestState": state}


def _answered(params: Any, questions: Answer) -> bool:
    given: Mapping[str, Any] = params.input_responses or {}
    return all(key in given and given[key] is not None for key in questions)


def _once(questions: Answer, done: str, state: str | None = None) -> Fixture:
    async def ask(ctx: Context, params: types.CallToolRequestParams) -> Answer:
        if not _answered(params, questions):
            return _required(questions, state)
        if state is not None and params.request_state != state:
            raise MCPError(code=types.INVALID_PARAMS, message="requestState is not ours")
        return _content(_text(f"{done} {_told(params)}"))

    return ask


def _told(params: types.CallToolRequestParams) -> str:
    return str({key: str(value) for key, value in (params.input_responses or {}).items()})


async def _rounds(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    first = {"step1": _elicit("Step 1: What is your name?", {"name": {"type": "string"}})}
    second = {"step2": _elicit("Step 2: What is your favorite color?", {"color": {"type": "string"}})}
    if params.request_state == "round-2" and _answered(params, second):
        return _content(_text("done"))
    if params.request_state == "round-1" and _answered(params, first):
        return _required(second, "round-2")
    return _required(first, "round-1")


async def _capable(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    """Asks only what the client said it can answer."""
    able = ctx.session.client_capabilities
    questions: Answer = {}
    if able is not None and able.elicitation is not None:
        questions["user_name"] = NAME_QUESTION["user_name"]
    if able is not None and able.sampling is not None:
        questions["greeting"] = _sample("Say hello", 50)
    return _required(questions) if questions else _content(_text("nothing to ask"))


async def _missing(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    able = ctx.session.client_capabilities
    if able is None or able.sampling is None:
        needed = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(code=MISSING_CAPABILITY, message="This tool needs sampling", data=needed)
    return _content(_text("sampling is declared"))


async def _quiet(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    return _content(_text("no log message without a log level"))


TOOLS: dict[str, Fixture] = {
    "test_image_content": _image,
    "test_audio_content": _audio,
    "test_embedded_resource": _embedded,
    "test_multiple_content_types": _mixed,
    "test_tool_with_logging": _logging,
    "test_sampling": _sampling,
    "test_elicitation": _asking(None, USER),
    "test_elicitation_sep1034_defaults": _asking("Please check these", DEFAULTS),
    "test_elicitation_sep1330_enums": _asking("Please choose", ENUMS),
    "test_input_required_result_elicitation": _once(NAME_QUESTION, "Hello,"),
    "test_input_required_result_sampling": _once(
        {"capital_question": _sample("What is the capital of France?", 100)}, "It is"
    ),
    "test_input_required_result_list_roots": _once({"client_roots": ROOTS}, "Roots:"),
    "test_input_required_result_request_state": _once(
        {"confirm": _elicit("Please confirm", {"ok": {"type": "boolean"}})}, "state-ok", "state-1"
    ),
    "test_input_required_result_multiple_inputs": _once(
        {**NAME_QUESTION, "greeting": _sample("Generate a greeting", 50), "client_roots": ROOTS}, "All:", "state-all"
    ),
    "test_input_required_result_multi_round": _rounds,
    "test_input_required_result_tampered_state": _once(
        {"confirm": _elicit("Please confirm", {"ok": {"type": "boolean"}})}, "state-ok", "state-2"
    ),
    "test_input_required_result_capabilities": _capable,
    "test_streaming_elicitation": _once(NAME_QUESTION, "Hello,"),
    "test_missing_capability": _missing,
    "test_logging_tool": _quiet,
}
ARGUMENTS = {"test_sampling": "prompt", "test_elicitation": "message"}


# --- resources, prompts, completions --------------------------------------------------------------------------------

CACHED = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
TEXT_URI, BINARY_URI, WATCHED_URI = "test://static-text", "test://static-binary", "test://watched-resource"
TEMPLATE = "test://template/{id}/data"


async def _list_resources(ctx: Context, params: types.PaginatedRequestParams) -> Answer:
    kinds = {TEXT_URI: "text/plain", BINARY_URI: "image/png", WATCHED_URI: "text/plain"}
    return {
        **CACHED,
        "resources": [
            {"uri": uri, "name": uri.partition("://")[2], "description": "A fixture.", "mimeType": mime}
            for uri, mime in kinds.items()
        ],
    }


async def _list_templates(ctx: Context, params: types.PaginatedRequestParams) -> Answer:
    template = {
        "uriTemplate": TEMPLATE,
        "name": "template",
        "description": "A fixture.",
        "mimeType": "application/json",
    }
    return {**CACHED, "resourceTemplates": [template]}


async def _read_resource(ctx: Context, params: types.ReadResourceRequestParams) -> Answer:
    uri = str(params.uri)
    head, tail = TEMPLATE.split("{id}")
    if uri == TEXT_URI:
        body = {"mimeType": "text/plain", "text": "This is the content of the static text resource."}
    elif uri == WATCHED_URI:
        body = {"mimeType": "text/plain", "text": "Watched."}
    elif uri == BINARY_URI:
        body = {"mimeType": "image/png", "blob": PNG}
    elif uri.startswith(head) and uri.endswith(tail):
        id = uri.removeprefix(head).removesuffix(tail)
        text = f'{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}'
        body = {"mimeType": "application/json", "text": text}
    else:
        raise MCPError(code=types.INVALID_PARAMS, message="Resource not found", data={"uri": uri})
    return {**CACHED, "contents": [{"uri": uri, **body}]}


PROMPTS: dict[str, tuple[str, ...]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


async def _list_prompts(ctx: Context, params: types.PaginatedRequestParams) -> Answer:
    return {
        **CACHED,
        "prompts": [
            {
                "name": name,
                "description": "A fixture.",
                "arguments": [{"name": a, "description": "An argument.", "required": True} for a in arguments],
            }
            for name, arguments in PROMPTS.items()
        ],
    }


async def _get_prompt(ctx: Context, params: types.GetPromptRequestParams) -> Answer:
    given = params.arguments or {}
    match params.name:
        case "test_simple_prompt":
            contents = [_text("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            contents = [_text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'")]
        case "test_prompt_with_embedded_resource":
            embedded = _resource(given["resourceUri"], "text/plain", "Embedded resource content for testing.")
            contents = [embedded, _text("Please process the embedded resource above.")]
        case "test_prompt_with_image":
            contents = [IMAGE, _text("Please analyze the image above.")]
        case "test_input_required_result_prompt":
            question = {"user_context": _elicit("What context should the prompt use?", {"context": {"type": "string"}})}
            if not _answered(params, question):
                return _required(question)
            contents = [_text("With that context.")]
        case _:
            raise MCPError(code=types.INVALID_PARAMS, message="Unknown prompt")
    return {"resultType": "complete", "messages": [{"role": "user", "content": content} for content in contents]}


async def _complete(ctx: Context, params: types.CompleteRequestParams) -> Answer:
    values = [word for word in ("paris", "park", "party") if word.startswith(params.argument.value)]
    return {"resultType": "complete", "completion": {"values": values, "total": len(values), "hasMore": False}}
