"""`gloveport approve` and `gloveport reject`: a human's answer, given where no agent has a door."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .common import ConfigOption, JsonOption, UserError, configuration, console, print_json

if TYPE_CHECKING:
    from ...approval import ApprovalStore
    from ...config import Config

Note = Annotated[str | None, typer.Option("--note", help="Why; kept in the record.")]


def approve(
    id: Annotated[str | None, typer.Argument(help="The approval; without it, list what is pending.")] = None,
    config: ConfigOption = None,
    note: Note = None,
    json: JsonOption = False,
) -> None:
    """Approve a pending call, or list what is pending."""
    from ...approval import ApprovalStore

    _, settings = configuration(config)
    if id is None:
        _list(ApprovalStore(settings.state / "approvals.json"), json)
        return
    _settle(settings, id, yes=True, note=note)


def reject(id: str, config: ConfigOption = None, note: Note = None) -> None:
    """Reject a pending call."""
    _, settings = configuration(config)
    _settle(settings, id, yes=False, note=note)


def _settle(settings: Config, id: str, *, yes: bool, note: str | None) -> None:
    from ...approval import ApprovalError, ApprovalStore
    from ...identity import person_at_terminal

    person = person_at_terminal()
    roles = settings.identity.approvers.get(person, frozenset[str]())
    try:
        approval = ApprovalStore(settings.state / "approvals.json").settle(id, person, yes=yes, roles=roles, note=note)
    except ApprovalError as error:
        raise UserError(str(error)) from None
    then = "the agent may make the same call again" if yes else "the call will not run"
    typer.echo(f"{approval.id} {approval.state} by {approval.approver}: {then}")


def _list(store: ApprovalStore, json: bool) -> None:
    from ...approval import PENDING, ApprovalError

    try:
        known = store.all()
    except ApprovalError as error:
        raise UserError(str(error)) from None
    waiting = [a for a in known if a.state == PENDING and a.live(time.time())]
    if json:
        print_json([asdict(a) for a in waiting])
        return
    out = console()
    if not waiting:
        out.print("Nothing waits for approval.")
    for approval in waiting:
        left = int(approval.expires - time.time())
        who = f" (roles: {', '.join(approval.groups)})" if approval.groups else ""
        out.print(f"[bold]{approval.id}[/]  {approval.tool} for {approval.principal}, {left} s left{who}", markup=True)
        out.print(f"    rule {approval.rule}", markup=False)
        out.print(f"    {approval.shown}", markup=False)
