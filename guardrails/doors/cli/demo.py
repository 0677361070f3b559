"""`gloveport demo`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from .common import FINDING, UserError


def demo(
    keep: Annotated[Path | None, typer.Option("--keep", help="Make the clinic in this new folder and keep it.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="No colours, no boxes wider than 100 columns.")] = False,
) -> None:
    """Watch an agent work in a clinic it never sees: masked rows, tokens, refused attacks, a verified transcript."""
    from rich.console import Console

    from ....examples.demo.run import demo as run_demo

    out = Console(
        no_color=plain, width=100 if plain else None, highlight=False, force_terminal=False if plain else None
    )
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="gloveport-demo-") as folder:
            fine = run_demo(Path(folder), out, keep=False)
    else:
        if keep.exists() and any(keep.iterdir()):
            raise UserError(f"{keep}: is not empty; name a new folder")
        fine = run_demo(keep.resolve(), out, keep=True)
    if not fine:
        raise typer.Exit(FINDING)
