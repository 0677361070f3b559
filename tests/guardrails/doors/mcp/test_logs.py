"""Standard error holds no values, whoever logs."""

from __future__ import annotations

import asyncio
import logging

import pytest
from loguru import logger

from gloveport.guardrails.doors.mcp.logs import FixedTextHandler, quiet_this_loop

CANARY = "canary-4711"


@pytest.fixture
def lines():
    seen: list[str] = []
    sink = logger.add(lambda message: seen.append(str(message)), level="DEBUG")
    yield seen
    logger.remove(sink)


@pytest.fixture
def library():
    log = logging.getLogger("some.library")
    handler = FixedTextHandler()
    log.addHandler(handler)
    log.propagate = False
    yield log
    log.removeHandler(handler)
    log.propagate = True


def test_arguments_and_exception_texts_are_not_passed_on(lines, library):
    try:
        raise ValueError(CANARY)
    except ValueError:
        library.exception("handler for %r raised", CANARY)
    assert "some.library: handler for %r raised (ValueError)" in lines[0]
    assert CANARY not in "".join(lines)


@pytest.mark.parametrize(
    ("ready_made", "kept"),
    [
        (f"Invalid Host header: {CANARY}", "Invalid Host header"),
        (f"Tool {CANARY} not listed", "Tool not listed"),
        (f"it is '{CANARY}' there", "it is"),
        (f"{CANARY}", ""),
        ("", ""),
    ],
)
def test_of_a_ready_made_text_only_plain_words_are(lines, library, ready_made, kept):
    library.warning(ready_made)
    assert lines[0].rstrip().endswith(f"some.library: {kept}".rstrip())
    assert CANARY not in lines[0]


def test_a_record_that_is_no_text_is_named_by_its_type(lines, library):
    library.warning(ValueError(CANARY))
    assert "ValueError" in lines[0]
    assert CANARY not in lines[0]


async def test_a_lost_exception_is_named_by_its_type(lines):
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    quiet_this_loop()
    try:
        loop.call_exception_handler({"message": CANARY, "exception": ValueError(CANARY)})
    finally:
        loop.set_exception_handler(before)
    assert "ValueError" in lines[0]
    assert CANARY not in lines[0]
