from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gloveport.guardrails.doors.cli.install import InstallError, clients, command, install


@pytest.mark.parametrize("name", ["claude-desktop", "claude-code", "cursor", "vscode"])
def test_the_entry_is_absolute_and_everything_else_is_kept(tmp_path: Path, name: str) -> None:
    client = clients(tmp_path / "home", tmp_path / "project", platform="darwin")[name]
    client.path.parent.mkdir(parents=True)
    client.path.write_text(json.dumps({client.key: {"other": {"command": "x"}}, "theme": "dark"}))
    kept = install(client, "clinic", command(Path("gloveport.yaml")))
    settings = json.loads(client.path.read_text())
    assert settings["theme"] == "dark"
    assert settings[client.key]["other"] == {"command": "x"}
    entry = settings[client.key]["clinic"]
    assert entry["command"] == sys.executable
    assert Path(entry["args"][-1]).is_absolute()
    assert kept is not None
    assert "clinic" not in kept.read_text()


def test_a_file_that_is_not_json_is_left_alone(tmp_path: Path) -> None:
    client = clients(tmp_path, tmp_path, platform="linux")["cursor"]
    client.path.parent.mkdir(parents=True)
    client.path.write_text("{\n  oops")
    with pytest.raises(InstallError, match=r"mcp\.json:2: is not valid JSON"):
        install(client, "clinic", {})
    assert client.path.read_text() == "{\n  oops"


def test_a_new_client_gets_a_new_file(tmp_path: Path) -> None:
    client = clients(tmp_path, tmp_path, platform="win32", appdata=str(tmp_path / "Roaming"))["claude-desktop"]
    assert install(client, "clinic", {"command": "x"}) is None
    assert json.loads(client.path.read_text()) == {"mcpServers": {"clinic": {"command": "x"}}}
