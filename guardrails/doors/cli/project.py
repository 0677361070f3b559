"""`gloveport init`, `install` and `doctor`: from an empty folder to a running server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .common import FINDING, ConfigOption, JsonOption, UserError, configuration, console, print_json

TEMPLATE = """\
# Gloveport: what agents may reach. Paths are relative to this file; every key is explained in docs/config.md.
databases:
  {name}:
    url: {url}
    # tables: [orders, customers]        # only these; without it, all tables and views
    # deny: [api_keys]                   # never these
    # classes: {{customers.email: email}}  # `gloveport classify {name}` proposes them
files:
  reports: {{path: ./reports, write: true}}
policies: ./policies
recordings: ./recordings
"""


def init(
    folder: Annotated[Path, typer.Argument(help="Where; default here.")] = Path(),
    database: Annotated[str, typer.Option("--database", help="A database URL.")] = "sqlite:///data.db",
    name: Annotated[str, typer.Option("--name", help="What the agent calls the database.")] = "main",
) -> None:
    """Write a configuration and a policy folder to start from. Nothing that exists is overwritten."""
    from ....policies.templates import write_default

    config = folder / "gloveport.yaml"
    if config.exists():
        raise UserError(f"{config}: exists already; nothing was changed")
    folder.mkdir(parents=True, exist_ok=True)
    policies = folder / "policies"
    if policies.exists() and any(policies.iterdir()):
        raise UserError(f"{policies}: is not empty; nothing was changed")
    (folder / "reports").mkdir(exist_ok=True)
    config.write_text(TEMPLATE.format(name=name, url=database), encoding="utf-8")
    write_default(policies)
    out = console()
    out.print(f"{config}      what agents may reach", markup=False, soft_wrap=True)
    out.print(f"{policies}/     what is allowed, as Cedar rules", markup=False, soft_wrap=True)
    steps = ["gloveport doctor", f"gloveport classify {name}", "gloveport install claude-desktop"]
    if folder.resolve() != Path.cwd():
        steps.insert(0, f"cd {folder}")
    out.print("\nNext:  " + "\n       ".join(steps), markup=False, soft_wrap=True)


def install(
    client: Annotated[str, typer.Argument(help="claude-desktop, claude-code, cursor or vscode.")],
    config: ConfigOption = None,
    name: Annotated[str, typer.Option("--name", help="The server's name in the client.")] = "gloveport",
) -> None:
    """Write this server into an MCP client's configuration; the file as it was is kept beside it."""
    from .install import InstallError, clients, command
    from .install import install as write

    path, _ = configuration(config)
    known = clients(Path.home(), Path.cwd())
    if client not in known:
        raise UserError(f"{client}: no such client; known: {', '.join(known)}")
    try:
        kept = write(known[client], name, command(path))
    except InstallError as error:
        raise UserError(str(error)) from None
    target = known[client]
    typer.echo(f"{target.title} now has the server {name!r}: {target.path}")
    if kept:
        typer.echo(f"The file as it was: {kept}")
    typer.echo(target.then)


def doctor(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check configuration, databases, roles, folders and keys; say how to mend what is not right."""
    import anyio

    from ...doctor import examine

    path, settings = configuration(config)
    findings = anyio.run(examine, path, settings)
    if json:
        print_json([finding.as_json() for finding in findings])
    else:
        out = console()
        marks = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "bad": "[red]bad [/]"}
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            out.print(f"{marks[finding.level]}  [bold]{finding.subject:<{width}}[/]  ", end="")
            out.print(finding.text, markup=False, soft_wrap=True)
            if finding.mend:
                indent = " " * (width + 8)
                mend = finding.mend.replace("\n", f"\n{indent}")
                out.print(f"{indent}{mend}", markup=False, style="dim", soft_wrap=True)
    sys.stdout.flush()
    if any(finding.level == "bad" for finding in findings):
        raise typer.Exit(FINDING)
