"""A lean client for servers on stdio: prebuilt bodies, so that the server is what is measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SERVERS = Path(__file__).with_name("_mcp_servers.py")
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}
ERAS = ("legacy", "modern")


def line(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class Server:
    """A server process and its pipes. Use as a context."""

    def __init__(self, command: list[str], era: str) -> None:
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout.fileno()
        self._era = era
        self._buffer = b""

    @classmethod
    def of(cls, name: str, era: str) -> Server:
        return cls([sys.executable, str(SERVERS), name], era)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._stdin.close()
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def first_answer(self) -> float:
        """Seconds from the start of the process to the answer to its first request."""
        if self._era == "legacy":
            self._stdin.write(line(INITIALIZE))
        else:
            self._stdin.write(
                line({"jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": {"_meta": ENVELOPE}})
            )
        assert b'"result"' in self.read()
        took = time.perf_counter() - self.started
        if self._era == "legacy":
            self._stdin.write(line(INITIALIZED))
        return took

    def body(self, id: int, text: str) -> bytes:
        params: dict[str, Any] = {"name": "echo", "arguments": {"text": text}}
        if self._era == "modern":
            params["_meta"] = ENVELOPE
        return line({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})

    def call(self, body: bytes) -> float:
        """Seconds until the answer."""
        began = time.perf_counter()
        self._stdin.write(body)
        answer = self.read()
        took = time.perf_counter() - began
        assert b'"isError":false' in answer, answer
        return took

    def read(self) -> bytes:
        while b"\n" not in self._buffer:
            chunk = os.read(self._stdout, 1 << 16)
            assert chunk, "the server ended"
            self._buffer += chunk
        answer, _, self._buffer = self._buffer.partition(b"\n")
        return answer

    def cpu(self) -> float:
        """Seconds of CPU used so far, user and system (Linux)."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
