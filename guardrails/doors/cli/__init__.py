"""The command line. Exit codes: 0 fine, 1 a finding, 2 wrong use or bad configuration (one line on stderr)."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit. What a user can mend is one line on stderr, never a traceback."""
    from .app import app
    from .common import WRONG_USE, UserError

    try:
        app(prog_name="gloveport")
    except UserError as error:
        for line in error.lines:
            sys.stderr.write(f"gloveport: {line}\n")
        sys.exit(WRONG_USE)
    except BrokenPipeError:  # the reader of our output went away: `gloveport show … | head`
        sys.stderr.close()
        sys.exit(0)
