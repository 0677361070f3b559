"""The fixture tools that take the whole chain."""

from __future__ import annotations

import anyio

from gloveport.tools.guarded import Progress, guarded_tool


@guarded_tool
def test_simple_text() -> str:
    """Returns a text."""
    return "This is a simple text response for testing."


@guarded_tool
def test_error_handling() -> str:
    """Fails, always."""
    raise RuntimeError("This tool intentionally returns an error for testing")


@guarded_tool
async def test_tool_with_progress(progress: Progress) -> str:
    """Reports three steps."""
    for done in (0, 50, 100):
        await progress.tell(done, 100, f"{done} of 100")
        await anyio.sleep(0.05)
    return "done"
