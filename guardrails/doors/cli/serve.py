"""`gloveport serve` and `gloveport call`: the MCP door, and the same chain for a human."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from .common import FINDING, ConfigOption, UserError, configuration, http_address, logging, print_json


def serve(
    config: ConfigOption = None,
    http: Annotated[str | None, typer.Option("--http", metavar="HOST:PORT", help="Streamable HTTP, not stdio.")] = None,
    log: Annotated[str, typer.Option("--log", envvar="GLOVEPORT_LOG", help="Log level on stderr.")] = "WARNING",
) -> None:
    """Serve the tools over MCP, on stdio or with --http."""
    logging(log)
    _, settings = configuration(config)
    from ..chain_port import StartError
    from ..mcp import serve_house

    try:
        serve_house(settings, http_address(http))
    except StartError as error:
        raise UserError(error.message) from None


def call(
    tool: Annotated[str, typer.Argument(help="A tool's name, as in database_query.")],
    arguments: Annotated[str, typer.Argument(metavar="JSON", help="Its arguments as a JSON object.")] = "{}",
    config: ConfigOption = None,
) -> None:
    """Make one call through the chain, as a human: same policy, same masks, same transcript."""
    import anyio
    import orjson

    from ....tools.tool import JsonObject
    from ...call import Caller, Release, Request
    from ...house import House, HouseError

    logging()
    _, settings = configuration(config)
    try:
        parsed: object = orjson.loads(arguments)
    except orjson.JSONDecodeError as error:
        raise UserError(f"arguments: not valid JSON: {error.msg} at character {error.pos}") from None
    if not isinstance(parsed, dict):
        raise UserError('arguments: must be a JSON object, as in \'{"database": "clinic"}\'')

    async def once() -> Release:
        async with House.open(settings) as house:
            caller = Caller(transport="cli", client="gloveport-cli")
            return await house.chain.call(Request(tool, cast("JsonObject", parsed), caller))

    try:
        release = anyio.run(once)
    except HouseError as error:
        raise UserError(*error.findings) from None
    print_json({"status": release.status, "call": release.call, "session": release.session, **release.content})
    if release.is_error:
        raise typer.Exit(FINDING)
