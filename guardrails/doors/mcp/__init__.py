"""The MCP door: both revisions of the protocol (2025-11-25 and 2026-07-28) on one server, over stdio and HTTP.

Importing this package loads neither the SDK nor the chain; its entry points do when they are called.

* `run`, `house`: the entry points
* `server`: the handlers, the only way from the protocol to the chain
* `answers`, `evidence`: the two translations, chain to protocol and protocol to chain
* `wire`: what is refused before the SDK sees it
* `stdio`, `http`: the transports
* `replay`: a recording, served as a server
"""

from .house import serve_house
from .run import run_http, run_stdio, serve_stdio

__all__ = ["run_http", "run_stdio", "serve_house", "serve_stdio"]
