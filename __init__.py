"""Gloveport: an AI agent works on production data without touching it."""

from __future__ import annotations

__version__ = "0.1.0"
