"""Deadline and caps around a tool's run. What a tool throws stays here: only fixed sentences come out."""

from __future__ import annotations

import anyio
from loguru import logger

from ..tools.tool import Plan, Result, Running, Tool, ToolFailed, ToolRefused

DEADLINE_SECONDS = 30.0


async def execute(tool: Tool, plan: Plan, running: Running) -> Result:
    """Run the plan within its deadline. Raises `ToolRefused` or `ToolFailed`, never anything else but cancellation."""
    seconds = running.limits.seconds or DEADLINE_SECONDS
    try:
        with anyio.CancelScope(deadline=anyio.current_time() + seconds):  # half the time of `fail_after`
            return await tool.run(plan, running)
    except (ToolRefused, ToolFailed):
        raise
    except TimeoutError:
        pass
    except Exception as error:  # noqa: BLE001 - the one place where a tool may throw anything
        # The text of an unforeseen error may hold values: it is dropped, here and in the log.
        logger.error("tool {} failed: {}", tool.spec.name, type(error).__name__)
        raise ToolFailed(
            "tool-error", "The tool failed unexpectedly.", "Try another way, or tell the operator."
        ) from None
    raise ToolFailed("deadline", f"Stopped after {seconds:g} seconds.", "Ask for less at a time.")
