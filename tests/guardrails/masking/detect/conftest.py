"""One detector for all tests of the folder, and a short way to say what it found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gloveport.guardrails.masking.detect import Detector

Find = Callable[..., list[tuple[str, str]]]


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="session")
def find(detector: Detector) -> Find:
    """What a text holds by form: (type, value) in order; ``free=True`` looks for names and places too."""

    def find(text: str, key: str | None = None, *, free: bool = False) -> list[tuple[str, str]]:
        spans = detector.scan(text, key=key, structured_only=not free)
        return [(str(s.type), text[s.start : s.end]) for s in spans]

    return find
