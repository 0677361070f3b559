"""Shared by the tests of the file tools: a planning without masker, tools by name, and an attacker that swaps names.

Test modules cannot import each other here, so it is handed out as one fixture, ``kit``.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gloveport.tools.files.beneath import Opener, kernel_can, open_by_kernel, open_by_walk
from gloveport.tools.files.roots import FileSettings
from gloveport.tools.files.tools import build_file_tools
from gloveport.tools.tool import Limits, Plan, Planning, Result, Running, TokenSpan, Tool

TOKEN = re.compile(r"tok_[a-z0-9]+")


async def _no_rules(database: str) -> Any:
    raise AssertionError("file tools ask for no column rules")


PLANNING = Planning(
    principal="tester",
    token_class=lambda value: "person" if isinstance(value, str) and TOKEN.fullmatch(value) else None,
    find_tokens=lambda text: [TokenSpan(m.start(), m.end(), "person") for m in TOKEN.finditer(text)],
    column_rules=_no_rules,
)


def file_tools(path: Path, **settings: Any) -> Mapping[str, Tool]:
    """The file tools over one root called ``r``."""
    opener = settings.pop("opener", None)
    return by_name(build_file_tools([FileSettings("r", path, **settings)], opener=opener))


def by_name(built: Sequence[Tool]) -> Mapping[str, Tool]:
    return {tool.spec.name: tool for tool in built}


async def plan(tool: Tool, **arguments: Any) -> Plan:
    return await tool.plan({"root": "r", **arguments}, PLANNING)


async def call(tool: Tool, values: Mapping[str, object] | None = None, **arguments: Any) -> Any:
    """Plan and run. ``values`` are the real values of tokens; a token without one is kept, as policy may decide."""
    planned = await plan(tool, **arguments)
    real = values or {}
    result: Result = await tool.run(planned, Running([real.get(s.token, s.token) for s in planned.slots], Limits()))
    return result


_SWAP = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
a, b = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2])
parent = os.getppid()
print("ready", flush=True)
while os.getppid() == parent:
    for _ in range(500):
        if libc.renameat2(-100, a, -100, b, 2):  # AT_FDCWD, RENAME_EXCHANGE
            sys.exit(ctypes.get_errno())
"""


@contextmanager
def swapping(one: Path, other: Path) -> Iterator[None]:
    """Another process exchanges two names as fast as the kernel can, until the end of the block."""
    attacker = subprocess.Popen([sys.executable, "-I", "-S", "-c", _SWAP, one, other], stdout=subprocess.PIPE)
    try:
        assert attacker.stdout is not None
        assert attacker.stdout.readline() == b"ready\n"
        yield
        assert attacker.poll() is None, "the attacker gave up"
    finally:
        attacker.kill()
        attacker.wait()
        assert attacker.stdout is not None
        attacker.stdout.close()


def for_seconds(seconds: float) -> Iterator[int]:
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        yield count
        count += 1


def can_exchange(folder: Path) -> bool:
    """Whether this system and file system know RENAME_EXCHANGE."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        return False
    one, other = folder / ".one", folder / ".other"
    one.touch()
    other.touch()
    try:
        return function(-100, os.fsencode(one), -100, os.fsencode(other), 2) == 0
    finally:
        one.unlink()
        other.unlink()


@pytest.fixture
def kit() -> SimpleNamespace:
    return SimpleNamespace(
        planning=PLANNING,
        tools=file_tools,
        by_name=by_name,
        plan=plan,
        call=call,
        swapping=swapping,
        for_seconds=for_seconds,
    )


@pytest.fixture
def exchange(tmp_path: Path) -> None:
    """Skips where names cannot be exchanged."""
    if not can_exchange(tmp_path):
        pytest.skip("this system or file system has no RENAME_EXCHANGE")


@pytest.fixture(params=["kernel", "walk"])
def opener(request: pytest.FixtureRequest) -> Opener:
    """Both ways of opening, whichever this system would choose."""
    if request.param == "walk":
        return open_by_walk
    if not kernel_can():
        pytest.skip("this kernel or sandbox has no openat2")
    return open_by_kernel
