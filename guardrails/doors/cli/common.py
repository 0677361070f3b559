"""What every command shares: one-line errors, the configuration, JSON or a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import orjson
import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ...config import Config

FINDING, WRONG_USE = 1, 2

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="The configuration file; default gloveport.yaml here.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


class UserError(Exception):
    """Something the person at the terminal can mend; printed as one line each, exit code 2."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def configuration(path: Path | None) -> tuple[Path, Config]:
    """The configuration file and what it says. Raises `UserError`."""
    from ...config import ConfigError, find_config, load_config

    try:
        found = find_config(path)
        return found, load_config(found)
    except ConfigError as error:
        raise UserError(*error.findings) from None


def console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def print_json(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()


def logging(level: str = "WARNING") -> None:
    """Logs go to stderr, one plain line each, and never with the values of local variables."""
    from loguru import logger

    logger.remove()
    logger.add(
        sys.stderr, level=level, format="{time:HH:mm:ss} {level} {message}", backtrace=False, diagnose=False, catch=True
    )


def http_address(http: str | None) -> tuple[str, int] | None:
    """What `--http HOST:PORT` says; None without it. Raises `UserError`."""
    if http is None:
        return None
    host, _, port = http.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) < 65536:
        raise UserError(f"--http {http}: must be HOST:PORT, as in 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def finding(message: str) -> NoReturn:
    """End with exit code 1: the command worked, and what it found is not good."""
    typer.echo(message, err=True)
    raise typer.Exit(FINDING)
