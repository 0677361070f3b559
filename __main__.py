"""`python -m gloveport` is the command line."""

from __future__ import annotations

from .guardrails.doors.cli import main

if __name__ == "__main__":
    main()
