"""`gloveport identity`: bearer tokens for HTTP callers."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .common import ConfigOption, JsonOption, UserError, configuration, console, print_json

if TYPE_CHECKING:
    from ...credentials import Credential

app = typer.Typer(help="Mint, list and revoke bearer tokens.", no_args_is_help=True, rich_markup_mode=None)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What you call this credential.")],
    config: ConfigOption = None,
    human: Annotated[str | None, typer.Option(help="Who answers for its calls; default NAME.")] = None,
    agent: Annotated[str | None, typer.Option(help="The agent it is bound to.")] = None,
    model: Annotated[str | None, typer.Option(help="The model it is bound to.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role; may stand several times.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="A team; may stand several times.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="Only this tool, database or file root; several.")] = None,
    days: Annotated[float, typer.Option(help="Days until it expires.")] = 90.0,
) -> None:
    """Mint a bearer token. It is shown this once and stored as a digest."""
    from ...credentials import CredentialError, Credentials

    _, settings = configuration(config)
    try:
        made, token = Credentials(settings.identity.credentials).add(
            name,
            human=human,
            agent=agent,
            model=model,
            purpose=purpose,
            roles=frozenset(role or ()),
            teams=frozenset(team or ()),
            scopes=frozenset(scope or ()),
            days=days,
        )
    except CredentialError as error:
        raise UserError(str(error)) from None
    typer.echo(f"{made.name} ({made.id}), for {days:g} days. The token, shown this once:", err=True)
    typer.echo(token)


@app.command("list")
def list_all(config: ConfigOption = None, json: JsonOption = False) -> None:
    """List credentials, also expired and revoked ones."""
    from rich.table import Table

    from ...credentials import CredentialError, Credentials

    _, settings = configuration(config)
    try:
        known = Credentials(settings.identity.credentials).all()
    except CredentialError as error:
        raise UserError(str(error)) from None
    now = time.time()
    if json:
        print_json([_shown(credential, now) for credential in known])
        return
    table = Table(box=None)
    for column in ("name", "id", "human", "agent", "roles", "scopes", "state"):
        table.add_column(column)
    for c in known:
        roles, scopes = ", ".join(sorted(c.roles)), ", ".join(sorted(c.scopes)) or "all"
        table.add_row(c.name, c.id, c.human, c.agent or "", roles, scopes, c.state(now))
    console().print(table)


@app.command("revoke")
def revoke(
    credential: Annotated[str, typer.Argument(help="Its name or id.")],
    config: ConfigOption = None,
) -> None:
    """Revoke a credential; it holds from the next call on, also within open sessions."""
    from ...credentials import CredentialError, Credentials

    _, settings = configuration(config)
    try:
        revoked = Credentials(settings.identity.credentials).revoke(credential)
    except CredentialError as error:
        raise UserError(str(error)) from None
    typer.echo(f"{revoked.name} ({revoked.id}) is revoked")


def _shown(credential: Credential, now: float) -> dict[str, object]:
    """A credential without its digest."""
    fields: dict[str, object] = asdict(credential)
    del fields["digest"]
    groups = {name: sorted(getattr(credential, name)) for name in ("roles", "teams", "scopes")}
    return {**fields, **groups, "state": credential.state(now)}
