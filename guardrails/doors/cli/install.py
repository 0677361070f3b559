"""`gloveport install CLIENT`: writes this server into an MCP client's own configuration, and nothing else in it.

Clients start servers with a bare environment and an undefined working directory, so everything written is absolute.
The file as it was is kept beside it with the suffix ``.before-gloveport``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import JsonValue


class InstallError(Exception):
    """The client's configuration cannot be changed; the message is one line."""


@dataclass(frozen=True, slots=True)
class Client:
    """Where a client keeps its servers, and under which key."""

    name: str
    title: str
    path: Path
    key: str = "mcpServers"
    typed: bool = False  # the entry must say "type": "stdio"
    then: str = "Quit and reopen it."


def clients(home: Path, project: Path, platform: str = sys.platform, appdata: str | None = None) -> dict[str, Client]:
    """Every client that can be written to, by its name on the command line."""
    if platform == "darwin":
        desktop = home / "Library/Application Support/Claude"
    elif platform == "win32":
        desktop = Path(appdata or home / "AppData/Roaming") / "Claude"
    else:
        desktop = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "Claude"
    known = (
        Client(
            "claude-desktop",
            "Claude Desktop",
            desktop / "claude_desktop_config.json",
            then="Quit Claude fully and reopen it.",
        ),
        Client("claude-code", "Claude Code", project / ".mcp.json", typed=True, then="Start claude in this folder."),
        Client("cursor", "Cursor", home / ".cursor" / "mcp.json"),
        Client(
            "vscode", "VS Code", project / ".vscode" / "mcp.json", key="servers", typed=True, then="Reload the window."
        ),
    )
    return {client.name: client for client in known}


def command(config: Path, environment: dict[str, str] | None = None) -> dict[str, JsonValue]:
    """How any client starts this server over stdio: this interpreter, this configuration, absolute paths."""
    entry: dict[str, JsonValue] = {
        "command": sys.executable,
        "args": ["-m", "gloveport", "serve", "--config", str(config.resolve())],
    }
    if environment:
        entry["env"] = dict(environment)
    return entry


def install(client: Client, name: str, entry: dict[str, JsonValue]) -> Path | None:
    """Add or replace one server in the client's file; returns the copy of the file as it was. Raises `InstallError`."""
    settings = _read(client.path)
    servers = settings.setdefault(client.key, {})
    if not isinstance(servers, dict):
        raise InstallError(f"{client.path}: {client.key} is not an object; mend it by hand")
    servers[name] = {"type": "stdio", **entry} if client.typed else entry
    kept = None
    try:
        client.path.parent.mkdir(parents=True, exist_ok=True)
        if client.path.exists():
            kept = client.path.with_name(client.path.name + ".before-gloveport")
            shutil.copy2(client.path, kept)
        fresh = client.path.with_name(client.path.name + ".new")
        fresh.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        fresh.replace(client.path)
    except OSError as error:
        raise InstallError(f"{client.path}: cannot be written: {error.strerror}") from None
    return kept


def _read(path: Path) -> dict[str, JsonValue]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise InstallError(f"{path}: cannot be read") from None
    try:
        settings: object = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise InstallError(f"{path}:{error.lineno}: is not valid JSON; mend it first, nothing was changed") from None
    if not isinstance(settings, dict):
        raise InstallError(f"{path}:1: is not a JSON object; mend it first, nothing was changed")
    return cast("dict[str, JsonValue]", settings)
