"""A small hospital with a canary in every protected cell and file, and clients that reach it through the MCP door."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from mcp import Client

from gloveport.guardrails.config import load_config
from gloveport.guardrails.doors.chain_port import ChainPort, Opening
from gloveport.guardrails.doors.mcp.server import build_server
from gloveport.guardrails.house import House
from gloveport.tests.canaries import CANARIES

CONFIG = """
databases:
  ward:
    url: sqlite:///ward.db
    deny: [vault_keys]
    write: {write}
    classes:
      people.name: person
      people.email: email
      people.phone: phone
      people.address: address
      people.ssn: ssn
      people.national_id: national_id
      people.birth_date: birth_date
      people.card: card
      people.iban: iban
      people.account: account
      people.ip: ip
      people.mac: mac
      people.url: url
      people.device: device
      people.health: health
      people.secret: secret
      people.notes: free_text
      letters.email: email
    open: [people.id, people.ward, letters.id, letters.topic]
    limits: {{rows: 50, seconds: 5}}
files:
  desk: {{path: ./desk, write: true}}
recordings: ./recordings
"""
UNSPOKEN = ("health", "device")  # kinds that a column has, but that nobody promises to find in prose
_NAMED = "email phone address ssn national_id birth_date card iban account ip mac url device health secret".split()
COLUMNS = {"name": "person"} | {name: name for name in _NAMED}  # column: class


@dataclass(frozen=True, slots=True)
class Ward:
    """Where the hospital lies on disk."""

    folder: Path
    config: Path

    @property
    def database(self) -> Path:
        return self.folder / "ward.db"

    @property
    def recordings(self) -> Path:
        return self.folder / "recordings"


def build_ward(folder: Path, *, write: bool = False) -> Ward:
    database = sqlite3.connect(folder / "ward.db")
    columns = ", ".join(f"{name} TEXT" for name in COLUMNS)
    database.executescript(
        f"CREATE TABLE people (id INTEGER PRIMARY KEY, ward TEXT NOT NULL, {columns}, notes TEXT);"
        "CREATE TABLE letters (id INTEGER PRIMARY KEY, email TEXT, topic TEXT);"
        "CREATE TABLE vault_keys (id INTEGER PRIMARY KEY, secret TEXT);"
        "CREATE UNIQUE INDEX people_email ON people(email);"
    )
    values = [CANARIES[kind] for kind in COLUMNS.values()]
    spoken = {kind: value for kind, value in CANARIES.items() if kind not in UNSPOKEN}
    notes = "Seen today. " + "; ".join(f"{kind}: {value}" for kind, value in spoken.items())
    marks = ", ".join("?" * (len(values) + 2))
    names = ", ".join(COLUMNS)
    database.execute(f"INSERT INTO people (ward, {names}, notes) VALUES ({marks})", ["north", *values, notes])
    other = [f"{value[::2]}{n}" if n != 1 else "other@elsewhere-mail.org" for n, value in enumerate(values)]
    database.execute(f"INSERT INTO people (ward, {names}, notes) VALUES ({marks})", ["south", *other, "All well."])
    database.execute("INSERT INTO letters (email, topic) VALUES (?, 'diet')", [CANARIES["email"]])
    database.execute("INSERT INTO vault_keys (secret) VALUES (?)", [CANARIES["secret"]])
    database.commit()
    database.close()
    desk = folder / "desk"
    desk.mkdir()
    (desk / "people.csv").write_text(f"email,ward\n{CANARIES['email']},north\n")
    (desk / "note.txt").write_text(f"Call {CANARIES['phone']} or write to {CANARIES['email']}.\n")
    (desk / "state.json").write_text(json.dumps({"user": {"ssn": CANARIES["ssn"], "visits": 3}}))
    config = folder / "gloveport.yaml"
    config.write_text(CONFIG.format(write=str(write).lower()))
    return Ward(folder, config)


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return build_ward(tmp_path)


@dataclass(slots=True)
class Seen:
    """Everything that left the server, and the calls that made it leave."""

    client: Client
    everything: list[str] = field(default_factory=list[str])
    logs: list[str] = field(default_factory=list[str])

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured answer; what the client was sent is kept word for word."""
        result = await self.client.call_tool(tool, arguments)
        self.everything.append(result.model_dump_json())
        assert result.structured_content is not None
        assert result.is_error == (result.structured_content["status"] in ("refused", "failed"))
        return result.structured_content

    async def query(self, sql: str, **more: Any) -> dict[str, Any]:
        return await self.call("database_query", database="ward", sql=sql, **more)


Connect = Callable[[Ward], AbstractAsyncContextManager[Seen]]


@asynccontextmanager
async def connected(ward: Ward, mode: str = "2026-07-28") -> AsyncGenerator[Seen]:
    """A client in memory, of a house opened as ``gloveport serve`` opens it."""

    @asynccontextmanager
    async def chain() -> AsyncGenerator[ChainPort]:
        async with House.open(load_config(ward.config)) as house:
            yield house.chain

    logs: list[str] = []
    sink = logger.add(lambda message: logs.append(str(message)), level="TRACE", backtrace=False, diagnose=False)
    try:
        opening = Opening(chain)
        async with opening.running():
            opening.go()
            await opening.wait_loaded()
            async with Client(build_server(opening), mode=mode) as client:
                yield Seen(client, logs=logs)
    finally:
        logger.remove(sink)


@pytest.fixture
def connect() -> Connect:
    return connected
