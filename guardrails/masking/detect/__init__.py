"""Detection: where in a text personal data and secrets stand. Never a network call."""

from __future__ import annotations

from .detector import Detector
from .spans import Span

__all__ = ["Detector", "Span"]
