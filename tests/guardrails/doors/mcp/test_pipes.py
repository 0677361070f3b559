"""Lines out of chunks, in bounded memory."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.doors.mcp import wire
from gloveport.guardrails.doors.mcp.pipes import PipeLines

CAP = 8


async def lines_of(chunks: list[bytes]) -> list[bytes | None]:
    """All lines of a pipe that delivers these chunks and ends; None for a line over the cap."""
    lines = PipeLines(CAP)
    for chunk in chunks:
        lines.data_received(chunk)
    lines.eof_received()
    found: list[bytes | None] = []
    while True:
        try:
            line = await lines.next()
        except wire.WireError:
            found.append(None)
            continue
        if line is None:
            return found
        found.append(line)


def expected(data: bytes) -> list[bytes | None]:
    *whole, rest = data.split(b"\n")
    return [line if len(line) <= CAP else None for line in [*whole, *([rest] if rest else [])]]


@given(st.lists(st.text("ab\n", max_size=12).map(str.encode), max_size=12))
@settings(deadline=None)
def test_lines_do_not_depend_on_how_they_were_cut(chunks: list[bytes]):
    assert asyncio.run(lines_of(chunks)) == expected(b"".join(chunks))


async def test_a_line_over_the_cap_is_not_kept():
    lines = PipeLines(CAP)
    for _ in range(1000):
        lines.data_received(b"x" * 1000)
    assert len(lines._rest) <= CAP  # pyright: ignore[reportPrivateUsage]
    lines.data_received(b"\nok\n")
    with pytest.raises(wire.WireError):
        await lines.next()
    assert await lines.next() == b"ok"


class PausableTransport(asyncio.ReadTransport):
    paused = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


async def test_reading_pauses_when_nobody_takes_the_lines():
    lines, transport = PipeLines(CAP), PausableTransport()
    lines.connection_made(transport)
    lines.data_received(b"a\n" * 100)
    assert transport.paused
    for _ in range(100):
        await lines.next()
    assert not transport.paused
