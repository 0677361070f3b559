"""Standard error of a serving process: one line an event, without values, whoever logs.

Hosts keep a server's standard error in a file. The SDK, uvicorn and other libraries log through `logging`, with
exception texts and message bodies in their arguments; here only the fixed part of such a record and the type of its
exception go on.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

from loguru import logger


class FixedTextHandler(logging.Handler):
    """Passes a library's record to loguru: its level, its logger, and its text before anything was filled in."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        level = record.levelname if record.levelname in _LEVELS else "WARNING"
        named = f" ({error.__name__})" if error is not None else ""
        logger.log(level, "{}: {}{}", record.name, fixed_text(record), named)


def fixed_text(record: logging.LogRecord) -> str:
    """What of a record's text was written by its author. A text that came ready-made is kept up to the first mark after
    which libraries put values, and without words that hold anything but letters."""
    if not isinstance(record.msg, str):
        return type(record.msg).__name__
    if record.args:
        return record.msg
    start = _BEFORE_VALUES.match(record.msg)
    return " ".join(word for word in start[0].split() if _PLAIN_WORD.fullmatch(word)) if start else ""


_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
_BEFORE_VALUES = re.compile(r"[^:=\n'\"]{1,80}")
_PLAIN_WORD = re.compile(r"[A-Za-z/-]+[.,]?")


def quiet_libraries() -> None:
    """Route all `logging` of this process here. For entry points only, never on import."""
    root = logging.getLogger()
    root.handlers[:] = [FixedTextHandler()]
    root.setLevel(logging.WARNING)


def quiet_this_loop() -> None:
    """A task's lost exception is named by its type; its text may hold values."""

    def report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        logger.error("event loop: {}", type(error).__name__ if error is not None else "an error without exception")

    asyncio.get_running_loop().set_exception_handler(report)
