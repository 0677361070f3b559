"""Serve what a configuration names: the door of `gloveport serve`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from ..chain_port import ChainPort, StartError
from .run import run_http, run_stdio

if TYPE_CHECKING:
    from ...config import Config
    from .http import HttpOptions


def serve_house(config: Config | Callable[[], Config], address: tuple[str, int] | None = None) -> None:
    """Serve the house of `config` over stdio, or over HTTP at `address`; returns after a clean end.

    A function that loads the configuration is called after the door has introduced itself, so that the first answer
    need not wait for it. Raises `StartError`.
    """
    if address is None:
        run_stdio(lambda: _chain_of(config))
    else:
        settings = _settled(config)
        run_http(lambda: _chain_of(settings), http_options(settings, address))


def http_options(config: Config, address: tuple[str, int]) -> HttpOptions:
    """What the configuration says of HTTP."""
    from ...credentials import Credentials
    from .http import HttpOptions

    return HttpOptions(
        host=address[0],
        port=address[1],
        credentials=Credentials(config.identity.credentials),
        anonymous=config.identity.anonymous_http is not None,
        session_header=config.identity.session_header,
        allowed_hosts=config.http.allowed_hosts,
        allowed_origins=config.http.allowed_origins,
        public_url=config.http.public_url,
        max_body=config.http.max_body,
    )


def _settled(config: Config | Callable[[], Config]) -> Config:
    from ...config import ConfigError

    try:
        return config() if callable(config) else config
    except ConfigError as error:
        raise StartError(*error.findings) from None


@asynccontextmanager
async def _chain_of(config: Config | Callable[[], Config]) -> AsyncGenerator[ChainPort]:
    from ...house import House, HouseError

    async with AsyncExitStack() as stack:
        try:
            house = await stack.enter_async_context(House.open(_settled(config)))
        except HouseError as error:
            raise StartError(*error.findings) from None
        yield house.chain
