"""A lean client for servers on stdio: prebuilt bodies, so that the server is what is measured."""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
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
        said = None if os.environ.get("GLOVEPORT_BENCH_STDERR") else subprocess.DEVNULL
        self.started = time.perf_counter()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, bufsize=0)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout.fileno()
        self._era = era
        self._buffer = b""

    @classmethod
    def of(cls, name: str, era: str) -> Server:
        """One of the servers in `_mcp_servers`."""
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

    def body(self, id: int, tool: str, arguments: dict[str, Any]) -> bytes:
        params: dict[str, Any] = {"name": tool, "arguments": arguments}
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
        """Seconds of CPU used so far, user and system, by the process and its living children (Linux)."""
        return sum(_cpu(pid) for pid in (self._process.pid, *_children(self._process.pid)))


def _children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in lists for child in path.read_text().split()]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    servers: Mapping[str, Server], tool: str, arguments: dict[str, Any], *, rounds: int, calls: int
) -> dict[str, dict[str, float]]:
    """p50 and p99 in milliseconds and server CPU in microseconds a call, the servers taking turns."""
    ids = itertools.count(1)
    times: dict[str, list[float]] = {name: [] for name in servers}
    used = dict.fromkeys(servers, 0.0)
    for server in servers.values():
        server.first_answer()
        for _ in range(calls):
            server.call(server.body(next(ids), tool, arguments))
    for _ in range(rounds):
        for name, server in servers.items():
            bodies = [server.body(next(ids), tool, arguments) for _ in range(calls)]
            before = server.cpu()
            times[name] += [server.call(body) for body in bodies]
            used[name] += server.cpu() - before
    return {
        name: {
            "p50_ms": statistics.median(took) * 1e3,
            "p99_ms": statistics.quantiles(took, n=100)[98] * 1e3,
            "cpu_us": used[name] / len(took) * 1e6,
        }
        for name, took in times.items()
    }


def table(title: str, figures: Mapping[str, Mapping[str, float]]) -> None:
    """One line a server; factors are to the server named ``bare``."""
    for name, figure in figures.items():
        print(
            f"{title} {name:5} p50 {figure['p50_ms']:.3f} ms  p99 {figure['p99_ms']:.3f} ms  "
            f"CPU {figure['cpu_us']:.0f} us  {figure['p50_ms'] / figures['bare']['p50_ms']:.2f}x bare"
        )
