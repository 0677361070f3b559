"""`gloveport policy`: check the rules, run their tests, and ask why a call is allowed or not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from .common import FINDING, ConfigOption, JsonOption, UserError, configuration, console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from ....policies.explain import Explanation, Reason
    from ....policies.loader import Bundle
    from ....policies.request import DecisionRequest
    from ....policies.statements import Finding
    from ....tools.load import AnyGuardedTool
    from ...config import Config

NEAR = 6  # rules shown that nearly apply; --json shows all

app = typer.Typer(help="Check, test and explain policies.", no_args_is_help=True, rich_markup_mode=None)

FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Another policy folder than the configuration's, for the same names.")
]


@app.command("check")
def check(config: ConfigOption = None, folder: FolderOption = None, json: JsonOption = False) -> None:
    """Print every finding as file:line: message. Exit code 1 when the policy does not load or a case fails."""
    from ....policies.loader import PolicyError
    from ....policies.store import failures

    settings = _settings(config)
    try:
        bundle = _bundle(settings, folder)
        findings = [*failures(bundle, folder or settings.policies), *bundle.warnings]
    except PolicyError as error:
        bundle, findings = None, [*error.findings]
    if json:
        print_json({"loads": bundle is not None, "findings": [_finding(finding) for finding in findings]})
    else:
        for finding in findings:
            typer.echo(str(finding))
        if bundle is not None:
            typer.echo(f"{bundle.name} version {bundle.version}: {len(bundle.rules)} rules, {bundle.digest}", err=True)
    if any(not finding.warning for finding in findings):
        raise typer.Exit(FINDING)


@app.command("test")
def run_cases(config: ConfigOption = None, folder: FolderOption = None, json: JsonOption = False) -> None:
    """Run the cases in the policy's tests folder. Exit code 1 when one comes out otherwise."""
    from ....policies.cases import differences
    from ....policies.decide import Decider
    from ....policies.loader import PolicyError, placed

    settings = _settings(config)
    where = folder or settings.policies
    try:
        bundle = _bundle(settings, folder)
    except PolicyError as error:
        for finding in error.findings:
            typer.echo(str(finding))
        raise typer.Exit(FINDING) from None
    decider = Decider(bundle)
    results = [(case, differences(case, decider.decide(case.request))) for case in bundle.cases]
    failed = [(case, wrong) for case, wrong in results if wrong]
    if json:
        cases = [
            {"name": case.name, "file": case.file, "line": case.line, "differences": wrong} for case, wrong in results
        ]
        print_json({"passed": len(results) - len(failed), "failed": len(failed), "cases": cases})
    else:
        for case, wrong in failed:
            for text in wrong:
                typer.echo(str(placed(_as_finding(case.file, case.line, f"{case.name}: {text}"), where)))
        typer.echo(f"{len(results) - len(failed)} passed, {len(failed)} failed", err=True)
    if failed:
        raise typer.Exit(FINDING)


