"""Runs the demo: makes the clinic, starts a server process, plays the agent's session, verifies the transcript."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from rich.console import Console

from ...tools.tool import JsonObject
from . import clinic, screen
from .scenes import Scene, play

PROTECTED = {
    "patients": ("full_name", "email", "phone", "ssn", "birth_date", "street"),
    "newsletter": ("email",),
    "payments": ("card_number",),
    "api_keys": ("secret",),
}


@dataclass(slots=True)
class Outcome:
    """What one run of the demo showed."""

    scenes: list[Scene] = field(default_factory=list[Scene])
    seen: list[str] = field(default_factory=list[str])  # every byte the agent's side was sent
    session: str = ""
    seconds: float = 0.0

    @property
    def fine(self) -> bool:
        return bool(self.scenes) and all(scene.holds for scene in self.scenes)


async def run(config: Path, out: Console) -> Outcome:
    """Play the session against a server process of its own."""
    from mcp.client import Client
    from mcp.client.stdio import StdioServerParameters
    from mcp_types import Implementation

    outcome = Outcome()
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "gloveport", "serve", "--config", str(config)], cwd=config.parent
    )
    began = time.perf_counter()
    async with Client(server, client_info=Implementation(name="demo-agent", version="1.0")) as client:

        async def call(tool: str, arguments: JsonObject) -> JsonObject:
            result = await client.call_tool(tool, arguments)
            outcome.seen.append(result.model_dump_json())
            answer: JsonObject = result.structured_content or {"status": "failed"}
            outcome.session = str(answer.get("session", outcome.session))
            return answer

        last = time.perf_counter()
        async for scene in play(call):
            outcome.scenes.append(scene)
            screen.scene(out, len(outcome.scenes), scene, (time.perf_counter() - last) * 1000)
            last = time.perf_counter()
    outcome.seconds = time.perf_counter() - began
    return outcome


def leaked(config: Path, texts: Iterator[str]) -> tuple[int, int]:
    """How many protected values there are, and how many of them stand in any of the texts."""
    database = sqlite3.connect(config.parent / "clinic.db")
    try:
        values = {
            str(value)
            for table, columns in PROTECTED.items()
            for column in columns
            for (value,) in database.execute(f"SELECT {column} FROM {table}")
        }
    finally:
        database.close()
    everything = "\n".join(texts)
    return len(values), sum(value in everything for value in values)


def transcript_texts(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_bytes().decode("utf-8", "replace")


def demo(folder: Path, out: Console, *, keep: bool) -> bool:
    """The whole demo, in a folder; returns whether everything held."""
    from ...recordings.verify import verify

    config = clinic.build(folder)
    screen.opening(out, str(folder))
    outcome = anyio.run(run, config, out)
    values, seen = leaked(config, iter(outcome.seen))
    _, recorded = leaked(config, transcript_texts(folder / "recordings"))
    verdict = verify(folder / "recordings")
    attacks = [scene for scene in outcome.scenes if scene.kind == "attack"]
    held = sum(scene.holds for scene in attacks)
    fine = outcome.fine and not seen and not recorded and verdict.ok
    facts = [
        ("attacks", f"{held} of {len(attacks)} refused or masked"),
        ("protected values", f"{values} in the clinic, {seen} reached the agent, {recorded} in the transcript"),
        ("transcript", f"{'verified' if verdict.ok else 'NOT verified'}: {verdict.summary}"),
        ("session", f"{outcome.session} in {outcome.seconds:.1f} s"),
    ]
    there = f"cd {folder} && " if keep else ""
    then = [
        f"play it back      {there}gloveport play {outcome.session}",
        f"check it          {there}gloveport verify",
        f"connect Claude    {there}gloveport install claude-desktop",
    ]
    if not keep:
        then = ["Keep the clinic and connect Claude Desktop to it: gloveport demo --keep ./clinic"]
    screen.summary(out, facts, fine, then)
    return fine