@app.command("explain")
def explain(
    call: Annotated[str | None, typer.Argument(help="A recorded call (its id or how it begins).")] = None,
    action: Annotated[str | None, typer.Option(help="As in db.select; with --resource, instead of CALL.")] = None,
    resource: Annotated[list[str] | None, typer.Option(help="As in clinic.patients; several.")] = None,
    human: Annotated[str | None, typer.Option(help="Default: the configuration's, else you.")] = None,
    agent: Annotated[str | None, typer.Option(help="Vouched for; default the configuration's.")] = None,
    model: Annotated[str | None, typer.Option(help="The same.")] = None,
    purpose: Annotated[str | None, typer.Option(help="The same.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role; several.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="A team; several.")] = None,
    class_: Annotated[list[str] | None, typer.Option("--class", help="A class in the result; several.")] = None,
    seen: Annotated[list[str] | None, typer.Option(help="A class seen before; several.")] = None,
    argument: Annotated[str, typer.Option(help="For token.restore: the argument of the tool.")] = "",
    inference: Annotated[str, typer.Option(help="Mode of the SQL guard the statement needs.")] = "strict",
    config: ConfigOption = None,
    folder: FolderOption = None,
    json: JsonOption = False,
) -> None:
    """Say which rules allow a call or not, what it owes, and what rules that nearly apply lack."""
    from ....policies.explain import Explainer
    from ....policies.loader import PolicyError

    settings = _settings(config)
    if (call is None) == (action is None):
        raise UserError("name a recorded call, or --action and --resource; see: gloveport policy explain --help")
    if call is not None:
        request, recorded = _recorded(settings, call)
    else:
        given: dict[str, object] = {
            "action": action,
            "classes": class_ or [],
            "session": {"classes_seen": seen or []},
            "sql": {"inference": inference},
            "argument": argument,
            **_who(settings, human, agent, model, purpose, role, team),
        }
        request, recorded = _described(settings, resource or [], given), None
    try:
        bundle = _bundle(settings, folder)
    except PolicyError as error:
        raise UserError(*map(str, error.findings)) from None
    explanation = Explainer(bundle).explain(request)
    if json:
        print_json({"policy": bundle.digest, "recorded": recorded, "explanation": explanation.as_json()})
        return
    out = console()
    if recorded is not None:
        same = "this very policy" if recorded["policy"] == bundle.digest else "another policy"
        out.print(f"Recorded: {recorded['effect']}, decided by {same}. By the present one:", markup=False)
    _print(out, explanation)


def _settings(config: Path | None) -> Config:
    return configuration(config)[1]


def _bundle(settings: Config, folder: Path | None) -> Bundle:
    """The bundle a server of this configuration would start with. Raises `PolicyError`, `UserError`."""
    from ....policies.store import PolicyStore
    from ....tools.load import ToolLoadError, load_tools
    from ...decision import site_vocabulary

    try:
        own = load_tools(settings.tools)
    except ToolLoadError as error:
        raise UserError(str(error)) from None
    site = site_vocabulary(settings, [tool.spec.name for tool in own])
    return PolicyStore.load(folder or settings.policies, site=site).bundle


def _as_finding(file: str, line: int, message: str) -> Finding:
    from ....policies.statements import Finding

    return Finding(file, line, message)


def _finding(finding: Finding) -> dict[str, object]:
    level = "warning" if finding.warning else "error"
    return {"file": finding.file, "line": finding.line, "level": level, "message": finding.message}


def _who(
    settings: Config,
    human: str | None,
    agent: str | None,
    model: str | None,
    purpose: str | None,
    roles: list[str] | None,
    teams: list[str] | None,
) -> dict[str, object]:
    from ...identity import os_user

    known = settings.identity
    return {
        "human": human or known.human or os_user(),
        "basis": "config" if human or known.human else "os-user",
        "agent": agent or known.agent or "",
        "model": model or known.model or "",
        "purpose": purpose or known.purpose or "",
        "roles": sorted(known.roles) if roles is None else roles,
        "teams": sorted(known.teams) if teams is None else teams,
    }


def _described(settings: Config, resources: list[str], given: dict[str, object]) -> DecisionRequest:
    """The question the options describe; what is open and writable is as configured."""
    import datetime as dt

    from pydantic import ValidationError

    from ....policies.cases import Given

    first = next(iter(resources), "")
    container = re.split(r"[./]", first, maxsplit=1)[0]
    database, root = settings.databases.get(container), settings.files.get(container)
    if str(given["action"]).startswith(("db.", "file.")) and database is None and root is None:
        raise UserError(
            f"--resource {first or '(none)'}: begins with no database and no file root of this configuration"
        )
    table = first.partition(".")[2]
    shut = (
        database is not None
        and table
        and (table in database.deny or (database.tables is not None and table not in database.tables))
    )
    if given["action"] == "token.restore" and root is not None:
        resources = [f"{container}/"]
    given = {
        **given,
        "resource": resources,
        "now": dt.datetime.now(dt.UTC),
        "open": not shut,
        "writable": bool((database and database.write) or (root and root.write)),
        **_tool(settings, first, str(given["action"])),
    }
    try:
        return Given.model_validate(given).request()
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        raise UserError(
            f"--{'.'.join(map(str, detail['loc']))}: {detail['msg'].removeprefix('Value error, ')}"
        ) from None


def _tool(settings: Config, name: str, action: str) -> dict[str, object]:
    """What the author of a custom tool says that it touches."""
    from ....tools.guarded import GuardedTool
    from ....tools.load import ToolLoadError, load_tools

    if action != "tool.call":
        return {}
    try:
        tool = next((tool for tool in load_tools(settings.tools) if tool.spec.name == name), None)
    except ToolLoadError as error:
        raise UserError(str(error)) from None
    if not isinstance(tool, GuardedTool):
        raise UserError(f"--resource {name or '(none)'}: no custom tool of this configuration has that name")
    hints = cast("AnyGuardedTool", tool).hints
    touched = {"reads": list(hints.reads), "writes": list(hints.writes), "sends": list(hints.sends)}
    return {"effects": sorted(map(str, hints.effects)), "tool": touched}


def _recorded(settings: Config, call: str) -> tuple[DecisionRequest, dict[str, str]]:
    """The question a recorded call was decided by, and the answer it got then. Raises `UserError`."""
    from ....policies.request import DecisionRequest
    from ....recordings.blobs import BlobError
    from ....recordings.events import Kind
    from ....recordings.reader import TranscriptError, read_sessions

    wanted = call.upper()
    try:
        for session in reversed(list(read_sessions(settings.recordings))):
            for event in session.events():
                if event.kind == Kind.POLICY_DECIDED and event.cid is not None and event.cid.upper().startswith(wanted):
                    body = session.blobs.whole(event.body)
                    assert isinstance(body, dict)
                    recorded = {"call": event.cid, "effect": str(body["effect"]), "policy": str(body["policy_digest"])}
                    return DecisionRequest.from_json(body["facts"]), recorded
    except (TranscriptError, BlobError, ValueError) as error:
        raise UserError(str(error)) from None
    raise UserError(f"call {call}: no decision on it is recorded in {settings.recordings}; see: gloveport sessions")


def _print(out: Console, explanation: Explanation) -> None:
    decision = explanation.decision
    colour = {"allow": "green", "deny": "red", "pending": "yellow"}[decision.effect]
    out.print(f"[bold {colour}]{decision.effect}[/]", end="  ")
    out.print(f"{decision.code}  {decision.hint}".rstrip(), markup=False)
    for access in explanation.accesses:
        out.print(f"\n{access.action} on {access.name}", style="bold", markup=False)
        for reason in access.matching:
            out.print(f"  {_kind(reason):<12}{reason.rule}  ({reason.place})", markup=False, soft_wrap=True)
            out.print(f"{'':14}{_duty(reason) or reason.why}", style="dim", markup=False, soft_wrap=True)
        if not access.matching:
            out.print("  no rule matches")
        for reason in access.near[:NEAR]:
            out.print(f"  {'not ' + reason.kind:<12}{reason.rule}  ({reason.place})", markup=False, soft_wrap=True)
            out.print(f"{'':14}lacks {'; '.join(reason.missing)}", style="dim", markup=False, soft_wrap=True)
        if len(access.near) > NEAR:
            out.print(f"  and {len(access.near) - NEAR} more rules that do not apply; see --json", style="dim")


def _kind(reason: Reason) -> str:
    return {"permit": "permits", "forbid": "forbids", "duty": "owes", "shadow": "would match"}[reason.kind]


def _duty(reason: Reason) -> str:
    return " ".join(f"{key}={value}" for key, value in (reason.duty or {}).items())
